"""Leaves: how the value of a scalar or enumeration gets into the answer.

Each type of leaf has an expression that generated code uses while all goes well. Where a value doesn't fit it calls
`unfit`, and the level is built again by `complete`, which says what is wrong, and where, as graphql-core would.
"""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLOutputType,
    GraphQLString,
    is_leaf_type,
)

Names = dict[str, Any]
"""What generated code refers to, by name."""


class UnfitError(Exception):
    """A value that its type can't take, or a null where there can't be one: the level needs a closer look."""


def unfit() -> Any:
    """Give up on the quick way.

    Raises:
        UnfitError: always.
    """
    raise UnfitError


def leaf_expression(of_type: GraphQLOutputType, value: str, name: str, names: Names) -> str:
    """An expression for the leaf that `value`, itself an expression, becomes.

    Args:
        of_type: of the field: a leaf, or lists of leaves, with or without nulls.
        value: evaluated once.
        name: a variable of the generated code that nobody else uses.
        names: gets what the expression refers to.
    """
    names["unfit"] = unfit
    nullable = not isinstance(of_type, GraphQLNonNull)
    leaf = of_type.of_type if isinstance(of_type, GraphQLNonNull) else of_type
    held = f"({name} := {value})"
    if leaf is GraphQLString or leaf is GraphQLID:
        fits = f"{held}.__class__ is str" + (f" or {name} is None" if nullable else "")
        return f"({name} if {fits} else unfit())"
    if leaf is GraphQLInt:
        fits = f"{held}.__class__ is int and -2147483648 <= {name} <= 2147483647" + (
            f" or {name} is None" if nullable else ""
        )
        return f"({name} if {fits} else unfit())"
    if leaf is GraphQLBoolean:
        names[f"map_{name}"] = {True: True, False: False} | ({None: None} if nullable else {})
        return f"map_{name}[{value}]"
    if isinstance(leaf, GraphQLEnumType):
        names[f"map_{name}"] = _enum_names(leaf) | ({None: None} if nullable else {})
        return f"map_{name}[{value}]"
    names[f"complete_{name}"] = _quick(of_type)
    return f"complete_{name}({value})"


def _enum_names(leaf: GraphQLEnumType) -> dict[Any, str]:
    return {getattr(each.value, "value", each.value): name for name, each in leaf.values.items()}


def _quick(of_type: GraphQLOutputType) -> Callable[[Any], Any]:
    """Completes a leaf that has no expression of its own; raises whatever its type raises."""
    if isinstance(of_type, GraphQLNonNull):
        inner = _quick(of_type.of_type)
        return lambda value: inner(value) if value is not None else unfit()
    if isinstance(of_type, GraphQLList):
        item = _quick(of_type.of_type)
        return lambda value: None if value is None else [item(each) for each in value]
    write = _writer(of_type)
    return lambda value: None if value is None else write(value)


def _writer(leaf: Any) -> Callable[[Any], Any]:
    assert is_leaf_type(leaf)  # noqa: S101  # what is no leaf has a level of its own
    checked: GraphQLLeafType = leaf

    def write(value: Any) -> Any:
        written = checked.coerce_output_value(value)
        return written if written is not None else unfit()

    return write


def complete(of_type: GraphQLOutputType, value: Any) -> Any:
    """A leaf, or a list of leaves, as graphql-core completes it.

    Raises:
        Exception: as graphql-core: whatever the type makes of a value that it can't take.
    """
    if isinstance(of_type, GraphQLNonNull):
        return complete(of_type.of_type, value)
    if value is None:
        return None
    if isinstance(of_type, GraphQLList):
        return [complete(of_type.of_type, each) for each in value]
    return _writer(of_type)(value)
