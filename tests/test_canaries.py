"""A defect anywhere is told nowhere: whatever raises it, and by whatever an answer leaves."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphql import get_introspection_query
from starlette.routing import Route

from edge.protocols.settings import ProtocolSettings
from edge.settings import Settings
from gateway import create_app
from tests.canary import PlantedError, assert_silent
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import ACCOUNTS, happens
from tests.templates import opened
from tests.transports import JSON, MULTIPART, RESPONSE, SSE, Gateway, gateway
from tests.ways import Way, posted, rest, socket, ways

QUERY = "{ viewer { account { name parent { name } } } accounts { totalCount nodes { name } } }"
DEFERRED = "{ accounts { nodes { id ... @defer { name parent { name } } } } }"
CHANGE = (
    'mutation { accountUpdate(input: {account: "acc_8", externalId: "x", expectedVersion: 1,'
    ' idempotencyKey: "canaries-KEY"}) { account { name } } }'
)
"""What is done once is not done again under the same key."""
CUSTOMER = {"vendor": "acc_2", "name": "A customer"}


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    directory = tmp_path_factory.mktemp("canaries")
    async with gateway(sqlite_databases, world, directory, protocols=ProtocolSettings(batch=10)) as made:
        yield made


WAYS: dict[str, Way] = {
    **ways(QUERY),
    "change": posted(CHANGE, RESPONSE),
    "deferred below, multipart": posted(DEFERRED, MULTIPART),
    "deferred below, sse": posted(DEFERRED, SSE),
    "change, socket": socket(CHANGE),
    "rest": rest("GET", "/api/accounts"),
    "rest, one": rest("GET", "/api/accounts/acc_2"),
    "rest, change": rest("POST", "/api/customers", CUSTOMER),
    "openapi": rest("GET", "/api/openapi.json"),
    "introspection": posted(get_introspection_query(), JSON),
}
ALL = frozenset(WAYS)
OPERATIONS = ALL - {"openapi"}
DATA = OPERATIONS - {"introspection"}
CHANGES = {"change", "change, socket", "rest, change"}
IN_PARTS = {
    name for name in ALL if name.startswith(("deferred", "streamed")) and name.endswith((", multipart", ", sse"))
}
WHERE = {
    "resolvers.context.Context.tuples": DATA,  # whatever asks the database
    "resolvers.context.Context.__init__": DATA,
    "resolvers.callers.Callers.behind": ALL,
    "edge.operations.preparing.prepared": OPERATIONS,
    "edge.documents.reading.Reading.read": OPERATIONS,
    "edge.documents.resolving.Documents.resolve": OPERATIONS,
    "edge.limits.budget.Budget.reserve": OPERATIONS,
    "resolvers.run.Run.once": CHANGES,
    "schema.execution.documents.Executor.run": DATA - IN_PARTS,
    "schema.limits.cost.Estimator.estimate": OPERATIONS,
}
"""Places, each with the ways that lead there."""


def plant(monkeypatch: pytest.MonkeyPatch, where: str) -> list[str]:
    """Have something fail as only a defect does; what is returned tells how often it did."""
    failed: list[str] = []

    def defect(*_given: object, **_named: object) -> Any:
        failed.append(where)
        raise PlantedError

    monkeypatch.setattr(where, defect)
    return failed


@pytest.mark.parametrize("where", WHERE)
async def test_a_defect_is_told_by_no_way(
    served: Gateway, world: World, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = set()
    for name, way in WAYS.items():
        with monkeypatch.context() as patch:
            failed = plant(patch, where)
            told = await way(served, world)
        assert_silent(told)
        if failed:
            reached.add(name)
            assert b"INTERNAL" in told or b"1013" in told, (name, told[:500])

    assert reached == WHERE[where]


@pytest.mark.parametrize("way", ["sse", "multipart", "socket"])
async def test_a_defect_in_an_event_is_told_by_no_way(
    served: Gateway, world: World, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What listens has begun by the time: the defect is in what it is told."""
    live: Way = socket(ACCOUNTS) if way == "socket" else posted(ACCOUNTS, {"sse": SSE}.get(way, MULTIPART))
    planted = plant(monkeypatch, "resolvers.listener.Listener._look")
    listening = asyncio.ensure_future(live(served, world))
    async with opened(served.database_url) as store:
        while not listening.done() and not planted:
            await asyncio.sleep(0.05)
            await happens(store, 2)
    told = await asyncio.wait_for(listening, 10)

    assert planted
    assert b"INTERNAL" in told
    assert_silent(told)


ELSEWHERE = {
    "/auth/token": "edge.auth._form",
    "/auth/link": "edge.auth._form",
    "/auth/forgotten": "edge.auth._form",
    "/auth/returned": "edge.auth._form",
    "/auth/revoke": "edge.auth._form",
    "/.well-known/jwks.json": "edge.keys.public_jwk",
    "/.well-known/oauth-authorization-server": "edge.keys.service_of",
    "/graphiql": "edge.pages._page",
    "/link": "edge.pages._page",
    "/forgotten": "edge.pages._page",
    "/sign-in/{issuer}": "edge.sso.service_of",
    "/sign-in/{issuer}/callback": "edge.pages._page",
    "/health/live": "edge.telemetry.health.JSONResponse",
    "/health/ready": "edge.telemetry.health._lacking",
    "/metrics": "edge.telemetry.scrape.note_own",
}
"""Every address beside GraphQL's and REST's, with what may fail there."""


@pytest.mark.parametrize("path", ELSEWHERE)
async def test_a_defect_elsewhere_is_told_by_no_answer(
    served: Gateway, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = "POST" if path.startswith("/auth/") else "GET"
    planted = plant(monkeypatch, ELSEWHERE[path])
    answer = await served.http.request(method, path, data={"grant_type": "password"} if method == "POST" else None)

    assert planted
    assert answer.status_code == 500
    assert answer.json()["errors"][0]["extensions"].keys() == {"code", "requestId"}
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert_silent(answer.content)


def test_elsewhere_is_everywhere(tmp_path: Path) -> None:
    app: Any = create_app(Settings(database_url=f"sqlite:///{tmp_path}/none", key_file=tmp_path / "key"))
    found = {route.path for route in app.app.routes if isinstance(route, Route)}

    assert {path for path in found if not path.startswith(("/graphql", "/api"))} == ELSEWHERE.keys()
