"""Operations that listen: what they listen to, and what each event comes to. Run by graphql-core."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode
from graphql.execution import Executor as GraphQLExecutor
from graphql.execution.collect_fields import collect_fields
from graphql.execution.values import get_argument_values

from resolvers.context import Context
from resolvers.errors import InvalidError
from resolvers.listener import Heard
from resolvers.live import Wanted
from schema.execution.documents import BAD_INPUT, Answer, Document, Executor, coded
from schema.live import wanted


@dataclass(frozen=True, slots=True)
class Listening:
    """An operation that listens, ready to be told.

    Args:
        executor: answers it.
        document: in which it is an operation.
        name: of the operation; None for the only one.
        variables: as they were given.
        wanted: what it listens to.
    """

    executor: Executor
    document: Document
    name: str | None
    variables: Mapping[str, Any] | None
    wanted: Wanted

    async def answer(self, heard: Heard, context: Context) -> Answer:
        """What it is told of one event.

        Source: the specification's ExecuteSubscriptionEvent (§6.2.3.2), the event as the root.
        """
        return await self.executor.execute_by_core(self.document, self.name, self.variables, context, heard)


def listening(
    executor: Executor,
    document: Document,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any] | None,
) -> Listening | list[GraphQLError]:
    """An operation of a document, listening; instead of it what is wrong with its variables or arguments.

    Source: the specification's CreateSourceEventStream (§6.2.3.1), up to the arguments of the one field.
    """
    schema = executor.schema
    node = executor.alone(document, operation)
    built = GraphQLExecutor.build(
        schema,
        node,
        raw_variable_values=dict(variables or {}),
        max_coercion_errors=executor.max_errors,
        hide_suggestions=executor.hides_suggestions,
    )
    if isinstance(built, list):
        return [coded(error, BAD_INPUT) for error in built]
    root: Any = schema.subscription_type
    fields = collect_fields(
        schema, built.fragments, built.variable_values, root, built.operation, built.hide_suggestions
    ).grouped_field_set
    if not fields:
        return [coded(GraphQLError("Nothing is left to listen to.", operation), BAD_INPUT)]
    details = next(iter(fields.values()))[0]
    try:
        arguments = get_argument_values(
            root.fields[details.node.name.value],
            details.node,
            built.variable_values,
            details.fragment_variable_values,
            built.hide_suggestions,
        )
        name = operation.name.value if operation.name else None
        return Listening(executor, document, name, variables, wanted(details.node.name.value, arguments))
    except GraphQLError as error:
        return [coded(error, BAD_INPUT)]
    except InvalidError as error:
        return [GraphQLError(str(error), details.node, original_error=error)]
