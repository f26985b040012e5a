"""The life of an order: who may bring it from which state to which, and what happens to its charges."""

from enum import StrEnum

from models.life.machine import Life, Move
from models.order import OrderStatus

SUBMITTED, PROCESSING = OrderStatus.SUBMITTED, OrderStatus.PROCESSING
COMPLETED, ERROR, CANCELLED = OrderStatus.COMPLETED, OrderStatus.ERROR, OrderStatus.CANCELLED


class OrderEvent(StrEnum):
    """What can happen to an order."""

    PLACE = "PLACE"
    APPROVE = "APPROVE"
    REJECT = "REJECT"
    START = "START"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"
    RESUBMIT = "RESUBMIT"
    CANCEL = "CANCEL"


MOVES: tuple[Move[OrderEvent, OrderStatus], ...] = (
    Move(
        OrderEvent.PLACE,
        (),
        (SUBMITTED,),
        by="a user of the account or above; a renewal: the system",
        effect="priced, checked and charged along the vendor chain; worked off unless it waits for something",
    ),
    Move(
        OrderEvent.APPROVE,
        (SUBMITTED,),
        (SUBMITTED,),
        by="the vendor",
        when="it waits for approval",
        effect="worked off",
    ),
    Move(
        OrderEvent.REJECT,
        (SUBMITTED,),
        (CANCELLED,),
        by="the vendor",
        when="it waits for approval",
        effect="its charges are reversed",
    ),
    Move(
        OrderEvent.START,
        (SUBMITTED,),
        (PROCESSING,),
        by="the worker",
        when="it waits for nothing",
    ),
    Move(
        OrderEvent.COMPLETE,
        (PROCESSING,),
        (COMPLETED,),
        by="the worker",
        effect="the subscription is created or changed, and its history written",
    ),
    Move(
        OrderEvent.FAIL,
        (PROCESSING,),
        (ERROR,),
        by="the worker",
        effect="its charges are reversed; it says why",
    ),
    Move(
        OrderEvent.RESUBMIT,
        (ERROR,),
        (SUBMITTED,),
        by="a user of the account or above",
        effect="checked and charged again, at the prices that were fixed when it was placed",
    ),
    Move(
        OrderEvent.CANCEL,
        (SUBMITTED, PROCESSING, ERROR),
        (CANCELLED,),
        by="a user of the account or above",
        when="in PROCESSING, as long as what provisions can stop, and what is bought could be given back",
        effect="its charges are reversed, unless they were already; what it had begun is undone",
    ),
)
"""Source: Simple API 1.15 `Order.status` and its status codes."""

LIFE = Life(MOVES)
can, after = LIFE.can, LIFE.after
