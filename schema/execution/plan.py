"""Plans: what an operation needs, level by level, worked out once.

A *level* is a set of objects of one type at one place of the document, whatever their number. An *entry* is one
response key of a level. A *step* fetches what one entry needs for all objects of its level. Steps of one source with
the same arguments form a *group*, which is one fetch. A plan holds no caller and no variable but those that decide
which fields there are.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_leaf_type,
    print_ast,
    visit,
)
from graphql.execution.values import VariableValues, get_argument_values, get_directive_values
from graphql.language import BREAK, Visitor

from schema.execution.build import Builder, compile_level
from schema.execution.declaration import (
    DECLARATION,
    BatchSource,
    Column,
    Computed,
    Declaration,
    Loaded,
    Lookup,
    Paged,
    Prefixed,
    Related,
)

MAX_ENTRIES = 5_000
"""Response keys of a plan, fragments opened: what bounds the work that a small document can ask for."""

_DEFERRING = {"defer", "stream"}


class NotCoveredError(Exception):
    """The operation holds something that plans don't do; the message says what."""


class TooLargeError(Exception):
    """The operation asks for too much, once its fragments are opened."""


Arguments = Callable[[VariableValues], dict[str, Any]]
Convert = Callable[[GraphQLField, dict[str, Any]], dict[str, Any]]
"""Turns coerced arguments of a field into what its declaration's functions take."""


@dataclass(eq=False, slots=True)
class Level:
    """Objects of one type at one place.

    Args:
        type: of its objects.
        holds_rows: they are rows (tuples), not values (with attributes).
        entries: what is answered of each, in this order.
        layout: where in a row its columns are.
        named: its rows are given names, because a function takes them.
        build: makes the answer's objects, while all goes well.
    """

    type: GraphQLObjectType
    holds_rows: bool
    entries: list["Entry"] = field(default_factory=list)
    layout: dict[str, int] = field(default_factory=dict)
    named: bool = False
    build: Builder | None = None

    @property
    def needs(self) -> set[str]:
        """The columns that its rows must have."""
        return {name for entry in self.entries for name in entry.declaration.needs}

    @property
    def linked(self) -> list["Entry"]:
        """The entries whose values are there before the level is built."""
        return [entry for entry in self.entries if entry.is_linked]


@dataclass(eq=False, slots=True)
class Part:
    """One response key of a connection, of its edges or of its page info."""

    key: str
    name: str
    of_type: GraphQLObjectType
    nodes: list[FieldNode]
    level: Level | None = None
    parts: list["Part"] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Entry:
    """One response key of a level.

    Args:
        key: in the answer.
        name: of the field.
        nodes: where the document asks for it.
        definition: what the schema says of it.
        declaration: where its value comes from.
        level: of the objects that it leads to; for a lookup there is one for each type in `levels`.
        parts: of a connection.
    """

    key: str
    name: str
    nodes: list[FieldNode]
    definition: GraphQLField
    declaration: Declaration
    arguments: Arguments
    level: Level | None = None
    levels: dict[str, Level] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    @property
    def is_linked(self) -> bool:
        """Whether its values are fetched or computed before its level is built."""
        return self.level is not None or isinstance(self.declaration, (Loaded, Paged, Lookup))


@dataclass(eq=False, slots=True)
class Step:
    """A fetch for one entry.

    Args:
        entry: what it is for.
        level: the objects whose entry it is.
        source: what is asked.
        part: "rows", "value", "page", "count" or "lookup".
        signature: steps with the same source and signature ask for the same.
        above: the step that brings the level's objects; None at the root.
    """

    entry: Entry
    level: Level
    source: BatchSource | None
    part: str
    signature: tuple[str, ...]
    above: "Step | None"

    def below(self, kind: tuple[Any, ...]) -> int:
        """How many steps of a kind lead to this one."""
        return 0 if self.above is None else (self.above.kind == kind) + self.above.below(kind)

    @property
    def kind(self) -> tuple[Any, ...]:
        """Steps of one kind can be one fetch, unless one brings the other's objects."""
        return (self.source if self.source is not None else self.entry, self.part, self.signature)

    @property
    def depth(self) -> int:
        """How many steps lead to this one."""
        return 0 if self.above is None else self.above.depth + 1


@dataclass(eq=False, slots=True)
class Group:
    """Steps that are one fetch.

    Args:
        steps: all of one kind.
        columns: of a fetch of rows: what any of them needs.
    """

    steps: list[Step]
    columns: tuple[str, ...] = ()


@dataclass(eq=False, slots=True)
class Plan:
    """An operation, ready to run."""

    root: Level
    groups: list[Group]


class Planner:
    """Compiles one operation.

    Args:
        schema: whose fields carry declarations.
        fragments: of the document.
        variables: those that decide about `@skip` and `@include` have their values.
        convert: see `Convert`.

    Raises:
        NotCoveredError: something in it is no plan's business.
        TooLargeError: it is too large.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: dict[str, FragmentDefinitionNode],
        variables: VariableValues,
        convert: Convert,
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = variables
        self._convert = convert
        self._steps: list[Step] = []
        self._levels: list[Level] = []
        self._entries = 0

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        """The plan of an operation."""
        root_type = self._schema.query_type
        if operation.operation.value != "query" or root_type is None:
            raise NotCoveredError(operation.operation.value)
        root = self._level(root_type, [operation.selection_set], None, holds_rows=False)
        groups = _groups(self._steps)
        for group in groups:
            _lay_out(group)
        for level in self._levels:
            level.build = compile_level(level)
        return Plan(root, groups)

    def _level(
        self,
        of_type: GraphQLObjectType,
        selections: Sequence[SelectionSetNode],
        above: Step | None,
        *,
        holds_rows: bool,
    ) -> Level:
        level = Level(of_type, holds_rows)
        self._levels.append(level)
        for key, nodes in self._collect(of_type, selections).items():
            level.entries.append(self._entry(level, key, nodes, above))
        level.named = holds_rows and any(isinstance(entry.declaration, (Computed, Loaded)) for entry in level.entries)
        return level

    def _entry(self, level: Level, key: str, nodes: list[FieldNode], above: Step | None) -> Entry:
        name = nodes[0].name.value
        if name == "__typename":
            return Entry(key, name, nodes, _TYPENAME, Declaration(), _no_arguments)
        if name not in level.type.fields:
            raise NotCoveredError(name)  # introspection
        declared = level.type.fields[name]
        entry = Entry(key, name, nodes, declared, _declaration(declared), self._arguments(declared, nodes[0]))
        self._attach(level, entry, above)
        return entry

    def _attach(self, level: Level, entry: Entry, above: Step | None) -> None:
        """Add the steps and levels that an entry needs."""
        declaration, named = entry.declaration, get_named_type(entry.definition.type)
        selections = [node.selection_set for node in entry.nodes if node.selection_set]
        if isinstance(declaration, Paged):
            self._connect(level, entry, declaration, selections, above)
        elif isinstance(declaration, Lookup):
            step = self._step(level, entry, None, "lookup", above)
            for each in self._possible(named):
                entry.levels[each.name] = self._level(each, selections, step, holds_rows=True)
        elif isinstance(declaration, Related):
            step = self._step(level, entry, declaration.source, "rows", above)
            entry.level = self._level(_object(named), selections, step, holds_rows=True)
        elif isinstance(declaration, Loaded):
            step = self._step(level, entry, declaration.source, "value", above)
            if not is_leaf_type(named):
                entry.level = self._level(_object(named), selections, step, holds_rows=False)
        elif not is_leaf_type(named):
            entry.level = self._level(_object(named), selections, above, holds_rows=False)

    def _connect(
        self, level: Level, entry: Entry, declaration: Paged, selections: list[SelectionSetNode], above: Step | None
    ) -> None:
        connection = _object(get_named_type(entry.definition.type))
        asked = self._collect(connection, selections)
        names = {nodes[0].name.value for nodes in asked.values()}
        page = None
        given = {argument.name.value for argument in entry.nodes[0].arguments or ()}
        is_counted = bool(names & {"totalCount", "totalCountIsExact"})
        # A wrong cursor shall be refused, and so shall wrong arguments when nothing but `__typename` is asked for.
        if names & {"nodes", "edges", "pageInfo"} or given & {"after", "before"} or not is_counted:
            page = self._step(level, entry, declaration.pages, "page", above)
        if is_counted:
            self._step(level, entry, declaration.counts, "count", above)
        entry.parts = [self._part(connection, key, nodes, page) for key, nodes in asked.items()]

    def _part(self, of_type: GraphQLObjectType, key: str, nodes: list[FieldNode], page: Step | None) -> Part:
        """A response key of a connection or of one of its parts."""
        name = nodes[0].name.value
        part = Part(key, name, of_type, nodes)
        selections = [node.selection_set for node in nodes if node.selection_set]
        if name in {"nodes", "node"}:
            row_type = _object(get_named_type(of_type.fields[name].type))
            part.level = self._level(row_type, selections, page, holds_rows=True)
        elif name in {"edges", "pageInfo"}:
            below = _object(get_named_type(of_type.fields[name].type))
            asked = self._collect(below, selections)
            part.parts = [self._part(below, each, found, page) for each, found in asked.items()]
        return part

    def _step(self, level: Level, entry: Entry, source: BatchSource | None, part: str, above: Step | None) -> Step:
        signature = tuple(sorted(print_ast(argument) for argument in entry.nodes[0].arguments or ()))
        step = Step(entry, level, source, part, signature, above)
        self._steps.append(step)
        return step

    def _possible(self, named: Any) -> Sequence[GraphQLObjectType]:
        if isinstance(named, (GraphQLInterfaceType, GraphQLUnionType)):
            return self._schema.get_possible_types(named)
        return [_object(named)]

    def _collect(
        self, of_type: GraphQLObjectType, selections: Sequence[SelectionSetNode]
    ) -> dict[str, list[FieldNode]]:
        """The fields that are asked of a type, by response key, fragments opened (specification §6.3.2)."""
        found: dict[str, list[FieldNode]] = defaultdict(list)
        opened: set[str] = set()
        for selection_set in selections:
            for node in self._fields(of_type, selection_set, opened):
                found[node.alias.value if node.alias else node.name.value].append(node)
        self._entries += len(found)
        if self._entries > MAX_ENTRIES:
            raise TooLargeError(f"With its fragments opened, the operation asks for more than {MAX_ENTRIES:,} fields.")
        return found

    def _fields(
        self, of_type: GraphQLObjectType, selection_set: SelectionSetNode, opened: set[str]
    ) -> Iterator[FieldNode]:
        for selection in selection_set.selections:
            if not self._is_included(selection):
                continue
            if isinstance(selection, FieldNode):
                yield selection
                continue
            fragment: Any = selection
            if isinstance(selection, FragmentSpreadNode):
                if selection.name.value in opened:
                    continue
                opened.add(selection.name.value)
                fragment = self._fragments[selection.name.value]
            if self._applies(of_type, fragment.type_condition):
                yield from self._fields(of_type, fragment.selection_set, opened)

    def _is_included(self, node: Any) -> bool:
        if not node.directives:
            return True
        if any(directive.name.value in _DEFERRING for directive in node.directives):
            raise NotCoveredError("incremental delivery")
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return not (skip and skip["if"]) and not (include and not include["if"])

    def _applies(self, of_type: GraphQLObjectType, condition: Any) -> bool:
        if condition is None or condition.name.value == of_type.name:
            return True
        named: Any = self._schema.type_map.get(condition.name.value)
        is_abstract = isinstance(named, (GraphQLInterfaceType, GraphQLUnionType))
        return is_abstract and self._schema.is_sub_type(named, of_type)

    def _arguments(self, declared: GraphQLField, node: FieldNode) -> Arguments:
        if not declared.args:
            return _no_arguments

        def arguments(variables: VariableValues) -> dict[str, Any]:
            return self._convert(declared, get_argument_values(declared, node, variables))

        if any(_has_variable(argument) for argument in node.arguments or ()):
            return arguments
        try:
            constant = arguments(self._variables)
        except Exception:  # whatever it is, it is told when the field is reached
            return arguments
        return lambda _variables: constant


def _no_arguments(_variables: VariableValues) -> dict[str, Any]:
    return {}


class _VariableFinder(Visitor):
    found = False

    def enter_variable(self, _node: VariableNode, *_: Any) -> Any:
        self.found = True
        return BREAK


def _has_variable(node: Any) -> bool:
    finder = _VariableFinder()
    visit(node, finder)
    return finder.found


def _object(named: Any) -> GraphQLObjectType:
    if not isinstance(named, GraphQLObjectType):
        raise NotCoveredError(f"a field of the abstract type {named}")
    return named


def _declaration(declared: GraphQLField) -> Declaration:
    definition = declared.extensions["strawberry-definition"]
    found: Declaration | None = definition.metadata.get(DECLARATION)
    if found is not None:
        return found
    if definition.base_resolver is not None:
        raise NotCoveredError(f"the resolver of {definition.name}")
    name = definition.python_name
    if is_leaf_type(get_named_type(declared.type)):
        return Column(needs=(name,), name=name)
    return Computed(needs=(name,), function=attrgetter(name), takes_context=False)


_TYPENAME: Any = None
"""`__typename` is written by the builder; no declaration of the schema stands behind it."""


def _groups(steps: list[Step]) -> list[Group]:
    """Steps that can be one fetch, in an order in which each finds its objects there.

    Steps of one kind wait for the last of them, as long as none of them leads to another.
    """
    kinds: dict[tuple[Any, ...], list[Step]] = defaultdict(list)
    for step in steps:
        kinds[(step.kind, step.below(step.kind))].append(step)
    stages = _stages(steps, kinds)
    if stages is None:  # two kinds wait for each other: let only steps of one depth wait
        kinds = defaultdict(list)
        for step in steps:
            kinds[(step.kind, step.depth)].append(step)
        stages = {kind: kind[1] for kind in kinds}
    return [Group(kinds[kind]) for kind in sorted(kinds, key=lambda kind: stages[kind])]


def _stages(steps: list[Step], kinds: dict[tuple[Any, ...], list[Step]]) -> dict[tuple[Any, ...], int] | None:
    """When each kind can be fetched: behind all that lead to one of its steps. None if that can't be."""
    of_step = {step: kind for kind, members in kinds.items() for step in members}
    stages = dict.fromkeys(kinds, 0)
    for _ in range(len(kinds) + 1):
        before = dict(stages)
        for step in steps:
            if step.above is not None:
                stages[of_step[step]] = max(stages[of_step[step]], stages[of_step[step.above]] + 1)
        if stages == before:
            return stages
    return None


def _lay_out(group: Group) -> None:
    """Decide which columns a group fetches, and where its levels find them."""
    first = group.steps[0]
    if first.part == "lookup":
        for level in first.entry.levels.values():
            level.layout = {name: at for at, name in enumerate(sorted(level.needs))}
        return
    if first.part not in {"rows", "page"} or first.source is None:
        return
    levels = [level for step in group.steps for level in row_levels(step)]
    group.columns = tuple(sorted({name for level in levels for name in level.needs}))
    layout = {name: at for at, name in enumerate(first.source.layout(group.columns))}
    for level in levels:
        level.layout = layout


def row_levels(step: Step) -> list[Level]:
    """The levels that a step of rows or pages brings rows to."""
    if step.entry.level is not None:
        return [step.entry.level]
    inner = [part for part in step.entry.parts for part in (part, *part.parts)]
    return [part.level for part in inner if part.level is not None]


__all__ = ["Entry", "Group", "Level", "NotCoveredError", "Part", "Plan", "Planner", "Prefixed", "Step", "TooLargeError"]
