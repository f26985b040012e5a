"""The bell on PostgreSQL: heard in all processes, by NOTIFY and LISTEN.

Notifying within each transaction would have their commits wait for one another. So it is done beside them, and at most
every 50 ms; the notification says nothing, and whoever misses one finds out when it looks by itself the next time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg

from models.bell import Bell

log = logging.getLogger("canopy.store")

_CHANNEL = "canopy_outbox"
_REST = 0.05
"""Seconds between two notifications of one process."""
_AGAIN = 2.0
"""Seconds after which a connection is tried again."""
_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class PostgresBell(Bell):
    """See `models.bell.Bell`.

    Args:
        url: of the database, to which there is a connection for as long as somebody listens.
        execute: runs a command on any other connection.
    """

    def __init__(self, url: str, execute: Callable[[str], Awaitable[None]]) -> None:
        super().__init__()
        self._url = url
        self._execute = execute
        self._is_due = False
        self._ringing: asyncio.Task[None] | None = None
        self._hearing: asyncio.Task[None] | None = None

    def ring(self) -> None:
        """See `Bell`; other processes hear it as soon as a notification has gone out."""
        self._told()
        self._is_due = True
        if self._ringing is None or self._ringing.done():
            self._ringing = asyncio.create_task(self._ring(), name="ringing")

    async def listen(self, heard: Callable[[], None]) -> None:
        """See `Bell`."""
        if self._hearing is None:
            self._hearing = asyncio.create_task(self._hear(), name="hearing")
        try:
            await super().listen(heard)
        finally:
            if not self._listeners:
                await _ended(self._hearing)
                self._hearing = None

    async def close(self) -> None:
        """See `Bell`."""
        await _ended(self._ringing)
        await _ended(self._hearing)

    async def _ring(self) -> None:
        """Notify once for all that was committed, and then no sooner than after a rest."""
        while self._is_due:
            self._is_due = False
            with suppress(*_FAILURES):  # they look by themselves
                await self._execute(f"NOTIFY {_CHANNEL}")
            await asyncio.sleep(_REST)

    async def _hear(self) -> None:
        while True:
            try:
                await self._hear_until_lost()
            except _FAILURES as error:
                log.warning("nothing is heard of what other processes commit: %s", error)
            await asyncio.sleep(_AGAIN)

    async def _hear_until_lost(self) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _connection: lost.set())
            await connection.add_listener(_CHANNEL, lambda *_notification: self._told())
            self._told()  # for what was committed meanwhile
            await lost.wait()
        finally:
            connection.terminate()


async def _ended(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.wait({task})
