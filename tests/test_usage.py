"""Usage: which fields which clients use, counted in memory, written down now and then, told by `canopy usage`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from graphql import OperationDefinitionNode, parse

import commands
from edge.telemetry.seen import Seen
from edge.telemetry.usage import Usage
from models.store import Store, StoreError
from resolvers import usage
from resolvers.record import Record
from schema import executor
from schema.breaking import all_coordinates, coordinates, operations_of
from tests.databases import Databases
from tests.hierarchy import World
from tests.live import until
from tests.templates import migrated_template, opened
from tests.transports import SSE, Gateway, gateway

TODAY = datetime.now(UTC).date()


def mentions(text: str) -> frozenset[str]:
    (operation,), fragments = operations_of(parse(text))
    assert isinstance(operation, OperationDefinitionNode)
    return coordinates(executor.schema, operation, fragments)


def test_an_operation_mentions_fields_arguments_input_fields_and_values_through_its_fragments() -> None:
    assert mentions(
        "{ accounts(first: 2, filter: {type: [RESELLER]}) { nodes { ...S } } } fragment S on Account { name }"
    ) == {
        "Query.accounts",
        "Query.accounts(first:)",
        "Query.accounts(filter:)",
        "AccountFilter.type",
        "AccountType.RESELLER",
        "AccountConnection.nodes",
        "Account.name",
    }


def test_of_a_variable_the_types_are_mentioned_that_it_can_hold_for_its_value_is_not_looked_at() -> None:
    found = mentions("query ($filter: AccountFilter) { accounts(filter: $filter) { totalCount } }")

    assert {"AccountFilter", "AccountType", "Query.accounts(filter:)", "AccountConnection.totalCount"} <= found
    assert "AccountFilter.type" not in found


def test_fragments_that_are_spread_often_are_looked_at_once() -> None:
    many = " ".join(f"a{i}: viewer {{ ...F0 }}" for i in range(5))
    fragments = " ".join(f"fragment F{i} on Viewer {{ reach ...F{i + 1} ...F{i + 1} }}" for i in range(60))
    found = mentions(f"{{ {many} }} {fragments} fragment F60 on Viewer {{ reach }}")

    assert found == {"Query.viewer", "Viewer.reach"}


def seen_of(query: str, client: str = "", *, is_known: bool = True) -> Seen:
    document = executor.document(query)
    assert not document.errors
    seen = Seen("http", None, Record(), client=client, is_client_known=is_known)
    (operation,) = document.operations.values()
    seen.prepared(document, operation.name.value if operation.name else None, "query", 1)
    return seen


async def test_uses_add_up_by_field_client_and_day(store: Store) -> None:
    counting = Usage(store, 60)
    for client, is_known in [("panel", True), ("panel", True), ("so it says", False), ("", False)]:
        counting.used(seen_of("{ viewer { reach } }", client, is_known=is_known))
    await counting.write()
    counting.used(seen_of("query Other { viewer { reach } }", "panel"))
    await counting.write()
    rows = await usage.since(store, TODAY - timedelta(1))

    assert {(row.coordinate, row.client, row.uses) for row in rows} == {
        (name, client, uses)
        for name in ("Query.viewer", "Viewer.reach")
        for client, uses in [("panel", 3), ("other", 1), ("none", 1)]
    }
    assert {str(row.last_day) for row in rows} <= {str(TODAY), str(TODAY + timedelta(1))}
    assert await usage.since(store, TODAY + timedelta(2)) == []


async def test_what_can_not_be_written_down_now_is_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    counting = Usage(store, 60)
    counting.used(seen_of("{ viewer { reach } }"))
    with monkeypatch.context() as broken:
        broken.setattr(usage, "add", _away)
        await counting.write()
    assert await usage.since(store, TODAY - timedelta(1)) == []
    await counting.write()

    assert {row.uses for row in await usage.since(store, TODAY - timedelta(1))} == {1}


async def test_uses_are_kept_for_little_more_than_a_year(store: Store) -> None:
    for days in (399, 402):
        await usage.add(store, {("Viewer.reach", f"{days} days ago"): 1}, TODAY - timedelta(days))
    counting = Usage(store, 60)
    counting.used(seen_of("{ viewer { reach } }"))
    await counting.write()

    kept = {row.client for row in await usage.since(store, TODAY - timedelta(1000))}
    assert kept == {"399 days ago", "none"}


async def _away(*_: object) -> None:
    raise StoreError("away")


async def test_there_is_no_end_of_different_documents_but_of_those_that_are_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.telemetry.usage._MOST_OPERATIONS", 2)
    counting = Usage(store, 60)
    for name in "abca":
        counting.used(seen_of(f"query {name} {{ viewer {{ reach }} }}"))
    await counting.write()

    assert {row.uses for row in await usage.since(store, TODAY - timedelta(1))} == {3}


@pytest.fixture
async def served(sqlite_databases: Databases, world: World, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway(sqlite_databases, world, tmp_path) as served:
        yield served


async def test_a_gateway_counts_what_it_answers_and_which_schema_it_serves(served: Gateway) -> None:
    service = served.served.service
    await served.ask("{ viewer { reach } }")
    await served.ask("{ nothing }")
    await service.telemetry.usage.write()
    rows = await usage.since(service.store, TODAY - timedelta(1))

    assert {(row.coordinate, row.client, row.uses) for row in rows} == {
        ("Query.viewer", "none", 1),
        ("Viewer.reach", "none", 1),
    }
    (version,) = await usage.versions(service.store)
    assert version.text.startswith(('"""', "type", "directive", "schema"))


async def test_what_listens_is_counted_when_it_begins_for_it_may_never_end(served: Gateway) -> None:
    service, listening = served.served.service, {"query": "subscription { accountChanged { eventId } }"}
    async with served.http.stream("POST", "/graphql", json=listening, headers={"accept": SSE}) as answer:
        assert answer.status_code == 200
        await service.telemetry.usage.write()
    await until(lambda: not service.hub._members)
    await service.telemetry.usage.write()
    rows = await usage.since(service.store, TODAY - timedelta(1))

    assert {(row.coordinate, row.uses) for row in rows if row.coordinate.startswith("Live.")} == {
        ("Live.accountChanged", 1)
    }


async def test_an_operation_that_fails_is_counted_too_for_its_client_wants_what_it_asks_for(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.sqlite.SqliteReader.rows", _away)
    answer = await served.ask("{ accounts { totalCount } }")
    monkeypatch.undo()
    await served.served.service.telemetry.usage.write()
    rows = await usage.since(served.served.service.store, TODAY - timedelta(1))

    assert answer.json()["errors"]
    assert "Query.accounts" in {row.coordinate for row in rows}


# The command


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    with databases.copied(migrated_template(databases)) as url:
        yield url


@pytest.fixture
def canopy(url: str) -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(commands.canopy, arguments, env={"CANOPY_DATABASE_URL": url})


async def _use(url: str, *, days_ago: int = 0) -> None:
    async with opened(url) as store:
        uses = {("Viewer.reach", "panel"): 7, ("Query.viewer", "panel"): 7, ("Account.name", "none"): 2}
        await usage.add(store, uses, TODAY - timedelta(days_ago))


def test_usage_tells_who_uses_a_field_how_often_and_when_last(url: str, canopy: Callable[..., Result]) -> None:
    asyncio.run(_use(url))
    told = canopy("usage", "Viewer")

    assert told.exit_code == 0, told.output
    assert told.output.splitlines()[0].split() == ["Viewer.reach", "panel", "7", str(TODAY)]
    assert told.output.splitlines()[1].startswith("1 uses since")


def test_usage_lists_what_nobody_uses(url: str, canopy: Callable[..., Result]) -> None:
    asyncio.run(_use(url, days_ago=40))
    lately, long_ago = canopy("usage", "--unused", "30d"), canopy("usage", "--unused", "50d")

    everything = set(all_coordinates(executor.schema))
    assert set(lately.output.splitlines()[:-1]) == everything
    assert everything - set(long_ago.output.splitlines()[:-1]) == {"Viewer.reach", "Query.viewer", "Account.name"}
    assert f"counted since {TODAY - timedelta(40)}" in long_ago.output
