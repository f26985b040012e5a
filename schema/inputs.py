"""Inputs in GraphQL: made from the input classes of operations, and read back into what those take."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import strawberry
from strawberry import UNSET

from resolvers.inputs import Input, IsDecimal, Refers
from schema.node import NOUNS, split
from schema.scalars import Date, DateTime, Decimal

Read = Callable[[Any], Any]
"""Makes of a value, as Strawberry gives it, what the input class takes."""

_AS_SCALARS: dict[Any, Any] = {date: Date, datetime: DateTime}


@dataclass(frozen=True, slots=True)
class Spelled:
    """A type of Python's as GraphQL has it.

    Args:
        graphql_type: as Strawberry takes it.
        read: see `Read`.
    """

    graphql_type: Any
    read: Read


def input_type(name: str, model: type[Input], more: Mapping[str, tuple[Any, str]] | None = None) -> type:
    """The GraphQL input of an input class.

    Args:
        name: of the GraphQL type.
        model: its fields, their descriptions and defaults.
        more: fields besides: their types and descriptions.
    """
    annotations: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for field_name, field in model.model_fields.items():
        of_type = _spelled(_hints(model)[field_name]).graphql_type
        default = field.get_default(call_default_factory=True)
        may_be_left_out = not field.is_required() and default is None
        annotations[field_name] = of_type | None if may_be_left_out else of_type
        given = {} if field.is_required() else {"default": UNSET if default is None else default}
        fields[field_name] = strawberry.field(description=field.description, **given)
    for field_name, (of_type, description) in (more or {}).items():
        annotations[field_name] = of_type
        fields[field_name] = strawberry.field(description=description)
    made = type(name, (), {"__annotations__": annotations, "__doc__": model.__doc__, **fields})
    return strawberry.input(made, name=name, description=cleandoc(model.__doc__ or ""))


def values_of(model: type[Input], given: Any) -> dict[str, Any]:
    """What an input of the class's GraphQL type holds, as the class takes it; what was left out isn't there."""
    values = {name: getattr(given, name) for name in model.model_fields}
    return {name: _spelled(_hints(model)[name]).read(value) for name, value in values.items() if value is not UNSET}


@cache
def _hints(model: type[Input]) -> dict[str, Any]:
    return get_type_hints(model, include_extras=True)


@cache
def _input_of(model: type[Input]) -> type:
    """The GraphQL input of a class that stands within another."""
    return input_type(model.__name__, model)


@cache
def _spelled(annotation: Any) -> Spelled:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        refers = next((each for each in arguments if isinstance(each, Refers)), None)
        if any(isinstance(each, IsDecimal) for each in arguments):
            return Spelled(Decimal, lambda value: value)
        return Spelled(strawberry.ID, _row_id(refers.table)) if refers else _spelled(arguments[0])
    if origin in (Union, UnionType):
        (of,) = [each for each in arguments if each is not NoneType]
        inner = _spelled(of)
        return Spelled(inner.graphql_type | None, lambda value: None if value is None else inner.read(value))
    if origin is list:
        item = _spelled(arguments[0])
        return Spelled(
            list[item.graphql_type],  # type: ignore[name-defined]  # made from data
            lambda value: None if value is None else [item.read(each) for each in value],
        )
    if isinstance(annotation, type) and issubclass(annotation, Input):
        return Spelled(_input_of(annotation), lambda value: None if value is None else values_of(annotation, value))
    return Spelled(_AS_SCALARS.get(annotation, annotation), lambda value: value)


def _row_id(table: str) -> Read:
    """Reads global ids of a table's rows; what is none of them is 0, which is the id of nothing."""

    def read(text: str | None) -> int | None:
        if text is None:
            return None
        prefix, row_id = split(text) or ("", 0)
        return row_id if prefix in NOUNS and NOUNS[prefix].source.noun == table else 0

    return read
