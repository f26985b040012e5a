"""A process holds no more after many operations than after some."""

import asyncio
import gc
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import token
from tests.live import client
from tests.nursery import Nursery
from tests.process import Process, running
from tests.sharing import WIDE_ENVIRONMENT
from tests.templates import seeded_template
from tests.transports import Gateway, gateway

ROOT = Path(__file__).parent.parent
LOGIN = "admin@reseller.example"
OPERATIONS = (
    "query A($first: Int!) { accounts(first: $first) { totalCount nodes { id name parent { name } } } }",
    "query B($first: Int!) { viewer { reach } users(first: $first) { nodes { id } } }",
    "query C($first: Int!) { accounts(first: $first) { nodes { nothingOfThisName } } }",
)
ROUNDS = 20
MAY_GROW = 30
"""Objects; there are 120 operations in between."""
PACKAGES = {"edge", "models", "resolvers", "schema", "starlette", "uvicorn", "websockets", "_asyncio", "graphql"}
REQUESTS, SOCKET_OPERATIONS, MEASURES = 100_000, 10_000, 20
LONGEST = 1800
"""Seconds; on a quiet machine it is a few minutes."""
MAY_HOLD_MORE = 0.1
"""Of a process's memory: what its allocator makes of it."""


def variables(turn: int) -> dict[str, int]:
    return {"first": 1 + turn % 5}


def _of_operations() -> Counter[type]:
    """Objects that belong to operations and connections; plain lists and dictionaries come and go by themselves."""
    gc.collect()
    return Counter(type(each) for each in gc.get_objects() if type(each).__module__.partition(".")[0] in PACKAGES)


async def _more(work: Callable[[], Awaitable[None]]) -> Counter[type]:
    """How many more there are of which type after the same work again and again."""
    counts = []
    for _ in range(4):  # the first fills what is kept
        await work()
        await asyncio.sleep(0.05)
        counts.append(_of_operations())
    return counts[-1] - counts[1]


def test_operations_leave_nothing_behind() -> None:
    """Counted in a process of its own: what hundreds of other tests keep in theirs is not looked at."""
    alone = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-n",
        "0",
        "-m",
        "deep",
        f"{__file__}::{test_operations_leave_nothing_behind_in_this_process.__name__}",
    ]
    found = subprocess.run(alone, capture_output=True, text=True, timeout=120, cwd=ROOT)

    assert found.returncode == 0, found.stdout


@pytest.mark.deep
async def test_operations_leave_nothing_behind_in_this_process(
    sqlite_databases: Databases, world: World, tmp_path: Path
) -> None:
    async with gateway(sqlite_databases, world, tmp_path) as served:

        async def over_http() -> None:
            for turn in range(ROUNDS):
                for query in OPERATIONS:
                    await served.ask(query, variables=variables(turn))

        mine = token(served.served, world, 2)
        for work in (over_http, partial(_over_a_socket, served, mine)):
            more = await _more(work)
            assert more.total() < MAY_GROW, more


async def _over_a_socket(served: Gateway, mine: str) -> None:
    async with client(served.served, mine) as visitor:
        for turn in range(ROUNDS):
            for query in OPERATIONS:
                name = f"{turn} {query[6]}"
                await visitor.subscribe(query, name, variables=variables(turn))
                while (await visitor.next())["type"] not in {"complete", "error"}:
                    pass


@asynccontextmanager
async def _measuring(what: str) -> AsyncIterator[list[int]]:
    """Collects what a process held meanwhile, and demands no more at the end than there was after a fifth of it."""
    measures: list[int] = []
    began = time.monotonic()
    async with asyncio.timeout(LONGEST):
        yield measures
    told = " ".join(f"{each / 2**20:.1f}" for each in measures)
    print(f"{what}, in {time.monotonic() - began:.0f} s: MiB {told}")  # noqa: T201  # `pytest -rP` shows it

    assert len(measures) == MEASURES
    assert measures[-1] <= measures[MEASURES // 5] * (1 + MAY_HOLD_MORE), told


@pytest.fixture
def process(nursery: Nursery, tmp_path: Path, databases: Databases) -> Any:
    with (
        databases.copied(seeded_template(databases)) as url,
        running(nursery, url, tmp_path, **WIDE_ENVIRONMENT) as process,
    ):
        yield process


@pytest.mark.deep
async def test_a_process_holds_no_more_after_many_requests(process: Process) -> None:
    headers = {"authorization": f"Bearer {process.token(LOGIN)}"}
    turns = iter(range(REQUESTS))
    async with (
        _measuring(f"{REQUESTS:,} requests") as measures,
        httpx.AsyncClient(base_url=process.url, headers=headers, timeout=60) as http,
    ):

        async def ask(count: int) -> None:
            for _ in range(count):
                turn = next(turns)
                asked = {"query": OPERATIONS[turn % 3], "variables": variables(turn)}
                assert (await http.post("/graphql", json=asked)).status_code == 200

        for _ in range(MEASURES):
            await asyncio.gather(*(ask(REQUESTS // MEASURES // 8) for _ in range(8)))
            measures.append(process.memory())
        assert next(turns, None) is None


@pytest.mark.deep
async def test_a_process_holds_no_more_after_many_operations_on_one_socket(process: Process) -> None:
    protocol = Subprotocol("graphql-transport-ws")
    payload = {"authorization": f"Bearer {process.token(LOGIN)}"}
    address = process.url.replace("http:", "ws:") + "/graphql"
    async with (
        _measuring(f"{SOCKET_OPERATIONS:,} operations on a socket") as measures,
        connect(address, subprotocols=[protocol], compression=None, proxy=None) as socket,
    ):
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        await socket.recv()
        for turn in range(SOCKET_OPERATIONS):
            asked = {"query": OPERATIONS[turn % 3], "variables": variables(turn)}
            await socket.send(json.dumps({"type": "subscribe", "id": str(turn), "payload": asked}))
            while json.loads(await socket.recv())["type"] == "next":
                pass
            if (turn + 1) % (SOCKET_OPERATIONS // MEASURES) == 0:
                measures.append(process.memory())
