"""Documents: parsed, validated and planned once, kept for as long as they are in use."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
    ValidationRule,
    VariableNode,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import VariableValues, get_variable_values

from schema.execution.declaration import Context
from schema.execution.fetch import NameRows
from schema.execution.overlaps import OverlappingFieldsRule
from schema.execution.plan import NotCoveredError, Plan, TooLargeError
from schema.execution.planner import Convert, Planner
from schema.execution.run import run

MAX_DOCUMENTS = 1_000
MAX_TEXT = 2_000_000
"""Characters of all documents that are kept: what they were made into takes some fifty times the room."""
MAX_PLANS = 50
"""Plans of one document: its operations, times what their `@skip` and `@include` can make of them."""
MAX_TOKENS = 15_000
MAX_ERRORS = 5


class RememberingRule(ValidationRule):
    """No rule: lets the rules after it find what they look up by the node, not by all that stands in the node.

    graphql-core keeps what it has found out of a fragment under the fragment's hash, for which it reads the whole
    fragment again, for each operation that spreads it.
    """

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        for name in ("get_fragment_spreads", "get_variable_usages"):
            setattr(context, name, _remembered(getattr(context, name)))


def _remembered(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same function, called once for each node; nodes live as long as what asks for them."""
    known: dict[int, Any] = {}

    def remembered(node: Any) -> Any:
        if id(node) not in known:
            known[id(node)] = function(node)
        return known[id(node)]

    return remembered


RULES: tuple[type[ASTValidationRule], ...] = (
    RememberingRule,
    *(OverlappingFieldsRule if rule is OverlappingFieldsCanBeMergedRule else rule for rule in specified_rules),
)
"""The specification's, in time that grows as the document does."""


@dataclass(eq=False, slots=True)
class Document:
    """A document and what has been made of it.

    Args:
        errors: why it can't run; empty if it can.
        operations: by name.
        deciding: the variables that `@skip` and `@include` look at.
        plans: by operation and those variables' values, the last used at the end; an exception says why there is none.
    """

    length: int
    errors: list[GraphQLError]
    operations: dict[str | None, OperationDefinitionNode] = field(default_factory=dict)
    fragments: dict[str, FragmentDefinitionNode] = field(default_factory=dict)
    deciding: tuple[str, ...] = ()
    plans: OrderedDict[Hashable, Plan | NotCoveredError | TooLargeError] = field(default_factory=OrderedDict)


@dataclass(slots=True)
class Answer:
    """What an operation came to.

    Args:
        data: None where the operation could not run, or a null took everything away.
        errors: all of them.
        is_request_error: nothing was executed.
    """

    data: dict[str, Any] | None
    errors: list[GraphQLError]
    is_request_error: bool = False


class Executor:
    """Answers operations by plans.

    Args:
        schema: whose fields carry declarations.
        convert: see `Convert`.
        name_rows: see `NameRows`.
    """

    def __init__(self, schema: GraphQLSchema, convert: Convert, name_rows: NameRows) -> None:
        self._schema = schema
        self._convert = convert
        self._name_rows = name_rows
        self._documents: OrderedDict[bytes, Document] = OrderedDict()
        self._length = 0

    def document(self, text: str) -> Document:
        """The document of a text."""
        key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        known = self._documents.get(key)
        if known is not None:
            self._documents.move_to_end(key)
            return known
        known = self._documents[key] = self._read(text)
        self._length += known.length
        while len(self._documents) > MAX_DOCUMENTS or (self._length > MAX_TEXT and len(self._documents) > 1):
            _, forgotten = self._documents.popitem(last=False)
            self._length -= forgotten.length
        return known

    def _read(self, text: str) -> Document:
        try:
            node = parse(text, max_tokens=MAX_TOKENS)
        except GraphQLError as error:
            return Document(len(text), [error])
        errors = validate(self._schema, node, RULES, max_errors=MAX_ERRORS)
        if errors:
            return Document(len(text), errors)
        operations = (each for each in node.definitions if isinstance(each, OperationDefinitionNode))
        fragments = (each for each in node.definitions if isinstance(each, FragmentDefinitionNode))
        return Document(
            len(text),
            [],
            {each.name.value if each.name else None: each for each in operations},
            {each.name.value: each for each in fragments},
            _deciding(node),
        )

    async def execute(
        self, document: Document, name: str | None, variables: dict[str, Any] | None, context: Context
    ) -> Answer:
        """Answer one operation of a document.

        Raises:
            NotCoveredError: it holds something that plans don't do.
        """
        operation = _chosen(document, name)
        if isinstance(operation, GraphQLError):
            return Answer(None, [operation], is_request_error=True)
        coerced = get_variable_values(
            self._schema, operation.variable_definitions or (), variables or {}, max_errors=MAX_ERRORS
        )
        if isinstance(coerced, list):
            return Answer(None, coerced, is_request_error=True)
        try:
            plan = self._plan(document, operation, coerced)
        except TooLargeError as error:
            return Answer(None, [GraphQLError(str(error), operation)], is_request_error=True)
        data, errors = await run(plan, context, coerced, self._name_rows)
        return Answer(data, errors)

    def _plan(self, document: Document, operation: OperationDefinitionNode, variables: VariableValues) -> Plan:
        name = operation.name.value if operation.name else None
        # A variable of the same name may be of any type in another operation.
        values = (variables.coerced.get(each) for each in document.deciding)
        key = (name, *(value if isinstance(value, bool) else None for value in values))
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
            return Planner(self._schema, document.fragments, variables, self._convert).plan(operation)
        except (NotCoveredError, TooLargeError) as reason:
            return type(reason)(str(reason))  # a new one, which holds no frames


def _chosen(document: Document, name: str | None) -> OperationDefinitionNode | GraphQLError:
    """The operation to run (specification §6.1, GetOperation)."""
    if name is None and len(document.operations) > 1:
        return GraphQLError("Must provide operation name if query contains multiple operations.")
    if name is None:
        return next(iter(document.operations.values()), None) or GraphQLError("Must provide an operation.")
    return document.operations.get(name) or GraphQLError(f"Unknown operation named '{name}'.")


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
