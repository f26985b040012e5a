"""Folding: how names are compared, sorted and searched alike on every engine.

The database compares bytes only. What a person calls the same ("Ærø", "aero") is worked out here and stored in a
`*_key` column and in the term tables, so that both engines give the same order and the same hits.
"""

import re
import unicodedata

# Letters that Unicode doesn't take apart into a plain one and a mark.
_SPECIAL = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "\u0131": "i", "ħ": "h"}
)
_WORD = re.compile(r"[^\W_]+")

MAX_TERMS = 24
"""Words of one text that are indexed; names are shorter, and a hostile one can't flood the index."""


def fold(text: str) -> str:
    """The text without case and accents, white space collapsed: the sort key of a name."""
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()
    # Last, because taking apart may leave one of these: "ǿ" is an "ø" with an accent.
    return " ".join(plain.translate(_SPECIAL).split())


def terms(*texts: str) -> list[str]:
    """The distinct folded words of the texts, in order of first appearance, at most `MAX_TERMS`."""
    found: dict[str, None] = {}
    for text in texts:
        for word in _WORD.findall(fold(text)):
            found.setdefault(word[:64])
    return list(found)[:MAX_TERMS]
