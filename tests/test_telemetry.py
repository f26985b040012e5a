"""What operators see: metrics whose labels are few, told to whom they may be; logs and slow operations are in
`test_logs.py`."""

import threading
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from edge.telemetry.labels import Labels
from edge.telemetry.seen import Seen
from edge.telemetry.settings import TelemetrySettings
from models.base import now
from models.store import Store
from resolvers.context import Context
from resolvers.documents import NewDocument, register
from resolvers.record import FAILED, RECORD, Record
from resolvers.work.backlog import backlog
from schema import executor
from tests.changes import user_at
from tests.databases import Databases
from tests.hierarchy import World
from tests.jobs import KIND, add_jobs
from tests.live import until
from tests.transports import SSE, Gateway, gateway

ACCOUNTS = "query Shown { accounts(first: 3) { nodes { name vendor { name } } } }"
TOKEN = "a-token-of-prometheus"


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("telemetry")) as served:
        yield served


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def operations(**labels: str) -> float:
    """How many operations with some labels are over."""
    return sum(
        sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "canopy_operations_total" and labels.items() <= sample.labels.items()
    )


# Records


async def test_a_context_writes_down_its_statements_and_steps(hierarchy: Store, world: World) -> None:
    caller = user_at(world, 2)
    record = Record()
    before = RECORD.set(record)
    try:
        async with hierarchy.reader(caller.scope()) as reader:
            context = Context(caller, reader, b"key")
            document = executor.document(ACCOUNTS)
            answer = await executor.execute(document, None, None, context)
    finally:
        RECORD.reset(before)

    assert not answer.errors
    assert [what.name for what, *_ in record.steps] == ["account.of.scope", "vendor_card.parent_id"]
    assert len(record.statements) == context.statements == 2
    assert all(length > 0 for _, _, length, _ in record.statements)


async def test_a_statement_that_fails_is_written_down_too(hierarchy: Store, world: World) -> None:
    caller = user_at(world, 2)
    async with hierarchy.reader(caller.scope()) as reader:
        context = Context(caller, reader, b"key")
        document = executor.document(ACCOUNTS)
        await executor.execute(document, None, None, context)
        statement, _, _, rows = context.record.statements[0]
        assert rows != FAILED
    with pytest.raises(Exception, match="after its response"):
        await context.tuples(statement, {"limit": 1})

    assert context.record.statements[-1][3] == FAILED


# Metrics


async def test_an_operation_that_is_over_is_counted_with_its_kind_its_executor_and_how_it_ended(
    served: Gateway,
) -> None:
    before = operations(kind="query", executor="plan", outcome="answered")
    statements, running = value("canopy_statement_seconds_count", engine="sqlite"), value("canopy_running")
    await served.ask(ACCOUNTS)

    assert operations(kind="query", executor="plan", outcome="answered") == before + 1
    assert value("canopy_statement_seconds_count", engine="sqlite") > statements
    assert value("canopy_batch_keys_count", source="account.of.scope") > 0
    assert value("canopy_running") == running


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("query ($id: ID!) { account(id: $id) { id } }", "BAD_USER_INPUT"),
    ],
)
async def test_a_refusal_is_counted_under_its_code(served: Gateway, query: str, code: str) -> None:
    before, refused = value("canopy_refusals_total", code=code), operations(outcome="refused")
    await served.ask(query)

    assert value("canopy_refusals_total", code=code) == before + 1
    assert operations(outcome="refused") == refused + 1


async def test_what_no_client_may_choose_is_no_label(served: Gateway) -> None:
    query = ACCOUNTS.replace("Shown", "ChosenByAClient")
    await served.post({"query": query}, graphql_client_name="called-so-by-itself")
    shown = (await served.http.get("/metrics")).text

    assert "ChosenByAClient" not in shown
    assert "called-so-by-itself" not in shown
    assert 'operation="other"' in shown
    assert 'client="other"' in shown


async def test_registered_operations_and_the_clients_they_are_registered_for_are_labels(
    sqlite_databases: Databases, world: World, tmp_path: Path
) -> None:
    query = ACCOUNTS.replace("Shown", "Registered")
    async with gateway(sqlite_databases, world, tmp_path) as served:
        document = NewDocument(sha256(query.encode()).hexdigest(), query)
        await register(served.served.service.store, [document], "panel", "a test")
        await served.post({"query": query}, graphql_client_name="panel")

    assert operations(operation="Registered", client="panel", outcome="answered") == 1


def test_labels_are_few_however_many_names_there_are() -> None:
    labels = Labels(2)

    assert [labels.of(name, is_known=True) for name in ("a", "b", "c", "a", None, "")] == [
        "a", "b", "other", "a", "none", "none",
    ]  # fmt: skip  # a list
    assert Labels(2).of("claimed", is_known=False) == "other"


async def test_an_operation_that_listens_is_counted_while_it_does(served: Gateway) -> None:
    query = "subscription { accountChanged { eventId } }"
    listening, running = value("canopy_live", transport="http"), value("canopy_running")
    async with served.http.stream("POST", "/graphql", json={"query": query}, headers={"accept": SSE}) as answer:
        assert answer.status_code == 200, await answer.aread()
        await until(lambda: value("canopy_live", transport="http") == listening + 1)
        assert value("canopy_running") == running
    await until(lambda: value("canopy_live", transport="http") == listening)
    await until(lambda: value("canopy_running") == running)


async def test_metrics_are_what_prometheus_reads_and_tell_of_the_pools(served: Gateway) -> None:
    answer = await served.http.get("/metrics")
    found = {family.name: family for family in text_string_to_metric_families(answer.text)}

    assert answer.status_code == 200
    assert {(s.labels["pool"], s.labels["state"]) for s in found["canopy_pool"].samples} >= {("reader", "idle")}
    assert {s.labels["state"] for s in found["canopy_documents"].samples} == {"kept", "registered"}


async def test_nobody_waits_while_metrics_are_written(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    wrote: list[int] = []

    def write(_registry: object) -> bytes:
        wrote.append(threading.get_ident())
        return b""

    monkeypatch.setattr("edge.telemetry.scrape.generate_latest", write)
    assert (await served.http.get("/metrics")).status_code == 200
    assert len(wrote) == 1
    assert wrote[0] != threading.get_ident()  # the gateway's, which is in the test's


@pytest.mark.parametrize("headers", [{"x-forwarded-for": "192.0.2.1"}, {"forwarded": "for=192.0.2.1"}])
async def test_without_a_token_a_proxy_on_this_machine_gets_no_metrics_for_others(
    served: Gateway, headers: Mapping[str, str]
) -> None:
    answer = await served.http.get("/metrics", headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")


async def test_with_a_token_only_who_has_it_reads_metrics(
    sqlite_databases: Databases, world: World, tmp_path: Path
) -> None:
    settings = TelemetrySettings(metrics_token=TOKEN)
    async with (
        gateway(sqlite_databases, world, tmp_path, telemetry=settings) as served,
        httpx.AsyncClient(base_url=f"http://{served.served.url}") as stranger,
    ):
        for wrong in ("", "Bearer", f"Bearer {TOKEN}x", TOKEN, "Bearer é"):
            given = {"authorization": wrong.encode()}
            assert (await stranger.get("/metrics", headers=given)).status_code == 401  # type: ignore[arg-type]  # bytes as they go
        assert (await stranger.get("/metrics")).status_code == 401
        assert (await stranger.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})).status_code == 200
    assert TOKEN not in repr(settings)


async def test_jobs_that_wait_are_counted_by_kind_and_state(store: Store) -> None:
    at = now()
    await add_jobs(store, 1, 2, run_at=at - timedelta(hours=1))
    await add_jobs(store, 3, run_at=at - timedelta(hours=1), attempts=2)
    await add_jobs(store, 4, run_at=at + timedelta(hours=1), kind="OTHER")

    assert await backlog(store, at) == {(KIND, "due"): 2, (KIND, "again"): 1, ("OTHER", "later"): 1}


async def test_a_mutation_writes_down_what_it_changes_too(served: Gateway) -> None:
    watched: list[Seen] = []
    telemetry = served.served.service.telemetry
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(telemetry, "finished", watched.append)
        answer = await served.ask(
            'mutation { accountUpdate(input: {account: "acc_8", externalId: "told later", expectedVersion: 1,'
            ' idempotencyKey: "told later"}) { account { externalId } userErrors { message } } }'
        )
    told = {"account": {"externalId": "told later"}, "userErrors": []}
    assert answer.json() == answer.json() | {"data": {"accountUpdate": told}}
    (seen,) = watched
    written = {statement.target for statement, *_ in seen.record.statements if statement.is_write}

    assert (seen.kind, seen.outcome) == ("mutation", "answered")
    assert {"account"} <= written
