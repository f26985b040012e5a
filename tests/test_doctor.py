"""`canopy doctor`: what it finds where something is wrong, what it says to do, and that it tells no secret."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

import commands
from edge.doctor import database, surroundings
from edge.doctor.commands import found
from edge.doctor.finding import Finding, Level
from edge.settings import Settings
from models.base import now
from models.diagnosis import Diagnosis
from models.migrations import latest
from models.policy.rules import RULES
from resolvers import issuers
from resolvers.key_file import read_secrets
from tests.databases import Databases
from tests.elsewhere import Elsewhere
from tests.hierarchy import World
from tests.postgres import Server
from tests.templates import hierarchy_template, migrated_template, opened


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    with databases.copied(migrated_template(databases)) as url:
        yield url


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    file = tmp_path / "canopy.key"
    read_secrets(file)
    return file


async def findings(environment: Mapping[str, str], level: Level = Level.ERROR) -> list[str]:
    return [each.what for each in await found(environment) if each.level is level]


def surrounding(level: Level, **settings: Any) -> str:
    """All that is found around the gateway at a level."""
    return " ".join(each.what for each in surroundings.check(Settings(**settings)) if each.level is level)


async def test_where_all_is_well_there_is_no_error(url: str, key_file: Path) -> None:
    assert await findings({"CANOPY_DATABASE_URL": url, "CANOPY_KEY_FILE": str(key_file)}) == []


@pytest.fixture
def doctor(sqlite_databases: Databases, key_file: Path) -> Iterator[Callable[..., Result]]:
    with sqlite_databases.copied(migrated_template(sqlite_databases)) as url:
        given = {"CANOPY_DATABASE_URL": url, "CANOPY_KEY_FILE": str(key_file)}
        yield lambda *arguments, **more: CliRunner().invoke(commands.canopy, ["doctor", *arguments], env=given | more)


def test_a_setting_that_there_is_not_is_found_with_the_one_that_is_meant(doctor: Callable[..., Result]) -> None:
    told = doctor(CANOPY_MAX_DEPHT="5")

    assert told.exit_code == 0, told.output
    assert "CANOPY_MAX_DEPHT is set, but there is no such setting." in told.output
    assert "Is CANOPY_MAX_DEPTH meant?" in told.output


def test_a_setting_that_makes_no_sense_is_an_error_and_exits_with_1(doctor: Callable[..., Result]) -> None:
    told = doctor(CANOPY_PORT="http")

    assert told.exit_code == 1
    assert "CANOPY_PORT is 'http'; it takes a number up to 65535." in told.output


def test_no_secret_is_told_even_where_everything_is(doctor: Callable[..., Result]) -> None:
    secrets = {
        "CANOPY_METRICS_TOKEN": "hunter2-metrics",
        "CANOPY_MAIL_URL": "smtp://user:hunter2@mail.example:587",
        "CANOPY_OTLP_URL": "http://user:hunter2@collector:4318",
    }
    for arguments in (["--all"], ["--json", "--all"]):
        told = doctor(*arguments, **secrets)
        assert "hunter2" not in told.output
        assert "CANOPY_METRICS_TOKEN is set" in told.output


def test_every_limit_is_told_with_its_reason(doctor: Callable[..., Result]) -> None:
    told = doctor("--all").output

    assert "CANOPY_MAX_DEPTH is 12 (the default): fields below each other" in told


def test_json_holds_every_finding(doctor: Callable[..., Result]) -> None:
    told = json.loads(doctor("--json").output)

    assert {"error", "warning", "fine"} >= {each["level"] for each in told} >= {"fine"}
    assert all(set(each) == {"level", "about", "what", "do"} for each in told)


async def test_a_database_that_is_not_there_is_not_made(tmp_path: Path, key_file: Path) -> None:
    file = tmp_path / "none.db"
    environment = {"CANOPY_DATABASE_URL": f"sqlite:///{file}", "CANOPY_KEY_FILE": str(tmp_path / "none.key")}

    assert await findings(environment) == [f"There is no file {file}."]
    assert not file.exists()
    assert not (tmp_path / "none.key").exists()


async def test_a_server_that_is_not_there_is_an_error() -> None:
    (finding,) = await database.check("postgresql://nobody@127.0.0.1:1/none")

    assert (finding.level, finding.about) == (Level.ERROR, "database")
    assert finding.what.startswith("It does not answer")


def test_a_key_file_that_others_may_read_is_an_error(key_file: Path, doctor: Callable[..., Result]) -> None:
    key_file.chmod(0o644)
    told = doctor()

    assert told.exit_code == 1
    assert "can be read by other users" in told.output
    assert f"chmod 600 {key_file}" in told.output


@pytest.mark.parametrize(
    ("diagnosis", "what"),
    [
        (Diagnosis("E", "0001", "0021"), "It is at version 0001; this program takes 0021."),
        (Diagnosis("E", None, "0021"), "It is empty; this program takes 0021."),
        (Diagnosis("E", "1", "1", seconds_ahead=-7.3), "The database's clock is 7.3 s behind this machine's."),
        (Diagnosis("E", "1", "1", journal="delete"), "SQLite's journal is delete: readers wait for writers."),
        (Diagnosis("E", "1", "1", mighty_roles=["canopy_reader"]), "The role canopy_reader passes the filter by."),
        (Diagnosis("E", "1", "1", owning_roles=["canopy_writer"]), "The role canopy_writer owns tables."),
    ],
)
def test_what_a_database_says_of_itself_is_judged(diagnosis: Diagnosis, what: str) -> None:
    assert [each.what for each in database._judged(diagnosis) if each.level is Level.ERROR] == [what]


def test_a_login_that_may_do_everything_is_worth_a_warning() -> None:
    (finding,) = [
        each for each in database._judged(Diagnosis("E", "1", "1", mighty_login=True)) if each.level is Level.WARNING
    ]

    assert finding.do.startswith("Give the gateway a login of its own")


_POLICIES = "Rows aren't guarded as they should be: policies that are missing, too many, or not as the rules have them"


@pytest.fixture
async def spoiled(postgresql_databases: Databases) -> AsyncIterator[tuple[str, asyncpg.Connection]]:
    """A database of PostgreSQL's own, and a connection that may change what guards it."""
    with postgresql_databases.copied(migrated_template(postgresql_databases)) as url:
        owner = await asyncpg.connect(url)
        yield url, owner
        await owner.close()


async def test_a_table_that_is_not_guarded_and_a_policy_too_many_are_found(
    spoiled: tuple[str, asyncpg.Connection],
) -> None:
    url, owner = spoiled
    await owner.execute("ALTER TABLE seat NO FORCE ROW LEVEL SECURITY")
    await owner.execute("CREATE POLICY may_do_all ON orders FOR UPDATE USING (true)")
    what = [each.what for each in await database.check(url) if each.level is Level.ERROR]

    assert what == [
        "Rows aren't guarded as they should be: tables without forced row-level security: seat.",
        f"{_POLICIES}: orders may_do_all.",
    ]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ("ALTER POLICY scope ON account USING (true)", "account scope"),
        ("ALTER POLICY may_update ON account USING (true)", "account may_update"),
        ("ALTER POLICY scope ON app_user TO PUBLIC", "app_user scope"),
        ("DROP POLICY unfiltered ON price", "price unfiltered"),
        ("DROP POLICY may_delete ON seat", "seat may_delete"),
        ("ALTER POLICY may_insert ON orders WITH CHECK (path >= '')", "orders may_insert"),
    ],
)
async def test_a_policy_that_says_something_else_is_found(
    spoiled: tuple[str, asyncpg.Connection], change: str, found: str
) -> None:
    url, owner = spoiled
    await owner.execute(change)

    assert [each.what for each in await database.check(url) if each.level is Level.ERROR] == [f"{_POLICIES}: {found}."]


async def test_where_policies_cannot_be_compared_it_says_so(spoiled: tuple[str, asyncpg.Connection]) -> None:
    url, owner = spoiled
    name = await owner.fetchval("SELECT current_database()")
    await owner.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
    told = [each for each in await database.check(url) if each.level is not Level.FINE and "guarded" in each.what]

    assert [each.level for each in told] == [Level.WARNING]
    assert "permission denied to create temporary tables" in told[0].what
    assert told[0].do.startswith("GRANT TEMPORARY")


async def test_a_right_that_no_rule_gives_is_found(spoiled: tuple[str, asyncpg.Connection]) -> None:
    url, owner = spoiled
    await owner.execute("GRANT SELECT (secret_hash) ON credential TO canopy_reader")
    (what,) = [each.what for each in await database.check(url) if each.level is Level.ERROR]

    assert what.endswith("tables without a rule that readers or writers may read or change: credential.")


async def test_looking_at_policies_locks_and_leaves_nothing(spoiled: tuple[str, asyncpg.Connection]) -> None:
    """Somebody is at work in each of the tables meanwhile, and would be waited for by whoever changes one."""
    url, owner = spoiled
    async with owner.transaction():
        for table in RULES:
            await owner.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
        async with asyncio.timeout(10):
            assert [each.what for each in await database.check(url) if each.level is Level.ERROR] == []
    assert await owner.fetchval("SELECT count(*) FROM pg_class WHERE relpersistence = 't'") == 0


async def test_a_database_of_postgresql_is_named_with_its_version(postgres: Server, url: str) -> None:
    (told,) = [each.what for each in await database.check(url) if each.level is Level.FINE]

    assert told.endswith(f"version {latest()}.")


def test_what_is_around_the_gateway_is_looked_at() -> None:
    error, warning = Level.ERROR, Level.WARNING
    assert "isn't encrypted" in surrounding(error, public_url="http://panel.example.com")
    assert "isn't encrypted" not in surrounding(error, public_url="http://localhost:8000")
    assert "trusts everybody" in surrounding(error, trusted_proxies="*")
    assert "no proxy is trusted" in surrounding(warning, public_url="https://panel.example.com")
    assert "sent to nobody" in surrounding(warning)
    assert "sent to nobody" not in surrounding(warning, demo=True)
    assert "few will take them" in surrounding(warning, mail_url="smtp://mail.example")
    assert "Only this machine may read /metrics" in surrounding(warning, host="0.0.0.0")  # noqa: S104  # only said


async def test_demo_logins_at_a_public_address_are_an_error(key_file: Path, sqlite_databases: Databases) -> None:
    with sqlite_databases.copied(migrated_template(sqlite_databases)) as url:
        told = await findings(
            {
                "CANOPY_DATABASE_URL": url,
                "CANOPY_KEY_FILE": str(key_file),
                "CANOPY_DEMO": "on",
                "CANOPY_PUBLIC_URL": "https://panel.example.com",
            }
        )
    assert told == ["CANOPY_DEMO is on, and GraphiQL tells everybody the demo logins' password, at a public address."]


async def test_redis_is_asked_where_there_is_to_be_one() -> None:
    assert await surroundings.check_redis("") == []
    (finding,) = await surroundings.check_redis("redis://:hunter2@127.0.0.1:1")

    assert finding.level is Level.ERROR
    assert "hunter2" not in f"{finding}"


@pytest.mark.parametrize(
    ("version", "policy", "says"),
    [("5.0.1", "noeviction", "It is of version 5.0.1."), ("7.2", "allkeys-lru", "may forget budgets")],
)
def test_a_redis_that_would_forget_or_is_too_old_is_found(version: str, policy: str, says: str) -> None:
    told: list[Finding] = list(surroundings._judged(version, policy))

    assert says in told[0].what
    assert told[-1].level is Level.FINE


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    made = Elsewhere()
    yield made
    made.server.shutdown()
    made.server.server_close()


async def test_issuers_are_asked_for_their_keys_and_where_browsers_go(
    world: World, sqlite_databases: Databases, elsewhere: Elsewhere
) -> None:
    gone, about = "http://127.0.0.1:1", "/.well-known/openid-configuration"
    with sqlite_databases.copied(hierarchy_template(sqlite_databases, world)) as url:
        async with opened(url) as store:
            for issuer, door in ((gone, issuers.Door(None, None)), (elsewhere.url, issuers.Door("login", "Log in"))):
                await issuers.add(store, issuer, "canopy", 1, now(), matches_email=False, door=door)

        async def told() -> dict[str, Finding]:
            return {each.what: each for each in await database.check(url) if each.about == "issuers"}

        found = await told()
        (failed,) = [each for each in found.values() if each.level is Level.ERROR]
        elsewhere.documents[about].pop("token_endpoint")
        nowhere = await told()
        elsewhere.tell(issuer="http://somebody.example")
        other = await told()

    assert found.keys() == {failed.what, f"{elsewhere.url} has 3 keys."}
    assert failed.what.startswith(f"Nobody can sign in by {gone}: ")
    assert f"canopy issuers remove {gone}" in failed.do
    assert nowhere.keys() == {failed.what, f"Nobody can sign in by {elsewhere.url}: It does not say where browsers go."}
    assert all(each.level is Level.ERROR for each in other.values())


async def test_settings_are_compared_with_the_issuers(
    world: World, sqlite_databases: Databases, elsewhere: Elsewhere, key_file: Path
) -> None:
    given = {
        "CANOPY_KEY_FILE": str(key_file),
        "CANOPY_ISSUER_SECRETS": f"{elsewhere.url} s3cret\n{elsewhere.url}/ 0ther",
    }
    with sqlite_databases.copied(hierarchy_template(sqlite_databases, world)) as url:
        async with opened(url) as store:
            door = issuers.Door("login", "Log in")
            await issuers.add(store, elsewhere.url, "canopy", 1, now(), matches_email=False, door=door)

        async def told(**more: str) -> list[Finding]:
            environment = given | {"CANOPY_DATABASE_URL": url} | more
            return [
                each for each in await found(environment) if each.about == "issuers" and each.level is not Level.FINE
            ]

        bare, public = await told(), await told(CANOPY_PUBLIC_URL="https://panel.example.com")

    unknown = f"CANOPY_ISSUER_SECRETS holds a secret for {elsewhere.url}/, which is not let in."
    back = f"{elsewhere.url} sends browsers back to http://127.0.0.1:8000, for CANOPY_PUBLIC_URL is not set."
    assert [each.what for each in bare] == [unknown, back]
    assert [each.what for each in public] == [unknown]
    assert not any(secret in repr(bare) for secret in ("s3cret", "0ther"))
