"""Mutations as clients of the gateway send them: by POST alone, answered and refused as any operation."""

from typing import Any

import httpx
import pytest

from tests.changes import new_key
from tests.test_gateway import ask, granted

UPDATE = (
    "mutation($input: AccountUpdateInput!) { accountUpdate(input: $input)"
    " { account { id version attributes { value } } currentVersion userErrors { path code } } }"
)


@pytest.fixture(scope="module")
def http(live_server: str) -> Any:
    with httpx.Client(base_url=live_server, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def bearer(http: httpx.Client) -> dict[str, str]:
    return {"authorization": f"Bearer {granted(http)['access_token']}"}


@pytest.fixture(scope="module")
def customer(http: httpx.Client, bearer: dict[str, str]) -> dict[str, Any]:
    """The newest customer, as it is at first: its id and version."""
    listed = "{ accounts(last: 1, filter: {type: [CUSTOMER]}, orderBy: {field: CREATED_AT}) { nodes { id version } } }"
    (found,) = ask(http, bearer, listed).json()["data"]["accounts"]["nodes"]
    return dict(found)


def given(customer: dict[str, Any], value: str, **more: Any) -> dict[str, Any]:
    attributes = [{"name": "test", "value": value}]
    known = {"account": customer["id"], "expectedVersion": customer["version"], "idempotencyKey": new_key()}
    return {"variables": {"input": known | {"attributes": attributes} | more}}


def test_a_change_is_there_for_everybody_once_it_is_answered(
    http: httpx.Client, bearer: dict[str, str], customer: dict[str, Any]
) -> None:
    answer = ask(http, bearer, UPDATE, **given(customer, "one"))
    version = customer["version"] + 1

    assert answer.json() == {
        "data": {
            "accountUpdate": {
                "account": {"id": customer["id"], "version": version, "attributes": [{"value": "one"}]},
                "currentVersion": version,
                "userErrors": [],
            }
        }
    }
    assert answer.headers["x-executor"] == "graphql-core; mutation"
    other = {"authorization": f"Bearer {granted(http, 'admin@provider.example')['access_token']}"}
    again = ask(http, other, f'{{ account(id: "{customer["id"]}") {{ attributes {{ value }} }} }}')
    assert again.json()["data"]["account"] == {"attributes": [{"value": "one"}]}
    refused = ask(http, bearer, UPDATE, **given(customer, "two")).json()["data"]["accountUpdate"]
    assert (refused["userErrors"], refused["currentVersion"]) == (
        [{"path": ["expectedVersion"], "code": "CONFLICT"}],
        version,
    )


def test_a_change_cannot_be_asked_for_by_get(http: httpx.Client, bearer: dict[str, str]) -> None:
    change = (
        'mutation { accountUpdate(input: {account: "acc_1", expectedVersion: 1, idempotencyKey: "by a GET"})'
        " { currentVersion } }"
    )
    answer = http.get("/graphql", params={"query": change}, headers=bearer)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
def test_more_than_five_are_a_broken_request(
    http: httpx.Client, bearer: dict[str, str], customer: dict[str, Any], accept: str
) -> None:
    fields = " ".join(f"m{at}: accountUpdate(input: $input) {{ currentVersion }}" for at in range(6))
    document = f"mutation($input: AccountUpdateInput!) {{ {fields} }}"
    answer = ask(http, bearer | {"accept": accept}, document, **given(customer, "six"))

    assert answer.status_code == (400 if "graphql-response" in accept else 200)
    assert "data" not in answer.json()
    assert "at most 5" in answer.json()["errors"][0]["message"]


def test_the_operation_that_is_named_is_the_one_that_is_run(
    http: httpx.Client, bearer: dict[str, str], customer: dict[str, Any]
) -> None:
    document = UPDATE.replace("mutation(", "mutation Change(") + " query Ask { viewer { reach } }"
    more = given(customer, "named", expectedVersion=0)

    asked = ask(http, bearer, document, operationName="Ask", **more)
    changed = ask(http, bearer, document, operationName="Change", **more)
    neither = ask(http, bearer, document, **more)

    assert asked.json()["data"] == {"viewer": {"reach": "SUBTREE"}}
    assert changed.json()["data"]["accountUpdate"]["userErrors"][0]["code"] == "CONFLICT"
    assert "data" not in neither.json()


def test_without_a_token_nothing_is_changed(http: httpx.Client, customer: dict[str, Any]) -> None:
    assert ask(http, {}, UPDATE, **given(customer, "nobody")).status_code == 401


def test_a_text_with_half_a_character_is_refused(
    http: httpx.Client, bearer: dict[str, str], customer: dict[str, Any]
) -> None:
    literal = f'account: "{customer["id"]}", expectedVersion: 1, idempotencyKey: "{new_key()}", name: "\\uD800"'
    answer = ask(http, bearer, f"mutation {{ accountUpdate(input: {{{literal}}}) {{ currentVersion }} }}")

    assert [error["extensions"]["code"] for error in answer.json()["errors"]] == ["GRAPHQL_PARSE_FAILED"]
