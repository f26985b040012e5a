"""Shapes: how deep, wide and large each operation of a document is with its fragments opened, in linear time.

Each definition is looked at once, with a stack of its own and without entering spreads. Fragments are then put together
once each, from the innermost: counts add up and saturate, a cycle is cut. So no document takes longer than its length.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    OperationDefinitionNode,
)

MOST = 10**9
"""Where counts stop."""

_INTROSPECTION = {"__schema", "__type"}
_DEFERRING = {"defer", "stream"}


@dataclass(slots=True)
class Shape:
    """What an operation, or a fragment, comes to with its fragments opened.

    Args:
        depth: fields below each other, its leaves included; introspection is not counted.
        aliases: fields under another name.
        root_fields: fields at the top.
        directives: wherever they stand.
        selections: fields and fragments, each as often as it is opened.
        has_introspection: whether it asks about the schema.
        has_parts: whether parts of it may be told later: `@defer` or `@stream` stands somewhere.
    """

    depth: int = 0
    aliases: int = 0
    root_fields: int = 0
    directives: int = 0
    selections: int = 0
    has_introspection: bool = False
    has_parts: bool = False


@dataclass(slots=True)
class _Spread:
    """A spread: of which fragment, below how many fields, and whether within introspection."""

    name: str
    depth: int
    is_exempt: bool


@dataclass(slots=True)
class _Definition:
    """A definition as it stands, its spreads not opened."""

    own: Shape = field(default_factory=Shape)
    spreads: list[_Spread] = field(default_factory=list)


def shapes(document: DocumentNode) -> list[tuple[OperationDefinitionNode, Shape]]:
    """Each operation with its shape."""
    fragments = {
        each.name.value: _definition(each) for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    }
    known = _combined(fragments)
    return [
        (each, _total(_definition(each), known))
        for each in document.definitions
        if isinstance(each, OperationDefinitionNode)
    ]


def _definition(node: Any) -> _Definition:
    """Look at one definition. The stack holds a selection, the fields above it, and whether it is introspection."""
    found = _Definition()
    own = found.own
    _note_directives(own, node.directives)
    for variable in getattr(node, "variable_definitions", None) or ():
        _note_directives(own, variable.directives)
    waiting: list[tuple[Any, int, bool]] = [(each, 0, False) for each in node.selection_set.selections]
    while waiting:
        each, depth, is_exempt = waiting.pop()
        own.selections += 1
        if each.directives:
            _note_directives(own, each.directives)
        if isinstance(each, FragmentSpreadNode):
            found.spreads.append(_Spread(each.name.value, depth, is_exempt))
            continue
        if isinstance(each, FieldNode):
            own.aliases += each.alias is not None
            own.root_fields += depth == 0 and not is_exempt
            if each.name.value in _INTROSPECTION:
                own.has_introspection = is_exempt = True
            depth += not is_exempt
            own.depth = max(own.depth, depth)
        if each.selection_set is not None:
            waiting += [(below, depth, is_exempt) for below in each.selection_set.selections]
    return found


def _note_directives(own: Shape, directives: Sequence[Any] | None) -> None:
    own.directives += len(directives or ())
    own.has_parts = own.has_parts or any(each.name.value in _DEFERRING for each in directives or ())


def _combined(fragments: Mapping[str, _Definition]) -> dict[str, Shape]:
    """The shape of each fragment; each is put together once, after those that it spreads."""
    known: dict[str, Shape] = {}
    begun: set[str] = set()
    waiting = list(fragments)
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        if name in begun:
            known[name] = _total(fragments[name], known)
            continue
        begun.add(name)
        waiting.append(name)
        waiting += [each.name for each in fragments[name].spreads if each.name in fragments and each.name not in begun]
    return known


def _total(definition: _Definition, known: Mapping[str, Shape]) -> Shape:
    """A definition with its spreads opened; a fragment that spreads itself, or isn't there, is nothing."""
    total = replace(definition.own)
    for spread in definition.spreads:
        below = known.get(spread.name)
        if below is None:
            continue
        if not spread.is_exempt:
            total.depth = max(total.depth, spread.depth + below.depth)
            total.root_fields += below.root_fields if spread.depth == 0 else 0
        total.aliases += below.aliases
        total.directives += below.directives
        total.selections += below.selections
        total.has_introspection = total.has_introspection or below.has_introspection
        total.has_parts = total.has_parts or below.has_parts
    for name in ("depth", "aliases", "root_fields", "directives", "selections"):
        setattr(total, name, min(getattr(total, name), MOST))
    return total
