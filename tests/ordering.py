"""A shop in the hand-made hierarchy: everybody sells one product in euros, and tests order it as some caller."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlmodel import SQLModel

from models import (
    Balance,
    Job,
    JobKind,
    LedgerPost,
    Order,
    OrderCharge,
    OrderLine,
    OrderStatus,
    Subscription,
    SubscriptionCharge,
    SubscriptionItem,
    SubscriptionLot,
    SubscriptionStatus,
)
from models.base import MICROS, table_of
from models.beyond.balances import Conditions
from models.identifier import new_id
from models.statement import Row, Statement
from models.store import Store
from resolvers.caller import Caller
from tests.changes import change, new_key, rows_of, user_at
from tests.databases import Databases
from tests.hierarchy import OFFERED_BY_PROVIDER, Record, World
from tests.money import in_euros, open_books
from tests.worlds import holding

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
PRODUCT = f"prd_{OFFERED_BY_PROVIDER}"
CUSTOMER, DEEP = 7, 5
"""A customer of 2, and one four levels below the provider. Each seller asks its own number of euros for a unit."""

ORDER = (
    "order { id number type status waitingFor version total { amount currency } subscription { id } termFrom termUntil"
    " cancellableUntil allowedActions lines { mpn quantity quantityKind delta previousQuantity resultingQuantity"
    " effectiveOn unitPrice { amount } extendedPrice { amount }"
    " charges { type charged { amount } unitPrice { amount } seller { name } buyer { id } } } }"
)
DRAFT = (
    "draft { dueNow { amount currency } termFrom termUntil waitingFor effectiveOn lines { mpn quantity delta"
    " previousQuantity resultingQuantity unitPrice { amount } extendedPrice { amount } setupPrice { amount } } }"
)
_ERRORS = "userErrors { path message code }"
_SHOWN = {"orderEstimate": DRAFT, "orderValidate": "isValid"}


def goods(world: World) -> World:
    """A world in which things can be ordered: prices in euros, nothing that needs anything else, no open orders."""
    sold = in_euros(world)
    prices = [row | {"currency": "EUR", "tiers": None} for row in world["price"]]
    orders = [row | {"status": "COMPLETED"} for row in world["orders"]]
    dated = {"start_date": date(2026, 11, 1), "renewal_date": date(2026, 12, 1), "renewal_key": date(2026, 12, 1)}
    subscriptions = [row | dated for row in world["subscription"]]
    charges = [row | {"currency": "EUR"} for row in world["subscription_charge"]]
    return sold | {
        "price": prices,
        "product_dependency": [],
        "orders": orders,
        "order_charge": [],
        "subscription_lot": [],
        "subscription": subscriptions,
        "subscription_charge": charges,
    }


@dataclass
class Shop:
    """The hierarchy, to be ordered in.

    Args:
        store: where it is.
        world: its rows as they were.
        now: the instant at which everything happens.
    """

    store: Store
    world: World
    now: datetime = AT

    def user(self, account: int, **more: Any) -> Caller:
        """An administrator of an account with every privilege."""
        return user_at(self.world, account, **more)

    async def ask(self, caller: Caller, mutation: str, /, **given: Any) -> Any:
        """The payload of a mutation on orders; a key is given unless it takes none."""
        answer = await self.answer(caller, mutation, **given)
        assert answer.errors == [], answer.errors
        return answer.data[mutation]

    async def answer(self, caller: Caller, mutation: str, /, **given: Any) -> Any:
        """The whole answer to it."""
        single = mutation.removesuffix("Bulk")
        shown = f"{_SHOWN.get(mutation, ORDER)} {_ERRORS}"
        if mutation.endswith("Bulk"):
            shown = f"results {{ {shown} }} {_ERRORS}"
        key = {} if single in _SHOWN else {"idempotencyKey": new_key()}
        title = mutation[0].upper() + mutation[1:]
        input_type = "OrderEstimateInput" if single in _SHOWN else f"{title}Input"
        document = f"mutation($input: {input_type}!) {{ {mutation}(input: $input) {{ {shown} }} }}"
        return await change(self.store, caller, document, {"input": key | given}, clock=lambda: self.now)

    async def buy(self, account: int, quantity: int = 1, caller: Caller | None = None, **given: Any) -> Any:
        """The payload of a sales order of some units."""
        lines = given.pop("lines", [{"product": PRODUCT, "quantity": quantity}])
        return await self.ask(
            caller or self.user(account), "orderPlace", **{"account": f"acc_{account}", "lines": lines} | given
        )

    async def owed(self, account: int) -> int:
        """What an account owes its vendor, in micros."""
        (row,) = [
            row for row in await rows_of(self.store, Balance) if row.buyer_id == account and row.currency == "EUR"
        ]
        return int(row.owed_micros)

    async def order(self, payload: Any) -> Row:
        """The order that a payload gives, as it is stored."""
        row_id = int(payload["order"]["id"].removeprefix("ord_"))
        (row,) = [row for row in await rows_of(self.store, Order) if row.id == row_id]
        return row

    async def placed(self) -> list[Row]:
        """The orders that weren't there before."""
        known = {row["id"] for row in self.world["orders"]}
        return [row for row in await rows_of(self.store, Order) if row.id not in known]

    async def charges(self, order_id: int) -> list[Row]:
        """What every edge was charged for an order, the manufacturers' first."""
        return [row for row in await rows_of(self.store, OrderCharge) if row.order_id == order_id]

    async def posts(self) -> list[Row]:
        """The whole ledger."""
        return await rows_of(self.store, LedgerPost)

    async def jobs(self) -> list[str]:
        """The keys of the orders that the worker was left."""
        return [row.key for row in await rows_of(self.store, Job) if row.kind == JobKind.PROVISION_ORDER]

    async def set(self, model: type[SQLModel], row_id: int, /, **values: Any) -> None:
        """Change a row beside everything."""
        table = table_of(model)
        named = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in values}
        statement = Statement(update(table).where(table.c.id == bindparam("of")).values(named))
        async with self.store.unfiltered("a test changes a row", write=True) as db:
            given = {f"new_{name}": value for name, value in values.items()}
            await db.execute(statement, given | {"of": row_id})

    async def add(self, model: type[SQLModel], /, **values: Any) -> Record:
        """Add a row beside everything."""
        table = table_of(model)
        made = model(**values)
        row = {column.name: getattr(made, column.name) for column in table.c}
        named = {name: bindparam(name, type_=table.c[name].type) for name in row}
        async with self.store.unfiltered("a test adds a row", write=True) as db:
            await db.execute(Statement(insert(table).values(named)), row)
        return row

    async def owning(self, account: int, quantity: int, **given: Any) -> int:
        """The id of a subscription that an account has just bought; the order is completed beside everything."""
        order = await self.order(await self.buy(account, quantity, **given))
        template: Record = self.subscription(account)
        new: int = new_id()
        (line,) = [row for row in await rows_of(self.store, OrderLine) if row.order_id == order.id]
        dates = {"start_date": _day(order.term_from), "renewal_date": _day(order.term_until)}
        dates["renewal_key"] = dates["renewal_date"]
        template = template | {"product_id": OFFERED_BY_PROVIDER, "plan_id": OFFERED_BY_PROVIDER}
        await self.add(Subscription, **template | dates | {"id": new, "quantity": quantity, "import_key": None})
        place = {name: template[name] for name in ("account_id", "path", "shard_id")} | {"subscription_id": new}
        item = await self.add(
            SubscriptionItem, id=new_id(), position=0, product_id=OFFERED_BY_PROVIDER, quantity=quantity, **place
        )
        await self.lot(item, quantity, self.now, line.id)
        await self.set(Order, order.id, status=OrderStatus.COMPLETED, subscription_id=new)
        return new

    async def lot(self, item: Record, quantity: int, at: datetime, line_id: int | None) -> None:
        """Note that units of an item were bought, to be given back within a week."""
        place = {name: item[name] for name in ("account_id", "path", "shard_id", "subscription_id")}
        units = {"quantity": quantity, "remaining": quantity, "order_line_id": line_id, "item_id": item["id"]}
        until = at + timedelta(hours=168)
        await self.add(SubscriptionLot, id=new_id(), bought_at=at, window_until=until, **units, **place)

    async def alter(self, subscription: int, quantity: int, caller: Caller | None = None, **given: Any) -> Any:
        """The payload of a change of a subscription of `CUSTOMER`."""
        line = {"product": PRODUCT, "quantity": quantity} | given.pop("line", {})
        ask = given.pop("ask", "orderPlace")
        more = {"account": f"acc_{CUSTOMER}", "type": "CHANGE", "subscription": f"sub_{subscription}"} | given
        return await self.ask(caller or self.user(CUSTOMER), ask, lines=[line], **more)

    async def cancel_subscription(self, subscription: int, **given: Any) -> Any:
        """The payload of an order that ends a subscription of `CUSTOMER`."""
        return await self._about(subscription, "CANCELLATION", **given)

    async def renew(self, subscription: int, **given: Any) -> Any:
        """The payload of an order that renews one."""
        return await self._about(subscription, "RENEWAL", **given)

    async def _about(self, subscription: int, of_type: str, **given: Any) -> Any:
        more = {"type": of_type, "subscription": f"sub_{subscription}"}
        return await self.ask(self.user(CUSTOMER), "orderPlace", **more | given)

    async def items(self, subscription: int) -> list[Record]:
        """The items of a subscription."""
        rows = await rows_of(self.store, SubscriptionItem)
        return [row._asdict() for row in rows if row.subscription_id == subscription]

    async def charged(self, subscription: int) -> None:
        """Note what every edge pays for a subscription of `CUSTOMER` of one unit or more: each its own number."""
        (item,) = await self.items(subscription)
        for charge in [row for row in self.world["subscription_charge"] if row["path"] == item["path"]][:3]:
            own = {"id": new_id(), "item_id": item["id"], "subscription_id": subscription, "currency": "EUR"}
            own["unit_micros"] = euros(charge["seller_id"] or 0)
            await self.add(SubscriptionCharge, **charge | own | {"status": SubscriptionStatus.ACTIVE})

    def subscription(self, account: int) -> Record:
        """The first subscription of an account."""
        return next(row for row in self.world["subscription"] if row["account_id"] == account)

    def price(self, seller: int, product: int = OFFERED_BY_PROVIDER) -> Record:
        """A seller's price of a product."""
        return next(row for row in self.world["price"] if (row["seller_id"], row["product_id"]) == (seller, product))


@asynccontextmanager
async def opened_shop(databases: Databases, world: World, **limits: Conditions) -> AsyncIterator[Shop]:
    """A shop in which accounts have balances on the conditions given (`of_7`), else without a limit."""
    offered = goods(world)
    async with holding(databases, "a shop", offered) as store:
        await open_books(store, **limits)
        yield Shop(store, offered)


def _day(value: Any) -> date:
    return date.fromisoformat(str(value))


def faults(payload: Any) -> list[tuple[str, str]]:
    """The codes of a payload's errors, and where they are."""
    return [(error["code"], ".".join(error["path"])) for error in payload["userErrors"]]


def euros(amount: int) -> int:
    """In micros."""
    return amount * MICROS
