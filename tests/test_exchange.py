"""Heads that are too large, and answers that nobody takes: neither fills the memory, or holds a connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace

import orjson
import pytest
from graphql import get_introspection_query

from edge.protocols.settings import ProtocolSettings
from tests.databases import Databases
from tests.hierarchy import World
from tests.live import until
from tests.sharing import WIDE
from tests.transports import Gateway, gateway

MOST = 8_192
SECONDS = 0.2
START = b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n"
CHUNKED = b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    sharing, protocols = replace(WIDE, max_head=MOST), ProtocolSettings(stream_seconds=SECONDS)
    directory = tmp_path_factory.mktemp("exchange")
    async with gateway(sqlite_databases, world, directory, sharing=sharing, protocols=protocols) as made:
        yield made


async def connected(served: Gateway, **more: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = served.served.url.split(":")
    return await asyncio.open_connection(host, int(port), **more)


async def said(reader: asyncio.StreamReader) -> tuple[int, str]:
    """The status and the code of the answer after which a connection is closed."""
    async with asyncio.timeout(10):
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    return int(head.split()[1]), orjson.loads(body)["errors"][0]["extensions"]["code"]


HEADS: list[tuple[str, Callable[[int], bytes]]] = [
    ("one long header", lambda size: START + b"a: " + b"x" * size + b"\r\n\r\n"),
    ("many short headers", lambda size: START + b"a: x\r\n" * (size // 6) + b"\r\n"),
    ("a long address", lambda size: b"GET /" + b"x" * size + b" HTTP/1.1\r\nhost: localhost\r\n\r\n"),
    ("a header that does not end", lambda size: START + b"a: " + b"x" * size),
    ("an address that does not end", lambda size: b"GET /" + b"x" * size),
    ("blank lines", lambda size: b"\r\n" * (size // 2)),
]


@pytest.mark.parametrize("head", [made for _, made in HEADS], ids=[name for name, _ in HEADS])
async def test_a_head_that_is_too_large_is_refused_as_soon_as_it_is(
    served: Gateway, head: Callable[[int], bytes]
) -> None:
    reader, writer = await connected(served)
    writer.write(head(2 * MOST))

    assert await said(reader) == (431, "HEAD_TOO_LARGE")
    writer.close()


async def test_a_head_that_comes_bit_by_bit_is_refused_at_its_bound(served: Gateway) -> None:
    reader, writer = await connected(served)
    sent = 0
    with suppress(ConnectionError):
        writer.write(START + b"a: ")
        while sent < 100 * MOST and not reader.at_eof():
            writer.write(b"x" * 1_000)
            sent += 1_000
            await writer.drain()
            await asyncio.sleep(0.001)

    assert sent < 3 * MOST
    with suppress(ConnectionError):
        assert (await said(reader))[0] == 431
    writer.close()


async def test_what_comes_after_a_body_is_bounded_as_what_comes_before(served: Gateway) -> None:
    reader, writer = await connected(served)
    token = served.http.headers["authorization"].encode()
    writer.write(
        CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-type: application/json\r\nauthorization: " + token + b"\r\n\r\n")
    )
    await asyncio.sleep(0.05)
    writer.write(b"0\r\n" + b"a: x\r\n" * MOST)

    assert await said(reader) == (431, "HEAD_TOO_LARGE")
    writer.close()


async def test_a_head_as_large_as_it_may_be_is_answered(served: Gateway) -> None:
    reader, writer = await connected(served)
    writer.write(START + b"connection: close\r\na: " + b"x" * (MOST - 200) + b"\r\n\r\n")
    async with asyncio.timeout(10):
        answer = await reader.read()

    assert answer.startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_large_body_is_no_large_head(served: Gateway) -> None:
    query = "{ viewer { reach } } # " + "x" * 4 * MOST

    assert (await served.ask(query)).status_code == 200


async def test_what_is_no_http_is_refused_as_everything_is(served: Gateway) -> None:
    reader, writer = await connected(served)
    writer.write(b"\x00\x01\x02\r\n\r\n")

    assert await said(reader) == (400, "BAD_REQUEST")
    writer.close()


# Answers


def asking(served: Gateway, connection: str = "keep-alive") -> bytes:
    """A request whose answer is larger than what a connection holds."""
    body = orjson.dumps({"query": get_introspection_query()})
    token = served.http.headers["authorization"]
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: {connection}\r\n"
        f"authorization: {token}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@pytest.mark.parametrize("connection", ["keep-alive", "close"])
async def test_who_takes_nothing_of_an_answer_is_given_up(served: Gateway, connection: str) -> None:
    await served.http.get("/health/live", headers={"connection": "close"})
    connections = served.served.service.connections
    await until(lambda: connections.open == 0)
    _, writer = await connected(served, limit=1_024)
    writer.write(asking(served, connection))
    await until(lambda: connections.open == 1)
    await until(lambda: connections.open == 0)
    writer.close()


async def test_who_takes_an_answer_slowly_but_steadily_gets_all_of_it(served: Gateway) -> None:
    reader, writer = await connected(served, limit=1_024)
    writer.write(asking(served, "close"))
    taken = 0
    async with asyncio.timeout(20):
        while some := await reader.read(20_000):
            taken += len(some)
            if taken < 400_000:
                await asyncio.sleep(SECONDS / 10)
    writer.close()

    assert taken > 500_000
