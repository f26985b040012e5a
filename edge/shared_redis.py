"""A Redis that processes share, asked only while it answers: nobody waits for one that is away."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

SECONDS_AWAY = 5.0
"""Until Redis is tried again."""

Script = Callable[..., Awaitable[Any]]


class AwayError(Exception):
    """Redis is away."""


class SharedRedis:
    """A Redis.

    Args:
        url: of it.
        seconds: for how long it is waited for.
        log: is told when it has gone away, and when it is back.
        meanwhile: what happens while it is away, for the log.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        url: str,
        seconds: float,
        log: logging.Logger,
        meanwhile: str,
        clock: Callable[[], float],
    ) -> None:
        self._redis = Redis.from_url(
            url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
        )
        self._seconds = seconds
        self._log = log
        self._meanwhile = meanwhile
        self._clock = clock
        self._away_until = 0.0
        self.is_up = True

    def script(self, text: str) -> Script:
        """A script, for `ask`."""
        return self._redis.register_script(text)

    @property
    def is_avoided(self) -> bool:
        """Whether it is not asked, for it was away a moment ago."""
        return self._clock() < self._away_until

    def avoid(self, error: Exception) -> None:
        """Ask it no more for a while, for what an attempt has come to."""
        self._away_until = self._clock() + SECONDS_AWAY
        if self.is_up:
            why = type(error).__name__  # a time-out says nothing
            self._log.error("Redis is away, and %s: %s %s", self._meanwhile, why, error)
        self.is_up = False

    async def ask(self, script: Script, keys: Sequence[str], given: Sequence[object]) -> Any:
        """What a script answers.

        Raises:
            AwayError: nothing, in time.
        """
        if self.is_avoided:
            raise AwayError
        try:
            async with asyncio.timeout(self._seconds):
                found = await script(keys, given)
        except (RedisError, OSError, TimeoutError) as error:
            self.avoid(error)
            raise AwayError from error
        if not self.is_up:
            self.is_up = True
            self._log.info("Redis is back")
        return found

    async def close(self) -> None:
        """Disconnect."""
        await self._redis.aclose()
