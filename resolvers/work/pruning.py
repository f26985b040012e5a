"""Pruning: what is past its time is removed once a day, a few rows at a time.

The change log, the ledger and every history stay. What goes is what nobody may come back to any more: each entry of
`PAST_THEIR_TIME` says until when somebody may.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Table, bindparam, case, delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import (
    Event,
    Idempotency,
    Job,
    JobKind,
    Mail,
    MailStatus,
    OneTimeLink,
    RefreshToken,
    SignInFailure,
    UsedSignIn,
    base,
)
from models.base import table_of
from models.statement import Statement
from resolvers import clock
from resolvers.live import LiveSettings
from resolvers.throttle import ThrottleSettings
from resolvers.transaction import Transaction, change
from resolvers.work.claims import Claim, ending, hold
from resolvers.work.handler import Handler

log = logging.getLogger("canopy.work")

BATCH = 500
"""Rows of one transaction: on SQLite nobody else writes meanwhile."""
EVENTS_KEPT = LiveSettings().most_missed + 10_000
"""More than listeners may go back, so that who may is never told that their event is gone."""

_JOB, _MAIL, _EVENT = table_of(Job), table_of(Mail), table_of(Event)
_IDEMPOTENCY, _LINK = table_of(Idempotency), table_of(OneTimeLink)
_TOKEN, _FAILURE, _USED = table_of(RefreshToken), table_of(SignInFailure), table_of(UsedSignIn)

_PLAN = Statement(
    insert(_JOB)
    .values(
        {name: bindparam(name) for name in ("key", "run_at")}
        | {"kind": JobKind.PRUNE.value, "subject_id": 0, "path": "", "attempts": 0}
    )
    .on_conflict_do_nothing(index_elements=[_JOB.c.kind, _JOB.c.key])
)
_LAST_TO_GO = Statement(
    select(_EVENT.c.transaction_id, _EVENT.c.id)
    .order_by(_EVENT.c.transaction_id.desc(), _EVENT.c.id.desc())
    .offset(bindparam("kept", type_=BigInteger))
    .limit(1),
    is_lookup=True,
)


def _some(table: Table, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """A batch of the rows for which the condition holds; those that somebody else is changing are left for later."""
    key = tuple(table.primary_key)
    batch = select(*key).where(condition).limit(bindparam("batch")).with_for_update(skip_locked=True)
    return (tuple_(*key) if len(key) > 1 else key[0]).in_(batch)


def _removing(table: Table, condition: ColumnElement[bool]) -> Statement:
    return Statement(delete(table).where(_some(table, condition)).returning(*table.primary_key))


def _before(column: ColumnElement[Any]) -> ColumnElement[bool]:
    return column < bindparam("before", type_=column.type)


_REMOVE_EVENTS = _removing(
    _EVENT,
    tuple_(_EVENT.c.transaction_id, _EVENT.c.id)
    <= tuple_(bindparam("transaction_id", type_=BigInteger), bindparam("id", type_=BigInteger)),
)
_IS_OVER = or_(*(_MAIL.c.status == each.value for each in (MailStatus.SENT, MailStatus.FAILED, MailStatus.UNCERTAIN)))
_IS_OLD_MAIL = _IS_OVER & _before(_MAIL.c.created_at)
_SAYS_SOMETHING = (_MAIL.c.data != "{}") | (_MAIL.c.to_address != "") | _MAIL.c.last_error.is_not(None)


@dataclass(frozen=True, slots=True)
class _PastItsTime:
    """Rows that go, or lose what is in them.

    Args:
        what: for the log.
        after: from the instant that the statement compares with.
        statement: removes a batch of them, and returns the keys.
        by: whose time the instant is of: the platform's, or the machine's.
    """

    what: str
    after: timedelta
    statement: Statement
    by: Literal["platform", "machine"] = "platform"


PAST_THEIR_TIME = (
    _PastItsTime("answers", timedelta(days=7), _removing(_IDEMPOTENCY, _before(_IDEMPOTENCY.c.created_at))),
    _PastItsTime("jobs", timedelta(days=90), _removing(_JOB, _before(_JOB.c.done_at))),
    _PastItsTime("links", timedelta(days=7), _removing(_LINK, _before(_LINK.c.expires_at))),
    _PastItsTime(
        "texts of mails",
        timedelta(days=30),
        Statement(
            update(_MAIL)
            .where(_some(_MAIL, _IS_OLD_MAIL & _SAYS_SOMETHING))
            .values(data="{}", to_address=case((_MAIL.c.to_address.is_(None), None), else_=""), last_error=None)
            .returning(_MAIL.c.id)
        ),
    ),
    _PastItsTime("mails", timedelta(days=365), _removing(_MAIL, _IS_OLD_MAIL)),
    _PastItsTime("refresh tokens", timedelta(), _removing(_TOKEN, _before(_TOKEN.c.expires_at)), "machine"),
    _PastItsTime("used sign-ins", timedelta(), _removing(_USED, _before(_USED.c.expires_at)), "machine"),
    _PastItsTime(
        "failures",
        ThrottleSettings().forgotten_after(),
        _removing(_FAILURE, _before(_FAILURE.c.last_at)),
        "machine",
    ),
)


class Prune(Handler):
    """Removes what is past its time, and sees to it that the same is done on the next day."""

    seconds = 3600.0

    async def begin(self) -> None:
        """See `Handler`."""
        async with self.place.store.unfiltered("plan to prune", write=True) as db:
            await _plan(db)

    async def run(self, job: Claim) -> None:
        """See `Handler`."""
        async with self.place.store.unfiltered("what time is it") as db:
            platform = await clock.now(db)
            last = await db.rows(_LAST_TO_GO, {"kept": EVENTS_KEPT})
        if last:
            await self._remove(job, "events", _REMOVE_EVENTS, last[0]._asdict())
        for each in PAST_THEIR_TIME:
            now = platform if each.by == "platform" else base.now()
            await self._remove(job, each.what, each.statement, {"before": now - each.after})
        async with ending(self.place.store, job) as db:
            await _plan(db)

    async def give_up(self, job: Claim, reason: str) -> None:
        """See `Handler`: the next day is another try."""
        async with ending(self.place.store, job, failed=reason) as db:
            await _plan(db)

    async def _remove(self, job: Claim, what: str, statement: Statement, given: dict[str, Any]) -> None:
        """Batch by batch, each in a transaction of its own, as long as the job is ours."""
        removed, is_all = 0, False
        while not is_all:
            async with self.place.store.unfiltered(f"prune {what}", write=True) as db:
                await hold(db, job)
                batch = len(await change(db, statement, given | {"batch": BATCH}))
            removed += batch
            is_all = batch < BATCH
        if removed:
            log.info("pruned: %d %s", removed, what)


async def _plan(db: Transaction) -> None:
    """Have it done as the next day begins; whoever plans the same has the same job in mind."""
    tomorrow: date = await clock.today(db) + timedelta(days=1)
    at = datetime.combine(tomorrow, time(), UTC)
    await change(db, _PLAN, {"key": tomorrow.isoformat(), "run_at": at})
