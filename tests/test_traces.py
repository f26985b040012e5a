"""Traces: a request, its operations, their steps and statements as spans with their true times; no value in them."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from edge.telemetry import spans
from edge.telemetry.settings import TelemetrySettings
from edge.telemetry.spans import NoSpans, open_spans
from edge.telemetry.tracing import Tracing
from tests.canary import PlantedError, assert_silent
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import token
from tests.live import client
from tests.transports import gateway

QUERY = "query WrittenByAClient($id: ID!) { account(id: $id) { name users(first: 2) { nodes { login } } } }"


@pytest.fixture
def collector() -> InMemorySpanExporter:
    return InMemorySpanExporter()


async def traced(
    databases: Databases, world: World, directory: Path, tracing: Tracing, query: str = QUERY
) -> dict[str, Any]:
    """What an operation answers in a gateway that tells of it."""
    async with gateway(databases, world, directory) as served:
        served.served.service.telemetry._spans = tracing
        answer = await served.post({"query": query, "variables": {"id": "acc_2"}}, x_request_id="traced")
    return answer.json()  # type: ignore[no-any-return]  # JSON


def by_name(collector: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in collector.get_finished_spans()}


async def test_a_request_is_a_span_above_its_operation_and_that_above_its_steps_and_statements(
    sqlite_databases: Databases, world: World, tmp_path: Path, collector: InMemorySpanExporter
) -> None:
    await traced(sqlite_databases, world, tmp_path, Tracing(collector, 1))
    found = by_name(collector)
    request, above = found.pop("POST /graphql"), found.pop("query")

    assert above.parent is not None
    assert above.parent.span_id == request.context.span_id
    assert request.start_time <= above.start_time <= above.end_time <= request.end_time  # type: ignore[operator]  # all have ended
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/graphql",
        "http.response.status_code": 200,
        "canopy.request_id": "traced",
    }
    assert set(found) == {
        "account: lookup of lookup",
        "account.users: page of app_user.by.account_id",
        "account",
        "app_user",
    }
    assert above.attributes is not None
    assert {
        name: above.attributes[name] for name in ("graphql.operation.type", "canopy.request_id", "canopy.executor")
    } == {
        "graphql.operation.type": "query",
        "canopy.request_id": "traced",
        "canopy.executor": "plan",
    }
    for span in found.values():
        assert span.parent is not None
        assert span.parent.span_id == above.context.span_id
        assert above.start_time <= span.start_time <= span.end_time <= above.end_time  # type: ignore[operator]  # all have ended
    assert "SELECT" in str(found["app_user"].attributes["db.query.text"])  # type: ignore[index]  # it has some


async def test_no_name_and_no_value_is_told(
    sqlite_databases: Databases, world: World, tmp_path: Path, collector: InMemorySpanExporter
) -> None:
    answer = await traced(sqlite_databases, world, tmp_path, Tracing(collector, 1))
    told = "".join(span.to_json() for span in collector.get_finished_spans())
    account = answer["data"]["account"]

    assert "app_user" in told
    for value in ("WrittenByAClient", "acc_2", account["name"], *(user["login"] for user in account["users"]["nodes"])):
        assert value not in told


async def test_what_is_not_among_the_share_is_told_of_only_if_it_failed_or_was_slow(
    sqlite_databases: Databases, world: World, tmp_path: Path, collector: InMemorySpanExporter
) -> None:
    await traced(sqlite_databases, world, tmp_path / "a", Tracing(collector, 0))
    assert not collector.get_finished_spans()

    collector = InMemorySpanExporter()  # the first was closed
    tracing = Tracing(collector, 0)
    async with gateway(
        sqlite_databases, world, tmp_path / "b", telemetry=TelemetrySettings(slow_seconds=0, log_operations="none")
    ) as served:
        served.served.service.telemetry._spans = tracing
        await served.ask("{ viewer { reach } }")
    assert "query" in by_name(collector)


async def test_a_collector_that_takes_nothing_fails_no_operation(
    sqlite_databases: Databases, world: World, tmp_path: Path
) -> None:
    class Away(InMemorySpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.FAILURE

    answer = await traced(sqlite_databases, world, tmp_path, Tracing(Away(), 1))

    assert "errors" not in answer


def test_without_an_address_nothing_is_told() -> None:
    assert isinstance(open_spans(TelemetrySettings()), NoSpans)


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "edge.telemetry.tracing", raising=False)
    for name in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("not_installed")
def test_an_address_without_the_extra_is_refused_with_what_to_install() -> None:
    with pytest.raises(click.UsageError, match=r"canopy-gateway\[tracing\]"):
        spans.open_spans(TelemetrySettings(otlp_url="http://127.0.0.1:1/v1/traces"))


_ABOVE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
"""A parent whose trace is being told of."""


@pytest.mark.parametrize(("is_believed", "continues"), [(True, True), (False, False)])
async def test_the_trace_of_a_proxy_is_continued_only_where_that_is_wanted(
    sqlite_databases: Databases,
    world: World,
    tmp_path: Path,
    collector: InMemorySpanExporter,
    is_believed: bool,
    continues: bool,
) -> None:
    settings = TelemetrySettings(trace_parents=is_believed)
    async with gateway(sqlite_databases, world, tmp_path, telemetry=settings) as served:
        served.served.service.telemetry._spans = Tracing(collector, 0)
        await served.post({"query": "{ viewer { reach } }"}, traceparent=_ABOVE)
    found = by_name(collector)

    assert ("query" in found) is continues
    assert not continues or f"{found['query'].context.trace_id:032x}" == _ABOVE.split("-")[1]


async def test_an_operation_begins_when_its_request_has_been_read_however_slowly_that_came(
    sqlite_databases: Databases, world: World, tmp_path: Path, collector: InMemorySpanExporter
) -> None:
    body, rest = b'{"query": "{ viewer { reach } }"}', 0.05
    async with gateway(sqlite_databases, world, tmp_path) as served:
        served.served.service.telemetry._spans = Tracing(collector, 1)
        reader, writer = await asyncio.open_connection(*served.served.url.split(":"))
        head = (
            f"host: localhost\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        )
        authorization = served.http.headers["authorization"]
        writer.write(f"POST /graphql HTTP/1.1\r\n{head}authorization: {authorization}\r\n\r\n".encode())
        await asyncio.sleep(rest)
        writer.write(body)
        assert b'"reach"' in await reader.read()
        writer.close()
    found = by_name(collector)
    request, operation = found["POST /graphql"], found["query"]

    assert request.start_time + rest * 1e9 <= operation.start_time <= operation.end_time <= request.end_time  # type: ignore[operator]  # all have ended


async def test_an_operation_of_a_socket_is_a_trace_of_its_own(
    sqlite_databases: Databases, world: World, tmp_path: Path, collector: InMemorySpanExporter
) -> None:
    async with gateway(sqlite_databases, world, tmp_path) as served:
        served.served.service.telemetry._spans = Tracing(collector, 1)
        async with client(served.served, token(served.served, world, 2)) as listener:
            await listener.subscribe("{ viewer { reach } }", "1")
            await listener.data("1")
    (above,) = [span for span in collector.get_finished_spans() if span.parent is None]

    assert (above.name, above.kind) == ("query", SpanKind.SERVER)


async def test_of_requests_without_an_operation_those_are_told_of_that_fail_and_never_those_of_machines(
    sqlite_databases: Databases, world: World, tmp_path: Path, collector: InMemorySpanExporter
) -> None:
    def defect(*_given: object) -> None:
        raise PlantedError

    async with gateway(sqlite_databases, world, tmp_path) as served:
        served.served.service.telemetry._spans = Tracing(collector, 0)
        await served.http.get("/.well-known/jwks.json")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("edge.keys.public_jwk", defect)
            patch.setattr("edge.telemetry.health._lacking", defect)
            for path in ("/.well-known/jwks.json", "/health/ready"):
                assert (await served.http.get(path)).status_code == 500
    (told,) = collector.get_finished_spans()

    assert told.name == "GET /.well-known/jwks.json"
    assert not told.status.is_ok
    assert_silent(told.to_json())
