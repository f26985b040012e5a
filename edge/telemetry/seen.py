"""What is seen of one operation from outside: filled in on its way, told when it is over."""

from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # logs know of it, and commands write logs, without waiting for the schema
    from resolvers.caller import Caller
    from resolvers.record import Record
    from schema.execution.documents import Answer, Document

PARTLY = "partly"
"""Answered, with errors."""


@dataclass(eq=False, slots=True)
class Seen:
    """One operation, from when it was asked for.

    Args:
        transport: by which it came.
        request_id: of its request.
        record: what it did.
        started: when, by `perf_counter_ns`.
        at: when, in nanoseconds since 1970.
        parent: of its trace, as the header `traceparent` has it; empty where it begins one.
        caller: who asks; None for a stranger.
        client: what the client is called: proven, or claimed.
        is_client_known: whether it is proven, or anything is registered for it.
        document: what was read; None where it was refused before.
        document_id: SHA-256 of its text.
        is_trusted: whether it is registered.
        kind: query, mutation or subscription.
        name: of the operation.
        estimate: what it could have cost.
        cost: what it has cost.
        executor: what answered it: plan or core.
        events: how many answers it was told, where it listens.
        outcome: answered, partly, failed, refused, or gone, when nobody waits for it any more.
        code: of the first error.
        ended: when it was over, by `perf_counter_ns`.
    """

    transport: str
    request_id: str | None
    record: "Record"
    started: int = field(default_factory=perf_counter_ns)
    at: int = field(default_factory=time_ns)
    parent: str = ""
    caller: "Caller | None" = None
    client: str = ""
    is_client_known: bool = False
    document: "Document | None" = None
    document_id: str = ""
    is_trusted: bool = False
    kind: str = ""
    name: str | None = None
    estimate: int = 0
    cost: int = 0
    executor: str = ""
    events: int = 0
    outcome: str = "gone"
    code: str = ""
    ended: int = 0

    @property
    def seconds(self) -> float:
        """How long it took; of what isn't over, until now."""
        return ((self.ended or perf_counter_ns()) - self.started) / 1e9

    def found(self, document_id: str, client: str, *, is_trusted: bool, is_client_known: bool) -> None:
        """It is known which document is asked for, and by what."""
        self.document_id, self.client = document_id, client
        self.is_trusted, self.is_client_known = is_trusted, is_client_known

    def prepared(self, document: "Document", name: str | None, kind: str, estimate: int) -> None:
        """It is known which operation of it, and that it can be run."""
        self.document, self.name, self.kind, self.estimate = document, name, kind, estimate

    def answered(self, answer: "Answer", by: str = "") -> None:
        """It has been answered, or told one event."""
        self.events += 1
        self.cost += answer.cost
        self.executor = by.partition(";")[0]
        self.outcome = "answered"
        if answer.errors:
            self.outcome = "failed" if answer.data is None else PARTLY
            self.code = _code(answer)

    def refused(self, code: str) -> None:
        """It isn't run, or ends."""
        self.outcome, self.code = "refused", code

    def failed(self, error: BaseException) -> None:
        """A defect has ended it."""
        self.outcome, self.code = "failed", type(error).__name__

    def about(self) -> dict[str, str]:
        """Who did what, in ids: what every line of the log says that is written meanwhile."""
        caller = self.caller
        told = {
            "caller": _acts(caller) if caller else "",
            "acting_as": f"account:{caller.account_id}" if caller and caller.actor else "",
            "account": str(caller.account_id) if caller else "",
            "client": self.client,
            "operation": (self.name or "") if self.is_trusted else "",
            "document_id": self.document_id,
        }
        return {name: value for name, value in told.items() if value}


def _acts(caller: "Caller") -> str:
    """Who really acts: `user:7`, `client:7`."""
    return f"user:{caller.actor.user_id}" if caller.actor else caller.subject


def _code(answer: "Answer") -> str:
    error = answer.errors[0]
    code = (error.extensions or {}).get("code") or getattr(error.original_error, "code", None)
    return str(code or ("INTERNAL" if error.original_error else "EXECUTION"))


TRACE_PARENT: ContextVar[str] = ContextVar("trace_parent", default="")
"""The header `traceparent` of the request, where it is to be continued; empty otherwise."""
SEEN: ContextVar[Seen | None] = ContextVar("seen", default=None)
"""What the task works on; None outside of operations."""
