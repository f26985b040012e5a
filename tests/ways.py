"""The ways by which something is asked of a gateway and told by it, each as all the bytes that come back."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any
from uuid import uuid4

import orjson
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.hierarchy import World
from tests.listening import token
from tests.live import PROTOCOL
from tests.transports import JSON, MULTIPART, RESPONSE, SSE, Gateway

Way = Callable[[Gateway, World], Awaitable[bytes]]
"""By which something is asked, and answered with bytes."""


def posted(query: str, accept: str) -> Way:
    async def way(served: Gateway, _world: World) -> bytes:
        answer = await served.ask(query.replace("KEY", uuid4().hex), accept)
        return answer.content + repr(answer.headers).encode()

    return way


def fetched(path: str, **parameters: str) -> Way:
    async def way(served: Gateway, _world: World) -> bytes:
        answer = await served.http.get(path, params=parameters)
        return answer.content + repr(answer.headers).encode()

    return way


def batch(query: str) -> Way:
    async def way(served: Gateway, _world: World) -> bytes:
        return (await served.post([{"query": query}, {"query": query}])).content

    return way


def socket(query: str, until: bytes = b"") -> Way:
    """All frames of a socket that asks once, until it has its answer, is closed, or has been told a certain thing."""

    async def way(served: Gateway, world: World) -> bytes:
        frames = b""
        bearer = f"Bearer {token(served.served, world, 2)}"
        async with connect(f"ws://{served.served.url}/graphql", subprotocols=[PROTOCOL], proxy=None) as opened_:
            try:
                await opened_.send(_message("connection_init", payload={"authorization": bearer}))
                frames += _bytes(await opened_.recv())
                await opened_.send(_message("subscribe", id="1", payload={"query": query.replace("KEY", uuid4().hex)}))
                async for frame in opened_:
                    frames += _bytes(frame)
                    is_over = orjson.loads(frame)["type"] in {"complete", "error"}
                    if is_over or (until and until in frames):
                        break
            except ConnectionClosed:
                pass
        return frames + f"{opened_.close_code} {opened_.close_reason}".encode()

    return way


def _message(kind: str, **more: Any) -> str:
    return orjson.dumps({"type": kind, **more}).decode()


def _bytes(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame


def rest(method: str, path: str, body: Mapping[str, Any] | None = None) -> Way:
    """A request to an endpoint; one that changes something under a key of its own."""

    async def way(served: Gateway, _world: World) -> bytes:
        sent = None if body is None else {**body, "idempotencyKey": uuid4().hex}
        answer = await served.http.request(method, path, json=sent)
        return answer.content + repr(answer.headers).encode()

    return way


def stored(query: str) -> Way:
    """By its id alone, in the address, once it was sent as Apollo's clients do."""
    name = sha256(query.encode()).hexdigest()

    async def way(served: Gateway, _world: World) -> bytes:
        await served.ask(query, extensions={"persistedQuery": {"version": 1, "sha256Hash": name}})
        answer = await served.http.get(f"/graphql/{name}")
        return answer.content + repr(answer.headers).encode()

    return way


def ways(query: str) -> dict[str, Way]:
    """Every way to ask something that one may also ask by GET, each in every form of its answer."""
    deferred = f"{{ ... @defer {query} }}"
    streamed = query.replace("nodes {", "nodes @stream(initialCount: 1) {")
    return {
        "json": posted(query, JSON),
        "response": posted(query, RESPONSE),
        "get": fetched("/graphql", query=query),
        "stored": stored(query),
        "batch": batch(query),
        "sse": posted(query, SSE),
        "multipart": posted(query, MULTIPART),
        "deferred, multipart": posted(deferred, MULTIPART),
        "deferred, sse": posted(deferred, SSE),
        "streamed, multipart": posted(streamed, MULTIPART),
        "streamed, sse": posted(streamed, SSE),
        "deferred, not asked for": posted(deferred, JSON),
        "socket": socket(query),
        "deferred, socket": socket(deferred),
    }
