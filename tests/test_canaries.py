"""A defect anywhere is told nowhere: whatever raises it, and by whatever an answer leaves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests.canary import PlantedError, assert_silent
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import ACCOUNTS, happens, token
from tests.live import PROTOCOL
from tests.templates import opened
from tests.transports import JSON, MULTIPART, RESPONSE, SSE, Gateway, gateway

QUERY = "{ viewer { account { name parent { name } } } accounts { totalCount nodes { name } } }"
DEFERRED = "{ accounts { nodes { id ... @defer { name parent { name } } } } }"
STREAMED = "{ accounts { nodes @stream(initialCount: 1) { id name parent { name } } } }"
CHANGE = (
    'mutation { accountUpdate(input: {account: "acc_8", externalId: "x", expectedVersion: 1,'
    ' idempotencyKey: "canaries-KEY"}) { account { name } } }'
)
"""What is done once is not done again under the same key."""
CUSTOMER = {"vendor": "acc_2", "name": "A customer"}
WHERE = [
    "resolvers.context.Context.tuples",  # whatever asks the database
    "resolvers.context.Context.__init__",
    "resolvers.callers.Callers.behind",
    "edge.operations.preparing.prepared",
    "edge.documents.reading.Reading.read",
    "edge.documents.resolving.Documents.resolve",
    "edge.limits.budget.Budget.reserve",
    "resolvers.run.Run.once",
    "schema.execution.documents.Executor.run",
    "schema.limits.cost.Estimator.estimate",
]


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("canaries")) as made:
        yield made


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


def socket(query: str) -> Way:
    """All frames of a socket that asks once, until it has its answer or is closed."""

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
                    if orjson.loads(frame)["type"] in {"complete", "error"}:
                        break
            except ConnectionClosed:
                pass
        return frames + f"{opened_.close_code} {opened_.close_reason}".encode()

    return way


def _message(kind: str, **more: Any) -> str:
    return orjson.dumps({"type": kind, **more}).decode()


def _bytes(frame: str | bytes) -> bytes:
    return frame.encode() if isinstance(frame, str) else frame


def rest(method: str, path: str) -> Way:
    async def way(served: Gateway, _world: World) -> bytes:
        answer = await served.http.request(
            method, path, json=CUSTOMER | {"idempotencyKey": uuid4().hex} if method == "POST" else None
        )
        return answer.content + repr(answer.headers).encode()

    return way


WAYS: dict[str, Way] = {
    "json": posted(QUERY, JSON),
    "response": posted(QUERY, RESPONSE),
    "change": posted(CHANGE, RESPONSE),
    "get": fetched("/graphql", query=QUERY),
    "batch": batch(QUERY),
    "sse": posted(QUERY, SSE),
    "multipart": posted(QUERY, MULTIPART),
    "deferred, multipart": posted(DEFERRED, MULTIPART),
    "deferred, sse": posted(DEFERRED, SSE),
    "streamed, multipart": posted(STREAMED, MULTIPART),
    "streamed, sse": posted(STREAMED, SSE),
    "deferred, not asked for": posted(DEFERRED, JSON),
    "socket": socket(QUERY),
    "deferred, socket": socket(DEFERRED),
    "change, socket": socket(CHANGE),
    "rest": rest("GET", "/api/accounts"),
    "rest, one": rest("GET", "/api/accounts/acc_2"),
    "rest, change": rest("POST", "/api/customers"),
    "openapi": rest("GET", "/api/openapi.json"),
}


def plant(monkeypatch: pytest.MonkeyPatch, where: str) -> list[str]:
    """Have something fail as only a defect does; what is returned tells how often it did."""
    failed: list[str] = []

    def defect(*_given: object, **_named: object) -> Any:
        failed.append(where)
        raise PlantedError

    monkeypatch.setattr(where, defect)
    return failed


@pytest.mark.parametrize("where", WHERE)
async def test_a_defect_is_told_by_no_way(
    served: Gateway, world: World, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = set()
    for name, way in WAYS.items():
        with monkeypatch.context() as patch:
            failed = plant(patch, where)
            told = await way(served, world)
        assert_silent(told)
        if failed:
            reached.add(name)
            assert b"INTERNAL" in told or b"1013" in told, (name, told[:500])

    assert reached, where


@pytest.mark.parametrize("way", ["sse", "multipart", "socket"])
async def test_a_defect_in_an_event_is_told_by_no_way(
    served: Gateway, world: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What listens has begun by the time: the defect is in what it is told."""
    live: Way = socket(ACCOUNTS) if way == "socket" else posted(ACCOUNTS, {"sse": SSE}.get(way, MULTIPART))
    planted = plant(monkeypatch, "resolvers.listener.Listener._look")
    listening = asyncio.ensure_future(live(served, world))
    async with opened(served.database_url) as store:
        while not listening.done() and not planted:
            await asyncio.sleep(0.05)
            await happens(store, 2)
    told = await asyncio.wait_for(listening, 10)

    assert planted
    assert b"INTERNAL" in told
    assert_silent(told)


@pytest.mark.parametrize("path", ["/auth/token", "/auth/link", "/auth/forgotten", "/auth/revoke"])
async def test_a_defect_of_signing_in_is_told_by_no_answer(
    served: Gateway, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, "edge.auth._form")
    answer = await served.http.post(path, data={"grant_type": "password"})

    assert answer.status_code == 500
    assert answer.json()["errors"][0]["extensions"].keys() == {"code", "requestId"}
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert_silent(answer.content)
