"""What becomes of the orders that are under way in the demo: the worker ends them, as it would if they were placed."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models.base import table_of
from models.demo.days import PRESENT
from models.job import Job, JobKind
from models.order import Order, OrderSchedule, OrderStatus, OrderWait
from models.statement import Row, Statement
from models.store import Store
from models.subscription import Subscription

_ORDER, _SUBSCRIPTION, _JOB = (table_of(model) for model in (Order, Subscription, Job))
_O, _S = _ORDER.c, _SUBSCRIPTION.c
_WAIT = Statement(
    update(_ORDER)
    .where(_O.scheduled_on == OrderSchedule.RENEWAL.value, _O.status == OrderStatus.SUBMITTED.value)
    .values(waiting_for=OrderWait.RENEWAL.value)
)
_UNDER_WAY = Statement(
    select(_O.id, _O.path, _O.waiting_for, _O.subscription_id, _S.renewal_date)
    .join(_SUBSCRIPTION, _S.id == _O.subscription_id)
    .where(or_(_O.status == OrderStatus.SUBMITTED.value, _O.status == OrderStatus.PROCESSING.value))
    .order_by(_O.id)
)
_LEAVE = Statement(
    insert(_JOB)
    .values(
        {name: bindparam(name, type_=_JOB.c[name].type) for name in ("kind", "key", "subject_id", "path", "run_at")}
        | {"attempts": 0}
    )
    .on_conflict_do_nothing(index_elements=[_JOB.c.kind, _JOB.c.key])
)


async def add_work(store: Store) -> None:
    """Leave what is under way to the worker. Done again it changes nothing.

    Args:
        store: holds the demo tree, and nothing else.
    """
    async with store.unfiltered("demo orders under way", write=True) as session:
        await session.execute(_WAIT)
        for job in _jobs(await session.rows(_UNDER_WAY)):
            await session.execute(_LEAVE, job)


def _jobs(orders: list[Row]) -> Iterator[dict[str, Any]]:
    """A job for each order: to work it off, or to renew the subscription for whose renewal it waits."""
    for order in orders:
        if order.waiting_for is None:
            yield _job(JobKind.PROVISION_ORDER, f"order:{order.id}", order.id, order.path, PRESENT)
        elif order.renewal_date is not None:
            day = date.fromisoformat(str(order.renewal_date))
            key = f"{order.subscription_id}:{day}"
            yield _job(JobKind.RENEW_SUBSCRIPTION, key, order.subscription_id, order.path, day)


def _job(kind: JobKind, key: str, subject_id: int, path: str, on: date) -> dict[str, Any]:
    at = datetime.combine(on, datetime.min.time(), UTC)
    return {"kind": kind.value, "key": key, "subject_id": subject_id, "path": path, "run_at": at}
