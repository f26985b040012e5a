"""Places: how much one caller, one account and the process do at once.

A budget bounds what is asked for in the long run; places bound what waits at one moment, for what waits holds memory
and connections whether it is cheap or dear.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from edge.exposure.masking import refused
from edge.limits.sharing import SharingSettings
from resolvers.caller import Caller
from resolvers.errors import CanopyError, UnavailableError


class TooManyAtOnceError(CanopyError):
    """A caller or an account does as much at once as it may."""

    code = "TOO_MANY_AT_ONCE"


class _Counts:
    """What goes on, by who does it, as far as it is bounded.

    Args:
        what: goes on, in the plural.
        most: of one caller.
        most_of_account: of all callers of one account.
    """

    def __init__(self, what: str, most: int, most_of_account: int) -> None:
        self.total = 0
        self._what = what
        self._most = most
        self._most_of_account = most_of_account
        self._subjects: Counter[tuple[int, str]] = Counter()
        self._accounts: Counter[int] = Counter()

    def enter(self, caller: Caller) -> None:
        """One more.

        Raises:
            Refusal: there are as many as there may be.
        """
        account, subject = caller.account_id, (caller.account_id, caller.subject)
        if self._subjects[subject] >= self._most:
            raise _too_many(f"At most {self._most:,} {self._what} of one caller at once.")
        if self._accounts[account] >= self._most_of_account:
            raise _too_many(f"At most {self._most_of_account:,} {self._what} of one account at once.")
        self._subjects[subject] += 1
        self._accounts[account] += 1
        self.total += 1

    def leave(self, caller: Caller) -> None:
        """One less."""
        self.total -= 1
        for counter, key in ((self._subjects, (caller.account_id, caller.subject)), (self._accounts, caller.account_id)):
            counter[key] -= 1  # type: ignore[index]  # each with a key of its own kind
            if not counter[key]:  # type: ignore[index]  # likewise
                del counter[key]  # type: ignore[arg-type]  # likewise


class Place:
    """A place that is taken, until it is left.

    Args:
        counts: where.
        caller: by whom.
    """

    def __init__(self, counts: _Counts, caller: Caller) -> None:
        self._counts = counts
        self._caller = caller
        self._is_taken = False

    def take(self) -> None:
        """Take it.

        Raises:
            Refusal: there are as many as there may be.
        """
        self._counts.enter(self._caller)
        self._is_taken = True

    def leave(self) -> None:
        """Leave it to somebody else; doing so again is of no consequence."""
        if self._is_taken:
            self._is_taken = False
            self._counts.leave(self._caller)


class Admission:
    """Gives places.

    Args:
        settings: how many.
    """

    def __init__(self, settings: SharingSettings) -> None:
        self._most = settings.process_max_operations
        self._running = _Counts("operations", settings.max_operations, settings.account_max_operations)
        self._listening = _Counts("operations that listen", settings.live_per_user, settings.live_per_account)
        self._turns_of_account = settings.account_turns
        self._turns: dict[int, asyncio.Semaphore] = {}

    @property
    def running(self) -> int:
        """Operations that are worked on, or wait for that."""
        return self._running.total

    @property
    def listening(self) -> int:
        """Operations that listen."""
        return self._listening.total

    @contextmanager
    def place(self, caller: Caller) -> Iterator[Place]:
        """A place for an operation, until it is left, or the block ends.

        Raises:
            Refusal: its caller, its account or the process has as many as it may have.
        """
        if self._running.total >= self._most:
            raise refused(UnavailableError("Too much is going on here. Try again in a moment."), 503, retry_after="1")
        with self._of(self._running, caller) as place:
            yield place

    @contextmanager
    def live(self, caller: Caller) -> Iterator[Place]:
        """A place for an operation that listens.

        Raises:
            Refusal: its caller or its account has as many as it may have.
        """
        with self._of(self._listening, caller) as place:
            yield place

    @contextmanager
    def _of(self, counts: _Counts, caller: Caller) -> Iterator[Place]:
        place = Place(counts, caller)
        place.take()
        try:
            yield place
        finally:
            place.leave()

    @asynccontextmanager
    async def turn(self, caller: Caller) -> AsyncIterator[None]:
        """Wait until fewer operations of the account are worked on than may be at once."""
        account = caller.account_id
        turns = self._turns.setdefault(account, asyncio.Semaphore(self._turns_of_account))
        try:
            async with turns:
                yield
        finally:
            if turns._value == self._turns_of_account and self._turns.get(account) is turns:  # noqa: SLF001  # see below
                del self._turns[account]


def _too_many(why: str) -> Exception:
    return refused(TooManyAtOnceError(f"{why} Try again when one has ended."), 429, retry_after="1")
