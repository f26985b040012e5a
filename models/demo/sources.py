"""The rows of the demo tree, file by file, made while they are read."""

from collections.abc import Iterator

from models.demo.account import Accounts
from models.demo.facts import LICENCES, MANUFACTURERS, MARKETS, PRODUCTS, Licence, Product
from models.demo.offers import plan_rows
from models.demo.orders import Orders
from models.demo.people import People
from models.demo.prices import PriceLists
from models.demo.subscriptions import Subscriptions
from models.demo.tree import Tree
from models.exchange.files import Row, Sources

_LISTED = "2022-01-01T00:00:00.000Z"
_LICENCE_MANUFACTURER = "microsoft"


def demo_sources(accounts: int, seed: int) -> Sources:
    """A demo tree of so many accounts, as rows for every file of the import contract but `charges.csv`.

    The same numbers give the same rows, byte for byte, on every machine. Only the shape of the tree and the price
    lists are kept in memory (about 60 MB for a million accounts); every row is made when it is asked for, as often
    as it is asked for. What a subscription is charged is left to the import, which works it out from the prices.

    Args:
        accounts: how many, the provider included; at least `tree.SMALLEST`.
        seed: which of the trees of that size; 0 or more.

    Raises:
        TreeTooSmallError: too few accounts for the demo logins.
    """
    known = Accounts(Tree(accounts, seed))
    people, prices = People(known), PriceLists(known)
    subscriptions = Subscriptions(known, people, prices)
    orders = Orders(known, subscriptions, prices)
    return {
        "marketplaces.csv": _marketplaces,
        "plans.csv": plan_rows,
        "products.csv": _products,
        "accounts.csv": known.rows,
        "contacts.csv": people.contacts,
        "users.csv": people.users,
        "prices.csv": prices.rows,
        "subscriptions.csv": subscriptions.rows,
        "subscription_items.csv": subscriptions.items,
        "orders.csv": orders.rows,
        "order_lines.csv": orders.lines,
    }


def _marketplaces() -> Iterator[Row]:
    for market in MARKETS:
        yield (market.code, market.name, market.country_code, market.currency)


def _products() -> Iterator[Row]:
    for product in PRODUCTS:
        yield _product(product)
    for licence in LICENCES:
        yield _licence(licence)


def _product(product: Product) -> Row:
    return (
        product.mpn,
        product.manufacturer_code,
        MANUFACTURERS[product.manufacturer_code],
        product.name,
        "",
        product.service_name,
        product.segment,
        product.unit,
        "1",
        product.maximum_quantity,
        product.coterming_requirement,
        product.coterming_type,
        product.status,
        product.depends_on,
        _LISTED,
    )


def _licence(licence: Licence) -> Row:
    return (
        licence.string_id,
        _LICENCE_MANUFACTURER,
        MANUFACTURERS[_LICENCE_MANUFACTURER],
        licence.title,
        f"Licensing SKU {licence.guid}. Listed for reference; not for sale here.",
        "",
        "",
        "License",
        "1",
        "",
        "",
        "",
        "ACTIVE",
        "",
        _LISTED,
    )
