"""GraphQL over HTTP: the public audits as sentences, methods, statuses; and what is told when something fails.

The audits are those of graphql-http, whose own program `test_clients.py` runs. Each is named by its id there.
"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from edge.protocols.settings import ProtocolSettings, StatusProfile
from models.store import Store, StoreError
from tests.changes import user_of
from tests.databases import Databases
from tests.hierarchy import World
from tests.live import serving
from tests.transports import JSON, RESPONSE, Gateway, code, gateway

TYPENAME = "{ __typename }"
NO_FIELD = "{ 8f31403dfe404bccbb0e835f2629c6a7 }"
TYPE = "query Type($name: String!) { __type(name: $name) { name } }"
UNUSED = {"query": "query CoerceFailure($id: ID!){ __typename }", "variables": {"id": None}}
COERCION = {"query": "query CoerceFailure($id: ID!){ node(id: $id) { id } }", "variables": {"id": None}}
MUTATION = (
    'mutation { accountUpdate(input: {account: "acc_8", expectedVersion: 1, idempotencyKey: "it is gone"})'
    " { currentVersion } }"
)


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("http")) as served:
        yield served


@pytest.fixture(scope="module")
async def draft(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    settings = ProtocolSettings(status_profile=StatusProfile.DRAFT)
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("draft"), protocols=settings) as served:
        yield served


# The audits: media types


@pytest.mark.parametrize(
    ("accept", "given"),
    [(RESPONSE, RESPONSE), (JSON, JSON), ("*/*", JSON), ("", JSON)],
    ids=["22EB", "4655", "47DE", "80D8"],
)
async def test_an_answer_is_of_the_type_that_is_accepted(served: Gateway, accept: str, given: str) -> None:
    answer = await served.ask(TYPENAME, accept)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == f"{given}; charset=utf-8"
    assert orjson.loads(answer.content) == {"data": {"__typename": "Query"}}


async def test_answers_are_utf_8_82a3(served: Gateway) -> None:
    answer = await served.ask('{ __type(name: "é") { name } }')

    assert (answer.status_code, answer.content.decode()) == (200, '{"data":{"__type":null}}')


@pytest.mark.parametrize("content_type", [f"{JSON}; charset=utf-8", f'{JSON};charset="UTF-8"', JSON])
async def test_requests_are_utf_8_bf61_78d5(served: Gateway, content_type: str) -> None:
    body = {"query": '{ __type(name: "Run🏃Swim🏊") { name } }'}
    answer = await served.post(body, content_type=content_type)

    assert answer.status_code == 200


# The audits: requests


async def test_post_is_accepted_2c94_03d4(served: Gateway) -> None:
    assert (await served.ask(TYPENAME)).status_code == 200


async def test_get_is_accepted_5a70(served: Gateway) -> None:
    answer = await served.get(query=TYPENAME)

    assert (answer.status_code, answer.json()) == (200, {"data": {"__typename": "Query"}})


@pytest.mark.parametrize("accept", [JSON, RESPONSE])
async def test_a_mutation_by_get_is_not_allowed_9c48(served: Gateway, accept: str) -> None:
    answer = await served.get(accept, query="mutation { __typename }")

    assert (answer.status_code, answer.headers["allow"], code(answer)) == (405, "POST", "METHOD_NOT_ALLOWED")
    assert "data" not in answer.json()


async def test_a_post_without_a_content_type_is_refused_9abe(served: Gateway) -> None:
    request = served.http.build_request("POST", "/graphql", content=orjson.dumps({"query": TYPENAME}))
    assert "content-type" not in request.headers
    answer = await served.http.send(request)

    assert (answer.status_code, code(answer)) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_post_without_a_body_is_a_bad_request_a5bf(served: Gateway) -> None:
    answer = await served.post(b"")

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


# The audits: parameters


BAD_PARAMETERS: list[tuple[str, dict[str, Any]]] = [
    ("423L", {"notquery": TYPENAME}),
    ("8764, 3E3A", {"qeury": TYPENAME}),
    *((f"LKJ{index}", {"query": bad}) for index, bad in enumerate([{"obj": "ect"}, 0, False, ["array"]])),
    *(
        (f"6C0{index}", {"query": TYPENAME, "operationName": bad})
        for index, bad in enumerate([{"obj": "ect"}, 0, False, ["array"]])
    ),
    *(
        (f"476{index}", {"query": TYPENAME, "variables": bad})
        for index, bad in enumerate(["string", 0, False, ["array"]])
    ),
    *(
        (f"58B{index}", {"query": TYPENAME, "extensions": bad})
        for index, bad in enumerate(["string", 0, False, ["array"]])
    ),
]


@pytest.mark.parametrize("body", [body for _, body in BAD_PARAMETERS], ids=[audit for audit, _ in BAD_PARAMETERS])
@pytest.mark.parametrize("accept", ["", JSON, RESPONSE])
async def test_a_parameter_of_the_wrong_type_is_a_bad_request(
    served: Gateway, body: dict[str, Any], accept: str
) -> None:
    answer = await served.post(body, accept)

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")
    assert "data" not in answer.json()


GOOD_PARAMETERS: list[tuple[str, dict[str, Any]]] = [
    ("34A2, 13EE", {"query": TYPENAME}),
    ("8161, B8B3", {"query": "query Query { __typename }", "operationName": "Query"}),
    ("94B0, 0220", {"query": TYPENAME, "variables": None}),
    ("94B1, 0221", {"query": TYPENAME, "operationName": None}),
    ("94B2, 0222", {"query": TYPENAME, "extensions": None}),
    ("2EA1, 28B9", {"query": TYPE, "variables": {"name": "sometype"}}),
    ("428F, 1B7A", {"query": TYPENAME, "extensions": {"some": "value"}}),
    ("an empty name is none", {"query": TYPENAME, "operationName": ""}),
]


@pytest.mark.parametrize("body", [body for _, body in GOOD_PARAMETERS], ids=[audit for audit, _ in GOOD_PARAMETERS])
@pytest.mark.parametrize("accept", [RESPONSE, JSON])
async def test_a_parameter_of_the_right_type_is_taken(served: Gateway, body: dict[str, Any], accept: str) -> None:
    answer = await served.post(body, accept)

    assert answer.status_code == 200
    assert "errors" not in answer.json()


@pytest.mark.parametrize("accept", [RESPONSE, JSON], ids=["D6D5", "6A70"])
async def test_variables_in_a_url_are_json(served: Gateway, accept: str) -> None:
    answer = await served.get(accept, query=TYPE, variables='{"name": "sometype"}')

    assert (answer.status_code, answer.json()) == (200, {"data": {"__type": None}})


@pytest.mark.parametrize("accept", [JSON, RESPONSE], ids=["B6DC, BCF8", "B7N8"])
async def test_what_is_no_json_is_a_bad_request(served: Gateway, accept: str) -> None:
    answer = await served.post(b'{ "not a JSON', accept)

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


# The audits: what a document that can't be run is answered with


UNRUNNABLE = [
    ("572B", "865D, 556A, D586", {"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    ("FDE2", "51FE, 74FF, 5E5B", {"query": NO_FIELD}, "GRAPHQL_PARSE_FAILED"),
    ("FDE2 as it is meant", "51FE, 74FF, 5E5B as they are meant", {"query": "{ f31403 }"}, "GRAPHQL_VALIDATION_FAILED"),
    ("7B9B", "86EE", UNUSED, "GRAPHQL_VALIDATION_FAILED"),
    ("7B9B as it is meant", "86EE as it is meant", COERCION, "BAD_USER_INPUT"),
    ("no such name", "", {"query": "query A { __typename }", "operationName": "B"}, "OPERATION_RESOLUTION_FAILURE"),
]


@pytest.mark.parametrize(("audit", "_", "body", "why"), UNRUNNABLE, ids=[case[0] for case in UNRUNNABLE])
async def test_elder_clients_are_told_with_200_what_cannot_run(
    served: Gateway, audit: str, _: str, body: dict[str, Any], why: str
) -> None:
    answer = await served.post(body, JSON)

    assert (answer.status_code, code(answer)) == (200, why)
    assert "data" not in answer.json()


@pytest.mark.parametrize(("_", "audit", "body", "why"), UNRUNNABLE, ids=[case[1] or case[0] for case in UNRUNNABLE])
async def test_newer_clients_are_told_with_400_what_cannot_run(
    served: Gateway, _: str, audit: str, body: dict[str, Any], why: str
) -> None:
    answer = await served.post(body, RESPONSE)

    assert (answer.status_code, code(answer)) == (400, why)
    assert "data" not in answer.json()


# Statuses by the newest draft


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        ({"qeury": TYPENAME}, 422),
        ({"query": "{"}, 400),
        ({"query": "{ f31403 }"}, 422),
        (COERCION, 422),
        ({"query": "query A { __typename }", "operationName": "B"}, 422),
        ({"query": TYPENAME}, 200),
    ],
)
async def test_the_draft_has_422_for_what_can_be_read_and_not_run(draft: Gateway, body: Any, status: int) -> None:
    answer = await draft.post(body, RESPONSE)

    assert answer.status_code == status
    assert ("data" in answer.json()) == (status == 200)


async def test_the_draft_has_294_for_an_answer_in_part(draft: Gateway, world: World) -> None:
    query = {"query": "{ viewer { reach } orders { totalCount } }"}
    member = draft.served.token(user_of(world, 7, "SERVICE_USER"), 7)
    newer, elder = [await draft.post(query, accept, authorization=f"Bearer {member}") for accept in (RESPONSE, JSON)]

    assert (newer.status_code, elder.status_code) == (294, 200)
    assert newer.json()["data"] == {"viewer": {"reach": "OWN"}, "orders": None}
    assert code(newer) == "FORBIDDEN"


# Methods


async def test_head_is_answered_as_get_without_a_body(served: Gateway) -> None:
    answer = await served.http.head("/graphql", params={"query": TYPENAME})

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith(JSON)


async def test_options_are_told_to_anybody(served: Gateway) -> None:
    answer = await served.http.options("/graphql", headers={"authorization": ""})

    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "QUERY"])
async def test_other_methods_are_told_those_that_are_allowed(served: Gateway, method: str) -> None:
    answer = await served.http.request(method, "/graphql")

    assert (answer.status_code, code(answer)) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


async def test_where_there_is_nothing_json_says_so(served: Gateway) -> None:
    answer = await served.http.get("/nowhere")

    assert (answer.status_code, answer.json()) == (
        404,
        {"errors": [{"message": "Not Found.", "extensions": {"code": "NOT_FOUND"}}]},
    )
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/graphql/", "/graphiql/", "/api/viewer/", "/auth/token/", "/health/live/"])
async def test_nobody_is_sent_to_another_address(served: Gateway, path: str) -> None:
    for answer in (await served.http.get(path), await served.http.post(path, json={"query": TYPENAME})):
        assert answer.status_code in (404, 405)
        assert "location" not in answer.headers


async def test_empty_parameters_of_a_url_are_none(served: Gateway) -> None:
    answer = await served.get(query=TYPENAME, variables="", operationName="", extensions="")

    assert (answer.status_code, answer.json()) == (200, {"data": {"__typename": "Query"}})


async def test_every_answer_says_what_it_depends_on_and_is_not_stored(served: Gateway) -> None:
    for answer in [
        await served.ask(TYPENAME),
        await served.ask("{"),
        await served.get(query=""),
        await served.post(b""),
    ]:
        assert (answer.headers["vary"], answer.headers["cache-control"]) == ("Accept, Authorization", "no-store")


async def test_strangers_are_told_so_before_their_body_is_looked_at(served: Gateway) -> None:
    for body in (b"", b"{", b"[" * 1000, b" " * 300_000):
        answer = await served.post(body, authorization="")
        assert (answer.status_code, code(answer), answer.headers["www-authenticate"]) == (
            401,
            "UNAUTHENTICATED",
            "Bearer",
        )


# When something behind it fails


@pytest.mark.parametrize("query", ["{ viewer { reach } }", MUTATION])
async def test_a_database_that_went_away_after_the_caller_was_found_is_told_as_such(
    query: str, own_hierarchy: Store, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_given: object) -> None:
        raise StoreError("the database is away")

    async with serving(own_hierarchy.url, tmp_path) as served, httpx.AsyncClient() as client:
        monkeypatch.setattr(served.service.store, "reader", gone)
        headers = {"authorization": f"Bearer {served.token(user_of(world, 2), 2)}"}
        answer = await client.post(f"http://{served.url}/graphql", json={"query": query}, headers=headers)
        monkeypatch.undo()

    assert answer.status_code == 503
    assert answer.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}
