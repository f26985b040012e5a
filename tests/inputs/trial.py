"""One line of the matrix of changes: an operation, what it is given, and what is so before it is tried.

A module of this folder for each noun holds its `TRIALS`; every declared operation needs one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from models.statement import Statement
from tests.hierarchy import World

Given = Callable[[World, int], dict[str, Any]]


def _nothing(_world: World, _account_id: int) -> Sequence[tuple[Statement, dict[str, Any]]]:
    return ()


@dataclass(frozen=True)
class Trial:
    """An operation that everybody tries at every place of the hand-made hierarchy.

    Args:
        operation: its name.
        given: its input by the names of the input class, ids as numbers, for the account at the place.
        when: what makes this line another than the first of the operation, in words.
        before: statements with their parameters that put the account at the place into the state that it takes; they
            are undone with everything else.
        expected_version: for operations on something that has one.
        has_place: whether it is about something in the tree; otherwise it is tried once by everybody.
    """

    operation: str
    given: Given
    when: str = ""
    before: Callable[[World, int], Sequence[tuple[Statement, dict[str, Any]]]] = _nothing
    expected_version: int | None = 1
    has_place: bool = True

    @property
    def title(self) -> str:
        """How the line is headed."""
        return f"{self.operation} ({self.when})" if self.when else self.operation
