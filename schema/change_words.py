"""The words in which the change log is told: those of the API, for what is stored under the names of tables."""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import orjson
from strawberry.utils.str_converters import to_camel_case

from schema.enums import describe
from schema.values import decimal

_KINDS: Mapping[str, tuple[str, str]] = {
    "account": ("ACCOUNT", "An `Account`."),
    "account_contact": ("CONTACT", "A `Contact` of an account."),
    "app_user": ("USER", "A `User`."),
    "balance": ("BALANCE", "A `Balance`: its terms."),
    "exchange_rate": ("EXCHANGE_RATE", "An `ExchangeRate`."),
    "manufacturer": ("MANUFACTURER", "A `Manufacturer`."),
    "marketplace": ("MARKETPLACE", "A `Marketplace`."),
    "order_line": ("ORDER_LINE", "An `OrderLine`."),
    "orders": ("ORDER", "An `Order`."),
    "payment": ("PAYMENT", "A `Payment`."),
    "plan": ("PLAN", "A `Plan`."),
    "plan_switch": ("PLAN_SWITCH", "A `PlanSwitch`."),
    "price": ("PRICE", "A `Price`."),
    "price_sheet": ("PRICE_SHEET", "A `PriceSheet`."),
    "product": ("PRODUCT", "A `Product`."),
    "subscription": ("SUBSCRIPTION", "A `Subscription`."),
    "subscription_history": ("SUBSCRIPTION_HISTORY", "A `SubscriptionHistory`: one entry of it."),
    "subscription_item": ("SUBSCRIPTION_ITEM", "A `SubscriptionItem`."),
    "subscription_lot": ("SUBSCRIPTION_LOT", "A `SubscriptionLot`."),
    "vendor_card": ("VENDOR_CARD", "A `VendorCard`."),
}
"""By table: of which type its rows are."""

if TYPE_CHECKING:
    ChangeNoun = str
else:
    ChangeNoun = describe(
        StrEnum("ChangeNoun", {kind: kind for kind, _ in _KINDS.values()}),
        "The kinds of objects of which the change log tells, by their types' names.",
        **dict(_KINDS.values()),
    )

_KIND_OF = {table: kind for table, (kind, _) in _KINDS.items()}
_TABLE_OF = {kind: table for table, kind in _KIND_OF.items()}


def noun_of(table: str) -> ChangeNoun:
    """The kind of a table's rows."""
    return _KIND_OF[table]


def table_of(noun: ChangeNoun) -> str:
    """The table whose rows are of that kind."""
    return _TABLE_OF[noun]


_IDS = {
    "balance_id": "bal",
    "by_order_id": "ord",
    "buyer_id": "acc",
    "depends_on": "prd",
    "from_plan_id": "pln",
    "from_product_id": "prd",
    "manufacturer_id": "man",
    "marketplace_id": "mkt",
    "order_id": "ord",
    "plan_id": "pln",
    "product_id": "prd",
    "seats": "sub",
    "sheet_id": "psh",
    "subscription_id": "sub",
    "to_plan_id": "pln",
    "to_product_id": "prd",
}
"""Columns with row ids, or lists of them, and how the global ids begin that they are told as."""

_LEFT_OUT = frozenset(
    {
        ("account", "held_before"),
        ("account", "taxation_provider_name"),
        ("account_contact", "position"),
        ("balance", "closes_on"),
        ("order_line", "currency"),
        ("orders", "currency"),
        ("orders", "submission"),
        ("payment", "currency"),
        ("price", "currency"),
        ("subscription_history", "item_id"),
        ("subscription_lot", "item_id"),
        ("subscription_lot", "order_line_id"),
    }
)
"""What the API has no name for, ids by which nothing can be asked for, and currencies that are told with amounts."""

_NAMES = {
    ("account", "address_extension"): "address.extension",
    ("account", "city"): "address.city",
    ("account", "country_code"): "address.countryCode",
    ("account", "postal_code"): "address.postalCode",
    ("account", "state"): "address.state",
    ("account", "street_address"): "address.streetAddress",
    ("app_user", "denied"): "deniedPrivileges",
    ("app_user", "seats"): "subscriptions",
    ("order_line", "extended_micros"): "extendedPrice",
    ("order_line", "period_duration"): "subscriptionPeriod.duration",
    ("order_line", "period_type"): "subscriptionPeriod.type",
    ("order_line", "setup_micros"): "setupPrice",
    ("order_line", "unit_micros"): "unitPrice",
    ("orders", "po_number"): "purchaseOrderNumber",
    ("orders", "stoppable_until"): "cancellableUntil",
    ("payment", "micros"): "amount",
    ("plan", "is_active"): "subscriptionPeriods.isActive",
    ("plan", "is_trial"): "subscriptionPeriods.isTrial",
    ("plan", "period"): "subscriptionPeriods",
    ("price", "period_duration"): "subscriptionPeriod.duration",
    ("price", "period_type"): "subscriptionPeriod.type",
    ("subscription_history", "by_order_id"): "order",
    ("subscription_history", "from_plan_id"): "previousPlan",
    ("subscription_history", "from_product_id"): "previousProduct",
    ("subscription_lot", "window_until"): "cancellableUntil",
}
"""Where a value is told by another name than its column's."""

_PERIOD = re.compile(r"(.*period)_(type|duration)")


def field_of(table: str, name: str) -> str | None:
    """The name, with dots where it lies within another, by which the API has a value of a row; None if it is not told.

    Args:
        table: the row's.
        name: the column's, or as it was noted.
    """
    if (table, name) in _LEFT_OUT:
        return None
    if (table, name) in _NAMES:
        return _NAMES[table, name]
    if period := _PERIOD.fullmatch(name):
        return f"{to_camel_case(period[1])}.{period[2]}"
    return to_camel_case(name.removesuffix("_id") if name in _IDS else name.removesuffix("_micros"))


def told(table: str, values: Iterable[tuple[str, Any, Any]]) -> Iterator[tuple[str, str | None, str | None]]:
    """What changed of a row, by its API names and in their order, as text.

    Args:
        table: the row's.
        values: name, old and new value as they are stored.
    """
    found = list(values)
    old, new = ({name: pair[at] for name, *pair in found} for at in (0, 1))
    names = ((field_of(table, name), name) for name, *_ in found)
    for field, name in sorted((field, name) for field, name in names if field):
        yield field, _text(name, old), _text(name, new)


def _text(name: str, values: Mapping[str, Any]) -> str | None:
    value = values[name]
    if value is None:
        return None
    if name in _IDS:
        return _written(_global(_IDS[name], value))
    if name == "micros" or name.endswith("_micros"):
        currency = values.get("currency")
        return f"{decimal(value)} {currency}" if currency else decimal(value)
    return _written(_tiers(value) if name == "tiers" else value)


def _written(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _global(prefix: str, value: Any) -> Any:
    """The global id for a row id, or those for a list of them."""
    return [f"{prefix}_{each}" for each in value] if isinstance(value, list) else f"{prefix}_{value}"


def _tiers(text: str) -> list[dict[str, Any]]:
    """The tiers of a price as the API lists them."""
    return [{"lowerLimit": limit, "amount": decimal(micros)} for limit, micros in orjson.loads(text)]
