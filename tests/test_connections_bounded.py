"""Connections: so many and no more, and those that say nothing are closed, whatever they do meanwhile."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from edge.limits.connections import BoundedSocketProtocol, Connections
from edge.limits.exchange import MeasuredProtocol
from edge.limits.sharing import SharingSettings
from tests.databases import Databases
from tests.hierarchy import World
from tests.live import until
from tests.sharing import WIDE
from tests.transports import Gateway, gateway

HEAD = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n"
SECONDS = 0.3


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    settings = replace(WIDE, connections=8, connections_of_address=5, head_seconds=SECONDS)
    directory = tmp_path_factory.mktemp("connections")
    async with gateway(sqlite_databases, world, directory, sharing=settings) as made:
        yield made


@pytest.fixture(autouse=True)
async def _all_closed(served: Gateway) -> AsyncIterator[None]:
    yield
    await served.http.get("/health/live", headers={"connection": "close"})
    await until(lambda: served.served.service.connections.open == 0)


class Line:
    """A plain connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def answer(self) -> bytes:
        """The status line of an answer, and what comes with it; empty if the connection was closed."""
        with suppress(ConnectionError):
            async with asyncio.timeout(10):
                return await self._reader.read(65_536)
        return b""

    async def is_closed(self) -> bool:
        return await self.answer() == b""


@asynccontextmanager
async def line(served: Gateway) -> AsyncIterator[Line]:
    host, port = served.served.url.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def connections(served: Gateway) -> Connections:
    return served.served.service.connections


async def test_an_address_has_so_many_connections_and_the_next_is_closed_at_once(served: Gateway) -> None:
    refused = connections(served).refused
    async with line(served) as a, line(served) as b, line(served), line(served), line(served):
        await until(lambda: connections(served).open == 5)
        async with line(served) as sixth:
            assert await sixth.is_closed()
        a.send(HEAD + b"\r\n")
        assert (await a.answer()).startswith(b"HTTP/1.1 200")
        b.send(HEAD + b"connection: close\r\n\r\n")
        await b.answer()
        await until(lambda: connections(served).open == 4)
        async with line(served) as another:
            another.send(HEAD + b"\r\n")
            assert (await another.answer()).startswith(b"HTTP/1.1 200")

    assert connections(served).refused == refused + 1


async def test_a_connection_that_says_nothing_is_closed(served: Gateway) -> None:
    async with line(served) as silent:
        assert await silent.is_closed()


async def test_a_head_that_never_ends_is_closed(served: Gateway) -> None:
    async with line(served) as slow:
        slow.send(HEAD)
        trickling = asyncio.create_task(_trickle(slow))
        assert await slow.is_closed()
        trickling.cancel()


async def _trickle(slow: Line) -> None:
    while True:
        await asyncio.sleep(SECONDS / 10)
        slow.send(b"x: y\r\n")


async def test_a_second_head_that_never_ends_is_closed_too(served: Gateway) -> None:
    async with line(served) as slow:
        slow.send(HEAD + b"\r\n")
        assert await slow.answer()
        slow.send(b"\r\n")  # is no head yet, and ends the time in which a connection may be idle
        assert await slow.is_closed()


async def test_a_connection_is_kept_between_requests_for_longer_than_a_head_may_take(served: Gateway) -> None:
    async with line(served) as patient:
        for _ in range(2):
            patient.send(HEAD + b"\r\n")
            assert (await patient.answer()).startswith(b"HTTP/1.1 200")
            await asyncio.sleep(SECONDS * 1.5)


async def test_a_request_that_takes_longer_than_its_head_may_is_answered(served: Gateway) -> None:
    async with line(served) as slow:
        slow.send(b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n")
        token = served.http.headers["authorization"].encode()
        slow.send(b"authorization: " + token + b"\r\ncontent-length: 27\r\n\r\n")
        await asyncio.sleep(SECONDS * 1.5)
        slow.send(b'{"query": "{__typename}"}  ')
        assert (await slow.answer()).startswith(b"HTTP/1.1 200")


async def test_a_socket_is_a_connection_until_it_is_closed(served: Gateway) -> None:
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(f"ws://{served.served.url}/graphql", subprotocols=[protocol], compression=None):
        await asyncio.sleep(SECONDS * 1.5)
        assert connections(served).open == 1
    await until(lambda: connections(served).open == 0)


async def test_a_socket_that_has_ended_is_gone_without_the_garbage_collector(served: Gateway) -> None:
    gc.collect()
    gc.freeze()  # the sockets of other tests, which may still be open, are not looked at
    gc.disable()
    try:
        for _ in range(3):
            async with connect(f"ws://{served.served.url}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]):
                await until(lambda: served.served.service.connections.open == 1)
            await until(lambda: served.served.service.connections.open == 0)
        kinds = {MeasuredProtocol, BoundedSocketProtocol, ServerProtocol}
        await until(lambda: kinds.isdisjoint(map(type, gc.get_objects())))
    finally:
        gc.enable()


def test_proxies_have_no_bound_but_the_process_has() -> None:
    made = Connections(SharingSettings(connections=3, connections_of_address=1), "192.0.2.1, 2001:db8::1")

    entered = [made.enter(address) for address in ("192.0.2.1", "192.0.2.1", "10.0.0.1", "10.0.0.2")]

    assert entered == ["192.0.2.1", "192.0.2.1", "10.0.0.1", None]


def test_a_bound_of_0_is_none() -> None:
    made = Connections(SharingSettings(connections=0, connections_of_address=0))

    assert all(made.enter("10.0.0.1") for _ in range(200))


def test_what_serves_has_bounds(tmp_path: Path) -> None:
    from edge.serving import options
    from edge.settings import Settings

    given: dict[str, Any] = options(Settings(key_file=tmp_path / "key"))

    assert (given["http"], given["ws"]) == (MeasuredProtocol, BoundedSocketProtocol)
    assert (given["timeout_keep_alive"], given["ws_max_queue"]) == (15, 8)
