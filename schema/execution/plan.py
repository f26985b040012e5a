"""Plans: what an operation needs, level by level, worked out once.

A *level* is a set of objects of one type at one place of the document, whatever their number. An *entry* is one
response key of a level. A *step* fetches what one entry needs for all objects of its level. Steps that ask for the
same form a *group*, which is one fetch. A plan holds no caller, and no variable's value.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import FieldNode, GraphQLField, GraphQLObjectType, GraphQLOutputType, get_nullable_type, is_list_type
from graphql.execution.values import VariableValues

from schema.execution.build import Builder
from schema.execution.declaration import BatchSource, Declaration, Loaded, Lookup, Paged


class NotCoveredError(Exception):
    """The operation holds something that plans don't do; the message says what."""


class TooLargeError(Exception):
    """The operation asks for too much, once its fragments are opened."""


Count = Callable[[Mapping[str, Any]], int | None]
"""How many an argument asks for, by the variables' values."""

Arguments = Callable[[VariableValues], dict[str, object]]
"""Gives a field's arguments, as its declaration's functions take them; raises for those that can't be."""


@dataclass(eq=False, slots=True)
class Level:
    """Objects of one type at one place.

    Args:
        type: of its objects.
        holds_rows: they are rows (tuples), not values (with attributes).
        entries: what is answered of each, in this order.
        linked: those of the entries whose values are there before the level is built.
        checked: the others that not every caller may have.
        layout: where in a row its columns are.
        along: groups of which a lookup that leads to one object of the level may bring the rows along.
        named: its rows are given names, because a function takes them.
        build: makes the answer's objects, while all goes well.
        weight: what each of its objects costs, what is asked of it included, but not the objects that this leads to.
        given: what of its entries' arguments costs something: how many, and what for each.
    """

    type: GraphQLObjectType
    holds_rows: bool
    entries: list["Entry"] = field(default_factory=list)
    linked: list["Entry"] = field(default_factory=list)
    checked: list["Entry"] = field(default_factory=list)
    layout: dict[str, int] = field(default_factory=dict)
    along: list["Group"] = field(default_factory=list)
    named: bool = False
    build: Builder | None = None
    weight: int = 0
    given: list[tuple[Count, int]] = field(default_factory=list)

    @property
    def needs(self) -> set[str]:
        """The columns that its rows must have."""
        return {name for entry in self.entries for name in entry.declaration.needs}


@dataclass(eq=False, slots=True)
class Part:
    """One response key of a connection, of its edges or of its page info.

    Args:
        key: in the answer.
        name: of the field.
        owner: the type that has the field.
        type: of the field.
        nodes: where the document asks for it.
        level: of the rows, where it leads to rows.
        parts: of an edge, or of page info.
    """

    key: str
    name: str
    owner: GraphQLObjectType
    type: GraphQLOutputType
    nodes: list[FieldNode]
    level: Level | None = None
    parts: list["Part"] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Entry:
    """One response key of a level.

    Args:
        key: in the answer.
        name: of the field.
        owner: the type that has the field.
        nodes: where the document asks for it.
        definition: what the schema says of it.
        declaration: where its value comes from.
        arguments: see `Arguments`.
        level: of the objects that it leads to; for a lookup there is one for each type in `levels`.
        parts: of a connection.
        below: the levels that it leads to, each with the parts of the connection that lie between.
    """

    key: str
    name: str
    owner: GraphQLObjectType
    nodes: list[FieldNode]
    definition: GraphQLField
    declaration: Declaration
    arguments: Arguments
    level: Level | None = None
    levels: dict[str, Level] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    below: list[tuple[Level, tuple[Part, ...]]] = field(default_factory=list)

    @property
    def is_list(self) -> bool:
        """Whether its value is a list."""
        return is_list_type(get_nullable_type(self.definition.type))

    @property
    def is_linked(self) -> bool:
        """Whether its values are fetched or computed before its level is built."""
        return self.level is not None or isinstance(self.declaration, (Loaded, Paged, Lookup))

    def settle(self) -> None:
        """Note the levels that it leads to, once they are all there."""
        found: list[tuple[Level, tuple[Part, ...]]] = [(level, ()) for level in self.levels.values()]
        found += [(self.level, ())] if self.level is not None else []
        for part in self.parts:
            found += [(part.level, (part,))] if part.level is not None else []
            found += [(inner.level, (part, inner)) for inner in part.parts if inner.level is not None]
        self.below = found


@dataclass(eq=False, slots=True)
class Step:
    """A fetch for one entry.

    Args:
        entry: what it is for.
        level: the objects whose entry it is.
        source: what is asked; None for a lookup, which names its sources itself.
        part: "rows", "value", "page", "count" or "lookup".
        kind: steps of one kind can be one fetch, unless one brings the other's objects.
        above: the step that brings the level's objects; None at the root.
        depth: how many steps lead to this one.
        repeats: how many of those are of its kind.
    """

    entry: Entry
    level: Level
    source: BatchSource | None
    part: str
    kind: Hashable
    above: "Step | None"
    depth: int = 0
    repeats: int = 0

    @property
    def place(self) -> str:
        """The fields that lead to it, by the schema's names, but for those of connections."""
        return f"{self.above.place}.{self.entry.name}" if self.above else self.entry.name

    def __post_init__(self) -> None:
        """Count what leads to it."""
        above = self.above
        self.depth = above.depth + 1 if above else 0
        while above is not None:
            self.repeats += above.kind == self.kind
            above = above.above


@dataclass(eq=False, slots=True)
class Group:
    """Steps that are one fetch.

    Args:
        steps: all of one kind.
        columns: of a fetch of rows: what any of them needs.
        is_all: besides this one there are only groups whose rows it may bring along.
    """

    steps: list[Step]
    columns: tuple[str, ...] = ()
    is_all: bool = False

    @property
    def part(self) -> str:
        """See `Step`."""
        return self.steps[0].part

    @property
    def source(self) -> BatchSource | None:
        """See `Step`."""
        return self.steps[0].source

    @property
    def name(self) -> str:
        """Of its source, for people; a lookup names its sources itself."""
        return self.source.name if self.source else "lookup"


@dataclass(eq=False, slots=True)
class Plan:
    """An operation, ready to run: its first level, and its fetches in their order."""

    root: Level
    groups: list[Group]
