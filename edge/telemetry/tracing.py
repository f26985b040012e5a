"""Traces by OpenTelemetry: an operation, its steps and its statements, told to a collector when it is over.

Nothing waits for the collector: spans are gathered and sent from a thread, and what it can't take is dropped.
"""

from random import random

import click

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

    def tell(self, seen: Seen, engine: Engine, *, is_wanted: bool) -> None:
        """Tell of an operation that is over, if it is among the share that is told of, or wanted anyway."""
        above = _PARENTS.extract({"traceparent": seen.parent}, Context())
        is_followed = get_current_span(above).get_span_context().trace_flags.sampled
        if not (is_wanted or is_followed) and random() >= self._share:  # noqa: S311  # a sample, no secret
            return
        since = seen.at - seen.started
        span = self._tracer.start_span(
            _name(seen), above, SpanKind.SERVER, _attributes(seen), start_time=seen.at, record_exception=False
        )
        if seen.outcome == "failed":
            span.set_status(Status(StatusCode.ERROR, seen.code))
        within = set_span_in_context(span, Context())
        for what, keys, started, length in seen.record.steps[:_MOST_SPANS]:
            step = self._tracer.start_span(
                name_of(what), within, attributes={"canopy.keys": keys}, start_time=since + started
            )
            step.end(since + started + length)
        for statement, started, length, rows in seen.record.statements[:_MOST_SPANS]:
            told: dict[str, str | int] = {
                "db.system.name": engine,
                "db.query.text": statement.text(engine)[0],
                "db.response.returned_rows": rows,
            }
            sent = self._tracer.start_span(
                statement.noun or "statement", within, SpanKind.CLIENT, told, start_time=since + started
            )
            sent.end(since + started + length)
        span.end(since + seen.ended)

    def close(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


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
