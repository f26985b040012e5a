"""Jobs for tests of the worker, and handlers whose effect can be counted: an event about the job's subject."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, func, insert, select

from models import Event, Job, JobKind, base
from models.base import table_of
from models.statement import Statement
from models.store import Store, StoreError, Unfiltered
from resolvers.mail.folder import FolderTransport
from resolvers.work.claims import Claim, ending
from resolvers.work.handler import Handler, Retry, Workplace

JOB, EVENT = table_of(Job), table_of(Event)
KIND = "TEST"
_ADD = Statement(
    insert(JOB).values(
        {name: bindparam(name) for name in ("kind", "key", "subject_id", "run_at", "attempts")} | {"path": "000001"}
    )
)
_NOTE = Statement(
    insert(EVENT).values(
        transaction_id=0, path="000001", topic="ORDER", object_id=bindparam("subject"), kind="CHANGED",
        at=bindparam("at"),
    )
)  # fmt: skip  # the constants in one line
_JOBS = Statement(
    select(
        *(JOB.c[name] for name in ("subject_id", "attempts", "run_at", "claimed_by", "claimed_until", "last_error")),
        JOB.c.done_at,
    )
    .where(JOB.c.kind != JobKind.PRUNE)
    .order_by(JOB.c.subject_id)
)
_NOTES = Statement(select(EVENT.c.object_id, func.count().label("n")).group_by(EVENT.c.object_id))


async def add_jobs(
    store: Store, *subjects: int, kind: str = KIND, run_at: datetime | None = None, attempts: int = 0
) -> None:
    """Leave a job for each subject, due now unless told otherwise."""
    async with store.unfiltered("a test leaves jobs", write=True) as db:
        for subject in subjects:
            job = {"kind": kind, "key": f"test:{subject}", "subject_id": subject, "attempts": attempts}
            await db.execute(_ADD, job | {"run_at": run_at or base.now() - timedelta(seconds=1)})


async def jobs(store: Store) -> list[Any]:
    """All jobs by subject, but for the one that a worker leaves itself for the next day."""
    async with store.unfiltered("a test looks at the jobs") as db:
        return await db.rows(_JOBS)


async def job(store: Store) -> Any:
    """The only job."""
    (only,) = await jobs(store)
    return only


async def notes(store: Store) -> Counter[int]:
    """How often each subject's job took effect."""
    async with store.unfiltered("a test looks at the effects") as db:
        return Counter({row.object_id: row.n for row in await db.rows(_NOTES)})


async def note(db: Unfiltered, claim: Claim) -> None:
    """The effect of a job."""
    await db.execute(_NOTE, {"subject": claim.subject_id, "at": base.now()})


def workplace(store: Store) -> Workplace:
    """A workplace that sends no mail."""
    return Workplace(store, FolderTransport(Path("var/none")), "canopy@localhost")


Work = Callable[[Claim], Awaitable[None]]


class Note(Handler):
    """Takes effect once the job is done, after what the test wants to happen before."""

    retry = Retry(attempts=4, first=timedelta(seconds=10), longest=timedelta(seconds=30))

    def __init__(self, store: Store, before: Work | None = None) -> None:
        super().__init__(workplace(store))
        self.store: Any = store
        self.before = before
        self.begun: list[int] = []
        self.given_up: list[tuple[int, str]] = []

    async def run(self, job: Claim) -> None:
        self.begun.append(job.subject_id)
        if self.before:
            await self.before(job)
        async with ending(self.store, job) as db:
            await note(db, job)

    async def give_up(self, job: Claim, reason: str) -> None:
        async with ending(self.store, job, failed=reason):
            self.given_up.append((job.subject_id, reason))


class Dawdle(Handler):
    """Takes effect as `Note`, with pauses wherever a kill may strike."""

    retry = Retry(attempts=10_000, first=timedelta(0))

    async def run(self, job: Claim) -> None:
        await self._pause()
        async with ending(self.place.store, job) as db:
            await self._pause()
            await note(db, job)
            await self._pause()
        await self._pause()

    async def give_up(self, job: Claim, reason: str) -> None:
        raise AssertionError(reason)

    async def _pause(self) -> None:
        await asyncio.sleep(random.random() * 0.02)


class FailingStore:
    """A store whose database is away at first."""

    def __init__(self, store: Store, failures: int) -> None:
        self.store = store
        self.failures = failures

    def unfiltered(self, reason: str, *, write: bool = False) -> Any:
        """As the store's, once the database is back."""
        if self.failures:
            self.failures -= 1
            raise StoreError("the database is away")
        return self.store.unfiltered(reason, write=write)
