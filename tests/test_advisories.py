"""Advisories of GraphQL servers, each as a sentence about this one: what was wrong there stays impossible here."""

import ast
import asyncio
import base64
import re
from collections.abc import AsyncIterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLError
from starlette.responses import FileResponse
from websockets.typing import Subprotocol

from edge.protocols.socket_messages import NOT_ACCEPTABLE
from resolvers.operation import OPERATIONS
from resolvers.privileges import Privilege
from schema import executor, schema
from schema.errors import public
from schema.node import NOUNS
from tests.canary import CANARY, PlantedError, assert_silent
from tests.changes import user_of
from tests.databases import Databases
from tests.hierarchy import PARENT, World
from tests.listening import ACCOUNTS, happens, heard, token
from tests.live import client
from tests.templates import opened
from tests.test_architecture import ROOT, sources
from tests.transports import Gateway, code, gateway

HELLO = "{ viewer { reach } }"
ADVISORIES = [
    "cve_2024_47082", "cve_2025_22151", "cve_2026_35523", "ghsa_vpwc_v33q_mq89", "cve_2026_35526", "cve_2026_45739",
    "cve_2026_47706", "cve_2026_47707", "strawberry_4369", "found_by_us", "cve_2023_30798", "cve_2024_47874",
    "cve_2025_62727", "cve_2026_48710", "pysec_2026_248", "cve_2025_32030", "cve_2025_32032", "cve_2025_32034",
    "cve_2025_32380", "cve_2026_33756", "cve_2026_35401", "cve_2026_24136", "cve_2026_48744", "cve_2026_80223",
    "cve_2026_81643", "cve_2026_81636", "cve_2026_81633", "cve_2026_78693", "cve_2023_44401",
]  # fmt: skip  # a list of names


@pytest.mark.parametrize("advisory", ADVISORIES)
def test_each_advisory_has_a_test_named_after_it(advisory: str) -> None:
    assert [name for name in globals() if name.startswith("test_") and advisory in name]


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("advisories")) as made:
        yield made


def release(package: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version(package))[:3])


async def refusal(served: Gateway, query: str, **more: Any) -> str:
    """The code with which an operation is refused, without any data."""
    answer = await served.ask(query, **more)
    assert "data" not in answer.json(), answer.text[:500]
    return code(answer)


FIRST_GOOD = {"strawberry-graphql": (0, 316, 0), "starlette": (1, 3, 0)}
"""The first releases without any hole that an advisory below tells of; known here without asking anybody."""


@pytest.mark.parametrize("package", FIRST_GOOD)
def test_neither_what_is_installed_nor_what_is_pinned_has_a_hole_that_is_known_here(package: str) -> None:
    pinned = re.search(rf"^{package}==([\d.]+)", (ROOT / ".ci/constraints.txt").read_text(), re.MULTILINE)

    assert pinned is not None
    assert release(package) >= FIRST_GOOD[package]
    assert tuple(map(int, pinned[1].split("."))) >= FIRST_GOOD[package]


# Strawberry


@pytest.mark.parametrize("is_signed_in", [True, False])
async def test_cve_2024_47082_no_upload_of_a_form_runs_an_operation(served: Gateway, is_signed_in: bool) -> None:
    headers = {} if is_signed_in else {"authorization": ""}
    form: Any = {"operations": (None, f'{{"query": "{HELLO}"}}'), "map": (None, "{}"), "0": ("a.txt", b"x")}
    answer = await served.http.post("/graphql", files=form, headers=headers)

    assert answer.status_code == (415 if is_signed_in else 403)
    assert "reach" not in answer.text


async def test_cve_2025_22151_an_object_is_of_the_type_that_its_id_says(served: Gateway, world: World) -> None:
    assert len({noun.type_name for noun in NOUNS.values()}) == len(NOUNS)
    rows = {"acc": 2, "usr": user_of(world, 2)}
    asked = [f'{one}_{other}: node(id: "{one}_{rows[other]}") {{ __typename id }}' for one in rows for other in rows]
    told = (await served.ask(f"{{ {' '.join(asked)} }}")).json()["data"]

    assert told["acc_acc"] == {"__typename": "Account", "id": "acc_2"}
    assert told["usr_usr"]["__typename"] == "User"
    assert told["acc_usr"] is None  # ids go through all tables, so another type's row is no row
    assert told["usr_acc"] is None


async def test_cve_2026_35523_ghsa_vpwc_v33q_mq89_nobody_subscribes_without_having_been_let_in(served: Gateway) -> None:
    async with client(served.served, subprotocols=[Subprotocol("graphql-ws")]) as old:
        assert (await old.closed())[0] == NOT_ACCEPTABLE[0]
    async with client(served.served) as stranger:
        await stranger.send(type="start", id="1", payload={"query": HELLO})
        assert (await stranger.closed())[0] == 4400
    async with client(served.served) as stranger:
        await stranger.send(type="subscribe", id="1", payload={"query": HELLO})
        assert (await stranger.closed())[0] == 4401


async def test_cve_2026_35526_one_connection_has_so_many_subscriptions_and_no_more(
    served: Gateway, world: World
) -> None:
    async with client(served.served, token(served.served, world, 2)) as listener:
        for number in range(50):
            await listener.subscribe(ACCOUNTS, str(number))
        await listener.subscribe(ACCOUNTS, "one too many")

        assert await listener.code("one too many") in {"TOO_MANY_OPERATIONS", "TOO_MANY_AT_ONCE"}


def test_cve_2026_45739_no_token_gets_into_a_url() -> None:
    """The behaviour in a browser is in test_graphiql.py; here, that no other place writes URLs or keeps headers."""
    scripts = {path.name: path.read_text() for path in (ROOT / "web/src").rglob("*.ts*")}
    writes = re.compile(r"pushState|location\.(?:assign|replace|href\s*=|search\s*=|hash\s*=)")
    keeps = re.compile(r"localStorage\.setItem|document\.cookie")

    assert {name for name, text in scripts.items() if writes.search(text)} == {"returned.ts"}
    assert writes.findall(scripts["returned.ts"]) == ["location.replace"]
    assert "location.replace(`${root}graphiql`);" in scripts["returned.ts"]
    assert {name for name, text in scripts.items() if keeps.search(text)} == {"storage.ts"}
    assert re.findall(r"replaceState\(.*", scripts["link.ts"]) == ["replaceState(null, '', location.pathname);"]


CYCLES = [
    "{ viewer { ...A } } fragment A on Viewer { reach ...A }",
    "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }",
    "{ ...A } fragment A on Query { viewer { reach } ...B } fragment B on Query { ...A ...B }",
]


@pytest.mark.parametrize("query", CYCLES)
async def test_cve_2026_47706_fragments_that_go_in_circles_are_refused(served: Gateway, query: str) -> None:
    assert await refusal(served, query) == "GRAPHQL_VALIDATION_FAILED"


def doubling(levels: int, field: str = "a: reach") -> str:
    """A document of some bytes that stands for 2 ** levels fields."""
    fragments = (f"fragment F{n} on Viewer {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels))
    return f"{{ viewer {{ ...F0 }} }} {' '.join(fragments)} fragment F{levels} on Viewer {{ {field} }}"


@pytest.mark.parametrize("levels", [20, 100])
async def test_cve_2026_47707_aliases_are_counted_through_fragments_without_opening_them(
    served: Gateway, levels: int
) -> None:
    """To open 2 ** 100 of them would take for ever: that it answers is the proof."""
    answer = await served.ask(doubling(levels))
    limits = {error["extensions"]["limit"]: error["extensions"]["value"] for error in answer.json()["errors"]}

    assert code(answer) == "LIMIT_EXCEEDED"
    assert limits["aliases"] >= 2**20


async def test_strawberry_4369_operations_at_once_share_nothing(served: Gateway, world: World) -> None:
    tokens = {account_id: token(served.served, world, account_id) for account_id in PARENT}

    async def whose(account_id: int) -> bool:
        headers = {"authorization": f"Bearer {tokens[account_id]}"}
        body = {"query": "{ viewer { account { id } } }"}
        told = (await served.http.post("/graphql", json=body, headers=headers)).json()
        return bool(told["data"]["viewer"]["account"]["id"] == f"acc_{account_id}")

    assert all(await asyncio.gather(*(whose(account_id) for account_id in [*PARENT] * 3)))
    assert [each for each in schema.extensions if not isinstance(each, type)] == []


@pytest.mark.parametrize("accept", ["multipart/mixed", "text/event-stream"])
async def test_found_by_us_what_comes_later_is_masked_as_what_comes_first(
    served: Gateway, accept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*_given: object) -> None:
        raise PlantedError

    monkeypatch.setattr("resolvers.context.Context.tuples", defect)
    answer = await served.ask("{ viewer { reach ... @defer { account { name parent { name } } } } }", accept)

    assert answer.headers["content-type"].startswith(accept)
    assert "INTERNAL" in answer.text
    assert_silent(answer.content)


@pytest.mark.parametrize("body", [b"5", b"null", b"[null]", b"\xff", b"[" * 100_000, b"9" * 5000, b'{"query":' * 50])
async def test_found_by_us_no_body_is_a_defect_of_ours(served: Gateway, body: bytes) -> None:
    answer = await served.post(body)

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


# Starlette


@pytest.mark.parametrize("path", ["/graphql", "/auth/token"])
async def test_cve_2023_30798_and_cve_2024_47874_no_form_fills_the_memory(served: Gateway, path: str) -> None:
    part = b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n' + b"1" * 50
    body = b"\r\n".join([part] * 10_000) + b"\r\n--x--"
    answer = await served.http.post(
        path, content=body, headers={"content-type": "multipart/form-data; boundary=x", "origin": ""}
    )
    reads = {name for name, tree in sources().items() if ".form()" in ast.unparse(tree)}

    assert 400 <= answer.status_code < 500
    assert reads == set()


async def test_cve_2025_62727_a_header_of_ranges_is_no_work(tmp_path: Path) -> None:
    """It was quadratic in their number: 3,000 of them are done at once, or refused."""
    (tmp_path / "asset.js").write_bytes(b"x" * 10_000)
    transport = httpx.ASGITransport(FileResponse(tmp_path / "asset.js"))
    ranges = "bytes=" + ",".join(f"{n}-{n}" for n in range(0, 6000, 2))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        async with asyncio.timeout(5):
            answer = await http.get("/", headers={"range": ranges})

    assert answer.status_code in {200, 206, 400, 416}
    assert release("starlette") >= (0, 49, 1)


@pytest.mark.parametrize("host", ["evil.example", "evil.example/graphql?", "localhost/..", "a@localhost", "localhost#"])
async def test_cve_2026_48710_nothing_is_decided_by_a_forged_host(served: Gateway, host: str) -> None:
    answer = await served.http.get("/graphql", params={"query": HELLO}, headers={"host": host})

    assert (answer.status_code, code(answer)) == (400, "BAD_HOST")


async def test_pysec_2026_248_a_path_that_looks_like_a_host_is_a_path(served: Gateway) -> None:
    for path in ("//evil.example/graphql", "/\\evil.example", "/%2f%2fevil.example", "/health/live//graphql"):
        answer = await served.http.get(served.http.base_url.join("/").copy_with(raw_path=path.encode()))
        assert answer.status_code == 404, path
        assert "location" not in answer.headers
    assert release("starlette") >= (1, 3, 0)


# Apollo, Saleor, Ash, Silverstripe


@pytest.mark.parametrize("inner", ["reach", "account { id }", "... on Viewer { reach }", "reach @include(if: true)"])
async def test_cve_2025_32030_cve_2025_32032_cve_2025_32034_cve_2025_32380_fragments_are_looked_at_once_each(
    served: Gateway, inner: str
) -> None:
    answer = await served.ask(doubling(60, inner))
    limits = {error["extensions"]["limit"] for error in answer.json()["errors"]}

    assert code(answer) == "LIMIT_EXCEEDED"
    assert "selections" in limits


async def test_cve_2026_33756_operations_do_not_come_in_batches(served: Gateway) -> None:
    answer = await served.post([{"query": HELLO}] * 1000)

    assert (answer.status_code, code(answer)) == (400, "BAD_REQUEST")


async def test_cve_2026_35401_many_changes_by_alias_are_refused_before_the_first(served: Gateway) -> None:
    change = 'm{0}: accountUpdate(input: {{account: "acc_8", expectedVersion: 1, idempotencyKey: "aliases-{0}"}})'
    asked = " ".join(f"{change.format(n)} {{ account {{ id }} }}" for n in range(6))

    assert await refusal(served, f"mutation {{ {asked} }}") == "LIMIT_EXCEEDED"


@pytest.mark.parametrize("field", ["account", "node"])
async def test_cve_2026_24136_what_is_out_of_view_is_what_is_not_there(served: Gateway, field: str) -> None:
    hidden, absent = [await served.ask(f'{{ {field}(id: "acc_{each}") {{ id }} }}') for each in (9, 10**9)]

    assert hidden.content == absent.content
    assert hidden.json()["data"] == {field: None}


async def test_cve_2026_48744_whoever_holds_nothing_may_do_nothing(served: Gateway, world: World) -> None:
    bearer = {"authorization": f"Bearer {served.served.token(user_of(world, 7, 'SERVICE_USER'), 7)}"}
    change = 'mutation { accountUpdate(input: {account: "acc_7", expectedVersion: 1, idempotencyKey: "nothing-1"}) '
    answer = await served.http.post("/graphql", json={"query": change + "{ account { id } } }"}, headers=bearer)

    assert answer.json()["data"] is None or answer.json()["data"]["accountUpdate"] is None
    assert code(answer) == "FORBIDDEN"
    assert len(OPERATIONS) > 50
    assert all(isinstance(each.privilege, Privilege) for each in OPERATIONS.values())


async def test_cve_2026_80223_and_cve_2026_81643_each_event_of_many_is_looked_at_for_each_listener(
    served: Gateway, world: World
) -> None:
    async with opened(served.database_url) as store, client(served.served, token(served.served, world, 9)) as listener:
        await listener.subscribe(ACCOUNTS)
        await happens(store, 11, 7, 3, 2, 11, 1, 5, 12)

        assert [await heard(listener) for _ in range(3)] == [11, 11, 12]
        await listener.nothing()


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        ("first: 1, last: 90", {}),
        ("first: $small, last: $large", {"small": 1, "large": 90}),
        ("first: 1, last: $default", {}),
        ("last: 90", {}),
    ],
)
def test_cve_2026_81636_of_first_and_last_the_larger_is_charged(arguments: str, variables: dict[str, int]) -> None:
    defaults = {"small": 1, "large": 1, "default": 90}
    declared = ", ".join(f"${name}: Int = {value}" for name, value in defaults.items() if f"${name}" in arguments)
    query = f"query({declared})" if declared else ""
    document = executor.document(f"{query} {{ accounts({arguments}) {{ nodes {{ id }} }} }}")
    (operation,) = document.operations.values()
    values = executor.coerced(operation, variables)
    assert not isinstance(values, list)
    estimator = executor.estimator(document, operation, values)
    assert not isinstance(estimator, list)

    assert estimator.estimate(values.coerced) >= 90


GARBAGE = [
    "", "x", "_", "acc_", "acc_x", "acc_-1", "acc_0", "Nonsense_1", "acc_99999999999999999999", "acc_1_1", "é", "\x00",
    base64.b64encode(b"PublicUser:1").decode(), "acc_1'--", "a" * 1000,
]  # fmt: skip  # a list of texts


@pytest.mark.parametrize("given", GARBAGE)
async def test_cve_2026_81633_an_id_of_nothing_is_nothing(served: Gateway, given: str) -> None:
    answer = await served.ask("query($id: ID!) { node(id: $id) { id } }", variables={"id": given})

    assert answer.json()["data"] == {"node": None}
    assert "errors" not in answer.json()


def test_cve_2026_78693_of_a_masked_error_nothing_but_its_place_in_the_answer_is_told() -> None:
    inner = GraphQLError(CANARY, path=["secret", CANARY], original_error=PlantedError(), extensions={"x": CANARY})
    told = public(GraphQLError("x", path=["viewer"], original_error=inner, extensions={"path": [CANARY]})).formatted

    assert told.keys() == {"message", "path", "extensions"}
    assert told["path"] == ["viewer"]
    assert told["extensions"].keys() == {"code", "requestId"}
    assert_silent(repr(told))


@pytest.mark.parametrize("arguments", ["", "(first: 1)", "(last: 1)", "(first: 100)"])
async def test_cve_2023_44401_a_page_shows_what_each_of_its_objects_would(
    served: Gateway, world: World, arguments: str
) -> None:
    bearer = {"authorization": f"Bearer {token(served.served, world, 9)}"}
    body = {"query": f"{{ accounts{arguments} {{ nodes {{ id }} totalCount }} }}"}
    page = (await served.http.post("/graphql", json=body, headers=bearer)).json()["data"]["accounts"]
    singly = " ".join(f'a{n}: account(id: "acc_{n}") {{ id }}' for n in PARENT)
    each = (await served.http.post("/graphql", json={"query": f"{{ {singly} }}"}, headers=bearer)).json()["data"]
    seen = {account["id"] for account in each.values() if account}

    assert {account["id"] for account in page["nodes"]} <= seen
    assert page["totalCount"] == len(seen) < len(PARENT)
