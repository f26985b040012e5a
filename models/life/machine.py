"""The one form in which every life is written down: a table of moves, and what follows from it."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

StatusT = TypeVar("StatusT", bound=StrEnum)
EventT = TypeVar("EventT", bound=StrEnum)


class WrongStateError(ValueError):
    """The event can't happen to what is in that state, or doesn't lead where it was said to lead."""


@dataclass(frozen=True, slots=True)
class Move(Generic[EventT, StatusT]):
    """One row of a table: what an event makes of the states in which it can happen.

    Args:
        from_: the states in which it can happen; empty: before there is anything.
        to: the states to which it may lead, the usual one first; empty: the state stays as it is.
        by: whose doing it is, in words.
        when: what else must hold, or which of several states it leads to, in words; empty: nothing.
        effect: what happens beside the change of the state, in words; empty: nothing.
    """

    event: EventT
    from_: tuple[StatusT, ...]
    to: tuple[StatusT, ...]
    by: str
    when: str = ""
    effect: str = ""

    def outcomes(self, status: StatusT | None) -> tuple[StatusT, ...]:
        """Where it may lead from there, the usual state first; empty where it can't happen."""
        if status is None:
            return () if self.from_ else self.to
        return (self.to or (status,)) if status in self.from_ else ()


class Life(Generic[EventT, StatusT]):
    """A table of moves, to be asked.

    Args:
        moves: each event stands in one row.

    Raises:
        ValueError: an event stands in two rows.
    """

    def __init__(self, moves: tuple[Move[EventT, StatusT], ...]) -> None:
        self.moves = moves
        self._by_event = {move.event: move for move in moves}
        if len(self._by_event) < len(moves):
            raise ValueError("An event stands in two rows of the table.")

    def can(self, status: StatusT | None, event: EventT) -> bool:
        """Whether the event can happen in that state; None is the state of what doesn't exist yet."""
        return bool(self._by_event[event].outcomes(status))

    def after(self, status: StatusT | None, event: EventT, to: StatusT | None = None) -> StatusT:
        """The state in which the event leaves what is in that state.

        Args:
            status: the present one; None is the state of what doesn't exist yet.
            event: what happens.
            to: which of the states to which the event may lead; None: the usual one.

        Raises:
            WrongStateError: the event can't happen there, or doesn't lead to `to`.
        """
        outcomes = self._by_event[event].outcomes(status)
        if not outcomes:
            raise WrongStateError(f"{event} can't happen in {status or 'nothing'}.")
        if to is not None and to not in outcomes:
            raise WrongStateError(f"{event} doesn't lead from {status or 'nothing'} to {to}.")
        return to or outcomes[0]

    def steps(self) -> Iterator[tuple[StatusT | None, EventT, StatusT]]:
        """Every step that the table allows, in its order: from where, by which event, to where."""
        for move in self.moves:
            for status in move.from_ or (None,):
                for outcome in move.outcomes(status):
                    yield status, move.event, outcome

    def leads(self, before: StatusT | None, after: StatusT) -> bool:
        """Whether some single event leads from the one state to the other."""
        return any((status, outcome) == (before, after) for status, _, outcome in self.steps())
