"""Operations that ask about the schema: that part of them apart from all else, and its answer. Run by graphql-core."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    experimental_execute_incrementally,
)
from graphql.execution.values import VariableValues

from schema.execution.documents import Answer, Document
from schema.execution.parts import whole
from schema.execution.selections import Selections
from schema.visibility import Visible, telling

_FIELDS = {"__schema", "__type"}


@dataclass(frozen=True, slots=True)
class Parts:
    """An operation in two.

    Args:
        told: what it asks about the schema.
        asked: all else; None where there is nothing else.
        keys: of the whole answer, in their order.
    """

    told: Document
    asked: Document | None
    keys: list[str]


def parts(
    schema: GraphQLSchema, document: Document, operation: OperationDefinitionNode, values: VariableValues
) -> Parts:
    """A query that asks about the schema, in its two parts; either is a document with an operation of the same name."""
    root: Any = schema.query_type
    selections = Selections(schema, document.fragments, values, is_lenient=True)
    found = selections.collect(root, [operation.selection_set])
    told = [node for nodes in found.values() for node in nodes if node.name.value in _FIELDS]
    asked = [node for nodes in found.values() for node in nodes if node.name.value not in _FIELDS]
    rest = _with(document, operation, asked) if asked else None
    return Parts(_with(document, operation, told), rest, list(found))


def _with(document: Document, operation: OperationDefinitionNode, fields: list[FieldNode]) -> Document:
    """A document whose one operation has these fields at its root."""
    made = OperationDefinitionNode(
        operation=operation.operation,
        name=operation.name,
        variable_definitions=operation.variable_definitions,
        selection_set=SelectionSetNode(selections=tuple(fields)),
    )
    name = operation.name.value if operation.name else None
    return Document(0, [], 0, {name: made}, document.fragments, document.shapes, document.deciding)


def tell(schema: GraphQLSchema, document: Document, variables: Mapping[str, Any], seen: Visible) -> Answer:
    """What the schema tells of itself, of what is seen. Waits for nothing, so it may be done in any thread."""
    (operation,) = document.operations.values()
    node = DocumentNode(definitions=(operation, *document.fragments.values()))
    result: Any = experimental_execute_incrementally(
        schema, whole(node), None, None, dict(variables), middleware=[telling(seen)]
    )
    return Answer(result.data, list(result.errors or ()))
