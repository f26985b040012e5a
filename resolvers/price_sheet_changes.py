"""Setting many prices at once from a price sheet."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator
from sqlalchemy import Text, select

from models import PlanPeriod, PriceModel, PriceSheetKind, PriceType
from models.base import PeriodType, table_of
from models.beyond.pricing import PriceKey
from models.statement import Statement, any_of
from resolvers import price_costs, price_lists, price_rows, price_sheets
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.caller import Caller
from resolvers.errors import UserErrorCode
from resolvers.inputs import AccountId, Input, Text200, said, wrong
from resolvers.operation import Target, operation
from resolvers.price_lists import Offer, Seller
from resolvers.price_sheets import Fault, SheetRow, SheetText
from resolvers.privileges import Privilege
from resolvers.products import MANUFACTURER, MARKETPLACE, PLAN, PRODUCT
from resolvers.run import Business

MOST_BYTES = 200 * 1024
_MOST_WARNINGS = 100
_PERIOD = table_of(PlanPeriod)
_PRODUCTS = Statement(
    select(PRODUCT.c.id, PRODUCT.c.mpn, MANUFACTURER.c.code)
    .join(MANUFACTURER, MANUFACTURER.c.id == PRODUCT.c.manufacturer_id)
    .where(any_of(PRODUCT.c.mpn, "mpns", Text)),
    is_lookup=True,
)
_PERIODS = Statement(
    select(PLAN.c.id, PLAN.c.code, _PERIOD.c.type, _PERIOD.c.duration)
    .join(_PERIOD, _PERIOD.c.plan_id == PLAN.c.id)
    .where(any_of(PLAN.c.code, "codes", Text)),
    is_lookup=True,
)
_MARKETPLACES = Statement(
    select(MARKETPLACE.c.id, MARKETPLACE.c.country_code).where(any_of(MARKETPLACE.c.country_code, "countries", Text)),
    is_lookup=True,
)


def _not_too_long(text: str) -> str:
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise wrong(UserErrorCode.TOO_LONG, f"It has more than {MOST_BYTES:,} bytes; send it in parts.")
    return text


class PriceSheetApply(Input):
    """A price sheet."""

    is_atomic: bool = said(
        "Whether one wrong row undoes all; otherwise the right ones are taken, and `warnings` tell of the others.",
        False,
    )
    seller: AccountId | None = said("Who offers: the caller's own account, or one below; left out: the own.", None)
    name: Text200 = said("What to call it, for finding it again.")
    csv: Annotated[str, AfterValidator(_not_too_long)] = said(
        "CSV with a header, as partners of Microsoft download it, at most 200 KiB: the columns `ProductId`, `SkuId`,"
        " `TermDuration`, `BillingPlan`, `Market`, `Currency`, `UnitPrice`, `EffectiveStartDate`, and for the prices of"
        " the seller itself `ERP Price`; further ones as in docs/import.md."
    )


async def _read(_business: Business, _caller: Caller, given: PriceSheetApply) -> SheetText:
    return price_sheets.read(given.csv)


@operation(
    privilege=Privilege.PRICES_MANAGE,
    gives="price_sheet",
    target=Target(ACCOUNT, by="seller", is_changed=False),
    prepare=_read,
    codes=(UserErrorCode.REQUIRED, UserErrorCode.TOO_LONG),
    warns="Rows that were left out, with what is wrong with them, and prices below what the seller pays itself"
    " (`BELOW_COST`), at most 100 of each, by line and column.",
)
async def apply(act: Act, given: PriceSheetApply) -> None:
    """Offer what a price sheet says, and tell by line and column what is wrong with the rest.

    `ERP Price` is what the seller charges all its direct buyers. `UnitPrice` is what the manufacturer charges the
    provider, and counts in the provider's own sheets only. Products, plans and marketplaces must be there. What holds
    since a day gone by holds from today on; what has ended is left out. Refused is a sheet without any row that is
    right, and, if it `isAtomic`, one with any that is wrong. Takes the privilege to see prices, too.
    """
    seller = await price_lists.seller_of(act, act.target)
    sheet = act.prepared.copy()
    is_provider = seller.edge.seller_id is None
    lists = [_List(seller, "retail", "ERP Price", is_needed=not is_provider)]
    if is_provider:
        manufacturers = await price_lists.seller_of(act, act.target, is_manufacturer=True)
        lists.append(_List(manufacturers, "cost", "UnitPrice", is_needed=True))
    goods = await _goods(act, sheet)
    found = []
    for each in lists:
        offers = _offers(sheet, each, [row for row in goods if _is_priced(sheet, each, row)], act.now.date())
        await _check_offered(act, sheet, each.seller, offers)
        found.append(offers)
    taken = [_sound(sheet, offers) for offers in found]
    _tell_faults(act, sheet, is_refused=given.is_atomic or not any(taken))
    await _warn_below_cost(act, seller, taken[0], taken[1] if is_provider else {})
    changes = [await price_rows.worked_out(act, each.seller, list(of)) for each, of in zip(lists, taken, strict=True)]
    await price_rows.put_all(act, changes, PriceSheetKind.FILE, given.name)


@dataclass(frozen=True, slots=True)
class _List:
    """The prices that one column of a sheet holds: whose they are, its name here and there, whether all have one."""

    seller: Seller
    name: str
    column: str
    is_needed: bool


@dataclass(frozen=True, slots=True)
class _Goods:
    """A sound row, and what it prices where."""

    row: SheetRow
    key: PriceKey
    marketplace_id: int


async def _goods(act: Act, sheet: SheetText) -> list[_Goods]:
    """Find the products, plans and marketplaces that the rows name, and note those that aren't there."""
    today = act.now.date()
    rows = [row for row in sheet.rows if row.end is None or row.end > max(row.first_day, today)]
    by_mpn = {(each.code, each.mpn): each.id for each in await act.rows(_PRODUCTS, {"mpns": _distinct(rows, "mpn")})}
    periods = {
        (each.code, each.type, each.duration): each.id
        for each in await act.rows(_PERIODS, {"codes": _distinct(rows, "plan")})
    }
    markets: dict[str, list[int]] = defaultdict(list)
    for each in await act.rows(_MARKETPLACES, {"countries": _distinct(rows, "market")}):
        markets[each.country_code].append(each.id)
    found = []
    for row in rows:
        product_id = by_mpn.get((row["manufacturer_code"], row["mpn"]))
        plan_id = periods.get((row["plan"], row["period_type"], row["period_duration"]))
        if product_id is None:
            sheet.refuse(row, "SkuId", f"There is no product {row['mpn']} of {row['manufacturer_code']}.")
        if plan_id is None:
            sheet.refuse(row, "BillingPlan", f"There is no plan {row['plan']} with this term.")
        if len(markets[row["market"]]) != 1:
            sheet.refuse(row, "Market", f"There is not one marketplace of {row['market']}, but another number.")
        elif product_id is not None and plan_id is not None:
            key = PriceKey(
                product_id,
                plan_id,
                PeriodType(row["period_type"]),
                row["period_duration"],
                PriceType(row["price_type"]),
            )
            found.append(_Goods(row, key, markets[row["market"]][0]))
    return found


def _distinct(rows: Iterable[SheetRow], name: str) -> list[str]:
    return sorted({row[name] for row in rows})


def _is_priced(sheet: SheetText, prices: _List, goods: _Goods) -> bool:
    row = goods.row
    if row[prices.name] is None:
        if prices.is_needed:
            sheet.refuse(row, prices.column, "It is needed: what the seller charges.")
        return False
    if prices.seller.row_id is not None and row["currency"] != prices.seller.currency:
        sheet.refuse(row, "Currency", f"The seller's currency is {prices.seller.currency}.")
        return False
    return True


_Offers = dict[Offer, list[SheetRow]]
"""Offers with the rows that say them, that of the first tier first."""


def _offers(sheet: SheetText, prices: _List, goods: Sequence[_Goods], today: date) -> _Offers:
    """The rows as offers, those of several tiers put together."""
    groups: dict[tuple[Any, ...], dict[date, list[_Goods]]] = defaultdict(lambda: defaultdict(list))
    for each in goods:
        groups[each.key, each.marketplace_id, each.row["currency"]][each.row.first_day].append(each)
    offers: _Offers = {}
    for by_day in groups.values():
        # Of those that hold since some day gone by the last holds today.
        latest = max((day for day in by_day if day <= today), default=None)
        for day, of_day in by_day.items():
            if day > today or day == latest:
                offers[_offer(sheet, prices, of_day, max(day, today))] = [each.row for each in of_day]
    return offers


def _sound(sheet: SheetText, offers: _Offers) -> _Offers:
    """Those with no row of which anything is wrong."""
    return {offer: rows for offer, rows in offers.items() if sheet.refused.isdisjoint(row.line for row in rows)}


def _offer(sheet: SheetText, prices: _List, goods: Sequence[_Goods], day: date) -> Offer:
    amounts: dict[int, int] = {}
    for each in goods:
        micros = each.row[prices.name]
        if amounts.setdefault(each.row["lower_limit"], micros) != micros:
            reason = "Another row has another price for the same product, plan, market, tier and day."
            sheet.refuse(each.row, prices.column, reason)
    (_, first), *above = sorted(amounts.items())
    return Offer(
        key=goods[0].key,
        buyer_id=None,
        marketplace_id=goods[0].marketplace_id,
        currency=goods[0].row["currency"],
        model=PriceModel.VOLUME_SUBSCRIPTION if above else PriceModel.FLAT,
        amount_micros=first,
        tiers=orjson.dumps(above).decode() if above else None,
        valid_from=day,
        valid_until=goods[0].row.end,
    )


async def _check_offered(act: Act, sheet: SheetText, seller: Seller, offers: _Offers) -> None:
    for offer in await price_lists.not_offered(act, seller, offers):
        reason = f"The seller's own vendor doesn't offer it this under this plan on {offer.valid_from}."
        sheet.refuse(offers[offer][0], "SkuId", reason)


def _tell_faults(act: Act, sheet: SheetText, *, is_refused: bool) -> None:
    """Tell what is wrong with the sheet, the first hundred faults; refuse it for them, or warn."""
    tell = act.fault if is_refused else act.warn
    by_line: Callable[[Fault], int] = lambda fault: fault.line  # noqa: E731  # typed for sort
    for fault in sorted(sheet.faults, key=by_line):
        where = (str(fault.line), fault.column) if fault.column else (str(fault.line),)
        tell(UserErrorCode.INVALID, fault.reason, "csv", *where)
    if sheet.fault_count > len(sheet.faults):
        message = f"There are {sheet.fault_count - len(sheet.faults)} further faults."
        tell(UserErrorCode.INVALID, message, "csv")
    act.check()


async def _warn_below_cost(act: Act, seller: Seller, offers: _Offers, costs: _Offers) -> None:
    """Warn of prices that are less than what the seller pays itself: by this very sheet, or by its vendor's prices."""
    below = await price_costs.below_cost(act, seller, list(offers), list(costs))
    for offer, message in below[:_MOST_WARNINGS]:
        act.warn(UserErrorCode.BELOW_COST, message, "csv", str(offers[offer][0].line), "ERP Price")
    if len(below) > _MOST_WARNINGS:
        message = f"There are {len(below) - _MOST_WARNINGS} further prices below cost."
        act.warn(UserErrorCode.BELOW_COST, message, "csv")
