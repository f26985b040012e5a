"""Health: whether the process answers, and whether work should be sent to it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.telemetry import health
from edge.telemetry.health import draining
from models.store import StoreError
from tests.databases import Databases
from tests.hierarchy import World
from tests.transports import Gateway, gateway


@pytest.fixture
async def served(sqlite_databases: Databases, world: World, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway(sqlite_databases, world, tmp_path) as served:
        yield served


async def ready(served: Gateway) -> tuple[int, Any]:
    answer = await served.http.get("/health/ready", headers={"authorization": ""})
    return answer.status_code, answer.json()


async def test_a_process_that_can_do_its_work_is_ready(served: Gateway) -> None:
    assert await ready(served) == (200, {"status": "ready"})


async def test_what_it_lacks_is_named_and_nothing_more(
    served: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @asynccontextmanager
    async def away(*_: object, **__: object) -> AsyncIterator[None]:
        raise StoreError("could not connect to db.internal.example")
        yield

    monkeypatch.setattr(served.served.service.store, "unfiltered", away)
    (tmp_path / "canopy.key").unlink()

    assert await ready(served) == (503, {"status": "not ready", "failed": ["keys", "database"]})
    assert (await served.http.get("/health/live")).json() == {"status": "live"}


async def test_a_database_of_another_version_is_no_place_to_work(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def outdated(_db: object) -> bool:
        return False

    monkeypatch.setattr(health, "is_current", outdated)

    assert await ready(served) == (503, {"status": "not ready", "failed": ["version"]})


async def test_who_is_told_to_end_is_not_ready_for_a_while_and_only_then_ends(served: Gateway) -> None:
    ended: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: ended.append(number))
    try:
        with draining(0.05):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
            assert await ready(served) == (503, {"status": "not ready", "failed": ["ending"]})
            for _ in range(200):
                if ended:
                    break
                await asyncio.sleep(0.01)
            assert ended == [signal.SIGTERM]
        assert await ready(served) == (200, {"status": "ready"})
        with draining(60):
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
        assert ended == [signal.SIGTERM] * 2, "a second one ends it at once"
        with draining(0):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
        assert ended == [signal.SIGTERM] * 3
    finally:
        signal.signal(signal.SIGTERM, before)
