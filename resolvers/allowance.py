"""What a caller may spend: of its own budget or its account's, whichever has less left."""

from dataclasses import dataclass
from math import floor


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a budget.

    Args:
        name: whose it is: the `caller`'s or the `account`'s.
        capacity: points, when nothing of it is spent.
        refill: points a second that come back.
        left: points; below 0 where more was spent than there were.
    """

    name: str
    capacity: int
    refill: float
    left: float

    @property
    def available(self) -> int:
        """Points, rounded down; 0 while there are debts."""
        return max(0, floor(self.left))

    @property
    def seconds_to_full(self) -> float:
        """Until nothing of it is spent, if nothing more is."""
        return (self.capacity - self.left) / self.refill
