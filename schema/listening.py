"""Operations that listen: what they listen to, and what each event comes to. Run by graphql-core."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    execute,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import collect_fields
from graphql.execution.values import get_argument_values

from resolvers.context import Context
from resolvers.errors import InvalidError
from resolvers.listener import Heard
from resolvers.live import Wanted
from schema.execution.documents import MAX_ERRORS, Answer, Document
from schema.live import wanted


def is_live(document: Document, name: str | None) -> bool:
    """Whether the operation of that name, or the only one, listens."""
    node = _chosen(document, name)
    return node is not None and node.operation is OperationType.SUBSCRIPTION


def _chosen(document: Document, name: str | None) -> OperationDefinitionNode | None:
    operations = document.operations
    return operations.get(name) if name or len(operations) != 1 else next(iter(operations.values()))


@dataclass(frozen=True, slots=True)
class Listening:
    """An operation that listens, ready to be told.

    Args:
        schema: in which it is an operation.
        node: the operation with the fragments that it may use.
        variables: as they were given.
        wanted: what it listens to.
    """

    schema: GraphQLSchema
    node: DocumentNode
    variables: dict[str, Any]
    wanted: Wanted

    async def answer(self, heard: Heard, context: Context) -> Answer:
        """What it is told of one event.

        Source: the specification's ExecuteSubscriptionEvent (§6.2.3.2), the event as the root.
        """
        result: Any = execute(self.schema, self.node, heard, context, self.variables)
        if not isinstance(result, ExecutionResult):
            result = await result
        return Answer(result.data, list(result.errors or ()))


def listening(
    schema: GraphQLSchema, document: Document, name: str | None, variables: Mapping[str, Any] | None
) -> Listening | list[GraphQLError]:
    """The operation of that name, or the only one; instead of it what is wrong with its variables or arguments.

    Source: the specification's CreateSourceEventStream (§6.2.3.1), up to the arguments of the one field.
    """
    operation = _chosen(document, name)
    node = DocumentNode(definitions=tuple(filter(None, (operation, *document.fragments.values()))))
    given = dict(variables or {})
    built = Executor.build(schema, node, raw_variable_values=given, max_coercion_errors=MAX_ERRORS)
    if isinstance(built, list):
        return built
    root: Any = schema.subscription_type
    fields = collect_fields(
        schema, built.fragments, built.variable_values, root, built.operation, built.hide_suggestions
    ).grouped_field_set
    if not fields:
        return [GraphQLError("Nothing is left to listen to.", operation)]
    details = next(iter(fields.values()))[0]
    try:
        arguments = get_argument_values(
            root.fields[details.node.name.value],
            details.node,
            built.variable_values,
            details.fragment_variable_values,
            built.hide_suggestions,
        )
        return Listening(schema, node, given, wanted(details.node.name.value, arguments))
    except GraphQLError as error:
        return [error]
    except InvalidError as error:
        return [GraphQLError(str(error), details.node, original_error=error)]
