"""The price sheet of Microsoft's cloud solution provider program, as it is downloaded, as products, plans and prices.

A row gives two prices: `UnitPrice` is what the manufacturer charges the provider, `ERP Price` what the provider
charges the accounts right below it, both for the whole term. A product's MPN is `ProductId:SkuId`. Rows that differ
in their pricing tier only are one price with tiers. Each pair of term and billing plan is a plan, such as
`csp-p1y-monthly`.

Source: Microsoft's description of the new commerce price list in the Partner Center documentation, which also says
that a year's price is billed in twelfths, that trials have the billing plan 'None', that dates are ISO or American,
and that 9999 stands for no end.
"""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from models.exchange.problems import Problems
from models.exchange.table import Batch, Table
from models.exchange.values import COUNTRY, CURRENCY, LONG, MPN, NAME, SHORT, Value, read_amount
from models.plan import BillingModel
from models.price import PriceType
from models.text import fold

_TELLING = {"productid", "skuid", "termduration", "billingplan", "market", "unitprice"}
_REQUIRED = (
    "ProductId",
    "SkuId",
    "TermDuration",
    "BillingPlan",
    "Market",
    "Currency",
    "UnitPrice",
    "EffectiveStartDate",
)
_OPTIONAL = (
    "ProductTitle", "SkuTitle", "Publisher", "SkuDescription", "UnitOfMeasure", "PricingTierRangeMin",
    "EffectiveEndDate", "ERP Price", "Segment",
)  # fmt: skip
NAMED_AFTER = {
    "mpn": "SkuId",
    "name": "SkuTitle",
    "plan": "BillingPlan",
    "marketplace": "Market",
    "currency": "Currency",
    "amount": "UnitPrice",
    "tiers": "PricingTierRangeMin",
    "valid_from": "EffectiveStartDate",
    "valid_until": "EffectiveEndDate",
}
"""How the sheet calls columns of the contract, for problems that are found later."""

COLUMNS: dict[str, bool] = {
    **dict.fromkeys(("place", "is_flawed"), True),
    **dict.fromkeys(
        ("mpn", "manufacturer_code", "publisher", "name", "name_key", "description", "service_name"), False
    ),
    **dict.fromkeys(("segment", "unit", "plan", "plan_name", "plan_name_key", "period_type"), False),
    **dict.fromkeys(("period_duration",), True),
    **dict.fromkeys(("billing_period_type",), False),
    **dict.fromkeys(("billing_period_duration",), True),
    **dict.fromkeys(("billing_model", "periods", "price_type", "market", "currency"), False),
    **dict.fromkeys(("cost", "retail", "lower_limit"), True),
    **dict.fromkeys(("valid_from", "valid_until", "wanted"), False),
}
"""The staged table of sheets, and whether a column holds numbers."""

_PLAN_COLUMNS = 10
_COMPANY_FORMS = re.compile(r"\b(corporation|corp|incorporated|inc|llc|ltd|limited|gmbh|company|co)\b\.?")
_BILLING_MONTHS = {"monthly": 1, "annual": 12, "triennial": 36}
_BILLED_ONCE = {"none", "onetime", "one-time", "upfront", ""}
_AMERICAN = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(.*)")
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})(.*)")
_NO_END = 9999


def is_price_sheet(path: Path) -> bool:
    """Whether the file's header is a price sheet's."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = next(csv.reader([file.readline(1 << 16)]), [])
    return {cell.strip().lower() for cell in header} >= _TELLING


class Sheet:
    """Reads one sheet into records of the staged table.

    Args:
        table: the file.
        problems: told what is wrong.
        wanted: code of the one marketplace that counts, or None.
    """

    def __init__(self, table: Table, problems: Problems, wanted: str | None) -> None:
        self._table = table
        self._problems = problems
        self._wanted = wanted
        self._positions: dict[str, int | None] = {}
        self._cells: Sequence[str] = ()
        self._place = 0
        self._is_flawed = False

    def has_header(self, first: tuple[int, list[str]] | None) -> bool:
        """Take the header; report what it lacks."""
        number, cells = first or (1, [])
        names = [cell.strip().lower() for cell in cells]
        wanted = (*_REQUIRED, *_OPTIONAL)
        self._positions = {name: names.index(name.lower()) if name.lower() in names else None for name in wanted}
        lacking = [name for name in _REQUIRED if self._positions[name] is None]
        if lacking:
            self._table.report(number, "", "", f"the header lacks {', '.join(lacking)}")
        return not lacking

    def records(self, batch: Batch) -> list[tuple[Value, ...]]:
        """The batch as records, as `COLUMNS` has them."""
        return [self._record(place, row) for place, row in zip(*batch, strict=True)]

    def _record(self, place: int, row: Sequence[str]) -> tuple[Value, ...]:
        self._place, self._cells, self._is_flawed = place, row, False
        product = self._product()
        terms = self._terms()
        read_price = _price(terms.share if terms else (1, 1))
        prices = (self._read("UnitPrice", read_price), self._read("ERP Price", read_price, is_required=False))
        trade = (self._read("Market", COUNTRY.read), self._read("Currency", CURRENCY.read))
        tier = self._read("PricingTierRangeMin", _read_limit, is_required=False) or 1
        days = (
            self._read("EffectiveStartDate", read_first_day),
            self._read("EffectiveEndDate", read_end, is_required=False),
        )
        plan = terms.values() if terms else (None,) * _PLAN_COLUMNS
        return (place, int(self._is_flawed), *product, *plan, *trade, *prices, tier, *days, self._wanted)

    def _terms(self) -> "Terms | None":
        billing = self._cell("BillingPlan")
        try:
            return read_terms(self._cell("TermDuration"), billing)
        except ValueError as error:
            self._problems.add(self._place, "BillingPlan", billing, str(error))
            self._is_flawed = True
            return None

    def _product(self) -> tuple[Value, ...]:
        mpn = self._read("SkuId", lambda cell: MPN.read(f"{self._cell('ProductId')}:{cell.zfill(4)}"))
        self._read("ProductId", MPN.read)
        publisher = self._read("Publisher", NAME.read, is_required=False) or "Microsoft"
        family = self._read("ProductTitle", NAME.read, is_required=False)
        name = self._read("SkuTitle", NAME.read, is_required=False) or family or mpn
        description = self._read("SkuDescription", LONG.read, is_required=False)
        segment = self._read("Segment", SHORT.read, is_required=False)
        unit = self._read("UnitOfMeasure", SHORT.read, is_required=False)
        name_key = fold(name) if name else None
        return mpn, manufacturer_code(publisher), publisher, name, name_key, description, family, segment, unit

    def _cell(self, name: str) -> str:
        at = self._positions[name]
        return "" if at is None else self._cells[at].strip()

    def _read(self, name: str, read: Callable[[str], Any], is_required: bool = True) -> Any:
        cell = self._cell(name)
        if not cell and not is_required:
            return None
        try:
            if not cell:
                raise ValueError("is required")
            return read(cell)
        except ValueError as error:
            self._problems.add(self._place, name, cell, str(error))
            self._is_flawed = True
            return None


@cache
def manufacturer_code(publisher: str) -> str:
    """A code for the publisher: its name without the company's form, 'microsoft' for 'Microsoft Corporation'."""
    plain = _COMPANY_FORMS.sub("", fold(publisher))
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64] or "unknown"


@dataclass(frozen=True)
class Terms:
    """The plan that a term and a billing plan make, and how a price for the term becomes one for a billing period."""

    code: str
    name: str
    period: tuple[str, int]
    billing_period: tuple[str, int]
    model: BillingModel
    is_trial: bool
    price_type: PriceType
    share: tuple[int, int]

    def values(self) -> tuple[Value, ...]:
        """As the staged table has them."""
        kind, duration = self.period
        periods = orjson.dumps([f"{self.is_trial:d}1{duration:04d}{kind}"]).decode()
        plan = (self.code, self.name, fold(self.name), *self.period, *self.billing_period)
        return (*plan, self.model.value, periods, self.price_type.value)


@cache
def read_terms(term: str, billing: str) -> Terms:
    """The plan of a term such as 'P1Y' (empty: for ever) and a billing plan such as 'Monthly'.

    Raises:
        ValueError: no such thing, or the term doesn't consist of whole billing periods.
    """
    found = re.fullmatch(r"P([1-9][0-9]?)([MY])", term.upper())
    if term and not found:
        raise ValueError(f"goes with the term {term!r}, which is none of P1M, P1Y, P3Y and their like")
    if billing.lower() not in _BILLING_MONTHS and billing.lower() not in _BILLED_ONCE:
        raise ValueError("is none of Monthly, Annual, Triennial, OneTime and None")
    duration, kind = (int(found[1]), "YEAR" if found[2].upper() == "Y" else "MONTH") if found else (1, "UNKNOWN")
    months = duration * (12 if kind == "YEAR" else 1)
    billed = _BILLING_MONTHS.get(billing.lower(), months)
    if months % billed or (not found and billed != months):
        raise ValueError(f"doesn't go with the term {term or 'for ever'!r}")
    return _terms(term, billing, (kind, duration), (billed, months))


def _terms(term: str, billing: str, period: tuple[str, int], share: tuple[int, int]) -> Terms:
    billed, months = share
    is_once = billing.lower() in _BILLED_ONCE
    lasts = f"{period[1]} {period[0].lower()}{'s' if period[1] > 1 else ''}" if term else "for ever"
    billing_period = period if billed == months else ("YEAR", billed // 12) if billed % 12 == 0 else ("MONTH", billed)
    return Terms(
        code=f"csp-{term.lower() or 'perpetual'}-{billing.lower() or 'once'}",
        name=f"{lasts}, billed {'once' if is_once else billing.lower()}",
        period=period,
        billing_period=billing_period,
        model=BillingModel.CHARGE_BEFORE_SUBSCRIPTION_PERIOD if is_once else BillingModel.CHARGE_BEFORE_BILLING_PERIOD,
        is_trial=billing.lower() == "none",
        price_type=PriceType.RECURRING if term else PriceType.SETUP,
        share=share,
    )


def _price(share: tuple[int, int]) -> Callable[[str], int]:
    """Reads a price for the term as micros for a billing period, rounded half up."""
    billed, months = share

    def read(cell: str) -> int:
        micros = read_amount(cell)
        if micros < 0:
            raise ValueError("is negative")
        return (2 * micros * billed + months) // (2 * months)

    return read


def _read_limit(cell: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", cell):
        raise ValueError("is no whole number")
    return max(1, int(cell))


def _day_and_rest(cell: str) -> tuple[date, str]:
    try:
        if iso := _ISO.fullmatch(cell):
            return date(int(iso[1]), int(iso[2]), int(iso[3])), iso[4]
        if american := _AMERICAN.fullmatch(cell):
            return date(int(american[3]), int(american[1]), int(american[2])), american[4]
    except ValueError:
        pass
    raise ValueError("is no date such as 2026-11-01T00:00:00Z or 11/1/2026")


@cache
def read_first_day(cell: str) -> str:
    """The day on which a price begins to hold.

    Raises:
        ValueError: it is neither an ISO nor an American date.
    """
    return _day_and_rest(cell)[0].isoformat()


@cache
def read_end(cell: str) -> str | None:
    """The first day on which a price holds no longer; None where the sheet knows no end.

    Raises:
        ValueError: it is neither an ISO nor an American date.
    """
    day, rest = _day_and_rest(cell)
    if day.year == _NO_END:
        return None
    is_midnight = not re.search(r"[1-9]", rest.upper().replace("12:00:00 AM", ""))
    return (day if is_midnight else day + timedelta(days=1)).isoformat()
