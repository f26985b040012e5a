"""What `canopy check` finds in books that were tampered with, and that honest ones are sound."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path

import pytest

import models.migrations
from models.beyond import invoices
from models.beyond.ledger import reverse
from models.check import check
from models.scope import Scope
from models.store import Store
from tests.changes import user_at
from tests.databases import Databases
from tests.hierarchy import World, path_of
from tests.money import AT, balance_of, do, in_euros, opened_books, owe
from tests.worlds import holding

VERSIONS = Path(models.migrations.__file__).parent / "versions"
POST = "balance_id, buyer_id, currency, at, kind, key, position, micros, text, reverses_id"
MONEY = ("balance", "invoice", "payment", "post")


@pytest.fixture
async def books(databases: Databases, world: World) -> AsyncIterator[Store]:
    """Books with a charge, one given back in part, an invoice, a payment."""
    async with opened_books(databases, world) as store:
        await owe(store, 7, 10, "7:a")
        await owe(store, 7, 20, "7:b")
        async with store.writer(Scope(path_of(7))) as writer:
            await reverse(writer, key_of="7:b", key="7:back", share=Fraction(1, 3), at=AT)
        balance = await balance_of(store, 7)
        async with store.writer(Scope(path_of(1))) as writer:
            await invoices.close(writer, balance.id, date(2026, 12, 1), at=datetime(2026, 12, 1, tzinfo=AT.tzinfo))
        await do(store, user_at(world, 2), "paymentRecord", account="acc_7", amount="12")
        yield store


async def found(store: Store) -> set[str]:
    """What is wrong with money."""
    return {each.what for each in await check(store) if any(word in each.what for word in MONEY)}


async def test_honest_books_are_sound(books: Store) -> None:
    # The hierarchy was written without balances with manufacturers.
    assert await found(books) == {"accounts that have no balance with their vendor"}


async def test_the_books_of_the_demo_are_sound_and_know_no_limits(seeded_store: Store) -> None:
    assert await found(seeded_store) == set()
    async with seeded_store.unfiltered("a test reads balances") as db:
        rows = await db.sql("SELECT DISTINCT terms, credit_limit_micros FROM balance")
    assert [tuple(row) for row in rows] == [("NET", None)]


async def test_accounts_that_were_there_before_there_was_money_get_balances_without_a_limit(
    databases: Databases, world: World, engine: str
) -> None:
    file = VERSIONS / f"0010_money.{engine}.sql"
    (opening,) = [each for each in file.read_text().split(";\n\n") if each.startswith("INSERT INTO balance")]
    async with holding(databases, "in euros", in_euros(world)) as store:
        async with store.unfiltered("a test migrates", write=True) as db:
            await db.sql(opening.rstrip().removesuffix(";"))

        assert await found(store) == set()
        async with store.unfiltered("a test reads balances") as db:
            rows = await db.sql("SELECT DISTINCT terms, credit_limit_micros, owed_micros, currency FROM balance")
        assert [tuple(row) for row in rows] == [("NET", None, 0, "EUR")]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("UPDATE balance SET owed_micros = owed_micros + 1", "balances that are not the sum of their posts"),
        (
            "UPDATE balance SET shard_id = 99",
            "balances with a present vendor at another path than their accounts'",
        ),
        ("UPDATE invoice SET total_micros = total_micros - 1", "invoices that are not the sum of their items"),
        ("UPDATE invoice_item SET micros = 5", "invoice items that are not posts of their balance and period"),
        ("UPDATE invoice SET status = 'PAID'", "invoices that are paid otherwise than their status says"),
        ("UPDATE invoice SET paid_micros = 13000000", "invoices that were paid with more than was received"),
        ("UPDATE payment SET micros = micros + 1", "payments that are not posted, or otherwise"),
        (
            "UPDATE balance SET currency = 'CHF' WHERE buyer_id = 7",
            "posts in another currency, or of another edge, than their balance",
        ),
        (
            "INSERT INTO ledger_entry SELECT id, 'CASH', 1 FROM ledger_post WHERE kind = 'CHARGE'",
            "posts whose entries don't sum to zero",
        ),
        (
            f"INSERT INTO ledger_post ({POST}) SELECT balance_id, buyer_id, currency, at, kind, 'more', 0, micros, '',"
            " NULL FROM ledger_post WHERE key = '7:a'",
            "posts of another amount than their entries say",
        ),
        (
            f"INSERT INTO ledger_post ({POST}) SELECT balance_id, buyer_id, currency, at, kind, 'less', 0, 5000, '',"
            " NULL FROM ledger_post WHERE key = '7:a'",
            "posts of which nobody can pay the last decimals",
        ),
        (
            f"INSERT INTO ledger_post ({POST}) SELECT balance_id, buyer_id, currency, at, 'REVERSAL', 'again', 0,"
            " -micros - 1, '', id FROM ledger_post WHERE key = '7:a'",
            "posts of which more was given back than there was",
        ),
    ],
)
async def test_what_was_tampered_with_is_found(books: Store, text: str, what: str) -> None:
    async with books.unfiltered("a test tampers", write=True) as db:
        await db.sql(text)

    assert what in await found(books)


@pytest.mark.parametrize("table", ["ledger_post", "ledger_entry"])
@pytest.mark.parametrize("text", ["UPDATE {} SET micros = 0", "DELETE FROM {}"])
async def test_the_ledger_is_never_changed(books: Store, table: str, text: str) -> None:
    with pytest.raises(Exception, match=r"append-only|permission denied"):
        async with books.unfiltered("a test tampers", write=True) as db:
            await db.sql(text.format(table))
