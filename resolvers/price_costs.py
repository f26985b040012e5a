"""Prices beside what the seller pays itself: which of them are less."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

from models import PriceModel
from models.beyond import pricing
from models.beyond.pricing import PriceKey
from resolvers.act import Act
from resolvers.ordering.amounts import Tiers
from resolvers.price_lists import Offer, Seller

_Cost = tuple[Tiers, str]
"""What a unit costs by quantity, and in which currency."""


async def below_cost(
    act: Act, seller: Seller, offers: Sequence[Offer], set_with_them: Sequence[Offer]
) -> list[tuple[Offer, str]]:
    """The offers with a tier in which a unit is less than what it costs the seller, each with a sentence.

    Args:
        act: of somebody who may see what the seller pays.
        seller: who offers.
        offers: what it asks.
        set_with_them: what it pays from now on, which comes before what it paid so far.
    """
    new = {(cost.key, cost.marketplace_id): (_tiers(cost), cost.currency) for cost in set_with_them}
    found = []
    for day in sorted({offer.valid_from for offer in offers}):
        costs = await _costs(act, seller, day)
        of_day = [offer for offer in offers if offer.valid_from == day]
        known = {offer: new.get((offer.key, offer.marketplace_id)) or costs.get(offer.key) for offer in of_day}
        rates = await _rates(act, {cost[1] for cost in known.values() if cost} | {seller.currency}, day)
        found += [(offer, told) for offer, cost in known.items() if cost and (told := _told(offer, cost, rates))]
    return found


async def _costs(act: Act, seller: Seller, day: date) -> dict[PriceKey, _Cost]:
    """What the seller pays on a day; nothing of the provider for those who don't see what manufacturers charge."""
    if seller.edge.seller_id is None and act.writer.scope.settings()["catalogue"] != 1:
        return {}
    rows = await pricing.costs(act.writer, seller.edge, day)
    return {
        key: (Tiers.stored(PriceModel(row.model), row.amount_micros, row.tiers), row.currency)
        for key, row in rows.items()
    }


async def _rates(act: Act, currencies: set[str], day: date) -> dict[tuple[str, str], Fraction]:
    known = await pricing.rates(act.writer, currencies, day) if len(currencies) > 1 else {}
    return {pair: Fraction(rate) for pair, rate in known.items()} | {(each, each): Fraction(1) for each in currencies}


def _told(offer: Offer, cost: _Cost, rates: Mapping[tuple[str, str], Fraction]) -> str:
    """In which tier it is less, and by what; empty if in none, or if there is no exchange rate."""
    tiers, currency = cost
    rate = rates.get((currency, offer.currency))
    asked = _tiers(offer)
    for limit in sorted({tier.lower_limit for tier in (*asked.tiers, *tiers.tiers)}):
        if rate is not None and asked.unit(limit) < tiers.unit(limit) * rate:
            return (
                f"From {limit} up a unit is sold for {_amount(asked.unit(limit))} {offer.currency} and costs the seller"
                f" {_amount(tiers.unit(limit))} {currency}."
            )
    return ""


def _tiers(offer: Offer) -> Tiers:
    return Tiers.stored(offer.model, offer.amount_micros, offer.tiers)


def _amount(micros: int) -> str:
    return f"{Decimal(micros).scaleb(-6).normalize():f}"
