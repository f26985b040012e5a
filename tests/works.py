"""A shop whose orders are worked off, at a time that tests move."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from models import (
    Job,
    JobKind,
    Order,
    Provisioned,
    Subscription,
    SubscriptionCharge,
    SubscriptionHistory,
    SubscriptionHold,
    SubscriptionItem,
    SubscriptionLot,
    SubscriptionStatus,
    base,
)
from models.beyond.balances import Conditions
from models.check import check
from models.identifier import new_id
from models.life.subscription import HoldReason
from models.statement import Row
from models.store import Store
from resolvers.mail.folder import FolderTransport
from resolvers.work.connector import Connectors
from resolvers.work.handler import Handler, Workplace
from resolvers.work.handlers import HANDLERS
from resolvers.work.worker import Tally, Worker, WorkSettings
from tests.changes import rows_of
from tests.databases import Databases
from tests.hierarchy import World
from tests.ordering import CUSTOMER, Shop, opened_shop

KINDS = [
    kind
    for kind in HANDLERS
    if kind not in (JobKind.SEND_MAIL, JobKind.CLOSE_PERIOD, JobKind.PRUNE)  # mail, invoices, keeping: others' tests
]


def workplace(store: Store, *, is_told: bool = True, connectors: Connectors | None = None) -> Workplace:
    """A workplace that sends no mail, whose simulator does as it is told."""
    return Workplace(
        store,
        FolderTransport(Path("var/none")),
        "canopy@localhost",
        connectors=connectors or Connectors(store, is_told=is_told),
    )


def handlers_of(place: Workplace, kinds: Iterable[JobKind] = ()) -> Mapping[str, Handler]:
    """The handlers of some kinds of jobs, at a workplace."""
    return {kind: HANDLERS[kind](place) for kind in kinds or KINDS}


@dataclass
class Works:
    """A shop with a worker, and the time at which everything happens.

    Args:
        shop: where orders are placed.
        known: what `canopy check` found to begin with.
    """

    shop: Shop
    known: set[str] = field(default_factory=set)

    @property
    def store(self) -> Store:
        return self.shop.store

    @property
    def now(self) -> datetime:
        return self.shop.now

    def forward(self, **much: float) -> None:
        """Let time pass: days=1, for example."""
        self.shop.now += timedelta(**much)

    def at(self, moment: datetime) -> None:
        """Let it be that time."""
        self.shop.now = moment

    async def work(self, kinds: Iterable[JobKind] = (), *, is_told: bool = True) -> Tally:
        """Do what is due."""
        return await self.work_at(workplace(self.store, is_told=is_told), kinds)

    async def work_at(self, place: Workplace, kinds: Iterable[JobKind] = ()) -> Tally:
        """The same at a workplace of the test's own."""
        worker = Worker(self.store, handlers_of(place, kinds), WorkSettings(), chance=lambda: 1.0)
        await worker.run_until_idle()
        return worker.tally

    async def bought(self, quantity: int = 3, account: int = CUSTOMER, **given: Any) -> Row:
        """A subscription that was ordered and provisioned."""
        payload = await self.shop.buy(account, quantity, **given)
        assert payload["userErrors"] == [], payload
        await self.work()
        order = await self.shop.order(payload)
        assert order.status == "COMPLETED", order
        return await self.subscription(order.subscription_id)

    async def ordered(self, subscription: Row, of_type: str, **given: Any) -> Row:
        """The order about a subscription that was placed, and worked off if it didn't wait."""
        payload = await self.shop.ask(
            self.shop.user(subscription.account_id), "orderPlace", type=of_type, subscription=f"sub_{subscription.id}",
            **given,
        )  # fmt: skip
        assert payload["userErrors"] == [], payload
        await self.work()
        return await self.shop.order(payload)

    async def change(self, subscription: Row, target: int, **given: Any) -> Row:
        """The order by which a subscription gets so many units."""
        line = {"product": f"prd_{subscription.product_id}", "quantity": target, "quantityKind": "TARGET"}
        return await self.ordered(subscription, "CHANGE", lines=[line], **given)

    async def hold(self, subscription: Row, reason: str) -> None:
        """Put a subscription on hold beside everything."""
        await self.shop.set(Subscription, subscription.id, status=SubscriptionStatus.HOLD)
        place = {name: getattr(subscription, name) for name in ("account_id", "path", "shard_id")}
        await self.shop.add(SubscriptionHold, subscription_id=subscription.id, reason=HoldReason(reason), **place)

    async def release(self, subscription: Row) -> None:
        """Release a subscription from it beside everything."""
        await self.shop.set(Subscription, subscription.id, status=SubscriptionStatus.ACTIVE)
        async with self.store.unfiltered("a test releases a subscription", write=True) as db:
            await db.sql(f"DELETE FROM subscription_hold WHERE subscription_id = {subscription.id}")

    async def follow(self, subscription: Row, key: str) -> None:
        """Let what provisions follow the state that a subscription was brought into beside everything."""
        subject = {"subject_id": subscription.id, "path": subscription.path, "id": new_id()}
        await self.shop.add(Job, kind=JobKind.FOLLOW_SUBSCRIPTION, key=key, run_at=self.now, **subject)

    async def subscription(self, subscription_id: int) -> Row:
        """A subscription as it is now."""
        return await self._one(Subscription, subscription_id)

    async def order(self, order_id: int) -> Row:
        """An order as it is now."""
        return await self._one(Order, order_id)

    async def _one(self, model: Any, row_id: int) -> Row:
        (row,) = [row for row in await rows_of(self.store, model) if row.id == row_id]
        return row

    async def orders_of(self, subscription_id: int) -> list[Row]:
        """The orders about a subscription, the oldest first."""
        return [row for row in await rows_of(self.store, Order) if row.subscription_id == subscription_id]

    async def items(self, subscription_id: int) -> list[Row]:
        return await self._of(SubscriptionItem, subscription_id)

    async def lots(self, subscription_id: int) -> list[tuple[int, int]]:
        """Quantity and what remains of each lot, the oldest first."""
        rows = await self._of(SubscriptionLot, subscription_id)
        return [(row.quantity, row.remaining) for row in sorted(rows, key=lambda row: (str(row.bought_at), row.id))]

    async def history(self, subscription_id: int) -> list[tuple[str, int, int]]:
        """Why, from and to how many units, the oldest first."""
        rows = await self._of(SubscriptionHistory, subscription_id)
        rows = sorted(rows, key=lambda row: (str(row.at), row.id))
        return [(row.reason, row.quantity_before, row.quantity_after) for row in rows]

    async def charges(self, subscription_id: int) -> list[tuple[int | None, int, int]]:
        """Seller, unit price and monthly price on each edge, in micros, the manufacturers' first."""
        rows = await self._of(SubscriptionCharge, subscription_id)
        rows = sorted(rows, key=lambda row: len(row.seller_path))
        return [(row.seller_id, row.unit_micros, row.monthly_micros) for row in rows]

    async def reasons(self, subscription_id: int) -> set[str]:
        return {row.reason for row in await self._of(SubscriptionHold, subscription_id)}

    async def asked(self, subscription_id: int) -> list[tuple[str, int, int]]:
        """What the simulator was asked: action, quantity, how often."""
        rows = await self._of(Provisioned, subscription_id)
        return [(row.action, row.quantity, row.attempts) for row in sorted(rows, key=lambda row: str(row.done_at))]

    async def _of(self, model: Any, subscription_id: int) -> list[Row]:
        return [row for row in await rows_of(self.store, model) if row.subscription_id == subscription_id]

    async def open_jobs(self, *kinds: JobKind) -> list[Row]:
        """Jobs that are still to be done."""
        kinds = kinds or tuple(KINDS)
        return [row for row in await rows_of(self.store, Job) if row.done_at is None and row.kind in kinds]

    async def findings(self) -> list[str]:
        """What `canopy check` finds that it didn't find in the world as it was built."""
        found = {each.what for each in await check(self.store)}
        return sorted(found - self.known)

    async def get_known(self) -> None:
        """Remember what is found now: the world was made by hand, and isn't sound in every way."""
        self.known = {each.what for each in await check(self.store)}


@asynccontextmanager
async def opened_works(
    databases: Databases, world: World, monkeypatch: pytest.MonkeyPatch, **limits: Conditions
) -> AsyncIterator[Works]:
    """Works in which the machine's clock, too, shows the time of the shop."""
    async with opened_shop(databases, world, **limits) as shop:
        works = Works(shop)
        await works.get_known()
        monkeypatch.setattr(base, "now", lambda: works.now)
        yield works


@pytest.fixture
async def works(databases: Databases, world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Works]:
    async with opened_works(databases, world, monkeypatch) as works:
        yield works
