"""Scanning: how many tokens a text has and how deep its brackets go, found out before anything is parsed."""

import re
from dataclasses import dataclass
from itertools import islice

_IGNORED = r"(?:[ \t\n\r,\ufeff]|\#[^\n\r]*+)*+"
_TOKEN = re.compile(
    rf'''(?:
        ([(\[{{]) | ([)\]}}])
        | [_A-Za-z][_0-9A-Za-z]*+
        | \.\.\.
        | """(?:[^"\\]|\\"""|\\|"(?!""))*+(?:"""|\Z)
        | "(?:[^"\\\n\r]|\\[^\n\r])*+"?
        | -?[0-9]++(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?
        | .
    ){_IGNORED}''',
    re.VERBOSE | re.DOTALL,
)
"""A token and what is ignored after it. Never goes back on what it has read: time grows as the text does, for any
text. What is no token is one too, a character long: it is for the parser to refuse."""
_START = re.compile(_IGNORED)
_OPENS = 1


@dataclass(frozen=True, slots=True)
class Scan:
    """What a text is made of.

    Args:
        tokens: how many, comments not counted; one more than the bound where there are more.
        deepest: how many brackets of any kind are open at once.
    """

    tokens: int
    deepest: int


def scan(text: str, most: int) -> Scan:
    """Look over a text, until there are more than so many tokens."""
    start = _START.match(text)
    tokens = depth = deepest = 0
    for token in islice(_TOKEN.finditer(text, start.end() if start else 0), most + 1):
        tokens += 1
        kind = token.lastindex
        if kind is None:
            continue
        if kind == _OPENS:
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return Scan(tokens, deepest)
