"""Several operations in one request, where the operator allows that: each is answered as if it had come alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from graphql import OperationType

from edge.execution import Prepared
from edge.protocols.settings import ProtocolSettings
from tests.databases import Databases
from tests.hierarchy import World
from tests.transports import JSON, SSE, Gateway, code, gateway

REACH = {"query": "{ viewer { reach } }"}


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    settings = ProtocolSettings(batch=3)
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("batch"), protocols=settings) as served:
        yield served


def change(name: str, version: int) -> dict[str, Any]:
    query = (
        f'mutation {{ accountUpdate(input: {{account: "acc_8", externalId: "{name}", expectedVersion: {version},'
        f' idempotencyKey: "batch-{name}"}}) {{ account {{ externalId }} }} }}'
    )
    return {"query": query}


async def test_each_operation_has_its_own_answer_in_its_place(served: Gateway) -> None:
    answer = await served.post([REACH, {"query": "{ nonsense }"}, REACH], JSON)
    first, second, third = answer.json()

    assert answer.status_code == 200
    assert first == third == {"data": {"viewer": {"reach": "SUBTREE"}}}
    assert (second.keys(), second["errors"][0]["extensions"]["code"]) == ({"errors"}, "GRAPHQL_VALIDATION_FAILED")


async def test_they_are_answered_one_after_the_other(served: Gateway) -> None:
    query = {"query": '{ account(id: "acc_8") { externalId } }'}
    first, between, second = (await served.post([change("one", 1), query, change("two", 2)])).json()

    assert first["data"]["accountUpdate"]["account"] == {"externalId": "one"}
    assert between["data"]["account"] == {"externalId": "one"}
    assert second["data"]["accountUpdate"]["account"] == {"externalId": "two"}


async def test_a_live_operation_is_none_of_several(served: Gateway) -> None:
    listening = {"query": "subscription { accountChanged { kind } }"}
    refused, answered = (await served.post([listening, REACH], f"{SSE}, {JSON}")).json()

    assert refused["errors"][0]["extensions"]["code"] == "NOT_ACCEPTABLE"
    assert answered == {"data": {"viewer": {"reach": "SUBTREE"}}}


async def test_a_defect_is_masked_and_its_own(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*_given: object) -> None:
        raise RuntimeError("canary-7f3a")

    monkeypatch.setattr(served.served.service.store, "reader", defect)
    answer = await served.post([REACH, REACH])

    assert [each["errors"][0]["extensions"]["code"] for each in answer.json()] == ["INTERNAL", "INTERNAL"]
    assert "canary" not in answer.text


@pytest.mark.parametrize("many", [[], [REACH] * 4, [REACH, None], [REACH, [REACH]], [5], [{}]])
async def test_what_is_no_such_array_is_a_bad_request(served: Gateway, many: Any) -> None:
    answer = await served.post(many)

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


async def test_who_leaves_ends_what_asks_and_nothing_of_what_changes(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, done, broken_off = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(_service: object, prepared: Prepared, _context: object) -> None:
        begun.set()
        try:
            await asyncio.sleep(0.3 if prepared.kind is OperationType.MUTATION else 30)
        except asyncio.CancelledError:
            broken_off.set()
            raise
        done.set()
        raise RuntimeError("enough")

    monkeypatch.setattr("edge.execution._execute", slow)
    asking = asyncio.create_task(served.post([change("left", 3), REACH, REACH]))
    async with asyncio.timeout(5):
        await begun.wait()
        asking.cancel()
        await done.wait()
        assert not broken_off.is_set()
        await broken_off.wait()
