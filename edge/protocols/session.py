"""How long somebody may stay who has come in: looked at again and again, for no token is good for ever."""

import asyncio
import logging
from contextlib import suppress

from models.store import StoreError
from resolvers.callers import Callers
from resolvers.errors import UnauthenticatedError

log = logging.getLogger("canopy.sockets")


class Session:
    """The stay of whoever came in with a token.

    Args:
        callers: looks them up; must remember none.
        token: theirs, by which they were just looked up.
        good_for: seconds for which it is good.
        seconds_between_looks: how often they are looked up while nothing gives a reason to.
    """

    def __init__(self, callers: Callers, token: str, good_for: float, seconds_between_looks: float) -> None:
        self._callers = callers
        self._token = token
        self._good_for = good_for
        self._seconds = seconds_between_looks
        self._doubts = asyncio.Event()

    def doubt(self) -> None:
        """Look now: something says that the stay is over."""
        self._doubts.set()

    async def over(self) -> UnauthenticatedError:
        """Return once the stay is over, with why; while the database is away, nobody is thrown out."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._seconds, self._good_for)):
                    await self._doubts.wait()
            self._doubts.clear()
            try:
                await self._callers.behind(self._token)
            except UnauthenticatedError as error:
                return error
            except (StoreError, OSError) as error:
                log.warning("whether a caller may stay can't be looked at: %s", error)
            self._good_for = self._callers.seconds_left(self._token)
