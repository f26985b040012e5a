"""Nothing of a row out of view is told by any way that there is, and nothing of any row is logged.

What an operation may show is proven elsewhere, without a server; here, that no way of telling it shows more.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from functools import partial

import pytest

from edge.limits.settings import LimitSettings
from edge.protocols.settings import ProtocolSettings
from edge.telemetry.logs import JsonLines
from edge.telemetry.settings import TelemetrySettings
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import happens, token
from tests.scan import View, at_once, lists
from tests.templates import opened
from tests.transports import MULTIPART, SSE, Gateway, gateway
from tests.ways import Way, posted, rest, socket, ways

EVERYTHING = at_once(lists(1, 20))
WIDE = LimitSettings(
    max_root_fields=1_000, max_cost=1_000_000, max_tokens=15_000, max_aliases=1_000, max_selections=20_000
)
HIDDEN = (9, 10, 11, 12)
CHANGE = (
    'mutation { accountUpdate(input: {account: "acc_%s", externalId: "x", expectedVersion: 1,'
    ' idempotencyKey: "KEY"}) { account { name } userErrors { message path code } } }'
)
BY_ID = "{ nodes(ids: [%s]) { __typename id } }"


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    """A gateway that takes whatever is asked, and to which every operation is slow."""
    async with gateway(
        sqlite_databases,
        world,
        tmp_path_factory.mktemp("rows"),
        limits=WIDE,
        protocols=ProtocolSettings(batch=10, max_url=2**20),
        telemetry=TelemetrySettings(slow_seconds=0),
    ) as made:
        yield made


@pytest.fixture(scope="module")
async def secrets(served: Gateway, world: World) -> set[str]:
    """Texts of rows that the reseller's administrator must not see, each of which names whose row it is."""
    caller = await served.served.service.callers.behind(token(served.served, world, 2))
    found = {text for text in View(world, caller).secrets if text.startswith("LEAK-")}
    assert len(found) > 100
    return found


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """Whatever the gateway logs, however much it is told to, as it does."""
    told: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(self.format(record))

    handler = Lines()
    handler.setFormatter(JsonLines())
    of = [logging.getLogger(name) for name in ("canopy", "uvicorn", "starlette", "asyncpg", "sqlalchemy", "graphql")]
    before = [each.level for each in of]
    for each in of:
        each.addHandler(handler)
        each.setLevel("INFO" if each.name == "uvicorn" else "DEBUG")
    yield told
    for each, level in zip(of, before, strict=True):
        each.removeHandler(handler)
        each.setLevel(level)


ASKED = ways(EVERYTHING) | {
    f"rest, {name}": rest("GET", f"/api/{name}?first=100") for name in ("users", "orders", "products", "prices")
}


@pytest.mark.parametrize("name", ASKED)
async def test_nothing_of_a_row_out_of_view_is_told(
    served: Gateway, world: World, secrets: set[str], name: str
) -> None:
    told = (await ASKED[name](served, world)).decode()

    assert "LEAK-2-" in told or "LEAK-0-" in told, told[:1000]
    assert [each for each in secrets if each in told] == []


REFUSED: dict[str, Way] = {
    **ways(BY_ID % ", ".join(f'"acc_{each}"' for each in HIDDEN)),
    "change": posted(CHANGE % 9, SSE),
    "change, socket": socket(CHANGE % 9),
    "rest, one": rest("GET", "/api/accounts/acc_9"),
    "rest, change": rest("POST", "/api/customers", {"vendor": "acc_9", "name": "A customer"}),
    "no page": rest("GET", "/api/LEAK-nothing"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_nothing_is_told_of_a_row_out_of_view_that_is_asked_for_by_its_id(
    served: Gateway, world: World, secrets: set[str], name: str
) -> None:
    told = (await REFUSED[name](served, world)).decode()

    assert [each for each in secrets if each in told] == []
    assert '"acc_9"' not in told.replace('\\"', '"')


LISTENING = "subscription { accountChanged { eventId kind account { name vendor { name } parent { name } } } }"


async def stream(served: Gateway, _world: World, accept: str) -> bytes:
    """What a stream tells until it tells of the caller's own account."""
    told = b""
    async with served.http.stream("POST", "/graphql", json={"query": LISTENING}, headers={"accept": accept}) as answer:
        async for more in answer.aiter_bytes():
            told += more
            if b"LEAK-2-" in told:
                break
    return told


LIVE: dict[str, Way] = {
    "sse": partial(stream, accept=SSE),
    "multipart": partial(stream, accept=MULTIPART),
    "socket": socket(LISTENING, until=b"LEAK-2-"),
}


@pytest.mark.parametrize("name", LIVE)
async def test_nothing_is_told_of_what_happens_to_a_row_out_of_view(
    served: Gateway, world: World, secrets: set[str], name: str
) -> None:
    """What happens to its own account is told after all that isn't."""
    listening = asyncio.ensure_future(LIVE[name](served, world))
    async with opened(served.database_url) as store, asyncio.timeout(10):
        while not listening.done():
            await happens(store, *HIDDEN, 2)
            await asyncio.sleep(0.05)
    told = (await listening).decode()

    assert "LEAK-2-" in told
    assert [each for each in secrets if each in told] == []


async def test_nothing_of_any_row_and_nobodys_login_is_logged(served: Gateway, world: World, logged: list[str]) -> None:
    for way in [*ASKED.values(), *REFUSED.values()]:
        await way(served, world)
    told = "\n".join(logged)
    logins = [user["login"] for user in world["app_user"]]

    assert told.count("slow operation") >= len(ASKED)
    assert "LEAK-" not in told
    assert [login for login in logins if login in told] == []
    assert token(served.served, world, 2).rpartition(".")[2] not in told
