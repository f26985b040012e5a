"""The worker: claims what is due, does it, and tries again what failed."""

import asyncio
import logging
import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

from models.store import Store, StoreError
from resolvers.request_id import REQUEST_ID
from resolvers.work.claims import Claim, Claims, LostClaimError
from resolvers.work.handler import FailedAttemptError, Handler, HopelessError

log = logging.getLogger("canopy.work")

_LONGEST_REST = 30.0
_RENEWALS_IN_A_LEASE = 3
_CUT_OFF = "It was cut off each time that it was tried."
_STOPPED = "The worker was stopped."


@dataclass(frozen=True, slots=True)
class WorkSettings:
    """How a worker works.

    Args:
        at_once: jobs that it does at the same time.
        poll_seconds: how often it looks for jobs that other processes left. What its own process leaves rings a bell.
        lease: how soon another worker takes over the jobs of one that was killed.
        grace_seconds: how long running jobs are given to end when the worker is stopped.
    """

    at_once: int = 4
    poll_seconds: float = 1.0
    lease: timedelta = timedelta(seconds=30)
    grace_seconds: float = 10.0


@dataclass(slots=True)
class Tally:
    """What came of the jobs that a worker took."""

    done: int = 0
    put_off: int = 0
    given_up: int = 0


class Worker:
    """Does jobs until it is stopped. Any number of workers, in any number of processes, share the work.

    Args:
        store: where the jobs are.
        handlers: by kind; jobs of other kinds are left to others.
        settings: how to work.
        chance: a number between 0 and 1, by which waits differ.
    """

    def __init__(
        self,
        store: Store,
        handlers: Mapping[str, Handler],
        settings: WorkSettings | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings or WorkSettings()
        self._handlers = handlers
        self._chance = chance
        name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._claims = Claims(store, name, self._settings.lease)
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._bell = asyncio.Event()
        self._is_stopping = False
        self._has_begun = False
        self._failures = 0
        """How often in a row the database did not answer."""
        self.tally = Tally()

    def wake(self) -> None:
        """Look for jobs now: one was left by this process."""
        self._bell.set()

    def stop(self) -> None:
        """Take no more jobs, and let those that run come to their end."""
        self._is_stopping = True
        self._bell.set()

    async def run(self) -> None:
        """Work until stopped. A database that is away is waited for."""
        async with self._open():
            while not self._is_stopping:
                self._bell.clear()
                try:
                    is_busy = await self._take_up()
                except Exception as error:  # a worker outlives whatever a database can come up with
                    self._failures += 1
                    log.error("no jobs can be claimed: %s", _told(error), exc_info=_defect(error))
                    is_busy = False
                else:
                    self._failures = 0
                if not is_busy:
                    await self._rest()

    async def run_until_idle(self) -> None:
        """Work until nothing is due that isn't in the hands of another worker.

        Raises:
            StoreError: the database is away.
        """
        async with self._open():
            while not self._is_stopping and (await self._take_up() or self._running):
                await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)

    async def _take_up(self) -> bool:
        """Claim as many jobs as there are hands for, and begin them. Whether there may be more to take."""
        free = self._settings.at_once - len(self._running)
        if free <= 0:
            return False
        await self._begin()
        claims = await self._claims.take(self._handlers, free)
        for claim in claims:
            task = asyncio.create_task(self._do(claim), name=f"job {claim.id}")
            self._running[task] = claim
            task.add_done_callback(self._put_down)
        return len(claims) == free

    async def _begin(self) -> None:
        """Have the handlers plan what nobody asks for; once."""
        if not self._has_begun:
            for handler in self._handlers.values():
                await handler.begin()
            self._has_begun = True

    def _put_down(self, task: asyncio.Task[None]) -> None:
        """A hand is free, and what was done may have left further jobs."""
        del self._running[task]
        self._bell.set()

    async def _rest(self) -> None:
        """Wait for the bell, or until it is time to look again; longer while the database is away."""
        seconds = min(self._settings.poll_seconds * 2 ** min(self._failures, 10), _LONGEST_REST)
        try:
            await asyncio.wait_for(self._bell.wait(), seconds)
        except TimeoutError:
            return

    async def _do(self, claim: Claim) -> None:
        REQUEST_ID.set(f"job:{claim.id}")  # of this task alone
        handler = self._handlers[claim.kind]
        try:
            if claim.attempt > handler.retry.attempts:  # the last one died without a word
                await self._give_up(handler, claim, claim.last_error or _CUT_OFF)
            else:
                await self._try(handler, claim)
        except LostClaimError:
            log.warning("%s was taken over by another worker", _named(claim))
        except Exception as error:
            log.error("%s comes free with its lease: %s", _named(claim), _told(error), exc_info=_defect(error))

    async def _try(self, handler: Handler, claim: Claim) -> None:
        """One attempt, and what follows when it fails."""
        try:
            async with asyncio.timeout(handler.seconds):
                await handler.run(claim)
            _insist_on_end(claim)
        except LostClaimError:
            raise
        except Exception as error:
            why = _told(error)
            log.warning("%s, attempt %d: %s", _named(claim), claim.attempt, why, exc_info=_defect(error))
            if isinstance(error, HopelessError) or claim.attempt == handler.retry.attempts:
                await self._give_up(handler, claim, why)
            else:
                await self._claims.put_off(claim, handler.retry.wait(claim.attempt, self._chance()), why)
                self.tally.put_off += 1
        else:
            self.tally.done += 1

    async def _give_up(self, handler: Handler, claim: Claim, reason: str) -> None:
        async with asyncio.timeout(handler.seconds):
            await handler.give_up(claim, reason)
        _insist_on_end(claim)
        self.tally.given_up += 1

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        """Keeps the leases of running jobs, and in the end sees to it that none runs on."""
        keeper = asyncio.create_task(self._keep_leases())
        try:
            yield
        finally:
            await self._end_running()
            keeper.cancel()
            with suppress(asyncio.CancelledError):
                await keeper

    async def _keep_leases(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease.total_seconds() / _RENEWALS_IN_A_LEASE)
            if self._running:
                try:
                    await self._claims.keep(list(self._running.values()))
                except Exception as error:  # as above
                    log.error("leases can't be renewed: %s", _told(error), exc_info=_defect(error))

    async def _end_running(self) -> None:
        """Wait for the running jobs; cut off those that take too long, and leave them to the next worker."""
        if self._running:
            await asyncio.wait(self._running, timeout=self._settings.grace_seconds)
        cut_off = dict(self._running)
        for task in cut_off:
            task.cancel()
        await asyncio.gather(*cut_off, return_exceptions=True)
        for claim in cut_off.values():
            with suppress(StoreError, OSError):  # it comes free with its lease
                await self._claims.put_off(claim, timedelta(), _STOPPED)


def _insist_on_end(claim: Claim) -> None:
    """A handler that only returns would have its job done again when the lease runs out."""
    if not claim.is_over:
        raise RuntimeError("the handler did not end its job")


def _named(claim: Claim) -> str:
    return f"job {claim.id} ({claim.kind})"


def _told(error: Exception) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "It took too long."
    return str(error) if isinstance(error, (HopelessError, FailedAttemptError)) else f"{type(error).__name__}: {error}"


def _defect(error: Exception) -> Exception | None:
    """What is worth a traceback in the log."""
    return None if isinstance(error, (HopelessError, FailedAttemptError, StoreError, OSError)) else error
