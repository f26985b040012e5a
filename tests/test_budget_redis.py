"""Budgets that processes share: exact, however many take from them, and no reason to stop when Redis is away."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from edge.exposure.masking import Refusal
from edge.limits.bucket import Bucket, ProcessBuckets
from edge.limits.budget import Budget
from edge.limits.redis_bucket import RedisBuckets
from edge.limits.sharing import SharingSettings
from edge.shared_redis import SECONDS_AWAY
from models import path as paths
from resolvers.caller import Caller
from tests.redis_server import redis_server

ROOT = Path(__file__).parent.parent
SECONDS = 5.0
CALLER = Caller(path=paths.segment(7), privileges=frozenset(), user_id=1)
OWN, SHARED = Bucket("caller", "{7}:user:1", 100, 0.001), Bucket("account", "{7}", 150, 0.001)

TAKING = """
import asyncio, sys
from edge.limits.bucket import Bucket, ProcessBuckets
from edge.limits.redis_bucket import RedisBuckets

async def take(buckets):
    taken = 0
    for _ in range(40):
        found = await buckets.take([Bucket("caller", "{8}:user:1", 1000, 0.001)], 10)
        taken += 10 if not found.wait else 0
    return taken

async def main():
    buckets = RedisBuckets(sys.argv[1], 5.0, ProcessBuckets())
    print("ready", flush=True)
    sys.stdin.readline()
    print(sum(await asyncio.gather(*[take(buckets) for _ in range(8)])), buckets.is_up)
    await buckets.close()

asyncio.run(main())
"""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@asynccontextmanager
async def opened(url: str, clock: Clock | None = None, seconds: float = SECONDS) -> AsyncIterator[RedisBuckets]:
    buckets = RedisBuckets(url, seconds, ProcessBuckets(), clock or Clock())
    yield buckets
    await buckets.close()


@pytest.fixture(autouse=True)
async def _empty(url: str) -> None:
    redis = Redis.from_url(url)
    await redis.flushall()
    await redis.aclose()


def test_processes_that_share_redis_never_take_one_point_too_many(url: str) -> None:
    command = [sys.executable, "-c", TAKING, url]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(2)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0].split() for process in running]

    assert [is_up for _, is_up in said] == ["True", "True"]
    assert sum(int(taken) for taken, _ in said) == 1000
    assert all(int(taken) for taken, _ in said)


async def test_of_several_buckets_all_are_taken_from_or_none(url: str) -> None:
    async with opened(url) as buckets:
        first = await buckets.take([OWN, SHARED], 80)
        second = await buckets.take([OWN, SHARED], 80)
        third = await buckets.take([SHARED], 70)

    assert (first.wait, list(first.levels)) == (0, [80, 80])
    assert second.wait == pytest.approx(60 / 0.001, rel=1e-3)
    assert third.wait == 0


async def test_redis_counts_as_a_process_does(url: str) -> None:
    steps = [30, -10, 60, 250, -1000, 99, 2, 120]
    told = []
    async with opened(url) as shared:
        for buckets in (shared, ProcessBuckets()):
            found = []
            for points in steps:
                if points < 0:
                    buckets.add([OWN, SHARED], points)
                    await asyncio.sleep(0.05)
                else:
                    taken = await buckets.take([OWN, SHARED], points)
                    found.append((bool(taken.wait), [round(level) for level in taken.levels]))
            told.append(found)

    assert told[0] == told[1]


async def test_what_is_given_back_is_there_after_the_end(url: str) -> None:
    async with opened(url) as buckets:
        await buckets.take([OWN], 100)
        buckets.add([OWN], -60)
    async with opened(url) as buckets:
        assert (await buckets.take([OWN], 60)).wait == 0


async def test_a_bucket_that_has_drained_takes_no_room(url: str) -> None:
    redis = Redis.from_url(url, decode_responses=True)
    async with opened(url) as buckets:
        await buckets.take([Bucket("caller", "{9}", 100, 50.0)], 50)
    left = await redis.pttl("canopy:budget:{9}")
    await redis.aclose()

    assert 1000 < left <= 2000


async def test_while_redis_is_away_each_process_counts_for_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    async with opened(f"unix://{tmp_path}/none.sock", clock) as buckets:
        with caplog.at_level(logging.INFO, "canopy.budget"):
            taken = [await buckets.take([OWN], 60) for _ in range(3)]
            taken[0].of.add([OWN], -60)

        assert [each.wait > 0 for each in taken] == [False, True, True]
        assert (buckets.is_up, len(caplog.records)) == (False, 1)
        assert (await buckets.take([OWN], 60)).wait == 0


async def test_points_go_back_to_where_they_were_taken(url: str) -> None:
    clock, settings = Clock(), SharingSettings(budget=100, budget_refill=0.001, account_budget=0)
    async with opened(url, clock) as buckets:
        budget = Budget(settings, buckets, pause=0)
        of_redis = await budget.reserve(CALLER, 100)
        buckets._redis.avoid(OSError("gone"))
        of_process = await budget.reserve(CALLER, 100)
        of_redis.settle(1)  # Redis is away: it drains there
        with pytest.raises(Refusal):
            await budget.reserve(CALLER, 50)
        clock.now = SECONDS_AWAY
        of_process.settle(1)
        with pytest.raises(Refusal):
            await budget.reserve(CALLER, 50)
        assert buckets.is_up
        buckets._redis.avoid(OSError("gone"))
        await budget.reserve(CALLER, 99)  # what the process gave has come back to it


async def test_what_is_owed_while_redis_is_away_is_owed_by_the_process(url: str, clock: Clock) -> None:
    async with opened(url, clock) as buckets:
        buckets._redis.avoid(OSError("gone"))
        buckets.add([OWN], 100)

        assert (await buckets.take([OWN], 1)).wait > 0


async def test_what_many_events_cost_is_owed_whole_and_told_to_redis_at_once(url: str, clock: Clock) -> None:
    listeners = [Bucket("caller", f"{{7}}:user:{number}", 10_000, 0.001) for number in range(3)]
    big = Bucket("account", "{7}", 100_000, 0.001)
    async with opened(url, clock) as buckets:
        sent: list[object] = []
        add = buckets._add

        async def counted(*given: object) -> object:
            sent.append(given)
            return await add(*given)

        buckets._add = counted
        for _ in range(2_000):
            for each in listeners:
                buckets.add([each, big], 1)
                buckets.add([each, big], -1)
                buckets.add([each, big], 1)
    async with opened(url, clock) as buckets:
        levels = (await buckets.take([*listeners, big], 0)).levels

    assert levels[0] >= 1_999
    assert levels[3] >= 5_999
    assert len(sent) == 6


async def test_redis_is_tried_again_after_a_while(url: str, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    async with opened(url, clock) as buckets:
        buckets._redis.avoid(OSError("gone"))
        await buckets.take([OWN], 60)
        was_up = buckets.is_up
        clock.now = SECONDS_AWAY
        with caplog.at_level(logging.INFO, "canopy.budget"):
            taken = await buckets.take([OWN], 60)

    assert (was_up, buckets.is_up, taken.wait) == (False, True, 0)
    assert "is back" in caplog.text


async def test_a_redis_that_does_not_answer_holds_nobody_up(tmp_path: Path) -> None:
    over = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(silent, tmp_path / "silent.sock")
    async with opened(f"unix://{tmp_path}/silent.sock", seconds=0.05) as buckets:
        assert (await buckets.take([OWN], 60)).wait == 0
        assert not buckets.is_up
    over.set()
    server.close()
    await server.wait_closed()
