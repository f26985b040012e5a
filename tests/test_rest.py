"""REST: saved operations under addresses of their own, with the permissions, limits and errors of any operation."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pytest
from graphql import GraphQLError

from edge import operations
from edge.exposure.masking import payload
from edge.limits.settings import LimitSettings
from edge.limits.sharing import SharingSettings
from edge.rest.endpoints import Endpoint, EndpointError, Found, endpoint, find, shipped
from edge.rest.variables import BadParameterError, types_of, variables
from models import EndpointMethod, SafelistLevel
from models.store import StoreError
from resolvers import documents
from resolvers.documents import ExposedOperation
from schema import executor
from schema.execution.documents import Answer
from tests.databases import Databases
from tests.registering import CUSTOMER, RESELLER, Gateway, gateway
from tests.templates import seeded_template

GET, POST = EndpointMethod.GET, EndpointMethod.POST
ACCOUNTS = "query A($filter: AccountFilter, $first: Int = 3, $after: String) { accounts(filter: $filter, first: $first, after: $after) { nodes { id name } pageInfo { hasNextPage endCursor } } }"  # noqa: E501  # a document
PARTIAL = "query P($id: ID!) { account(id: $id) { id prices(first: 1) { nodes { id } } } }"


@pytest.fixture(scope="module")
async def shared(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    with databases.copied(seeded_template(databases)) as url:
        async with gateway(url, tmp_path_factory.mktemp("rest")) as made:
            yield made


@pytest.fixture
async def rest(shared: Gateway) -> AsyncIterator[Gateway]:
    """A gateway at which only the shipped endpoints are offered."""
    yield shared
    await shared.forget_all()


async def exposed(rest: Gateway, method: EndpointMethod, path: str, text: str, max_age: int = 0) -> None:
    document_id = await rest.register(text)
    await documents.expose(rest.service.store, ExposedOperation(method, path, document_id, None, "A test", max_age))


async def asked(rest: Gateway, query: str, name: str = RESELLER, **variables: Any) -> Any:
    """What GraphQL answers."""
    return (await rest.post({"query": query, "variables": variables}, name)).json()


def problem(answer: Any) -> tuple[int, str]:
    """The status and code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    return body["status"], body["code"]


@pytest.mark.parametrize("of", shipped(), ids=lambda of: f"{of.method.value} {of.path}")
def test_a_shipped_operation_is_valid_and_within_what_any_caller_may_ask(of: Endpoint) -> None:
    assert executor.read(of.text, LimitSettings().bounds()).errors == []
    assert of.title.endswith(".")


@pytest.mark.parametrize(
    "of", [each for each in shipped() if each.method is GET and not each.in_path], ids=lambda of: of.path[1:]
)
async def test_a_shipped_endpoint_answers_what_graphql_does(rest: Gateway, of: Endpoint) -> None:
    told = await rest.get(f"/api{of.path}")

    expected = await asked(rest, of.text)
    assert "errors" not in expected
    assert told.status_code == 200, told.text
    assert [told.json()] == list(expected["data"].values())


async def test_a_thing_is_found_by_its_id_in_the_path(rest: Gateway) -> None:
    (known,) = (await rest.get("/api/accounts", params={"first": 1})).json()["nodes"]
    (order,) = (await rest.get("/api/orders?first=1")).json()["nodes"]

    assert (await rest.get(f"/api/accounts/{known['id']}")).json()["name"] == known["name"]
    assert (await rest.get(f"/api/orders/{order['id']}")).json()["number"] == order["number"]


@pytest.mark.parametrize("path", ["/accounts/acc_1", "/accounts/nonsense", "/accounts/acc_999999", "/orders/acc_10"])
async def test_what_is_hidden_or_not_there_or_something_else_is_not_found(rest: Gateway, path: str) -> None:
    answer = await rest.get(f"/api{path}")

    assert problem(answer) == (404, "NOT_FOUND")


async def test_strangers_are_told_to_sign_in_whatever_the_address(rest: Gateway) -> None:
    answers = [await rest.http.get(path) for path in ("/api/accounts", "/api/nothing", "/api/openapi.json")]
    json_type = {"content-type": "application/json"}
    answers.append(await rest.http.post("/api/customers", content=b"[" * 1000, headers=json_type))

    assert {problem(answer) for answer in answers} == {(401, "UNAUTHENTICATED")}
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}


async def test_filters_orders_and_pages_stand_in_the_query_string(rest: Gateway) -> None:
    parameters = {
        "filter.status": ["ACTIVE", "CREDIT_HOLD"], "filter.type": "CUSTOMER", "orderBy.field": "NAME",
        "orderBy.direction": "DESC", "first": "5",
    }  # fmt: skip  # two lines
    first = await rest.get("/api/accounts", params=parameters)
    names = [each["name"] for each in first.json()["nodes"]]
    link = first.headers["link"]
    second = await rest.get(link.removeprefix("<").split(">")[0])

    expected = await asked(
        rest,
        "{ accounts(filter: {status: [ACTIVE, CREDIT_HOLD], type: [CUSTOMER]},"
        " orderBy: {field: NAME, direction: DESC}, first: 10) { nodes { name } } }",
    )
    names += [each["name"] for each in second.json()["nodes"]]
    assert names == [each["name"] for each in expected["data"]["accounts"]["nodes"]]
    assert link.endswith('; rel="next"')


async def test_the_address_of_the_next_page_is_written_as_headers_and_urls_are(rest: Gateway) -> None:
    text = "query F($search: String!, $after: String) { accounts(filter: {search: $search}, first: 1, after: $after) { nodes { id } pageInfo { hasNextPage endCursor } } }"  # noqa: E501  # a document
    await exposed(rest, GET, "/find/{search}", text)
    pages = [
        await rest.get(path) for path in ("/api/find/cloud%0D%0A", "/api/find/cloud%20%E2%82%AC", "/api/find/c?after=")
    ]

    assert [page.status_code for page in pages] == [200, 200, 400]
    assert pages[0].headers["link"].startswith("</api/find/cloud%0D%0A?after=")
    assert pages[1].headers["link"].startswith("</api/find/cloud%20%E2%82%AC?after=")
    assert (await rest.get(pages[0].headers["link"][1:].split(">")[0])).status_code == 200


async def test_the_last_page_links_to_no_other(rest: Gateway) -> None:
    answer = await rest.get("/api/accounts", params={"filter.search": "no such name anywhere"})

    assert (answer.status_code, answer.json()["nodes"]) == (200, [])
    assert "link" not in answer.headers


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("nope=1", "`nope`; the endpoint takes filter, orderBy, first, after"),
        ("filter.nope=1", "`filter.nope`"),
        ("filter=1", "`filter` has parts"),
        ("first=x", "`first` takes a whole number"),
        ("first=\u0661", "`first` takes a whole number"),
        ("first=99999999999999999999", "`first` takes a whole number"),
        ("first=1&first=2", "`first` is given twice"),
        ("first.x=1", "`first.x`"),
        ("filter.type.x=1", "`filter.type.x`"),
        ("filter.created.from=yesterday", "filter"),
        ("filter.type=PLANET", "PLANET"),
        ("first=1001", "first"),
        ("after=nonsense", "cursor"),
        ("first=%ff", "can't be read"),
        ("&".join(f"a{number}=1" for number in range(101)), "can't be read"),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_a_parameter_that_makes_no_sense_is_named(rest: Gateway, query: str, says: str) -> None:
    answer = await rest.get(f"/api/accounts?{query}")

    assert problem(answer)[0] == 400
    assert says in answer.json()["detail"]


async def test_an_address_where_nothing_stands_names_those_where_something_does(rest: Gateway) -> None:
    assert problem(await rest.get("/api/nothing")) == (404, "NOT_FOUND")
    assert problem(await rest.get("/api/")) == problem(await rest.get("/api")) == (404, "NOT_FOUND")
    wrong = await rest.post({}, path="/api/accounts/acc_1")
    assert problem(wrong) == (405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == "GET, HEAD, OPTIONS"
    assert problem(await rest.get("/api/customers"))[0] == 405
    bearer = await rest.bearer()
    for path, allowed in (
        ("/api/customers", "OPTIONS, POST"),
        ("/api/viewer", "GET, HEAD, OPTIONS"),
        ("/api/openapi.json", "GET, HEAD, OPTIONS"),
    ):
        for method in ("DELETE", "PUT", "PATCH", "QUERY"):
            refused = await rest.http.request(method, path, headers=bearer)
            assert (problem(refused), refused.headers["allow"]) == ((405, "METHOD_NOT_ALLOWED"), allowed)


async def test_what_a_caller_may_not_see_is_forbidden_or_left_out(rest: Gateway) -> None:
    await exposed(rest, GET, "/partial/{id}", PARTIAL, max_age=60)
    (account,) = (await rest.get("/api/accounts?first=1", name=CUSTOMER)).json()["nodes"]

    whole = await rest.get("/api/prices", name=CUSTOMER)
    part = await rest.get(f"/api/partial/{account['id']}", name=CUSTOMER)

    assert problem(whole) == (403, "FORBIDDEN")
    assert part.status_code == 200
    assert part.json()["data"] == {"id": account["id"], "prices": None}
    assert [each["extensions"]["code"] for each in part.json()["errors"]] == ["FORBIDDEN"]
    assert (part.headers["cache-control"], part.headers.get("etag")) == ("no-store", None)


async def test_a_change_is_made_once_for_a_key_in_a_header(rest: Gateway) -> None:
    body = {"name": "Made over REST"}
    first = await rest.post(body, path="/api/customers", idempotency_key="made over rest")
    again = await rest.post(body, path="/api/customers", idempotency_key="made over rest")
    in_body = await rest.post(body | {"idempotencyKey": "made over rest"}, path="/api/customers")

    assert (first.status_code, first.json()["account"]["name"]) == (201, "Made over REST")
    assert first.json() == again.json() == in_body.json()
    found = await rest.get("/api/accounts", params={"filter.search": "Made over REST"})
    assert len(found.json()["nodes"]) == 1


async def test_a_refused_change_is_a_problem_with_each_reason(rest: Gateway) -> None:
    refused = await rest.post({"name": ""}, path="/api/customers", idempotency_key="refused over rest")
    twice = await rest.post(
        {"name": "x", "idempotencyKey": "one of them"}, path="/api/customers", idempotency_key="another one"
    )
    unknown = await rest.post({"name": "x", "nope": 1}, path="/api/customers", idempotency_key="unknown field")

    long = await rest.post({"name": "x"}, path="/api/customers", idempotency_key="k" * 201)

    assert problem(refused)[0] == 422
    assert [each["path"] for each in long.json()["errors"]] == [["idempotencyKey"]]
    assert [each["path"] for each in refused.json()["errors"]] == [["name"]]
    assert problem(twice) == (400, "BAD_REQUEST")
    assert problem(unknown) == (400, "BAD_USER_INPUT")


async def test_a_change_by_an_outdated_version_is_a_conflict(rest: Gateway) -> None:
    (service,) = (await rest.get("/api/subscriptions?first=1&filter.status=ACTIVE")).json()["nodes"]
    answer = await rest.post(
        {"quantity": service["quantity"] + 1, "expectedVersion": service["version"] + 7},
        path=f"/api/subscriptions/{service['id']}/quantity",
        idempotency_key="an outdated version",
    )

    assert problem(answer)[0] == 409


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"5", {}, 400),
        (b"\xff", {}, 400),
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"a=b", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b" " * 300_000, {}, 413),
        (b"[" * 100_000, {}, 400),
        (b"", {}, 400),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_malformed_body_is_a_problem_of_the_client(
    rest: Gateway, content: bytes, headers: dict[str, str], status: int
) -> None:
    given = {"content-type": "application/json"} | await rest.bearer() | headers
    answer = await rest.http.post("/api/customers", content=content, headers=given)

    assert problem(answer)[0] == status


async def test_an_answer_may_be_kept_by_its_caller_and_is_told_again_only_if_it_changed(rest: Gateway) -> None:
    await exposed(rest, GET, "/kept", "query K { viewer { reach user { login } } }", max_age=60)
    first = await rest.get("/api/kept")
    tag = first.headers["etag"]

    assert first.headers["cache-control"] == "private, max-age=60, must-revalidate"
    assert set(first.headers["vary"].split(", ")) == {"Accept", "Authorization"}
    for written in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await rest.get("/api/kept", if_none_match=written)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == first.headers["cache-control"]
    assert (await rest.get("/api/kept", if_none_match='"other"')).status_code == 200
    other = await rest.get("/api/kept", name=CUSTOMER, if_none_match=tag)
    assert (other.status_code, other.json()["user"]["login"]) == (200, CUSTOMER)


async def test_a_head_tells_what_a_get_would_but_the_body(rest: Gateway) -> None:
    got = await rest.get("/api/viewer")
    head = await rest.http.head("/api/viewer", headers=await rest.bearer())
    options = await rest.http.options("/api/viewer")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == got.headers["etag"]
    assert head.headers["content-length"] == str(len(got.content))
    assert (options.status_code, options.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")


async def test_an_exposed_operation_comes_before_a_shipped_one_and_goes_when_it_is_hidden(rest: Gateway) -> None:
    await exposed(rest, GET, "/accounts", ACCOUNTS)
    own = await rest.get("/api/accounts")
    assert len(own.json()["nodes"]) == 3
    assert own.json()["nodes"][0].keys() == {"id", "name"}

    assert await documents.hide(rest.service.store, GET, "/accounts")
    assert not await documents.hide(rest.service.store, GET, "/accounts")
    assert len((await rest.get("/api/accounts")).json()["nodes"]) == 20


async def test_variables_that_are_no_single_input_stand_in_the_body_by_name(rest: Gateway) -> None:
    await exposed(rest, POST, "/search", ACCOUNTS)
    answer = await rest.post({"first": 2, "filter": {"type": ["RESELLER"]}}, path="/api/search")

    assert (answer.status_code, len(answer.json()["nodes"])) == (200, 2)
    assert problem(await rest.post({"nope": 2}, path="/api/search")) == (400, "BAD_REQUEST")
    empty = await rest.http.post("/api/search", headers=await rest.bearer())
    assert (empty.status_code, len(empty.json()["nodes"])) == (200, 3)


async def test_several_root_fields_are_told_by_their_names(rest: Gateway) -> None:
    await exposed(rest, GET, "/both", "query B { viewer { reach } first: accounts(first: 1) { nodes { depth } } }")

    assert (await rest.get("/api/both")).json().keys() == {"viewer", "first"}


async def test_shipped_endpoints_answer_where_only_registered_documents_run(rest: Gateway) -> None:
    await documents.set_level(rest.service.store, "web", SafelistLevel.IDS)

    assert (await rest.get("/api/viewer", x_client_name="web")).status_code == 200


async def test_an_operation_is_trusted_at_its_endpoint_and_bounded_nevertheless(rest: Gateway) -> None:
    many = " ".join(f"a{number}: reach" for number in range(31))
    await exposed(rest, GET, "/many", f"query M {{ viewer {{ {many} }} }}")
    await exposed(rest, GET, "/deep", "query D { viewer { account { " + "parent { " * 22 + "id" + " }" * 25)

    assert (await rest.get("/api/many")).status_code == 200
    assert problem(await rest.get("/api/deep")) == (422, "LIMIT_EXCEEDED")


async def test_a_database_that_is_away_is_told_as_such(rest: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_given: object, **_more: object) -> None:
        raise StoreError("the database is away at 10.0.0.7")

    await rest.get("/api/viewer")
    bearer = await rest.bearer()
    monkeypatch.setattr(rest.service.store, "reader", away)
    answer = await rest.http.get("/api/summary", headers=bearer)
    monkeypatch.undo()

    assert problem(answer) == (503, "UNAVAILABLE")
    assert "10.0.0.7" not in answer.text


async def test_a_defect_is_masked(rest: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = GraphQLError("canary", original_error=RuntimeError("canary at /srv/x"))
    monkeypatch.setattr(operations, "payload", lambda *_given, **_more: payload(Answer({"viewer": None}, [secret])))
    answer = await rest.get("/api/viewer")

    assert problem(answer) == (500, "INTERNAL")
    assert answer.json()["requestId"] == answer.headers["x-request-id"]
    assert "canary" not in answer.text


async def test_an_answer_that_takes_too_long_is_no_fault_of_the_gateway(
    rest: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = GraphQLError("It took too long.", extensions={"code": "TIMEOUT"})
    monkeypatch.setattr(operations, "payload", lambda *_given, **_more: payload(Answer(None, [late, late])))
    answer = await rest.get("/api/viewer")

    assert problem(answer) == (422, "TIMEOUT")
    assert [each["code"] for each in answer.json()["errors"]] == ["TIMEOUT"]


@pytest.mark.parametrize(
    ("method", "path", "text", "says"),
    [
        (GET, "accounts", "{ viewer { reach } }", "is no path"),
        (GET, "/a//b", "{ viewer { reach } }", "is no path"),
        (GET, "/a b", "{ viewer { reach } }", "is no path"),
        (GET, "/{}", "{ viewer { reach } }", "is no path"),
        (GET, "/{id}", "{ viewer { reach } }", "no variable $id"),
        (GET, "/a", "mutation { a }", "called by POST"),
        (POST, "/a", "subscription { a }", "no endpoint"),
        (GET, "/a", "query A { a } query B { b }", "which of the document's operations"),
        (GET, "/a", "fragment A on B { c }", "no such operation"),
        (GET, "/a", "{", "Syntax Error"),
    ],
)
def test_an_operation_that_can_not_be_offered_is_refused_with_why(
    method: EndpointMethod, path: str, text: str, says: str
) -> None:
    with pytest.raises(EndpointError) as raised:
        endpoint(method, path, text)
    assert says in str(raised.value)


def test_a_path_without_anything_that_varies_is_found_before_those_with() -> None:
    varies, fixed = (endpoint(GET, path, "query A($id: ID) { a }") for path in ("/orders/{id}", "/orders/estimate"))

    assert find([varies, fixed], "GET", "/orders/estimate") == Found(fixed, {})
    assert find([varies, fixed], "HEAD", "/orders/7") == Found(varies, {"id": "7"})
    assert find([varies, fixed], "POST", "/orders/7") == {"GET"}
    assert find([varies, fixed], "GET", "/orders/7/8") == set()
    assert find([varies, fixed], "GET", "/orders.estimate") == set()


def test_a_variable_is_read_as_its_type_wants() -> None:
    of = endpoint(GET, "/a/{id}", "query A($id: ID!, $first: Int, $is: Boolean, $ids: [ID!]) { a }")
    given = [("first", "-7"), ("is", "true"), ("ids", "1"), ("ids", "2")]

    assert variables(of, {"id": "07"}, given, {}) == {
        "id": "07", "first": -7, "is": True, "ids": ["1", "2"],
    }  # fmt: skip  # one line
    for name, text in (("is", "yes"), ("first", "1.5"), ("first", ""), ("id", "8")):
        with pytest.raises(BadParameterError, match=name):
            variables(of, {"id": "07"}, [(name, text)], {})


async def test_an_exposed_operation_whose_document_can_not_be_offered_any_more_is_left_out(
    rest: Gateway,
) -> None:
    document_id = await rest.register("query A { viewer { reach } }")
    removed = await rest.register("query B($is: NoSuchType) { noSuchField(is: $is) }")
    for path, of, name in (("/gone", document_id, "Other"), ("/removed", removed, "B")):
        await documents.expose(rest.service.store, ExposedOperation(GET, path, of, name, "A test", 0))

    assert problem(await rest.get("/api/gone")) == problem(await rest.get("/api/removed")) == (404, "NOT_FOUND")
    assert (await rest.get("/api/openapi.json")).status_code == 200
    assert (await rest.get("/api/viewer")).status_code == 200


NASTY = (
    "\0", "", "\ufffd", "a" * 5000, "-1", "1e9", "null", "true", "[]", "{}", "acc_", "acc_10", "acc_" + "9" * 30,
    "../..", "\u202e", "2026-13-45", "99999999999", "'; DROP", "{id}", "ACTIVE", "NAME",
)  # fmt: skip  # as many to a line as there is room for


def anything(dice: Random, deep: int = 0) -> Any:
    """A JSON value of any shape."""
    if dice.random() < 0.6 or deep > 3:
        return dice.choice([*NASTY, 5, -1, 1.5, None, True, 10**18])
    if dice.random() < 0.5:
        return [anything(dice, deep + 1) for _ in range(dice.randint(0, 3))]
    names = ("name", "type", "id", "quantity", "product", "city")
    return {dice.choice(names): anything(dice, deep + 1) for _ in range(dice.randint(0, 4))}


async def test_whatever_is_sent_it_is_no_fault_of_ours(rest: Gateway) -> None:
    described, dice = (await rest.get("/api/openapi.json")).json()["paths"], Random(7)
    faults, seen = [], set()
    for _ in range(300):
        path, methods = dice.choice([*described.items()])
        method, told = dice.choice([*methods.items()])
        given = [(each["name"], dice.choice(NASTY)) for each in told["parameters"] if dice.random() < 0.3]
        address = "/api" + re.sub(r"\{\w+\}", lambda _found: quote(dice.choice(NASTY) or "x", safe=""), path)
        if method == "get":
            answer = await rest.get(address, params=given)
        else:
            names = told["requestBody"]["content"]["application/json"]["schema"]["properties"]
            body = {name: anything(dice) for name in names if dice.random() < 0.4}
            answer = await rest.post(body, path=address, idempotency_key=f"fuzzed {dice.random()}")
        seen.add(answer.status_code)
        faults += [(method, address, given, answer.text)] if answer.status_code >= 500 else []

    assert faults == []
    assert {200, 400, 404} <= seen


@pytest.mark.parametrize(
    "of", [each for each in shipped() if each.method is GET and not each.in_path], ids=lambda of: of.path
)
async def test_the_largest_page_of_a_shipped_list_is_within_the_limits(rest: Gateway, of: Endpoint) -> None:
    parameters = {"first": "100"} if "first" in types_of(of) else {}

    assert (await rest.get(f"/api{of.path}", params=parameters)).status_code == 200


async def test_who_is_over_budget_is_told_when_to_come_again(shared: Gateway, tmp_path: Path) -> None:
    narrow = SharingSettings(budget=30, budget_refill=1)
    async with gateway(shared.service.settings.database_url, tmp_path, sharing=narrow) as small:
        answers = [await small.get("/api/accounts?first=20") for _ in range(3)]

    assert answers[0].status_code == 200
    assert int(answers[0].headers["x-ratelimit-remaining"]) < 30
    assert problem(answers[-1]) == (429, "RATE_LIMITED")
    assert int(answers[-1].headers["retry-after"]) > 0
