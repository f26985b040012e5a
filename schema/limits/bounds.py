"""Bounds: how much of what an operation may have, and what a caller is told who asks for more."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, OperationType

from schema.limits.scan import Scan
from schema.limits.shape import Shape

LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
NONE = 10**9
"""A bound that nothing reaches."""
MAX_NESTING = 100
"""Brackets open at once: reading them takes some eight Python frames each, of the thousand there are."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much an operation may have.

    Args:
        tokens: of its document.
        depth: see `Shape`, as for all that follow.
        aliases: see there.
        root_fields: of a query.
        mutation_fields: of a mutation: its root fields.
        directives: see there.
        selections: see there.
        list_size: items of a list in its variables.
        cost: its estimate.
        objects: what its answer holds, where that turns out to be more than was estimated.
    """

    tokens: int = 2_000
    depth: int = 12
    aliases: int = 30
    root_fields: int = 20
    mutation_fields: int = 5
    directives: int = 30
    selections: int = 5_000
    list_size: int = 1_000
    cost: int = 1_000
    objects: int = 25_000


WIDEST = Bounds(
    tokens=15_000,
    depth=NONE,
    aliases=NONE,
    root_fields=NONE,
    mutation_fields=NONE,
    directives=NONE,
    selections=20_000,
    list_size=NONE,
    cost=NONE,
    objects=NONE,
)
"""What is read and planned at all, whoever asks."""


_WORDS = {
    "depth": "The operation goes {value:,} fields deep; at most {maximum:,} are taken.",
    "aliases": "The operation has {value:,} aliases; at most {maximum:,} are taken.",
    "rootFields": "The operation has {value:,} fields at its root; at most {maximum:,} are taken.",
    "mutations": "The operation changes {value:,} things; at most {maximum:,} are taken. Use their forms for many.",
    "directives": "The operation has {value:,} directives; at most {maximum:,} are taken.",
    "selections": "Its fragments opened, the operation selects {value:,} fields; at most {maximum:,} are taken.",
    "tokens": "The document has more than {maximum:,} tokens.",
    "nesting": "The document has {value:,} brackets within each other; at most {maximum:,} are taken.",
    "listSize": "A list in the variables has {value:,} items; at most {maximum:,} are taken.",
    "cost": "The operation may cost {value:,} points; at most {maximum:,} are taken. Ask for fewer rows, or in parts.",
}
"""What is told, by the name of the bound."""


def exceeded(shape: Shape, bounds: Bounds, kind: OperationType) -> list[GraphQLError]:
    """What an operation has too much of; empty if it may be run."""
    is_mutation = kind is OperationType.MUTATION
    compared = (
        ("depth", shape.depth, bounds.depth),
        ("aliases", shape.aliases, bounds.aliases),
        ("mutations", shape.root_fields, bounds.mutation_fields)
        if is_mutation
        else ("rootFields", shape.root_fields, bounds.root_fields),
        ("directives", shape.directives, bounds.directives),
        ("selections", shape.selections, bounds.selections),
    )
    return [too_much(*each) for each in compared if each[1] > each[2]]


def too_long(scanned: Scan, bounds: Bounds) -> list[GraphQLError]:
    """What a text has too much of to be read; empty if it may be."""
    if scanned.tokens > bounds.tokens:
        return [too_much("tokens", scanned.tokens, bounds.tokens)]
    if scanned.deepest > MAX_NESTING:
        return [too_much("nesting", scanned.deepest, MAX_NESTING)]
    return []


def too_many(variables: Mapping[str, Any], bounds: Bounds) -> list[GraphQLError]:
    """What is wrong with the largest list in variables as they were given; empty if none is too long."""
    largest = max(_list_sizes(variables), default=0)
    return [too_much("listSize", largest, bounds.list_size)] if largest > bounds.list_size else []


_HOLDERS = {list, dict}
"""What JSON has that holds more of it; asked by class, for there may be thousands of values."""


def too_dear(cost: int, bounds: Bounds) -> list[GraphQLError]:
    """What is wrong with an estimate; empty if it may be run."""
    return [too_much("cost", cost, bounds.cost)] if cost > bounds.cost else []


def _list_sizes(variables: Mapping[str, Any]) -> Iterable[int]:
    waiting: list[Any] = [dict(variables)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            yield len(each)
        values = each if isinstance(each, list) else each.values()
        waiting += [value for value in values if value.__class__ in _HOLDERS]


def too_much(limit: str, value: int, maximum: int) -> GraphQLError:
    """The error of one bound, with its numbers for programs.

    Args:
        limit: its name.
        value: what there is.
        maximum: what is taken.
    """
    return GraphQLError(
        _WORDS[limit].format(value=value, maximum=maximum),
        extensions={"code": LIMIT_EXCEEDED, "limit": limit, "value": value, "maximum": maximum},
    )
