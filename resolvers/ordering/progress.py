"""The way of an order after it was placed: worked off, completed, failed, called off, submitted again."""

from datetime import datetime

from models import JobKind, OrderStatus
from models.beyond import ledger
from models.life import order as life
from models.life.order import OrderEvent
from models.statement import Row
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.ordering.order_mail import tell_of_error
from resolvers.orders import LOCK, ORDER

_MOST_OF_A_REASON = 500


def charge_key(order: Row) -> str:
    """Under which the order is charged, and worked off: each submission has its own."""
    return f"order:{order.id}" if order.submission == 1 else f"order:{order.id}:{order.submission}"


async def locked(act: Act, order_id: int) -> Row | None:
    """The order as it is now, which nobody else changes until the transaction ends; None if it is not visible."""
    rows = await act.rows(LOCK, {"row_id": order_id})
    return rows[0] if rows else None


def require_possible(act: Act, order: Row, event: OrderEvent) -> None:
    """Refuse what can't happen to an order in its state.

    Raises:
        RefusedError: it can't.
    """
    status = OrderStatus(order.status)
    if not life.can(status, event):
        hint = " Place a cancellation for its subscription." if status is OrderStatus.COMPLETED else ""
        act.refuse(UserErrorCode.WRONG_STATE, f"The order is {status.value}.{hint}", "order")


async def move_order(act: Act, order: Row, event: OrderEvent, **values: object) -> None:
    """Let an event happen to an order that is locked.

    Raises:
        RefusedError: it can't happen to an order in that state.
    """
    require_possible(act, order, event)
    await act.change(ORDER, order, status=life.after(OrderStatus(order.status), event).value, **values)


async def work_off(act: Act, order: Row) -> None:
    """Leave an order to the worker."""
    await act.enqueue(JobKind.PROVISION_ORDER, order.id, order.path, key=charge_key(order))


async def start_order(act: Act, order: Row) -> bool:
    """Begin to work an order off; returns whether that can be: it is submitted and waits for nothing."""
    if order.status != OrderStatus.SUBMITTED or order.waiting_for is not None:
        return False
    await move_order(act, order, OrderEvent.START)
    return True


async def let_stop(act: Act, order: Row, until: datetime | None) -> None:
    """Record until when an order that is being processed can be called off; None: it can't be, or that is through."""
    await act.change(ORDER, order, stoppable_until=until)


async def complete_order(act: Act, order: Row, *, subscription_id: int | None = None) -> None:
    """Record that an order that was being processed is done.

    Args:
        act: what is under way.
        order: read whole and locked.
        subscription_id: of what a sales order created; None: the order names it already.

    Raises:
        RefusedError: it isn't being processed.
    """
    created = {} if subscription_id is None else {"subscription_id": subscription_id}
    done = {"provisioned_at": act.now, "status_code": "CP", "stoppable_until": None}
    await move_order(act, order, OrderEvent.COMPLETE, **done, **created)


async def fail_order(act: Act, order: Row, reason: str) -> None:
    """Record that an order that was being processed can't be done, and give back what was charged on every edge.

    Args:
        act: what is under way.
        order: read whole and locked.
        reason: a sentence for people, which says what to do.

    Raises:
        RefusedError: it isn't being processed.
    """
    await move_order(act, order, OrderEvent.FAIL, error_message=reason[:_MOST_OF_A_REASON], stoppable_until=None)
    await tell_of_error(act, order, reason)
    await give_back(act, order)


async def call_off(act: Act, order: Row, event: OrderEvent, **values: object) -> None:
    """End an order that is not completed, by CANCEL or REJECT, and give back what was charged.

    Raises:
        RefusedError: it can't be ended any more.
    """
    await move_order(act, order, event, status_code="CL", waiting_for=None, **values)
    await give_back(act, order)


async def give_back(act: Act, order: Row) -> None:
    """Reverse all that the order's present submission was charged; nothing is left if it was reversed before."""
    key = charge_key(order)
    await ledger.reverse(act.writer, key_of=key, key=f"{key}:reversed", path=order.path, at=act.now)
