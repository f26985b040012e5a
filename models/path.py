"""Arithmetic on paths: where an account stands in the tree, written so that a subtree is one range.

A path is a row of segments, one for each level from the provider down, the account itself included. A segment is
the account's id in base 36, six characters wide, so paths sort like the tree walked depth first, on every engine
that compares bytes. `parent_id` is the truth and the path is derived from it.
"""

import re

WIDTH = 6
"""Characters in a segment: 36**6 = 2.17 billion accounts."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_PATH = re.compile(r"\A(?:[0-9a-z]{6})+\Z")

AFTER_SUBTREE = "~"
"""Appended to a path it gives the first text after the subtree: '~' sorts behind every digit and letter."""

AFTER_SELF = "!"
"""Appended to a path it gives the first text after the path alone: '!' sorts before every digit and letter."""


class PathError(ValueError):
    """The text is no path."""


def check(path: str) -> str:
    """The path itself, once it is known to be well formed; safe to write into a statement after that.

    Raises:
        PathError: not one or more segments of six base-36 characters.
    """
    if not _PATH.match(path):
        raise PathError(f"not a path: {path!r}")
    return path


def segment(account_id: int) -> str:
    """An account id as six base-36 characters.

    Raises:
        PathError: the id is negative or has no six-character form.
    """
    if not 0 <= account_id < 36**WIDTH:
        raise PathError(f"account id out of range: {account_id}")
    characters = []
    for _ in range(WIDTH):
        account_id, digit = divmod(account_id, 36)
        characters.append(_DIGITS[digit])
    return "".join(reversed(characters))


def child(parent: str, account_id: int) -> str:
    """The path of an account below `parent`; an empty parent gives the provider's own path."""
    return parent + segment(account_id)


def account_id(path: str) -> int:
    """The id of the account that the path leads to."""
    return int(path[-WIDTH:], 36)


def parent_id(path: str) -> int | None:
    """The id of the account above (the vendor); None for the provider."""
    return int(path[-2 * WIDTH : -WIDTH], 36) if len(path) > WIDTH else None


def depth(path: str) -> int:
    """Levels below the provider: 0 for the provider itself."""
    return len(path) // WIDTH - 1


def ancestor_ids(path: str) -> list[int]:
    """The ids from the provider down to the account above, the account itself left out."""
    return [int(path[at : at + WIDTH], 36) for at in range(0, len(path) - WIDTH, WIDTH)]


def shard_id(path: str) -> int:
    """The level-1 ancestor or self; the provider's own rows belong to the provider."""
    return int(path[WIDTH : 2 * WIDTH] or path[:WIDTH], 36)


def contains(above: str, below: str) -> bool:
    """Whether `below` lies in the subtree of `above`, which belongs to its own subtree."""
    return below.startswith(above)


def subtree(path: str) -> tuple[str, str]:
    """The half-open range of paths in the subtree: low <= path < high."""
    return path, path + AFTER_SUBTREE
