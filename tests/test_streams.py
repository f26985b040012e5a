"""Streams over HTTP: Server-Sent Events and multipart, live updates by them, and clients that leave or take nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import Request

from edge.protocols.settings import ProtocolSettings
from edge.protocols.stream import GoneError, waiting
from models.store import StoreError
from resolvers.errors import UnauthenticatedError
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import happens
from tests.live import until
from tests.templates import opened
from tests.test_sockets import small_socket
from tests.transports import JSON, SSE, Gateway, bearer_of, code, events, gateway, parted, parts, silence, told

LIVE = "subscription { accountChanged { account { id } } }"
APOLLO_LIVE = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0, application/json'
CHANGE = (
    'mutation { accountUpdate(input: {account: "acc_8", externalId: "one", expectedVersion: 1,'
    ' idempotencyKey: "leaving-0001"}) { currentVersion } }'
)


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    settings = ProtocolSettings(beat_seconds=0.1)
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("streams"), protocols=settings) as served:
        yield served


# Server-Sent Events


async def test_a_head_request_does_not_listen(served: Gateway) -> None:
    answer = await served.http.head("/graphql", params={"query": LIVE}, headers={"accept": SSE})

    assert answer.status_code == 406


async def test_a_stream_ends_when_its_caller_may_not_stay(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(*_given: object, **_how: object) -> None:
        raise UnauthenticatedError("You were signed out.")

    async with served.http.stream("POST", "/graphql", headers={"accept": SSE}, json={"query": LIVE}) as answer:
        stream = told(answer)
        await anext(stream)
        monkeypatch.setattr(served.served.service.hub.callers, "behind", nobody)
        async with opened(served.database_url) as store:
            await happens(store, 3)
        found = [event async for event in stream if event[0]]

    assert [name for name, _ in found] == ["next", "complete"]
    assert found[0][1]["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_event_stream_is_what_its_protocol_says(served: Gateway) -> None:
    answer = await served.ask("{ viewer { reach } }", SSE)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-store", "no")
    assert (
        answer.text == ': \n\nevent: next\ndata: {"data":{"viewer":{"reach":"SUBTREE"}}}\n\nevent: complete\ndata:\n\n'
    )


@pytest.mark.parametrize(
    "query", ["{", "{ nonsense }", "query A { __typename } query B { __typename }", "subscription { x }"]
)
async def test_errors_of_a_document_are_told_in_the_stream(served: Gateway, query: str) -> None:
    answer = await served.ask(query, SSE)
    (name, body), end = events(answer.text)

    assert (answer.status_code, name, end) == (200, "next", ("complete", None))
    assert body.keys() == {"errors"}


async def test_who_may_not_or_cannot_is_told_by_a_status(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = await served.post({"query": "{ viewer { reach } }"}, SSE, authorization="")
    assert (stranger.status_code, code(stranger)) == (401, "UNAUTHENTICATED")
    malformed = await served.post(b"{", SSE)
    assert (malformed.status_code, code(malformed)) == (400, "BAD_REQUEST")

    def gone(*_given: object) -> None:
        raise StoreError("the database is away")

    monkeypatch.setattr(served.served.service.store, "reader", gone)
    away = await served.ask("{ viewer { reach } }", SSE)
    assert (away.status_code, code(away), away.headers["retry-after"]) == (503, "UNAVAILABLE", "1")


async def test_single_connection_mode_is_not_spoken(served: Gateway) -> None:
    answer = await served.http.put("/graphql", headers={"accept": SSE})

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


async def test_events_are_told_as_they_happen(served: Gateway) -> None:
    for method in ("POST", "GET"):
        given: dict[str, Any] = {"json": {"query": LIVE}} if method == "POST" else {"params": {"query": LIVE}}
        async with served.http.stream(method, "/graphql", headers={"accept": SSE}, **given) as answer:
            stream = told(answer)
            assert await anext(stream) == ("", None)
            async with opened(served.database_url) as store:
                for account_id in (3, 4):
                    await happens(store, account_id)
                    while (event := await anext(stream)) == ("", None):
                        pass
                    assert event == ("next", {"data": {"accountChanged": {"account": {"id": f"acc_{account_id}"}}}})


async def test_events_are_told_on_either_engine(
    databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with gateway(databases, world, tmp_path_factory.mktemp("engines")) as served:
        for accept, read in ((SSE, told), (APOLLO_LIVE, parted)):
            given: dict[str, Any] = {"headers": {"accept": accept}, "json": {"query": LIVE}}
            async with served.http.stream("POST", "/graphql", **given) as answer:
                stream = read(answer)
                async with opened(served.database_url) as store:
                    await happens(store, 3)
                while "acc_3" not in str(await anext(stream)):
                    pass


async def test_while_nothing_happens_the_connection_is_kept(served: Gateway) -> None:
    async with served.http.stream("POST", "/graphql", headers={"accept": SSE}, json={"query": LIVE}) as answer:
        stream = told(answer)
        assert [await anext(stream) for _ in range(3)] == [("", None)] * 3


async def test_a_client_that_listens_and_leaves_is_forgotten(served: Gateway) -> None:
    hub = served.served.service.hub
    for accept in (SSE, APOLLO_LIVE):
        async with served.http.stream("POST", "/graphql", headers={"accept": accept}, json={"query": LIVE}) as answer:
            await anext(answer.aiter_raw())
            await until(lambda: bool(hub._feeds))
        await until(lambda: not hub._feeds and not hub._members)


async def test_whoever_may_not_listen_any_more_is_told_so_and_the_stream_ends(served: Gateway, world: World) -> None:
    bearer = {"authorization": f"Bearer {bearer_of(served, world, 'SERVICE_USER', 7)}"}
    listening = {"query": "subscription { orderChanged { kind } }"}
    by_events = await served.http.post("/graphql", json=listening, headers={"accept": SSE, **bearer})
    by_parts = await served.http.post("/graphql", json=listening, headers={"accept": APOLLO_LIVE, **bearer})

    (name, body), end = events(by_events.text)
    assert (name, body["errors"][0]["extensions"]["code"], end) == ("next", "FORBIDDEN", ("complete", None))
    (part,) = parts(by_parts)
    assert (part["payload"], part["errors"][0]["extensions"]["code"]) == (None, "FORBIDDEN")


@pytest.mark.parametrize("accept", [SSE, APOLLO_LIVE])
async def test_a_server_that_stops_ends_its_streams_so_that_clients_connect_elsewhere(
    sqlite_databases: Databases,
    world: World,
    tmp_path_factory: pytest.TempPathFactory,
    accept: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    listening: dict[str, Any] = {"headers": {"accept": accept}, "json": {"query": LIVE}}
    async with (
        gateway(sqlite_databases, world, tmp_path_factory.mktemp("ending")) as served,
        served.http.stream("POST", "/graphql", **listening) as answer,
    ):
        chunks = answer.aiter_text()
        text = await anext(chunks)
        with silence(caplog):
            served.served.service.connections.is_ending.set()
            async with asyncio.timeout(5):
                text += "".join([chunk async for chunk in chunks])
            await asyncio.sleep(0.05)

    assert "complete" not in text
    assert not text.endswith("--\r\n")


# Multipart


async def test_events_are_told_in_parts_to_apollo(served: Gateway) -> None:
    headers = {"accept": APOLLO_LIVE}
    async with served.http.stream("POST", "/graphql", headers=headers, json={"query": LIVE}) as answer:
        assert answer.headers["content-type"] == 'multipart/mixed; boundary="graphql"; subscriptionSpec=1.0'
        stream = parted(answer)
        assert await anext(stream) == {}  # nothing has happened yet
        async with opened(served.database_url) as store:
            await happens(store, 3)
        while not (part := await anext(stream)):
            pass
        assert part == {"payload": {"data": {"accountChanged": {"account": {"id": "acc_3"}}}}}


# Whoever leaves


async def test_what_is_given_up_for_two_reasons_is_given_up_once() -> None:
    async def work() -> None:
        with waiting(Request({"type": "http"})) as somebody:
            somebody.give_up()
            somebody.give_up()
            await asyncio.sleep(5)

    with pytest.raises(GoneError):
        await work()
    working = asyncio.current_task()
    assert working is not None
    assert not working.cancelling()


async def test_what_somebody_else_breaks_off_is_broken_off() -> None:
    async def work() -> None:
        with waiting(Request({"type": "http"})):
            await asyncio.sleep(5)

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working


async def test_a_query_is_broken_off_when_its_client_leaves(
    served: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    begun, broken_off = asyncio.Event(), asyncio.Event()

    async def endless(*_given: object) -> None:
        begun.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            broken_off.set()
            raise

    monkeypatch.setattr("edge.execution._execute", endless)
    with silence(caplog):
        for accept in (JSON, SSE):
            begun.clear()
            broken_off.clear()
            asking = asyncio.create_task(served.ask("{ viewer { reach } }", accept))
            async with asyncio.timeout(5):
                await begun.wait()
            asking.cancel()
            async with asyncio.timeout(5):
                await broken_off.wait()
        await asyncio.sleep(0.05)


async def test_a_change_comes_to_its_end_though_its_client_leaves(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def slow(*_given: object) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        done.set()
        raise StoreError("enough")

    monkeypatch.setattr("edge.execution._execute", slow)
    asking = asyncio.create_task(served.ask(CHANGE))
    async with asyncio.timeout(5):
        await begun.wait()
    asking.cancel()
    async with asyncio.timeout(5):
        await done.wait()


async def test_a_client_that_takes_nothing_is_given_up(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = ProtocolSettings(stream_seconds=0.2)
    many = " ".join(f"{'a' * 400}{number}: name" for number in range(25))
    query = f"subscription {{ accountChanged {{ account {{ {many} }} }} }}"
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("slow"), protocols=settings) as served:
        hub = served.served.service.hub
        _reader, writer = await asyncio.open_connection(sock=small_socket(served.served.url), limit=1024)
        body = b'{"query":"' + query.encode() + b'"}'
        head = (
            f"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\naccept: {SSE}\r\n"
            f"content-length: {len(body)}\r\nauthorization: {served.http.headers['authorization']}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await until(lambda: bool(hub._feeds))
        writer.transport.pause_reading()  # type: ignore[attr-defined]  # a transport that reads
        async with opened(served.database_url) as store:
            for _ in range(30):
                await happens(store, 3)
        await until(lambda: not hub._feeds)
        writer.close()
