"""The platform's time: the machine's, or as far ahead of it as a test or a demonstration has set it.

Whatever has a date in the business goes by it: when a job is due, when a term ends, what day it is. What is about
machines goes by theirs: leases, time-outs, tokens.

A transaction that may read the clock's row asks it, and so no two processes disagree. Whoever can't, because a scope
shows no such row, goes by `PlatformClock`, which follows it within a second or so.
"""

import asyncio
import logging
from datetime import date, datetime, timedelta

from sqlalchemy import bindparam, select, update

from models import Clock, base
from models.base import table_of
from models.statement import Statement
from models.store import Store, StoreError
from resolvers.errors import InvalidError
from resolvers.transaction import Transaction, change

log = logging.getLogger("canopy.clock")

_CLOCK = table_of(Clock)
_AHEAD = Statement(select(_CLOCK.c.ahead_seconds).where(_CLOCK.c.id == 1), is_lookup=True)
_ADVANCE = Statement(
    update(_CLOCK)
    .where(_CLOCK.c.id == 1)
    .values(ahead_seconds=_CLOCK.c.ahead_seconds + bindparam("by"))
    .returning(_CLOCK.c.ahead_seconds)
)
SECONDS_BETWEEN_LOOKS = 1.0
FURTHEST = timedelta(days=50 * 365)
"""How far ahead of the machine's the platform's clock may be set."""


async def now(db: Transaction) -> datetime:
    """The platform's present instant, in UTC, to the millisecond."""
    return base.now() + await _ahead(db)


async def today(db: Transaction) -> date:
    """The platform's present day, in UTC."""
    return (await now(db)).date()


async def advance(db: Transaction, by: timedelta) -> datetime:
    """Set the platform's clock ahead, for all processes at once. There is no way back.

    Args:
        db: what it is part of.
        by: at least a second.

    Returns:
        The platform's new present instant.

    Raises:
        InvalidError: it would go backwards, stand still, or be ahead by more than 50 years.
    """
    if not timedelta(seconds=1) <= by <= FURTHEST:
        raise InvalidError("The clock goes forwards only: by a second at least, by 50 years at most.")
    ((ahead,),) = await change(db, _ADVANCE, {"by": int(by.total_seconds())})
    if ahead > FURTHEST.total_seconds():
        raise InvalidError("The clock would be more than 50 years ahead.")
    return await now(db)


class PlatformClock:
    """The platform's time without asking the database: by how far it was ahead when that was last looked at.

    Args:
        store: where it is looked at.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The platform's present instant, in UTC, to the millisecond."""
        return base.now() + self._ahead

    async def follow(self, seconds: float = SECONDS_BETWEEN_LOOKS) -> None:
        """Look again and again, until cancelled; while the database is away, the clock runs on as it was."""
        while True:
            await self.look()
            await asyncio.sleep(seconds)

    async def look(self) -> None:
        """Look once; done before the first request, lest that happens at the machine's time."""
        try:
            async with self._store.unfiltered("the platform's clock") as db:
                self._ahead = await _ahead(db)
        except (StoreError, OSError) as error:
            log.warning("the platform's clock can't be looked at: %s", error)


async def _ahead(db: Transaction) -> timedelta:
    ((seconds,),) = await db.rows(_AHEAD)
    return timedelta(seconds=seconds)
