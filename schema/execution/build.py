"""Builders: for each level a generated function that makes the answer's objects out of its rows, all at once."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from graphql import GraphQLNonNull

from schema.execution.declaration import Column, Computed, Context, Prefixed
from schema.execution.leaves import Names, leaf_expression, unfit

if TYPE_CHECKING:
    from schema.execution.plan import Entry, Level

Builder = Callable[[Sequence[Any], Context, Sequence[Sequence[Any]]], list[dict[str, Any]]]
"""Takes the level's rows, the context, and for each linked entry its values, one for each row."""


def compile_level(level: "Level") -> Builder:
    """The builder of a level.

    What it generates, for two columns and one linked entry, reads

        def build(rows, context, linked):
            return [{"id": f"acc_{r[0]}", "name": ..., "children": v0} for r, v0 in zip(rows, *linked)]

    It raises whatever goes wrong; then the level is built by the slower way, which knows what to do about it.
    """
    names: Names = {}
    linked = {entry: f"v{at}" for at, entry in enumerate(level.linked)}
    items = [f"{entry.key!r}: {_value(level, entry, at, linked, names)}" for at, entry in enumerate(level.entries)]
    loop = f"for r, {', '.join(linked.values())} in zip(rows, *linked)" if linked else "for r in rows"
    bound = "".join(f"    f{at} = bound{at}(context)\n" for at in range(len(items)) if f"bound{at}" in names)
    exec(f"def build(rows, context, linked):\n{bound}    return [{{{', '.join(items)}}} {loop}]", names)  # noqa: S102  # made of response keys as literals, numbers and our own names
    return names["build"]  # type: ignore[no-any-return]  # just defined


def _value(level: "Level", entry: "Entry", at: int, linked: dict["Entry", str], names: Names) -> str:
    if entry in linked:
        return linked[entry]
    if entry.name == "__typename":
        return repr(level.type.name)
    declaration = entry.declaration
    if isinstance(declaration, Computed):
        names[f"bound{at}"] = declaration.bound
        return leaf_expression(entry.definition.type, f"f{at}(r)", f"x{at}", names)
    if isinstance(declaration, Prefixed):
        place = _place(level, declaration.name)
        names["unfit"] = unfit
        otherwise = "unfit()" if isinstance(entry.definition.type, GraphQLNonNull) else "None"
        return f"({declaration.prefix!r} + str({place}) if {place} is not None else {otherwise})"
    assert isinstance(declaration, Column)  # noqa: S101  # all others are linked
    return leaf_expression(entry.definition.type, _place(level, declaration.name), f"x{at}", names)


def _place(level: "Level", name: str) -> str:
    return f"r[{level.layout[name]}]" if level.holds_rows else f"r.{name}"
