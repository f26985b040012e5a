"""Links: what leads from the objects of a level to those of the level below it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, GraphQLList, GraphQLNonNull, get_nullable_type, is_list_type
from graphql.pyutils import is_iterable

from schema.execution.plan import Entry


@dataclass(slots=True)
class Span:
    """A list of a level's objects: from one, up to another."""

    start: int
    end: int


def link_objects(values: Sequence[Any], below: list[Any]) -> list[Any]:
    """Put objects among those of the level below, each once; gives what leads to each."""
    links: dict[int, Any] = {}
    for at, value in {id(value): value for value in values}.items():
        if value is None or isinstance(value, Exception):
            links[at] = value
        else:
            links[at] = len(below)
            below.append(value)
    return [links[id(value)] for value in values]


def link_lists(entry: Entry, values: Sequence[Any], below: list[Any]) -> list[Any]:
    """The same for lists of objects."""
    places: dict[int, Any] = {}
    for value in values:
        if id(value) not in places:
            places[id(value)] = _place(entry, entry.definition.type, value, below)
    return [places[id(value)] for value in values]


def _place(entry: Entry, of_type: Any, value: Any, below: list[Any]) -> Any:
    """Put an object, or a list of objects, among those of the level below; gives what leads there."""
    if isinstance(of_type, GraphQLNonNull):
        of_type = of_type.of_type
    if value is None or isinstance(value, Exception):
        return value
    if not isinstance(of_type, GraphQLList):
        below.append(value)
        return len(below) - 1
    if not is_iterable(value):
        return no_list(entry)
    start, items, inner = len(below), list(value), of_type.of_type
    if not is_list_type(get_nullable_type(inner)) and not any(map(_is_none, set(map(type, items)))):
        below += items
        return Span(start, len(below))
    return [_place(entry, inner, each, below) for each in items]


def size(link: Any) -> int:
    """How many objects a link leads to."""
    if link.__class__ is int:
        return 1
    if link.__class__ is Span:
        return link.end - link.start
    return sum(map(size, link)) if isinstance(link, list) else 0


def _is_none(of: type) -> bool:
    """Whether what is of a Python type stands for no object."""
    return of is type(None) or issubclass(of, Exception)


def no_list(entry: Entry) -> GraphQLError:
    """What is wrong where a list should be."""
    return GraphQLError(f"Expected Iterable, but did not find one for field '{entry.owner.name}.{entry.name}'.")
