"""Preparing an operation: everything that can be refused before it runs is looked at here."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode

from edge.documents.reading import Charge, Reading
from edge.execution import Prepared
from edge.exposure.masking import Refusal
from schema import executor
from schema.execution.documents import Document
from schema.limits.bounds import Bounds, exceeded, too_dear, too_many


async def prepared(
    reading: Reading,
    document: Document,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any] | None,
    bounds: Bounds,
    charge: Charge | None = None,
) -> Prepared:
    """An operation of a document that may be run.

    Args:
        reading: plans what is large.
        document: without errors.
        operation: one of its operations.
        variables: as they were given.
        bounds: how much it may have.
        charge: takes what planning costs.

    Raises:
        Refusal: it may not.
    """
    given = dict(variables or {})
    name = operation.name.value if operation.name else None
    _refuse(exceeded(document.shapes[name], bounds, operation.operation))
    _refuse(too_many(given, bounds))
    values = executor.coerced(operation, given)
    if isinstance(values, list):
        raise Refusal(values)
    await reading.plan(document, operation, values, charge)
    estimator = executor.estimator(document, operation, values)
    if isinstance(estimator, list):
        raise Refusal(estimator)
    estimate = estimator.estimate(values.coerced)
    _refuse(too_dear(estimate, bounds))
    return Prepared(document, operation, given, values, estimator, estimate, bounds.objects)


def _refuse(errors: list[GraphQLError]) -> None:
    if errors:
        raise Refusal(errors)
