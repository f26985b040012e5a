"""What strangers, pages of other sites and browsers may learn of the gateway, and do with it."""

import ast
from collections.abc import AsyncIterator

import httpx
import pytest
from graphql import GraphQLError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from edge.exposure.hosts import name_in
from edge.exposure.settings import ExposureSettings
from edge.settings import Settings
from resolvers.errors import ForbiddenError
from schema.errors import DEFECT, public
from tests.canary import CANARY, assert_silent
from tests.databases import Databases
from tests.hierarchy import World
from tests.live import PROTOCOL, client
from tests.test_architecture import sources
from tests.transports import Gateway, code, gateway

PANEL = "https://panel.example.com"
PUBLIC = "https://gateway.example.com"
EVIL = "https://evil.example"
HELLO = {"query": "{ viewer { reach } }"}
PREFLIGHT = {"origin": PANEL, "access-control-request-method": "POST"}


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    exposure = ExposureSettings(origins=(PANEL,), hosts=("Other.example", "[2001:db8::1]"))
    directory = tmp_path_factory.mktemp("exposure")
    async with gateway(sqlite_databases, world, directory, exposure=exposure, public_url=PUBLIC) as made:
        yield made


async def ask(served: Gateway, **headers: str) -> httpx.Response:
    """Send an operation, with further headers; `_` is `-`."""
    return await served.http.post(
        "/graphql", json=HELLO, headers={name.replace("_", "-"): value for name, value in headers.items()}
    )


# Errors


def test_a_refusal_of_ours_keeps_its_words_and_has_its_code() -> None:
    told = public(GraphQLError("whatever", original_error=ForbiddenError("This takes a privilege."))).formatted

    assert (told["message"], told["extensions"]) == ("This takes a privilege.", {"code": "FORBIDDEN"})


def test_what_graphql_adds_to_an_error_is_not_told() -> None:
    error = GraphQLError("Bad.", extensions={"code": "BAD_USER_INPUT", "limit": "depth", "stacktrace": [CANARY]})

    assert public(error).formatted["extensions"] == {"code": "BAD_USER_INPUT", "limit": "depth"}


@pytest.mark.parametrize(
    "error",
    [
        GraphQLError(CANARY, original_error=RuntimeError(CANARY)),
        GraphQLError(CANARY, path=["viewer"], original_error=ValueError(CANARY)),
        GraphQLError(f"Int cannot represent non-integer value: '{CANARY}'", path=["viewer", "size"]),
        GraphQLError(f"Expected value of type 'Account' but got: <Row {CANARY}>.", path=["account"]),
        GraphQLError(CANARY, original_error=GraphQLError(CANARY, original_error=KeyError(CANARY))),
    ],
)
def test_a_defect_is_logged_under_the_id_that_alone_is_told(
    error: GraphQLError, caplog: pytest.LogCaptureFixture
) -> None:
    told = public(error).formatted

    assert_silent(repr(told))
    assert (told["message"], told["extensions"]["code"]) == (DEFECT, "INTERNAL")
    assert told["extensions"]["requestId"] in caplog.text
    assert "canary-5b1f0c7e" in caplog.text


@pytest.mark.parametrize(
    "message",
    [
        "Argument 'first' has invalid value: Expected value of type 'Int'.",
        "Cannot return null for non-nullable field Account.name.",
    ],
)
def test_what_graphql_says_of_the_callers_own_document_is_told_while_it_executes(message: str) -> None:
    assert public(GraphQLError(message, path=["account"])).formatted["message"] == message


def formats_errors(node: ast.AST) -> bool:
    """Turns errors into what is told, or exceptions into text."""
    if isinstance(node, ast.Attribute) and node.attr in {"formatted", "format_exc", "print_exc"}:
        return True
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in {"str", "repr"}:
        return False
    return bool(node.args) and ast.unparse(node.args[0]) in {"error", "exception", "exc", "failure"}


MAY_SPEAK_OF_ERRORS = {
    "edge/auth.py",  # a body's own errors, of ours by type
    "edge/commands_issuers.py",  # to operators
    "edge/doctor/issuers.py",  # likewise
    "edge/documents/commands.py",  # likewise
    "edge/execution.py",  # its own error
    "edge/exposure/masking.py",
    "edge/parts.py",  # as execution.py
    "edge/protocols/parameters.py",  # as auth.py
    "edge/protocols/socket_messages.py",  # as auth.py
    "edge/setting.py",  # to operators
    "edge/settings.py",  # likewise
}


def test_errors_become_text_in_masking_alone_and_where_they_are_known_to_be_ours() -> None:
    found = {
        name
        for name, tree in sources().items()
        if name.startswith("edge/") and any(formats_errors(node) for node in ast.walk(tree))
    }

    assert found <= MAY_SPEAK_OF_ERRORS


# Headers


@pytest.mark.parametrize(
    "path", ["/graphql", "/graphiql", "/health/live", "/nowhere", "/auth/token", "/metrics", "/graphiql/assets/none.js"]
)
async def test_every_answer_tells_browsers_what_not_to_do(served: Gateway, path: str) -> None:
    headers = (await served.http.get(path)).headers

    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("x-frame-options") == ["DENY"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    assert headers.get_list("cache-control") == ["no-store"]
    assert headers["strict-transport-security"] == "max-age=63072000"
    assert len(headers.get_list("content-security-policy")) == 1
    assert "default-src 'none'" in headers["content-security-policy"]


async def test_an_answer_loads_nothing_and_is_shown_within_nothing(served: Gateway) -> None:
    policy = (await ask(served)).headers["content-security-policy"]

    assert policy == "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


async def test_a_browser_is_told_to_insist_on_tls_only_where_there_is_tls(live_server: str) -> None:
    async with httpx.AsyncClient(base_url=live_server) as http:
        headers = (await http.get("/health/live")).headers

    assert "strict-transport-security" not in headers
    assert "server" not in headers


async def test_a_defect_that_nobody_caught_tells_browsers_so_too(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def defect(_request: object) -> None:
        raise RuntimeError(CANARY)

    headers = (await served.http.get("/health/live")).headers
    monkeypatch.setattr("edge.protocols.http.GraphQL.__call__", lambda _self, scope, *_given: defect(scope))
    answer = await served.http.get("/graphql")
    told = {name: value for name, value in answer.headers.items() if name in headers}

    assert (answer.status_code, code(answer)) == (500, "INTERNAL")
    assert "strict-transport-security" in told
    assert told.keys() == headers.keys()
    assert_silent(answer.content)


# Hosts


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:1", "localhost", "LOCALHOST:80", "gateway.example.com", "other.example:8000", "[2001:db8::1]:80"],
)
async def test_the_gateway_answers_to_its_names(served: Gateway, host: str) -> None:
    assert (await ask(served, host=host)).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "localhost.evil.example", "evil.localhost", "localhost@evil.example", "[::1]evil.example",
        "localhost:80@evil.example", "localhost:80:80", "localhost/", "localhost.", "[::1]:80:80", "[::1", "",
        "127.0.0.1, evil.example", "xgateway.example.com",
    ],
)  # fmt: skip
async def test_the_gateway_answers_to_no_other_name(served: Gateway, host: str) -> None:
    answer = await ask(served, host=host)

    assert (answer.status_code, code(answer)) == (400, "BAD_HOST")
    assert "evil" not in answer.text


async def test_a_name_that_a_proxy_forwards_counts_for_nothing(served: Gateway) -> None:
    assert (await ask(served, x_forwarded_host="evil.example")).status_code == 200
    assert (await ask(served, host="evil.example", x_forwarded_host="localhost")).status_code == 400


async def test_a_socket_is_opened_by_our_names_alone(served: Gateway) -> None:
    name, port = served.served.url.split(":")
    with pytest.raises(InvalidStatus) as refused:
        async with connect("ws://evil.example/graphql", subprotocols=[PROTOCOL], host=name, port=int(port), proxy=None):
            pass

    assert refused.value.response.status_code == 403


async def test_health_is_told_by_any_name(served: Gateway) -> None:
    assert (await served.http.get("/health/live", headers={"host": "10.0.0.7"})).status_code == 200


@pytest.mark.parametrize(("host", "name"), [("A:1", "a"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("", "")])
def test_the_name_is_what_stands_before_the_port(host: str, name: str) -> None:
    assert name_in(host) == name


# Other sites


@pytest.mark.parametrize("origin", [EVIL, "null", PANEL + ".evil.example", PANEL.replace("https", "http"), "http://["])
async def test_a_page_of_another_site_can_do_nothing(served: Gateway, origin: str) -> None:
    answer = await ask(served, origin=origin)

    assert (answer.status_code, code(answer)) == (403, "CSRF_REFUSED")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", [PANEL, PUBLIC])
async def test_pages_of_listed_origins_and_our_own_may(served: Gateway, origin: str) -> None:
    assert (await ask(served, origin=origin)).status_code == 200


async def test_a_page_of_ours_is_known_by_the_name_that_is_asked_for(served: Gateway) -> None:
    assert (await ask(served, host="localhost:8000", origin="http://localhost:8000")).status_code == 200
    assert (await ask(served, host="localhost:8000", origin="http://localhost:9000")).status_code == 403


@pytest.mark.parametrize("path", ["/graphql", "/graphql/abc", "/auth/token", "/api/accounts"])
async def test_what_a_browser_says_to_come_from_elsewhere_is_refused(served: Gateway, path: str) -> None:
    answer = await served.http.get(path, headers={"sec-fetch-site": "cross-site"})

    assert answer.status_code == 403


SIMPLE = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""]


@pytest.mark.parametrize("content_type", [*SIMPLE, "text/plain; application/json"])
async def test_what_any_page_could_have_had_sent_is_not_looked_at(served: Gateway, content_type: str) -> None:
    headers = {"content-type": content_type, "authorization": "Basic YTpi"}
    answer = await served.http.post("/graphql", content=b'{"query":"{ viewer { reach } }"}', headers=headers)

    assert (answer.status_code, code(answer)) == (403, "CSRF_REFUSED")


@pytest.mark.parametrize("name", ["graphql-require-preflight", "apollo-require-preflight"])
async def test_what_a_browser_asks_about_first_is_looked_at(served: Gateway, name: str) -> None:
    headers = {"content-type": "text/plain", "authorization": "", name: "1"}

    assert (await served.http.post("/graphql", content=b"", headers=headers)).status_code == 401


@pytest.mark.parametrize("content_type", SIMPLE[:3])
async def test_no_form_runs_an_operation_whoever_sends_it(served: Gateway, content_type: str) -> None:
    answer = await served.http.post("/graphql", content=b"query=x", headers={"content-type": content_type})

    assert (answer.status_code, code(answer)) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_no_page_of_another_site_signs_anybody_in(served: Gateway) -> None:
    form = {"grant_type": "password", "username": "a", "password": "b"}

    assert (await served.http.post("/auth/token", data=form, headers={"origin": EVIL})).status_code == 403
    assert (await served.http.post("/auth/token", data=form, headers={"origin": PANEL})).status_code == 400


async def test_a_socket_is_opened_for_no_page_of_another_site(served: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with client(served.served, origin=EVIL):
            pass
    async with client(served.served, origin=PANEL):
        pass

    assert refused.value.response.status_code == 403


async def test_no_answer_sets_a_cookie_but_the_one_that_sends_to_an_issuer(served: Gateway) -> None:
    for path in ("/graphql", "/graphiql", "/auth/token"):
        assert "set-cookie" not in (await served.http.get(path)).headers
    assert {name for name, tree in sources().items() if "set_cookie" in ast.unparse(tree)} == {"edge/sso.py"}


FORGED = {"hostname", "netloc", "scheme", "port"}
"""Of `request.url`: what the client says about itself in `Host`."""


def test_nobody_is_let_in_by_what_the_url_says() -> None:
    found = {
        f"{name}: {ast.unparse(node)}"
        for name, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and (node.attr == "base_url" or (node.attr in FORGED and ast.unparse(node.value).endswith(".url")))
    }

    assert found == set()


# CORS


async def test_a_listed_page_may_ask_what_it_may_send_and_read_the_answer(served: Gateway) -> None:
    asked = await served.http.options("/graphql", headers=PREFLIGHT)
    answer = await ask(served, origin=PANEL)

    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == answer.headers["access-control-allow-origin"] == PANEL
    assert "authorization" in asked.headers["access-control-allow-headers"]
    assert "x-request-id" in answer.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in {**asked.headers, **answer.headers}
    assert "Origin" in ", ".join(answer.headers.get_list("vary"))


async def test_another_page_is_told_nothing_of_what_it_may_send(served: Gateway) -> None:
    asked = await served.http.options("/graphql", headers=PREFLIGHT | {"origin": EVIL})

    assert not any(name.startswith("access-control") for name in asked.headers)


async def test_unless_an_origin_is_listed_nothing_is_shared(live_server: str) -> None:
    async with httpx.AsyncClient(base_url=live_server) as http:
        asked = await http.options("/graphql", headers=PREFLIGHT)

    assert not any(name.startswith("access-control") for name in asked.headers)


@pytest.mark.parametrize("text", ["*", "https://*.example.com", "https://a.example/path", "a.example", "null"])
def test_origins_are_listed_exactly(text: str) -> None:
    with pytest.raises(Exception, match=r"CANOPY_ORIGINS is .* it takes https://host"):
        Settings.from_environment({"CANOPY_ORIGINS": text})


@pytest.mark.parametrize("text", ["*", "*.example.com", "https://a.example", "a.example:80"])
def test_hosts_are_listed_exactly(text: str) -> None:
    with pytest.raises(Exception, match=r"CANOPY_HOSTS is .* it takes names"):
        Settings.from_environment({"CANOPY_HOSTS": text})
