"""Traces, told afterwards: what a request did becomes spans when it is over. See `tracing.py` for where they go."""

from typing import Protocol

from edge.telemetry.requested import Requested
from edge.telemetry.seen import Seen
from edge.telemetry.settings import TelemetrySettings
from models.statement import Engine


class Spans(Protocol):
    """Tells a collector of requests and operations."""

    def operation(self, seen: Seen, engine: Engine, *, is_wanted: bool) -> None:
        """An operation is over: it is told of with its request; if that is none, at once.

        Args:
            seen: the operation.
            engine: that has answered its statements.
            is_wanted: it is told of in any case, not only if it is among the share that is.
        """

    def request(self, requested: Requested, engine: Engine) -> None:
        """A request is over."""

    def close(self) -> None:
        """Send what waits."""


class NoSpans:
    """Where nobody collects them, nothing is made."""

    def operation(self, seen: Seen, engine: Engine, *, is_wanted: bool) -> None:
        """Nothing."""

    def request(self, requested: Requested, engine: Engine) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def open_spans(settings: TelemetrySettings) -> Spans:
    """What tells of operations; without an address nothing is imported.

    Raises:
        click.UsageError: the extra `tracing` isn't installed.
    """
    if not settings.otlp_url:
        return NoSpans()
    from edge.telemetry.tracing import over_http

    return over_http(settings)
