"""Slowing and then refusing those who keep failing to sign in, on every process alike and over restarts.

Failures are counted for an address, and for an address together with a login; never for a login alone, or whoever
knows a name could lock its owner out. A count drains with time, one failure at a time, so that the slips of a large
office never add up. Sources are stored as keyed hashes: people type passwords where logins belong.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from math import ceil

from sqlalchemy import Text, bindparam, case, delete, select
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import SignInFailure
from models.base import table_of
from models.statement import Row, Statement, any_of
from models.store import Unfiltered
from resolvers.oauth import Refusal, SignInError

_FAILURE = table_of(SignInFailure).c

FAILURES = Statement(
    select(_FAILURE.source, _FAILURE.failures, _FAILURE.last_at).where(any_of(_FAILURE.source, "sources", Text))
)
_IS_UNTOUCHED = (_FAILURE.last_at == bindparam("seen_at")) & (_FAILURE.failures == bindparam("seen"))
# A count that nobody has touched since it was read is drained to `level`; one that someone has was drained by them.
_COUNT = Statement(
    insert(table_of(SignInFailure))
    .values(source=bindparam("source"), failures=1, last_at=bindparam("now"))
    .on_conflict_do_update(
        index_elements=[_FAILURE.source],
        set_={
            "failures": case((_IS_UNTOUCHED, bindparam("level")), else_=_FAILURE.failures) + 1,
            "last_at": bindparam("now"),
        },
    )
)
_FORGET = Statement(delete(table_of(SignInFailure)).where(_FAILURE.source == bindparam("source")))
# Rows that another transaction is about to change are left alone: waiting for them could end in a deadlock.
_PRUNE = Statement(
    delete(table_of(SignInFailure)).where(
        _FAILURE.source.in_(
            select(_FAILURE.source).where(_FAILURE.last_at < bindparam("before")).with_for_update(skip_locked=True)
        )
    )
)


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures of a source are borne.

    Args:
        free: failures without consequence.
        refused: failures from which on nothing is tried any more.
        drain: how long until one of them is forgotten.
    """

    free: int
    refused: int
    drain: timedelta


@dataclass(frozen=True, slots=True)
class ThrottleSettings:
    """How patient the throttle is.

    Args:
        pair: for one login from one address: ten guesses, then four an hour.
        address: for all logins from one address, which may be a whole office: a hundred, then a hundred an hour.
        first_delay: seconds that the first attempt waits after the free ones; each further one twice as long.
        longest_delay: seconds.
        answer: to one person's security question, whoever asks it: five guesses a day.
        checker: by one who checks answers, whosever.
        own_password: by someone who is signed in, for changing it.
        waiting: attempts of one process that may wait at the same time; more are refused at once.
    """

    pair: Limit = Limit(free=3, refused=10, drain=timedelta(minutes=15))
    address: Limit = Limit(free=20, refused=100, drain=timedelta(seconds=36))
    answer: Limit = Limit(free=5, refused=5, drain=timedelta(minutes=288))
    checker: Limit = Limit(free=30, refused=30, drain=timedelta(minutes=48))
    own_password: Limit = Limit(free=10, refused=10, drain=timedelta(minutes=15))
    first_delay: float = 0.5
    longest_delay: float = 4.0
    waiting: int = 200

    def forgotten_after(self) -> timedelta:
        """The age at which no count matters any more."""
        limits = (self.pair, self.address, self.answer, self.checker, self.own_password)
        return max(limit.drain * limit.refused for limit in limits)


@dataclass(frozen=True, slots=True)
class Source:
    """Where attempts come from: the key of its row, and what is borne of it."""

    key: str
    limit: Limit

    @property
    def tag(self) -> str:
        """Tells sources apart in a log, which says of nobody where they are."""
        return self.key[:10]


@dataclass(frozen=True, slots=True)
class Count:
    """The failures of a source that are not forgotten yet.

    Args:
        level: how many.
        seen: how many the database has noted, the forgotten included.
        seen_at: when the last was, as the database gives it; None when there was none.
        since: how long ago that was.
    """

    source: Source
    level: int = 0
    seen: int = 0
    seen_at: datetime | str | None = None
    since: timedelta = timedelta()

    @property
    def retry_after(self) -> int:
        """Seconds until another attempt is allowed; 0 for at once."""
        limit = self.source.limit
        if self.level < limit.refused:
            return 0
        to_drain = self.level - limit.refused + 1
        return max(1, -(-(limit.drain * to_drain - self.since % limit.drain) // timedelta(seconds=1)))


def network(address: str) -> str:
    """What one party holds: an IPv4 address, or the /64 of an IPv6 address. What is no address is all one source."""
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ip_network((parsed, 64), strict=False))


def _hashed(key: bytes, *parts: str) -> str:
    return blake2b("\0".join(parts).encode(), key=key, digest_size=20).hexdigest()


async def counts(db: Unfiltered, of: Sequence[Source], now: datetime) -> list[Count]:
    """What stands against each of the sources."""
    rows = {row.source: row for row in await db.rows(FAILURES, {"sources": [source.key for source in of]})}
    return [_count(source, rows, now) for source in of]


def _count(source: Source, rows: Mapping[str, Row], now: datetime) -> Count:
    row = rows.get(source.key)
    if row is None:
        return Count(source)
    last_at = row.last_at if isinstance(row.last_at, datetime) else datetime.fromisoformat(row.last_at)
    since = max(now - last_at, timedelta())
    level = max(row.failures - since // source.limit.drain, 0)
    return Count(source, level, row.failures, row.last_at, since)


class Throttle:
    """Makes those wait who failed before.

    Args:
        settings: how long.
        key: of the hashes under which sources are stored, at most 64 bytes.
        sleep: how waiting is done.
    """

    def __init__(
        self, settings: ThrottleSettings, key: bytes, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.settings = settings
        self._key = key
        self._sleep = sleep
        self._places = settings.waiting

    def sources(self, address: str, name: str) -> tuple[Source, Source]:
        """The pair of address and name, and the address.

        Args:
            address: as the gateway trusts it.
            name: the login or client id, with its kind, so that a user and a client of one name are two.
        """
        place = network(address)
        return (
            Source(_hashed(self._key, "pair", place, name), self.settings.pair),
            Source(_hashed(self._key, "address", place), self.settings.address),
        )

    def source(self, what: str, name: object, limit: Limit) -> Source:
        """What is counted for a name, wherever it comes from: only of what locks nobody out."""
        return Source(_hashed(self._key, what, str(name)), limit)

    async def wait(self, against: Sequence[Count]) -> None:
        """Return when the attempt's time has come.

        Raises:
            SignInError: `SLOW_DOWN`; it does not come now.
        """
        require_patience(against)
        seconds = delay(self.settings, against)
        if not seconds:
            return
        if self._places == 0:  # waiting costs little, but not nothing
            raise _slow_down(ceil(seconds))
        self._places -= 1
        try:
            await self._sleep(seconds)
        finally:
            self._places += 1


def delay(settings: ThrottleSettings, against: Sequence[Count]) -> float:
    """Seconds that the next attempt has to wait before it is looked at."""
    over = max(count.level - count.source.limit.free for count in against)
    # The exponent is bounded, for a count can run far above what is free.
    return min(settings.first_delay * 2 ** min(over, 30), settings.longest_delay) if over >= 0 else 0.0


def require_patience(against: Sequence[Count]) -> None:
    """Refuse an attempt from a source that has failed too often.

    Raises:
        SignInError: `SLOW_DOWN`.
    """
    if seconds := max(count.retry_after for count in against):
        raise _slow_down(seconds)


def _slow_down(seconds: int) -> SignInError:
    return SignInError(
        Refusal.SLOW_DOWN, f"Too many sign-ins have failed from here. Try again in {seconds} s.", retry_after=seconds
    )


async def note_failure(db: Unfiltered, against: Sequence[Count], now: datetime) -> None:
    """Count one failure against each source."""
    for count in against:
        seen = {"level": count.level, "seen": count.seen, "seen_at": count.seen_at}
        await db.execute(_COUNT, {"source": count.source.key, "now": now} | seen)


async def try_once(db: Unfiltered, source: Source, now: datetime) -> bool:
    """Count a try as if it had failed, unless there were too many before; of many at once as many as are borne go on.

    Returns:
        Whether it is one of them. `forget` it if it doesn't fail.
    """
    before = await counts(db, [source], now)
    if before[0].level >= source.limit.refused:
        return False
    await note_failure(db, before, now)
    (after,) = await counts(db, [source], now)
    return after.level <= source.limit.refused


async def forget(db: Unfiltered, source: Source) -> None:
    """A success: what stood against the source is forgotten."""
    await db.execute(_FORGET, {"source": source.key})


async def prune(db: Unfiltered, settings: ThrottleSettings, now: datetime) -> None:
    """Remove the counts that have drained."""
    await db.execute(_PRUNE, {"before": now - settings.forgotten_after()})
