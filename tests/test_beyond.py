"""Beyond a writer's scope: all is seen and changed, by those who ask for it and while they do, and nobody else."""

import asyncio

import pytest
from sqlalchemy import func, select

from models import Job
from models.base import table_of
from models.statement import Statement
from models.store import Store, StoreError
from models.writer import TakenError
from tests.renaming import IDS, NAME, OF_2, RENAME, SAME_ID, name_of, rename

JOBS = Statement(select(func.count().label("number")).select_from(table_of(Job)))


async def test_beyond_the_scope_all_is_seen_and_changed_in_the_same_transaction(own_hierarchy: Store) -> None:
    async with own_hierarchy.writer(OF_2) as writer:
        await rename(writer, 3)
        async with writer.beyond("a test") as db:
            assert [row.name for row in await db.rows(NAME, {"of": 3})] == ["new"]
            assert [row.id for row in await db.rows(IDS)] == list(range(1, 14))
            assert [row.number for row in await db.rows(JOBS)] == [0]
            assert len(await db.write(RENAME, {"of": 12, "to": "new"})) == 1
        assert [row.id for row in await writer.rows(IDS)] == [2, 3, 4, 5, 6, 7, 8]
        assert await rename(writer, 12) == []

    assert await name_of(own_hierarchy, 12) == "new"


async def test_while_a_writer_is_beyond_its_scope_nobody_goes_with_it_by_mistake(hierarchy: Store) -> None:
    async with hierarchy.writer(OF_2) as writer, writer.beyond("a test"):
        beside = asyncio.create_task(writer.rows(IDS))
        await asyncio.wait({beside})

        assert isinstance(beside.exception(), StoreError)
        for attempt in (rename(writer, 3), writer.commit()):
            with pytest.raises(StoreError, match="beyond"):
                await attempt
        for block in (writer.savepoint(), writer.beyond("a test goes further")):
            with pytest.raises(StoreError, match="beyond"):
                await block.__aenter__()


async def test_what_was_beyond_the_scope_is_of_no_use_when_that_is_over(hierarchy: Store) -> None:
    async with hierarchy.writer(OF_2) as writer:
        async with writer.beyond("a test") as first:
            pass
        with pytest.raises(StoreError, match="beyond"):
            await first.rows(IDS)
        async with writer.beyond("a test"):
            with pytest.raises(StoreError, match="beyond"):
                await first.write(RENAME, {"of": 12, "to": "x"})


@pytest.mark.parametrize("error", ["of the database", "of Python"])
async def test_an_exception_leads_back_into_the_scope(hierarchy: Store, error: str) -> None:
    async with hierarchy.writer(OF_2) as writer:
        for _ in range(2):
            with pytest.raises((TakenError, ZeroDivisionError)):  # noqa: PT012  # who raises is what is tried
                async with writer.savepoint(), writer.beyond("a test fails") as db:
                    if error == "of Python":
                        raise ZeroDivisionError
                    await db.write(SAME_ID, {"of": 9})
            assert [row.id for row in await writer.rows(IDS)] == [2, 3, 4, 5, 6, 7, 8]
            assert await rename(writer, 12) == []
