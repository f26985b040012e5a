"""Texts of automatic persisted queries in Redis, for all processes that share it.

As in a process, those are forgotten first that were used the longest ago. While Redis is away nothing is known there,
and nobody waits for it.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from edge.shared_redis import AwayError, Script, SharedRedis

log = logging.getLogger("canopy.documents")

MOST_TEXTS = 1_000
LONGEST = 16_384
"""Characters of a text; with a longer one each process is on its own."""
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
        self._redis = SharedRedis(url, seconds, log, "each process remembers its own texts", clock)
        self._get, self._keep = self._redis.script(_GET), self._redis.script(_KEEP)

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
        await self._redis.close()

    async def _asked(self, script: Script, *given: object) -> Any:
        """What a script answers; None while Redis is away."""
        try:
            return await self._redis.ask(script, [_TEXTS, _USES], given)
        except AwayError:
            return None
