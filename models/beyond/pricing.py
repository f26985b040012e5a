"""Prices along a vendor chain: which row holds at each edge, and what a seller's own vendor offers it.

Of several prices the one for the buyer alone comes before those for everybody, one for the buyer's marketplace before
those for all, one in the seller's currency before others, the latest before older ones: as imports have it
(`models/exchange/charges.py`). Only rows are found here; what a quantity costs under them is worked out elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Text, bindparam, or_, select

from models.account import Account
from models.base import Day, PeriodType, table_of
from models.beyond.chain import Edge
from models.exchange_rate import ExchangeRate
from models.price import Price, PriceModel, PriceType
from models.statement import Row, Statement, any_of
from models.store import StoreError
from models.writer import Beyond, Writer


@dataclass(frozen=True, slots=True)
class PriceKey:
    """What is priced: a product under a plan, for a subscription period, and what of it is paid for."""

    product_id: int
    plan_id: int
    period_type: PeriodType
    period_duration: int
    type: PriceType = PriceType.RECURRING

    def of_type(self, price_type: PriceType) -> "PriceKey":
        """The same, for another type of price."""
        return PriceKey(self.product_id, self.plan_id, self.period_type, self.period_duration, price_type)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a line needs prices of.

    Args:
        line: its place in the order.
        product_id: what is bought.
        plan_id: under which terms.
        period_type: with the duration, the subscription period.
        period_duration: see there.
        types: of prices. Where the buyer's vendor asks a recurring price, every seller of the chain must; where it
            asks none, as for what is bought for ever, the same goes for the first of these types that it does ask.
            Whatever else a seller asks comes on top.
    """

    line: int
    product_id: int
    plan_id: int
    period_type: PeriodType
    period_duration: int
    types: tuple[PriceType, ...] = (PriceType.RECURRING, PriceType.SETUP)

    def key(self, price_type: PriceType) -> PriceKey:
        """What is looked for, for one type."""
        return PriceKey(self.product_id, self.plan_id, self.period_type, self.period_duration, price_type)


@dataclass(frozen=True, slots=True)
class EdgePrice:
    """The price of one type that holds for a line at one edge.

    Args:
        line: the place of the line in the order.
        edge: whose price it is, and to whom.
        type: what is paid for.
        price_id: its row.
        currency: of its amounts.
        model: how the amount depends on the quantity.
        amount_micros: for one unit and billing period; in tiers, of the first.
        tiers: those above the first, as the row has them; None when flat.
        rate: what one unit of the currency of the seller's own cost is in this currency, that day; None where the two
            are the same, where the seller has no cost on record, or where no rate is known.
    """

    line: int
    edge: Edge
    type: PriceType
    price_id: int
    currency: str
    model: PriceModel
    amount_micros: int
    tiers: str | None
    rate: str | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """Lines that somebody in the chain doesn't sell; never who."""

    lines: tuple[int, ...]


_PRICE, _ACCOUNT, _RATE = (table_of(model).c for model in (Price, Account, ExchangeRate))
_ON: Any = bindparam("on", type_=Day)
_HOLDING = Statement(
    select(
        _PRICE.id, _PRICE.seller_path, _PRICE.buyer_id, _PRICE.product_id, _PRICE.plan_id, _PRICE.marketplace_id,
        _PRICE.period_type, _PRICE.period_duration, _PRICE.type, _PRICE.model, _PRICE.currency,
        _PRICE.amount_micros, _PRICE.tiers, _PRICE.valid_from,
    ).where(
        any_of(_PRICE.product_id, "products"),
        any_of(_PRICE.seller_path, "sellers", Text),
        or_(_PRICE.buyer_id.is_(None), any_of(_PRICE.buyer_id, "buyers")),
        _PRICE.valid_from <= _ON,
        or_(_PRICE.valid_until.is_(None), _PRICE.valid_until > _ON),
    ),
    is_lookup=True,
)  # fmt: skip  # one column a line would take the page
_SOLD = Statement(
    select(_PRICE.product_id)
    .where(
        _PRICE.seller_path == bindparam("seller", type_=Text),
        or_(_PRICE.buyer_id.is_(None), _PRICE.buyer_id == bindparam("buyer")),
    )
    .distinct(),
    is_lookup=True,
)
_MARKETPLACES = Statement(
    select(_ACCOUNT.id, _ACCOUNT.marketplace_id).where(any_of(_ACCOUNT.id, "ids")), is_lookup=True
)
_RATES = Statement(
    select(_RATE.from_currency, _RATE.to_currency, _RATE.rate)
    .where(
        any_of(_RATE.from_currency, "currencies", Text),
        any_of(_RATE.to_currency, "currencies", Text),
        _RATE.valid_from <= _ON,
    )
    .order_by(_RATE.valid_from),
    is_lookup=True,
)

Found = Mapping[tuple[Edge, PriceKey], Row]


async def prices(
    writer: Writer, edges: Sequence[Edge], wanted: Sequence[Wanted], on: date
) -> list[EdgePrice] | Missing:
    """The prices that hold on a day, for every line at every edge of a buyer's chain; or the lines without.

    What manufacturers charge the provider need not be on record.

    Args:
        writer: the transaction; the buyer is within its scope.
        edges: the chain, as `chain.edges` gives it.
        wanted: the lines.
        on: the day.

    Returns:
        Prices by line, edge (the manufacturers' first) and type. Only those of edges in the caller's view may be shown.

    Raises:
        StoreError: the buyer is out of scope.
    """
    if not writer.scope.holds(edges[-1].buyer_path):
        raise StoreError(f"{edges[-1].buyer_path} is out of scope")
    async with writer.beyond("pricing a vendor chain") as db:
        found = await _holding(db, edges, {line.product_id for line in wanted}, on)
    known = await rates(writer, {row.currency for row in found.values()}, on)
    missing = tuple(line.line for line in wanted if not _is_complete(found, edges, line))
    if missing:
        return Missing(missing)
    return [price for line in wanted for price in _of_line(found, known, edges, line)]


async def on_offer(writer: Writer, buyer: Edge, product_ids: Iterable[int], on: date) -> set[PriceKey]:
    """What of some products a buyer's vendor sells it on a day, under which plans and for which periods.

    Raises:
        StoreError: the buyer is out of scope.
    """
    if not writer.scope.holds(buyer.buyer_path):
        raise StoreError(f"{buyer.buyer_path} is out of scope")
    async with writer.beyond("looking what a vendor offers") as db:
        return {key for _, key in await _holding(db, [buyer], set(product_ids), on)}


async def costs(writer: Writer, buyer: Edge, on: date) -> dict[PriceKey, Row]:
    """What everything costs a buyer on a day, by its vendor's prices: for each key the row that holds.

    Raises:
        StoreError: the buyer is out of scope, or its costs aren't the scope's to see.
    """
    scope = writer.scope
    is_seen = scope.holds(buyer.buyer_path) and scope.settings()["prices"] == 1
    if not is_seen or (buyer.seller_id is None and scope.settings()["catalogue"] != 1):
        raise StoreError(f"what {buyer.buyer_path} pays is out of scope")
    async with writer.beyond("reading what a seller pays itself") as db:
        sold = await db.rows(_SOLD, {"seller": buyer.seller_path, "buyer": buyer.buyer_id})
        found = await _holding(db, [buyer], {row.product_id for row in sold}, on)
    return {key: row for (_, key), row in found.items()}


async def rates(writer: Writer, currencies: Iterable[str], on: date) -> dict[tuple[str, str], str]:
    """By pairs of currencies what one unit of the first is worth in the second on a day, as decimal numbers."""
    return _latest(await writer.rows(_RATES, {"currencies": sorted(set(currencies)), "on": on}))


async def offered(writer: Writer, seller: Edge, keys: Iterable[PriceKey], on: date) -> set[PriceKey]:
    """Which of these a seller may sell on a day: what its own vendor sells it.

    A recurring price takes a recurring price of the vendor; any other takes that, or one for setting up. The provider
    may sell anything.

    Args:
        writer: the transaction; the seller is within its scope.
        seller: the edge at which it buys.
        keys: what it wants to sell.
        on: the day.

    Raises:
        StoreError: the seller is out of scope.
    """
    wanted = set(keys)
    if seller.seller_id is None:
        return wanted
    there = await on_offer(writer, seller, {key.product_id for key in wanted}, on)
    return {key for key in wanted if _may_sell(key, there)}


def _may_sell(key: PriceKey, there: set[PriceKey]) -> bool:
    if key.of_type(PriceType.RECURRING) in there:
        return True
    return key.type is not PriceType.RECURRING and key.of_type(PriceType.SETUP) in there


async def _holding(
    db: Beyond, edges: Sequence[Edge], product_ids: set[int], on: date
) -> dict[tuple[Edge, PriceKey], Row]:
    """The best price at each edge, for everything that has one."""
    buyers = [edge.buyer_id for edge in edges]
    markets = {row.id: row.marketplace_id for row in await db.rows(_MARKETPLACES, {"ids": buyers})}
    parameters = {
        "products": sorted(product_ids),
        "sellers": [edge.seller_path for edge in edges],
        "buyers": buyers,
        "on": on,
    }
    return best(await db.rows(_HOLDING, parameters), edges, markets)


def best(
    rows: Iterable[Row], edges: Iterable[Edge], markets: Mapping[int, int | None]
) -> dict[tuple[Edge, PriceKey], Row]:
    """Of prices that hold on a day the best at each edge, for everything that has one.

    Args:
        rows: of the table of prices.
        edges: who buys of whom.
        markets: the buyers' marketplaces.
    """
    by_seller: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_seller[row.seller_path].append(row)
    found: dict[tuple[Edge, PriceKey], Row] = {}
    for edge in edges:
        fitting = [row for row in by_seller[edge.seller_path] if _fits(row, edge, markets.get(edge.buyer_id))]
        for row in sorted(fitting, key=lambda row: _order(row, edge)):
            found.setdefault((edge, key_of(row)), row)
    return found


def _fits(row: Row, edge: Edge, marketplace_id: int | None) -> bool:
    return row.buyer_id in (None, edge.buyer_id) and row.marketplace_id in (None, marketplace_id)


def _order(row: Row, edge: Edge) -> tuple[Any, ...]:
    """Sorts the better before the worse."""
    first_day = date.fromisoformat(str(row.valid_from)).toordinal()
    is_foreign = row.currency != edge.currency
    return row.buyer_id is None, row.marketplace_id is None, is_foreign, -first_day, row.currency, row.amount_micros


def key_of(row: Row) -> PriceKey:
    """What a row of prices is a price of."""
    return PriceKey(row.product_id, row.plan_id, PeriodType(row.period_type), row.period_duration, PriceType(row.type))


def _is_complete(found: Found, edges: Sequence[Edge], line: Wanted) -> bool:
    """Whether all sellers but manufacturers ask the type of price that the buyer's vendor asks above all."""
    first = sorted(line.types, key=lambda price_type: price_type is not PriceType.RECURRING)
    needed = next((each for each in first if (edges[-1], line.key(each)) in found), None)
    return needed is not None and all((edge, line.key(needed)) in found for edge in edges if edge.seller_id is not None)


def _of_line(
    found: Found, known: Mapping[tuple[str, str], str], edges: Sequence[Edge], line: Wanted
) -> Iterable[EdgePrice]:
    cost: dict[PriceType, str] = {}
    for edge in edges:
        for price_type in line.types:
            row = found.get((edge, line.key(price_type)))
            if row is None:
                cost.pop(price_type, None)
                continue
            yield EdgePrice(
                line=line.line,
                edge=edge,
                type=price_type,
                price_id=row.id,
                currency=row.currency,
                model=PriceModel(row.model),
                amount_micros=row.amount_micros,
                tiers=row.tiers,
                rate=known.get((cost.get(price_type, row.currency), row.currency)),
            )
            cost[price_type] = row.currency


def _latest(rows: Sequence[Row]) -> dict[tuple[str, str], str]:
    """Of rates in the order of their days the last for each pair."""
    return {(row.from_currency, row.to_currency): row.rate for row in rows}
