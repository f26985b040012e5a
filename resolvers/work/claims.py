"""Claims: which worker does which job, held by all workers of all processes through the table of jobs alone.

A claim is a lease on a row. Each claim counts the job's attempts up, and everything that is done under it is done on
condition that the count is still the same: who was taken for dead and comes back finds that it may do nothing.
"""

from collections.abc import AsyncIterator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Text, bindparam, or_, select, update

from models import Job, base
from models.base import table_of
from models.statement import Row, Statement, any_of
from models.store import Store, Unfiltered
from resolvers import clock
from resolvers.transaction import Transaction, change

_JOB = table_of(Job)
_J = _JOB.c
_LONGEST_ERROR = 500
"""Characters that are kept of what went wrong."""

_IS_DUE = (
    _J.done_at.is_(None)
    & (_J.run_at <= bindparam("now"))
    & any_of(_J.kind, "kinds", Text)
    & or_(_J.claimed_until.is_(None), _J.claimed_until < bindparam("present"))
)
_IS_ANY_DUE = Statement(select(_J.id).where(_IS_DUE).limit(1))
_DUE = Statement(
    select(_J.id, _J.kind, _J.key, _J.subject_id, _J.path, _J.attempts, _J.last_error)
    .where(_IS_DUE)
    .order_by(_J.run_at, _J.id)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)  # SQLite leaves it out: there is one writer
)
_CLAIM = Statement(
    update(_JOB)
    .where(any_of(_J.id, "ids"))
    .values(claimed_by=bindparam("by"), claimed_until=bindparam("until"), attempts=_J.attempts + 1)
)
_IS_MINE = (
    (_J.id == bindparam("job"))
    & (_J.claimed_by == bindparam("by"))
    & (_J.attempts == bindparam("attempt"))
    & _J.done_at.is_(None)
)
_END = Statement(
    update(_JOB)
    .where(_IS_MINE)
    .values(done_at=bindparam("at"), claimed_by=None, claimed_until=None, last_error=bindparam("why"))
    .returning(_J.id)
)
_HOLD = Statement(update(_JOB).where(_IS_MINE).values(claimed_until=bindparam("until")).returning(_J.id))
_AGAIN = Statement(
    update(_JOB)
    .where(_IS_MINE)
    .values(run_at=bindparam("at"), claimed_by=None, claimed_until=None, last_error=bindparam("why"))
)
# A job that is being ended at this moment is left alone: waiting for it could end in a deadlock.
_KEEP = Statement(
    update(_JOB)
    .where(
        _J.id.in_(
            select(_J.id)
            .where(any_of(_J.id, "ids"), _J.claimed_by == bindparam("by"), _J.done_at.is_(None))
            .with_for_update(skip_locked=True)
        )
    )
    .values(claimed_until=bindparam("until"))
)


class LostClaimError(Exception):
    """The claim isn't ours any more: its lease ran out, and another worker may have done the job."""


@dataclass(slots=True)
class Claim:
    """A job that one worker has taken.

    Args:
        id: of the job.
        kind: what is to be done.
        key: makes it the only job of its kind.
        subject_id: the object that it is about.
        path: of the account that the object belonged to when the job was written.
        attempt: the how manieth this is, from 1; those that died count.
        last_error: what the attempt before this one ended with, if it told.
        by: the worker.
        lease: how long the claim lasts each time that it is renewed.
        is_over: whether the job was ended, or put off, under this claim.
    """

    id: int
    kind: str
    key: str
    subject_id: int
    path: str
    attempt: int
    last_error: str | None
    by: str
    lease: timedelta
    is_over: bool = False

    def mine(self) -> dict[str, object]:
        """The parameters by which a statement changes the job only while the claim holds."""
        return {"job": self.id, "by": self.by, "attempt": self.attempt}


class Claims:
    """The claims of one worker.

    Args:
        store: where the jobs are.
        by: the worker's name, which no other worker has or had.
        lease: how long a claim lasts unless it is renewed, by the machine's time.
    """

    def __init__(self, store: Store, by: str, lease: timedelta) -> None:
        self._store = store
        self._by = by
        self._lease = lease

    async def take(self, kinds: Collection[str], limit: int) -> list[Claim]:
        """Claim jobs of these kinds that are due, those that were due first, at most `limit`.

        Raises:
            StoreError: the database is away; nothing was claimed, or what was comes free with its lease.
        """
        of = {"kinds": list(kinds)}
        async with self._store.unfiltered("is any job due?") as db:  # most looks find nothing, and take no lock
            if not await db.rows(_IS_ANY_DUE, of | {"now": await clock.now(db), "present": base.now()}):
                return []
        async with self._store.unfiltered("claim jobs", write=True) as db:
            due = await db.rows(_DUE, of | {"now": await clock.now(db), "present": base.now(), "limit": limit})
            ids = [row.id for row in due]
            await db.execute(_CLAIM, {"ids": ids, "by": self._by, "until": base.now() + self._lease})
        return [self._claim(row) for row in due]

    def _claim(self, row: Row) -> Claim:
        attempt = row.attempts + 1
        return Claim(
            row.id, row.kind, row.key, row.subject_id, row.path, attempt, row.last_error, self._by, self._lease
        )

    async def keep(self, claims: Iterable[Claim]) -> None:
        """Renew the leases of jobs that are still being done."""
        ids = [claim.id for claim in claims]
        async with self._store.unfiltered("renew leases", write=True) as db:
            await db.execute(_KEEP, {"ids": ids, "by": self._by, "until": base.now() + self._lease})

    async def put_off(self, claim: Claim, after: timedelta, why: str) -> None:
        """Let a job be done again later, by whoever is there then; nothing happens if it is done."""
        async with self._store.unfiltered(f"put off a job: {claim.kind}", write=True) as db:
            at = await clock.now(db) + after
            await db.execute(_AGAIN, claim.mine() | {"at": at, "why": why[:_LONGEST_ERROR]})
        claim.is_over = True


async def hold(db: Transaction, claim: Claim) -> None:
    """Make sure that the claim holds, for a step that can't be taken back, and renew its lease from now.

    Raises:
        LostClaimError: it doesn't.
    """
    if not await change(db, _HOLD, claim.mine() | {"until": base.now() + claim.lease}):
        raise LostClaimError


async def end(db: Transaction, claim: Claim, *, failed: str | None = None) -> None:
    """Record that the job is done, in the transaction that holds what it changes; best as its first statement.

    From then on nobody else can end the job before the transaction does.

    Args:
        db: the transaction.
        claim: under which the job was done.
        failed: why it was given up; None when it succeeded.

    Raises:
        LostClaimError: the claim doesn't hold any more. The transaction must be left.
    """
    why = failed if failed is None else failed[:_LONGEST_ERROR]
    if not await change(db, _END, claim.mine() | {"at": await clock.now(db), "why": why}):
        raise LostClaimError
    claim.is_over = True


@asynccontextmanager
async def ending(store: Store, claim: Claim, *, failed: str | None = None) -> AsyncIterator[Unfiltered]:
    """The transaction in which a job ends: with all that is changed in the block, or not at all."""
    async with store.unfiltered(f"end a job: {claim.kind}", write=True) as db:
        await end(db, claim, failed=failed)
        yield db
