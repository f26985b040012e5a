"""Changing prices, one at a time."""

from datetime import date

import orjson
from sqlalchemy import bindparam, select

from models import PlanPeriod, PriceModel, PriceType
from models.base import table_of
from models.beyond.pricing import PriceKey
from models.statement import Row, Statement
from resolvers import catalogue, price_lists, price_rows
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import AccountId, Input, said
from resolvers.operation import Target, operation
from resolvers.price_lists import Offer, Seller
from resolvers.prices import PRICE
from resolvers.privileges import Privilege
from resolvers.products import MARKETPLACE, PLAN, PRODUCT
from resolvers.trade_inputs import (
    Amount,
    Currency,
    MarketplaceId,
    PeriodInput,
    PlanId,
    PriceId,
    ProductId,
    Quantity,
    micros_of,
)

_MOST_TIERS = 50
_PERIOD = table_of(PlanPeriod).c
_PERIOD_OF = Statement(
    select(_PERIOD.plan_id).where(
        *(_PERIOD[name] == bindparam(f"of_{name}") for name in ("plan_id", "type", "duration"))
    ),
    is_lookup=True,
)


class PriceTierInput(Input):
    """One step of a tiered price."""

    lower_limit: Quantity = said("From how many units, 2 or more.")
    amount: Amount = said("For one unit and billing period, in the price's currency, as `9.50`.")


class PriceOffer(Input):
    """A price from a day on."""

    seller: AccountId | None = said("Who offers it: the caller's own account, or one below; left out: the own.", None)
    buyer: AccountId | None = said("To whom: an account right below the seller; left out: to all of those.", None)
    is_manufacturers: bool = said(
        "Whether it is what the manufacturer charges the provider: for the provider's own staff, without a seller and a"
        " buyer.",
        False,
    )
    product: ProductId = said("What is offered.")
    plan: PlanId = said("Under which terms.")
    period: PeriodInput = said(
        "For which of the plan's subscription periods; `Price.subscriptionPeriod` once it is offered."
    )
    type: PriceType = said("What is paid for.", PriceType.RECURRING)
    model: PriceModel | None = said(
        "How the amount depends on the quantity; left out: FLAT, or VOLUME_SUBSCRIPTION where there are tiers.", None
    )
    amount: Amount = said("For one unit and billing period, as `9.50`; in tiers, of the first.")
    currency: Currency | None = said(
        "Its currency, ISO 4217: the seller's, which need not be given; a manufacturer's may be any.", None
    )
    tiers: list[PriceTierInput] | None = said(
        "The tiers above the first, ascending, at most 50; left out: none.", None, most=_MOST_TIERS
    )
    marketplace: MarketplaceId | None = said("Where it holds; left out: everywhere.", None)
    valid_from: date | None = said("The first day on which it holds, today (UTC) or later; left out: today.", None)
    valid_until: date | None = said("The first day on which it no longer holds; left out: until further notice.", None)


class PriceEnd(Input):
    """Which price to end."""

    price: PriceId = said("The price.")
    on: date | None = said("The first day on which it no longer holds, today (UTC) or later; left out: today.", None)


@operation(
    privilege=Privilege.PRICES_MANAGE,
    gives="price",
    target=Target(ACCOUNT, by="seller", is_changed=False),
    codes=(
        UserErrorCode.CURRENCY_FIXED,
        UserErrorCode.NOT_OFFERED,
        UserErrorCode.OUT_OF_RANGE,
        UserErrorCode.REQUIRED,
        UserErrorCode.TOO_LONG,
    ),
    bulk=True,
)
async def offer(act: Act, given: PriceOffer) -> None:
    """Offer a product to a seller's direct buyers, or to one of them, for a price from a day on.

    It ends the price that would hold then; a later one that has been set stays, and ends it. A price for one buyer
    comes before that for all. A seller offers only what its own vendor offers it on that day; the provider anything.
    A price below cost is the seller's own affair. Takes the privilege to see prices, too.
    """
    seller = await price_lists.seller_of(act, act.target, is_manufacturer=given.is_manufacturers)
    await _check_parties(act, given, seller)
    await _check_goods(act, given)
    wanted = Offer(
        key=PriceKey(given.product, given.plan, given.period.type, given.period.duration, given.type),
        buyer_id=given.buyer,
        marketplace_id=given.marketplace,
        currency=_currency(act, given, seller),
        model=given.model or (PriceModel.VOLUME_SUBSCRIPTION if given.tiers else PriceModel.FLAT),
        amount_micros=micros_of(given.amount),
        tiers=_tiers(act, given),
        valid_from=price_lists.first_day(act, given.valid_from, "valid_from"),
        valid_until=given.valid_until,
    )
    if wanted.valid_until is not None and wanted.valid_until <= wanted.valid_from:
        act.fault(UserErrorCode.OUT_OF_RANGE, "It is not after the first day.", "valid_until")
    act.check()
    if await price_lists.not_offered(act, seller, [wanted]):
        act.refuse(UserErrorCode.NOT_OFFERED, _not_offered(wanted.valid_from), "product")
    changes = await price_rows.worked_out(act, seller, [wanted])
    await price_rows.put(act, changes)
    act.gives(price=changes.ids[0])


@operation(
    privilege=Privilege.PRICES_MANAGE,
    gives="price",
    target=Target(PRICE, by="price"),
    codes=(UserErrorCode.ALREADY_DONE, UserErrorCode.OUT_OF_RANGE),
    bulk=True,
)
async def end(act: Act, given: PriceEnd) -> None:
    """End a price on a day; from then on it can't be ordered for, unless another price holds.

    One that doesn't hold yet is withdrawn; what it was to follow stays ended. Takes the privilege to see prices, too.
    """
    act.caller.require(Privilege.PRICES_VIEW)
    if not _is_ours(act, act.target):
        act.refuse(UserErrorCode.NOT_FOUND, "There is no such price.", "price")
    first_day, last = (price_lists.to_day(act.target.valid_from), act.target.valid_until)
    day = max(price_lists.first_day(act, given.on, "on"), first_day)
    act.check()
    if last is not None and price_lists.to_day(last) <= day:
        act.refuse(UserErrorCode.ALREADY_DONE, f"It ends on {last} already.", "price")
    await act.change(PRICE, act.target, valid_until=day)


def _is_ours(act: Act, price: Row) -> bool:
    """Whether the caller makes such prices: a cost of its own is seen, and can't be locked on PostgreSQL at all."""
    settings = act.writer.scope.settings()
    if price.seller_id is None:
        return settings["catalogue"] == 1
    return act.writer.scope.holds(price.seller_path) and len(price.seller_path) <= int(settings["seller_span"])


async def _check_parties(act: Act, given: PriceOffer, seller: Seller) -> None:
    if given.is_manufacturers:
        for name in ("seller", "buyer"):
            if getattr(given, name) is not None:
                act.fault(UserErrorCode.INVALID, "Manufacturers sell to the provider; leave it out.", name)
    elif given.buyer is not None:
        await price_lists.check_buyer(act, seller, given.buyer)


async def _check_goods(act: Act, given: PriceOffer) -> None:
    for name, table in (("product", PRODUCT), ("plan", PLAN), ("marketplace", MARKETPLACE)):
        row_id = getattr(given, name)
        if row_id is not None and await catalogue.find(act, table, row_id) is None:
            act.fault(UserErrorCode.NOT_FOUND, f"There is no such {name}.", name)
    act.check()
    period = {"of_plan_id": given.plan, "of_type": given.period.type.value, "of_duration": given.period.duration}
    if not await act.rows(_PERIOD_OF, period):
        act.fault(UserErrorCode.INVALID, "The plan can't be subscribed for this period.", "period")


def _currency(act: Act, given: PriceOffer, seller: Seller) -> str:
    if given.currency not in (None, seller.currency) and not given.is_manufacturers:
        act.fault(UserErrorCode.CURRENCY_FIXED, f"The seller's currency is {seller.currency}.", "currency")
    return given.currency or seller.currency


def _tiers(act: Act, given: PriceOffer) -> str | None:
    """The tiers as a row has them."""
    if not given.tiers:
        return None
    if given.model is PriceModel.FLAT:
        act.fault(UserErrorCode.INVALID, "A flat price has no tiers.", "tiers")
    before = 1
    for index, tier in enumerate(given.tiers):
        if tier.lower_limit <= before:
            message = f"It is not more than {before}, where the tier before begins."
            act.fault(UserErrorCode.OUT_OF_RANGE, message, "tiers", str(index), "lower_limit")
        before = tier.lower_limit
    return orjson.dumps([[tier.lower_limit, micros_of(tier.amount)] for tier in given.tiers]).decode()


def _not_offered(day: date) -> str:
    return (
        f"The seller's own vendor doesn't offer it this product under this plan and for this period on {day}."
        " Ask the vendor, or choose a day on which it does."
    )
