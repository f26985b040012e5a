"""Tiers mean the same to an import as to an order: what the price's model says."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from models.exchange.load import import_directory
from models.price import PriceModel
from models.store import Store
from resolvers.ordering.amounts import Counts, Tiers, amount
from tests.csv_files import PLATFORM, query, write

PRICE = "small,,microsoft,P:1,yearly,uk,YEAR,1,GBP,"
NUMBERS = (1, *range(3, 100))
"""Of the subscriptions; the platform has another S2."""
TIERS = "[[11,5000000],[21,3000000],[40,3333333]]"


def platform(model: str, quantities: Sequence[int]) -> dict[str, str]:
    """A platform in which somebody has subscriptions to so many units of what costs 10, from 11 on 5, from 21 on 3 …"""
    prices = re.sub(
        f"{PRICE}.*", f"{PRICE}10,{model},11:5|21:3|40:3.333333,2025-01-01,", PLATFORM["prices.csv"], count=1
    )
    header, first, *rest = PLATFORM["subscriptions.csv"].splitlines()
    cells = dict(zip(header.split(","), first.split(","), strict=True))
    assert cells["key"] == "S1"
    of = [
        ",".join((cells | {"key": f"S{number}", "quantity": str(quantity)}).values())
        for number, quantity in zip(NUMBERS, quantities, strict=False)
    ]
    return dict(PLATFORM) | {"prices.csv": prices, "subscriptions.csv": "\n".join((header, *of, *rest, ""))}


async def charged(store: Store, number: int) -> tuple[int, int]:
    """What a unit of a subscription costs the buyer, and all of them in a month."""
    ((unit, monthly),) = await query(
        store,
        "SELECT c.unit_micros, c.monthly_micros FROM subscription_charge c JOIN subscription_item i ON i.id = c.item_id"
        " JOIN subscription s ON s.id = c.subscription_id JOIN account b ON b.id = c.buyer_id"
        f" WHERE s.import_key = 'S{number}' AND i.position = 0 AND b.import_key = 'buyer'",
    )
    return int(unit), int(monthly)


QUANTITIES = [1, 10, 11, 20, 21, 30, 39, 40, 47]


@pytest.mark.parametrize("model", ["TIERED", "VOLUME_SUBSCRIPTION", "VOLUME_ORDER", ""])
async def test_an_import_charges_what_an_order_of_so_many_units_would(store: Store, tmp_path: Path, model: str) -> None:
    await import_directory(store, write(tmp_path, platform(model, QUANTITIES)))
    tiers = Tiers.stored(PriceModel(model or "VOLUME_SUBSCRIPTION"), 10_000_000, TIERS)
    for number, quantity in zip(NUMBERS, QUANTITIES, strict=False):
        ordered = amount(tiers, quantity, Counts())

        assert await charged(store, number) == (ordered.unit_micros, (ordered.extended_micros * 2 + 12) // 24), quantity


async def test_a_price_with_tiers_and_no_model_charges_all_units_at_the_tier_that_is_reached(
    store: Store, tmp_path: Path
) -> None:
    await import_directory(store, write(tmp_path, platform("", [30])))

    assert await charged(store, 1) == (3_000_000, 7_500_000)
    assert await query(store, "SELECT DISTINCT model FROM price WHERE tiers IS NOT NULL") == [("VOLUME_SUBSCRIPTION",)]
