"""Whether documents that are to be registered could be run, and what they come to."""

from collections.abc import Iterable
from dataclasses import dataclass

from graphql import GraphQLError, NonNullTypeNode, OperationDefinitionNode
from graphql.execution.values import get_variable_values

from resolvers.documents import NewDocument
from schema import executor
from schema.execution.documents import Document
from schema.limits.bounds import Bounds
from schema.limits.cost import Estimator


@dataclass(frozen=True, slots=True)
class Checked:
    """An operation of a document.

    Args:
        document_id: the document's.
        name: the operation's; empty for none.
        kind: query, mutation or subscription.
        depth: fields below each other.
        selections: fields, fragments opened.
        cost: see `cost_by_defaults`.
    """

    document_id: str
    name: str
    kind: str
    depth: int
    selections: int
    cost: int | None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a document can't be registered."""

    document: str
    what: str


def checked(documents: Iterable[NewDocument], bounds: Bounds) -> tuple[list[Checked], list[Problem]]:
    """What documents come to, and what is wrong with them.

    Args:
        documents: to be registered.
        bounds: what a registered document may have.
    """
    found: list[Checked] = []
    problems: list[Problem] = []
    for each in documents:
        document = executor.read(each.text, bounds)
        problems += [Problem(_named(each), _told(error)) for error in document.errors]
        if not document.errors and not document.operations:
            problems.append(Problem(_named(each), "It has no operation."))
        for name, operation in document.operations.items():
            shape = document.shapes[name]
            cost = cost_by_defaults(document, operation)
            found.append(Checked(each.id, name or "", _kind(operation), shape.depth, shape.selections, cost))
    return found, problems


def cost_by_defaults(document: Document, operation: OperationDefinitionNode) -> int | None:
    """The estimated cost of an operation while of its variables only those are given that have a default.

    Returns:
        Points; None where that can't be said.
    """
    of_defaults = [each for each in operation.variable_definitions or () if not isinstance(each.type, NonNullTypeNode)]
    values = get_variable_values(executor.schema, of_defaults, {})
    if isinstance(values, list):
        return None
    estimator = executor.estimator(document, operation, values)
    return estimator.estimate(values.coerced) if isinstance(estimator, Estimator) else None


def _kind(operation: OperationDefinitionNode) -> str:
    return operation.operation.value


def _named(document: NewDocument) -> str:
    """The document as whoever wrote it finds it again: the id of its manifest, and how it begins."""
    first = next((line.strip() for line in document.text.splitlines() if line.strip()), "")
    return f"{(document.aliases or (document.id,))[0]} ({first[:60]})"


def _told(error: GraphQLError) -> str:
    places = ", ".join(f"line {each.line}, column {each.column}" for each in error.locations or ())
    return f"{error.message} ({places})" if places else error.message
