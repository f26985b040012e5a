"""Orders tried out: what placing one would come to, told without placing it."""

from inspect import Parameter
from types import SimpleNamespace
from typing import Annotated, Any, cast

import strawberry

from models import OrderWait, QuantityKind
from models.statement import Row
from resolvers import products
from resolvers.changing import ChangingContext
from resolvers.order_changes import Estimate, OrderEstimate, estimate
from resolvers.ordering.draft import Draft
from resolvers.privileges import Privilege
from schema.execution.declaration import Declaration
from schema.field import Requires, column, computed, declared, described, related
from schema.info import Info
from schema.inputs import input_type, values_of
from schema.mutation import UserError, told
from schema.reference import PlanRef, ProductRef
from schema.scalars import Date
from schema.values import Money, Period, money

_P, _F = Privilege.ORDERS_PLACE, Privilege.FINANCES_VIEW


@strawberry.type(description="One line of an order that could be placed.")
class DraftLine:
    """A line of a draft."""

    position: int = column("From 1; products that the ordered ones need come last.")
    mpn: str = column("The manufacturer's part number.")
    name: str = column("The product's name.")
    quantity_kind: QuantityKind = column("How `quantity` is meant.")
    quantity: int = column("As it was asked for.")
    previous_quantity: int = column("What the subscription has.")
    delta: int = column("By how much that changes.")
    resulting_quantity: int = column("What the subscription would have.")
    product: ProductRef | None = related(
        products.by_product_id, ProductRef, "The product.", privilege=Privilege.CATALOGUE_VIEW
    )

    plan: PlanRef | None = related(
        products.plan,
        PlanRef,
        "The terms: of what is given up by a switch, the present ones.",
        privilege=Privilege.CATALOGUE_VIEW,
    )

    @computed("For one unit and billing period, as the account pays its vendor.", needs=("unit",), privilege=_F)
    def unit_price(row: Row) -> Money | None:
        return cast(Money, row.unit)

    @computed("For the units that are added, and one billing period.", needs=("extended",), privilege=_F)
    def extended_price(row: Row) -> Money | None:
        return cast(Money, row.extended)

    @computed("For setting it up, once. Null: nothing.", needs=("setup",), privilege=_F)
    def setup_price(row: Row) -> Money | None:
        return cast(Money | None, row.setup)

    @computed(
        "What the order would charge for it at once. Those of all lines add up to `dueNow`.",
        needs=("charged",),
        privilege=_F,
    )
    def charged(row: Row) -> Money | None:
        return cast(Money, row.charged)


@strawberry.type(description="What an order would come to. Nothing of it is stored.")
class OrderDraft:
    """A draft."""

    lines: list[DraftLine] = column("What would be ordered.")
    waiting_for: OrderWait | None = column("What it would wait for. Null: nothing.")
    effective_on: Date | None = column("The day on which it would take effect. Null: at once.")
    term_from: Date | None = column("The first day of the term that it would pay for. Null: of none.")
    term_until: Date | None = column("The day on which that term would end.")

    @computed("For how long it is bought at a time.", needs=("period",))
    def subscription_period(row: Row) -> Period:
        return cast(Period, row.period)

    @computed("What the account would be charged at once. Negative: given back.", needs=("due",), privilege=_F)
    def due_now(row: Row) -> Money | None:
        return cast(Money, row.due)


@strawberry.type(description="What came of trying an order out.")
class OrderEstimatePayload:
    """Stands in front of `Estimate`."""

    draft: OrderDraft | None = column("What it would come to. Null: it would be refused.")
    user_errors: list[UserError] = column("Why it would be refused; empty if it would be placed.")


@strawberry.type(description="Whether an order could be placed.")
class OrderValidatePayload:
    """Stands in front of `Estimate`."""

    is_valid: bool = column("Whether it would be placed, unless a vendor above lacks the credit.")
    user_errors: list[UserError] = column("Why it would be refused; empty if it would be placed.")


_INPUT = input_type("OrderEstimateInput", OrderEstimate)


async def _estimate(_root: Any, info: Info, **arguments: Any) -> Any:
    return _told(await _tried(info, arguments["input"]))


async def _validate(_root: Any, info: Info, **arguments: Any) -> Any:
    return _told(await _tried(info, arguments["input"]))


async def _tried(info: Info, given: Any) -> Estimate:
    return await estimate(cast(ChangingContext, info.context), values_of(OrderEstimate, given))


def _told(what: Estimate) -> Any:
    errors = [told(error) for error in what.errors]
    draft = None if what.draft is None else _draft(what.draft)
    return SimpleNamespace(draft=draft, is_valid=draft is not None, user_errors=errors)


def _draft(draft: Draft) -> Any:
    """What of a draft the account may know: its own edge, never one above."""
    return SimpleNamespace(
        lines=[_line(draft, at) for at in range(len(draft.lines))],
        waiting_for=draft.waiting_for,
        effective_on=draft.effective_on,
        term_from=draft.term.start if draft.term else None,
        term_until=draft.term.end if draft.term else None,
        period=Period(type=draft.period.type, duration=draft.period.duration),
        due=money(draft.total_micros, draft.currency),
    )


def _line(draft: Draft, at: int) -> Any:
    line = draft.lines[at]
    unit, extended, currency, _ = draft.price(line)
    setup = draft.setup(line)
    return SimpleNamespace(
        position=at + 1,
        mpn=line.product.mpn,
        name=line.product.name,
        quantity_kind=line.kind,
        quantity=line.quantity,
        previous_quantity=line.previous,
        delta=line.delta,
        resulting_quantity=line.resulting,
        product_id=line.product.id,
        plan_id=line.under[0] if line.under else draft.plan_id,
        unit=money(unit, currency),
        extended=money(extended, currency),
        setup=money(setup, currency) if setup else None,
        charged=money(draft.charged(line), currency),
    )


def _field(resolve: Any, payload: type, description: str) -> Any:
    about = strawberry.argument(description="What would be ordered.")
    argument = Parameter("input", Parameter.KEYWORD_ONLY, annotation=Annotated[_INPUT, about])
    check = Declaration(check=Requires(_P))
    return declared(check, resolve, payload | None, described(description, _P), [argument])


@strawberry.type
class OrderTrials:
    """The part of the root of mutations that changes nothing."""

    order_estimate = _field(
        _estimate,
        OrderEstimatePayload,
        "What `orderPlace` would come to with the same input: the same checks and prices, and nothing is stored. Credit"
        " is looked at for the account itself and where the caller sees balances; whether vendors above have it, only"
        " placing tells (`VENDOR_UNAVAILABLE`).",
    )
    order_validate = _field(
        _validate,
        OrderValidatePayload,
        "Whether `orderPlace` would be refused with the same input, and why, as far as `orderEstimate` can tell.",
    )
