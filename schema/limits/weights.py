"""Weights: what the schema declares of costs, read off its directives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_list_type,
)

from schema.limits.declaring import Cost, ListSize

Path = tuple[str, ...]
"""An argument, or a field within it: `("input", "items")`."""

_INTROSPECTION = {"__schema": 100, "__type": 5, "__typename": 0}
ASSUMED = 20
"""How long a list is counted where nothing is declared."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many objects a list, or those within a connection, are counted as.

    Args:
        assumed: where no argument says.
        slicing: the arguments that say.
        sized: the fields within that are the lists; none where the field is the list itself.
    """

    assumed: int = ASSUMED
    slicing: tuple[Path, ...] = ()
    sized: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Declared:
    """What is declared of a field.

    Args:
        weight: what it costs, besides the objects that it leads to.
        given: what of its arguments costs something, for each item.
        size: how many objects it leads to, where it says so, or where it is a list.
    """

    weight: int = 0
    given: tuple[tuple[Path, int], ...] = ()
    size: Size | None = None


class Weights:
    """What things cost.

    Args:
        schema: made by Strawberry, whose directives say so; what has none costs 1 if it is an object, else nothing.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema

    @cached_property
    def types(self) -> Mapping[str, int]:
        """One object of each type."""
        objects = (named for named in self._schema.type_map.values() if isinstance(named, GraphQLObjectType))
        return {named.name: _weight(named, 0 if named in self._roots else 1) for named in objects}

    @cached_property
    def fields(self) -> Mapping[tuple[str, str], Declared]:
        """Each field, by its type's name and its own; those that every root has included."""
        found = {(root.name, name): Declared(weight) for root in self._roots for name, weight in _INTROSPECTION.items()}
        for named in self._schema.type_map.values():
            if isinstance(named, GraphQLObjectType):
                for name, field in named.fields.items():
                    found[named.name, name] = Declared(_weight(field, 0), self._given(field), _size(field))
        return found

    @property
    def _roots(self) -> list[GraphQLObjectType]:
        roots = (self._schema.query_type, self._schema.mutation_type, self._schema.subscription_type)
        return [root for root in roots if root is not None]

    def _given(self, definition: GraphQLField) -> tuple[tuple[Path, int], ...]:
        return tuple(
            ((name, *path), weight)
            for name, argument in definition.args.items()
            for path, weight in self._inputs.get(get_named_type(argument.type).name, ())
        )

    @cached_property
    def _inputs(self) -> Mapping[str, Sequence[tuple[Path, int]]]:
        """Of each input type the fields within that cost something, and what."""
        found: dict[str, list[tuple[Path, int]]] = {}
        for named in self._schema.type_map.values():
            if isinstance(named, GraphQLInputObjectType):
                found[named.name] = [((name,), _weight(field, 0)) for name, field in named.fields.items()]
        return {name: [each for each in fields if each[1]] for name, fields in found.items()}


def _size(definition: GraphQLField) -> Size | None:
    for each in _directives(definition):
        if isinstance(each, ListSize):
            assumed = each.assumed_size if isinstance(each.assumed_size, int) else 0
            slicing = tuple(tuple(path.split(".")) for path in each.slicing_arguments or ())
            return Size(assumed, slicing, frozenset(each.sized_fields or ()))
    return Size() if is_list_type(get_nullable_type(definition.type)) else None


def _weight(of: Any, otherwise: int) -> int:
    return next((int(each.weight) for each in _directives(of) if isinstance(each, Cost)), otherwise)


def _directives(of: Any) -> Sequence[object]:
    definition = of.extensions.get("strawberry-definition")
    return (definition.directives or ()) if definition is not None else ()
