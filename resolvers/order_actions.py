"""What a caller may do with an order: answered by what also enforces it."""

from enum import StrEnum

from models import OrderStatus, OrderWait
from models.life import order as life
from models.life.order import OrderEvent
from models.statement import Row
from resolvers.caller import Caller
from resolvers.privileges import Privilege

NEEDS = ("path", "status", "waiting_for")
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


def is_cancellable(order: Row) -> bool:
    """Whether an order can be cancelled: not once it is being processed, for what provisions can't be stopped."""
    status = OrderStatus(order.status)
    return status is not OrderStatus.PROCESSING and life.can(status, OrderEvent.CANCEL)


def is_to_be_approved(caller: Caller, order: Row) -> bool:
    """Whether an order waits for the approval of an account at which the caller is, or of one below that."""
    is_waiting = order.status == OrderStatus.SUBMITTED and order.waiting_for == OrderWait.APPROVAL
    return is_waiting and len(order.path) > len(caller.path)


def allowed_actions(caller: Caller, order: Row) -> list[OrderAction]:
    """The actions that the caller may take at an order that it can see, as the order stands now."""
    if not order.path.startswith(caller.path):
        return []  # it was sold by a former vendor
    return [
        action for action, (privilege, event) in _NEEDS.items()
        if caller.may(privilege) and _fits(action, event, caller, order)
    ]  # fmt: skip


def _fits(action: OrderAction, event: OrderEvent | None, caller: Caller, order: Row) -> bool:
    if action in _BY_VENDOR:
        return is_to_be_approved(caller, order)
    if action is OrderAction.ORDER_CANCEL:
        return is_cancellable(order)
    return event is None or life.can(OrderStatus(order.status), event)
