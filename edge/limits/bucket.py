"""Leaky buckets: what was spent fills them, time drains them, and who would make one flow over is told to wait.

An operation takes what it may cost from several buckets, or from none. What it didn't spend is put back, what it spent
beyond that is owed: however operations come in between one another, no bucket ever gives more than it has.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

MOST_BUCKETS = 100_000
"""In a process; those that were used longest ago are forgotten, and they have drained most."""
_NEARLY_NOTHING = 1e-9


class Bucket(NamedTuple):
    """A bucket, by whose it is.

    Args:
        name: what kind it is, as callers are told.
        key: of which there is one alone.
        capacity: points that it holds.
        refill: points a second that drain.
    """

    name: str
    key: str
    capacity: int
    refill: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of taking points from buckets.

    Args:
        levels: of each bucket, afterwards; higher than its capacity where there are debts.
        of: the buckets that they were taken from, to which they go back.
        wait: seconds until there is enough; 0 if the points were taken.
    """

    levels: Sequence[float]
    of: "Buckets"
    wait: float = 0.0


class Buckets(Protocol):
    """All buckets."""

    @property
    def is_up(self) -> bool:
        """Whether they are where they are configured to be."""

    async def take(self, buckets: Sequence[Bucket], points: int) -> Taken:
        """Take points from each of the buckets, or from none. What is dearer than a bucket takes a full one, and owes.

        Args:
            buckets: of one account.
            points: how many.
        """

    def add(self, buckets: Sequence[Bucket], points: int) -> None:
        """Owe points to each bucket, whatever is in it, or put points back, if fewer than 0."""

    async def close(self) -> None:
        """See to it that all that was added is there."""


def drained(level: float, at: float, now: float, refill: float) -> float:
    """The level of a bucket now, by that of an instant before."""
    return max(0.0, level - max(0.0, now - at) * refill)


def wait(level: float, points: int, bucket: Bucket) -> float:
    """Seconds until a bucket takes points; 0 for now."""
    over = level + min(points, bucket.capacity) - bucket.capacity
    return over / bucket.refill if over > _NEARLY_NOTHING else 0.0


class ProcessBuckets:
    """Buckets of one process.

    Args:
        clock: seconds that only grow.
        most: buckets.
    """

    is_up = True

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = MOST_BUCKETS) -> None:
        self._clock = clock
        self._most = most
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def take(self, buckets: Sequence[Bucket], points: int) -> Taken:
        """See `Buckets`."""
        return self.take_now(buckets, points)

    def take_now(self, buckets: Sequence[Bucket], points: int) -> Taken:
        """The same at once."""
        now = self._clock()
        levels = [self._level(bucket, now) for bucket in buckets]
        seconds = max((wait(level, points, bucket) for level, bucket in zip(levels, buckets, strict=True)), default=0.0)
        if seconds:
            return Taken(levels, self, seconds)
        levels = [level + points for level in levels]
        for bucket, level in zip(buckets, levels, strict=True):
            self._set(bucket, level, now)
        return Taken(levels, self)

    def add(self, buckets: Sequence[Bucket], points: int) -> None:
        """See `Buckets`."""
        now = self._clock()
        for bucket in buckets:
            self._set(bucket, max(0.0, self._level(bucket, now) + points), now)

    async def close(self) -> None:
        """See `Buckets`."""

    @property
    def keys(self) -> list[str]:
        """Of the buckets that something was taken from."""
        return list(self._levels)

    def _level(self, bucket: Bucket, now: float) -> float:
        level, at = self._levels.get(bucket.key, (0.0, now))
        return drained(level, at, now, bucket.refill)

    def _set(self, bucket: Bucket, level: float, now: float) -> None:
        self._levels[bucket.key] = level, now
        self._levels.move_to_end(bucket.key)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
