"""How it is spelled: GraphQL types, inputs, connections. Writes no SQL.

`Query` is the list of everything that can be asked at the root, `Mutation` of everything that can be changed, `Live` of
everything that can be listened to.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import strawberry
from graphql import GraphQLField
from strawberry.schema.config import StrawberryConfig
from strawberry.types.arguments import convert_arguments

from resolvers import (
    account_changes,
    account_life,
    customer_changes,
    exchange_rate_changes,
    invitations,
    manufacturer_changes,
    marketplace_changes,
    money_changes,
    order_changes,
    plan_changes,
    plan_switch_changes,
    price_changes,
    price_markup,
    price_sheet_changes,
    product_changes,
    reseller_changes,
    seat_changes,
    security,
    subscription_changes,
    transfer,
    user_changes,
)
from schema.account import Account, AccountQuery
from schema.change import ChangeQuery
from schema.execution.documents import Executor
from schema.execution.plan import Level
from schema.field import row_type
from schema.limits.declaring import declare_costs
from schema.listening import listening
from schema.live import Live
from schema.money import MoneyQuery, Payment
from schema.mutation import mutations
from schema.order import Order, OrderQuery
from schema.order_estimate import OrderTrials
from schema.plan_switch import PlanSwitch, PlanSwitchQuery
from schema.price import Price, PriceQuery, PriceSheet
from schema.product import ExchangeRate, Manufacturer, Marketplace, Plan, Product, ProductQuery
from schema.rate_limit import RateLimitQuery
from schema.scalars import SCALARS
from schema.subscription import Subscription, SubscriptionQuery
from schema.user import User, UserQuery
from schema.viewer import ViewerQuery


@strawberry.type(description="What can be asked. Every answer lies in the part of the tree that the caller may see.")
class Query(
    ViewerQuery,
    AccountQuery,
    ChangeQuery,
    UserQuery,
    SubscriptionQuery,
    OrderQuery,
    ProductQuery,
    PriceQuery,
    PlanSwitchQuery,
    MoneyQuery,
    RateLimitQuery,
):
    """The root."""


_Changes = mutations(
    [
        account_changes,
        account_life,
        customer_changes,
        reseller_changes,
        transfer,
        exchange_rate_changes,
        invitations,
        manufacturer_changes,
        marketplace_changes,
        money_changes,
        order_changes,
        plan_changes,
        plan_switch_changes,
        price_changes,
        price_markup,
        price_sheet_changes,
        product_changes,
        seat_changes,
        security,
        subscription_changes,
        user_changes,
    ],
    account=Account,
    exchange_rate=ExchangeRate,
    manufacturer=Manufacturer,
    marketplace=Marketplace,
    order=Order,
    payment=Payment,
    plan=Plan,
    plan_switch=PlanSwitch,
    price=Price,
    price_sheet=PriceSheet,
    product=Product,
    subscription=Subscription,
    user=User,
)


@strawberry.type(description=_Changes.__strawberry_definition__.description)
class Mutation(_Changes, OrderTrials):  # type: ignore[misc, valid-type]  # made from data
    """The root."""


schema = strawberry.Schema(
    query=Query,
    mutation=Mutation,
    subscription=Live,
    config=StrawberryConfig(scalar_map=SCALARS, sort_schema=True, enable_experimental_incremental_execution=True),
)
declare_costs(schema)


def schema_text() -> str:
    """The schema in its definition language.

    It names its roots: the type `Subscription` is none, it is what is sold.
    """
    return schema.as_str()


def _convert(field: GraphQLField, given: dict[str, Any]) -> dict[str, Any]:
    definition = field.extensions["strawberry-definition"]
    converter = schema.schema_converter
    return convert_arguments(given, definition.arguments, converter.scalar_registry, schema.config)


def _name_rows(level: Level) -> Callable[[Any], Any]:
    return row_type("", tuple(level.layout))


executor = Executor(schema._schema, _convert, _name_rows, lambda context: context.record.step)  # of Strawberry
listen = partial(listening, executor)
"""See `schema.listening.listening`."""
