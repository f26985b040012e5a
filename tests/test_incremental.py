"""Answers in parts: `@defer` and `@stream`, for clients that ask for them; one whole answer for all others."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

import edge.parts as parts_module
from edge.execution import context_of
from edge.limits.budget import Reservation
from edge.limits.sharing import TellCost
from models.store import StoreAwayError
from schema import executor
from schema.execution.parts import in_parts
from tests.databases import Databases
from tests.hierarchy import World
from tests.live import until
from tests.sharing import WIDE
from tests.transports import MULTIPART, SSE, Gateway, code, events, gateway

DEFERRED = """
    query Q($first: Int = 3, $later: Boolean = true) {
        viewer { reach ... @defer(if: $later, label: "account") { account { name } } }
        accounts(first: $first) { nodes { id ...Users @defer(label: "users") } }
    }
    fragment Users on Account { users(first: 2) { nodes { id login } } }
"""
STREAMED = '{ accounts(first: 5) { nodes @stream(initialCount: 2, label: "rest") { id name } totalCount } }'


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    sharing = replace(WIDE, tell_cost=TellCost.ALWAYS)
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("incremental"), sharing=sharing) as made:
        yield made


def parts_of(text: str) -> list[dict[str, Any]]:
    """The parts of a multipart answer with the boundary `-`."""
    found = [part for part in text.replace("\r\n", "\n").split("\n---") if "{" in part]
    return [orjson.loads(part[part.index("{") : part.rindex("}") + 1]) for part in found]


async def parts(served: Gateway, query: str, **variables: Any) -> list[dict[str, Any]]:
    """The parts of an answer."""
    answer = await served.ask(query, MULTIPART, variables=variables)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("multipart/mixed"), answer.text
    return parts_of(answer.text)


def put_together(found: list[dict[str, Any]]) -> Any:
    """The whole answer's data, as a client makes it of the parts."""
    first, *later = found
    data = first["data"]
    pending = {each["id"]: each for each in first.get("pending", ())}
    for part in later:
        pending |= {each["id"]: each for each in part.get("pending", ())}
        for each in part.get("incremental", ()):
            place: Any = data
            for step in [*pending[each["id"]]["path"], *each.get("subPath", ())]:
                place = place[step]
            if "items" in each:
                place += each["items"]
            else:
                _merge(place, each["data"])
        for done in part.get("completed", ()):
            del pending[done["id"]]
    assert not pending, "everything that was announced is told to its end"
    return data


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


async def whole(served: Gateway, query: str, **variables: Any) -> Any:
    """The data of one whole answer."""
    answer = (await served.ask(query, "application/json", variables=variables)).json()
    assert "errors" not in answer, answer
    return answer["data"]


@pytest.mark.parametrize("query", [DEFERRED, STREAMED])
async def test_the_parts_of_an_answer_make_the_whole_one(served: Gateway, query: str) -> None:
    found = await parts(served, query)

    assert len(found) > 1
    assert [part["hasNext"] for part in found] == [True] * (len(found) - 1) + [False]
    assert put_together(found) == await whole(served, query)


async def test_the_first_part_is_told_without_what_was_deferred_and_names_what_comes(served: Gateway) -> None:
    first, *later = await parts(served, DEFERRED)

    assert first["data"]["viewer"].keys() == {"reach"}
    assert all(node.keys() == {"id"} for node in first["data"]["accounts"]["nodes"])
    assert {each.get("label") for each in first["pending"]} == {"account", "users"}
    assert {each["id"] for part in later for each in part["completed"]} == {each["id"] for each in first["pending"]}


async def test_a_stream_begins_with_as_many_items_as_were_asked_for(served: Gateway) -> None:
    first, *_ = await parts(served, STREAMED)
    assert len(first["data"]["accounts"]["nodes"]) == 2
    assert first["pending"][0]["path"] == ["accounts", "nodes"]


async def test_what_costs_is_told_with_the_last_part_and_is_no_more_than_the_estimate(served: Gateway) -> None:
    for query in (DEFERRED, STREAMED):
        *before, last = await parts(served, query)
        cost = last["extensions"]["cost"]
        assert not any("extensions" in part for part in before)
        assert 5 <= cost["actualQueryCost"] <= cost["requestedQueryCost"]


async def test_in_parts_an_answer_costs_what_it_does_as_a_whole_by_graphql_core(served: Gateway) -> None:
    *_, last = await parts(served, STREAMED)
    data = await whole(served, STREAMED)
    assert last["extensions"]["cost"]["actualQueryCost"] == len(data["accounts"]["nodes"]) + 5


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json", None])
async def test_nothing_is_deferred_for_who_does_not_take_parts(served: Gateway, accept: str | None) -> None:
    answer = await served.ask(DEFERRED, accept)
    body = answer.json()
    assert body.keys() == {"data", "extensions"}
    assert "hasNext" not in body
    assert body["data"]["viewer"]["account"]["name"]
    assert answer.headers["x-executor"] == "plan"


async def test_where_nothing_is_active_one_plain_answer_is_told_to_who_would_take_parts(served: Gateway) -> None:
    query = "query($later: Boolean!) { viewer { reach ... @defer(if: $later) { account { name } } } }"
    answer = await served.ask(query, f"{MULTIPART}, application/json;q=0.9", variables={"later": False})
    (only,) = parts_of(answer.text) if answer.headers["content-type"].startswith(MULTIPART) else [answer.json()]
    assert only["data"]["viewer"]["account"]["name"]
    assert not only.get("hasNext")


async def test_over_server_sent_events_each_part_is_an_event(served: Gateway) -> None:
    answer = await served.ask(DEFERRED, SSE)
    *told, last = events(answer.text)

    assert last == ("complete", None)
    assert {name for name, _ in told} == {"next"}
    assert put_together([data for _, data in told]) == await whole(served, DEFERRED)


RENAME = """
    mutation { a: accountUpdate(input: {account: "acc_8", externalId: "a", expectedVersion: %d, idempotencyKey: "%s-1"})
        { account { externalId ... @defer(label: "late") { id users(first: 1) { nodes { id } } } } }
    b: accountUpdate(input: {account: "acc_8", externalId: "b", expectedVersion: %d, idempotencyKey: "%s-2"})
        { account { externalId version } } }
"""
VERSION = '{ account(id: "acc_8") { version externalId } }'


async def test_of_a_change_too_parts_are_told_once_it_is_done(served: Gateway) -> None:
    version = (await whole(served, VERSION))["account"]["version"]
    first, *later = await parts(served, RENAME % (version, "in-parts", version + 1, "in-parts"))

    assert first["data"] == {
        "a": {"account": {"externalId": "a"}},
        "b": {"account": {"externalId": "b", "version": version + 2}},
    }
    assert put_together([first, *later])["a"]["account"].keys() == {"externalId", "id", "users"}
    assert await whole(served, VERSION) == {"account": {"version": version + 2, "externalId": "b"}}
    assert later[-1]["extensions"]["cost"]["actualQueryCost"] >= 20


async def test_a_change_comes_to_its_end_though_nobody_takes_its_parts(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    def noted(*given: Any) -> Any:
        begun.set()
        return context_of(*given)

    monkeypatch.setattr(parts_module, "context_of", noted)
    version = (await whole(served, VERSION))["account"]["version"]
    query = RENAME % (version, "leaving", version + 1, "leaving")
    asking = asyncio.create_task(served.ask(query, MULTIPART))
    async with asyncio.timeout(5):
        await begun.wait()
    asking.cancel()

    for _ in range(500):
        if (await whole(served, VERSION))["account"]["version"] == version + 2:
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("it did not come to its end")


# What goes wrong


async def test_an_error_in_a_part_is_told_with_it_and_has_a_code(served: Gateway) -> None:
    query = """{ viewer { reach ... @defer { account { children(first: -1) { totalCount } } } } }"""
    _first, *later = await parts(served, query)
    (error,) = [e for part in later for each in part.get("incremental", ()) for e in each.get("errors", ())]

    assert error["extensions"]["code"] == "INVALID_ARGUMENT"
    assert error["path"] == ["viewer", "account", "children"]


async def test_a_defect_in_a_part_is_masked(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    field: Any = executor.schema.type_map["Account"].fields["name"]  # type: ignore[attr-defined]  # it has fields

    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError("canary at /srv/x password=hunter2")

    monkeypatch.setattr(field, "resolve", broken)
    answer = await served.ask("{ viewer { reach ... @defer { account { name } } } }", MULTIPART)

    assert "canary" not in answer.text
    assert "hunter2" not in answer.text
    (error,) = [
        error
        for part in parts_of(answer.text)
        for each in [*part.get("incremental", ()), *part.get("completed", ())]
        for error in each.get("errors", ())
    ]
    assert error["extensions"]["code"] == "INTERNAL"
    assert error["extensions"]["requestId"]


async def _failing(served: Gateway, monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> list[dict[str, Any]]:
    """The parts of an answer that fails, or takes for ever, after its first part."""
    found = in_parts

    async def stops(*arguments: Any, **named: Any) -> Any:
        async for part in found(*arguments, **named):
            yield part
            if error is not None:
                raise error
            await asyncio.Event().wait()

    monkeypatch.setattr(parts_module, "in_parts", stops)
    return await parts(served, DEFERRED)


@pytest.mark.parametrize(("error", "code"), [
    (RuntimeError("canary"), "INTERNAL"),
    (StoreAwayError("canary"), "UNAVAILABLE"),
])  # fmt: skip  # a table
async def test_what_was_announced_is_ended_with_an_error_when_everything_fails(
    served: Gateway, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    first, last = await _failing(served, monkeypatch, error)

    assert {each["id"] for each in last["completed"]} == {each["id"] for each in first["pending"]}
    assert {each["errors"][0]["extensions"]["code"] for each in last["completed"]} == {code}
    assert "canary" not in orjson.dumps(last).decode()
    assert last["hasNext"] is False


async def test_what_takes_too_long_is_ended_and_costs_its_estimate(
    sqlite_databases: Databases, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(WIDE, tell_cost=TellCost.ALWAYS, request_seconds=1)
    async with gateway(sqlite_databases, world, tmp_path, sharing=settings) as served:
        first, last = await _failing(served, monkeypatch, None)
    cost = last["extensions"]["cost"]

    assert first["data"]
    assert {each["errors"][0]["extensions"]["code"] for each in last["completed"]} == {"TIMEOUT"}
    assert cost["actualQueryCost"] == cost["requestedQueryCost"]


@pytest.mark.parametrize(("error", "status", "code"), [
    (RuntimeError("canary"), 500, "INTERNAL"),
    (StoreAwayError("canary"), 503, "UNAVAILABLE"),
])  # fmt: skip  # a table
async def test_what_fails_before_its_first_part_is_told_as_for_any_operation(
    served: Gateway, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
) -> None:
    async def fails(*_: Any, **__: Any) -> Any:
        raise error
        yield

    monkeypatch.setattr(parts_module, "in_parts", fails)
    answer = await served.ask(DEFERRED, f"{MULTIPART}, application/json;q=0.9")
    assert answer.status_code == status
    assert "canary" not in answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] == code


async def test_what_takes_too_long_to_begin_is_told_as_a_whole_answer(
    sqlite_databases: Databases, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def waits(*_: Any, **__: Any) -> Any:
        await asyncio.Event().wait()
        yield

    monkeypatch.setattr(parts_module, "in_parts", waits)
    async with gateway(sqlite_databases, world, tmp_path, sharing=replace(WIDE, request_seconds=1)) as served:
        answer = (await served.ask(DEFERRED, f"{MULTIPART}, application/json;q=0.9")).text
    assert '"TIMEOUT"' in answer
    assert '"hasNext":true' not in answer


@pytest.mark.parametrize("query", [
    "mutation { ... @defer { accountUpdate(input: {}) { userErrors { code } } } }",
    "{ viewer { reach @stream } }",
    "{ viewer { ... @defer(label: \"a\") { reach } } accounts { nodes @stream(label: \"a\") { id } } }",
    "query($a: String) { viewer { ... @defer(label: $a) { reach } } }",
])  # fmt: skip  # a table
async def test_what_can_not_be_told_in_parts_is_refused(served: Gateway, query: str) -> None:
    assert code(await served.ask(query)) == "GRAPHQL_VALIDATION_FAILED"


async def test_who_stops_taking_parts_stops_the_work_and_has_spent_what_it_might_have_cost(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, is_over = in_parts, asyncio.Event()
    estimate = (await parts(served, DEFERRED))[-1]["extensions"]["cost"]["requestedQueryCost"]
    spent: list[int] = []

    def settled(_reservation: Reservation, actual: int) -> None:
        spent.append(actual)

    monkeypatch.setattr(Reservation, "settle", settled)

    async def endless(*arguments: Any, **named: Any) -> Any:
        async for part in found(*arguments, **named):
            yield part
            try:
                await asyncio.Event().wait()
            finally:
                is_over.set()

    monkeypatch.setattr(parts_module, "in_parts", endless)
    request = served.http.build_request("POST", "/graphql", json={"query": DEFERRED}, headers={"accept": MULTIPART})
    answer = await served.http.send(request, stream=True)
    assert await anext(answer.aiter_bytes())
    assert not is_over.is_set()
    await answer.aclose()
    async with asyncio.timeout(10):
        await is_over.wait()
    await until(lambda: bool(spent))
    assert spent == [estimate]
