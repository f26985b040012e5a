"""A small hand-made hierarchy with a row of everything everywhere, and who may see it, said without any SQL.

    1 provider
    ├── 2 reseller
    │   ├── 3 reseller ── 4 reseller ── 5 customer
    │   │   └── 6 customer
    │   ├── 7 customer
    │   └── 8 customer
    ├── 9 reseller ── 10 reseller ── 11 customer
    │   └── 12 customer
    └── 13 customer

Every text of a row that belongs to account N carries `LEAK-N-`; of catalogue rows, which belong to nobody, `LEAK-0-`.
"""

import itertools
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Text, insert, select
from sqlmodel import AutoString, SQLModel

import models
from models import path as paths
from models.base import PeriodType, table_of
from models.policy.rules import RULES
from models.scope import Reach, Scope
from models.statement import Statement
from models.store import Store

PARENT = {1: None, 2: 1, 3: 2, 4: 3, 5: 4, 6: 3, 7: 2, 8: 2, 9: 1, 10: 9, 11: 10, 12: 9, 13: 1}
FORMER_VENDOR = {5: 10, 8: 9, 10: 2, 12: 2, 13: 9}
"""Accounts that were transferred: what they bought before is charged along the chain above their former vendor."""
CUSTOMERS = {5, 6, 7, 8, 11, 12, 13}
SELLERS = set(PARENT) - CUSTOMERS

Key = tuple[Any, ...]
Record = dict[str, Any]
World = dict[str, list[Record]]
"""The rows of every table, as they were inserted."""

_TEXTS = (Text, AutoString)
_MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
_DATED = {"created_at": _MOMENT, "updated_at": _MOMENT}

# One product and plan for each way in which they become visible, or fail to.
OFFERED_BY_PROVIDER, OFFERED_TO_2_ALONE, OFFERED_BY_9, OFFERED_BY_3, OFFERED_BY_NOBODY, SUBSCRIBED_ONLY, UNPRICED = (
    range(1, 8)
)


def path_of(account_id: int) -> str:
    """The account's path, from its ancestors' ids."""
    parent = PARENT[account_id]
    return paths.child(path_of(parent) if parent else "", account_id)


def ancestors(account_id: int | None) -> Iterator[int]:
    """The accounts above, the nearest first."""
    while account_id and (account_id := PARENT[account_id]):
        yield account_id


class Builder:
    """Collects rows; ids count up through all tables, so that no id fits a second table by chance."""

    def __init__(self) -> None:
        self.world: World = defaultdict(list)
        self._ids = itertools.count(1000)

    def add(self, model: type[SQLModel], of: int = 0, **values: Any) -> int:
        """Add a row of account `of` (0: of nobody), its texts marked; returns its id."""
        table = table_of(model)
        own = {"account_id": of, "path": path_of(of), "shard_id": of} if of else {}
        given: Record = own | _DATED | {"id": next(self._ids)} | values
        row = model(**{name: value for name, value in given.items() if name in table.c})
        record = {column.name: getattr(row, column.name) for column in table.c}
        for column in table.c:
            if record[column.name] is None and isinstance(column.type, _TEXTS):
                record[column.name] = f"LEAK-{of}-{column.name}"
        self.world[table.name].append(record)
        return int(given["id"])


_RENEWAL = date(2099, 1, 1)
"""Of all subscriptions: on it something becomes of them, and no test comes to see it."""


def build() -> World:
    """The whole hierarchy."""
    builder = Builder()
    _add_catalogue(builder)
    for account_id in PARENT:
        _add_account(builder, account_id)
        _add_prices(builder, account_id)
    _add_switches(builder)
    return dict(builder.world)


def _add_switches(builder: Builder) -> None:
    """From every product's terms to those of the next, each second with the product itself; two of hidden products."""
    of_next = list(itertools.pairwise([*range(OFFERED_BY_PROVIDER, UNPRICED + 1), OFFERED_BY_PROVIDER]))
    switches = [(*plans, *(plans if plans[0] % 2 else (None, None))) for plans in of_next]
    switches += [(OFFERED_BY_PROVIDER, OFFERED_BY_PROVIDER, UNPRICED, OFFERED_BY_PROVIDER)]
    switches += [(OFFERED_BY_PROVIDER, OFFERED_BY_PROVIDER, OFFERED_BY_PROVIDER, UNPRICED)]
    for number, (of, into, from_product, to_product) in enumerate(switches):
        builder.add(
            models.PlanSwitch, terms_key=f"LEAK-0-{number}", kind="UPGRADE", from_plan_id=of, to_plan_id=into,
            from_period_type=PeriodType.MONTH, from_period_duration=1, to_period_type=PeriodType.MONTH,
            to_period_duration=1, billing_policy="PRORATE_REFUND", when_effective="IMMEDIATELY",
            from_product_id=from_product, to_product_id=to_product,
        )  # fmt: skip


def _add_catalogue(builder: Builder) -> None:
    for code in models.RoleCode:
        builder.add(models.Role, code=code.value)
    for market in (1, 2, 3):
        builder.add(models.Marketplace, id=market, code=f"LEAK-0-market-{market}")
    builder.add(models.Manufacturer, id=UNPRICED + 1, code="LEAK-0-maker-of-nothing")
    builder.add(models.ExchangeRate, valid_from=date(2026, 1, 1))
    period: Record = {"period_type": PeriodType.MONTH, "period_duration": 1}
    for product in range(OFFERED_BY_PROVIDER, UNPRICED + 1):
        builder.add(models.Manufacturer, id=product, code=f"LEAK-0-maker-{product}")
        builder.add(
            models.Product,
            id=product,
            mpn=f"LEAK-0-mpn-{product}",
            manufacturer_id=product,
            coterming_type="END_OF_MONTH",
        )
        builder.add(models.ProductTerm, product_id=product, term="leak")
        builder.add(models.ProductDependency, product_id=product, depends_on_id=UNPRICED)
        builder.add(
            models.Plan,
            id=product,
            code=f"LEAK-0-plan-{product}",
            billing_period_type=PeriodType.MONTH,
            billing_period_duration=1,
            billing_model=models.BillingModel.CHARGE_BEFORE_BILLING_PERIOD,
        )
        builder.add(models.PlanPeriod, plan_id=product, type=PeriodType.MONTH, duration=1)
        if product != UNPRICED:
            builder.add(
                models.Price, seller_path="", product_id=product, plan_id=product, amount_micros=1, shard_id=1,
                valid_from=date(2026, 1, 1), **period,
            )  # fmt: skip


def _add_prices(builder: Builder, seller: int) -> None:
    """Every seller charges all below it, and each buyer below it something of its own besides."""
    own = {1: OFFERED_BY_PROVIDER, 9: OFFERED_BY_9, 3: OFFERED_BY_3}
    offers: list[tuple[int | None, int]] = [(None, own.get(seller, OFFERED_BY_PROVIDER))]
    offers += [(buyer, OFFERED_BY_PROVIDER) for buyer, parent in PARENT.items() if parent == seller]
    if seller == 1:
        offers.append((2, OFFERED_TO_2_ALONE))
    if seller in SELLERS:
        builder.add(models.PriceSheet, seller, kind="FILE", price_count=len(offers))
    for buyer, product in offers if seller in SELLERS else []:
        builder.add(
            models.Price, seller, seller_id=seller, seller_path=path_of(seller), buyer_id=buyer, product_id=product,
            plan_id=product, period_type=PeriodType.MONTH, period_duration=1, amount_micros=seller * 1_000_000,
            valid_from=date(2026, 1, 1),
        )  # fmt: skip


def _add_account(builder: Builder, of: int) -> None:
    kind = "PROVIDER" if of == 1 else "CUSTOMER" if of in CUSTOMERS else "RESELLER"
    market = {2: 1, 9: 2}.get(next((a for a in (of, *ancestors(of)) if a in (2, 9)), 0), 1 if of == 1 else 2)
    builder.add(models.Account, of, id=of, parent_id=PARENT[of], type=kind, marketplace_id=market)
    builder.add(models.AccountContact, of)
    builder.add(models.AccountTerm, of, term=f"leak-{of}")
    builder.add(models.ApiClient, of)
    builder.add(models.Audit, of, at=_MOMENT, noun="vendor_card", object_id=of)
    if of in SELLERS:
        builder.add(models.VendorCard, of)
    _add_money(builder, of, PARENT[of], path_of(of))
    if of in FORMER_VENDOR:
        _add_money(builder, of, FORMER_VENDOR[of], paths.child(path_of(FORMER_VENDOR[of]), of))
    users = []
    for login, user_kind in (("admin", "ADMINISTRATOR"), ("first", "SERVICE_USER"), ("second", "SERVICE_USER")):
        user = builder.add(models.User, of, kind=user_kind, login=f"LEAK-{of}-{login}", security_question="FIRST_PET")
        builder.add(models.UserTerm, of, user_id=user, term=f"leak-{of}-{login}")
        builder.add(models.UserRole, of, user_id=user, role_code="SERVICE_USER")
        builder.add(models.UserDenial, of, user_id=user, privilege="orders:place")
        users.append(user)
    # The first subscription is used by the first service user, the second by the second. Those of an account that
    # was once another vendor's lie on a chain that no longer leads to it, so that no part of a path says the other.
    vendor = PARENT[of]
    _add_subscription(builder, of, SUBSCRIBED_ONLY if of == 7 else OFFERED_BY_PROVIDER, users[1], vendor)
    _add_subscription(builder, of, OFFERED_BY_PROVIDER, users[2], FORMER_VENDOR.get(of, vendor))


def _add_money(builder: Builder, of: int, seller: int | None, path: str) -> None:
    """What an account owes a vendor; the balance with a former one stays where it was."""
    edge: Record = {"seller_id": seller, "buyer_id": of}
    balance = builder.add(
        models.Balance,
        of,
        path=path,
        seller_path=path_of(seller) if seller else "",
        terms="NET",
        owed_micros=-1,
        **edge,
    )
    payment = builder.add(
        models.Payment, of, balance_id=balance, kind="PAYMENT", micros=1, received_on=date(2026, 11, 1), **edge
    )
    post = builder.add(
        models.LedgerPost, of, balance_id=balance, at=_MOMENT, kind="PAYMENT", position=0, micros=-1,
        payment_id=payment, **edge,
    )  # fmt: skip
    for side, micros in (("RECEIVABLE", -1), ("CASH", 1)):
        builder.add(models.LedgerEntry, of, post_id=post, side=side, micros=micros)
    invoice = builder.add(
        models.Invoice, of, balance_id=balance, number=f"LEAK-{of}-{balance}", period_from=date(2026, 10, 1),
        period_to=date(2026, 11, 1), total_micros=1, status="OPEN", due_on=date(2026, 12, 1), **edge,
    )  # fmt: skip
    builder.add(
        models.InvoiceItem, of, invoice_id=invoice, position=0, post_id=post, at=_MOMENT, kind="CHARGE", micros=1
    )


def _add_subscription(builder: Builder, of: int, product: int, user: int, vendor: int | None) -> None:
    """A subscription with two items, what every edge above the account was charged for them, a seat and an order."""
    period: Record = {"period_type": PeriodType.MONTH, "period_duration": 1}
    subscription = builder.add(
        models.Subscription, of, product_id=product, plan_id=product, quantity=of, status="ACTIVE",
        billing_model=models.BillingModel.CHARGE_BEFORE_BILLING_PERIOD, billing_period_type=PeriodType.MONTH,
        billing_period_duration=1, import_key=f"LEAK-{of}-{user}", renewal_date=_RENEWAL, renewal_key=_RENEWAL,
        **period,
    )  # fmt: skip
    builder.add(models.Seat, of, subscription_id=subscription, user_id=user)
    builder.add(models.SubscriptionHold, of, subscription_id=subscription, reason="PERSON")
    sold = {"path": paths.child(path_of(vendor) if vendor else "", of)}
    order = builder.add(
        models.Order, of, subscription_id=subscription, total_micros=of, number=f"LEAK-{of}-{user}", **sold
    )
    for position in (0, 1):
        shared: Record = {"position": position, "product_id": product, "quantity": of}
        item = builder.add(models.SubscriptionItem, of, subscription_id=subscription, **shared)
        line = builder.add(
            models.OrderLine, of, order_id=order, plan_id=product, unit_micros=1, extended_micros=1, **shared, **period,
            **sold,
        )  # fmt: skip
        bought: Record = {"subscription_id": subscription, "item_id": item}
        builder.add(
            models.SubscriptionLot, of, order_line_id=line, quantity=of, remaining=of, bought_at=_MOMENT, **bought
        )
        builder.add(
            models.SubscriptionHistory, of, at=_MOMENT, by_order_id=order, reason="PURCHASE", quantity_before=0,
            quantity_after=of, **bought,
        )  # fmt: skip
        for seller, buyer in chain(vendor, of):
            builder.add(
                models.OrderCharge, of, order_id=order, line_id=line, seller_id=seller, buyer_id=buyer,
                unit_micros=buyer, price_type="RECURRING", extended_micros=1, charged_micros=0 if position else of,
            )  # fmt: skip
            builder.add(
                models.SubscriptionCharge, of, item_id=item, subscription_id=subscription, seller_id=seller,
                buyer_id=buyer, seller_path=path_of(seller) if seller else "", unit_micros=buyer, monthly_micros=1,
                status="ACTIVE",
            )  # fmt: skip


def chain(seller: int | None, buyer: int) -> Iterator[tuple[int | None, int]]:
    """The edges from seller to buyer, upwards to what the manufacturer charges the provider."""
    yield seller, buyer
    if seller:
        yield from chain(PARENT[seller], seller)


async def insert_world(store: Store, world: World) -> None:
    """Write all rows; the tables come in the order in which they refer to each other."""
    async with store.unfiltered("a test's hierarchy", write=True) as db:
        for table in SQLModel.metadata.sorted_tables:
            statement = Statement(insert(table))
            for record in world.get(table.name, ()) if table.name != "role" else ():
                await db.execute(statement, record)
        if store.engine == "postgresql":  # their own numbers were given by hand
            for name in ("account", "audit"):
                await db.sql(f"SELECT setval('{name}_id_seq', (SELECT max(id) FROM {name}))")


def keys(table: str, records: Iterable[Record]) -> set[Key]:
    """The primary keys of the records, by which a table's rows are compared."""
    names = [column.name for column in SQLModel.metadata.tables[table].primary_key]
    return {tuple(record[name] for name in names) for record in records}


def visible(world: World, scope: Scope) -> dict[str, list[Record]]:
    """The oracle: what the scope may see, found by walking from account to account."""
    place, user, vendor = scope.account_id, scope.only_user, PARENT[scope.account_id]
    reach = Reach.OWN if user else scope.reach
    nearer = [account for account, parent in PARENT.items() if account == place or parent == place]
    below = [account for account in PARENT if account == place or place in ancestors(account)]
    accounts = {Reach.OWN: [place], Reach.DIRECT: nearer, Reach.SUBTREE: below}[reach]
    sellers = below if reach is Reach.SUBTREE else [place]
    sees_all_products = vendor is None and not user
    seen: dict[str, list[Record]] = {}

    def see(table: str, condition: Any) -> None:
        seen[table] = [record for record in world.get(table, ()) if condition(record)]

    def owned(record: Record) -> bool:
        return paths.account_id(record["path"]) in accounts

    def charged(record: Record) -> bool:
        if user or not scope.prices:
            return False
        if record["seller_id"] is None:
            return vendor is None
        return record["seller_id"] in sellers or (record["seller_id"] == vendor and record["buyer_id"] in (place, None))

    for table in ("account", "account_term"):
        see(table, owned)
    for table in ("account_contact", "api_client"):
        see(table, lambda record: owned(record) and not user)
    for table in ("orders", "order_line"):
        # Where it was sold, and to whoever bought it.
        see(table, lambda record: not user and (lies_in(record["path"], scope) or record["account_id"] == place))
    sold = {record["id"] for record in seen["orders"]} if scope.prices else set()
    see(
        "order_charge",
        lambda record: record["order_id"] in sold and (record["buyer_id"] == place or record["seller_id"] in accounts),
    )
    see("audit", lambda record: owned(record) and scope.changes and not user)
    see("app_user", lambda record: owned(record) and user in (0, record["id"]))
    for table in ("user_denial", "user_role", "user_term", "seat"):
        see(table, lambda record: owned(record) and user in (0, record["user_id"]))
    used = {seat["subscription_id"] for seat in seen["seat"]}
    see("subscription", lambda record: owned(record) and (not user or record["id"] in used))
    for table in ("subscription_history", "subscription_hold", "subscription_item", "subscription_lot"):
        see(table, lambda record: owned(record) and (not user or record["subscription_id"] in used))
    see("subscription_charge", lambda record: owned(record) and charged(record))
    see("price", charged)
    sees_money = scope.finances and not user
    see("balance", lambda record: sees_money and (record["seller_id"] in sellers or record["buyer_id"] == place))
    balances = {record["id"] for record in seen["balance"]}
    for table in ("invoice", "ledger_post", "payment"):
        see(table, lambda record: record["balance_id"] in balances)
    invoices = {record["id"] for record in seen["invoice"]}
    see("invoice_item", lambda record: record["invoice_id"] in invoices)
    see("price_sheet", lambda record: not user and scope.prices and record["account_id"] in sellers)
    see("exchange_rate", lambda record: True)
    see("vendor_card", lambda record: owned(record) or record["account_id"] == vendor)
    offers = seen["price"] + seen["subscription"]
    products = {record["id"] for record in world["product"] if sees_all_products} | {
        record["product_id"] for record in offers
    }
    plans = {record["id"] for record in world["plan"] if sees_all_products} | {record["plan_id"] for record in offers}
    markets = {record["id"] for record in world["marketplace"] if sees_all_products}
    markets |= {record["marketplace_id"] for record in seen["account"]}
    makers = {record["manufacturer_id"] for record in world["product"] if record["id"] in products}
    see("product", lambda record: record["id"] in products)
    see("plan", lambda record: record["id"] in plans)
    see("manufacturer", lambda record: record["id"] in makers or sees_all_products)
    see("marketplace", lambda record: record["id"] in markets)
    for table in ("product_term", "product_dependency"):
        see(table, lambda record: record["product_id"] in products)
    see("plan_period", lambda record: record["plan_id"] in plans)
    see(
        "plan_switch",
        lambda record: (
            {record["from_plan_id"], record["to_plan_id"]} <= plans
            and {record["from_product_id"], record["to_product_id"]} <= products | {None}
        ),
    )
    see("role", lambda record: True)
    return seen


def lies_in(path: str, scope: Scope) -> bool:
    """Whether a scope reaches as far as a path, which may be one that an account once had."""
    chain = [*paths.ancestor_ids(path), paths.account_id(path)]
    place = [scope.account_id, *ancestors(scope.account_id)][::-1]
    if chain[: len(place)] != place:
        return False
    levels = len(chain) - len(place)
    return levels <= {Reach.OWN: 0, Reach.DIRECT: 1, Reach.SUBTREE: len(PARENT)}[scope.reach]


def scopes(world: World) -> Iterator[Scope]:
    """Every place with every reach, with prices, money and the change log and without, and every service user."""
    for account_id in PARENT:
        path = path_of(account_id)
        for reach in Reach:
            yield Scope(path, reach, changes=True, finances=True)
            yield Scope(path, reach, prices=False)
    for user in world["app_user"]:
        if user["kind"] == "SERVICE_USER":
            yield Scope(user["path"], only_user=user["id"], changes=True, finances=True)


Expectation = tuple[Scope, dict[str, set[Key]]]
"""A scope and the primary keys that it may see in each table."""

KEYS = {table: Statement(select(*SQLModel.metadata.tables[table].primary_key), table) for table in RULES}


def expectations(world: World) -> list[Expectation]:
    """What the oracle says of every scope."""
    return [
        (scope, {table: keys(table, records) for table, records in visible(world, scope).items()})
        for scope in scopes(world)
    ]


async def differences(store: Store, expected: Iterable[Expectation], tables: Iterable[str]) -> AsyncGenerator[str]:
    """Where the store and the oracle disagree, in words."""
    for scope, right in expected:
        async with store.reader(scope) as reader:
            for table in tables:
                shown = {tuple(row) for row in await reader.rows(KEYS[table])}
                if shown != right[table]:
                    more, less = shown - right[table], right[table] - shown
                    yield f"{table} through {scope}: too many {more}, too few {less}"
