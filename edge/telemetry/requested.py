"""What is seen of one request of HTTP from outside, from when its head was there until its answer was sent."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter_ns, time_ns

from edge.telemetry.seen import Seen


@dataclass(eq=False, slots=True)
class Requested:
    """One request of HTTP; a socket is none, for its operations are over long before it is.

    Args:
        method: of HTTP.
        request_id: its id.
        parent: of its trace, as the header `traceparent` has it; empty where it begins one.
        started: when, by `perf_counter_ns`.
        at: when, in nanoseconds since 1970.
        route: the pattern of its address; empty where nothing stands under it.
        status: of its answer; 0 where there was none.
        operations: those that came with it, and are over.
        is_wanted: one of them is to be told of, however few are.
        ended: when it was over, by `perf_counter_ns`.
    """

    method: str
    request_id: str
    parent: str = ""
    started: int = field(default_factory=perf_counter_ns)
    at: int = field(default_factory=time_ns)
    route: str = ""
    status: int = 0
    operations: list[Seen] = field(default_factory=list)
    is_wanted: bool = False
    ended: int = 0

    @property
    def has_failed(self) -> bool:
        """Whether it was answered as only a defect, or an absent database, is."""
        return self.status >= 500


REQUESTED: ContextVar[Requested | None] = ContextVar("requested", default=None)
"""The request that the task answers; None outside of any, and on sockets."""
