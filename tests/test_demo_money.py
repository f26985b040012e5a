"""What the demo's accounts have owed and paid: enough to look at, sound, and no reason to hold anybody for a year."""

import hashlib
from datetime import date, timedelta
from typing import Any

import pytest

from models import demo
from models.beyond.credit import judge
from models.check import check
from models.currency import smallest
from models.demo import history
from models.demo.days import PRESENT
from models.scope import Scope
from models.store import Store

DIGEST = "5a03d9ddbc9430783d1af6cb838ad8b53c05c4b1fcd3efa403faad0305124a9e"
"""Of the past of the 60 accounts of seed 1, on either engine. It changes with every change of the demo."""


async def seed(store: Store, accounts: int = 60) -> None:
    await demo.seed(store, accounts, 1, hash_secret=lambda secret: secret, reseller_privileges=[])


async def read(store: Store, text: str) -> list[tuple[Any, ...]]:
    async with store.unfiltered("a test looks at the demo's money") as db:
        return [tuple(row) for row in await db.sql(text)]


async def content(store: Store) -> list[list[tuple[Any, ...]]]:
    """All that was owed and paid, but for the ids that each database gives by itself."""
    return [
        sorted(await read(store, text), key=repr)
        for text in (
            "SELECT buyer_id, coalesce(seller_id, 0), kind, micros, quantity, text FROM ledger_post",
            "SELECT number, status, total_micros, paid_micros FROM invoice",
            "SELECT buyer_id, kind, micros, reference, reason FROM payment",
            "SELECT buyer_id, owed_micros, net_days, terms FROM balance",
        )
    ]


async def test_accounts_have_invoices_payments_and_a_ledger_that_is_sound(store: Store) -> None:
    await seed(store)
    by_status = dict(await read(store, "SELECT status, count(*) FROM invoice GROUP BY status"))
    kinds = dict(await read(store, "SELECT kind, count(*) FROM payment GROUP BY kind"))
    buyers = await read(store, "SELECT DISTINCT buyer_id FROM invoice")
    charged = await read(store, "SELECT DISTINCT buyer_id FROM subscription_charge WHERE seller_id IS NOT NULL")

    assert set(by_status) == {"OPEN", "PAID"}
    assert by_status["PAID"] > by_status["OPEN"] > 20
    assert kinds["PAYMENT"] == by_status["PAID"]
    assert kinds["CREDIT_MEMO"] > 0
    for table, column in (("ledger_post", "micros"), ("invoice", "total_micros"), ("payment", "micros")):
        amounts = await read(store, f"SELECT {column} FROM {table}")
        assert all(micros % smallest("USD") == 0 for (micros,) in amounts), table
    assert len(buyers) > len(charged) * 0.8
    assert await check(store) == []


async def test_a_seed_gives_the_same_past_everywhere_and_seeding_again_adds_nothing(store: Store) -> None:
    await seed(store)
    first = await content(store)
    await seed(store)

    assert await content(store) == first
    assert hashlib.sha256(repr(first).encode()).hexdigest() == DIGEST


async def test_in_a_large_tree_the_demo_s_reseller_and_those_below_have_a_past(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_WHOLE", 50)
    await seed(store)
    ((top,),) = await read(store, "SELECT path FROM account WHERE import_key = 'demo:60:1:1'")
    places = [
        path for (path,) in await read(store, "SELECT b.path FROM invoice v JOIN balance b ON b.id = v.balance_id")
    ]

    assert len(set(places)) > 5
    assert all(path.startswith(top) for path in places)
    assert await check(store) == []


@pytest.mark.parametrize(("days", "is_healthy"), [(0, True), (90, True), (360, True), (400, False)])
async def test_nobody_comes_onto_hold_by_rule_for_a_year(store: Store, days: int, is_healthy: bool) -> None:
    await seed(store, 20)
    ((root,),) = await read(store, "SELECT path FROM account WHERE type = 'PROVIDER'")
    accounts = [row[0] for row in await read(store, "SELECT id FROM account")]
    async with store.writer(Scope(root, finances=True)) as writer:
        verdicts = await judge(writer, accounts, PRESENT + timedelta(days=days))

    assert len(verdicts) == len(accounts) - 1
    assert all(not each.why for each in verdicts) is is_healthy


def test_its_months_are_the_last_whole_ones() -> None:
    months = [(month.start, month.end) for month in history._months()]

    assert months[-1][1] == PRESENT
    assert months[0][0] == date(2026, 8, 1)
    assert [end for _, end in months[:-1]] == [start for start, _ in months[1:]]
