"""Places: how much one caller, one account and the process do at once.

A budget bounds what is asked for in the long run; places bound what waits at one moment, for what waits holds memory
and connections whether it is cheap or dear. They are those of who really asks: nobody has more of them for working as
many accounts.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

from edge.exposure.masking import Refusal, refused
from edge.limits.sharing import SharingSettings
from resolvers.caller import Caller
from resolvers.errors import CanopyError, UnavailableError

T = TypeVar("T")


class TooManyAtOnceError(CanopyError):
    """A caller or an account does as much at once as it may."""

    code = "TOO_MANY_AT_ONCE"


class Places:
    """Places for one kind of operations.

    Args:
        what: they are, in the plural.
        most: of one caller.
        most_of_account: of all callers of one account.
    """

    def __init__(self, what: str, most: int, most_of_account: int) -> None:
        self.taken = 0
        self._what = what
        self._most = most
        self._most_of_account = most_of_account
        self._subjects: Counter[tuple[int, str]] = Counter()
        self._accounts: Counter[int] = Counter()

    def take(self, caller: Caller) -> "Place":
        """A place.

        Raises:
            Refusal: there are as many taken as there may be.
        """
        account, subject = caller.home_id, (caller.home_id, caller.person)
        if self._subjects[subject] >= self._most:
            raise self._too_many(self._most, "caller")
        if self._accounts[account] >= self._most_of_account:
            raise self._too_many(self._most_of_account, "account")
        self._subjects[subject] += 1
        self._accounts[account] += 1
        self.taken += 1
        return Place(self, account, subject)

    def of_account(self, caller: Caller) -> int:
        """How many the caller's account has."""
        return self._accounts.get(caller.home_id, 0)

    def give_back(self, account: int, subject: tuple[int, str]) -> None:
        """A place that was taken; for `Place.leave`."""
        self.taken -= 1
        _one_less(self._subjects, subject)
        _one_less(self._accounts, account)

    def _too_many(self, most: int, of: str) -> Refusal:
        why = f"At most {most:,} {self._what} of one {of} at once. Try again when one has ended."
        return refused(TooManyAtOnceError(why), 429, retry_after="1")


class Place:
    """A place that is taken, until it is left.

    Args:
        places: of which it is one.
        account: of who asks.
        subject: who that is.
    """

    def __init__(self, places: Places, account: int, subject: tuple[int, str]) -> None:
        self._places: Places | None = places
        self._account = account
        self._subject = subject

    def leave(self) -> None:
        """Leave it to somebody else; doing so again is of no consequence."""
        places, self._places = self._places, None
        if places is not None:
            places.give_back(self._account, self._subject)


class Admission:
    """Gives places.

    Args:
        settings: how many.
    """

    def __init__(self, settings: SharingSettings) -> None:
        self.running = Places("operations", settings.max_operations, settings.account_max_operations)
        self.listening = Places("operations that listen", settings.live_per_user, settings.live_per_account)
        self._most = settings.process_max_operations
        self._most_turns = settings.account_turns
        self._turns: dict[int, asyncio.Semaphore] = {}
        self._waiting: Counter[int] = Counter()
        """For a turn, and those that have one, by their account."""

    @contextmanager
    def place(self, caller: Caller) -> Iterator[Place]:
        """A place for an operation, until it is left or the block ends.

        Raises:
            Refusal: its caller, its account or the process has as many as it may have.
        """
        free = self._most - self.running.taken
        if free <= 0:
            raise refused(UnavailableError("Too much is going on here. Try again in a moment."), 503, retry_after="1")
        if self.running.of_account(caller) >= free:  # so whoever comes next finds one
            why = "Too much is going on here for more of one account. Try again in a moment."
            raise refused(TooManyAtOnceError(why), 429, retry_after="1")
        place = self.running.take(caller)
        try:
            yield place
        finally:
            place.leave()

    @contextmanager
    def live(self, caller: Caller) -> Iterator[None]:
        """A place for an operation that listens.

        Raises:
            Refusal: its caller or its account has as many as it may have.
        """
        place = self.listening.take(caller)
        try:
            yield
        finally:
            place.leave()

    @asynccontextmanager
    async def turn(self, caller: Caller) -> AsyncIterator[None]:
        """Wait until fewer operations of the account are worked on than may be at once."""
        account = caller.home_id
        turns = self._turns.setdefault(account, asyncio.Semaphore(self._most_turns))
        self._waiting[account] += 1
        try:
            async with turns:
                yield
        finally:
            if not _one_less(self._waiting, account):
                del self._turns[account]


def _one_less(of: Counter[T], key: T) -> int:
    """Count one less, and forget what there is none of; returns how many there are."""
    of[key] -= 1
    return of[key] or of.pop(key)
