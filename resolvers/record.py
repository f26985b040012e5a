"""What one operation did: written down while it runs, looked at when it is over, if at all.

Nothing is counted, timed against anything or told on the way: two readings of a clock and one tuple are all that an
operation pays for being watched.
"""

from contextvars import ContextVar
from time import perf_counter_ns
from typing import Protocol

from models.statement import Statement

FAILED = -1
"""The rows of a statement that did not come to its end."""


class Named(Protocol):
    """What keys were fetched for: a source, or a step of a plan."""

    @property
    def name(self) -> str:
        """Of the source; a step's begins with where in the answer it stands."""


class Record:
    """What one operation did. Instants and lengths of time are nanoseconds of `perf_counter_ns`.

    Args:
        statements: each with when it was sent, how long it took with waiting for a connection, and how many rows came.
        steps: each with for how many keys, when, and how long it took.
    """

    __slots__ = ("statements", "steps")

    def __init__(self) -> None:
        self.statements: list[tuple[Statement, int, int, int]] = []
        self.steps: list[tuple[Named, int, int, int]] = []

    def statement(self, statement: Statement, started: int, rows: int) -> None:
        """A statement has been answered, or has failed."""
        self.statements.append((statement, started, perf_counter_ns() - started, rows))

    def step(self, what: Named, keys: int, started: int) -> None:
        """Something was fetched for a set of keys."""
        self.steps.append((what, keys, started, perf_counter_ns() - started))

    def clear(self) -> None:
        """Begin anew: the next event of what listens."""
        self.statements.clear()
        self.steps.clear()


RECORD: ContextVar[Record | None] = ContextVar("record", default=None)
"""Goes along with the task, as the request's id does; None where nobody watches."""
