"""Moving subscriptions from state to state, by whomever: what follows for charges, dates and connectors is here."""

from collections.abc import Set
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, select

from models import JobKind, SubscriptionHold, SubscriptionStatus
from models.base import table_of
from models.beyond import effects
from models.identifier import new_id
from models.life import subscription as life
from models.life.subscription import KEPT_AFTER_TERMINATION, HoldReason, SubscriptionEvent, event_of_reasons
from models.statement import Row, Statement
from models.subscription import NEVER
from models.subscription_history import QuantityReason, SubscriptionHistory
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.subscriptions import ITEM, SUBSCRIPTION

_HOLD = table_of(SubscriptionHold)
LOCK = Statement(
    select(*SUBSCRIPTION.c).where(SUBSCRIPTION.c.id == bindparam("row_id")).with_for_update(),
    SUBSCRIPTION.name,
    is_lookup=True,
)
"""One subscription, whole and locked."""
_REASONS = Statement(select(_HOLD.c.reason).where(_HOLD.c.subscription_id == bindparam("subscription")), is_lookup=True)
ITEMS_OF = Statement(
    select(*ITEM.c).where(ITEM.c.subscription_id == bindparam("subscription")).order_by(ITEM.c.position),
    ITEM.name,
    is_lookup=True,
)
"""The items of a subscription, whole."""


def place_of(row: Any) -> dict[str, Any]:
    """What places a row that belongs to the same account."""
    return {name: getattr(row, name) for name in ("account_id", "path", "shard_id")}


async def reasons_of(act: Act, subscription_id: int) -> set[HoldReason]:
    """For which reasons a subscription doesn't run."""
    rows = await act.rows(_REASONS, {"subscription": subscription_id})
    return {HoldReason(row.reason) for row in rows}


async def move(act: Act, row: Row, event: SubscriptionEvent, **values: Any) -> None:
    """Let an event happen to a subscription that is locked.

    Raises:
        RefusedError: it can't happen to a subscription in that state.
    """
    before = SubscriptionStatus(row.status)
    if not life.can(before, event):
        act.refuse(UserErrorCode.WRONG_STATE, f"The subscription is {before.value}.", "subscription")
    after = life.after(before, event)
    await act.change(SUBSCRIPTION, row, status=after.value, **values)
    if after is not before:
        await effects.copy_status(act.writer, row.path, [row.id])


async def follow(act: Act, row: Row) -> None:
    """Let what provisions follow the state that a subscription now has; `row` is as it was before."""
    await act.enqueue(JobKind.FOLLOW_SUBSCRIPTION, row.id, row.path, key=f"{row.id}:{row.version}")


async def set_reasons(act: Act, row: Row, before: Set[HoldReason], after: Set[HoldReason], **values: Any) -> None:
    """Hold a running subscription for these reasons, and let it run again when none is left.

    Args:
        act: what is under way.
        row: the subscription, locked.
        before: for which reasons it is held.
        after: and for which from now on.
        values: what changes with that.

    Raises:
        RefusedError: it can't be held, or released, in its state.
    """
    event = event_of_reasons(before, after)
    if row.status == SubscriptionStatus.HOLD and not before and not after:
        event = SubscriptionEvent.RELEASE  # nobody noted why it was held
    if row.status == SubscriptionStatus.HOLD and after:
        event = None
    if before != after:
        rows = [place_of(row) | {"subscription_id": row.id, "reason": each.value} for each in sorted(after)]
        await act.work_out(_HOLD, "subscription_id", row.id, rows)
        await act.note(SUBSCRIPTION, row, {"hold_reasons": sorted(before)}, {"hold_reasons": sorted(after)})
    if event is None:
        await (act.change(SUBSCRIPTION, row, **values) if values else act.touch(SUBSCRIPTION, row))
        return
    await move(act, row, event, **values)
    await follow(act, row)


async def terminate(act: Act, row: Row, reason: QuantityReason, *, by_order_id: int | None = None) -> None:
    """End a subscription that is locked; 30 days later it is removed.

    Raises:
        RefusedError: it has ended already.
    """
    values = {"ended_at": act.now, "renewal_date": None, "renewal_key": NEVER}
    held = await reasons_of(act, row.id)
    if held:
        await act.work_out(_HOLD, "subscription_id", row.id, [])
    await move(act, row, SubscriptionEvent.TERMINATE, **values)
    if row.status != SubscriptionStatus.PENDING:
        for item in await act.rows(ITEMS_OF, {"subscription": row.id}):
            await remember(act, item, reason, item.quantity, 0, by_order_id=by_order_id)
    await follow(act, row)
    await remove_later(act, row)


async def remove_later(act: Act, row: Row) -> None:
    """Leave it to the worker to remove a subscription that ended just now."""
    at = act.now + KEPT_AFTER_TERMINATION + timedelta(seconds=1)
    await act.enqueue(JobKind.REMOVE_SUBSCRIPTION, row.id, row.path, key=f"{row.id}:{row.version}", at=at)


async def remember(
    act: Act,
    item: Any,
    reason: QuantityReason,
    before: int,
    after: int,
    *,
    by_order_id: int | None = None,
    from_product_id: int | None = None,
    from_plan_id: int | None = None,
) -> None:
    """Write into the history how many units of an item there are from now on, and what they were if it was switched."""
    await act.add(
        SubscriptionHistory(
            id=new_id(),
            **place_of(item),
            subscription_id=item.subscription_id,
            item_id=item.id,
            at=act.now,
            by_order_id=by_order_id,
            reason=reason,
            quantity_before=before,
            quantity_after=after,
            from_product_id=from_product_id,
            from_plan_id=from_plan_id,
        )
    )


async def renew_on(act: Act, subscription_id: int, path: str, day: date, *, again_on: date | None = None) -> None:
    """Leave it to the worker to renew a subscription, or to end it.

    Args:
        act: what is under way.
        subscription_id: which.
        path: of its account.
        day: on which it renews or expires.
        again_on: the day on which to try again what failed.
    """
    key = f"{subscription_id}:{day}" if again_on is None else f"{subscription_id}:{day}:{again_on}"
    await act.enqueue(JobKind.RENEW_SUBSCRIPTION, subscription_id, path, key=key, at=midnight(again_on or day))


def midnight(day: date) -> datetime:
    """When a day begins."""
    return datetime.combine(day, datetime.min.time(), UTC)
