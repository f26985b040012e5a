"""Global ids: opaque to callers, typed for us."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry

from resolvers.caller import Caller
from resolvers.errors import InvalidError
from resolvers.privileges import Privilege
from resolvers.source import Source
from schema.field import prefixed

_ID = re.compile(r"\A([a-z]{3})_([1-9][0-9]{0,18})\Z")
_LARGEST = 2**63 - 1


@strawberry.interface(description="An object that can be fetched again by its id.")
class Node:
    """Anything with a global id."""

    id: strawberry.ID = strawberry.field(description="The global id. Opaque: don't take it apart.")


@dataclass(frozen=True, slots=True)
class Noun:
    """A type whose objects have global ids.

    Args:
        prefix: three letters that ids begin with.
        type_name: the GraphQL type.
        source: fetches rows by id.
        privilege: what it takes to fetch one.
        own: the row id of the one that the caller may fetch without the privilege: itself. None where no caller is one.
    """

    prefix: str
    type_name: str
    source: Source
    privilege: Privilege
    own: Callable[[Caller], int | None] | None = None

    def require(self, caller: Caller, row_id: int) -> None:
        """Refuse a caller who may not fetch such objects, whether or not this one is there.

        Raises:
            ForbiddenError: the caller lacks the privilege, and the object is not the caller itself.
        """
        if self.own is None or row_id != self.own(caller):
            caller.require(self.privilege)


NOUNS: dict[str, Noun] = {}
"""By prefix; filled by the modules of the types."""


def register(
    prefix: str,
    type_name: str,
    source: Source,
    privilege: Privilege,
    own: Callable[[Caller], int | None] | None = None,
) -> None:
    """Make a type's objects reachable by `node`; the arguments are those of `Noun`."""
    NOUNS[prefix] = Noun(prefix, type_name, source, privilege, own)


def global_id(prefix: str, description: str = "The global id.", column: str = "id") -> Any:
    """The `id` field of a type."""
    return prefixed(f"{prefix}_", column, strawberry.ID, description)


def split(text: str) -> tuple[str, int] | None:
    """Prefix and row id; None when the text is no id of ours."""
    match = _ID.match(text)
    if match is None or int(match[2]) > _LARGEST:
        return None
    return match[1], int(match[2])


def row_ids(prefix: str) -> Callable[[Sequence[strawberry.ID]], tuple[int, ...]]:
    """A reader of id arguments that must be of one type.

    The reader raises `InvalidError` for text that can't be an id of that type; an id of a hidden or missing object is
    as good as any.
    """

    def read(ids: Sequence[strawberry.ID]) -> tuple[int, ...]:
        found = []
        for text in ids:
            parts = split(text)
            if parts is None or parts[0] != prefix:
                raise InvalidError(f"{text[:40]!r} is no {NOUNS[prefix].type_name} id; those look like '{prefix}_123'.")
            found.append(parts[1])
        return tuple(found)

    return read
