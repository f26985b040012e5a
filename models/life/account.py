"""The life of an account: who may bring it from which state to which.

What a state entails for orders, renewals, services and sign-in is said in `models/life/standing.py`.
"""

from enum import StrEnum

from models.account import AccountStatus
from models.life.machine import Life, Move

PENDING, ACTIVE = AccountStatus.PENDING, AccountStatus.ACTIVE
CREDIT_HOLD, ADMIN_HOLD = AccountStatus.CREDIT_HOLD, AccountStatus.ADMIN_HOLD
CANCELLED, ERROR = AccountStatus.CANCELLED, AccountStatus.ERROR


class AccountEvent(StrEnum):
    """What can happen to an account."""

    CREATE = "CREATE"
    ACTIVATE = "ACTIVATE"
    CREDIT_HOLD = "CREDIT_HOLD"
    CREDIT_RELEASE = "CREDIT_RELEASE"
    ADMIN_HOLD = "ADMIN_HOLD"
    ADMIN_RELEASE = "ADMIN_RELEASE"
    CANCEL = "CANCEL"
    REACTIVATE = "REACTIVATE"
    FAIL = "FAIL"
    REPAIR = "REPAIR"
    TRANSFER = "TRANSFER"
    PROMOTE = "PROMOTE"


MOVES: tuple[Move[AccountEvent, AccountStatus], ...] = (
    Move(
        AccountEvent.CREATE,
        (),
        (PENDING, ACTIVE),
        by="a user above",
        when="ACTIVE at once if asked for, else PENDING until the invitation is followed",
        effect="the invitation is sent",
    ),
    Move(
        AccountEvent.ACTIVATE,
        (PENDING,),
        (ACTIVE,),
        by="whoever was invited, by the link; or a user above",
    ),
    Move(
        AccountEvent.CREDIT_HOLD,
        (ACTIVE,),
        (CREDIT_HOLD,),
        by="a user above; or the rule on balances",
        effect="its administrators are told, and why",
    ),
    Move(
        AccountEvent.CREDIT_RELEASE,
        (CREDIT_HOLD,),
        (ACTIVE,),
        by="a user of the account that holds it, or above; or the rule on balances",
        when="nothing that it owes demands the hold; the rule releases only what the rule put on hold",
        effect="orders and unpaid renewals that waited, its own and those below it, are worked off",
    ),
    Move(
        AccountEvent.ADMIN_HOLD,
        (ACTIVE, CREDIT_HOLD, PENDING),
        (ADMIN_HOLD,),
        by="a user above",
        effect="its subscriptions are held; its administrators are told",
    ),
    Move(
        AccountEvent.ADMIN_RELEASE,
        (ADMIN_HOLD,),
        (ACTIVE, CREDIT_HOLD, PENDING),
        by="a user of the account that holds it, or above",
        when="PENDING if it was never activated; else CREDIT_HOLD if the balance requires it or a person put it on it",
        effect="its subscriptions are released, unless something else holds them",
    ),
    Move(
        AccountEvent.CANCEL,
        (PENDING, ACTIVE, CREDIT_HOLD, ADMIN_HOLD, ERROR),
        (CANCELLED,),
        by="a user above",
        effect="its subscriptions are terminated",
    ),
    Move(
        AccountEvent.REACTIVATE,
        (CANCELLED,),
        (ACTIVE,),
        by="a user above; if it was held when it was cancelled, of the account that held it, or above",
        effect="subscriptions that were terminated within the last 30 days are revived; who owes too much or too long"
        " is then put on credit hold by the rule",
    ),
    Move(AccountEvent.FAIL, (PENDING, ACTIVE), (ERROR,), by="the system"),
    Move(AccountEvent.REPAIR, (ERROR,), (ACTIVE,), by="the provider's staff"),
    Move(
        AccountEvent.TRANSFER,
        (ACTIVE, CREDIT_HOLD, ADMIN_HOLD),
        (),
        by="a user above both vendors",
        effect="it hangs under another vendor, with all below it; old orders stay with the old vendor",
    ),
    Move(
        AccountEvent.PROMOTE,
        (ACTIVE,),
        (),
        by="a user above",
        when="it is a customer",
        effect="the customer becomes a reseller, with a currency",
    ),
)
"""Sources: Simple API 1.15 `Account.status`; ActivePlatform's operator guide on holds."""

LIFE = Life(MOVES)
can, after = LIFE.can, LIFE.after


def released_to(*, activated: bool, was_on_credit_hold: bool, balance_requires_hold: bool) -> AccountStatus:
    """Where an account on administrative hold comes when it is released.

    Args:
        activated: whether it ever was; an invitation that nobody followed is still open.
        was_on_credit_hold: when it was put on administrative hold.
        balance_requires_hold: whether the rule on balances would put it on credit hold now.
    """
    if not activated:
        return PENDING
    return CREDIT_HOLD if was_on_credit_hold or balance_requires_hold else ACTIVE
