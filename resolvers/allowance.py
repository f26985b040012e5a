"""What a caller may spend: of its own budget or its account's, whichever has less left."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a budget.

    Args:
        capacity: points, when nothing of it is spent.
        available: points, rounded down; 0 while there are debts.
        refill: points a second that come back.
        debt: points by which more was spent than there were.
    """

    capacity: int
    available: int
    refill: float
    debt: float = 0.0

    @property
    def seconds_to_full(self) -> float:
        """Until nothing of it is spent, if nothing more is."""
        return (self.capacity - self.available + self.debt) / self.refill
