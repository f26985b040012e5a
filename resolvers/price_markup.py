"""Setting many prices at once by a markup on what the seller pays itself."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Annotated

import orjson
from pydantic import AfterValidator
from sqlalchemy import bindparam, select

from models import PriceModel, PriceSheetKind
from models.base import MICROS
from models.beyond import pricing
from models.beyond.pricing import PriceKey
from models.statement import Row, Statement
from resolvers import catalogue, price_lists, price_rows
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import AccountId, Input, IsDecimal, Text35, Text200, said, wrong
from resolvers.operation import Target, operation
from resolvers.price_lists import Offer, Seller
from resolvers.privileges import Privilege
from resolvers.products import MANUFACTURER, MARKETPLACE, PRODUCT
from resolvers.trade_inputs import Amount, ManufacturerId, MarketplaceId, PlanId, ProductId, micros_of

MOST_PRICES = 5_000
_MOST_LISTED = 500
_MOST_MICROS = 1_000_000_000 * MICROS
_OF_MANUFACTURER = Statement(
    select(PRODUCT.c.id).where(PRODUCT.c.manufacturer_id == bindparam("manufacturer")), is_lookup=True
)


def _percent(text: str) -> str:
    if not re.fullmatch(r"-?[0-9]{1,5}(\.[0-9]{1,6})?", text):
        raise wrong(UserErrorCode.INVALID, "It is no percentage such as 20 or 12.5.")
    if Decimal(text) < -100:
        raise wrong(UserErrorCode.OUT_OF_RANGE, "It is less than -100.")
    return text


def _step(text: str) -> str:
    if micros_of(text) == 0:
        raise wrong(UserErrorCode.OUT_OF_RANGE, "It is not more than 0.")
    return text


class PriceMarkup(Input):
    """How prices follow from costs."""

    seller: AccountId | None = said("Who offers: the caller's own account, or one below; left out: the own.", None)
    buyer: AccountId | None = said("To whom: an account right below the seller; left out: to all of those.", None)
    percent: Annotated[Text35, IsDecimal(), AfterValidator(_percent)] = said(
        "How much is added to the cost, as `20` or `12.5`; less than the cost as `-5`."
    )
    rounding: Annotated[Amount, AfterValidator(_step)] = said(
        "Amounts become whole multiples of this, half up, as `0.05`.", "0.01"
    )
    manufacturer: ManufacturerId | None = said("Only its products.", None)
    products: list[ProductId] | None = said("Only these products, at most 500.", None, most=_MOST_LISTED)
    plan: PlanId | None = said("Only what is sold under this plan.", None)
    marketplace: MarketplaceId | None = said("Where the prices hold; left out: everywhere.", None)
    valid_from: date | None = said("The first day on which they hold, today (UTC) or later; left out: today.", None)
    name: Text200 = said("What to call it, for finding it again.", "Markup")


@operation(
    privilege=Privilege.PRICES_MANAGE,
    gives="price_sheet",
    noun="price",
    target=Target(ACCOUNT, by="seller", is_changed=False),
    codes=(
        UserErrorCode.NOT_OFFERED,
        UserErrorCode.OUT_OF_RANGE,
        UserErrorCode.REQUIRED,
        UserErrorCode.TOO_LONG,
    ),
)
async def markup(act: Act, given: PriceMarkup) -> None:
    """Offer everything that a seller's vendor offers it, or a part of that, for so much above its cost.

    Costs are those of the first day, in the seller's own marketplace, for every plan, period, type and tier; at most
    5,000 at once. Each becomes a price as by `priceOffer`. Costs in another currency are changed by that day's
    exchange rate. Takes the privilege to see prices, too.
    """
    seller = await price_lists.seller_of(act, act.target)
    await _check(act, given, seller)
    day = price_lists.first_day(act, given.valid_from, "valid_from")
    act.check()
    found = await _costs(act, given, seller, day)
    if not found:
        act.refuse(UserErrorCode.NOT_OFFERED, f"The seller's own vendor offers it nothing of that on {day}.")
    if len(found) > MOST_PRICES:
        message = f"It makes {len(found)} prices; at most {MOST_PRICES}. Choose a manufacturer, products or a plan."
        act.refuse(UserErrorCode.TOO_LONG, message)
    rates = await _rates(act, seller, found, day)
    rule = _Rule(Fraction(given.percent) / 100 + 1, micros_of(given.rounding), rates)
    offers = [_offer(act, given, seller, key, row, rule, day) for key, row in found.items()]
    act.check()
    changes = await price_rows.worked_out(act, seller, offers)
    await price_rows.put_all(act, [changes], PriceSheetKind.MARKUP, given.name)


@dataclass(frozen=True, slots=True)
class _Rule:
    """Args: what a cost is multiplied by, the step to which it is rounded in micros, and rates by currency."""

    factor: Fraction
    step: int
    rates: Mapping[str, Fraction]

    def price(self, micros: int, currency: str) -> int:
        exact = micros * self.factor * self.rates[currency] / self.step
        return (2 * exact.numerator + exact.denominator) // (2 * exact.denominator) * self.step


async def _check(act: Act, given: PriceMarkup, seller: Seller) -> None:
    if given.buyer is not None:
        await price_lists.check_buyer(act, seller, given.buyer)
    for name, table in (("manufacturer", MANUFACTURER), ("marketplace", MARKETPLACE)):
        row_id = getattr(given, name)
        if row_id is not None and await catalogue.find(act, table, row_id) is None:
            act.fault(UserErrorCode.NOT_FOUND, f"There is no such {name}.", name)


async def _costs(act: Act, given: PriceMarkup, seller: Seller, day: date) -> dict[PriceKey, Row]:
    """What the seller pays for what was chosen."""
    found = await pricing.costs(act.writer, seller.edge, day)
    chosen = None if given.products is None else set(given.products)
    if given.manufacturer is not None:
        rows = await act.rows(_OF_MANUFACTURER, {"manufacturer": given.manufacturer})
        made = {row.id for row in rows}
        chosen = made if chosen is None else chosen & made
    return {
        key: row
        for key, row in found.items()
        if (chosen is None or key.product_id in chosen) and given.plan in (None, key.plan_id)
    }


async def _rates(act: Act, seller: Seller, found: Mapping[PriceKey, Row], day: date) -> dict[str, Fraction]:
    """What one unit of each currency of the costs is in the seller's."""
    currencies = {row.currency for row in found.values()} - {seller.currency}
    known = await pricing.rates(act.writer, currencies | {seller.currency}, day)
    for currency in sorted(currencies):
        if (currency, seller.currency) not in known:
            message = (
                f"There is no exchange rate from {currency} to {seller.currency} on {day}; the provider sets them."
            )
            act.fault(UserErrorCode.INVALID, message)
    act.check()
    own = {seller.currency: Fraction(1)}
    return own | {currency: Fraction(known[currency, seller.currency]) for currency in currencies}


def _offer(act: Act, given: PriceMarkup, seller: Seller, key: PriceKey, cost: Row, rule: _Rule, day: date) -> Offer:
    tiers = [[limit, rule.price(micros, cost.currency)] for limit, micros in orjson.loads(cost.tiers or "[]")]
    amount = rule.price(cost.amount_micros, cost.currency)
    if max(amount, *(micros for _, micros in tiers), 0) > _MOST_MICROS:
        act.refuse(UserErrorCode.OUT_OF_RANGE, "A price comes to more than 1,000,000,000.", "percent")
    return Offer(
        key=key,
        buyer_id=given.buyer,
        marketplace_id=given.marketplace,
        currency=seller.currency,
        model=PriceModel(cost.model),
        amount_micros=amount,
        tiers=orjson.dumps(tiers).decode() if tiers else None,
        valid_from=day,
    )
