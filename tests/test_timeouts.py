"""What takes too long, or is waited for by nobody any more, is broken off: the operation, and the statement in the
database."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from sqlalchemy import column, func, literal, select

from edge.limits.budget import open_budget
from edge.limits.sharing import SharingSettings
from models.scope import Scope
from models.statement import Row, Statement
from models.store import Reader, Store
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import token
from tests.live import client, until
from tests.sharing import WIDE
from tests.transports import SSE, Gateway, code, events, gateway

REACH = '{ viewer { reach } account(id: "acc_2") { name } }'
SECONDS = 0.3


def endless() -> Statement:
    """Counts until it is told to stop."""
    numbers = select(literal(1).label("number")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.number + 1).where(column("number") > 0))
    return Statement(select(func.sum(numbers.c.number % 2)).select_from(numbers), is_long=True)


ENDLESS = endless()


class EndlessReader:
    """Asks the database for something without end instead."""

    def __init__(self, reader: Reader) -> None:
        self.engine, self.scope = reader.engine, reader.scope
        self._reader = reader

    async def rows(self, _statement: Statement, _parameters: Mapping[str, Any] | None = None) -> list[Row]:
        return await self._reader.rows(ENDLESS)


@pytest.fixture(scope="module")
async def served(
    databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    settings = replace(WIDE, request_seconds=SECONDS)
    async with gateway(databases, world, tmp_path_factory.mktemp("timeouts"), sharing=settings) as served:
        yield served


@pytest.fixture
def slow(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """Whatever is read takes for ever."""
    store = served.served.service.store
    reader = store.reader

    @asynccontextmanager
    async def slow(scope: Scope) -> AsyncIterator[EndlessReader]:
        async with reader(scope) as quick:
            yield EndlessReader(quick)

    monkeypatch.setattr(store, "reader", slow)
    return served


async def running(store: Store) -> int:
    """Endless statements that the database works on."""
    if store.engine == "sqlite":
        return store.state()["reader"]["used"]  # a reader is given back when its thread has ended
    owner = await asyncpg.connect(store.url)  # who, unlike the roles, sees what others run
    here = "datname = current_database() AND pid <> pg_backend_pid() AND state = 'active'"
    count: int = await owner.fetchval(
        f"SELECT count(*) FROM pg_stat_activity WHERE {here} AND query LIKE $1", "%numbers%"
    )
    await owner.close()
    return count


async def begins(store: Store, count: int = 1) -> None:
    """Wait until the database works on so many."""
    async with asyncio.timeout(5):
        while await running(store) < count:  # noqa: ASYNC110  # the database rings no bell for this
            await asyncio.sleep(0.01)


async def ends(store: Store) -> None:
    """Wait until it works on none: well before it would by itself."""
    async with asyncio.timeout(2):
        while await running(store):  # noqa: ASYNC110  # as above
            await asyncio.sleep(0.01)


async def test_what_takes_too_long_is_an_answer_and_its_statement_is_stopped(slow: Gateway) -> None:
    answer = await slow.ask(REACH)

    assert await running(slow.served.service.store) == 0
    assert (answer.status_code, code(answer), answer.json()["data"]) == (200, "TIMEOUT", None)
    assert answer.json()["errors"][0]["message"] == "The answer took too long. Ask for less."


async def test_what_took_too_long_is_paid_for_as_it_was_estimated(
    slow: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slow.served.service, "budget", open_budget(SharingSettings()))
    cost = (await slow.ask(REACH)).json()["extensions"]["cost"]

    assert cost["actualQueryCost"] == cost["requestedQueryCost"]


async def test_over_sse_it_is_the_answer_too(slow: Gateway) -> None:
    answer = await slow.ask(REACH, accept=SSE)

    (_, told), (end, _) = events(answer.text)
    assert (told["errors"][0]["extensions"]["code"], end) == ("TIMEOUT", "complete")


async def test_a_client_that_leaves_takes_its_statement_with_it(slow: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    service = slow.served.service
    patient = replace(service.settings, sharing=replace(WIDE, request_seconds=60))
    monkeypatch.setattr(service, "settings", patient)
    for accept in ("application/json", SSE):
        asking = asyncio.create_task(slow.ask(REACH, accept=accept))
        await begins(service.store)
        asking.cancel()
        await ends(service.store)


async def test_a_socket_that_is_closed_takes_all_its_statements_with_it(
    slow: Gateway, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = slow.served.service
    patient = replace(service.settings, sharing=replace(WIDE, request_seconds=60))
    monkeypatch.setattr(service, "settings", patient)
    async with client(slow.served, token(slow.served, world, 2)) as visitor:
        for name in "ab":
            await visitor.subscribe(REACH, name)
        await begins(service.store, 2)
    await ends(service.store)


async def test_after_all_that_every_connection_is_free(served: Gateway) -> None:
    await until(lambda: served.served.service.admission.running.taken == 0)
    answers = await asyncio.gather(*(served.ask(REACH) for _ in range(12)))

    assert [answer.json()["data"]["account"] is not None for answer in answers] == [True] * 12
    assert served.served.service.store.state()["reader"]["used"] == 0
