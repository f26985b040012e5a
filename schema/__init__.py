"""How it is spelled: GraphQL types, inputs, connections. Writes no SQL.

`Query` is the list of everything that can be asked at the root.
"""

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema.account import AccountQuery
from schema.errors import ErrorCodes
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
