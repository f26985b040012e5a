"""Bringing back: what an account owed when it was cancelled is owed still, and holds it as soon as it is back."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from models import Mail, Subscription
from models.store import Store
from tests import people
from tests.changes import change, codes, logged, new_key, rows_of, traces, user_at
from tests.databases import Databases
from tests.hierarchy import World
from tests.money import AT, Office, account_of, net, opened_books, owe

BUYER, VENDOR = 11, 10
LATER = datetime(2026, 12, 19, tzinfo=UTC)
"""29 days after the cancellation."""


@pytest.fixture
async def books(databases: Databases, world: World) -> AsyncIterator[Store]:
    """A store in which the buyer may owe its vendor 100, for ten days after the invoice; nothing is under way."""
    async with opened_books(databases, world, of_11=net(100, days=10)) as store:
        await people.change(store, "UPDATE orders SET status = 'COMPLETED'")
        await people.change(store, "DELETE FROM subscription_hold")
        yield store


async def ask(store: Store, world: World, mutation: str, at: datetime, **given: Any) -> None:
    title = mutation[0].upper() + mutation[1:]
    document = f"mutation($i: {title}Input!) {{ {mutation}(input: $i) {{ userErrors {{ code }} }} }}"
    variables = {"i": {"account": f"acc_{BUYER}", "idempotencyKey": new_key(), **given}}
    answer = await change(store, user_at(world, VENDOR), document, variables, clock=lambda: at)
    assert (answer.errors, codes(answer.data[mutation])) == ([], [])


async def happen(store: Store, world: World, mutation: str, at: datetime) -> None:
    await ask(store, world, mutation, at, expectedVersion=(await account_of(store, BUYER)).version)


async def services(store: Store) -> list[str]:
    return [row.status for row in await rows_of(store, Subscription) if row.account_id == BUYER]


async def test_who_comes_back_after_29_days_with_an_invoice_overdue_is_on_hold_until_it_pays_and_its_services_run(
    books: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, running, before = Office(books, monkeypatch), await services(books), await traces(books)
    await owe(books, BUYER, 10, "11:a")
    await happen(books, world, "accountCancel", AT)
    for day in ("2026-12-01", "2026-12-12"):
        await office.work(day)
    gone = await account_of(books, BUYER)
    assert (gone.status, gone.held_by, set(await services(books))) == ("CANCELLED", None, {"TERMINATED"})

    await happen(books, world, "accountReactivate", LATER)
    back = await account_of(books, BUYER)
    assert (back.status, back.held_by, back.status_reason) == (
        "CREDIT_HOLD", "RULE", "An invoice of its vendor is overdue.",
    )  # fmt: skip
    assert await services(books) == running
    moves = [told["status"] for noun, _, told in await logged(books, before) if noun == "account"]
    assert moves == [("ACTIVE", "CANCELLED"), ("CANCELLED", "ACTIVE"), ("ACTIVE", "CREDIT_HOLD")]
    assert "HOLD_NOTICE" in {row.template for row in await rows_of(books, Mail) if row.key.startswith("hold:")}

    await ask(books, world, "paymentRecord", LATER, amount="10")
    assert (await account_of(books, BUYER)).status == "ACTIVE"
