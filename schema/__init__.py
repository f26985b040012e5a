"""How it is spelled: GraphQL types, inputs, connections. Writes no SQL.

`Query` is the list of everything that can be asked at the root.
"""

from collections.abc import Callable
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLField
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext
from strawberry.types.arguments import convert_arguments

from schema.account import AccountQuery
from schema.errors import ErrorCodes
from schema.execution.documents import Executor
from schema.execution.plan import Level
from schema.field import row_type
from schema.order import OrderQuery
from schema.price import PriceQuery
from schema.product import ProductQuery
from schema.scalars import SCALARS
from schema.subscription import SubscriptionQuery
from schema.user import UserQuery
from schema.viewer import ViewerQuery


@strawberry.type(description="What can be asked. Every answer lies in the part of the tree that the caller may see.")
class Query(ViewerQuery, AccountQuery, UserQuery, SubscriptionQuery, OrderQuery, ProductQuery, PriceQuery):
    """The root."""


class _Schema(strawberry.Schema):
    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        """Nothing: a refusal is no event, and `ErrorCodes` logs what is a defect."""


schema = _Schema(
    query=Query,
    extensions=[ErrorCodes],
    config=StrawberryConfig(scalar_map=SCALARS, sort_schema=True, disable_field_suggestions=False),
)


def schema_text() -> str:
    """The schema in its definition language.

    It names its root, or else tools would take the type `Subscription` for the root of live updates.
    """
    return "schema {\n  query: Query\n}\n\n" + schema.as_str()


def _convert(field: GraphQLField, given: dict[str, Any]) -> dict[str, Any]:
    definition = field.extensions["strawberry-definition"]
    converter = schema.schema_converter
    return convert_arguments(given, definition.arguments, converter.scalar_registry, schema.config)


def _name_rows(level: Level) -> Callable[[Any], Any]:
    return row_type("", tuple(level.layout))


executor = Executor(schema._schema, _convert, _name_rows)  # Strawberry keeps the graphql-core schema there
