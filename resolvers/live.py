"""Live updates: one tail of the outbox for a process, and what waits there for whoever listens."""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime

from models import Topic
from models import path as paths
from models.base import now
from models.outbox_window import BEGINNING, end
from models.statement import Row
from models.store import Store
from models.tail import Position
from resolvers.callers import Callers
from resolvers.keys import Keys
from resolvers.page import MAX_SIZE
from resolvers.privileges import Privilege

log = logging.getLogger("canopy.live")

PAGE = 500
"""Events that are read of the outbox at once."""
_LONGEST_REST = 30.0


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """How live updates are told.

    Args:
        poll_seconds: how often the outbox is looked at without a bell that rings.
        most_waiting: events that wait for one operation; with one more, it is too slow.
        most_missed: events, of all accounts together, after which a listener can still take up where it left off.
        lookers: events that are read for listeners at the same time; requests need the database too.
        seconds_to_answer: how long reading one may take.
        seconds_between_looks: how often a caller is looked up to whom nothing is told.
        most_rows: of a page in what is told.
    """

    poll_seconds: float = 0.2
    most_waiting: int = 1_000
    most_missed: int = 100_000
    lookers: int = 4
    seconds_to_answer: float = 10.0
    seconds_between_looks: float = 15.0
    most_rows: int = MAX_SIZE


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody listens to.

    Args:
        stream: names it; an event id of one is none of another.
        topic: what kind of objects.
        privilege: what it takes.
        object_id: one object alone; None for all.
        below: an account strictly below which the objects lie; None for anywhere.
        after: the id of the last event that is known; None for what happens from now on.
    """

    stream: str
    topic: Topic
    privilege: Privilege
    object_id: int | None = None
    below: int | None = None
    after: str | None = None


class Feed:
    """The events that wait for one operation.

    Args:
        wanted: what it listens to.
        most: how many may wait.
        on_full: called once, when there is one more; from then on nothing is taken in.
    """

    def __init__(self, wanted: Wanted, most: int, on_full: Callable[[], None]) -> None:
        self._wanted = wanted
        self._most = most
        self._on_full = on_full
        self._waiting: deque[Row] = deque()
        self._bell = asyncio.Event()
        self._is_full = False

    def wants(self, event: Row) -> bool:
        """Whether the event is of the kind, and of the object if it is one."""
        wanted = self._wanted
        return event.topic == wanted.topic and wanted.object_id in {None, event.object_id}

    def put(self, event: Row) -> None:
        """Let an event wait, if it is wanted."""
        if self._is_full or not self.wants(event):
            return
        if len(self._waiting) == self._most:
            self._is_full = True
            self._on_full()
            return
        self._waiting.append(event)
        self._bell.set()

    async def next(self, seconds: float) -> Row | None:
        """The next event; None if none comes for so long."""
        if not self._waiting:
            self._bell.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._bell.wait()
        return self._waiting.popleft() if self._waiting else None


class Hub:
    """Follows the outbox for all listeners of a process, for as long as there are any.

    Args:
        store: where the outbox is.
        callers: looks callers up; must remember none, for each event is told to whom it is for then.
        cursor_key: signs the ids of events.
        settings: how.
        clock: the platform's present instant.
    """

    def __init__(
        self,
        store: Store,
        callers: Callers,
        cursor_key: Keys,
        settings: LiveSettings | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self.store = store
        self.callers = callers
        self.cursor_key = cursor_key
        self.settings = settings or LiveSettings()
        self.clock = clock
        self.lookers = asyncio.Semaphore(self.settings.lookers)
        self._feeds: defaultdict[int, set[Feed]] = defaultdict(set)
        """By the account whose eyes are used."""
        self._members = 0
        self.position: Position = BEGINNING
        """Up to where all was told."""
        self.lag = 0.0
        """How old the newest event was when it was told, in seconds."""
        self._opening = asyncio.Lock()
        self._bell = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """While the block lasts, the outbox is followed from where it ends when the block begins.

        Raises:
            StoreError: the database can't be reached.
        """
        async with self._opening:
            if self._following is None:
                self.position = await end(self.store)
                # In a context of its own: it outlives the operation that happens to be the first.
                self._following = asyncio.create_task(self._follow(), name="live updates", context=Context())
            self._members += 1
        try:
            yield
        finally:
            self._members -= 1
            if not self._members:
                following, self._following = self._following, None
                if following is not None:
                    following.cancel()
                    await asyncio.wait({following})

    def feed(self, account_id: int, wanted: Wanted, on_full: Callable[[], None]) -> Feed:
        """Keep all events from now on; only within `joined`.

        Args:
            account_id: whose eyes are used.
            wanted: which events.
            on_full: called when too many wait; none are kept from then on.
        """
        feed = Feed(wanted, self.settings.most_waiting, on_full)
        self._feeds[account_id].add(feed)
        return feed

    def forget(self, account_id: int, feed: Feed) -> None:
        """Keep nothing for it any more."""
        self._feeds[account_id].discard(feed)
        if not self._feeds[account_id]:
            del self._feeds[account_id]

    async def _follow(self) -> None:
        """Look at the outbox when the store's bell rings, and now and then without."""
        listening = asyncio.create_task(self.store.bell.listen(self._bell.set), name="the bell")
        try:
            await self._look_on()
        finally:
            listening.cancel()
            await asyncio.wait({listening})

    async def _look_on(self) -> None:
        failures = 0
        while True:
            self._bell.clear()
            events: list[Row] = []
            try:
                events = await self.store.tail(self.position, PAGE)
                failures = 0
            except Exception as error:  # listeners outlive whatever a database can come up with
                failures += 1
                log.error("the outbox can't be followed: %s", error)
            for event in events:
                self._tell(event)
            if len(events) < PAGE:
                rest = min(self.settings.poll_seconds * 2 ** min(failures, 10), _LONGEST_REST)
                with suppress(TimeoutError):  # `wait_for` would swallow a cancellation when the bell has just rung
                    async with asyncio.timeout(rest):
                        await self._bell.wait()

    def _tell(self, event: Row) -> None:
        self.position = (event.transaction_id, event.id)
        at = event.at if isinstance(event.at, datetime) else datetime.fromisoformat(event.at)  # SQLite keeps text
        self.lag = max(0.0, (self.clock() - at).total_seconds())
        for account_id in concerned(event):
            for feed in tuple(self._feeds.get(account_id, ())):
                feed.put(event)


def concerned(event: Row) -> set[int]:
    """The accounts that may see the object: the one that it belongs to, and those above.

    They are looked for by their ids, for paths change, also of those who listen.
    """
    return {*paths.ancestor_ids(event.path), paths.account_id(event.path)}
