"""Writers: one transaction for a block, nothing left behind by one that fails."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from sqlalchemy import bindparam, func, select, update

from models import Subscription
from models.base import table_of
from models.scope import Reach, Scope
from models.statement import Row, Statement
from models.store import OVER, Store, StoreError
from models.writer import TakenError, Writer
from tests.hierarchy import path_of
from tests.renaming import ACCOUNT, EVERYWHERE, IDS, NAME, OF_2, RENAME, clash, name_of, rename
from tests.write_oracle import tried

WRITERS = 4
SUBSCRIPTION = table_of(Subscription)


async def test_what_a_writer_changes_is_seen_by_itself_at_once_and_by_others_after_its_block(
    own_hierarchy: Store,
) -> None:
    async with own_hierarchy.writer(OF_2) as writer:
        assert await rename(writer, 3) == [(3, "new")]
        assert [row.name for row in await writer.rows(NAME, {"of": 3})] == ["new"]
        assert await name_of(own_hierarchy, 3) == "LEAK-3-name"

    assert await name_of(own_hierarchy, 3) == "new"


async def test_statements_of_one_writer_take_turns(hierarchy: Store) -> None:
    async with tried(hierarchy, OF_2) as writer:
        done = await asyncio.gather(*(rename(writer, of, "turn") for of in (3, 4, 5)), writer.rows(IDS))

    assert [len(each) for each in done] == [1, 1, 1, 7]


async def test_a_row_that_refers_to_nothing_is_refused(hierarchy: Store) -> None:
    astray = Statement(update(SUBSCRIPTION).values(product_id=999_999).where(SUBSCRIPTION.c.account_id == 7))
    with pytest.raises(StoreError):
        async with hierarchy.writer(OF_2) as writer:
            await writer.write(astray)


async def test_of_a_writer_whose_block_raises_nothing_is_left(own_hierarchy: Store) -> None:
    async def fail() -> None:
        async with own_hierarchy.writer(OF_2) as writer:
            await rename(writer, 3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await name_of(own_hierarchy, 3) == "LEAK-3-name"


async def test_a_writer_sees_what_a_reader_of_its_scope_sees(hierarchy: Store) -> None:
    for place in (1, 2, 7, 9):
        for reach in Reach:
            scope = Scope(path_of(place), reach)
            async with hierarchy.reader(scope) as reader, hierarchy.writer(scope) as writer:
                assert [row[0] for row in await reader.rows(IDS)] == [row.id for row in await writer.rows(IDS)]


async def test_of_a_savepoint_that_raises_nothing_is_left_and_the_rest_is_kept(own_hierarchy: Store) -> None:
    async def refused(writer: Writer, of: int) -> None:
        with suppress(TakenError):
            async with writer.savepoint():
                await rename(writer, of)
                async with writer.savepoint():
                    await rename(writer, 7, "inner")
                await clash(writer)

    async with own_hierarchy.writer(OF_2) as writer:
        await rename(writer, 4)
        await refused(writer, 5)
        async with writer.savepoint():
            await rename(writer, 6)

    assert [await name_of(own_hierarchy, of) for of in (4, 5, 6, 7)] == ["new", "LEAK-5-name", "new", "LEAK-7-name"]


async def test_an_error_that_is_passed_over_without_a_savepoint_spoils_the_whole_transaction(
    own_hierarchy: Store,
) -> None:
    async def careless() -> None:
        async with own_hierarchy.writer(OF_2) as writer:
            await rename(writer, 3)
            with suppress(TakenError):
                await clash(writer)
            with pytest.raises(StoreError, match="has failed"):
                await rename(writer, 4)

    with pytest.raises(StoreError, match="has failed"):
        await careless()

    assert await name_of(own_hierarchy, 3) == "LEAK-3-name"


async def test_an_error_that_is_passed_over_within_a_savepoint_undoes_it(own_hierarchy: Store) -> None:
    async with own_hierarchy.writer(OF_2) as writer:
        with pytest.raises(StoreError, match="has failed"):  # noqa: PT012  # what is refused is the block's end
            async with writer.savepoint():
                await rename(writer, 3)
                with suppress(TakenError):
                    await clash(writer)
        await rename(writer, 4)

    assert [await name_of(own_hierarchy, of) for of in (3, 4)] == ["LEAK-3-name", "new"]


async def test_a_cancelled_writer_leaves_nothing_and_its_connection_is_good_for_the_next(own_hierarchy: Store) -> None:
    async def hang() -> None:
        async with own_hierarchy.writer(OF_2) as writer, writer.beyond("a test hangs"):
            pass
        async with own_hierarchy.writer(OF_2) as writer:
            await rename(writer, 3)
            async with writer.savepoint(), writer.beyond("a test hangs") as db:
                await db.write(RENAME, {"of": 12, "to": "new"})
                await asyncio.sleep(60)

    for _ in range(2 * WRITERS):
        hanging = asyncio.create_task(hang())
        await asyncio.sleep(0.05)
        hanging.cancel()
        await asyncio.wait({hanging})
        assert hanging.cancelled()

    async with own_hierarchy.writer(OF_2) as writer:
        assert [row.id for row in await writer.rows(IDS)] == [2, 3, 4, 5, 6, 7, 8]
        assert await rename(writer, 12) == []
    assert [await name_of(own_hierarchy, of) for of in (3, 12)] == ["LEAK-3-name", "LEAK-12-name"]


async def test_a_statement_that_is_cancelled_loses_no_connection(postgresql_hierarchy: Store) -> None:
    long = Statement(select(func.pg_sleep(60)))

    async def hang() -> None:
        async with postgresql_hierarchy.writer(OF_2) as writer:
            await writer.rows(long)

    for _ in range(WRITERS + 1):
        hanging = asyncio.create_task(hang())
        await asyncio.sleep(0.05)
        hanging.cancel()
        await asyncio.wait({hanging})

    async with postgresql_hierarchy.writer(OF_2) as writer:
        assert [row.name for row in await writer.rows(NAME, {"of": 3})] == ["LEAK-3-name"]


async def test_a_commit_that_nobody_waits_for_any_more_is_still_one_thing_or_the_other(own_hierarchy: Store) -> None:
    async def write(to: str) -> None:
        async with own_hierarchy.writer(OF_2) as writer:
            await rename(writer, 3, to)
            await rename(writer, 4, to)

    for steps in range(12):
        task = asyncio.create_task(write(f"try {steps}"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
        names = {(await name_of(own_hierarchy, of)).removeprefix(f"LEAK-{of}-") for of in (3, 4)}
        assert len(names) == 1


async def test_a_writer_is_of_no_use_after_its_block(own_hierarchy: Store) -> None:
    async with own_hierarchy.writer(EVERYWHERE) as stale, stale.beyond("a test keeps it") as stale_beyond:
        pass
    async with own_hierarchy.writer(OF_2):
        for use in (stale.rows(IDS), rename(stale, 3), stale.commit(), stale_beyond.rows(IDS)):
            with pytest.raises(StoreError, match=OVER):
                await use
        for block in (stale.savepoint(), stale.beyond("a test")):
            with pytest.raises(StoreError, match=OVER):
                await block.__aenter__()

    assert await name_of(own_hierarchy, 3) == "LEAK-3-name"


async def test_writers_of_different_scopes_leave_nothing_of_themselves_to_each_other(own_hierarchy: Store) -> None:
    async def seen_by(place: int) -> list[int]:
        async with own_hierarchy.writer(Scope(path_of(place))) as writer:
            await asyncio.sleep(0)
            await rename(writer, place)
            return [row.id for row in await writer.rows(IDS)]

    all_below = {1: list(range(1, 14)), 2: [2, 3, 4, 5, 6, 7, 8], 9: [9, 10, 11, 12], 7: [7]}
    places = [1, 7, 2, 9, 7, 1, 9, 2] * 3

    assert await asyncio.gather(*map(seen_by, places)) == [all_below[place] for place in places]


BY_ID = Statement(select(ACCOUNT.c.name).where(ACCOUNT.c.id == bindparam("of")), is_lookup=True)
_WRONG_WAYS: dict[str, Callable[[Writer], Awaitable[list[Row]]]] = {
    "a change by `rows`": lambda writer: writer.rows(RENAME, {"of": 3, "to": "x"}),
    "a query by `write`": lambda writer: writer.write(NAME, {"of": 3}),
    "what sets a scope": lambda writer: writer.rows(BY_ID.alone, {"of": 3}),
}


@pytest.mark.parametrize("way", _WRONG_WAYS)
async def test_rows_and_write_are_each_for_their_own_kind_of_statement(hierarchy: Store, way: str) -> None:
    async with tried(hierarchy, OF_2) as writer:
        with pytest.raises(StoreError, match=r"`rows` for the rest|only one"):
            await _WRONG_WAYS[way](writer)
