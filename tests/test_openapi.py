"""The OpenAPI description: valid, complete, and true of what the endpoints take and answer."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types
from openapi_spec_validator import OpenAPIV31SpecValidator

from edge.limits.sharing import TellCost
from edge.rest.endpoints import Endpoint, endpoint, shipped
from edge.rest.openapi import document
from models import EndpointMethod
from resolvers import documents
from resolvers.documents import ExposedOperation
from tests.databases import Databases
from tests.registering import CUSTOMER, RESELLER, Gateway, gateway
from tests.sharing import WIDE
from tests.templates import seeded_template

DESCRIPTION = document(shipped(), "https://api.example.com")


@pytest.fixture(scope="module")
async def rest(sqlite_databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as url:
        sharing = replace(WIDE, tell_cost=TellCost.ALWAYS)
        async with gateway(url, tmp_path_factory.mktemp("openapi"), sharing=sharing) as made:
            yield made


def fits(value: Any, schema: Any) -> list[str]:
    """What of a value is not as a schema of the description says."""
    whole = {**schema, "components": DESCRIPTION["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


def operation(of: Endpoint) -> Any:
    return DESCRIPTION["paths"][of.path][of.method.value.lower()]


def test_it_is_valid_openapi() -> None:
    assert list(OpenAPIV31SpecValidator(DESCRIPTION).iter_errors()) == []


def test_every_endpoint_is_described_with_a_name_of_its_own() -> None:
    names = [operation(each)["operationId"] for each in shipped()]

    assert len(set(names)) == len(names) == len(shipped())
    assert "get_accounts_id" in names
    assert all(operation(each)["summary"] == each.title for each in shipped())


def test_what_stands_in_the_path_is_a_parameter_that_must_be_given() -> None:
    for each in shipped():
        told = [one for one in operation(each)["parameters"] if one["in"] == "path"]
        assert [one["name"] for one in told] == list(each.in_path)
        assert all(one["required"] for one in told)


def test_input_objects_are_spelled_out_in_the_query_string_with_what_their_parts_take() -> None:
    parameters = {one["name"]: one for one in DESCRIPTION["paths"]["/accounts"]["get"]["parameters"]}

    of_type = parameters["filter.type"]["schema"]
    assert (of_type["type"], sorted(of_type["items"]["enum"])) == ("array", ["CUSTOMER", "PROVIDER", "RESELLER"])
    assert parameters["first"]["schema"]["type"] == "integer"
    assert "filter" not in parameters
    assert parameters["filter.search"]["description"]


def test_each_tells_what_it_costs_and_what_its_headers_say() -> None:
    told = {of.path: operation(of) for of in shipped() if of.method is EndpointMethod.GET}

    assert told["/accounts"]["x-cost"] > told["/viewer"]["x-cost"] >= 1
    headers = {path: one["responses"]["200"]["headers"].keys() for path, one in told.items()}
    assert all({"RateLimit", "RateLimit-Policy", "ETag", "Cache-Control"} <= names for names in headers.values())
    assert ("Link" in headers["/accounts"], "Link" in headers["/viewer"]) == (True, False)
    assert "Retry-After" in DESCRIPTION["components"]["responses"]["Problem"]["headers"]


async def test_what_it_says_of_the_cost_is_what_a_call_is_estimated_at(rest: Gateway) -> None:
    for of in shipped():
        if of.method is EndpointMethod.GET and not of.in_path:
            answer = (await rest.post({"query": of.text})).json()
            assert operation(of)["x-cost"] == answer["extensions"]["cost"]["requestedQueryCost"]


def test_a_change_takes_its_input_as_the_body_and_its_key_as_a_header() -> None:
    told = DESCRIPTION["paths"]["/customers"]["post"]
    schema = told["requestBody"]["content"]["application/json"]["schema"]

    assert [one["name"] for one in told["parameters"]] == ["Idempotency-Key"]
    assert schema["required"] == ["name"]
    assert fits({"name": "A customer", "address": {"city": "Bern"}}, schema) == []
    assert fits({"name": 5}, schema) != []
    assert "201" in told["responses"]


@pytest.mark.parametrize(
    "of", [each for each in shipped() if each.method is EndpointMethod.GET], ids=lambda of: of.path
)
async def test_an_answer_is_as_it_is_described(rest: Gateway, of: Endpoint) -> None:
    ids = {"/accounts/{id}": "/accounts", "/orders/{id}": "/orders"}
    path = of.path
    if of.path in ids:
        (found,) = (await rest.get(f"/api{ids[of.path]}?first=1")).json()["nodes"]
        path = of.path.replace("{id}", found["id"])

    answer = await rest.get(f"/api{path}")
    schema = operation(of)["responses"]["200"]["content"]["application/json"]["schema"]

    assert answer.status_code == 200
    assert fits(answer.json(), schema) == []
    assert fits({"nodes": [{"id": 5}]}, schema) != [] or "nodes" not in schema["properties"]


async def test_a_problem_is_as_it_is_described(rest: Gateway) -> None:
    answer = await rest.get("/api/accounts?first=x")

    assert fits(answer.json(), DESCRIPTION["components"]["schemas"]["Problem"]) == []


async def test_the_gateway_tells_its_own_with_what_operators_exposed(rest: Gateway) -> None:
    text = "query L($is: Boolean = true, $size: Int!) { viewer { me: user { login @include(if: $is) ...N } } accounts(first: $size) { nodes { id } } } fragment N on User { name __typename }"  # noqa: E501  # a document
    document_id = await rest.register(text)
    exposed = ExposedOperation(EndpointMethod.GET, "/login", document_id, "L", "Who asks.", 0)
    await documents.expose(rest.service.store, exposed)

    told = (await rest.get("/api/openapi.json")).json()
    answer = await rest.get("/api/login?size=1&is=false")

    assert list(OpenAPIV31SpecValidator(told).iter_errors()) == []
    assert told["paths"].keys() == DESCRIPTION["paths"].keys() | {"/login"}
    described = told["paths"]["/login"]["get"]
    assert [(one["name"], one.get("required"), one["schema"].get("default")) for one in described["parameters"]] == [
        ("is", None, True),
        ("size", True, None),
    ]
    schema = described["responses"]["200"]["content"]["application/json"]["schema"]
    assert fits(answer.json(), schema) == []
    assert fits((await rest.get("/api/login?size=1")).json(), schema) == []
    assert answer.json()["viewer"]["me"] == {"name": "Rita Reseller", "__typename": "User"}
    assert (await rest.get("/api/login?size=1")).json()["viewer"]["me"]["login"] == RESELLER


async def test_each_caller_is_told_of_those_that_it_may_call(rest: Gateway) -> None:
    whole = (await rest.get("/api/openapi.json")).json()["paths"]
    part = (await rest.get("/api/openapi.json", name=CUSTOMER)).json()["paths"]

    assert "/prices" in whole
    assert "post" in whole["/customers"]
    assert {"/prices", "/customers"}.isdisjoint(part)
    assert {"/viewer", "/accounts/{id}"} <= part.keys()


def test_variables_that_are_no_single_input_are_the_properties_of_the_body() -> None:
    of = endpoint(
        EndpointMethod.POST,
        "/search/{first}",
        "query A($first: Int!, $search: String!, $after: String) {"
        " accounts(first: $first, after: $after, filter: {search: $search}) { nodes { id } } }",
    )
    told = document([of], "")["paths"]["/search/{first}"]["post"]

    schema = told["requestBody"]["content"]["application/json"]["schema"]
    assert (list(schema["properties"]), schema["required"]) == (["search", "after"], ["search"])
    assert [one["name"] for one in told["parameters"]] == ["first"]
