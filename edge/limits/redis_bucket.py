"""Leaky buckets in Redis: exact for all processes and machines that share it.

Redis' clock counts, and a script looks at all buckets of an operation before it changes any. While Redis is away each
process counts for itself, so that limits are weaker and the service goes on.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from edge.limits.bucket import Bucket, ProcessBuckets, Taken

log = logging.getLogger("canopy.budget")

SECONDS_AWAY = 5.0
"""Until Redis is tried again."""

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
        self._redis = Redis.from_url(
            url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
        )
        self._take: Callable[..., Awaitable[Any]] = self._redis.register_script(_TAKE)
        self._add: Callable[..., Awaitable[Any]] = self._redis.register_script(_ADD)
        self._seconds = seconds
        self._otherwise = otherwise
        self._clock = clock
        self._away_until = 0.0
        self.is_up = True
        self._added: dict[tuple[tuple[Bucket, ...], bool], int] = {}
        """Points that wait to be added, by their buckets and whether they are owed."""
        self._adding: asyncio.Task[None] | None = None

    async def take(self, buckets: Sequence[Bucket], points: int) -> Taken:
        """See `Buckets`."""
        if buckets and self._clock() >= self._away_until:
            try:
                async with asyncio.timeout(self._seconds):
                    wait, levels = await self._take(*_given(buckets, points))
            except (RedisError, OSError, TimeoutError) as error:
                self._is_away(error)
            else:
                self._is_back()
                return Taken([float(level) for level in levels], self, float(wait))
        return self._otherwise.take_now(buckets, points)

    def add(self, buckets: Sequence[Bucket], points: int) -> None:
        """See `Buckets`; it is done beside what goes on.

        While Redis is away this process bears what is owed. What is put back was taken in Redis, and drains there.
        """
        if self._clock() < self._away_until:
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
        if self._clock() >= self._away_until:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._add(*_given(buckets, points))
                return
            except (RedisError, OSError, TimeoutError) as error:
                self._is_away(error)
        self._bear(buckets, points)

    async def close(self) -> None:
        """See `Buckets`."""
        if self._adding:
            await self._adding
        await self._redis.aclose()

    def _is_away(self, error: Exception) -> None:
        if self.is_up:
            why = type(error).__name__  # a time-out says nothing
            log.error("Redis is away, and each process counts budgets for itself: %s %s", why, error)
        self.is_up = False
        self._away_until = self._clock() + SECONDS_AWAY

    def _is_back(self) -> None:
        if not self.is_up:
            log.info("Redis is back, and budgets are shared again")
        self.is_up = True


def _given(buckets: Sequence[Bucket], points: int) -> tuple[list[str], list[int | float]]:
    """Keys and arguments of a script."""
    sizes = [size for bucket in buckets for size in (bucket.capacity, bucket.refill)]
    return [f"canopy:budget:{bucket.key}" for bucket in buckets], [points, *sizes]
