"""A market of some sixty accounts with a bit of everything, full of ties, near misses and other things that go wrong.

The hand-made hierarchy says who may see what; this one is for whatever filters, sorts, pages and adds up.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from sqlmodel import SQLModel

import models
from models import path as paths
from models.base import PeriodType, table_of
from models.subscription import NEVER
from models.text import fold, terms
from tests.asking import TODAY
from tests.hierarchy import Record, World

T = TypeVar("T")

PROVIDER, RESELLER, OTHER_RESELLER, SUBRESELLER = 1, 2, 3, 4
_VENDORS = {2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 3}
_CUSTOMERS_OF = {1: 2, 2: 22, 3: 6, 4: 9, 5: 6, 6: 8, 7: 4}
CUSTOMER = 10
"""A customer of `RESELLER`."""

NAMES = (
    "Acme", "ACME", "Ácme", "Acme Cloud", "cloud acme", "Zürich Bau", "ZURICH BAU", "Øresund Data", "Straße 7",
    "STRASSE 7", "Łódź Soft", "O'Brien & Söhne", "東京クラウド", "Ünal 4 Friends", "acmeology",
)  # fmt: skip
_FIRST = ("Zoë", "Ada", "ada", "Jürgen", "Æsa", "李")
_LAST = ("Byron", "byron", "Müller", "Muller", "O'Neil", "王")
_WORDS = ("Business", "Basic", "Premium", "Éclair", "Server")
_MAKERS = ("contoso", "fabrikam", "tailspin")
_CURRENCIES = ("USD", "USD", "USD", "EUR")
_AMOUNTS = (0, 1, 10, 999_999, 1_000_000, 12_500_000, 70_500_000, 9_999_999_999, 123_456)
"""In micros."""

MOMENTS = tuple(datetime(2026, 10, day, 12, 30, 15, 250_000, tzinfo=UTC) for day in (1, 2, 3, 28))
PRODUCTS, PLANS, MARKETS = 56, 52, 8


class Market:
    """Collects rows, from dice that fall the same each time."""

    def __init__(self, seed: int) -> None:
        self.world: World = defaultdict(list)
        self.dice = random.Random(seed)
        self._others = random.Random(seed)
        self._next = 10_000

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Other dice for a while, so that those that come later fall as they would."""
        dice, self.dice = self.dice, self._others
        yield
        self.dice = dice

    def pick(self, several: Sequence[T]) -> T:
        """One of several."""
        return self.dice.choice(several)

    def add(self, model: type[SQLModel], /, **values: Any) -> Record:
        """Add a row; what it doesn't say is the model's default, or null."""
        table = table_of(model)
        self._next += 1
        given: Record = {"id": self._next, **values}
        row = model(**{name: value for name, value in given.items() if name in table.c})
        record = {column.name: getattr(row, column.name, None) for column in table.c}
        self.world[table.name].append(record)
        return record

    def dated(self) -> Record:
        """When a row was made: on one of a few days, so that many are of the same age."""
        moment = self.pick(MOMENTS)
        return {"created_at": moment, "updated_at": moment + timedelta(hours=1), "version": self.dice.randint(1, 3)}


def build(seed: int = 7) -> World:
    """The whole market; every table's rows in the order of their making."""
    market = Market(seed)
    _add_catalogue(market)
    accounts = [_add_account(market, *each) for each in _tree()]
    for account in accounts:
        _add_people(market, account)
        _add_prices(market, account)
    for account in accounts:
        for _ in range(market.dice.randint(1, 4)):
            _add_subscription(market, account)
    for account in accounts:
        _add_money(market, account)
    _add_trade(market)
    return dict(market.world)


def _tree() -> list[tuple[int, int | None, str]]:
    """Id, parent and type of each account, parents first."""
    rows: list[tuple[int, int | None, str]] = [(PROVIDER, None, "PROVIDER")]
    rows += [(account, vendor, "RESELLER") for account, vendor in _VENDORS.items()]
    customers = [vendor for vendor, number in _CUSTOMERS_OF.items() for _ in range(number)]
    return rows + [(account, vendor, "CUSTOMER") for account, vendor in enumerate(customers, start=8)]


def owner(account: Record) -> Record:
    """What places a row in the tree."""
    return {"account_id": account["id"], "path": account["path"], "shard_id": account["shard_id"]}


def _add_catalogue(market: Market) -> None:
    for code in models.RoleCode:
        market.add(models.Role, code=code, name=code.title(), description="A role.")
    for number in range(1, MARKETS + 1):
        name = f"Market {number % 3}"
        country, currency = market.pick(("DE", "FR", "US")), market.pick(_CURRENCIES)
        market.add(
            models.Marketplace, id=number, code=f"m{number}", name=name, name_key=fold(name), country_code=country,
            currency=currency,
        )  # fmt: skip
    with market.aside():
        for number, (of, into) in enumerate((("USD", "EUR"), ("EUR", "USD"), ("GBP", "EUR")) * 20):
            market.add(
                models.ExchangeRate, from_currency=of, to_currency=into, rate=f"1.{number}",
                valid_from=TODAY + timedelta(days=number), **market.dated(),
            )  # fmt: skip
    makers = [
        market.add(models.Manufacturer, id=at, code=code, name=code.title()) for at, code in enumerate(_MAKERS, 1)
    ]
    for number in range(1, PLANS + 1):
        _add_plan(market, number)
    with market.aside():
        _add_switches(market)
    for number in range(1, PRODUCTS + 1):
        _add_product(market, number, makers)
    for product in range(2, PRODUCTS):
        for other in {product - 1, PRODUCTS}:
            market.add(models.ProductDependency, product_id=product, depends_on_id=other)


def _add_switches(market: Market) -> None:
    """From each plan to some others, by the month and by the year; each second with one product of either."""
    plans, kinds, times = range(1, PLANS + 1), tuple(models.SwitchKind), tuple(models.SwitchTime)
    ways = [(of, (of + step - 1) % PLANS + 1) for of in plans for step in range(6, PLANS, 10)]
    pairs = [(*way, months) for way in ways for months in (1, 12)]
    for number, (of, into, months) in enumerate(pairs):
        market.add(
            models.PlanSwitch, terms_key=f"{of}:{months}>{into}:{months}", kind=kinds[number % len(kinds)],
            from_plan_id=of, to_plan_id=into, from_period_type=PeriodType.MONTH, from_period_duration=months,
            to_period_type=PeriodType.MONTH, to_period_duration=months, is_active=number % 4 != 0,
            billing_policy=models.SwitchPolicy.NO_REFUND, when_effective=times[number // 2 % len(times)],
            from_product_id=of if months == 1 else None, to_product_id=into if months == 1 else None,
            **market.dated(),
        )  # fmt: skip


def _add_plan(market: Market, number: int) -> None:
    name = f"{market.pick(_WORDS)} plan"
    model = market.pick(tuple(models.BillingModel))
    market.add(
        models.Plan, id=number, code=f"plan-{number}", name=name, name_key=fold(name), billing_model=model,
        billing_period_type=PeriodType.MONTH, billing_period_duration=1, **market.dated(),
    )  # fmt: skip
    for duration in (1, 12):
        market.add(models.PlanPeriod, plan_id=number, type=PeriodType.MONTH, duration=duration, is_trial=duration == 1)


def _add_product(market: Market, number: int, makers: Sequence[Record]) -> None:
    name = f"{market.pick(_WORDS)} {market.pick(_WORDS)}"
    mpn, maker = f"MPN-{number // 2:03}", makers[number % 3]  # two makers share most part numbers
    service = market.pick(("Contoso 365", "Éclair Cloud", None))
    market.add(
        models.Product, id=number, mpn=mpn, manufacturer_id=maker["id"], name=name, name_key=fold(name),
        service_name=service, status=market.pick(tuple(models.ProductStatus)), **market.dated(),
    )  # fmt: skip
    for term in terms(name, mpn, service or ""):
        market.add(models.ProductTerm, product_id=number, term=term)


def _add_account(market: Market, account_id: int, parent_id: int | None, of_type: str) -> Record:
    above = next((row["path"] for row in market.world["account"] if row["id"] == parent_id), "")
    path = paths.child(above, account_id)
    name = market.pick(NAMES)
    siblings = sum(row["parent_id"] == parent_id for row in market.world["account"])
    account = market.add(
        models.Account, id=account_id, parent_id=parent_id, path=path, shard_id=paths.shard_id(path), type=of_type,
        status=market.pick(tuple(models.AccountStatus)), name=name, name_key=fold(name),
        external_id=f"ext-{siblings}" if siblings else None, marketplace_id=account_id % MARKETS + 1,
        attributes=market.pick((None, '{"tier":"gold","a":"b"}')), **market.dated(),
    )  # fmt: skip
    if account["status"].endswith("_HOLD"):
        account["holder_id"] = parent_id
    for term in terms(name):
        market.add(models.AccountTerm, path=path, term=term)
    if of_type != "CUSTOMER":
        market.add(models.VendorCard, name=f"{name} Shop", **owner(account))
    return account


def _add_people(market: Market, account: Record) -> None:
    own = owner(account)
    for position in range(market.dice.randint(1, 2)):
        email = f"Contact{market.dice.randint(1, 30)}@Example.com"
        market.add(
            models.AccountContact, position=position, first_name="Con", last_name="Tact", email=email,
            email_key=fold(email), type=market.pick(tuple(models.ContactType)), **own,
        )  # fmt: skip
    market.add(models.ApiClient, client_id=f"client-{account['id']}", name="Script", privileges="[]", **own)
    for number in range(market.dice.randint(1, 3)):
        _add_user(market, f"u{number}@a{account['id']}.example", own)
    with market.aside():
        for _ in range(3):
            _add_change(market, account)


def _add_user(market: Market, login: str, own: Record) -> None:
    first, last = market.pick(_FIRST), market.pick(_LAST)
    user = market.add(
        models.User, login=login, kind=market.pick(tuple(models.UserKind)),
        status=market.pick(tuple(models.UserStatus)), first_name=first, last_name=last,
        name_key=fold(f"{last} {first}"), email=login.title(), email_key=login, **market.dated(), **own,
    )  # fmt: skip
    for term in terms(first, last):
        market.add(models.UserTerm, user_id=user["id"], term=term, path=own["path"])
    for role in market.dice.sample(tuple(models.RoleCode), market.dice.randint(0, 2)):
        market.add(models.UserRole, user_id=user["id"], role_code=role, **own)
    if user["id"] % 2:
        market.add(models.UserDenial, user_id=user["id"], privilege="orders:place", **own)


def _add_change(market: Market, account: Record) -> None:
    users = market.world["app_user"]
    noun = market.pick(("account", "account", "app_user"))
    market.add(
        models.Audit, path=account["path"], shard_id=account["shard_id"], at=market.pick(MOMENTS),
        operation=market.pick(("accountUpdate", "accountCreditHold", "userInvite")), noun=noun,
        actor_user_id=market.pick((None, market.pick(users)["id"], users[-1]["id"])), actor_path=account["path"],
        actor_name="Ada Byron", object_id=account["id"] if noun == "account" else users[-1]["id"],
        before='{"name":"Old"}', after='{"name":"New","email":null}',
    )  # fmt: skip


def _add_prices(market: Market, seller: Record) -> None:
    """Offers to all, some for one buyer alone, some over, some not yet holding; and what manufacturers charge."""
    parents = {row["id"]: row["parent_id"] for row in market.world["account"]}
    buyers = [account for account, parent in parents.items() if parent == seller["id"]]
    if seller["type"] == "PROVIDER":
        for product in range(1, PRODUCTS + 1):
            _add_price(market, None, None, product)
    for product in range(seller["id"], PRODUCTS + 1, 1 if seller["type"] == "PROVIDER" else 3) if buyers else ():
        _add_price(market, seller, None, product)
        if market.dice.random() < 0.4:
            _add_price(market, seller, market.pick(buyers), product)


def _add_price(market: Market, seller: Record | None, buyer: int | None, product: int) -> None:
    tiers = market.pick((None, None, "[[10,500000],[100,1]]"))
    market.add(
        models.Price, seller_id=seller and seller["id"], seller_path=seller["path"] if seller else "",
        shard_id=seller["shard_id"] if seller else PROVIDER, buyer_id=buyer, product_id=product,
        plan_id=(product - 1) % PLANS + 1, period_type=PeriodType.MONTH, period_duration=market.pick((1, 12)),
        type=market.pick(tuple(models.PriceType)), currency=market.pick(_CURRENCIES),
        model=models.PriceModel.TIERED if tiers else models.PriceModel.FLAT, tiers=tiers,
        amount_micros=market.pick(_AMOUNTS), marketplace_id=market.pick((None, None, None, 1)),
        valid_from=market.pick((date(2026, 1, 1), TODAY, TODAY + timedelta(days=1))),
        valid_until=market.pick((None, None, TODAY, TODAY + timedelta(days=1))), **market.dated(),
    )  # fmt: skip


def _add_subscription(market: Market, account: Record) -> None:
    """A subscription with its items, their charges on every edge above, a seat, and its orders."""
    name = f"{market.pick(_WORDS)} of {market.pick(NAMES)}"
    status = market.pick(tuple(models.SubscriptionStatus))
    renewal = None if status == "PENDING" else TODAY + timedelta(days=market.pick((-1, 0, 1, 29, 30, 31, 365)))
    product, quantity = market.dice.randint(1, PRODUCTS), market.dice.randint(1, 40)
    period: Record = {"period_type": PeriodType.MONTH, "period_duration": market.pick((1, 12))}
    subscription = market.add(
        models.Subscription, name=name, name_key=fold(name), status=status, product_id=product,
        plan_id=(product - 1) % PLANS + 1, quantity=quantity, auto_renew=market.dice.random() < 0.6,
        billing_model=models.BillingModel.CHARGE_BEFORE_BILLING_PERIOD, billing_period_type=PeriodType.MONTH,
        billing_period_duration=1, start_date=renewal and renewal - timedelta(days=30), renewal_date=renewal,
        renewal_key=renewal or NEVER, expiration_date=renewal and renewal + timedelta(days=market.pick((0, 1, 9))),
        **period, **market.dated(), **owner(account),
    )  # fmt: skip
    for position in range(market.dice.randint(1, 3)):
        _add_item(market, account, subscription, position)
    users = [user for user in market.world["app_user"] if user["account_id"] == account["id"]]
    for user in market.dice.sample(users, market.dice.randint(0, len(users))):
        market.add(models.Seat, subscription_id=subscription["id"], user_id=user["id"], **owner(account))
    for _ in range(market.dice.randint(0, 2)):
        _add_order(market, account, subscription, period)


def _add_item(market: Market, account: Record, subscription: Record, position: int) -> None:
    product = market.dice.randint(1, PRODUCTS) if position else subscription["product_id"]
    quantity = market.dice.randint(1, 40) if position else subscription["quantity"]
    item = market.add(
        models.SubscriptionItem, subscription_id=subscription["id"], position=position, product_id=product,
        quantity=quantity, **owner(account),
    )  # fmt: skip
    with market.aside():
        for number in range(market.dice.randint(0, 3)):
            market.add(
                models.SubscriptionHistory, subscription_id=subscription["id"], item_id=item["id"],
                at=market.pick(MOMENTS), reason=market.pick(tuple(models.QuantityReason)), quantity_before=number,
                quantity_after=quantity, **owner(account),
            )  # fmt: skip
    edge: tuple[int | None, int] | None = (account["parent_id"], account["id"])
    while edge and market.dice.random() < 0.95:  # now and then what was charged further up is not on record
        _add_charge(market, account, item, subscription["status"], *edge)
        above = next((row for row in market.world["account"] if row["id"] == edge[0]), None)
        edge = (above["parent_id"], above["id"]) if above else None


def _add_charge(market: Market, account: Record, item: Record, status: str, seller: int | None, buyer: int) -> None:
    path = next((row["path"] for row in market.world["account"] if row["id"] == seller), "")
    unit = market.dice.randint(1, 50_000_000)
    market.add(
        models.SubscriptionCharge, item_id=item["id"], subscription_id=item["subscription_id"], path=account["path"],
        shard_id=account["shard_id"], seller_id=seller, seller_path=path, buyer_id=buyer, status=status,
        currency=market.pick(_CURRENCIES), unit_micros=unit, monthly_micros=unit * item["quantity"],
    )  # fmt: skip


def _add_money(market: Market, account: Record) -> None:
    """What an account owes its vendor: a balance, posts, payments and invoices, many of the same instant."""
    edge: Record = {"seller_id": account["parent_id"], "buyer_id": account["id"], "currency": market.pick(_CURRENCIES)}
    balance = market.add(
        models.Balance, seller_path=account["path"][:-6], path=account["path"],
        shard_id=account["shard_id"], terms=market.pick(tuple(models.PaymentTerm)),
        owed_micros=market.dice.randint(-9, 9), credit_limit_micros=market.pick((None, 0, 10_000_000)),
        buyer_name=market.pick((None, "Gone")), **edge, **market.dated(),
    )  # fmt: skip
    of: Record = edge | {"balance_id": balance["id"]}
    posts = [
        market.add(
            models.LedgerPost, at=market.pick(MOMENTS), kind=market.pick(tuple(models.PostKind)), key=f"key:{number}",
            position=0, micros=market.dice.randint(-9, 9), text="Seats", **of,
        )
        for number in range(market.dice.randint(0, 6))
    ]  # fmt: skip
    for number in range(market.dice.randint(0, 4)):
        market.add(
            models.Payment, kind=market.pick(tuple(models.PaymentKind)), micros=1 + number, received_on=TODAY,
            **of, **market.dated(),
        )  # fmt: skip
        invoice = market.add(
            models.Invoice, number=f"IN{account['id']}-{number}", period_from=TODAY,
            period_to=TODAY + timedelta(days=number), total_micros=number,
            due_on=TODAY + timedelta(days=number),
            status=market.pick(tuple(models.InvoiceStatus)), **of, **market.dated(),
        )  # fmt: skip
        for position, post in enumerate(posts if number == 0 else ()):
            own = {name: post[name] for name in ("at", "kind", "text", "currency", "micros")}
            market.add(models.InvoiceItem, invoice_id=invoice["id"], position=position, post_id=post["id"], **own)


def _add_trade(market: Market) -> None:
    """Lots, holds, what edges were charged for orders, what waits or was switched, price sheets; without dice."""
    accounts = {row["id"]: row for row in market.world["account"]}
    items = {row["subscription_id"]: row for row in market.world["subscription_item"]}
    orders = {row["id"]: row for row in market.world["orders"]}
    lines = market.world["order_line"]
    for number, line in enumerate(lines):
        account, order = accounts[line["account_id"]], orders[line["order_id"]]
        market.add(
            models.OrderCharge, order_id=order["id"], line_id=line["id"], seller_id=account["parent_id"],
            buyer_id=account["id"], price_type="RECURRING", currency="USD", unit_micros=number, extended_micros=number,
            charged_micros=number,
        )  # fmt: skip
        if order["subscription_id"] in items:
            market.add(
                models.SubscriptionLot, subscription_id=order["subscription_id"], order_line_id=line["id"],
                item_id=items[order["subscription_id"]]["id"], quantity=3, remaining=2, bought_at=MOMENTS[0],
                window_until=MOMENTS[number % 4] if number % 5 else None, **owner(account),
            )  # fmt: skip
    for order in orders.values():
        if order["subscription_id"] is not None and order["status"] == "SUBMITTED":
            order["waiting_for"] = "RENEWAL"
    of_account = {row["account_id"]: row["id"] for row in orders.values()}
    for change in market.world["subscription_history"][::3]:
        change |= {"from_product_id": 1, "from_plan_id": 1, "by_order_id": of_account.get(change["account_id"])}
    for change in market.world["audit"][::3]:
        change["acting_path"] = change["path"]
    for subscription in market.world["subscription"][::3]:
        account = accounts[subscription["account_id"]]
        market.add(models.SubscriptionHold, subscription_id=subscription["id"], reason="PERSON", **owner(account))
    sellers = [row for row in accounts.values() if row["type"] != "CUSTOMER"]
    for number, seller in enumerate(sellers * 2):
        sheet = market.add(
            models.PriceSheet, kind="MARKUP", name=f"Markup {number}", price_count=1, version=1,
            created_at=MOMENTS[0], updated_at=MOMENTS[0], **owner(seller),
        )  # fmt: skip
        for price in [each for each in market.world["price"] if each["seller_id"] == seller["id"]][number::5]:
            price["sheet_id"] = sheet["id"]


def _add_order(market: Market, account: Record, subscription: Record, period: Record) -> None:
    number, of_type = len(market.world["orders"]), market.pick(tuple(models.OrderType))
    total = market.dice.randint(0, 10**9)
    order = market.add(
        models.Order, number=f"SO{number:06}", type=of_type, status=market.pick(tuple(models.OrderStatus)),
        po_number=market.pick((None, "PO-1", "po-1", "PO-2")), currency="USD", total_micros=total,
        subscription_id=market.pick((None, subscription["id"])), attributes=None, **market.dated(), **owner(account),
    )  # fmt: skip
    for position in (1, 2):
        market.add(
            models.OrderLine, order_id=order["id"], position=position, product_id=subscription["product_id"],
            plan_id=subscription["plan_id"], mpn="MPN-001", name="As ordered", quantity=-3, currency="USD",
            unit_micros=total, extended_micros=-3 * total, exchange_rate="1.0825", **period, **owner(account),
        )  # fmt: skip
