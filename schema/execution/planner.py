"""The planner: makes the plan of one operation."""

from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_leaf_type,
    print_ast,
    visit,
)
from graphql.execution.values import VariableValues, get_argument_values
from graphql.language import BREAK, Visitor

from schema.execution.build import compile_level
from schema.execution.declaration import (
    DECLARATION,
    BatchSource,
    Column,
    Computed,
    Declaration,
    Loaded,
    Lookup,
    Paged,
    Related,
)
from schema.execution.plan import Arguments, Entry, Level, NotCoveredError, Part, Plan, Step, TooLargeError
from schema.execution.selections import Selections
from schema.execution.stages import groups
from schema.limits.cost import items_of
from schema.limits.weights import Weights

MAX_DEPTH = 50
"""Levels below each other, fragments opened: far from where recursion, or writing JSON, comes to its end."""

Convert = Callable[[GraphQLField, dict[str, Any]], dict[str, Any]]
"""Turns coerced arguments of a field into what its declaration's functions take."""

_COUNTS = {"totalCount", "totalCountIsExact"}
_PARTS = {
    "connection": {"nodes", "edges", "pageInfo", *_COUNTS},
    "edges": {"node", "cursor"},
    "pageInfo": {"hasNextPage", "hasPreviousPage", "startCursor", "endCursor"},
}
"""What plans know of a connection, by where it stands."""


class Planner:
    """Compiles one operation.

    Args:
        schema: whose fields carry declarations.
        fragments: of the document.
        variables: those that decide about `@skip` and `@include` have their values.
        convert: see `Convert`.
        weights: what things cost.

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
        weights: Weights | None = None,
    ) -> None:
        self._schema = schema
        self._weights = weights or Weights(schema)
        self._variables = variables
        self._convert = convert
        self._steps: list[Step] = []
        self._levels: list[Level] = []
        self._depth = 0
        self._given: dict[tuple[int, int], tuple[Arguments, tuple[str, ...]]] = {}
        """Arguments and their text by definition and node: a fragment's are the same however often it is opened."""
        self.selections = Selections(schema, fragments, variables)

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        """The plan of an operation."""
        root_type = self._schema.query_type
        if operation.operation.value != "query" or root_type is None:
            raise NotCoveredError(operation.operation.value)
        root = self._level(root_type, [operation.selection_set], None, holds_rows=False)
        ordered = groups(self._steps)
        for level in self._levels:
            level.build = compile_level(level)
        return Plan(root, ordered)

    def _level(
        self,
        of_type: GraphQLObjectType,
        selections: Sequence[SelectionSetNode],
        above: Step | None,
        *,
        holds_rows: bool,
    ) -> Level:
        if self._depth == MAX_DEPTH:
            raise TooLargeError(f"The operation goes more than {MAX_DEPTH} levels deep.")
        self._depth += 1
        level = Level(of_type, holds_rows, weight=self._weights.types[of_type.name])
        self._levels.append(level)
        for key, nodes in self.selections.collect(of_type, selections).items():
            entry = self._entry(level, key, nodes, above)
            level.entries.append(entry)
            if entry.is_linked:
                level.linked.append(entry)
            elif entry.declaration.check is not None:
                level.checked.append(entry)
        level.named = holds_rows and any(isinstance(entry.declaration, (Computed, Loaded)) for entry in level.entries)
        self._depth -= 1
        return level

    def _entry(self, level: Level, key: str, nodes: list[FieldNode], above: Step | None) -> Entry:
        name = nodes[0].name.value
        if name == "__typename":
            return Entry(key, name, level.type, nodes, _TYPENAME, Declaration(), _no_arguments)
        if name not in level.type.fields:
            raise NotCoveredError("introspection")
        definition = level.type.fields[name]
        declared = self._weights.fields[level.type.name, name]
        level.weight += declared.weight
        if declared.given:
            asked = {each.name.value: each.value for each in nodes[0].arguments or ()}
            level.given += [(items_of(definition, asked, path), weight) for path, weight in declared.given]
        arguments, signature = self._arguments(definition, nodes[0])
        entry = Entry(key, name, level.type, nodes, definition, _declaration(definition), arguments)
        self._attach(level, entry, above, signature)
        entry.settle()
        return entry

    def _attach(self, level: Level, entry: Entry, above: Step | None, signature: tuple[str, ...]) -> None:
        """Add the steps and levels that an entry needs."""
        declaration, named = entry.declaration, get_named_type(entry.definition.type)
        selections = [node.selection_set for node in entry.nodes if node.selection_set]
        if isinstance(declaration, Paged):
            self._connect(level, entry, declaration, above, signature)
        elif isinstance(declaration, Lookup):
            step = self._step(Step(entry, level, None, "lookup", entry, above))
            for each in self._possible(named):
                entry.levels[each.name] = self._level(each, selections, step, holds_rows=True)
        elif isinstance(declaration, Loaded):
            kind = _kind(entry, declaration.source, "value", signature, declaration.request)
            step = self._step(Step(entry, level, declaration.source, "value", kind, above))
            if not is_leaf_type(named):
                entry.level = self._level(_object(named), selections, step, holds_rows=False)
        elif entry.definition.args:
            raise NotCoveredError(f"the arguments of {entry.name}")
        elif isinstance(declaration, Related):
            step = self._step(Step(entry, level, declaration.source, "rows", (declaration.source, "rows"), above))
            entry.level = self._level(_object(named), selections, step, holds_rows=True)
        elif not is_leaf_type(named):
            entry.level = self._level(_object(named), selections, above, holds_rows=False)

    def _connect(
        self, level: Level, entry: Entry, declaration: Paged, above: Step | None, signature: tuple[str, ...]
    ) -> None:
        connection = _object(get_named_type(entry.definition.type))
        asked = self.selections.collect(connection, [node.selection_set for node in entry.nodes if node.selection_set])
        names = {nodes[0].name.value for nodes in asked.values()}
        given = {argument.name.value for argument in entry.nodes[0].arguments or ()}
        page = None
        # A wrong cursor shall be refused, and so shall wrong arguments when nothing but `__typename` is asked for.
        if names & {"nodes", "edges", "pageInfo"} or given & {"after", "before"} or not names & _COUNTS:
            kind = _kind(entry, declaration.pages, "page", signature, declaration.requests)
            page = self._step(Step(entry, level, declaration.pages, "page", kind, above))
        if names & _COUNTS:
            kind = _kind(entry, declaration.counts, "count", signature, declaration.requests)
            self._step(Step(entry, level, declaration.counts, "count", kind, above))
        counts = (nodes[0].name.value for nodes in asked.values())
        level.weight += sum(self._weights.fields[connection.name, name].weight for name in counts if name in _COUNTS)
        entry.parts = [self._part("connection", connection, key, nodes, page) for key, nodes in asked.items()]

    def _part(self, place: str, owner: GraphQLObjectType, key: str, nodes: list[FieldNode], page: Step | None) -> Part:
        """A response key of a connection or of one of its parts."""
        name = nodes[0].name.value
        if name == "__typename":
            return Part(key, name, owner, GraphQLNonNull(GraphQLString), nodes)
        if name not in _PARTS[place]:
            raise NotCoveredError(f"{owner.name}.{name}")
        part = Part(key, name, owner, owner.fields[name].type, nodes)
        selections = [node.selection_set for node in nodes if node.selection_set]
        if name in {"nodes", "node"}:
            part.level = self._level(_object(get_named_type(part.type)), selections, page, holds_rows=True)
        elif name in {"edges", "pageInfo"}:
            below = _object(get_named_type(part.type))
            asked = self.selections.collect(below, selections)
            part.parts = [self._part(name, below, each, found, page) for each, found in asked.items()]
        return part

    def _step(self, step: Step) -> Step:
        self._steps.append(step)
        return step

    def _possible(self, named: Any) -> Sequence[GraphQLObjectType]:
        if isinstance(named, (GraphQLInterfaceType, GraphQLUnionType)):
            return self._schema.get_possible_types(named)
        return [_object(named)]

    def _arguments(self, definition: GraphQLField, node: FieldNode) -> tuple[Arguments, tuple[str, ...]]:
        """What gives a field's arguments, and their text, which is the same where they are."""
        if not definition.args:
            return _no_arguments, ()
        place = (id(definition), id(node))
        if place not in self._given:
            signature = tuple(sorted(print_ast(argument) for argument in node.arguments or ()))
            self._given[place] = (_reader(definition, node, self._convert, self._variables), signature)
        return self._given[place]


def _reader(definition: GraphQLField, node: FieldNode, convert: Convert, variables: VariableValues) -> Arguments:
    """What gives a field's arguments: read now where no variable is among them. Keeps no variable."""

    def read(variables: VariableValues) -> dict[str, Any]:
        return convert(definition, get_argument_values(definition, node, variables))

    if any(_has_variable(argument) for argument in node.arguments or ()):
        return read
    try:
        constant = read(variables)
    except Exception:  # whatever it is, it is told when the field is reached
        return read
    return lambda _variables: constant


def _kind(
    entry: Entry, source: BatchSource, part: str, signature: tuple[str, ...], request: Callable[..., Any]
) -> Hashable:
    """Requests are the same where one function makes them of nothing, or one field of the same arguments."""
    return source, part, signature, entry.declaration if entry.definition.args else request


def _no_arguments(_variables: VariableValues) -> dict[str, Any]:
    return {}


class _VariableFinder(Visitor):
    found = False

    def enter_variable(self, *_: Any) -> Any:
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


def _declaration(definition: GraphQLField) -> Declaration:
    of_strawberry = definition.extensions["strawberry-definition"]
    found: Declaration | None = of_strawberry.metadata.get(DECLARATION)
    if found is not None:
        return found
    if of_strawberry.base_resolver is not None:
        raise NotCoveredError(f"the resolver of {of_strawberry.python_name}")
    name = of_strawberry.python_name
    if is_leaf_type(get_named_type(definition.type)):
        return Column(needs=(name,), name=name)
    return Computed(needs=(name,), function=attrgetter(name), takes_context=False)


_TYPENAME: Any = None
"""`__typename` is written by the builder; no field of the schema stands behind it."""
