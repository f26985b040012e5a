"""Telling operators what happens: each operation when it is over, each event when it has been told."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter_ns

from edge.exposure.masking import Refusal
from edge.telemetry import metrics, slow
from edge.telemetry.folder import folder
from edge.telemetry.lag import Lag
from edge.telemetry.requested import Requested
from edge.telemetry.seen import SEEN, TRACE_PARENT, Seen
from edge.telemetry.settings import TelemetrySettings
from edge.telemetry.spans import open_spans
from edge.telemetry.together import forget
from edge.telemetry.usage import Usage
from models.store import Store
from resolvers.record import RECORD, Record
from resolvers.request_id import REQUEST_ID
from schema.execution.documents import Answer


class Telemetry:
    """What operators are told of.

    Args:
        settings: of what, and how.
        store: the gateway's.
    """

    def __init__(self, settings: TelemetrySettings, store: Store) -> None:
        self._settings = settings
        self._engine = store.engine
        self._spans = open_spans(settings)
        self.usage = Usage(store, settings.usage_seconds)
        self.lag = Lag()

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Write down and send what has gathered, now and then and when the block ends."""
        async with self.usage.going_on(), self.lag.going_on():
            yield
        self._spans.close()
        if folder():
            forget(os.getpid())

    @contextmanager
    def watching(self, transport: str) -> Iterator[Seen]:
        """Watch one operation; when the block ends, it is told of."""
        record = Record()
        seen = Seen(transport, REQUEST_ID.get(), record, parent=TRACE_PARENT.get())
        before = SEEN.get(), RECORD.get()
        SEEN.set(seen)
        RECORD.set(record)
        metrics.RUNNING.inc()
        try:
            yield seen
        except Refusal as refusal:
            seen.refused(refusal.code)
            raise
        except Exception as error:
            if not seen.events:  # otherwise it was answered, and its client could not be told
                seen.failed(error)
            raise
        finally:
            metrics.RUNNING.dec()
            self.finished(seen)
            SEEN.set(before[0])
            RECORD.set(before[1])

    @contextmanager
    def listening(self, seen: Seen) -> Iterator[None]:
        """Count an operation among those that listen, while the block lasts; it may last for months."""
        self.usage.used(seen)
        with metrics.LIVE.labels(seen.transport).track_inprogress():
            metrics.RUNNING.dec()
            try:
                yield
            finally:
                metrics.RUNNING.inc()

    def event(self, seen: Seen, answer: Answer) -> None:
        """An event has been told to an operation that listens."""
        seen.answered(answer, "graphql-core")
        metrics.EVENTS.labels(seen.transport).inc()
        metrics.fetched(seen, self._engine)
        seen.record.clear()

    def finished(self, seen: Seen) -> None:
        """An operation is over."""
        seen.ended = perf_counter_ns()
        metrics.operation_over(seen)
        metrics.fetched(seen, self._engine)
        if seen.document is not None and seen.kind != "subscription":
            self.usage.used(seen)
        is_slow = seen.kind != "subscription" and seen.seconds >= self._settings.slow_seconds
        if is_slow:
            metrics.SLOW.inc()
        if self._settings.log_operations == "all" or (is_slow and self._settings.log_operations == "slow"):
            slow.log_operation(seen, self._engine, is_slow=is_slow)
        self._spans.operation(seen, self._engine, is_wanted=is_slow or seen.outcome == "failed")

    def requested(self, requested: Requested) -> None:
        """A request of HTTP is over."""
        self._spans.request(requested, self._engine)
