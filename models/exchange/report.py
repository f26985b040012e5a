"""What an import did, kind by kind."""

from collections.abc import Callable
from dataclasses import dataclass, field

Progress = Callable[[str, int, int | None], None]
"""Told `(stage, done, total)` now and then; the unit is the stage's own, the total None where no one knows it."""


@dataclass
class Tally:
    """Rows of one kind: read = created + changed + unchanged.

    Args:
        read: rows of the file.
        created: rows that are new.
        changed: rows that were there with other values.
        removed: parts of a list (contacts of an account, charges of a subscription) that the file has no longer.
    """

    read: int = 0
    created: int = 0
    changed: int = 0
    removed: int = 0

    @property
    def unchanged(self) -> int:
        """Rows that were in the database already, just so."""
        return self.read - self.created - self.changed


@dataclass
class ImportReport:
    """The rows of each kind that was named, by the stem of its file (`accounts`), and the time it took.

    Args:
        kinds: the counts.
        left_out: rows of price sheets for other marketplaces than the one that was asked for.
        seconds: from the first row to the commit.
    """

    kinds: dict[str, Tally] = field(default_factory=dict)
    left_out: int = 0
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """How many rows were read in all."""
        return sum(tally.read for tally in self.kinds.values())

    @property
    def changes(self) -> int:
        """How many rows were created, changed or removed in all."""
        return sum(tally.created + tally.changed + tally.removed for tally in self.kinds.values())
