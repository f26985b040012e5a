"""Texts of automatic persisted queries in Redis, for all processes that share it.

As in a process, those are forgotten first that were used the longest ago. While Redis is away nothing is known there,
and nobody waits for it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

log = logging.getLogger("canopy.documents")

MOST_TEXTS = 1_000
LONGEST = 16_384
"""Characters of a text; with a longer one each process is on its own."""
SECONDS_AWAY = 5.0
"""Until Redis is tried again."""
_TEXTS, _USES = "canopy:{documents}:texts", "canopy:{documents}:uses"
"""A hash of the texts, and their ids by when they were used: one word in braces, so that they are kept in one place."""

_GET = """
local text = redis.call('HGET', KEYS[1], ARGV[1])
if text then redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1]) end
return text
"""
_KEEP = """
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[1])
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
if over > 0 then
  local found = redis.call('ZPOPMIN', KEYS[2], over)
  for place = 1, #found, 2 do redis.call('HDEL', KEYS[1], found[place]) end
end
"""


class RedisTexts:
    """Texts that processes share.

    Args:
        url: of Redis.
        seconds: for how long it is waited for.
        clock: seconds that only grow.
    """

    def __init__(self, url: str, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
        )
        self._get: Callable[..., Awaitable[Any]] = self._redis.register_script(_GET)
        self._keep: Callable[..., Awaitable[Any]] = self._redis.register_script(_KEEP)
        self._seconds = seconds
        self._clock = clock
        self._away_until = 0.0
        self._is_up = True

    async def get(self, document_id: str) -> str | None:
        """See `SharedTexts`."""
        found = await self._asked(self._get, document_id)
        return None if found is None else str(found)

    async def keep(self, document_id: str, text: str) -> None:
        """See `SharedTexts`; a text that is too long isn't kept."""
        if len(text) <= LONGEST:
            await self._asked(self._keep, document_id, text, MOST_TEXTS)

    async def close(self) -> None:
        """See `SharedTexts`."""
        await self._redis.aclose()

    async def _asked(self, script: Callable[..., Awaitable[Any]], *given: object) -> Any:
        """What a script answers; None while Redis is away."""
        if self._clock() < self._away_until:
            return None
        try:
            async with asyncio.timeout(self._seconds):
                found = await script([_TEXTS, _USES], given)
        except (RedisError, OSError, TimeoutError) as error:
            if self._is_up:
                log.warning("Redis is away, and each process remembers its own: %s", error or type(error).__name__)
            self._is_up = False
            self._away_until = self._clock() + SECONDS_AWAY
            return None
        self._is_up = True
        return found
