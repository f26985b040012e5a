"""How a new price takes the place of an older one, for one price or for many at once.

A row is never changed but for its end: what once was offered stays readable. A price from a day on ends the one of the
same key that would hold then, and ends itself where a later one has been set already.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import Text, bindparam, insert, select, update

from models import Price, PriceSheet, PriceSheetKind
from models.beyond import pricing
from models.identifier import new_id
from models.statement import Row, Statement, any_of
from models.store import StoreError
from resolvers.act import Act
from resolvers.price_lists import Offer, Seller, to_day
from resolvers.prices import PRICE

_BATCH = 50
"""Prices that are written by one statement."""
_KNOWN = Statement(
    select(*PRICE.c)
    .where(any_of(PRICE.c.product_id, "products"), PRICE.c.seller_path == bindparam("seller_path", type_=Text))
    .order_by(PRICE.c.id)
    .with_for_update(),
    PRICE.name,
    is_lookup=True,
)
_END = Statement(
    update(PRICE)
    .where(any_of(PRICE.c.id, "ids"))
    .values(
        valid_until=bindparam("new_valid_until", type_=PRICE.c.valid_until.type),
        version=PRICE.c.version + 1,
        updated_at=bindparam("now", type_=PRICE.c.updated_at.type),
    )
    .returning(PRICE.c.id)
)


@dataclass(slots=True)
class _Known:
    """A price that is there, or is to be, and its days as they will be."""

    row: Row | Price
    first_day: date
    end: date | None
    is_new: bool = False

    @property
    def ever_holds(self) -> bool:
        return self.end is None or self.end > self.first_day

    def holds(self, day: date) -> bool:
        return self.first_day <= day and (self.end is None or self.end > day)


@dataclass(slots=True)
class Changes:
    """What becomes of a price list.

    Args:
        new: the prices to be added.
        ended: those that are there, with the days on which they end now.
        ids: for each offer the price that says it, new or not.
    """

    new: list[Price] = field(default_factory=list)
    ended: dict[int, tuple[Row, date]] = field(default_factory=dict)
    ids: list[int] = field(default_factory=list)


async def worked_out(act: Act, seller: Seller, offers: Sequence[Offer]) -> Changes:
    """What it takes to make these the seller's prices, each from its first day on.

    A price that says what holds already changes nothing. The seller's prices of the products are locked.
    """
    known: dict[tuple[Any, ...], list[_Known]] = defaultdict(list)
    products = sorted({offer.key.product_id for offer in offers})
    for row in await act.rows(_KNOWN, {"products": products, "seller_path": seller.path}):
        place = (pricing.key_of(row), row.buyer_id, row.marketplace_id, row.currency)
        known[place].append(_Known(row, to_day(row.valid_from), row.valid_until and to_day(row.valid_until)))
    changes = Changes()
    for offer in offers:
        changes.ids.append(_put(act, seller, offer, known[offer.place], changes))
    return changes


async def put(act: Act, changes: Changes) -> None:
    """Write them, and each into the change log."""
    for row, day in changes.ended.values():
        await act.change(PRICE, row, valid_until=day)
    for price in changes.new:
        await act.add(price)


async def put_all(act: Act, several: Iterable[Changes], kind: PriceSheetKind, name: str) -> None:
    """Write many, and into the change log the sheet by which they were set; give that.

    Each of the prices names the sheet. It is the account's to which the operation applies.
    """
    changes = list(several)
    sheet = _sheet(act, kind, name, sum(len(each.new) for each in changes))
    await act.add(sheet)
    for each in changes:
        await _end(act, each)
        for price in each.new:
            price.sheet_id = sheet.id
        await _add(act, each.new)
    act.gives(price_sheet=sheet.id)


def _put(act: Act, seller: Seller, offer: Offer, known: list[_Known], changes: Changes) -> int:
    """Work out what becomes of the prices of one key; gives the id of the one that says what is offered."""
    day = offer.valid_from
    ends = [each.first_day for each in known if each.first_day > day and each.ever_holds]
    end = min(ends if offer.valid_until is None else [offer.valid_until, *ends], default=None)
    present = [each for each in known if each.holds(day)]
    for each in present:
        if each.end == end and (each.row.model, each.row.amount_micros, each.row.tiers) == offer.terms:
            return int(each.row.id)
    for each in present:
        each.end = day
        if each.is_new:
            each.row.valid_until = day
        else:
            changes.ended[each.row.id] = (each.row, day)
    price = _price(act, seller, offer, end)
    known.append(_Known(price, day, end, is_new=True))
    changes.new.append(price)
    return price.id


async def _end(act: Act, changes: Changes) -> None:
    by_day: dict[date, list[int]] = defaultdict(list)
    for row_id, (_, day) in changes.ended.items():
        by_day[day].append(row_id)
    for day, ids in sorted(by_day.items()):
        _check(await act.writer.write(_END, {"ids": ids, "new_valid_until": day, "now": act.now}), len(ids))


async def _add(act: Act, prices: Sequence[Price]) -> None:
    for some in _batches(prices):
        values = {
            f"{name}_{number}": value for number, price in enumerate(some) for name, value in price.model_dump().items()
        }
        _check(await act.writer.write(_insert(len(some)), values), len(some))


def _check(written: Sequence[Row], number: int) -> None:
    if len(written) != number:
        raise StoreError(f"only {len(written)} of {number} prices may be written")


def _batches(prices: Sequence[Price]) -> Iterator[Sequence[Price]]:
    """As many as fit into one statement; what is left over one by one, so that there are but two statements."""
    whole = len(prices) - len(prices) % _BATCH
    yield from (prices[start : start + _BATCH] for start in range(0, whole, _BATCH))
    yield from ([price] for price in prices[whole:])


@cache
def _insert(number: int) -> Statement:
    """Adds so many prices."""
    rows = [
        {column.name: bindparam(f"{column.name}_{n}", type_=column.type) for column in PRICE.c} for n in range(number)
    ]
    return Statement(insert(PRICE).values(rows).returning(PRICE.c.id))


def _sheet(act: Act, kind: PriceSheetKind, name: str, price_count: int) -> PriceSheet:
    return PriceSheet(
        id=new_id(),
        account_id=act.target.id,
        path=act.target.path,
        shard_id=act.target.shard_id,
        kind=kind,
        name=name,
        price_count=price_count,
        created_at=act.now,
        updated_at=act.now,
    )


def _price(act: Act, seller: Seller, offer: Offer, end: date | None) -> Price:
    return Price(
        id=new_id(),
        shard_id=seller.shard_id,
        seller_id=seller.row_id,
        seller_path=seller.path,
        buyer_id=offer.buyer_id,
        product_id=offer.key.product_id,
        plan_id=offer.key.plan_id,
        marketplace_id=offer.marketplace_id,
        period_type=offer.key.period_type,
        period_duration=offer.key.period_duration,
        type=offer.key.type,
        model=offer.model,
        currency=offer.currency,
        amount_micros=offer.amount_micros,
        tiers=offer.tiers,
        valid_from=offer.valid_from,
        valid_until=end,
        created_at=act.now,
        updated_at=act.now,
    )
