"""Changing money for tests: orders' charges in the hand-made hierarchy, operations on money, and what came of them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, select

from models import Account, Balance, Invoice, JobKind, LedgerPost, PaymentTerm, PostKind
from models.base import MICROS, table_of
from models.beyond.balances import UNLIMITED, Conditions, open_edge
from models.beyond.chain import Edge
from models.beyond.ledger import Amount, Short, charge
from models.path import shard_id
from models.scope import Scope
from models.statement import Row, Statement
from models.store import Store
from resolvers import clock
from resolvers.caller import Caller
from resolvers.mail.folder import FolderTransport
from resolvers.work.claims import Claims
from resolvers.work.handler import Workplace
from resolvers.work.invoicing import ClosePeriod
from tests.asking import Answer
from tests.changes import change, new_key
from tests.databases import Databases
from tests.hierarchy import PARENT, World, path_of
from tests.worlds import holding

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
CURRENCY = "EUR"
MONEY = {"balance", "invoice", "invoice_item", "ledger_entry", "ledger_post", "payment"}

ACCOUNT, BALANCE = table_of(Account).c, table_of(Balance).c
POST, INVOICE = table_of(LedgerPost).c, table_of(Invoice).c
_BALANCE = Statement(
    select(*BALANCE).where(BALANCE.buyer_id == bindparam("buyer"), BALANCE.currency == CURRENCY), is_lookup=True
)
_ACCOUNT = Statement(select(*ACCOUNT).where(ACCOUNT.id == bindparam("account")), is_lookup=True)
_INVOICES = Statement(
    select(*INVOICE)
    .where(INVOICE.buyer_id == bindparam("buyer"), INVOICE.currency == CURRENCY)
    .order_by(INVOICE.period_to, INVOICE.id)
)


def edge_of(buyer: int) -> Edge:
    """The edge by which an account is supplied."""
    seller = PARENT[buyer]
    return Edge(seller, path_of(seller) if seller else "", buyer, path_of(buyer), CURRENCY)


def in_euros(world: World) -> World:
    """A world in which everybody sells in one currency, and nobody has owed anything yet."""
    moneyless = {table: rows for table, rows in world.items() if table not in MONEY}
    accounts = [row | {"currency": CURRENCY, "shard_id": shard_id(row["path"])} for row in world["account"]]
    return moneyless | {"account": accounts}


@asynccontextmanager
async def opened_books(databases: Databases, world: World, **limits: Conditions) -> AsyncIterator[Store]:
    """A store on the hand-made hierarchy with balances on the conditions given (`of_7`), else without a limit."""
    async with holding(databases, "in euros", in_euros(world)) as store:
        await open_books(store, **limits)
        yield store


async def open_books(store: Store, **limits: Conditions) -> None:
    """Give everybody a balance with its vendor."""
    async with store.writer(Scope(path_of(1))) as writer:
        for buyer, seller in PARENT.items():
            if seller:
                edge, conditions = edge_of(buyer), limits.get(f"of_{buyer}", UNLIMITED)
                await open_edge(writer, edge.seller_path, edge.buyer_path, CURRENCY, conditions, at=AT)


def net(units: int | None, days: int = 30) -> Conditions:
    """A credit limit in whole units."""
    return Conditions(PaymentTerm.NET, None if units is None else units * MICROS, days)


async def owe(store: Store, buyer: int, units: int, key: str, *, at: datetime = AT, **how: Any) -> Short | None:
    """Let an account owe its vendor so many units more."""
    settings: dict[str, Any] = {"kind": PostKind.CHARGE, "is_checked": False} | how
    async with store.writer(Scope(path_of(buyer))) as writer:
        return await charge(
            writer, [Amount(edge_of(buyer), units * MICROS, CURRENCY, "Seats")], key=key, at=at, **settings
        )


async def balance_of(store: Store, buyer: int) -> Row:
    """An account's balance with its vendor in that currency."""
    async with store.unfiltered("a test reads a balance") as db:
        return (await db.rows(_BALANCE, {"buyer": buyer}))[0]


async def owed_by(store: Store, buyer: int) -> float:
    """What an account owes its vendor, in units."""
    return float((await balance_of(store, buyer)).owed_micros / MICROS)


async def account_of(store: Store, account: int) -> Row:
    """An account's row."""
    async with store.unfiltered("a test reads an account") as db:
        return (await db.rows(_ACCOUNT, {"account": account}))[0]


async def invoices_of(store: Store, buyer: int) -> Sequence[Row]:
    """The invoices that an account received in that currency, the oldest first."""
    async with store.unfiltered("a test reads invoices") as db:
        return await db.rows(_INVOICES, {"buyer": buyer})


async def do(store: Store, caller: Caller, mutation: str, /, **given: Any) -> Any:
    """The payload of a mutation on money; a new key if none is given."""
    answer = await try_to(store, caller, mutation, **given)
    assert answer.errors == [], answer.errors
    return answer.data[mutation]


async def try_to(store: Store, caller: Caller, mutation: str, /, **given: Any) -> Answer:
    """As `do`, but the whole answer, whatever it is."""
    money = "owed { amount currency } creditLimit { amount } available { amount } terms netDays"
    account = f"account {{ id status version customerClass balance {{ {money} }} }}"
    payment = "payment { id kind amount { amount currency } receivedOn reference reason buyer { id } }"
    shown = account if mutation.startswith("account") else payment
    title = mutation[0].upper() + mutation[1:]
    body = f"{mutation}(input: $input) {{ {shown} userErrors {{ path message code }} }}"
    document = f"mutation($input: {title}Input!) {{ {body} }}"
    return await change(store, caller, document, {"input": {"idempotencyKey": new_key(), **given}}, clock=lambda: AT)


class Office:
    """A worker that closes periods, at whatever time it is told that it is.

    Args:
        store: where the jobs are.
        monkeypatch: sets the platform's clock.
    """

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.store = store
        self.now = AT
        self._claims = Claims(store, "a test", timedelta(minutes=5))
        self._handler = ClosePeriod(Workplace(store, FolderTransport(Path("unused")), "canopy@platform.example"))
        monkeypatch.setattr(clock, "now", self._now)

    async def _now(self, _db: Any) -> datetime:
        return self.now

    async def work(self, day: str) -> list[str]:
        """Do all jobs that are due when a day begins, and those that they leave; their keys without the balance."""
        self.now = datetime.fromisoformat(f"{day}T00:00:00+00:00")
        done = []
        while jobs := await self._claims.take([JobKind.CLOSE_PERIOD], 1):
            await self._handler.run(jobs[0])
            done.append(jobs[0].key.partition(":")[2])
        return done
