"""Statements that are alone in their response, which on PostgreSQL is one message: they show and leave no more."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Integer, cast, select

from models import postgres
from models.scope import Scope
from models.statement import Statement
from models.store import NOT_ALONE, Store, StoreError
from tests.databases import Databases
from tests.hierarchy import KEYS, PARENT, Expectation, World, path_of
from tests.reading import (
    ACCOUNT,
    EVERYWHERE,
    IDS,
    NAME,
    NOTHING,
    READERS,
    alone,
    endless,
    ids,
    named,
    rename,
    unscoped_counts,
)
from tests.templates import hierarchy_template, opened


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What reading connections are sent besides prepared statements: what begins and ends transactions."""
    texts: list[str] = []
    execute = asyncpg.Connection.execute

    async def noted(self: Any, query: str, *values: Any, **options: Any) -> Any:
        texts.append(query)
        return await execute(self, query, *values, **options)

    monkeypatch.setattr(postgres._ReadingConnection, "execute", noted)
    return texts


async def test_a_statement_alone_shows_what_the_oracle_says_of_every_scope(
    postgresql_hierarchy: Store, expected: list[Expectation]
) -> None:
    for scope, right in expected:
        for table, statement in KEYS.items():
            async with postgresql_hierarchy.reader(scope) as reader:
                shown = await reader.rows(alone(statement))
            assert {tuple(row) for row in shown} == right[table], (scope, table)


async def test_a_statement_alone_needs_no_other_message(postgresql_hierarchy: Store, sent: list[str]) -> None:
    assert await only_ids(postgresql_hierarchy, Scope(path_of(7))) == [7]
    assert sent == []
    assert await unscoped_counts(postgresql_hierarchy) == NOTHING


async def only_ids(store: Store, scope: Scope) -> list[int]:
    async with store.reader(scope) as reader:
        return [row[0] for row in await reader.rows(alone(IDS))]


async def test_a_statement_alone_for_which_no_scope_is_given_shows_nothing(postgresql_hierarchy: Any) -> None:
    text, names, _ = alone(IDS).text("postgresql")
    await ids(postgresql_hierarchy, EVERYWHERE)
    async with postgresql_hierarchy._pools["reader"].acquire() as connection:
        assert await connection.fetch(text, *[None] * len(names)) == []


@pytest.mark.parametrize("first", [IDS, alone(IDS)], ids=["behind another", "behind one alone"])
async def test_a_second_statement_is_refused_where_there_should_be_one(
    postgresql_hierarchy: Store, first: Statement
) -> None:
    second = IDS if first.sets_scope else alone(IDS)
    async with postgresql_hierarchy.reader(EVERYWHERE) as reader:
        assert len(await reader.rows(first)) == len(PARENT)
        with pytest.raises(StoreError, match=NOT_ALONE):
            await reader.rows(second)

    assert await unscoped_counts(postgresql_hierarchy) == NOTHING


async def test_sqlite_takes_a_statement_alone_as_any_other(sqlite_hierarchy: Store) -> None:
    async with sqlite_hierarchy.reader(Scope(path_of(7))) as reader:
        assert [await reader.rows(alone(IDS)) for _ in range(2)] == [[(7,)], [(7,)]]


async def test_a_connection_shows_nothing_after_a_statement_alone_has_failed(postgresql_hierarchy: Store) -> None:
    failing = Statement(select(cast(ACCOUNT.c.name, Integer)))
    async with postgresql_hierarchy.reader(EVERYWHERE) as reader:
        with pytest.raises(StoreError, match="invalid input syntax"):
            await reader.rows(alone(failing))

    assert await unscoped_counts(postgresql_hierarchy) == NOTHING
    assert await only_ids(postgresql_hierarchy, Scope(path_of(7))) == [7]


async def test_a_connection_shows_nothing_after_a_statement_alone_was_cancelled(postgresql_hierarchy: Any) -> None:
    async def respond() -> None:
        async with postgresql_hierarchy.reader(EVERYWHERE) as reader:
            await reader.rows(alone(endless()))

    for _ in range(READERS + 2):  # more often than there are connections to lose
        response = asyncio.create_task(respond())
        await asyncio.sleep(0.02)
        response.cancel()
        with pytest.raises(asyncio.CancelledError):
            await response

    assert await unscoped_counts(postgresql_hierarchy) == NOTHING
    assert await asyncio.wait_for(only_ids(postgresql_hierarchy, Scope(path_of(7))), 5) == [7]
    assert postgresql_hierarchy._pools["reader"].get_idle_size() == postgresql_hierarchy._pools["reader"].get_size()


async def test_a_statement_alone_ends_the_snapshot_that_another_response_left_open(
    postgresql_databases: Databases, world: World, sent: list[str]
) -> None:
    with postgresql_databases.copied(hierarchy_template(postgresql_databases, world)) as url:
        async with opened(url) as store, AsyncExitStack() as responses:
            for _ in range(READERS):
                await (await responses.enter_async_context(store.reader(EVERYWHERE))).rows(IDS)
            waiting = asyncio.create_task(only_ids(store, Scope(path_of(7))))
            renamed = asyncio.create_task(named_alone(store))
            await asyncio.sleep(0.05)
            await rename(store, 7, "renamed meanwhile")
            await responses.aclose()

            assert await waiting == [7]
            assert await renamed == "renamed meanwhile"
            assert sent.count("ROLLBACK;") == 2, "the two that waited ended another's"
            assert await unscoped_counts(store) == NOTHING


async def named_alone(store: Store) -> str:
    async with store.reader(Scope(path_of(7))) as reader:
        return (await reader.rows(alone(NAME), {"of": 7}))[0][0]  # type: ignore[no-any-return]  # text


async def test_a_connection_that_is_handed_on_shows_the_next_response_its_own_scope_and_moment(
    postgresql_databases: Databases, world: World, sent: list[str]
) -> None:
    with postgresql_databases.copied(hierarchy_template(postgresql_databases, world)) as url:
        async with opened(url) as store, AsyncExitStack() as responses:
            first = [await responses.enter_async_context(store.reader(EVERYWHERE)) for _ in range(READERS)]
            for reader in first:
                await reader.rows(IDS)
            of_seven, name_of_seven = (
                asyncio.create_task(each) for each in (ids(store, Scope(path_of(7))), named(store))
            )
            await asyncio.sleep(0.05)
            await rename(store, 7, "renamed meanwhile")
            await responses.aclose()

            assert await of_seven == [7]
            assert await name_of_seven == "renamed meanwhile"
            assert sum(query.startswith("ROLLBACK;BEGIN") for query in sent) == 2, "the two that waited ended another's"
            assert await unscoped_counts(store) == NOTHING
