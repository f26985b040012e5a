"""What a caller may do with an order: answered by what also enforces it."""

from datetime import datetime
from enum import StrEnum

from models import OrderStatus, OrderType, OrderWait
from models.life import order as life
from models.life.order import OrderEvent
from models.statement import Row
from resolvers.caller import Caller
from resolvers.privileges import Privilege

NEEDS = ("path", "status", "waiting_for", "stoppable_until", "type", "term_from", "created_at")
"""The columns of an order that decide."""


class OrderAction(StrEnum):
    """What can be done with an order: the operations on orders."""

    ORDER_APPROVE = "ORDER_APPROVE"
    ORDER_CANCEL = "ORDER_CANCEL"
    ORDER_REJECT = "ORDER_REJECT"
    ORDER_RESUBMIT = "ORDER_RESUBMIT"
    ORDER_UPDATE = "ORDER_UPDATE"


_NEEDS: dict[OrderAction, tuple[Privilege, OrderEvent | None]] = {
    OrderAction.ORDER_APPROVE: (Privilege.ORDERS_APPROVE, OrderEvent.APPROVE),
    OrderAction.ORDER_CANCEL: (Privilege.ORDERS_CANCEL, OrderEvent.CANCEL),
    OrderAction.ORDER_REJECT: (Privilege.ORDERS_APPROVE, OrderEvent.REJECT),
    OrderAction.ORDER_RESUBMIT: (Privilege.ORDERS_PLACE, OrderEvent.RESUBMIT),
    OrderAction.ORDER_UPDATE: (Privilege.ORDERS_PLACE, None),
}
_BY_VENDOR = {OrderAction.ORDER_APPROVE, OrderAction.ORDER_REJECT}


def is_cancellable(order: Row, at: datetime) -> bool:
    """Whether an order can be cancelled: while it is being processed, as long as it can be stopped."""
    status = OrderStatus(order.status)
    return life.can(status, OrderEvent.CANCEL) and (status is not OrderStatus.PROCESSING or is_stoppable(order, at))


def is_stoppable(order: Row, at: datetime) -> bool:
    """Whether what provisions can stop at an order that it is working on, and nothing speaks against that."""
    until = order.stoppable_until
    return until is not None and at < _instant(until)


def is_outdated(order: Row, at: datetime) -> bool:
    """Whether what an order in error charges or gives back was worked out for a day that is over, or a moment.

    What is bought anew, or renewed, is paid for a term of its own; of what an import brought nobody knows what it was
    to be charged with.
    """
    if order.type == OrderType.MIGRATION:
        return order.term_from is not None
    if order.type == OrderType.SALES:
        return order.term_from is None
    is_for_its_day = order.type in (OrderType.CHANGE, OrderType.CANCELLATION)
    return is_for_its_day and _instant(order.created_at).date() != at.date()


def _instant(value: datetime | str) -> datetime:
    """An instant as either engine gives it."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def is_to_be_approved(caller: Caller, order: Row) -> bool:
    """Whether an order waits for the approval of an account at which the caller is, or of one below that."""
    is_waiting = order.status == OrderStatus.SUBMITTED and order.waiting_for == OrderWait.APPROVAL
    return is_waiting and len(order.path) > len(caller.path)


def allowed_actions(caller: Caller, order: Row, at: datetime) -> list[OrderAction]:
    """The actions that the caller may take at an order that it can see, as the order stands now."""
    if not order.path.startswith(caller.path):
        return []  # it was sold by a former vendor
    return [
        action for action, (privilege, event) in _NEEDS.items()
        if caller.may(privilege) and _fits(action, event, caller, order, at)
    ]  # fmt: skip


def _fits(action: OrderAction, event: OrderEvent | None, caller: Caller, order: Row, at: datetime) -> bool:
    if action in _BY_VENDOR:
        return is_to_be_approved(caller, order)
    if action is OrderAction.ORDER_CANCEL:
        return is_cancellable(order, at)
    if action is OrderAction.ORDER_RESUBMIT and is_outdated(order, at):
        return False
    return event is None or life.can(OrderStatus(order.status), event)
