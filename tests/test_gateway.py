"""The gateway as its clients meet it: a real process, real sockets."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

PASSWORD = "canopy-demo"


@pytest.fixture(scope="module")
def http(live_server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=live_server, timeout=20) as client:
        yield client


def granted(http: httpx.Client, login: str = "admin@reseller.example") -> dict[str, Any]:
    form = {"grant_type": "password", "username": login, "password": PASSWORD}
    answer = http.post("/auth/token", data=form)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]  # JSON


@pytest.fixture(scope="module")
def bearer(http: httpx.Client) -> dict[str, str]:
    return {"authorization": f"Bearer {granted(http)['access_token']}"}


def ask(http: httpx.Client, bearer: dict[str, str], query: str, **more: Any) -> httpx.Response:
    return http.post("/graphql", json={"query": query, **more}, headers=bearer)


def test_a_password_gives_a_token_that_answers_who_one_is(http: httpx.Client) -> None:
    grant = granted(http)

    answer = ask(
        http, {"authorization": f"Bearer {grant['access_token']}"}, "{ viewer { user { login } account { type } } }"
    )

    assert answer.json() == {
        "data": {"viewer": {"user": {"login": "admin@reseller.example"}, "account": {"type": "RESELLER"}}}
    }
    assert grant["token_type"] == "Bearer"
    assert grant["expires_in"] == 900


def test_a_token_answer_is_never_stored_by_caches(http: httpx.Client) -> None:
    answer = http.post("/auth/token", data={"grant_type": "password", "username": "x", "password": "y"})

    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("grant_type", ["password", "refresh_token", "client_credentials"])
def test_a_grant_without_its_fields_names_them(http: httpx.Client, grant_type: str) -> None:
    answer = http.post("/auth/token", data={"grant_type": grant_type})

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"
    assert "Missing" in answer.json()["error_description"]


def test_an_unknown_grant_type_is_told_the_known_ones(http: httpx.Client) -> None:
    answer = http.post("/auth/token", data={"grant_type": "magic"})

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert "client_credentials" in answer.json()["error_description"]


def test_sign_in_takes_form_fields_only(http: httpx.Client) -> None:
    answer = http.post("/auth/token", json={"grant_type": "password"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_an_unknown_user_and_a_wrong_password_get_the_same_answer(http: httpx.Client) -> None:
    unknown, wrong = (
        http.post("/auth/token", data={"grant_type": "password", "username": login, "password": "nonsense"})
        for login in ("nobody@nowhere.example", "limited@customer.example")
    )

    assert unknown.status_code == wrong.status_code == 400
    assert unknown.content == wrong.content


def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(http: httpx.Client) -> None:
    first = granted(http)["refresh_token"]
    second = http.post("/auth/token", data={"grant_type": "refresh_token", "refresh_token": first}).json()

    again = http.post("/auth/token", data={"grant_type": "refresh_token", "refresh_token": first})
    successor = http.post("/auth/token", data={"grant_type": "refresh_token", "refresh_token": second["refresh_token"]})

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (successor.status_code, successor.json()["error"]) == (400, "invalid_grant")


def test_signing_out_takes_both_tokens_back(http: httpx.Client) -> None:
    grant = granted(http)
    refresh_token, bearer = grant["refresh_token"], {"authorization": f"Bearer {grant['access_token']}"}

    assert http.post("/auth/revoke", data={"token": refresh_token}).status_code == 200
    late = ask(http, bearer, "{ viewer { reach } }")
    assert (late.status_code, late.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    answer = http.post("/auth/token", data={"grant_type": "refresh_token", "refresh_token": refresh_token})
    assert answer.json()["error"] == "invalid_grant"


def test_an_api_client_signs_in_with_its_secret_and_acts_for_its_account(http: httpx.Client) -> None:
    form = {"grant_type": "client_credentials", "client_id": "demo-client", "client_secret": "canopy-demo-secret"}
    grant = http.post("/auth/token", data=form).json()

    bearer = {"authorization": f"Bearer {grant['access_token']}"}
    viewer = ask(http, bearer, "{ viewer { user { id } apiClient { clientId } account { type } } }").json()["data"][
        "viewer"
    ]

    assert "refresh_token" not in grant
    assert viewer == {"user": None, "apiClient": {"clientId": "demo-client"}, "account": {"type": "RESELLER"}}


@pytest.mark.parametrize("query", ["{ viewer { reach } }", "{ __schema { types { name } } }", "{ nonsense }", "{"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer x.y.z"}, {"authorization": "Basic YTpi"}])
def test_nothing_answers_without_a_valid_token(http: httpx.Client, query: str, headers: dict[str, str]) -> None:
    answer = ask(http, headers, query)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert "data" not in answer.json()


BAD_BODIES = [
    b"",
    b"5",
    b'"x"',
    b"null",
    b"true",
    b"[1]",
    b"[null]",
    b"\xff\xfe",
    b"{",
    b"{}",
    b'{"query":5}',
    b'{"query":"{viewer{reach}}","variables":[]}',
    b'{"query":"{viewer{reach}}","operationName":5}',
    b"[" * 100_000,
    b'{"query":"{viewer{reach}}","variables":{"a":' + b"9" * 5000 + b"}}",
]


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:30]))
def test_a_malformed_body_is_a_clean_client_error(http: httpx.Client, bearer: dict[str, str], body: bytes) -> None:
    answer = http.post("/graphql", content=body, headers={**bearer, "content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


def test_a_body_that_is_too_large_is_refused_unread(http: httpx.Client, bearer: dict[str, str]) -> None:
    answer = http.post("/graphql", content=b" " * 300_000, headers={**bearer, "content-type": "application/json"})

    assert answer.status_code == 413


def test_a_form_cannot_run_an_operation(http: httpx.Client, bearer: dict[str, str]) -> None:
    answer = http.post("/graphql", data={"query": "{ viewer { reach } }"}, headers=bearer)

    assert answer.status_code == 415


def test_a_document_error_has_status_400_for_clients_that_know_the_media_type(
    http: httpx.Client, bearer: dict[str, str]
) -> None:
    modern = ask(http, {**bearer, "accept": "application/graphql-response+json"}, "{ nonsense }")
    older = ask(http, {**bearer, "accept": "application/json"}, "{ nonsense }")

    assert (modern.status_code, older.status_code) == (400, 200)
    assert modern.headers["content-type"].startswith("application/graphql-response+json")
    assert "data" not in modern.json()
    assert modern.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


def test_several_operations_without_a_name_are_a_request_error(http: httpx.Client, bearer: dict[str, str]) -> None:
    answer = ask(http, bearer, "query A { viewer { reach } } query B { viewer { reach } }")

    assert "data" not in answer.json()


def test_every_answer_has_a_request_id(http: httpx.Client) -> None:
    first, second = http.get("/health/live"), http.get("/health/live")

    assert len(first.headers["x-request-id"]) == 32
    assert first.headers["x-request-id"] != second.headers["x-request-id"]


@pytest.mark.parametrize("good", ["7f3a", "trace-1.2_3", "a" * 64])
def test_a_request_keeps_the_id_that_its_client_gave_it(http: httpx.Client, good: str) -> None:
    assert http.get("/health/live", headers={"x-request-id": good}).headers.get_list("x-request-id") == [good]


@pytest.mark.parametrize("bad", ["", "a" * 65, "job:7", "x y", 'x"', "x,y", "\u00fc"])
def test_what_is_no_good_id_is_replaced_by_one(http: httpx.Client, bad: str) -> None:
    given = {"x-request-id": bad.encode("latin-1")}
    assert len(http.get("/health/live", headers=given).headers["x-request-id"]) == 32  # type: ignore[arg-type]  # bytes as they go


def test_health_tells_alive_and_ready(http: httpx.Client) -> None:
    assert http.get("/health/live").json() == {"status": "live"}
    assert http.get("/health/ready").json() == {"status": "ready"}


def test_the_graphiql_page_has_a_strict_policy_and_no_foreign_source(http: httpx.Client) -> None:
    page = http.get("/graphiql")

    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "//" not in page.text.replace("<!doctype html>", "").replace("http://www.w3.org", "").replace("*//", "")
