"""Inputs of every kind for the toy schema: fields that answer with what they are given."""

# ruff: noqa: N805  # as in schema/: what was loaded and the row come first

from enum import Enum
from typing import Any, NewType

import strawberry
from graphql import GraphQLError

from schema.field import loaded
from tests.toy_sources import WORTH

Picky = NewType("Picky", str)


def _read_picky(value: Any) -> Any:
    """Reads one text as another, and refuses all others."""
    if value != "serialized":
        raise GraphQLError("That is not what is wanted.", extensions={"code": "PICKY"})
    return "deserialized"


PICKY = strawberry.scalar(name="Picky", serialize=str, parse_value=_read_picky)


@strawberry.enum(description="Values that are no texts.")
class Size(Enum):
    NONE = None
    NO = False
    CUSTOM = "custom value"


@strawberry.input
class Parts:
    """An input object, one of whose fields must be there."""

    c: str
    a: str | None = strawberry.UNSET
    b: list[str | None] | None = strawberry.UNSET
    d: Picky | None = strawberry.UNSET


@strawberry.input
class Nest:
    """An input object of input objects."""

    na: Parts
    nb: str


def _told(given: Any) -> str | None:
    return None if given is strawberry.UNSET else repr(given)


def _echo(description: str) -> Any:
    return loaded(WORTH, description, request=lambda **_: None)


@strawberry.type
class Echo:
    """Answers with its arguments, as Python writes them; null for none."""

    @_echo("Nullable.")
    def text(_found: Any, _row: Any, *, given: str | None = strawberry.UNSET) -> str | None:
        return _told(given)

    @_echo("Not null.")
    def text_must(_found: Any, _row: Any, *, given: str) -> str | None:
        return _told(given)

    @_echo("With a default.")
    def text_or(_found: Any, _row: Any, *, given: str | None = "Hello World") -> str | None:
        return _told(given)

    @_echo("Not null, with a default.")
    def text_must_or(_found: Any, _row: Any, *, given: str = "Hello World") -> str | None:
        return _told(given)

    @_echo("An enumeration.")
    def size(_found: Any, _row: Any, *, given: Size | None = strawberry.UNSET) -> str | None:
        return _told(given)

    @_echo("An enumeration, not null.")
    def size_must(_found: Any, _row: Any, *, given: Size) -> str | None:
        return _told(given)

    @_echo("An object.")
    def parts(_found: Any, _row: Any, *, given: Parts | None = strawberry.UNSET) -> str | None:
        return _told(given)

    @_echo("An object in an object.")
    def nest(_found: Any, _row: Any, *, given: Nest | None = strawberry.UNSET) -> str | None:
        return _told(given)

    @_echo("A list.")
    def texts(_found: Any, _row: Any, *, given: list[str | None] | None = strawberry.UNSET) -> str | None:
        return _told(given)

    @_echo("A list that must be there.")
    def texts_must(_found: Any, _row: Any, *, given: list[str | None]) -> str | None:
        return _told(given)

    @_echo("A list without nulls.")
    def texts_of(_found: Any, _row: Any, *, given: list[str] | None = strawberry.UNSET) -> str | None:
        return _told(given)

    @_echo("A list without nulls that must be there.")
    def texts_must_of(_found: Any, _row: Any, *, given: list[str]) -> str | None:
        return _told(given)

    @_echo("Several arguments.")
    def several(
        _found: Any,
        _row: Any,
        *,
        a: bool | None = strawberry.UNSET,
        b: bool | None = strawberry.UNSET,
        c: int | None = strawberry.UNSET,
    ) -> str | None:
        return repr([_told(a), _told(b), _told(c)])
