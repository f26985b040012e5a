"""Summaries in GraphQL: counts and sums over a subtree."""

from typing import Annotated

import strawberry

from models import AccountStatus, AccountType, SubscriptionStatus, UserKind
from models.statement import Row
from resolvers import products, summary
from resolvers.errors import InvalidError
from resolvers.page import DEFAULT_SIZE, MAX_SIZE
from resolvers.privileges import Privilege
from schema.field import column, loaded, related
from schema.reference import ProductRef
from schema.scalars import Currency
from schema.values import Money, money

_MAX_DAYS = 3660


@strawberry.type(description="How many accounts are of a type and in a status.")
class AccountCount:
    """One group."""

    type: AccountType = strawberry.field(description="The type.")
    status: AccountStatus = strawberry.field(description="The status.")
    count: int = strawberry.field(description="How many accounts.")


@strawberry.type(description="How many users are of a kind.")
class UserCount:
    """One group."""

    kind: UserKind = strawberry.field(description="The kind.")
    count: int = strawberry.field(description="How many users.")


@strawberry.type(description="How many subscriptions are in a status, and their seats.")
class SubscriptionCount:
    """One group."""

    status: SubscriptionStatus = strawberry.field(description="The status.")
    count: int = strawberry.field(description="How many subscriptions.")
    seats: int = strawberry.field(description="The sum of their quantities.")


@strawberry.type(description="How many active subscriptions are for a product, and their seats.")
class ProductCount:
    """One group of subscriptions, by the product's id."""

    count: int = column("How many subscriptions.")
    seats: int = column("The sum of their quantities.")
    product: ProductRef | None = related(
        products.by_group, ProductRef, "The product.", privilege=Privilege.CATALOGUE_VIEW
    )


@strawberry.type(description="How many active subscriptions are for products of a manufacturer, and their seats.")
class ManufacturerCount:
    """One group."""

    code: str = strawberry.field(description="The manufacturer's code.")
    name: str = strawberry.field(description="The manufacturer's name.")
    count: int = strawberry.field(description="How many subscriptions.")
    seats: int = strawberry.field(description="The sum of their quantities.")


@strawberry.type(description="How many subscriptions renew by themselves, and their seats.")
class RenewalCount:
    """One group."""

    count: int = strawberry.field(description="How many subscriptions.")
    seats: int = strawberry.field(description="The sum of their quantities.")


@strawberry.type(description="A month's money in one currency, relative to the caller's account.")
class MonthlyMoney:
    """Cost, price and margin over active and held subscriptions."""

    currency: Currency = strawberry.field(description="Of all three.")
    cost: Money | None = strawberry.field(description="What the caller's account pays its vendor. Null: nothing.")
    price: Money | None = strawberry.field(description="What it charges right below itself. Null: nothing.")
    margin: Money | None = strawberry.field(description="Price less cost. Null unless there are both.")


def _monthly(sums: summary.Money) -> MonthlyMoney:
    cost, price = sums.cost_micros, sums.price_micros
    return MonthlyMoney(
        currency=Currency(sums.currency),
        cost=None if cost is None else money(cost, sums.currency),
        price=None if price is None else money(price, sums.currency),
        margin=None if cost is None or price is None else money(price - cost, sums.currency),
    )


_Products = Annotated[
    int, strawberry.argument(description="How many products at most, 1 to 100: those with most seats.")
]
_Days = Annotated[int, strawberry.argument(description="How many days ahead, today included: 0 to 3660.")]


def _some_products(first: int) -> None:
    if not 1 <= first <= MAX_SIZE:
        raise InvalidError(f"`first` is {first}; it takes 1 to {MAX_SIZE}.")


def _some_days(days: int) -> int:
    if not 0 <= days <= _MAX_DAYS:
        raise InvalidError(f"`days` is {days}; it takes 0 to {_MAX_DAYS}.")
    return days


@strawberry.type(
    description="Counts and sums over an account and everything below it, worked out by the database over all of it."
)
class Summary:
    """Its row is an account, of which only the path is used."""

    @loaded(summary.accounts, "Accounts by type and status.", privilege=Privilege.ACCOUNTS_VIEW)
    def accounts(rows: list[Row], _row: Row) -> list[AccountCount] | None:
        return [AccountCount(type=row.type, status=row.status, count=row.n) for row in rows]

    @loaded(summary.users, "Users by kind.", privilege=Privilege.USERS_VIEW)
    def users(rows: list[Row], _row: Row) -> list[UserCount] | None:
        return [UserCount(kind=row.kind, count=row.n) for row in rows]

    @loaded(summary.subscriptions, "Subscriptions by status.", privilege=Privilege.SUBSCRIPTIONS_VIEW)
    def subscriptions(rows: list[Row], _row: Row) -> list[SubscriptionCount] | None:
        groups = summary.grouped_by(rows, lambda row: row.status)
        return [SubscriptionCount(status=group.by, count=group.count, seats=group.seats) for group in groups]

    @loaded(
        summary.subscriptions,
        "Active subscriptions by product, those with most seats first; `productCount` tells how many there are.",
        privilege=Privilege.SUBSCRIPTIONS_VIEW,
        request=_some_products,
    )
    def subscriptions_by_product(
        rows: list[Row], _row: Row, *, first: _Products = DEFAULT_SIZE
    ) -> list[ProductCount] | None:
        groups = summary.grouped_by(summary.active(rows), lambda row: row.product_id)
        return groups[:first]  # type: ignore[return-value]  # stands behind the type

    @loaded(
        summary.subscriptions, "How many products have active subscriptions.", privilege=Privilege.SUBSCRIPTIONS_VIEW
    )
    def product_count(rows: list[Row], _row: Row) -> int | None:
        return len({row.product_id for row in summary.active(rows)})

    @loaded(
        summary.manufacturers,
        "Active subscriptions by manufacturer, most seats first.",
        privilege=Privilege.SUBSCRIPTIONS_VIEW,
    )
    def subscriptions_by_manufacturer(groups: list[summary.Group], _row: Row) -> list[ManufacturerCount] | None:
        return [
            ManufacturerCount(code=group.by.code, name=group.by.name, count=group.count, seats=group.seats)
            for group in groups
        ]

    @loaded(
        summary.renewals,
        "Active subscriptions that renew by themselves in the next days.",
        privilege=Privilege.SUBSCRIPTIONS_VIEW,
        request=_some_days,
    )
    def renewals(rows: list[Row], _row: Row, *, days: _Days = 30) -> RenewalCount | None:
        return RenewalCount(count=rows[0].n if rows else 0, seats=rows[0].seats if rows else 0)

    @loaded(
        summary.money,
        "What active and held subscriptions cost and bring in a month, by currency.",
        privilege=Privilege.FINANCES_VIEW,
    )
    def monthly(sums: list[summary.Money], _row: Row) -> list[MonthlyMoney] | None:
        return [_monthly(each) for each in sums]
