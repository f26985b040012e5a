"""Traces by OpenTelemetry: a request, its operations, their steps and statements, told to a collector when it is over.

Nothing waits for the collector: spans are gathered and sent from a thread, and what it can't take is dropped.
"""

from random import random
from typing import Any

import click

from edge.telemetry.requested import REQUESTED, Requested
from edge.telemetry.seen import Seen
from edge.telemetry.settings import TelemetrySettings
from edge.telemetry.slow import name_of
from models.statement import Engine

try:
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
    from opentelemetry.trace import SpanKind, Status, StatusCode, get_current_span, set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
except ModuleNotFoundError as error:
    raise click.UsageError(
        f"CANOPY_OTLP_URL is set, but {error.name} is missing: pip install 'canopy-gateway[tracing]'"
    ) from error

_PARENTS = TraceContextTextMapPropagator()
_MOST_SPANS = 200
"""Of one operation."""
_UNTOLD = frozenset({"/health/live", "/health/ready", "/metrics"})
"""Routes that machines ask all the time."""


class Tracing:
    """See `spans.Spans`.

    Args:
        exporter: where spans go.
        share: of the operations that is told of, from 0 to 1.
    """

    def __init__(self, exporter: SpanExporter, share: float) -> None:
        self._share = share
        self._provider = TracerProvider(resource=Resource.create({"service.name": "canopy"}))
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("canopy")

    def operation(self, seen: Seen, engine: Engine, *, is_wanted: bool) -> None:
        """An operation is over: it is told of with its request; if that is none, at once."""
        requested = REQUESTED.get()
        if requested is not None:
            requested.operations.append(seen)
            requested.is_wanted |= is_wanted
            return
        above = _above(seen.parent)
        if self._is_told(above, is_wanted=is_wanted):
            self._operation(seen, engine, above, SpanKind.SERVER, seen.at - seen.started)

    def request(self, requested: Requested, engine: Engine) -> None:
        """A request is over, and all of its operations are."""
        above = _above(requested.parent)
        is_wanted = requested.is_wanted or requested.has_failed
        if requested.route in _UNTOLD or not self._is_told(above, is_wanted=is_wanted):
            return
        name = f"{requested.method} {requested.route}".strip()
        span = self._tracer.start_span(
            name, above, SpanKind.SERVER, _of_request(requested), start_time=requested.at, record_exception=False
        )
        if requested.has_failed:
            span.set_status(Status(StatusCode.ERROR))
        within, since = set_span_in_context(span, Context()), requested.at - requested.started
        for seen in requested.operations:
            self._operation(seen, engine, within, SpanKind.INTERNAL, since)
        span.end(since + requested.ended)

    def _is_told(self, above: Context, *, is_wanted: bool) -> bool:
        is_followed = get_current_span(above).get_span_context().trace_flags.sampled
        return is_wanted or is_followed or random() < self._share  # noqa: S311  # a sample, no secret

    def _operation(self, seen: Seen, engine: Engine, above: Context, kind: SpanKind, since: int) -> None:
        """An operation with all it did; `since` is when `perf_counter_ns` was 0, in nanoseconds since 1970."""
        span = self._tracer.start_span(
            _name(seen), above, kind, _attributes(seen), start_time=since + seen.started, record_exception=False
        )
        if seen.outcome == "failed":
            span.set_status(Status(StatusCode.ERROR, seen.code))
        within = set_span_in_context(span, Context())
        for what, keys, started, length in seen.record.steps[:_MOST_SPANS]:
            self._within(within, name_of(what), SpanKind.INTERNAL, {"canopy.keys": keys}, since + started, length)
        for statement, started, length, rows in seen.record.statements[:_MOST_SPANS]:
            told: dict[str, str | int] = {
                "db.system.name": engine,
                "db.query.text": statement.text(engine)[0],
                "db.response.returned_rows": rows,
            }
            self._within(within, statement.noun or "statement", SpanKind.CLIENT, told, since + started, length)
        span.end(since + seen.ended)

    def _within(
        self, above: Context, name: str, kind: SpanKind, told: dict[str, Any], started: int, length: int
    ) -> None:
        """A span that is over, below another; times are nanoseconds."""
        self._tracer.start_span(name, above, kind, told, start_time=started).end(started + length)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


def _above(parent: str) -> Context:
    """What a header `traceparent` says; nothing, where it is empty."""
    return _PARENTS.extract({"traceparent": parent}, Context())


def _of_request(requested: Requested) -> dict[str, str | int]:
    """Source: OpenTelemetry's conventions for HTTP servers. Of its address the pattern alone, for ids stand in it."""
    told: dict[str, str | int] = {
        "http.request.method": requested.method,
        "http.route": requested.route,
        "http.response.status_code": requested.status,
        "canopy.request_id": requested.request_id,
    }
    return {name: value for name, value in told.items() if value}


def _name(seen: Seen) -> str:
    """Source: OpenTelemetry's conventions for GraphQL servers; names that clients make up are no names of spans."""
    return f"{seen.kind} {seen.name}" if seen.is_trusted and seen.name else seen.kind or "GraphQL"


def _attributes(seen: Seen) -> dict[str, str | int]:
    about = seen.about()
    told: dict[str, str | int] = {
        **{f"canopy.{name}": about[name] for name in ("caller", "acting_as", "account", "client") if name in about},
        "graphql.operation.type": seen.kind,
        "graphql.operation.name": (seen.name or "") if seen.is_trusted else "",
        "graphql.document.id": seen.document_id,
        "canopy.request_id": seen.request_id or "",
        "canopy.transport": seen.transport,
        "canopy.executor": seen.executor,
        "canopy.estimate": seen.estimate,
        "canopy.cost": seen.cost,
        "canopy.code": seen.code,
    }
    return {name: value for name, value in told.items() if value != ""}


def over_http(settings: TelemetrySettings) -> Tracing:
    """Traces that go to `CANOPY_OTLP_URL`."""
    return Tracing(OTLPSpanExporter(endpoint=settings.otlp_url), settings.trace_share)
