"""Traces, told afterwards: what an operation did becomes spans when it is over. See `tracing.py` for where they go."""

from typing import Protocol

from edge.telemetry.seen import Seen
from edge.telemetry.settings import TelemetrySettings
from models.statement import Engine


class Spans(Protocol):
    """Tells a collector of operations."""

    def tell(self, seen: Seen, engine: Engine, *, is_wanted: bool) -> None:
        """Tell of an operation that is over, if it is among the share that is told of, or wanted anyway."""

    def close(self) -> None:
        """Send what waits."""


class NoSpans:
    """Where nobody collects them, nothing is made."""

    def tell(self, seen: Seen, engine: Engine, *, is_wanted: bool) -> None:
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
