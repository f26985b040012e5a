"""Leaves: how the value of a scalar or enumeration gets into the answer.

Each type of leaf has an expression that generated code uses while all goes well. Where a value doesn't fit it calls
`unfit`, and the level is built again value by value, by `write`, which says what is wrong as graphql-core would.
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
    Undefined,
)
from graphql.pyutils import inspect, is_iterable

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


def _quick(of_type: Any) -> Callable[[Any], Any]:
    """Completes a leaf that has no expression of its own, or a list of leaves; raises if anything is wrong."""
    if isinstance(of_type, GraphQLNonNull):
        inner = _quick(of_type.of_type)
        return lambda value: inner(value) if value is not None else unfit()
    if isinstance(of_type, GraphQLList):
        item = _quick(of_type.of_type)
        return lambda value: None if value is None else [item(each) for each in _items(value)]
    return lambda value: None if value is None else write(of_type, value)


def _items(value: Any) -> Any:
    return value if is_iterable(value) else unfit()


def write(leaf: GraphQLLeafType, value: Any) -> Any:
    """A value that is not None, as its type writes it.

    Raises:
        Exception: whatever the type makes of a value that it can't take.
    """
    written = leaf.coerce_output_value(value)
    if written is None or written is Undefined:
        raise TypeError(
            f"Expected `{leaf}.coerce_output_value({inspect(value)})` to return non-nullable value,"
            f" returned: {inspect(written)}"
        )
    return written
