"""The files that import reads and export writes: their names, their columns, what each column means.

This is the contract as data; `docs/import.md` is its readable form and a test keeps the two equal. All files are
UTF-8, comma-separated with RFC 4180 quoting, one header line, columns in any order. A file that is missing says
nothing about its kind. A column that is missing, or a cell that is empty in a column with a default, leaves an
existing row as it is; any other empty cell means that there is no value.

Rows need no file: a `RowSource` gives them from memory, their cells in the order of `File.columns`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from models.account import AccountStatus, AccountType, ContactType
from models.base import PeriodType
from models.exchange import values
from models.exchange.values import Kind
from models.order import OrderSchedule, OrderStatus, OrderType, QuantityKind
from models.plan import BillingModel
from models.price import PriceModel, PriceType
from models.product import CotermingRequirement, CotermingType, ProductStatus
from models.subscription import SubscriptionStatus
from models.user import RoleCode, UserKind, UserStatus

Row = Sequence[str]
"""The cells of one row as they would stand in the file, all columns of the contract in its order; '' is empty."""

RowSource = Callable[[], Iterable[Row]]
"""Gives the rows of one kind, without a header, each time it is called; they are taken one by one, not kept."""

Sources = Mapping[str, RowSource]
"""Where rows come from in memory, by file name: `{"accounts.csv": lambda: iter(rows)}`. Any file may be left out."""


@dataclass(frozen=True)
class Column:
    """One column of a file."""

    name: str
    kind: Kind
    help: str = ""
    required: bool = False


@dataclass(frozen=True)
class File:
    """One kind of row: its file and the columns in the order in which export writes them."""

    name: str
    columns: tuple[Column, ...]

    @cached_property
    def stem(self) -> str:
        """The name without '.csv'; also the name of the kind in reports."""
        return self.name.removesuffix(".csv")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)


def _must(name: str, kind: Kind, help: str = "") -> Column:  # noqa: A002  # reads as a table below
    return Column(name, kind, help, required=True)


_may = Column
_PERIOD_TYPE = values.one_of(PeriodType)

MARKETPLACES = File(
    "marketplaces.csv",
    (
        _must("code", values.CODE, "what other files call it, such as `us`"),
        _must("name", values.NAME),
        _must("country_code", values.COUNTRY),
        _must("currency", values.CURRENCY, "in which it quotes"),
    ),
)
PLANS = File(
    "plans.csv",
    (
        _must("code", values.CODE, "what other files call it"),
        _must("name", values.NAME),
        _must("billing_period_type", _PERIOD_TYPE),
        _must("billing_period_duration", values.POSITIVE),
        _must("billing_model", values.one_of(BillingModel)),
        _must("periods", values.PERIODS, "for which it can be subscribed"),
        _may("short_description", values.LONG),
        _may("long_description", values.LONG),
        _may("is_published", values.BOOLEAN, "default `true`"),
    ),
)
PRODUCTS = File(
    "products.csv",
    (
        _must("mpn", values.MPN, "unique with its manufacturer"),
        _must("manufacturer_code", values.CODE, "made known by its first use"),
        _may("manufacturer_name", values.NAME, "default: the code"),
        _must("name", values.NAME),
        _may("description", values.LONG),
        _may("service_name", values.SHORT, "the service it belongs to"),
        _may("segment", values.SHORT),
        _may("unit", values.SHORT, "what one of it is, such as `License`"),
        _may("minimum_quantity", values.WHOLE, "default 1"),
        _may("maximum_quantity", values.WHOLE, "empty: no upper bound"),
        _may("coterming_requirement", values.one_of(CotermingRequirement), "default `ALLOWED`"),
        _may("coterming_type", values.one_of(CotermingType)),
        _may("status", values.one_of(ProductStatus), "default `ACTIVE`"),
        _may("depends_on", values.PRODUCTS, "products that must be present for it to work"),
        _may("created_at", values.INSTANT, "default: now"),
    ),
)
ACCOUNTS = File(
    "accounts.csv",
    (
        _must("key", values.KEY, "what files call the account; never shown to callers"),
        _may("vendor", values.KEY, "the vendor's key; empty for the provider only"),
        _must("type", values.one_of(AccountType)),
        _must("name", values.NAME),
        _may("status", values.one_of(AccountStatus), "default `ACTIVE`"),
        _may("external_id", values.SHORT, "unique among the vendor's accounts"),
        _may("marketplace", values.CODE),
        _may("currency", values.CURRENCY, "in which it sells; not for customers; can't change"),
        _may("language", values.LANGUAGE, "default `en`"),
        _may("tax_registration_id", values.SHORT),
        _may("customer_class", values.SHORT),
        _may("taxation_provider_name", values.SHORT),
        _may("street_address", values.SHORT),
        _may("address_extension", values.SHORT),
        _may("postal_code", values.SHORT),
        _may("city", values.SHORT),
        _may("state", values.SHORT),
        _may("country_code", values.COUNTRY),
        _may("attributes", values.ATTRIBUTES),
        _may("brand_name", values.NAME, "name on its vendor card; default: its name"),
        _may("support_email", values.EMAIL, "the card's columns are not for customers"),
        _may("support_phone", values.PHONE),
        _may("support_url", values.URL),
        _may("logo_url", values.URL),
        _may("brand_color", values.COLOR),
        _may("created_at", values.INSTANT, "default: now"),
        _may("updated_at", values.INSTANT, "for new rows only; default: as created"),
    ),
)
CONTACTS = File(
    "contacts.csv",
    (
        _must("account", values.KEY, "an account that is named here has exactly these contacts, in this order"),
        _must("type", values.one_of(ContactType)),
        _must("first_name", values.NAME),
        _must("last_name", values.NAME),
        _must("email", values.EMAIL),
        _may("phone_number", values.PHONE),
    ),
)
USERS = File(
    "users.csv",
    (
        _must("login", values.LOGIN, "of one person, who may be a user of several accounts"),
        _must("account", values.KEY),
        _must("kind", values.one_of(UserKind)),
        _must("first_name", values.NAME),
        _must("last_name", values.NAME),
        _must("email", values.EMAIL),
        _may("phone_number", values.PHONE),
        _may("language", values.LANGUAGE, "default `en`"),
        _may("status", values.one_of(UserStatus), "default `ACTIVE`"),
        _may(
            "roles",
            values.many_of(RoleCode),
            "default: full access of the account's type for administrators, `SERVICE_USER` for service users",
        ),
        _may("denied", values.PRIVILEGES, "what the user may not do whatever its roles grant; default: nothing"),
        _may("created_at", values.INSTANT, "default: now"),
        _may("updated_at", values.INSTANT, "for new rows only; default: as created"),
    ),
)
PRICES = File(
    "prices.csv",
    (
        _may("seller", values.KEY, "account; empty: the manufacturer, which charges the provider"),
        _may("buyer", values.KEY, "account right below the seller; empty: all of them"),
        _must("manufacturer_code", values.CODE),
        _must("mpn", values.MPN),
        _must("plan", values.CODE),
        _may("marketplace", values.CODE, "empty: every marketplace"),
        _must("period_type", _PERIOD_TYPE, "the subscription period that is priced"),
        _must("period_duration", values.POSITIVE),
        _may("type", values.one_of(PriceType), "default `RECURRING`"),
        _may("model", values.one_of(PriceModel), "default `FLAT`, or `VOLUME_SUBSCRIPTION` where there are tiers"),
        _must("currency", values.CURRENCY),
        _must("amount", values.CHARGE, "for one unit and one billing period"),
        _may("tiers", values.TIERS, "amounts for larger quantities; not for `FLAT`"),
        _must("valid_from", values.DAY),
        _may("valid_until", values.DAY, "the first day on which it no longer holds"),
    ),
)
SUBSCRIPTIONS = File(
    "subscriptions.csv",
    (
        _must("key", values.KEY, "what files call the subscription"),
        _must("account", values.KEY),
        _may("name", values.NAME, "default: the product's name"),
        _may("status", values.one_of(SubscriptionStatus), "default `ACTIVE`"),
        _must("manufacturer_code", values.CODE),
        _must("mpn", values.MPN),
        _must("plan", values.CODE, "gives billing model and billing period"),
        _must("quantity", values.WHOLE),
        _may("auto_renew", values.BOOLEAN, "default `true`"),
        _must("period_type", _PERIOD_TYPE),
        _must("period_duration", values.POSITIVE),
        _may("start_date", values.DAY),
        _may("renewal_date", values.DAY),
        _may("expiration_date", values.DAY),
        _may("vendor_subscription_id", values.SHORT, "the subscription's id at the manufacturer"),
        _may("attributes", values.ATTRIBUTES),
        _may("users", values.LOGINS, "who has a seat; users of the same account"),
        _may("created_at", values.INSTANT, "default: now"),
        _may("updated_at", values.INSTANT, "for new rows only; default: as created"),
    ),
)
SUBSCRIPTION_ITEMS = File(
    "subscription_items.csv",
    (
        _must("subscription", values.KEY),
        _must("position", values.POSITIVE, "from 1; 0 is the subscription's own product"),
        _must("manufacturer_code", values.CODE),
        _must("mpn", values.MPN),
        _must("quantity", values.WHOLE),
        _may("vendor_subscription_id", values.SHORT),
    ),
)
CHARGES = File(
    "charges.csv",
    (
        _must("subscription", values.KEY, "a subscription that is named here has exactly these charges"),
        _must("position", values.WHOLE, "of the item"),
        _may("seller", values.KEY, "account; empty: the manufacturer"),
        _must("buyer", values.KEY, "account right below the seller: the subscription's own or one above it"),
        _may("currency", values.CURRENCY, "empty with `unit_amount`: nothing is charged, and no price is looked up"),
        _may("unit_amount", values.CHARGE, "for one unit and one billing period"),
    ),
)
ORDERS = File(
    "orders.csv",
    (
        _must("number", values.KEY, "unique on the platform"),
        _must("account", values.KEY),
        _may("type", values.one_of(OrderType), "default `SALES`"),
        _may("status", values.one_of(OrderStatus), "default `SUBMITTED`"),
        _may("status_code", values.SHORT),
        _may("po_number", values.SHORT),
        _must("created_at", values.INSTANT),
        _may("updated_at", values.INSTANT, "for new rows only; default: as created"),
        _may("provisioned_at", values.INSTANT),
        _must("currency", values.CURRENCY),
        _must("total", values.AMOUNT, "taxes left out"),
        _may("subscription", values.KEY, "that it creates or concerns"),
        _may("scheduled_on", values.one_of(OrderSchedule), "empty: at once"),
        _may("credit_check", values.BOOLEAN, "default `true`"),
        _may("error_message", values.LONG),
        _may("attributes", values.ATTRIBUTES),
    ),
)
ORDER_LINES = File(
    "order_lines.csv",
    (
        _must("order", values.KEY, "the order's number"),
        _must("position", values.WHOLE),
        _must("manufacturer_code", values.CODE),
        _must("mpn", values.MPN),
        _must("plan", values.CODE),
        _may("name", values.NAME, "default: the product's name"),
        _must("period_type", _PERIOD_TYPE),
        _must("period_duration", values.POSITIVE),
        _may("quantity_kind", values.one_of(QuantityKind), "default `DELTA`"),
        _must("quantity", values.SIGNED, "signed when it is a delta"),
        _may("resulting_quantity", values.WHOLE, "what the subscription has once the order is completed"),
        _may("effective_on", values.DAY),
        _must("currency", values.CURRENCY),
        _must("unit_amount", values.CHARGE),
        _must("extended_amount", values.AMOUNT, "signed as the quantity is"),
        _may("exchange_rate", values.RATE, "where the vendor's own cost was in another currency"),
    ),
)

ALL = (
    MARKETPLACES,
    PLANS,
    PRODUCTS,
    ACCOUNTS,
    CONTACTS,
    USERS,
    PRICES,
    SUBSCRIPTIONS,
    SUBSCRIPTION_ITEMS,
    CHARGES,
    ORDERS,
    ORDER_LINES,
)
"""Every file, in the order in which they are read and reported."""

BY_NAME = {file.name: file for file in ALL}
