"""What an account's state, and those of the accounts above it, entail: the one place where that is decided."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from models.account import AccountStatus
from models.life import subscription as service
from models.life.subscription import HoldReason, SubscriptionEvent
from models.subscription import SubscriptionStatus

WHY_NOT: dict[AccountStatus, str] = {
    AccountStatus.PENDING: "The account is not verified yet.",
    AccountStatus.ACTIVE: "",
    AccountStatus.CREDIT_HOLD: "",
    AccountStatus.ADMIN_HOLD: "The account is on administrative hold. Contact its vendor.",
    AccountStatus.CANCELLED: "The account is cancelled. Contact its vendor.",
    AccountStatus.ERROR: "The account is in error. Contact its vendor's support.",
}
"""Why an account in that state lets nobody in; empty where it does. Its vendors' states don't matter."""

NO_CREDIT = "The account is on credit hold. Settle its balance with its vendor."
VENDOR_UNAVAILABLE = "Your vendor can't take orders at present."
"""Said whatever is the matter and with whomever above: how vendors stand is nobody's business below them."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account can do. A text says why not, in a sentence for its own people; an empty one: it can.

    Args:
        orders: orders by which the account owes more: sales, increases, upgrades.
        decreases: orders by which it owes less: decreases, cancellations.
        renewals: whether its subscriptions renew.
        services: whether its services run.
        sign_in: whether its users and clients come in.
    """

    orders: str = ""
    decreases: str = ""
    renewals: str = ""
    services: bool = True
    sign_in: str = ""


def _stopped(status: AccountStatus, *, services: bool) -> Standing:
    why = WHY_NOT[status]
    return Standing(orders=why, decreases=why, renewals=why, services=services, sign_in=why)


EFFECTS: dict[AccountStatus, Standing] = {
    AccountStatus.PENDING: _stopped(AccountStatus.PENDING, services=False),
    AccountStatus.ACTIVE: Standing(),
    AccountStatus.CREDIT_HOLD: Standing(orders=NO_CREDIT, renewals=NO_CREDIT),
    AccountStatus.ADMIN_HOLD: _stopped(AccountStatus.ADMIN_HOLD, services=False),
    AccountStatus.CANCELLED: _stopped(AccountStatus.CANCELLED, services=False),
    AccountStatus.ERROR: _stopped(AccountStatus.ERROR, services=True),
}
"""What an account's own state entails."""

UNDER_HELD_VENDOR = Standing(orders=VENDOR_UNAVAILABLE, renewals=VENDOR_UNAVAILABLE)
"""What follows from an account above that takes no charges, whichever it is: an order below is a charge on each above.

Services, sign-in and decreases go on: customers aren't cut off, nor kept paying, for what their vendor owes.
"""

TAKES_NO_CHARGES = frozenset(
    {AccountStatus.CREDIT_HOLD, AccountStatus.ADMIN_HOLD, AccountStatus.CANCELLED, AccountStatus.ERROR}
)
"""States of an account under which no account below it can be charged either."""

_STOPS_SERVICES = {
    AccountStatus.ADMIN_HOLD: SubscriptionEvent.HOLD,
    AccountStatus.CANCELLED: SubscriptionEvent.TERMINATE,
}
_STARTS_SERVICES = {
    AccountStatus.ADMIN_HOLD: SubscriptionEvent.RELEASE,
    AccountStatus.CANCELLED: SubscriptionEvent.REVIVE,
}


def standing(own: AccountStatus, above: Iterable[AccountStatus] = ()) -> Standing:
    """What an account can do.

    Args:
        own: its own state.
        above: the states of all the accounts above it, in any order.
    """
    effect = EFFECTS[own]
    if TAKES_NO_CHARGES.isdisjoint(above):
        return effect
    return replace(
        effect,
        orders=effect.orders or UNDER_HELD_VENDOR.orders,
        decreases=effect.decreases or UNDER_HELD_VENDOR.decreases,
        renewals=effect.renewals or UNDER_HELD_VENDOR.renewals,
        services=effect.services and UNDER_HELD_VENDOR.services,
        sign_in=effect.sign_in or UNDER_HELD_VENDOR.sign_in,
    )


def services_event(before: AccountStatus, after: AccountStatus) -> SubscriptionEvent | None:
    """What happens to an account's subscriptions when its state changes; None: nothing.

    HOLD and RELEASE are for the reason ACCOUNT. REVIVE is for those that the cancellation terminated.
    """
    if before is after:
        return None
    if after in _STOPS_SERVICES:
        return _STOPS_SERVICES[after]
    return _STARTS_SERVICES.get(before) if EFFECTS[after].services else None


def service_after(
    status: SubscriptionStatus, reasons: frozenset[HoldReason], event: SubscriptionEvent, *, is_kept: bool
) -> tuple[SubscriptionStatus, frozenset[HoldReason]]:
    """What becomes of one subscription when its account's state changes.

    What the account stopped has ACCOUNT among its reasons, so that the account starts that again and nothing else.

    Args:
        status: the subscription's.
        reasons: for which it is stopped.
        event: what `services_event` gives.
        is_kept: whether what was terminated can still be revived.

    Returns:
        Its state, and for which reasons it is stopped from now on.
    """
    if status is SubscriptionStatus.HOLD and not reasons:
        reasons = frozenset({HoldReason.PERSON})  # nobody noted why, so it wasn't the account
    if event in _STOPS_SERVICES.values():
        return _stopped_service(status, reasons, event)
    if HoldReason.ACCOUNT not in reasons:
        return status, reasons
    left = reasons - {HoldReason.ACCOUNT}
    if event is SubscriptionEvent.REVIVE and not is_kept:
        return status, frozenset()
    if not service.can(status, event) or (left and event is SubscriptionEvent.RELEASE):
        return status, left
    return service.after(status, event, SubscriptionStatus.HOLD if left else SubscriptionStatus.ACTIVE), left


def _stopped_service(
    status: SubscriptionStatus, reasons: frozenset[HoldReason], event: SubscriptionEvent
) -> tuple[SubscriptionStatus, frozenset[HoldReason]]:
    if status is SubscriptionStatus.HOLD and event is SubscriptionEvent.HOLD:
        return status, reasons | {HoldReason.ACCOUNT}
    if not service.can(status, event):
        return status, frozenset()
    is_startable = status is not SubscriptionStatus.PENDING  # what was never provisioned can't be started again
    return service.after(status, event), reasons | {HoldReason.ACCOUNT} if is_startable else frozenset()
