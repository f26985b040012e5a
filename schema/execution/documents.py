"""Documents: parsed, validated and planned once, kept for as long as they are in use.

An operation is answered by its plan; what no plan covers, by graphql-core, from the same document: nothing is read
twice.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    VariableNode,
    experimental_execute_incrementally,
    parse,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values

from schema.execution.declaration import Context
from schema.execution.fetch import NameRows, Watch
from schema.execution.kept import Kept
from schema.execution.parts import whole
from schema.execution.plan import Group, NotCoveredError, Plan, TooLargeError
from schema.execution.planner import Convert, Planner
from schema.execution.rules import rules_for
from schema.execution.run import run
from schema.limits.bounds import LIMIT_EXCEEDED, WIDEST, Bounds, exceeded, too_long
from schema.limits.cost import Estimating, Estimator
from schema.limits.scan import Scan, scan
from schema.limits.shape import Shape, shapes
from schema.limits.weights import Weights

MAX_DOCUMENTS = 1_000
MAX_TEXT = 1_000_000
"""Characters of all documents that are kept: what they were made into takes some fifty times the room. There is as much
for those that are trusted as for all others, so that nobody can have them forgotten."""
MAX_BAD_DOCUMENTS = 200
MAX_BAD_TEXT = 200_000
"""Likewise of those that can't run, which are kept so that they aren't looked at again each time they are sent."""
MAX_PLANS = 50
"""Plans of one document: its operations, times what their `@skip` and `@include` can make of them."""
MAX_ERRORS = 5

PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
NO_OPERATION = "OPERATION_RESOLUTION_FAILURE"
BAD_INPUT = "BAD_USER_INPUT"
"""Why an operation can't run, under the names by which Apollo's tools know it."""


@dataclass(eq=False, slots=True)
class Document:
    """A document and what has been made of it.

    Args:
        length: characters of its text.
        errors: why it can't run; empty if it can.
        tokens: how many it has.
        operations: by name.
        fragments: by name.
        shapes: of its operations, by name.
        deciding: the variables that `@skip` and `@include` look at.
        plans: by operation and those variables' values, the last used at the end; an exception says why there is none.
        estimators: what tells the cost, likewise.
    """

    length: int
    errors: list[GraphQLError]
    tokens: int = 0
    operations: dict[str | None, OperationDefinitionNode] = field(default_factory=dict)
    fragments: dict[str, FragmentDefinitionNode] = field(default_factory=dict)
    shapes: dict[str | None, Shape] = field(default_factory=dict)
    deciding: tuple[str, ...] = ()
    plans: OrderedDict[Hashable, Plan | NotCoveredError | TooLargeError] = field(default_factory=OrderedDict)
    estimators: OrderedDict[Hashable, Estimator] = field(default_factory=OrderedDict)

    @property
    def is_too_much(self) -> bool:
        """Whether it was not read to its end, because of the bounds that it was read within."""
        return any(error.extensions and error.extensions.get("code") == LIMIT_EXCEEDED for error in self.errors)


@dataclass(slots=True)
class Answer:
    """What an operation came to.

    Args:
        data: None where the operation could not run, or a null took everything away.
        errors: all of them.
        is_request_error: nothing was executed.
        cost: of what was answered; 0 where it wasn't counted.
    """

    data: dict[str, Any] | None
    errors: list[GraphQLError]
    is_request_error: bool = False
    cost: int = 0


def _unwatched(_group: Group, _objects: int, _started: int) -> None:
    """Nobody is told of what is fetched."""


class Executor:
    """Answers operations by plans.

    Args:
        schema: whose fields carry declarations.
        convert: see `Convert`.
        name_rows: see `NameRows`.
        watch: gives who is told of what is fetched in a context.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        convert: Convert,
        name_rows: NameRows,
        watch: Callable[[Context], Watch] = lambda _context: _unwatched,
    ) -> None:
        self.schema = schema
        self._convert = convert
        self._name_rows = name_rows
        self._watch = watch
        self.hides_suggestions = False
        """Whether errors keep to themselves what else could have been meant. One for all: errors are kept."""
        self.max_errors = MAX_ERRORS
        """Of a document or of variables, that are told; likewise."""
        self._weights = Weights(schema)
        self._trusted = Kept[Document](MAX_DOCUMENTS, MAX_TEXT)
        self._others = Kept[Document](MAX_DOCUMENTS, MAX_TEXT)
        self._bad = Kept[Document](MAX_BAD_DOCUMENTS, MAX_BAD_TEXT)

    def document(self, text: str) -> Document:
        """The document of a text."""
        return self.known(text) or self.keep(text, self.read(text))

    @property
    def count(self) -> int:
        """How many documents are kept."""
        return len(self._trusted) + len(self._others) + len(self._bad)

    def known(self, text: str, *, is_trusted: bool = False) -> Document | None:
        """The document of a text that was read before, and is still kept.

        Args:
            text: as it came.
            is_trusted: keep it among those that are, from now on.
        """
        key = _key(text)
        trusted = self._trusted.get(key)
        if trusted is not None:
            return trusted
        known = self._others.get(key)
        if known is not None and is_trusted:
            self._others.drop(key)
            return self._trusted.put(key, known)
        return known or self._bad.get(key)

    def keep(self, text: str, document: Document, *, is_trusted: bool = False) -> Document:
        """Keep what was read of a text, unless it is kept already; gives what is kept.

        Args:
            text: as it came.
            document: of the text.
            is_trusted: keep it, if it can run, where none that isn't can have it forgotten.
        """
        kept = self._bad if document.errors else self._trusted if is_trusted else self._others
        return kept.put(_key(text), document)

    def read(self, text: str, bounds: Bounds = WIDEST, scanned: Scan | None = None) -> Document:
        """Read a text. Looks at nothing that changes, so it may be done in any thread.

        What is too much for the bounds is found out before it is parsed, or at least before it is validated.

        Args:
            text: as it came.
            bounds: what it may have.
            scanned: the text as `scan` sees it, where that was asked already.
        """
        scanned = scanned or scan(text, bounds.tokens)
        errors = too_long(scanned, bounds)
        if errors:
            return Document(len(text), errors)
        try:
            node = parse(text)
        except GraphQLError as error:
            return Document(len(text), [coded(error, PARSE_FAILED)])
        found = shapes(node)
        errors = [error for each, shape in found for error in exceeded(shape, bounds, each.operation)]
        if errors:
            return Document(len(text), errors[: self.max_errors])
        errors = validate(
            self.schema, node, rules_for(text), max_errors=self.max_errors, hide_suggestions=self.hides_suggestions
        )
        if errors:
            return Document(len(text), [coded(error, VALIDATION_FAILED) for error in errors])
        fragments = (each for each in node.definitions if isinstance(each, FragmentDefinitionNode))
        return Document(
            len(text),
            [],
            scanned.tokens,
            {_name(each): each for each, _shape in found},
            {each.name.value: each for each in fragments},
            {_name(each): shape for each, shape in found},
            _deciding(node),
        )

    async def execute(
        self, document: Document, name: str | None, variables: dict[str, Any] | None, context: Context
    ) -> Answer:
        """Answer one operation of a document by its plan.

        Raises:
            NotCoveredError: it holds something that plans don't do.
        """
        operation = chosen(document, name)
        if isinstance(operation, GraphQLError):
            return Answer(None, [operation], is_request_error=True)
        values = self.coerced(operation, variables)
        if isinstance(values, list):
            return Answer(None, values, is_request_error=True)
        return await self.run(document, operation, values, context)

    def coerced(
        self, operation: OperationDefinitionNode, variables: Mapping[str, Any] | None
    ) -> VariableValues | list[GraphQLError]:
        """The values of an operation's variables, or what is wrong with them."""
        found = get_variable_values(
            self.schema,
            operation.variable_definitions or (),
            dict(variables or {}),
            max_errors=self.max_errors,
            hide_suggestions=self.hides_suggestions,
        )
        return [coded(error, BAD_INPUT) for error in found] if isinstance(found, list) else found

    def estimator(
        self, document: Document, operation: OperationDefinitionNode, values: VariableValues
    ) -> Estimator | list[GraphQLError]:
        """What tells the cost of an operation, or why there is too much of it to look at."""
        key = _plan_key(document, operation, values)
        known = document.estimators.get(key)
        if known is None:
            estimating = Estimating(self.schema, self._weights, document.fragments, values)
            try:
                known = document.estimators[key] = estimating.estimator(operation)
            except TooLargeError as error:
                return [coded(GraphQLError(str(error), operation), LIMIT_EXCEEDED)]
            if len(document.estimators) > MAX_PLANS:
                document.estimators.popitem(last=False)
        return known

    def is_planned(self, document: Document, operation: OperationDefinitionNode, values: VariableValues) -> bool:
        """Whether all that is made of an operation once is there."""
        return _plan_key(document, operation, values) in document.estimators

    def plan_ahead(self, document: Document, operation: OperationDefinitionNode, values: VariableValues) -> None:
        """Make all that is made of an operation once. It may be done in any thread."""
        if operation.operation is OperationType.QUERY:
            with suppress(NotCoveredError, TooLargeError):
                self._plan(document, operation, values)
        self.estimator(document, operation, values)

    async def run(
        self, document: Document, operation: OperationDefinitionNode, values: VariableValues, context: Context
    ) -> Answer:
        """Answer an operation of a document by its plan.

        Raises:
            NotCoveredError: it holds something that plans don't do.
        """
        try:
            plan = self._plan(document, operation, values)
        except TooLargeError as error:
            return Answer(None, [coded(GraphQLError(str(error), operation), LIMIT_EXCEEDED)], is_request_error=True)
        data, errors, cost = await run(plan, context, values, self._name_rows, self._watch(context))
        return Answer(data, errors, cost=cost)

    async def execute_by_core(
        self,
        document: Document,
        name: str | None,
        variables: Mapping[str, Any] | None,
        context: Context,
        root: object = None,
    ) -> Answer:
        """Answer one operation of a document by graphql-core, a field at a time.

        Args:
            document: without errors.
            name: of the operation; None where there is one only.
            variables: as they were given.
            context: handed to resolvers.
            root: what stands behind the root's fields.
        """
        operation = chosen(document, name)
        if isinstance(operation, GraphQLError):
            return Answer(None, [operation], is_request_error=True)
        node = self.alone(document, operation)
        # The schema knows of parts, which `execute` refuses; of this document there are none.
        result: Any = experimental_execute_incrementally(
            self.schema, node, root, context, dict(variables or {}), hide_suggestions=self.hides_suggestions
        )
        if not isinstance(result, ExecutionResult):
            result = await result
        errors = list(result.errors or ())
        has_run = result.data is not None or any(error.path for error in errors)
        return Answer(result.data, errors if has_run else [coded(e, BAD_INPUT) for e in errors], not has_run)

    def alone(self, document: Document, operation: OperationDefinitionNode, *, in_parts: bool = False) -> DocumentNode:
        """A document of one operation, for graphql-core; its answer is whole unless parts are wanted."""
        node = DocumentNode(definitions=(operation, *document.fragments.values()))
        shape = document.shapes.get(_name(operation))
        return whole(node) if shape and shape.has_parts and not in_parts else node

    def _plan(self, document: Document, operation: OperationDefinitionNode, variables: VariableValues) -> Plan:
        key = _plan_key(document, operation, variables)
        plan = document.plans.get(key)
        if plan is None:
            plan = document.plans[key] = self._planned(document, operation, variables)
            if len(document.plans) > MAX_PLANS:
                document.plans.popitem(last=False)
        document.plans.move_to_end(key)
        if isinstance(plan, Plan):
            return plan
        raise plan.with_traceback(None)

    def _planned(
        self, document: Document, operation: OperationDefinitionNode, variables: VariableValues
    ) -> Plan | NotCoveredError | TooLargeError:
        try:
            return Planner(self.schema, document.fragments, variables, self._convert, self._weights).plan(operation)
        except (NotCoveredError, TooLargeError) as reason:
            return type(reason)(str(reason))  # a new one, which holds no frames


def chosen(document: Document, name: str | None) -> OperationDefinitionNode | GraphQLError:
    """The operation to run (specification §6.1, GetOperation)."""
    operations = document.operations
    if name is not None:
        return operations.get(name) or coded(GraphQLError(f"Unknown operation named '{name}'."), NO_OPERATION)
    if len(operations) > 1:
        needed = "Must provide operation name if query contains multiple operations."
        return coded(GraphQLError(needed), NO_OPERATION)
    return next(iter(operations.values()), None) or coded(GraphQLError("Must provide an operation."), NO_OPERATION)


def coded(error: GraphQLError, code: str) -> GraphQLError:
    """The same error, with a code for programs, unless it has one."""
    error.extensions = {"code": code, **(error.extensions or {})}
    return error


def _plan_key(document: Document, operation: OperationDefinitionNode, variables: VariableValues) -> Hashable:
    # A variable of the same name may be of any type in another operation.
    values = (variables.coerced.get(each) for each in document.deciding)
    return (_name(operation), *(value if isinstance(value, bool) else None for value in values))


def _name(operation: OperationDefinitionNode) -> str | None:
    return operation.name.value if operation.name else None


def _key(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _deciding(node: DocumentNode) -> tuple[str, ...]:
    """The variables that directives look at: all that decide about `@skip` and `@include`."""
    found: set[str] = set()
    waiting: list[Any] = list(node.definitions)
    while waiting:
        each = waiting.pop()
        for directive in each.directives or ():
            values = (argument.value for argument in directive.arguments or ())
            found.update(value.name.value for value in values if isinstance(value, VariableNode))
        selection_set = getattr(each, "selection_set", None)
        if selection_set is not None:
            waiting.extend(selection_set.selections)
    return tuple(sorted(found))
