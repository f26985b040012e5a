"""The same operations by every transport: the same answers, in each transport's own frames; live updates over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from edge.protocols.settings import ProtocolSettings
from tests.databases import Databases
from tests.hierarchy import World
from tests.live import client
from tests.transports import JSON, MULTIPART, RESPONSE, SSE, Gateway, bearer_of, events, gateway, parts

LIVE = "subscription { accountChanged { account { id } } }"
APOLLO_LIVE = 'multipart/mixed;boundary="graphql";subscriptionSpec=1.0, application/json'
RENAME = (
    'mutation {{ a: accountUpdate(input: {{account: "acc_8", externalId: "one", expectedVersion: {version},'
    ' idempotencyKey: "{key}-00000001"}}) {{ account {{ externalId version }} }}'
    ' b: accountUpdate(input: {{account: "acc_8", externalId: "two", expectedVersion: {next},'
    ' idempotencyKey: "{key}-00000002"}}) {{ account {{ externalId version }} }} }}'
)
"""Changes one object twice: each answer must show what its own change made of it."""
TRANSPORTS = ["json", "response", "get", "sse", "multipart", "socket"]


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    settings = ProtocolSettings(beat_seconds=0.1)
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("transports"), protocols=settings) as served:
        yield served


async def ask(served: Gateway, transport: str, token: str, query: str) -> dict[str, Any]:
    """The one answer to an operation, by a transport."""
    if transport == "socket":
        async with client(served.served, token) as visitor:
            await visitor.send(type="subscribe", id="1", payload={"query": query})
            message = await visitor.next()
            payload = message["payload"]
            return {"errors": payload} if message["type"] == "error" else dict(payload)
    headers = {
        "authorization": f"Bearer {token}",
        "accept": {"response": RESPONSE, "sse": SSE, "multipart": MULTIPART}.get(transport, JSON),
    }
    if transport == "get":
        answer = await served.http.get("/graphql", params={"query": query}, headers=headers)
    else:
        answer = await served.http.post("/graphql", json={"query": query}, headers=headers)
    if answer.headers["content-type"].startswith(SSE):
        (name, body), *rest = events(answer.text)
        assert (name, rest) == ("next", [("complete", None)])
        return dict(body)
    if answer.headers["content-type"].startswith(MULTIPART):
        (body,) = parts(answer)
        assert body.pop("hasNext") is False
        return dict(body)
    return dict(answer.json())


QUERIES = [
    "{ viewer { reach account { id } } }",
    '{ node(id: "acc_1") { id } }',
    "{ viewer { reach } orders { totalCount } }",
    "{ nonsense }",
    "{",
    "query($id: ID!) { node(id: $id) { id } }",
    "query A { viewer { reach } } query B { viewer { reach } }",
    "{ __typename }",
]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("transport", TRANSPORTS[1:])
async def test_every_transport_gives_the_same_answer(served: Gateway, world: World, transport: str, query: str) -> None:
    token = bearer_of(served, world, "SERVICE_USER", 7)
    by_json = await ask(served, "json", token, query)

    assert await ask(served, transport, token, query) == by_json
    assert by_json.keys() & {"data", "errors"}


@pytest.mark.parametrize("transport", [each for each in TRANSPORTS if each != "get"])
async def test_each_change_of_an_operation_answers_with_what_it_did(
    served: Gateway, world: World, transport: str
) -> None:
    token = bearer_of(served, world, "ADMINISTRATOR", 2)
    known = await ask(served, "json", token, '{ account(id: "acc_8") { version } }')
    version = known["data"]["account"]["version"]
    renaming = RENAME.format(key=f"rename-{transport}", version=version, next=version + 1)
    answer = await ask(served, transport, token, renaming)

    assert [answer["data"][each]["account"] for each in "ab"] == [
        {"externalId": "one", "version": version + 1},
        {"externalId": "two", "version": version + 2},
    ]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_defect_is_masked_by_every_transport(
    served: Gateway, world: World, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = bearer_of(served, world, "ADMINISTRATOR", 2)

    def defect(*_given: object) -> None:
        raise RuntimeError("canary-7f3a at /srv/x password=hunter2")

    monkeypatch.setattr(served.served.service.store, "reader", defect)
    answer = await ask(served, transport, token, "{ viewer { reach } }")

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL"]
    assert "requestId" in answer["errors"][0]["extensions"]
    assert "canary" not in str(answer)
    assert "hunter2" not in str(answer)


DEFERRED = """
query { viewer { reach ...Slow @defer(label: "slow") } }
fragment Slow on Viewer { account { id children(first: 3) { nodes @stream(initialCount: 1) { id } } } }
"""
WHOLE = {
    "viewer": {
        "reach": "SUBTREE",
        "account": {"id": "acc_2", "children": {"nodes": [{"id": "acc_3"}, {"id": "acc_7"}, {"id": "acc_8"}]}},
    }
}


async def in_parts(served: Gateway, accept: str, query: str = DEFERRED) -> list[dict[str, Any]]:
    answer = await served.ask(query, accept)
    if answer.headers["content-type"].startswith(SSE):
        *found, end = events(answer.text)
        assert end == ("complete", None)
        return [body for _, body in found]
    return [dict(part) for part in parts(answer)]


@pytest.mark.parametrize("transport", ["json", "response", "get", "socket"])
async def test_who_asks_for_no_parts_is_given_a_whole_answer(served: Gateway, world: World, transport: str) -> None:
    answer = await ask(served, transport, bearer_of(served, world, "ADMINISTRATOR", 2), DEFERRED)

    assert answer == {"data": WHOLE}


@pytest.mark.parametrize(
    "accept",
    [SSE, MULTIPART, f"{JSON}, {MULTIPART}", f"{MULTIPART};deferSpec=20220824, {JSON}", f"{SSE};q=0.1, {JSON}"],
)
async def test_who_asks_for_parts_can_put_the_answer_together(served: Gateway, accept: str) -> None:
    first, *rest = await in_parts(served, accept)
    data = first["data"]
    assert (data, first["hasNext"], rest[-1]["hasNext"]) == ({"viewer": {"reach": "SUBTREE"}}, True, False)
    for entry in (entry for each in rest for entry in each.get("incremental", ())):
        *path, last = entry["path"]
        target = data
        for key in path:
            target = target[key]
        if "items" in entry:
            assert last == len(target)
            target.extend(entry["items"])
        else:
            target[last].update(entry["data"])

    assert data == WHOLE


async def test_who_takes_anything_has_asked_for_no_parts(served: Gateway) -> None:
    answer = await served.ask(DEFERRED, "*/*")

    assert answer.json() == {"data": WHOLE}


async def test_what_is_not_deferred_after_all_is_a_whole_answer(served: Gateway) -> None:
    query = "query($late: Boolean!) { viewer { ... @defer(if: $late) { reach } } }"
    answer = await served.ask(query, f"{JSON}, {MULTIPART}", variables={"late": False})

    assert answer.json() == {"data": {"viewer": {"reach": "SUBTREE"}}}


@pytest.mark.parametrize("accept", [SSE, MULTIPART])
async def test_a_refusal_within_a_part_has_its_code_and_path(served: Gateway, world: World, accept: str) -> None:
    member = {"authorization": f"Bearer {bearer_of(served, world, 'SERVICE_USER', 7)}", "accept": accept}
    query = {"query": "{ viewer { reach } ... @defer { orders { totalCount } } }"}
    answer = await served.http.post("/graphql", json=query, headers=member)
    found = [body for _, body in events(answer.text)] if accept == SSE else parts(answer)
    errors = [
        error
        for body in found
        for entry in [*((body or {}).get("incremental") or ()), *((body or {}).get("completed") or ())]
        for error in entry.get("errors", ())
    ]

    assert {(error["extensions"]["code"], *error["path"]) for error in errors} == {("FORBIDDEN", "orders")}


# Nothing is remembered from one operation to the next


async def test_each_operation_and_each_event_of_a_socket_sees_what_is_there(served: Gateway, world: World) -> None:
    token = bearer_of(served, world, "ADMINISTRATOR", 2)
    query = '{ account(id: "acc_7") { externalId version } }'
    async with client(served.served, token) as visitor:
        await visitor.subscribe('subscription { accountChanged(id: "acc_7") { account { externalId } } }', "live")
        for name in ("first", "second", "third"):
            version = (await ask(served, "json", token, query))["data"]["account"]["version"]
            change = (
                f'mutation {{ accountUpdate(input: {{account: "acc_7", externalId: "{name}",'
                f' expectedVersion: {version}, idempotencyKey: "stale-{name}"}}) {{ currentVersion }} }}'
            )
            await ask(served, "json", token, change)
            assert await visitor.data("live") == {"account": {"externalId": name}}
            await visitor.send(type="subscribe", id="now", payload={"query": query})
            assert (await visitor.data("now"))["externalId"] == name
            assert (await visitor.next())["type"] == "complete"


async def test_answers_of_many_at_once_are_not_mixed_up(served: Gateway, world: World) -> None:
    tokens = {account_id: bearer_of(served, world, "ADMINISTRATOR", account_id) for account_id in (1, 2, 3, 4)}

    async def own(account_id: int, accept: str) -> tuple[int, httpx.Response]:
        headers = {"authorization": f"Bearer {tokens[account_id]}", "accept": accept}
        query = {"query": "{ viewer { account { id } } }"}
        return account_id, await served.http.post("/graphql", json=query, headers=headers)

    answers = await asyncio.gather(*(own(each, accept) for each in tokens for accept in (JSON, SSE, MULTIPART) * 3))
    assert all(f'"id":"acc_{account_id}"' in answer.text for account_id, answer in answers)
