"""The test bed: both engines, a database of its own for every test, and trees that tests only read."""

import gc
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import bindparam, select

from models import Account, User, UserKind, UserRole
from models.base import table_of
from models.scope import Reach
from models.statement import Engine, Statement
from models.store import Store
from resolvers.caller import Caller
from resolvers.privileges import ROLES, Privilege
from tests.databases import Databases, PostgresDatabases, SqliteDatabases
from tests.hierarchy import Expectation, World, build, expectations
from tests.lending import end_loans, lent
from tests.nursery import Nursery
from tests.nursery import nursery as opened_nursery
from tests.postgres import GIVEN, ThrowAwayServer
from tests.postgres import Server as PostgresServer
from tests.process import free_port, wait_until_healthy
from tests.sharing import WIDE_ENVIRONMENT
from tests.templates import hierarchy_template, opened, seeded_template
from tests.templates import migrated_template as migrated_template  # for tests that bring a database of their own

pytest_plugins = ["tests.worlds", "tests.office"]

# A busy machine is no reason to fail, and the same examples every time are one to trust a failure.
settings.register_profile("canopy", deadline=None, derandomize=True)
settings.load_profile("canopy")

ROOT = Path(__file__).parent.parent

# Tests speak to this machine, without TLS: to read whom to trust would take each of their clients 20 ms.
os.environ.pop("SSL_CERT_FILE", None)
os.environ["SSL_CERT_DIR"] = str(ROOT / "tests")

_OBJECTS_OF_TESTS = 200_000


def pytest_collection_finish() -> None:
    """Let the garbage collector leave alone what was imported, as the server does: it would cost a fifth of the run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_OF_TESTS, 20, 100)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Which database a test runs on; a test that asks for it, or for a store, runs once on each."""
    return request.param  # type: ignore[no-any-return]  # one of the params above


@pytest.fixture(autouse=True)
def logging_is_left_as_it_was() -> Iterator[None]:
    """Commands that run in this process say how its log is written."""
    root = logging.getLogger()
    level = root.level
    yield
    root.setLevel(level)
    root.handlers[:] = [each for each in root.handlers if type(each) is not logging.StreamHandler]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL server of this run, started when the first test asks for it."""
    given = os.environ.get(GIVEN)
    server = PostgresServer(given) if given else ThrowAwayServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
async def postgresql_databases(postgres: PostgresServer) -> AsyncIterator[Databases]:
    """Makes databases on PostgreSQL. Asynchronous, so it can't be asked for by `getfixturevalue` while a loop runs."""
    databases = PostgresDatabases(postgres)
    yield databases
    await end_loans(databases)
    databases.close()


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Makes databases on SQLite."""
    databases = SqliteDatabases(tmp_path_factory.mktemp("databases"))
    yield databases
    databases.close()


@pytest.fixture(scope="session")
def databases(engine: Engine, request: pytest.FixtureRequest) -> Databases:
    """Makes databases on the engine of the test."""
    return request.getfixturevalue(f"{engine}_databases")  # type: ignore[no-any-return]  # one of the two above


@pytest.fixture
def database_url(databases: Databases) -> Iterator[str]:
    """A migrated database of the test's own: no account in it, the roles named."""
    with databases.copied(migrated_template(databases)) as url:
        yield url


@pytest.fixture
async def store(databases: Databases) -> AsyncIterator[Store]:
    """An open store on such a database."""
    async with lent(databases, migrated_template(databases)) as store:
        yield store


@pytest.fixture
async def sqlite_store(sqlite_databases: Databases) -> AsyncIterator[Store]:
    """The same on SQLite alone, for what happens before the engines differ."""
    with sqlite_databases.copied(migrated_template(sqlite_databases)) as url:
        async with opened(url) as store:
            yield store


@pytest.fixture(scope="session")
def world() -> World:
    """The rows of the hand-made hierarchy."""
    return build()


@pytest.fixture(scope="session")
def expected(world: World) -> list[Expectation]:
    """What the oracle says that every scope sees of the hand-made hierarchy."""
    return expectations(world)


@asynccontextmanager
async def _hierarchy(databases: Databases, world: World) -> AsyncIterator[Store]:
    with databases.copied(hierarchy_template(databases, world)) as url:
        async with opened(url) as store:
            yield store


@pytest.fixture(scope="session")
async def hierarchy(databases: Databases, world: World) -> AsyncIterator[Store]:
    """An open store on the hand-made hierarchy, one for all tests: only to be read."""
    async with _hierarchy(databases, world) as store:
        yield store


@pytest.fixture(scope="session")
async def sqlite_hierarchy(sqlite_databases: Databases, world: World) -> AsyncIterator[Store]:
    """The same for tests of SQLite alone."""
    async with _hierarchy(sqlite_databases, world) as store:
        yield store


@pytest.fixture(scope="session")
async def postgresql_hierarchy(postgresql_databases: Databases, world: World) -> AsyncIterator[Store]:
    """The same for tests of PostgreSQL alone."""
    async with _hierarchy(postgresql_databases, world) as store:
        yield store


@pytest.fixture
async def own_hierarchy(databases: Databases, world: World) -> AsyncIterator[Store]:
    """An open store on the hand-made hierarchy in a database of the test's own, to be changed at will."""
    async with _hierarchy(databases, world) as store:
        yield store


@pytest.fixture(scope="session")
def seeded_url(databases: Databases) -> Iterator[str]:
    """The demo tree, one database for all tests: only to be read."""
    with databases.copied(seeded_template(databases)) as url:
        yield url


@pytest.fixture(scope="session")
async def seeded_store(seeded_url: str) -> AsyncIterator[Store]:
    """An open store on the demo tree."""
    async with opened(seeded_url) as store:
        yield store


_USER, _ACCOUNT, _USER_ROLE = table_of(User).c, table_of(Account).c, table_of(UserRole).c
_CALLER = Statement(
    select(_USER.id, _USER.kind, _USER.path, _ACCOUNT.type.label("account_type"), _ACCOUNT.size_class)
    .select_from(table_of(User).join(table_of(Account), _ACCOUNT.id == _USER.account_id))
    .where(_USER.login == bindparam("login"))
)
_ROLES_OF = Statement(select(_USER_ROLE.role_code).where(_USER_ROLE.user_id == bindparam("user_id")))


@pytest.fixture(scope="session")
def caller(seeded_store: Store) -> Callable[[str], Awaitable[Caller]]:
    """Gives the caller that a demo login is, read from the rows and not through signing in."""

    async def of(login: str) -> Caller:
        async with seeded_store.unfiltered("a test asks who a login is") as db:
            (user,) = await db.rows(_CALLER, {"login": login})
            roles = [row.role_code for row in await db.rows(_ROLES_OF, {"user_id": user.id})]
        return Caller(
            path=user.path,
            privileges=frozenset[Privilege]().union(*(ROLES[role] for role in roles)),
            user_id=user.id,
            reach=Reach.OWN if user.account_type == "CUSTOMER" else Reach.SUBTREE,
            is_service_user=user.kind == UserKind.SERVICE_USER,
            size_class=user.size_class,
        )

    return of


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Starts `canopy` processes without having them import anything."""
    with opened_nursery() as nursery:
        yield nursery


@pytest.fixture(scope="session")
def live_server(
    sqlite_databases: Databases, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The base URL of a real server process on a copy of the demo tree."""
    directory = tmp_path_factory.mktemp("live")
    log = directory / "log"
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as database_url:
        port = free_port()
        own = {
            "CANOPY_HOST": "127.0.0.1",
            "CANOPY_PORT": str(port),
            "CANOPY_DATABASE_URL": database_url,
            "CANOPY_KEY_FILE": str(directory / "canopy.key"),
            "CANOPY_DEMO": "1",
            **WIDE_ENVIRONMENT,
        }
        server = nursery.serve(own, log)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", server, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.end()
