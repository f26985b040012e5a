"""Malformed requests: each is answered in JSON with a code, by 4xx, and the connection goes on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
import orjson
import pytest

from edge.limits.body import BodyError, parsed
from edge.protocols.settings import ProtocolSettings
from tests.databases import Databases
from tests.hierarchy import World
from tests.transports import JSON, RESPONSE, Gateway, code, gateway, silence

QUERY = "{ viewer { reach } }"
GOOD = b'{"query":"{ viewer { reach } }"}'
CODES = {
    "BAD_REQUEST", "BODY_TOO_LARGE", "GRAPHQL_PARSE_FAILED", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT",
    "OPERATION_RESOLUTION_FAILURE", "LIMIT_EXCEEDED", "UNSUPPORTED_MEDIA_TYPE", "NOT_ACCEPTABLE", "URI_TOO_LONG",
    "UNAUTHENTICATED", "REQUEST_TIMEOUT", "METHOD_NOT_ALLOWED", "NOT_FOUND",
    "HEAD_TOO_LARGE", "BAD_HOST",
}  # fmt: skip  # a list


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    settings = ProtocolSettings(body_seconds=0.2)
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("malformed"), protocols=settings) as served:
        yield served


def with_variables(value: str) -> bytes:
    return b'{"query":"{ viewer { reach } }","variables":{"a":' + value.encode() + b"}}"


NO_REQUEST: list[bytes] = [
    # not JSON
    b"", b" ", b"{", b"}", b"[", b"{]", b"{'query':'x'}", b"query={viewer{reach}}", b"{viewer{reach}}", b"nul", b"+1",
    b"01", b"1.", b".5", b"NaN", b"Infinity", b"-", b'"', b'"\\x"', b'"\\ud800"', b'{"query"}', b'{"query":}',
    b'{"query":"x",}', b'{"query":"x"}}', b'{"query":"x"}{"query":"x"}', b'{query:"x"}', b"// x\n{}",
    b'\xef\xbb\xbf{"query":"{ viewer { reach } }"}', b'{"query":"\n"}', b'{"query":"\x00"}',
    # not UTF-8
    b"\xff\xfe", b'{"query":"\xff"}', b'{"query":"\xc0\xaf"}', b'{"query":"\xed\xa0\x80"}',
    '{"query":"{ viewer { reach } }"}'.encode("utf-16"), '{"query":"x"}'.encode("utf-32"), b"\x1f\x8b\x08\x00",
    # not an object
    b"5", b"-5", b"1e999", b"9" * 5000, b'"x"', b"null", b"true", b"false", b"[]", b"[1]", b"[null]", b"[[]]", b"[{}]",
    b'[{"query":"{ viewer { reach } }"}]', b"1.5",
    # nested too deep
    b"[" * 100_000, b"[" * 2000 + b"]" * 2000, b"[" * 65 + b"]" * 65, b'{"a":' * 50_000,
    b'{"a":' * 65 + b"1" + b"}" * 65,
    with_variables("[" * 65 + "]" * 65), with_variables('{"a":' * 64 + "1" + "}" * 64),
    # too many values
    with_variables("[" + "[]," * 20_000 + "1]"), with_variables("[" + "1," * 20_000 + "1]"),
    # numbers that would change
    with_variables("9" * 21), with_variables("-" + "9" * 21), with_variables("9" * 5000),
    with_variables("[1,[" + "1" * 22 + "]]"),
    # no document
    b"{}", b'{"Query":"{ viewer { reach } }"}', b'{"query":null}', b'{"variables":{}}', b'{"operationName":"A"}',
    b'{"query":"{ viewer { reach } }","query":null}',
    # wrong types
    *(b'{"query":' + each + b"}" for each in (b"5", b"0", b"1.5", b"true", b"false", b"[]", b"{}", b'["x"]',
    b'{"a":1}')),
    *(
        b'{"query":"{ viewer { reach } }","' + name + b'":' + value + b"}"
        for name, values in {
            b"variables": (b"5", b"0", b"false", b"true", b'"x"', b'""', b"[]", b"[1]", b'"{}"'),
            b"operationName": (b"5", b"0", b"false", b"[]", b"{}", b'["A"]'),
            b"extensions": (b"5", b"0", b"false", b'"x"', b'""', b"[]"),
        }.items()
        for value in values
    ),
]  # fmt: skip  # a table


def test_what_is_too_much_is_found_before_anything_is_made_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.limits.body.orjson.loads", pytest.fail)

    with pytest.raises(BodyError, match="more than 20,000 values"):
        parsed(with_variables("[" + "[]," * 60_000 + "1]"))


def test_brackets_and_digits_in_texts_are_texts() -> None:
    text = '[{"' * 100 + "1" * 30

    assert parsed(orjson.dumps([text, [text]])) == [text, [text]]
    assert parsed(orjson.dumps([","] * 9_999)) == [","] * 9_999


@pytest.mark.parametrize("sent", NO_REQUEST, ids=lambda sent: repr(sent[:40]))
@pytest.mark.parametrize("accept", [JSON, RESPONSE])
async def test_what_is_no_request_is_a_bad_request(served: Gateway, sent: bytes, accept: str) -> None:
    answer = await served.post(sent, accept)

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")
    assert answer.headers["content-type"].startswith(accept)
    assert "data" not in answer.json()


def test_there_are_over_a_hundred_of_them() -> None:
    assert len(NO_REQUEST) > 90


CANNOT_RUN: list[tuple[str, str]] = [
    ("", "GRAPHQL_PARSE_FAILED"), (" ", "GRAPHQL_PARSE_FAILED"), ("{", "GRAPHQL_PARSE_FAILED"), ("}",
    "GRAPHQL_PARSE_FAILED"),
    ("# nothing", "GRAPHQL_PARSE_FAILED"), ("\ufeff", "GRAPHQL_PARSE_FAILED"),
    ("{ viewer { reach }", "GRAPHQL_PARSE_FAILED"), ("query { viewer { reach } } }", "GRAPHQL_PARSE_FAILED"),
    ('{ account(id: "', "GRAPHQL_PARSE_FAILED"), ('{ account(id: """', "GRAPHQL_PARSE_FAILED"),
    ("{ viewer { reach } } \x00", "GRAPHQL_PARSE_FAILED"), ("\u2028", "GRAPHQL_PARSE_FAILED"), ("\U0001f3c3",
    "GRAPHQL_PARSE_FAILED"),
    ("{ nodes(ids: [" + "9" * 5000 + ") { id } }", ""), ("{ " * 500, ""), ("{ viewer " * 3000, ""),
    ("query($a: [[[[[[[[Int]]]]]]]]) { viewer { reach } }", "GRAPHQL_VALIDATION_FAILED"),
    ("type Query { a: Int }", "GRAPHQL_VALIDATION_FAILED"), ("extend type Query { a: Int }",
    "GRAPHQL_VALIDATION_FAILED"),
    ("fragment A on Query { viewer { reach } }", ""), ("{ ...A }", "GRAPHQL_VALIDATION_FAILED"),
    ("{ ...A } fragment A on Query { ...A }", "GRAPHQL_VALIDATION_FAILED"),
    ("{ viewer { reach } } { viewer { reach } }", "GRAPHQL_VALIDATION_FAILED"),
    ("query A { viewer { reach } } query A { viewer { reach } }", "GRAPHQL_VALIDATION_FAILED"),
    ("{ viewer { reach } @nothing }", "GRAPHQL_PARSE_FAILED"), ("{ viewer @nothing { reach } }",
    "GRAPHQL_VALIDATION_FAILED"),
    ("{ viewer @skip { reach } }", "GRAPHQL_VALIDATION_FAILED"), ("{ viewer(x: 1) { reach } }",
    "GRAPHQL_VALIDATION_FAILED"),
    ("{ node { id } }", "GRAPHQL_VALIDATION_FAILED"), ("{ account(id: {}) { id } }", "GRAPHQL_VALIDATION_FAILED"),
    ("mutation { nonsense }", "GRAPHQL_VALIDATION_FAILED"), ("subscription { nonsense }", "GRAPHQL_VALIDATION_FAILED"),
]  # fmt: skip  # a table


@pytest.mark.parametrize(("query", "why"), CANNOT_RUN, ids=lambda each: repr(each[:30]))
@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (RESPONSE, 400)])
async def test_a_document_that_cannot_run_is_a_request_error(
    served: Gateway, query: str, why: str, accept: str, status: int
) -> None:
    answer = await served.ask(query, accept)

    assert answer.status_code == status
    assert code(answer) in CODES
    assert not why or code(answer) == why
    assert "data" not in answer.json()


VARIABLES: list[Any] = [
    {}, {"id": None}, {"id": []}, {"id": ["acc_2"]}, {"id": {}}, {"id": True}, {"id": 1.5}, {"id": {"a": {"b": []}}},
]  # fmt: skip  # a list


@pytest.mark.parametrize("variables", VARIABLES, ids=repr)
async def test_variables_that_do_not_fit_are_a_request_error(served: Gateway, variables: Any) -> None:
    answer = await served.ask("query($id: ID!) { account(id: $id) { id } }", RESPONSE, variables=variables)

    assert (answer.status_code, code(answer)) == (400, "BAD_USER_INPUT")
    assert "data" not in answer.json()


STRANGE: list[Any] = [
    "",
    "\x00",
    "\n",
    "acc_",
    "acc_0",
    "acc_-1",
    "acc_" + "9" * 30,
    "usr_1",
    "é" * 500,
    "acc_2\x00",
    0,
    -1,
    2**62,
]


@pytest.mark.parametrize("given", STRANGE, ids=repr)
async def test_an_id_that_names_nothing_is_nothing(served: Gateway, given: Any) -> None:
    answer = await served.ask("query($id: ID!) { node(id: $id) { id } }", RESPONSE, variables={"id": given})

    assert (answer.status_code, answer.json()) == (200, {"data": {"node": None}})


URLS = [
    "", "query", "query=", "query=%7B", "query=%FF", "query=%7B%20viewer%20%7B%20reach%20%7D%20%7D&query=x", "quer=x",
    "query={viewer{reach}}&variables=x", "query={viewer{reach}}&variables=5", "query={viewer{reach}}&variables=[]",
    "query={viewer{reach}}&variables=%22x%22", "query={viewer{reach}}&extensions=5",
    "query={viewer{reach}}&extensions={",
    "query={viewer{reach}}&variables=" + "[" * 2000, "query={viewer{reach}}&variables={%22a%22:" + "9" * 50 + "}",
    "&".join(f"a{number}=b" for number in range(30)), "query={viewer{reach}}&operationName=B", "%", "%zz",
    "query=%zz", "query=%",
]  # fmt: skip  # a list


@pytest.mark.parametrize("query", URLS, ids=lambda url: url[:40])
async def test_a_url_that_asks_for_nothing_is_a_request_error(served: Gateway, query: str) -> None:
    answer = await served.http.get(f"/graphql?{query}", headers={"accept": RESPONSE})

    assert answer.status_code == 400
    assert code(answer) in CODES
    assert "data" not in answer.json()


async def test_a_url_that_is_too_long_is_told_so(served: Gateway) -> None:
    answer = await served.http.get("/graphql?query=" + quote("{ viewer { reach } }" + " " * 16_000))

    assert (answer.status_code, code(answer)) == (414, "URI_TOO_LONG")


CONTENT_TYPES = [
    "", "x", "text/plain", "application/graphql", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16", "application/json; charset=iso-8859-1", "application/jsonx", "application/*",
    "application/graphql+json", "text/json", "json",
]  # fmt: skip  # a list


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
async def test_a_body_of_another_kind_is_not_taken(served: Gateway, content_type: str) -> None:
    answer = await served.post(GOOD, content_type=content_type)

    assert (answer.status_code, code(answer)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity", "x"])
async def test_a_packed_body_is_not_unpacked(served: Gateway, encoding: str) -> None:
    answer = await served.post(GOOD, content_encoding=encoding)

    assert (answer.status_code, code(answer)) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "accept", ["image/png", "application/json;q=0", "nonsense", "text/html", "application/xml, text/csv"]
)
async def test_who_takes_none_of_our_forms_is_told_them(served: Gateway, accept: str) -> None:
    answer = await served.ask(QUERY, accept)

    assert (answer.status_code, code(answer)) == (406, "NOT_ACCEPTABLE")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_live_operation_is_no_plain_json(served: Gateway) -> None:
    for accept in ("", "*/*", JSON, RESPONSE):
        answer = await served.ask("subscription { accountChanged { kind } }", accept)
        assert (answer.status_code, code(answer)) == (406, "NOT_ACCEPTABLE")
        assert "text/event-stream" in answer.text


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "bearer x",
        "Bearer x.y.z",
        "Basic YTpi",
        "Bearer \xff",
        "Bearer " + "x" * 20_000,
        "x" * 5000,
    ],
)
async def test_a_token_that_is_none_is_a_strangers(served: Gateway, authorization: str) -> None:
    headers: Any = {"authorization": authorization.encode("latin-1"), "content-type": JSON}
    answer = await served.http.post("/graphql", content=GOOD, headers=headers)

    assert (answer.status_code, code(answer)) == (401, "UNAUTHENTICATED")


# How much, and how slowly


async def test_a_body_that_is_too_large_is_refused_announced_or_not(served: Gateway) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(300):
            yield b" " * 1024

    for content in (b" " * (256 * 1024 + 1), chunks()):
        request = served.http.build_request("POST", "/graphql", content=content, headers={"content-type": JSON})
        answer = await served.http.send(request)
        assert (answer.status_code, code(answer)) == (413, "BODY_TOO_LARGE")


async def test_a_body_as_large_as_it_may_be_is_read(served: Gateway) -> None:
    answer = await served.post(GOOD + b" " * (256 * 1024 - len(GOOD)))

    assert answer.json() == {"data": {"viewer": {"reach": "SUBTREE"}}}


async def test_a_body_that_does_not_come_is_not_waited_for(served: Gateway) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.5)
        yield b"}"

    answer = await served.http.post("/graphql", content=slow(), headers={"content-type": JSON})

    assert (answer.status_code, code(answer)) == (408, "REQUEST_TIMEOUT")


async def test_a_client_that_leaves_within_its_body_is_no_defect(
    served: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    host, _, port = served.served.url.partition(":")
    _reader, writer = await asyncio.open_connection(host, int(port))
    head = (
        f"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\ncontent-length: 100\r\nauthorization: "
    )
    writer.write(head.encode() + served.http.headers["authorization"].encode() + b"\r\n\r\n{")
    with silence(caplog):
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.3)
        assert (await served.ask(QUERY)).status_code == 200


async def test_a_connection_goes_on_after_what_was_malformed(served: Gateway) -> None:
    host, _, port = served.served.url.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def ask(content: bytes) -> int:
        head = (
            f"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: {JSON}\r\n"
            f"content-length: {len(content)}\r\nauthorization: "
        )
        writer.write(head.encode() + served.http.headers["authorization"].encode() + b"\r\n\r\n" + content)
        told = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(told.split("content-length: ")[1].split("\r\n")[0])
        await reader.readexactly(length)
        return int(told.split(" ")[1])

    statuses = [await ask(content) for content in (b"[", GOOD, b"\xff", b"null", GOOD)]
    writer.close()

    assert statuses == [400, 200, 400, 400, 200]


RAW = [
    b"\r\n\r\n", b"GET", b"\x00\x01\x02\r\n\r\n", b"POST /graphql\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
    b"GET /graphql HTTP/1.0\r\n\r\n", b"GET /graphql HTTP/1.1\r\n\r\n",
    b"GET /\x00 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    b"GET /graphql HTTP/1.1\r\nhost: localhost\r\na: \x00\r\n\r\n",
    b"GET /graphql HTTP/1.1\r\nhost: localhost\r\na: " + b"x" * 70_000 + b"\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n",
    b"POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
    b"GET /graphql HTTP/1.1\r\nhost: localhost\r\n\r\n" * 20,
    b"GET /graphql HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
]  # fmt: skip  # a list


@pytest.mark.parametrize("sent", RAW, ids=lambda sent: repr(sent[:40]))
@pytest.mark.filterwarnings("ignore")
async def test_no_bytes_stop_the_process(served: Gateway, sent: bytes) -> None:
    """What is no HTTP is refused before any handler, and told so as everything is."""
    host, _, port = served.served.url.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    told = b""
    try:
        async with asyncio.timeout(0.15):
            while more := await reader.read(65_536):
                told += more
    except (TimeoutError, ConnectionError):
        pass
    writer.close()

    assert not told.startswith(b"HTTP/1.1 5")
    if told.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431")) and b"websocket" not in sent:
        assert orjson.loads(told.split(b"\r\n\r\n", 1)[1])["errors"][0]["extensions"]["code"] in CODES
    assert (await served.ask(QUERY)).status_code == 200


async def test_the_gateway_still_answers(served: Gateway) -> None:
    answers: list[httpx.Response] = await asyncio.gather(*(served.ask(QUERY) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
