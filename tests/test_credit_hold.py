"""Credit holds by rule: who owes too much, or too long, is held at once and released when that is over."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from models import Audit, Mail, Subscription, SubscriptionStatus
from models.beyond.ledger import Short, reverse
from models.scope import Reach, Scope
from models.store import Store
from tests import changes
from tests.changes import change, new_key, rows_of, user_at
from tests.databases import Databases
from tests.hierarchy import World, path_of
from tests.money import AT, Office, account_of, do, invoices_of, net, opened_books, owe, owed_by


@pytest.fixture(scope="module")
async def books(databases: Databases, world: World) -> AsyncIterator[Store]:
    """A store in which every test has a buyer of its own."""
    limits = {f"of_{buyer}": net(100, days=10) for buyer in (4, 5, 6, 7, 8, 9, 10, 11, 12, 13)}
    async with opened_books(databases, world, **limits, of_3=net(1000)) as store:
        yield store


@pytest.fixture
def office(books: Store, monkeypatch: pytest.MonkeyPatch) -> Office:
    """The worker."""
    return Office(books, monkeypatch)


async def pay(store: Store, world: World, by: int, buyer: int, units: int) -> None:
    payload = await do(store, user_at(world, by), "paymentRecord", account=f"acc_{buyer}", amount=str(units))
    assert payload["userErrors"] == []


async def status_of(store: Store, account: int) -> tuple[str, str | None]:
    row = await account_of(store, account)
    return row.status, row.held_by


async def set_limit(store: Store, world: World, by: int, account: int, limit: str) -> Any:
    version = (await account_of(store, account)).version
    given = {"account": f"acc_{account}", "expectedVersion": version, "creditLimit": limit}
    return await do(store, user_at(world, by), "accountTermsSet", **given)


async def mails_about(store: Store, account: int) -> Sequence[Any]:
    return [row for row in await rows_of(store, Mail) if row.key.startswith(f"hold:{account}:")]


async def test_a_limit_below_what_is_owed_holds_and_one_above_releases_in_the_same_answer(
    books: Store, world: World
) -> None:
    await owe(books, 7, 80, "7:a")
    held = await set_limit(books, world, 2, 7, "50.00")

    assert held["account"]["status"] == "CREDIT_HOLD"
    assert await status_of(books, 7) == ("CREDIT_HOLD", "RULE")
    assert (await set_limit(books, world, 2, 7, "80.00"))["account"]["status"] == "ACTIVE"
    assert await status_of(books, 7) == ("ACTIVE", None)


async def test_a_hold_is_told_to_the_accounts_administrators_and_logged_and_services_run_on(
    books: Store, world: World
) -> None:
    await owe(books, 8, 80, "8:a")
    await set_limit(books, world, 2, 8, "50.00")
    logged = [row for row in await rows_of(books, Audit) if (row.object_id, row.operation) == (8, "accountTermsSet")]
    services = [row.status for row in await rows_of(books, Subscription) if row.account_id == 8]

    assert len(await mails_about(books, 8)) == 1
    assert '"status":"CREDIT_HOLD"' in "".join(row.after for row in logged)
    assert (await account_of(books, 8)).status_reason == "It owes its vendor more than its credit limit."
    assert set(services) == {SubscriptionStatus.ACTIVE}


async def test_a_charge_that_nobody_checked_holds_when_the_worker_comes_and_a_payment_releases(
    books: Store, world: World, office: Office
) -> None:
    await owe(books, 6, 101, "6:a")
    assert await status_of(books, 6) == ("ACTIVE", None)
    await office.work("2026-11-21")
    assert await status_of(books, 6) == ("CREDIT_HOLD", "RULE")
    logged = [row for row in await rows_of(books, Audit) if (row.object_id, row.operation) == (6, "creditRule")]
    assert [(row.actor_user_id, row.actor_path) for row in logged] == [(None, "")]

    await pay(books, world, 3, 6, 1)
    assert await status_of(books, 6) == ("ACTIVE", None)
    assert await owed_by(books, 6) == 100


async def test_a_payment_that_is_too_small_releases_nobody(books: Store, world: World, office: Office) -> None:
    await owe(books, 12, 150, "12:a")
    await office.work("2026-11-21")
    await pay(books, world, 9, 12, 49)

    assert await status_of(books, 12) == ("CREDIT_HOLD", "RULE")


async def test_what_is_given_back_releases_when_the_worker_comes(books: Store, office: Office) -> None:
    await owe(books, 10, 150, "10:a")
    await office.work("2026-11-21")
    assert await status_of(books, 10) == ("CREDIT_HOLD", "RULE")
    async with books.writer(Scope(path_of(10))) as writer:
        await reverse(writer, key_of="10:a", key="10:back", at=AT)
    await office.work("2026-11-22")

    assert await status_of(books, 10) == ("ACTIVE", None)


async def test_a_payment_recorded_by_someone_who_does_not_see_the_account_releases_when_the_worker_comes(
    books: Store, world: World, office: Office
) -> None:
    await owe(books, 4, 150, "4:a")
    await office.work("2026-11-21")
    caller = replace(user_at(world, 3), reach=Reach.OWN)
    payload = await do(books, caller, "paymentRecord", account="acc_4", amount="60")
    assert (payload["userErrors"], await status_of(books, 4)) == ([], ("CREDIT_HOLD", "RULE"))
    await office.work("2026-11-22")

    assert await status_of(books, 4) == ("ACTIVE", None)


async def test_a_hold_that_a_person_put_is_not_released_by_rule(books: Store, world: World) -> None:
    version = (await account_of(books, 13)).version
    caller = user_at(world, 1)
    given = {"account": "acc_13", "expectedVersion": version}
    await changes.do(books, caller, "accountCreditHold", **given)
    await owe(books, 13, 10, "13:a")
    await pay(books, world, 1, 13, 10)

    assert await status_of(books, 13) == ("CREDIT_HOLD", "PERSON")


async def test_an_invoice_that_is_overdue_holds_until_it_is_paid(books: Store, world: World, office: Office) -> None:
    await owe(books, 11, 10, "11:a")
    await office.work("2026-12-01")
    (invoice,) = await invoices_of(books, 11)
    await office.work("2026-12-11")
    assert (str(invoice.due_on), await status_of(books, 11)) == ("2026-12-11", ("ACTIVE", None))
    await office.work("2026-12-12")
    assert await status_of(books, 11) == ("CREDIT_HOLD", "RULE")
    assert (await account_of(books, 11)).status_reason == "An invoice of its vendor is overdue."

    await pay_at(books, world, 10, 11, 4)
    assert await status_of(books, 11) == ("CREDIT_HOLD", "RULE")
    await pay_at(books, world, 10, 11, 6)
    assert await status_of(books, 11) == ("ACTIVE", None)


async def pay_at(store: Store, world: World, by: int, buyer: int, units: int) -> None:
    """When the invoice is overdue already."""
    document = "mutation($input: PaymentRecordInput!) { paymentRecord(input: $input) { userErrors { code } } }"
    given = {"account": f"acc_{buyer}", "amount": str(units), "idempotencyKey": new_key()}
    now = datetime(2026, 12, 20, tzinfo=UTC)
    answer = await change(store, user_at(world, by), document, {"input": given}, clock=lambda: now)
    assert answer.errors == []


async def test_an_invoice_paid_in_time_holds_nobody(books: Store, world: World, office: Office) -> None:
    await owe(books, 9, 10, "9:a")
    await office.work("2026-12-01")
    await pay(books, world, 1, 9, 10)
    await office.work("2026-12-31")

    assert await status_of(books, 9) == ("ACTIVE", None)


async def test_a_payment_and_an_order_at_once_end_on_the_right_side_of_the_limit(books: Store, world: World) -> None:
    await owe(books, 5, 90, "5:a")
    payment = pay(books, world, 4, 5, 20)
    orders = (owe(books, 5, 30, f"5:order:{number}", is_checked=True) for number in range(2))
    _, *short = await asyncio.gather(payment, *orders)

    assert short.count(Short.OWN) in (1, 2)
    assert await owed_by(books, 5) == 90 - 20 + 30 * short.count(None)
