"""The platform's clock: as far ahead of the machine's as it was set, for every process at once, and never back."""

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

import commands
from models import base
from models.scope import Scope
from models.store import Store
from resolvers import clock
from resolvers.errors import InvalidError
from tests.jobs import FailingStore
from tests.nursery import Nursery
from tests.templates import opened

PRESENT = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def present(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's clock stands still."""
    monkeypatch.setattr(base, "now", lambda: PRESENT)


async def advance(store: Store, by: timedelta) -> datetime:
    async with store.unfiltered("a test sets the clock", write=True) as db:
        return await clock.advance(db, by)


async def now(store: Store) -> datetime:
    async with store.unfiltered("a test looks at the clock") as db:
        return await clock.now(db)


def canopy(nursery: Nursery, url: str, *arguments: str, demo: str = "") -> "subprocess.CompletedProcess[str]":
    return nursery.canopy("clock", *arguments, CANOPY_DATABASE_URL=url, CANOPY_DEMO=demo)


async def test_a_new_platform_goes_by_the_machines_clock(store: Store) -> None:
    assert await now(store) == PRESENT
    async with store.unfiltered("a test looks at the day") as db:
        assert await clock.today(db) == PRESENT.date()


async def test_a_clock_that_was_set_ahead_is_ahead_for_other_stores_at_once(store: Store) -> None:
    async with opened(store.url) as other:
        assert await now(other) == PRESENT

        assert await advance(store, timedelta(days=30)) == PRESENT + timedelta(days=30)
        assert await now(other) == PRESENT + timedelta(days=30)
        assert await advance(other, timedelta(hours=1)) == PRESENT + timedelta(days=30, hours=1)

        assert await now(store) == PRESENT + timedelta(days=30, hours=1)
        async with other.unfiltered("a test looks at the day") as db:
            assert await clock.today(db) == PRESENT.date() + timedelta(days=31)


@pytest.mark.parametrize("by", [timedelta(0), timedelta(seconds=-1), timedelta(days=-30), timedelta(days=50 * 366)])
async def test_a_clock_goes_neither_back_nor_beyond_all_dates(store: Store, by: timedelta) -> None:
    with pytest.raises(InvalidError):
        await advance(store, by)

    assert await now(store) == PRESENT


async def test_a_clock_is_not_set_beyond_all_dates_step_by_step(store: Store) -> None:
    await advance(store, clock.FURTHEST)
    with pytest.raises(InvalidError):
        await advance(store, timedelta(seconds=1))

    assert await now(store) == PRESENT + clock.FURTHEST


async def test_a_transaction_that_fails_leaves_the_clock_alone(store: Store) -> None:
    async def fail() -> None:
        async with store.unfiltered("a test fails", write=True) as db:
            await clock.advance(db, timedelta(days=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await now(store) == PRESENT


async def test_a_writer_beyond_its_scope_reads_and_sets_the_same_clock(own_hierarchy: Store) -> None:
    async with own_hierarchy.writer(Scope("000001")) as writer, writer.beyond("a test sets the clock") as beyond:
        await clock.advance(beyond, timedelta(days=2))

        assert await clock.now(beyond) == PRESENT + timedelta(days=2)

    assert await now(own_hierarchy) == PRESENT + timedelta(days=2)


async def test_a_process_follows_the_clock_without_being_told(store: Store) -> None:
    follower = clock.PlatformClock(store)
    following = asyncio.create_task(follower.follow(0.01))
    assert follower.now() == PRESENT

    await advance(store, timedelta(days=3))
    async with asyncio.timeout(30):
        while follower.now() != PRESENT + timedelta(days=3):  # noqa: ASYNC110  # it happens in the database
            await asyncio.sleep(0.01)
    following.cancel()


async def test_a_process_whose_database_is_away_goes_on_by_the_clock_as_it_was(store: Store) -> None:
    await advance(store, timedelta(days=3))
    away: Any = FailingStore(store, 2)
    follower = clock.PlatformClock(away)
    following = asyncio.create_task(follower.follow(0.01))

    async with asyncio.timeout(30):
        while follower.now() == PRESENT:  # noqa: ASYNC110  # it happens in the database
            await asyncio.sleep(0.01)
    following.cancel()

    assert away.failures == 0


async def test_the_command_sets_the_clock_of_a_demonstration(nursery: Nursery, store: Store) -> None:
    set_ahead = canopy(nursery, store.url, "--advance", "30d", demo="1")
    told = canopy(nursery, store.url)

    assert (set_ahead.returncode, told.returncode) == (0, 0), set_ahead.stderr + told.stderr
    assert await now(store) == PRESENT + timedelta(days=30)
    for printed in (set_ahead.stdout, told.stdout):
        ahead = datetime.fromisoformat(printed.strip()) - datetime.now(UTC)
        assert timedelta(days=29) < ahead <= timedelta(days=30)


async def test_the_command_sets_no_other_clock_unless_it_is_forced(nursery: Nursery, store: Store) -> None:
    refused = canopy(nursery, store.url, "--advance", "12h")

    assert refused.returncode == 1
    assert "--force" in refused.stderr
    assert await now(store) == PRESENT

    assert canopy(nursery, store.url, "--advance", "12h", "--force").returncode == 0
    assert await now(store) == PRESENT + timedelta(hours=12)


@pytest.mark.parametrize("span", ["-1d", "30", "d", "1.5d", "30 d", "1y", "9999999999d"])
def test_the_command_takes_spans_of_time_that_go_forwards_only(span: str) -> None:
    refused = CliRunner().invoke(commands.canopy, ["clock", f"--advance={span}", "--force"])

    assert refused.exit_code == 2
    assert "such as 30d" in refused.output
