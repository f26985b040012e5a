"""Billing in the middle of a term: what is subscribed by the year and billed by the month is charged month by month."""

from datetime import UTC, datetime
from typing import Any

import pytest

from models import BillingModel, Job, JobKind, Plan, PlanPeriod, Price, PriceModel
from models.base import MICROS, PeriodType
from models.currency import smallest
from models.statement import Row
from tests.changes import rows_of
from tests.hierarchy import OFFERED_BY_PROVIDER
from tests.ordering import CUSTOMER, PRODUCT, euros
from tests.works import Works
from tests.works import works as works

MONTHLY = euros(2)
"""What the customer pays its vendor for a unit and a month."""


async def by_the_year(works: Works, quantity: int, billed: BillingModel | None = None, **priced: Any) -> Row:
    """A subscription for a year, billed by the month, at the shop's prices or others."""
    await works.shop.add(PlanPeriod, plan_id=OFFERED_BY_PROVIDER, type=PeriodType.YEAR, duration=1)
    if billed is not None:
        await works.shop.set(Plan, OFFERED_BY_PROVIDER, billing_model=billed)
    for number, price in enumerate(works.shop.world["price"]):
        if price["product_id"] == OFFERED_BY_PROVIDER and price["buyer_id"] is None:
            yearly = {"id": 900_000 + number, "period_type": PeriodType.YEAR} | priced
            await works.shop.add(Price, **price | yearly)
    line = {"product": PRODUCT, "quantity": quantity, "subscriptionPeriod": {"type": "YEAR", "duration": 1}}
    return await works.bought(lines=[line])


async def test_each_month_is_charged_on_its_first_day_until_the_term_ends(works: Works) -> None:
    subscription = await by_the_year(works, 3)
    assert str(subscription.renewal_date) == "2027-11-20"
    owed = []
    for month in (12, 1, 2):
        works.at(datetime(2026 if month == 12 else 2027, month, 20, tzinfo=UTC))
        await works.work()
        owed.append(await works.shop.owed(CUSTOMER))
    assert owed == [6 * MONTHLY, 9 * MONTHLY, 12 * MONTHLY]
    works.at(datetime(2027, 11, 19, tzinfo=UTC))
    await works.work()
    assert await works.shop.owed(CUSTOMER) == 36 * MONTHLY
    assert await works.open_jobs(JobKind.BILL_SUBSCRIPTION) == []
    works.at(datetime(2027, 11, 20, tzinfo=UTC))
    await works.work()

    assert await works.shop.owed(CUSTOMER) == 39 * MONTHLY
    assert len(await works.open_jobs(JobKind.BILL_SUBSCRIPTION)) == 1
    assert await works.findings() == []


async def test_every_edge_is_charged_its_own_price_whatever_it_owes(works: Works) -> None:
    await by_the_year(works, 3)
    before = await works.shop.owed(2)
    works.at(datetime(2026, 12, 20, tzinfo=UTC))
    await works.work()

    assert await works.shop.owed(2) == before + 3 * euros(1)


async def test_what_was_added_is_charged_with_the_rest_from_the_next_month_on(works: Works) -> None:
    subscription = await by_the_year(works, 3)
    works.at(datetime(2026, 12, 5, tzinfo=UTC))
    await works.change(subscription, 5)
    paid = await works.shop.owed(CUSTOMER)
    works.at(datetime(2026, 12, 20, tzinfo=UTC))
    await works.work()

    assert await works.shop.owed(CUSTOMER) == paid + 5 * MONTHLY


async def test_what_is_paid_afterwards_is_charged_for_the_days_that_there_were(works: Works) -> None:
    subscription = await by_the_year(works, 3, BillingModel.CHARGE_AFTER_BILLING_PERIOD)
    assert await works.shop.owed(CUSTOMER) == 0
    works.at(datetime(2026, 12, 5, tzinfo=UTC))
    await works.change(subscription, 5)
    assert await works.shop.owed(CUSTOMER) == 0
    works.at(datetime(2026, 12, 20, tzinfo=UTC))
    await works.work()

    assert await works.shop.owed(CUSTOMER) == 3 * MONTHLY + 2 * MONTHLY // 2


async def test_a_month_is_charged_once_however_often_its_job_is_done(works: Works) -> None:
    await by_the_year(works, 3)
    works.at(datetime(2026, 12, 20, tzinfo=UTC))
    await works.work()
    for job in await rows_of(works.store, Job):
        if job.kind == JobKind.BILL_SUBSCRIPTION:
            await works.shop.set(Job, job.id, done_at=None)
    await works.work()

    assert await works.shop.owed(CUSTOMER) == 6 * MONTHLY


@pytest.mark.parametrize("model", [BillingModel.CHARGE_BEFORE_BILLING_PERIOD, BillingModel.CHARGE_AFTER_BILLING_PERIOD])
async def test_whatever_is_charged_and_given_back_can_be_paid(works: Works, model: BillingModel) -> None:
    subscription = await by_the_year(works, 3, model, amount_micros=2_003_337)
    for day, quantity in ((3, 10), (5, 8), (9, 9)):
        works.at(datetime(2026, 12, day, tzinfo=UTC))
        await works.change(await works.subscription(subscription.id), quantity)
    works.at(datetime(2027, 2, 20, tzinfo=UTC))
    await works.work()
    await works.ordered(await works.subscription(subscription.id), "CANCELLATION", scheduledOn="RENEWAL")
    posts = await works.shop.posts()

    assert len(posts) > 8
    assert [post.micros for post in posts if post.micros % smallest("EUR")] == []
    assert await works.findings() == []


async def test_units_of_several_tiers_are_billed_as_the_order_said(works: Works) -> None:
    many = 300_001
    tiered: dict[str, Any] = {"model": PriceModel.TIERED, "amount_micros": 2_000_000, "tiers": "[[2,1000000]]"}
    await by_the_year(works, many, **tiered)
    (ordered,) = [row.total_micros for row in await works.shop.placed()]
    works.at(datetime(2026, 12, 20, tzinfo=UTC))
    await works.work()

    assert ordered == (many + 1) * MICROS
    assert await works.shop.owed(CUSTOMER) == 2 * ordered


async def test_what_has_ended_is_charged_no_more(works: Works) -> None:
    subscription = await by_the_year(works, 3)
    await works.ordered(subscription, "CANCELLATION")
    works.at(datetime(2027, 3, 20, tzinfo=UTC))
    await works.work()

    assert await works.shop.owed(CUSTOMER) == 0
