"""Who listens hears at once when something was committed: in the same process, and on PostgreSQL in any other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from models.bell import Bell
from models.postgres_bell import PostgresBell
from models.store import Store
from resolvers.live import LiveSettings
from tests.hierarchy import World
from tests.listening import ACCOUNTS, EVERYWHERE, grant, happens, heard, token
from tests.live import client, serving
from tests.templates import opened

SECONDS = 10.0
ON_POSTGRESQL = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
"""SQLite notifies no other process: there the outbox is looked at five times a second."""


class Ears:
    """Hears."""

    def __init__(self) -> None:
        self.times = 0
        self._heard = asyncio.Event()

    def hear(self) -> None:
        self.times += 1
        self._heard.set()

    async def anything(self) -> bool:
        """Whether anything is heard from now on, or was since the last time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._heard.wait(), 0.3)
        is_heard = self._heard.is_set()
        self._heard.clear()
        return is_heard

    async def something(self) -> None:
        """It is heard."""
        await asyncio.wait_for(self._heard.wait(), SECONDS)
        self._heard.clear()


@asynccontextmanager
async def listening(bell: Bell) -> AsyncIterator[Ears]:
    ears = Ears()
    task = asyncio.create_task(bell.listen(ears.hear))
    await asyncio.sleep(0)
    if isinstance(bell, PostgresBell):
        await ears.something()  # that it has begun to listen
    try:
        yield ears
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_a_commit_is_heard_and_nothing_else(own_hierarchy: Store) -> None:
    async with listening(own_hierarchy.bell) as ears:
        with suppress(ZeroDivisionError):
            async with own_hierarchy.writer(EVERYWHERE):
                1 / 0  # noqa: B018  # a defect
        async with own_hierarchy.reader(EVERYWHERE):
            pass
        assert not await ears.anything()
        await happens(own_hierarchy, 3)
        assert ears.times == 1 + (own_hierarchy.engine == "postgresql")
    await happens(own_hierarchy, 3)
    assert ears.times < 5


async def test_another_process_hears_it_on_postgresql(own_hierarchy: Store) -> None:
    async with opened(own_hierarchy.url) as other, listening(other.bell) as ears:
        await happens(own_hierarchy, 3)
        assert await ears.anything() is (own_hierarchy.engine == "postgresql")


@ON_POSTGRESQL
async def test_of_many_commits_few_are_notified_and_the_last_is_among_them(own_hierarchy: Store) -> None:
    async with opened(own_hierarchy.url) as other, listening(other.bell) as ears:
        before = ears.times
        for _ in range(30):
            own_hierarchy.bell.ring()
        while await ears.anything():
            pass
        assert 1 <= ears.times - before <= 2
        own_hierarchy.bell.ring()
        await ears.something()


@ON_POSTGRESQL
async def test_who_was_cut_off_listens_again(own_hierarchy: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.postgres_bell._AGAIN", 0.05)
    async with opened(own_hierarchy.url) as other, listening(other.bell) as ears:
        connection = await asyncpg.connect(own_hierarchy.url)
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        await connection.close()
        await ears.something()  # what was missed is asked for
        await happens(own_hierarchy, 3)
        await ears.something()


@ON_POSTGRESQL
async def test_a_listener_at_one_process_is_told_at_once_what_another_commits(
    own_hierarchy: Store, world: World, tmp_path: Path
) -> None:
    await grant(own_hierarchy, world)
    async with (
        serving(own_hierarchy.url, tmp_path, live=LiveSettings(poll_seconds=3600)) as served,
        client(served, token(served, world, 1)) as listener,
    ):
        await listener.subscribe(ACCOUNTS)
        for account in (3, 4):
            await happens(own_hierarchy, account)
            assert await heard(listener) == account


async def test_what_is_committed_beside_requests_is_told_at_once(
    own_hierarchy: Store, world: World, tmp_path: Path
) -> None:
    """As the worker of the same process does."""
    await grant(own_hierarchy, world)
    async with (
        serving(own_hierarchy.url, tmp_path, live=LiveSettings(poll_seconds=3600)) as served,
        client(served, token(served, world, 1)) as listener,
    ):
        await listener.subscribe(ACCOUNTS)
        await happens(served.service.store, 3)
        assert await heard(listener) == 3
