"""Work that waits because an account, or one above it, takes no charges: done at once when that is over."""

from datetime import datetime, timedelta

from sqlalchemy import Text, and_, bindparam, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import path as paths
from models.base import iso, table_of
from models.job import Job, JobKind
from models.statement import Statement
from models.store import StoreError
from models.writer import Writer

_JOB = table_of(Job)
_J = _JOB.c
_NOW = bindparam("now", type_=_J.run_at.type)
_WAITS = (
    _J.done_at.is_(None),
    _J.run_at > _NOW,
    _J.run_at <= bindparam("latest", type_=_J.run_at.type),
    _J.path >= bindparam("from_path", type_=Text),
    _J.path < bindparam("from_end", type_=Text),
)
_LONGEST_WAIT = timedelta(days=1)
"""An order is looked at again every hour, a renewal every day."""

_ORDERS = Statement(
    update(_JOB)
    .where(
        _J.id.in_(
            select(_J.id)
            .where(*_WAITS, _J.kind == JobKind.PROVISION_ORDER.value, _J.key.like("%@%"))
            .with_for_update(skip_locked=True)
        )
    )
    .values(run_at=_NOW)
)
# What is being worked on at this moment is left alone: waiting for it could end in a deadlock, and it looks by itself.
_ORDER = Statement(
    update(_JOB)
    .where(
        _J.id.in_(
            select(_J.id)
            .where(
                _J.done_at.is_(None),
                _J.kind == JobKind.PROVISION_ORDER.value,
                or_(
                    _J.key == bindparam("of_key", type_=Text),
                    and_(_J.key >= bindparam("waiting", type_=Text), _J.key < bindparam("beyond", type_=Text)),
                ),
            )
            .with_for_update(skip_locked=True)
        )
    )
    .values(run_at=_NOW)
)
# Another attempt beside the one of tomorrow, which stays: were that one made today and failed, there would be none.
_RENEWALS = Statement(
    insert(_JOB)
    .from_select(
        ["kind", "key", "subject_id", "path", "run_at", "attempts"],
        select(_J.kind, _J.key + bindparam("woken", type_=Text), _J.subject_id, _J.path, _NOW, literal(0)).where(
            *_WAITS, _J.kind == JobKind.RENEW_SUBSCRIPTION.value, _J.key.like("%:%:%"), _J.key.not_like("%@%")
        ),
    )
    .on_conflict_do_nothing()
)


async def wake_order(writer: Writer, path: str, key: str, at: datetime) -> None:
    """Let the worker look at once at an order that it has put off.

    Args:
        writer: the transaction.
        path: of the order's account.
        key: of the job that works it off, without the times to which that was put off.
        at: the platform's present.

    Raises:
        StoreError: the account is out of scope.
    """
    if not writer.scope.holds(path):
        raise StoreError(f"{path} is out of scope")
    async with writer.beyond("waking what works an order off, since it is called off") as db:
        await db.write(_ORDER, {"of_key": key, "waiting": f"{key}@", "beyond": f"{key}A", "now": at})


async def wake(writer: Writer, path: str, at: datetime) -> None:
    """Let the worker look at once at orders and unpaid renewals of an account, and of all below it.

    What still can't be done waits again.

    Raises:
        StoreError: the account is out of scope.
    """
    if not writer.scope.holds(path):
        raise StoreError(f"{path} is out of scope")
    places = {"from_path": path, "from_end": path + paths.AFTER_SUBTREE, "now": at, "latest": at + _LONGEST_WAIT}
    async with writer.beyond("waking what waited for a release") as db:
        await db.write(_ORDERS, places)
        await db.write(_RENEWALS, places | {"woken": f"@{iso(at)}"})
