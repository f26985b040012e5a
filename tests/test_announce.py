"""What an operation leaves behind: one answer for a key, the change log, jobs, and events in an order without gaps."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from models import EventKind, JobKind, Topic
from models.beyond import announce
from models.beyond.announce import Change, Key
from models.scope import Reach, Scope
from models.statement import Row, Statement
from models.store import Store, StoreError
from models.tail import Position
from models.writer import Writer
from tests.databases import Databases
from tests.hierarchy import path_of
from tests.templates import migrated_template, opened
from tests.write_oracle import tried

TABLES = SQLModel.metadata.tables
NOW = datetime(2026, 11, 2, 12, 30, tzinfo=UTC)
OF_2 = Scope(path_of(2), changes=True)
KEY = Key(account_id=2, subject="user:7", operation="accountUpdate", key="0123456789")
CHANGE = Change(
    path=path_of(3),
    shard_id=2,
    at=NOW,
    operation="accountUpdate",
    actor_user_id=7,
    actor_client_id=None,
    actor_path=path_of(2),
    actor_name="Ada",
    acting_path=None,
    noun="account",
    object_id=3,
    before='{"name":"old"}',
    after='{"name":"new"}',
    request_id="r1",
)
START: Position = (0, 0)


async def everything(store: Store, table: str) -> list[Row]:
    """All rows of a table, the oldest first."""
    key = next(iter(TABLES[table].primary_key))
    async with store.unfiltered("a test looks") as db:
        return await db.rows(Statement(select(*TABLES[table].c).order_by(key)))


async def changed(writer: Writer, object_id: int) -> None:
    await announce.event(writer, Topic.ACCOUNT, EventKind.CHANGED, object_id, path_of(object_id), NOW)


# Idempotency


async def test_a_key_that_was_used_gives_what_was_stored(store: Store) -> None:
    async with store.writer(OF_2) as writer:
        assert await announce.begin(writer, KEY, "hash", NOW) is None
        await announce.finish(writer, KEY, '{"account":3}')
    async with store.writer(OF_2) as writer:
        assert await announce.begin(writer, KEY, "another hash", NOW) == ("hash", '{"account":3}')


@pytest.mark.parametrize("other", [{"subject": "user:8"}, {"operation": "orderPlace"}, {"key": "9876543210"}])
async def test_somebody_elses_key_or_another_operations_is_another(store: Store, other: dict[str, str]) -> None:
    async with store.writer(OF_2) as writer:
        await announce.begin(writer, KEY, "hash", NOW)
        assert await announce.begin(writer, replace(KEY, **other), "hash", NOW) is None  # type: ignore[arg-type]  # all are text


async def test_a_key_of_an_operation_that_failed_is_free_again(store: Store) -> None:
    async def fail() -> None:
        async with store.writer(OF_2) as writer:
            await announce.begin(writer, KEY, "hash", NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with store.writer(OF_2) as writer:
        assert await announce.begin(writer, KEY, "hash", NOW) is None


@pytest.mark.parametrize("first_fails", [False, True])
async def test_of_two_who_use_a_key_at_once_one_waits_for_the_others_outcome(store: Store, first_fails: bool) -> None:
    claimed = asyncio.Event()

    async def first() -> None:
        async with store.writer(OF_2) as writer:
            await announce.begin(writer, KEY, "hash", NOW)
            claimed.set()
            await asyncio.sleep(0.1)
            await announce.finish(writer, KEY, '"of the first"')
            if first_fails:
                raise ZeroDivisionError

    async def second() -> Row | None:
        await claimed.wait()
        async with store.writer(OF_2) as writer:
            return await announce.begin(writer, KEY, "hash", NOW)

    _, found = await asyncio.gather(first(), second(), return_exceptions=True)

    assert found == (None if first_fails else ("hash", '"of the first"'))


# The change log, events and jobs


async def test_a_change_is_written_down_and_seen_by_those_who_may(own_hierarchy: Store) -> None:
    async with own_hierarchy.writer(OF_2) as writer:
        await announce.audit(writer, CHANGE)

    seen = Statement(select(TABLES["audit"].c.after).where(TABLES["audit"].c.operation == "accountUpdate"))
    told = {}
    for scope in (OF_2, Scope(path_of(3), changes=True), Scope(path_of(2)), Scope(path_of(9), changes=True)):
        async with own_hierarchy.reader(scope) as reader:
            told[scope] = [row[0] for row in await reader.rows(seen)]
    assert list(told.values()) == [['{"name":"new"}'], ['{"name":"new"}'], [], []]


async def test_a_job_is_enqueued_once_for_its_key(store: Store) -> None:
    for subject in (1, 2):
        async with store.writer(OF_2) as writer:
            await announce.enqueue(writer, JobKind.PROVISION_ORDER, "order 1", subject, path_of(3), NOW)
            await announce.enqueue(writer, JobKind.SEND_MAIL, "order 1", subject, path_of(3), NOW)

    rows = await everything(store, "job")
    assert [(row.kind, row.key, row.subject_id, row.attempts, row.done_at) for row in rows] == [
        ("PROVISION_ORDER", "order 1", 1, 0, None),
        ("SEND_MAIL", "order 1", 1, 0, None),
    ]


OUTSIDE: dict[str, Callable[[Writer, str], Awaitable[object]]] = {
    "key": lambda writer, path: announce.begin(writer, replace(KEY, account_id=12), "hash", NOW),
    "change": lambda writer, path: announce.audit(writer, replace(CHANGE, path=path)),
    "event": lambda writer, path: announce.event(writer, Topic.ORDER, EventKind.CREATED, 1, path, NOW),
    "job": lambda writer, path: announce.enqueue(writer, JobKind.SEND_MAIL, "1", 1, path, NOW),
}


@pytest.mark.parametrize("what", OUTSIDE)
@pytest.mark.parametrize("place", [1, 9, 12])
async def test_nothing_is_left_behind_outside_the_scope(store: Store, what: str, place: int) -> None:
    with pytest.raises(StoreError):
        async with store.writer(OF_2) as writer:
            await OUTSIDE[what](writer, path_of(place))

    assert [await everything(store, table) for table in ("idempotency", "audit", "outbox", "job")] == [[]] * 4


@pytest.mark.parametrize("scope", [Scope(path_of(2), Reach.DIRECT), Scope(path_of(2), only_user=1)])
async def test_nor_further_below_than_the_scope_reaches(store: Store, scope: Scope) -> None:
    async with store.writer(scope) as writer:
        with pytest.raises(StoreError):
            await announce.audit(writer, replace(CHANGE, path=path_of(4)))
        await announce.audit(writer, replace(CHANGE, path=path_of(2)))


async def test_a_move_out_of_the_scope_is_announced_by_where_it_was(store: Store) -> None:
    async with store.writer(OF_2) as writer:
        await announce.event(
            writer, Topic.ACCOUNT, EventKind.MOVED, 7, path_of(9) + "000007", NOW, former_path=path_of(7)
        )

    assert [row.former_path for row in await store.tail(START)] == [path_of(7)]


# The tail of the outbox


def position(row: Row) -> Position:
    return row.transaction_id, row.id


async def test_the_tail_goes_on_after_the_last_event(store: Store) -> None:
    for object_id in (3, 4, 5):
        async with store.writer(OF_2) as writer:
            await changed(writer, object_id)
            await changed(writer, 7)

    all_at_once = await store.tail(START)
    one_by_one = []
    after = START
    while rows := await store.tail(after, 1):
        one_by_one += rows
        after = position(rows[0])

    assert [row.object_id for row in all_at_once] == [3, 7, 4, 7, 5, 7]
    assert one_by_one == all_at_once
    assert (all_at_once[0].topic, all_at_once[0].kind, all_at_once[0].path) == ("ACCOUNT", "CHANGED", path_of(3))


async def test_the_tail_has_nothing_that_is_not_committed(store: Store) -> None:
    async with tried(store, OF_2) as writer:
        await changed(writer, 3)
        assert await store.tail(START) == []

    assert await store.tail(START) == []


@asynccontextmanager
async def migrated(databases: Databases) -> AsyncIterator[Store]:
    with databases.copied(migrated_template(databases)) as url:
        async with opened(url) as store:
            yield store


@pytest.mark.parametrize("first_writes", ["first", "last"])
async def test_who_commits_late_is_not_missed(postgresql_databases: Databases, first_writes: str) -> None:
    """The first to begin commits last; whichever takes the lower id, nothing is put before what was told."""
    async with migrated(postgresql_databases) as store:
        async with store.writer(OF_2) as late:
            if first_writes == "first":
                await changed(late, 3)
            else:
                await announce.enqueue(late, JobKind.SEND_MAIL, "1", 3, path_of(3), NOW)  # so it has its number
            async with store.writer(OF_2) as early:
                await changed(early, 4)
            seen = await store.tail(START)
            assert seen == [], "what is committed waits for what may yet be put before it"
            if first_writes == "last":
                await changed(late, 3)

        assert [row.object_id for row in await store.tail(START)] == [3, 4]


async def test_a_tail_that_is_followed_while_many_write_misses_and_repeats_nothing(store: Store) -> None:
    async def write(object_id: int) -> None:
        async with store.writer(OF_2) as writer:
            await changed(writer, object_id)
            await asyncio.sleep(object_id % 3 / 200)
            await changed(writer, object_id)

    heard: list[Row] = []

    async def follow() -> None:
        while len(heard) < 60:
            heard.extend(await store.tail(position(heard[-1]) if heard else START))
            await asyncio.sleep(0)

    numbers = [3, 4, 5, 6, 7, 8] * 5
    await asyncio.wait_for(asyncio.gather(follow(), *map(write, numbers)), 20)

    assert sorted(row.object_id for row in heard) == sorted(numbers * 2)
    assert [position(row) for row in heard] == sorted({position(row) for row in heard})
