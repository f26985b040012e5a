"""The facts that the demo tree is built from; where they come from stands in the README beside this file."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from models.text import fold


@dataclass(frozen=True, slots=True)
class Company:
    """A real organisation's name, a short form of it, and what an address on the internet could be called."""

    legal_name: str
    short_name: str
    country_code: str
    domain: str


@dataclass(frozen=True, slots=True)
class Market:
    """A marketplace and what addresses in its country look like. Cities are (name, state), the state often empty."""

    code: str
    name: str
    country_code: str
    currency: str
    language: str
    dialling_code: str
    weight: int
    postal_code: str
    cities: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Product:
    """A product for sale; `prices` are US cents by plan code, in the order of the plans."""

    manufacturer_code: str
    mpn: str
    name: str
    service_name: str
    segment: str
    unit: str
    maximum_quantity: str
    coterming_requirement: str
    coterming_type: str
    status: str
    depends_on: str
    addon_to: str
    prices: dict[str, int]


@dataclass(frozen=True, slots=True)
class Licence:
    """A catalogue entry that nobody is offered."""

    string_id: str
    guid: str
    title: str


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (Path(__file__).parent / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def plain(text: str) -> str:
    """Only the letters and digits a to z and 0 to 9, for addresses."""
    return "".join(character for character in fold(text) if character.isascii() and character.isalnum())


def _company(row: dict[str, str]) -> Company:
    return Company(row["legal_name"], row["short_name"], row["country_code"], plain(row["short_name"])[:20])


def _market(row: dict[str, str]) -> Market:
    cities = tuple((city, state) for city, _, state in (name.partition("/") for name in row.pop("cities").split(";")))
    return Market(weight=int(row.pop("weight")), cities=cities, **row)


PLANS = ("annual-yearly", "annual-monthly", "monthly", "metered")


def _product(row: dict[str, str]) -> Product:
    prices = {plan: row.pop(plan.replace("-", "_")) for plan in PLANS}
    return Product(
        name=row.pop("title"), prices={plan: int(Decimal(text) * 100) for plan, text in prices.items() if text}, **row
    )


COMPANIES = tuple(_company(row) for row in _rows("companies.csv"))
MARKETS = tuple(_market(row) for row in _rows("marketplaces.csv"))
PRODUCTS = tuple(_product(row) for row in _rows("products.csv"))
"""The most popular first."""
LICENCES = tuple(Licence(**row) for row in _rows("licences.csv"))
MANUFACTURERS = {row["code"]: row["name"] for row in _rows("manufacturers.csv")}
FIRST_NAMES = tuple(row["first_name"] for row in _rows("people.csv"))
LAST_NAMES = tuple(row["last_name"] for row in _rows("people.csv"))
