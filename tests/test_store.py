"""The store under strain: it fails closed, keeps snapshots, shares connections and ends what takes too long."""

import asyncio
import traceback
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest
from sqlalchemy import Text, bindparam, func, select

from models import postgres
from models.scope import Reach, Scope
from models.statement import Statement
from models.store import OVER, InvalidDatabaseURLError, Store, StoreAwayError, StoreError, StoreTimeoutError, open_store
from tests.hierarchy import PARENT, path_of
from tests.reading import (
    ACCOUNT,
    AMONG,
    EVERYWHERE,
    IDS,
    NAME,
    NOTHING,
    READERS,
    RENAME,
    alone,
    endless,
    ids,
    rename,
    unscoped_counts,
)
from tests.templates import opened


@pytest.fixture
def short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores opened from now on let a statement run for a tenth of a second."""
    monkeypatch.setattr("models.sqlite.STATEMENT_SECONDS", 0.1)
    monkeypatch.setitem(postgres._READER_SETTINGS, "statement_timeout", "100ms")


@pytest.fixture
async def hasty(own_hierarchy: Store, short_patience: None) -> AsyncIterator[Store]:
    """A store that lets a statement run for a tenth of a second."""
    async with opened(own_hierarchy.url) as store:
        yield store


async def test_a_connection_that_never_had_a_scope_shows_nothing(own_hierarchy: Store) -> None:
    async with opened(own_hierarchy.url) as fresh:
        if fresh.engine == "sqlite":
            async with fresh.reader(EVERYWHERE):
                pass
        assert await unscoped_counts(fresh) == NOTHING


async def test_a_connection_shows_nothing_after_a_response(own_hierarchy: Store) -> None:
    assert await ids(own_hierarchy, EVERYWHERE) == list(PARENT)
    assert await unscoped_counts(own_hierarchy) == NOTHING


async def test_a_connection_shows_nothing_after_a_refused_statement(own_hierarchy: Store) -> None:
    async with own_hierarchy.reader(EVERYWHERE) as reader:
        with pytest.raises(StoreError):
            await reader.rows(RENAME, {"of": 2, "to": "x"})

    assert await unscoped_counts(own_hierarchy) == NOTHING


async def test_a_connection_shows_nothing_after_an_exception_in_the_response(own_hierarchy: Store) -> None:
    async def respond() -> None:
        async with own_hierarchy.reader(EVERYWHERE) as reader:
            await reader.rows(IDS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await respond()

    assert await unscoped_counts(own_hierarchy) == NOTHING


async def test_a_connection_shows_nothing_after_a_response_was_cancelled(own_hierarchy: Store) -> None:
    started = asyncio.Event()

    async def respond() -> None:
        async with own_hierarchy.reader(EVERYWHERE) as reader:
            await reader.rows(IDS)
            started.set()
            if own_hierarchy.engine == "postgresql":
                await reader.rows(endless())
            await asyncio.sleep(60)

    for _ in range(READERS + 2):  # more often than there are connections to lose
        response = asyncio.create_task(respond())
        await started.wait()
        await asyncio.sleep(0.01)
        response.cancel()
        with pytest.raises(asyncio.CancelledError):
            await response
        started.clear()

    assert await unscoped_counts(own_hierarchy) == NOTHING
    assert await ids(own_hierarchy, Scope(path_of(7))) == [7]


async def test_a_response_that_is_cancelled_over_and_over_while_it_ends_loses_no_connection(
    postgresql_hierarchy: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute, ending = asyncpg.Connection.execute, asyncio.Event()

    async def slow(self: Any, query: str, *values: Any, **options: Any) -> Any:
        if query == "ROLLBACK":
            ending.set()
            await asyncio.sleep(0.01)
        return await execute(self, query, *values, **options)

    monkeypatch.setattr(postgres._ReadingConnection, "execute", slow)
    for _ in range(READERS + 2):  # more often than there are connections to lose
        response = asyncio.create_task(ids(postgresql_hierarchy, EVERYWHERE))
        await asyncio.wait_for(ending.wait(), 5)  # PostgreSQL would end what is lost, but only after ten seconds
        while not response.done():
            response.cancel()
            await asyncio.sleep(0.001)
        assert response.cancelled()
        ending.clear()

    assert await asyncio.wait_for(ids(postgresql_hierarchy, Scope(path_of(7))), 5) == [7]
    assert await unscoped_counts(postgresql_hierarchy) == NOTHING


_RUNNING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query = $1"
)


@pytest.fixture
def endless_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores opened from now on let a statement run for ever."""
    monkeypatch.setitem(postgres._READER_SETTINGS, "statement_timeout", "0")


@pytest.mark.usefixtures("endless_patience")
async def test_cancelling_a_response_stops_its_statement_in_postgresql(postgresql_hierarchy: Store) -> None:
    text = endless().text("postgresql")[0]

    async def respond() -> None:
        async with opened(postgresql_hierarchy.url) as store, store.reader(EVERYWHERE) as reader:
            await reader.rows(endless())

    login = await asyncpg.connect(postgresql_hierarchy.url)  # who may see what its own connections do
    response = asyncio.create_task(respond())
    async with asyncio.timeout(10):
        while not await login.fetchval(_RUNNING, text):  # noqa: ASYNC110  # PostgreSQL tells nobody
            await asyncio.sleep(0.01)
        response.cancel()
        while await login.fetchval(_RUNNING, text):  # noqa: ASYNC110  # PostgreSQL tells nobody
            await asyncio.sleep(0.01)
    await login.close()
    with pytest.raises(asyncio.CancelledError):
        await response


def long() -> Statement:
    """A sum that takes SQLite some tenths of a second."""
    numbers = [func.json_each(bindparam("numbers", type_=Text)).table_valued("value", name=f"n{at}") for at in range(2)]
    return Statement(select(func.sum(numbers[0].c.value + numbers[1].c.value)).select_from(*numbers), is_long=True)


NUMBERS = {"numbers": orjson.dumps(list(range(1000))).decode()}


async def test_others_are_answered_while_sqlite_works_on_a_long_statement(sqlite_hierarchy: Store) -> None:
    answered = 0
    async with sqlite_hierarchy.reader(EVERYWHERE) as reader:
        summing = asyncio.create_task(reader.rows(long(), NUMBERS))
        while not summing.done():
            assert await ids(sqlite_hierarchy, Scope(path_of(7))) == [7]
            await asyncio.sleep(0)
            answered += 1
        assert await summing == [(999_000_000,)]

    assert answered > 3


async def test_a_statement_waits_for_the_long_one_before_it_on_the_same_reader(sqlite_hierarchy: Store) -> None:
    async with sqlite_hierarchy.reader(Scope(path_of(7))) as reader:
        summed, seen = await asyncio.gather(reader.rows(long(), NUMBERS), reader.rows(IDS))

    assert [summed, seen] == [[(999_000_000,)], [(7,)]]


@pytest.mark.parametrize("leaves", ["cancelled", "abandoned"])
async def test_a_long_statement_for_which_nobody_waits_is_ended_before_its_connection_is_lent_again(
    sqlite_hierarchy: Any, leaves: str
) -> None:
    endless_sum = endless()
    endless_sum.is_long = True
    async with sqlite_hierarchy.reader(EVERYWHERE) as reader:
        response = asyncio.create_task(reader.rows(endless_sum))
        await asyncio.sleep(0.05)
        if leaves == "cancelled":
            response.cancel()
            await asyncio.wait({response})

    await asyncio.wait({response})
    assert response.cancelled() or isinstance(response.exception(), StoreError)
    assert not sqlite_hierarchy._idle[-1].driver.in_transaction
    assert await ids(sqlite_hierarchy, Scope(path_of(7))) == [7]


async def test_a_reader_that_outlives_its_response_is_refused(own_hierarchy: Store) -> None:
    async with own_hierarchy.reader(EVERYWHERE) as stale:
        await stale.rows(IDS)

    async with own_hierarchy.reader(Scope(path_of(2))) as reader:
        await reader.rows(IDS)
        with pytest.raises(StoreError, match=OVER):
            await stale.rows(IDS)


async def test_a_reader_that_was_never_used_is_refused_after_its_response_too(own_hierarchy: Store) -> None:
    async with own_hierarchy.reader(EVERYWHERE) as stale:
        pass

    with pytest.raises(StoreError, match=OVER):
        await stale.rows(IDS)


async def test_a_statement_that_still_runs_when_its_response_ends_loses_no_connection(own_hierarchy: Store) -> None:
    for _ in range(READERS + 2):
        async with own_hierarchy.reader(EVERYWHERE) as reader:
            left_behind = asyncio.create_task(reader.rows(IDS))
            await asyncio.sleep(0)
        await asyncio.wait({left_behind})
        left_behind.exception()

    assert await asyncio.wait_for(ids(own_hierarchy, Scope(path_of(7))), 5) == [7]
    assert await unscoped_counts(own_hierarchy) == NOTHING


async def test_a_response_does_not_see_what_changes_while_it_is_made(own_hierarchy: Store) -> None:
    async with opened(own_hierarchy.url) as elsewhere, own_hierarchy.reader(EVERYWHERE) as reader:
        before = await reader.rows(NAME, {"of": 3})
        await rename(elsewhere, 3, "changed")
        after = await reader.rows(NAME, {"of": 3})
        moved = await reader.rows(
            Statement(select(func.count()).select_from(ACCOUNT).where(ACCOUNT.c.name == "changed"))
        )
    async with own_hierarchy.reader(EVERYWHERE) as reader:
        next_response = await reader.rows(NAME, {"of": 3})

    assert [row[0] for row in before] == [row[0] for row in after] == ["LEAK-3-name"]
    assert [row[0] for row in moved] == [0]
    assert [row[0] for row in next_response] == ["changed"]


async def test_statements_of_one_response_take_turns_in_one_snapshot(own_hierarchy: Store) -> None:
    async with own_hierarchy.reader(Scope(path_of(2))) as reader:
        answers = await asyncio.gather(*(reader.rows(AMONG, {"ids": list(range(n))}) for n in range(14)))

    assert [len(answer) for answer in answers] == [len(set(range(2, 9)) & set(range(n))) for n in range(14)]


async def test_responses_side_by_side_see_each_their_own_scope(own_hierarchy: Store) -> None:
    async def respond(place: int, reach: Reach) -> tuple[list[int], ...]:
        async with own_hierarchy.reader(Scope(path_of(place), reach)) as reader:
            answers = []
            for _ in range(3):
                answers.append([row[0] for row in await reader.rows(IDS)])
                await asyncio.sleep(0.001)
            return tuple(answers)

    places = [(place, reach) for place in PARENT for reach in Reach]
    answers = await asyncio.gather(*(respond(*place) for place in places))
    alone = [tuple([await ids(own_hierarchy, Scope(path_of(place), reach))] * 3) for place, reach in places]

    assert answers == alone


async def test_a_connection_serves_one_scope_after_another_from_the_same_prepared_statement(
    own_hierarchy: Store,
) -> None:
    """Ten times over: PostgreSQL considers a plan for all values after five, which would have the first scope in it."""
    for place, seen in [
        (1, list(PARENT)),
        (7, [7]),
        (9, [9, 10, 11, 12]),
        (1, list(PARENT)),
        (2, [2, 3, 4, 5, 6, 7, 8]),
    ]:
        for _ in range(10):
            assert await ids(own_hierarchy, Scope(path_of(place))) == seen


async def test_postgresql_plans_a_statement_with_parameters_anew_each_time(postgresql_hierarchy: Any) -> None:
    """One without parameters keeps its plan whatever the setting; as the filter guides no plan, that one fits all."""
    for place in (1, 7, 9):
        for _ in range(10):
            async with postgresql_hierarchy.reader(Scope(path_of(place))) as reader:
                await reader.rows(AMONG, {"ids": [7]})

    async with postgresql_hierarchy._pools["reader"].acquire() as connection:
        kept, anew = await connection.fetchrow(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1",
            AMONG.text("postgresql")[0],
        )
    assert kept == 0
    assert anew >= 30


async def test_a_response_without_a_statement_takes_no_connection_of_postgresql(postgresql_hierarchy: Store) -> None:
    async with AsyncExitStack() as responses:
        for _ in range(3 * READERS):
            await responses.enter_async_context(postgresql_hierarchy.reader(EVERYWHERE))

        assert await asyncio.wait_for(ids(postgresql_hierarchy, Scope(path_of(7))), 5) == [7]


async def test_a_response_waits_for_a_connection_when_all_are_taken(own_hierarchy: Store) -> None:
    async with AsyncExitStack() as responses:
        for _ in range(READERS):
            reader = await responses.enter_async_context(own_hierarchy.reader(EVERYWHERE))
            await reader.rows(IDS)
        waiting = asyncio.create_task(ids(own_hierarchy, Scope(path_of(7))))
        await asyncio.sleep(0.05)
        assert not waiting.done()

    assert await asyncio.wait_for(waiting, 5) == [7]


async def test_a_statement_that_takes_too_long_is_ended_and_the_connection_stays_usable(hasty: Store) -> None:
    for statement in (endless(), alone(endless())):
        async with hasty.reader(EVERYWHERE) as reader:
            with pytest.raises(StoreTimeoutError):
                await reader.rows(statement)

    assert await unscoped_counts(hasty) == NOTHING
    assert await ids(hasty, Scope(path_of(7))) == [7]


async def test_patience_is_for_each_statement_and_starts_anew(hasty: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at after every step, the clock of an earlier statement would interrupt BEGIN and ROLLBACK too."""
    monkeypatch.setattr("models.sqlite._STEPS_BETWEEN_LOOKS_AT_THE_CLOCK", 1)
    for _ in range(3):
        async with hasty.reader(Scope(path_of(7))) as reader:
            for _ in range(2):
                assert [row[0] for row in await reader.rows(IDS)] == [7]
                await asyncio.sleep(0.11)


async def test_a_number_that_no_column_can_hold_is_an_error_of_the_store(own_hierarchy: Store) -> None:
    async with own_hierarchy.reader(EVERYWHERE) as reader:
        with pytest.raises(StoreError):
            await reader.rows(NAME, {"of": 2**63})


@pytest.mark.parametrize("changes", ["name = NULL", "version = -1, parent_id = 999999", "id = 3"])
async def test_what_postgresql_says_of_rows_that_it_refuses_is_not_kept(
    postgresql_hierarchy: Store, changes: str
) -> None:
    with pytest.raises(StoreError) as refused:
        async with postgresql_hierarchy.unfiltered("a test breaks a rule", write=True) as db:
            await db.sql(f"UPDATE account SET {changes} WHERE id = 2")
    told = "".join(traceback.format_exception(refused.value))

    assert "violates" in told
    assert "DETAIL" not in told
    assert "LEAK-" not in told


async def test_a_parameter_that_postgresql_cannot_take_is_not_told(postgresql_hierarchy: Store) -> None:
    secret = uuid4().hex
    with pytest.raises(StoreError) as refused:
        async with postgresql_hierarchy.reader(EVERYWHERE) as reader:
            await reader.rows(RENAME, {"of": secret, "to": "x"})

    assert secret not in "".join(traceback.format_exception(refused.value))


async def test_a_database_that_is_not_there_is_an_error_of_the_store(own_hierarchy: Store) -> None:
    async with opened(own_hierarchy.url + "-that-is-not-there") as store:
        with pytest.raises(StoreError):
            await ids(store, EVERYWHERE)


async def test_a_lost_connection_is_an_error_of_the_store_and_the_next_response_has_another(
    postgresql_hierarchy: Store,
) -> None:
    pid = Statement(select(func.pg_backend_pid()))
    async with postgresql_hierarchy.reader(EVERYWHERE) as reader:
        (lost,) = [row[0] for row in await reader.rows(pid)]
        owner = await asyncpg.connect(postgresql_hierarchy.url)
        await owner.execute("SELECT pg_terminate_backend($1, 5000)", lost)
        await owner.close()
        with pytest.raises(StoreAwayError):
            await reader.rows(IDS)

    assert await ids(postgresql_hierarchy, Scope(path_of(7))) == [7]


@pytest.mark.parametrize("url", ["", "mysql://canopy:hunter2@localhost/canopy", "sqlite://canopy.db"])
def test_a_url_of_no_known_database_is_refused_without_repeating_its_password(url: str) -> None:
    with pytest.raises(InvalidDatabaseURLError) as refusal:
        open_store(url)

    assert "hunter2" not in str(refusal.value)
