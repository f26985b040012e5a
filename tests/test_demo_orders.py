"""The demo's orders that are under way: a worker ends them, and then nothing of theirs is in anybody's way."""

from datetime import UTC, datetime, timedelta

import pytest

from models import Account, JobKind, Order, Subscription, SubscriptionCharge, base, demo
from models.check import check
from models.demo.days import PRESENT
from models.job import Job
from models.statement import Row
from models.store import Store
from resolvers.work.worker import Worker, WorkSettings
from tests.changes import rows_of
from tests.works import handlers_of, workplace

OPEN = ("SUBMITTED", "PROCESSING")


@pytest.fixture
async def platform(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The demo, on its present day."""
    await demo.seed(store, 60, 1, hash_secret=lambda secret: secret, reseller_privileges=[])
    on(PRESENT_MOMENT, monkeypatch)
    return store


PRESENT_MOMENT = datetime.combine(PRESENT, datetime.min.time(), UTC) + timedelta(hours=1)


def on(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "now", lambda: moment)


async def work(store: Store) -> None:
    kinds = (JobKind.PROVISION_ORDER, JobKind.RENEW_SUBSCRIPTION)
    await Worker(store, handlers_of(workplace(store), kinds), WorkSettings(), chance=lambda: 1.0).run_until_idle()


async def under_way(store: Store) -> list[Row]:
    return [row for row in await rows_of(store, Order) if row.status in OPEN]


async def test_a_worker_ends_what_is_under_way_unless_it_waits_for_a_renewal_or_its_account(platform: Store) -> None:
    before = await under_way(platform)
    jobs = {(row.kind, row.subject_id) for row in await rows_of(platform, Job)}
    for order in before:
        waits = order.waiting_for is not None
        assert (
            "RENEW_SUBSCRIPTION" if waits else "PROVISION_ORDER",
            order.subscription_id if waits else order.id,
        ) in jobs
    can_order = {row.id for row in await rows_of(platform, Account) if row.status == "ACTIVE"}
    sold = {order.subscription_id for order in before if order.type == "SALES" and order.account_id in can_order}
    costs = {(row.item_id, row.seller_id, row.unit_micros) for row in await rows_of(platform, SubscriptionCharge)}
    many = len(await rows_of(platform, Subscription))

    await work(platform)

    subscriptions = await rows_of(platform, Subscription)
    assert sold
    assert {row.waiting_for for row in await under_way(platform) if row.account_id in can_order} == {"RENEWAL"}
    assert {row.status for row in subscriptions if row.id in sold} == {"ACTIVE"}
    assert len(subscriptions) == many
    assert {
        (row.item_id, row.seller_id, row.unit_micros) for row in await rows_of(platform, SubscriptionCharge)
    } == costs
    assert await check(platform) == []


async def test_what_waits_for_a_renewal_takes_effect_with_it(platform: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = [row for row in await under_way(platform) if row.waiting_for is not None]
    on(PRESENT_MOMENT + timedelta(days=370), monkeypatch)
    await work(platform)
    orders = {row.id: row.status for row in await rows_of(platform, Order)}

    assert waiting
    assert {orders[row.id] for row in waiting} == {"COMPLETED"}
    assert await check(platform) == []


async def test_seeding_again_leaves_no_work_twice(platform: Store) -> None:
    before = await rows_of(platform, Job)
    await demo.seed(platform, 60, 1, hash_secret=lambda secret: secret, reseller_privileges=[])

    assert await rows_of(platform, Job) == before
