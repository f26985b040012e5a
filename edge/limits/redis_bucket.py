"""Leaky buckets in Redis: exact for all processes and machines that share it.

Redis' clock counts, and a script looks at all buckets of an operation before it changes any. While Redis is away each
process counts for itself, so that limits are weaker and the service goes on.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from edge.limits.bucket import Bucket, ProcessBuckets, Taken
from edge.shared_redis import AwayError, SharedRedis

log = logging.getLogger("canopy.budget")

_LEVELS = """
local t = redis.call('TIME')
local now = t[1] + t[2] / 1000000
local function level(key, refill)
  local h = redis.call('HMGET', key, 'level', 'at')
  local at = tonumber(h[2]) or now
  return math.max(0, (tonumber(h[1]) or 0) - math.max(0, now - at) * refill)
end
local function keep(key, level, refill)
  redis.call('HSET', key, 'level', string.format('%.6f', level), 'at', string.format('%.6f', now))
  redis.call('PEXPIRE', key, math.ceil(level / refill * 1000) + 1000)
end
local points = tonumber(ARGV[1])
local levels, told = {}, {}
"""
"""KEYS are the buckets. ARGV are the points, and then capacity and refill of each."""

_TAKE = f"""{_LEVELS}
local wait = 0
for i, key in ipairs(KEYS) do
  local capacity, refill = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  levels[i] = level(key, refill)
  local over = levels[i] + math.min(points, capacity) - capacity
  if over > 1e-9 then wait = math.max(wait, over / refill) end
end
for i, key in ipairs(KEYS) do
  if wait == 0 then
    levels[i] = levels[i] + points
    keep(key, levels[i], tonumber(ARGV[2 * i + 1]))
  end
  told[i] = string.format('%.6f', levels[i])
end
return {{string.format('%.6f', wait), told}}
"""
_ADD = f"""{_LEVELS}
for i, key in ipairs(KEYS) do
  local refill = tonumber(ARGV[2 * i + 1])
  keep(key, math.max(0, level(key, refill) + points), refill)
end
return {{}}
"""


class RedisBuckets:
    """Buckets that processes share.

    Args:
        url: of Redis.
        seconds: for how long it is waited for.
        otherwise: the buckets while it is away.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        url: str,
        seconds: float,
        otherwise: ProcessBuckets,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = SharedRedis(url, seconds, log, "each process counts budgets for itself", clock)
        self._take, self._add = self._redis.script(_TAKE), self._redis.script(_ADD)
        self._otherwise = otherwise
        self._added: dict[tuple[tuple[Bucket, ...], bool], int] = {}
        """Points that wait to be added, by their buckets and whether they are owed."""
        self._adding: asyncio.Task[None] | None = None

    @property
    def is_up(self) -> bool:
        """Whether Redis answered when it was asked last."""
        return self._redis.is_up

    async def take(self, buckets: Sequence[Bucket], points: int) -> Taken:
        """See `Buckets`."""
        if buckets:
            try:
                wait, levels = await self._redis.ask(self._take, *_given(buckets, points))
            except AwayError:
                return self._otherwise.take_now(buckets, points)
            return Taken([float(level) for level in levels], self, float(wait))
        return self._otherwise.take_now(buckets, points)

    def add(self, buckets: Sequence[Bucket], points: int) -> None:
        """See `Buckets`; it is done beside what goes on.

        While Redis is away this process bears what is owed. What is put back was taken in Redis, and drains there.
        """
        if self._redis.is_avoided:
            self._bear(buckets, points)
        elif buckets:
            place = (tuple(buckets), points > 0)
            self._added[place] = self._added.get(place, 0) + points
            if self._adding is None:
                self._adding = asyncio.create_task(self._add_all())

    def _bear(self, buckets: Sequence[Bucket], points: int) -> None:
        if points > 0:
            self._otherwise.add(buckets, points)

    async def _add_all(self) -> None:
        """Add what waits, and what comes meanwhile: of each account at once what came to be of it."""
        try:
            while self._added:
                place = next(iter(self._added))
                await self._add_here(place[0], self._added.pop(place))
        finally:
            self._adding = None

    async def _add_here(self, buckets: Sequence[Bucket], points: int) -> None:
        try:
            await self._redis.ask(self._add, *_given(buckets, points))
        except AwayError:
            self._bear(buckets, points)

    async def close(self) -> None:
        """See `Buckets`."""
        if self._adding:
            await self._adding
        await self._redis.close()


def _given(buckets: Sequence[Bucket], points: int) -> tuple[list[str], list[int | float]]:
    """Keys and arguments of a script."""
    sizes = [size for bucket in buckets for size in (bucket.capacity, bucket.refill)]
    return [f"canopy:budget:{bucket.key}" for bucket in buckets], [points, *sizes]
