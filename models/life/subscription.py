"""The life of a subscription: who may bring it from which state to which, and what holds it."""

from collections.abc import Set
from datetime import timedelta
from enum import StrEnum

from models.life.machine import Life, Move
from models.subscription import SubscriptionStatus

PENDING, ACTIVE, HOLD = SubscriptionStatus.PENDING, SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD
TERMINATED, REMOVED = SubscriptionStatus.TERMINATED, SubscriptionStatus.REMOVED

KEPT_AFTER_TERMINATION = timedelta(days=30)
"""How long a terminated subscription can be revived; then it is removed (CSP: no days of grace, 30 days on hold)."""


class SubscriptionEvent(StrEnum):
    """What can happen to a subscription."""

    CREATE = "CREATE"
    PROVISIONED = "PROVISIONED"
    HOLD = "HOLD"
    RELEASE = "RELEASE"
    RENEW = "RENEW"
    TERMINATE = "TERMINATE"
    REVIVE = "REVIVE"
    REMOVE = "REMOVE"


class HoldReason(StrEnum):
    """Why a subscription is on hold. It may have several reasons; each is lifted by what set it, and no other."""

    PERSON = "PERSON"
    ACCOUNT = "ACCOUNT"
    UNPAID_RENEWAL = "UNPAID_RENEWAL"


MOVES: tuple[Move[SubscriptionEvent, SubscriptionStatus], ...] = (
    Move(
        SubscriptionEvent.CREATE,
        (),
        (PENDING,),
        by="the worker",
        when="its order is being processed",
    ),
    Move(
        SubscriptionEvent.PROVISIONED,
        (PENDING,),
        (ACTIVE,),
        by="the worker",
        effect="its dates are set",
    ),
    Move(
        SubscriptionEvent.HOLD,
        (ACTIVE,),
        (HOLD,),
        by="a user; the account's administrative hold; the system at an unpaid renewal",
        effect="the service is suspended",
    ),
    Move(
        SubscriptionEvent.RELEASE,
        (HOLD,),
        (ACTIVE,),
        by="whoever held it",
        when="no reason to hold it is left",
        effect="the service is resumed",
    ),
    Move(
        SubscriptionEvent.RENEW,
        (ACTIVE, HOLD),
        (ACTIVE,),
        by="the system at the renewal date; or a user",
        when="in HOLD, if an unpaid renewal is the only reason",
        effect="the next subscription period begins",
    ),
    Move(
        SubscriptionEvent.TERMINATE,
        (PENDING, ACTIVE, HOLD),
        (TERMINATED,),
        by="a cancellation; the system at the expiration date; the account's cancellation",
        effect="the service is stopped",
    ),
    Move(
        SubscriptionEvent.REVIVE,
        (TERMINATED,),
        (ACTIVE, HOLD),
        by="the account's reactivation",
        when="within 30 days, if the account's cancellation terminated it; HOLD if something else held it then",
        effect="the service is resumed, unless it is held",
    ),
    Move(
        SubscriptionEvent.REMOVE,
        (TERMINATED,),
        (REMOVED,),
        by="the system",
        when="30 days after its termination",
        effect="what was provisioned is destroyed",
    ),
)
"""Source: Simple API 1.15 `Subscription.status`. UNKNOWN is what an import may bring: nothing leads there or away."""

LIFE = Life(MOVES)
can, after = LIFE.can, LIFE.after


def event_of_reasons(before: Set[HoldReason], after: Set[HoldReason]) -> SubscriptionEvent | None:
    """What a change of the reasons to hold does to a running subscription; None: it stays as it is."""
    if bool(before) is bool(after):
        return None
    return SubscriptionEvent.HOLD if after else SubscriptionEvent.RELEASE


def is_renewable(status: SubscriptionStatus, reasons: Set[HoldReason]) -> bool:
    """Whether it can be renewed in that state, held for those reasons."""
    return can(status, SubscriptionEvent.RENEW) and reasons <= {HoldReason.UNPAID_RENEWAL}
