"""Automatic persisted queries that processes share in Redis; and on their own, while it is away."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from edge.documents import redis_texts
from edge.documents.automatic import Automatic, open_automatic
from edge.documents.forms import id_of
from edge.documents.redis_texts import LONGEST, RedisTexts
from edge.shared_redis import SECONDS_AWAY
from tests.redis_server import redis_server

SECONDS = 5.0
TEXT, OTHER = "{ viewer { reach } }", "{ viewer { account { id } } }"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture
async def redis(url: str) -> AsyncIterator[Redis]:
    """The server, empty."""
    redis = Redis.from_url(url, decode_responses=True)
    await redis.flushall()
    yield redis
    await redis.aclose()


@asynccontextmanager
async def process(url: str, clock: Clock | None = None) -> AsyncIterator[Automatic]:
    """What one process knows."""
    made = Automatic(RedisTexts(url, SECONDS, clock or Clock()))
    yield made
    await made.close()


@pytest.mark.usefixtures("redis")
async def test_what_one_process_was_sent_all_know(url: str) -> None:
    async with process(url) as one, process(url) as other:
        assert await other.get(id_of(TEXT)) is None
        await one.keep(id_of(TEXT), TEXT)

        assert await other.get(id_of(TEXT)) == TEXT
    async with process(url) as later:
        assert await later.get(id_of(TEXT)) == TEXT


async def test_a_text_of_another_id_is_none(url: str, redis: Redis) -> None:
    async with process(url) as one, process(url) as other:
        await one.keep(id_of(TEXT), TEXT)
        await redis.hset("canopy:{documents}:texts", id_of(TEXT), OTHER)

        assert await other.get(id_of(TEXT)) is None


async def test_they_take_bounded_room(url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_texts, "MOST_TEXTS", 3)
    texts = [f"{TEXT} # {number}" for number in range(5)]
    async with process(url) as one:
        for text in texts[:3]:
            await one.keep(id_of(text), text)
        for place, text in enumerate(texts[:3]):  # as if they had been used so long ago
            await redis.zadd("canopy:{documents}:uses", {id_of(text): place})
        async with process(url) as other:
            assert await other.get(id_of(texts[0])) == texts[0]
        for text in (*texts[3:], "#" * (LONGEST + 1)):
            await one.keep(id_of(text), text)

    assert set(await redis.hkeys("canopy:{documents}:texts")) == {id_of(texts[place]) for place in (0, 3, 4)}
    assert await redis.zcard("canopy:{documents}:uses") == 3


async def test_redis_is_tried_again_after_a_while(url: str, redis: Redis) -> None:
    clock = Clock()
    async with process(url) as one, process(url, clock) as other:
        await one.keep(id_of(TEXT), TEXT)
        await redis.set("canopy:{documents}:uses", "no set")
        assert await other.get(id_of(TEXT)) is None
        await redis.delete("canopy:{documents}:uses")
        assert await other.get(id_of(TEXT)) is None
        clock.now = SECONDS_AWAY

        assert await other.get(id_of(TEXT)) == TEXT


async def test_while_redis_is_away_each_process_knows_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    with caplog.at_level(logging.WARNING, "canopy.documents"):
        async with process(f"unix://{tmp_path}/none.sock", clock) as one:
            for _ in range(3):
                await one.keep(id_of(TEXT), TEXT)
                assert await one.get(id_of(TEXT)) == TEXT
                assert await one.get(id_of(OTHER)) is None
            assert len(caplog.records) == 1
            clock.now = SECONDS_AWAY
            assert await one.get(id_of(OTHER)) is None

    assert len(caplog.records) == 1


async def test_a_redis_that_does_not_answer_holds_nobody_up(tmp_path: Path) -> None:
    over = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(silent, tmp_path / "silent.sock")
    texts = open_automatic(f"unix://{tmp_path}/silent.sock", 0.05)
    assert await texts.get(id_of(TEXT)) is None
    await texts.close()
    over.set()
    server.close()
    await server.wait_closed()


def test_without_redis_there_is_nothing_to_open() -> None:
    assert isinstance(open_automatic("", SECONDS), Automatic)
