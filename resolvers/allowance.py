"""What a caller may spend: of its own budget or its account's, whichever has less left."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import floor

from models.base import now


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a budget.

    Args:
        name: whose it is: the `caller`'s or the `account`'s.
        capacity: points, when nothing of it is spent.
        refill: points a second that come back.
        left: points; below 0 where more was spent than there were.
        at: when that was so.
    """

    name: str
    capacity: int
    refill: float
    left: float
    at: datetime = field(default_factory=now)

    @property
    def available(self) -> int:
        """Points, rounded down; 0 while there are debts."""
        return max(0, floor(self.left))

    @property
    def seconds_to_full(self) -> float:
        """Until nothing of it is spent, if nothing more is."""
        return (self.capacity - self.left) / self.refill

    @property
    def full_at(self) -> datetime:
        """When nothing of it is spent, if nothing more is."""
        return self.at + timedelta(seconds=self.seconds_to_full)
