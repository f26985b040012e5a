"""What a caller may do with a subscription: answered from its state and the caller's privileges."""

from enum import StrEnum

from models import SubscriptionStatus
from models.statement import Row
from resolvers import holds
from resolvers.caller import Caller
from resolvers.privileges import Privilege

NEEDS = ("status", "path", "holder_id")
"""The columns of a subscription that decide."""


class SubscriptionAction(StrEnum):
    """What can be done with a subscription: the operations on subscriptions."""

    SUBSCRIPTION_ATTRIBUTES_SET = "SUBSCRIPTION_ATTRIBUTES_SET"
    SUBSCRIPTION_AUTO_RENEW_SET = "SUBSCRIPTION_AUTO_RENEW_SET"
    SUBSCRIPTION_CANCEL = "SUBSCRIPTION_CANCEL"
    SUBSCRIPTION_HOLD = "SUBSCRIPTION_HOLD"
    SUBSCRIPTION_QUANTITY_SET = "SUBSCRIPTION_QUANTITY_SET"
    SUBSCRIPTION_RELEASE = "SUBSCRIPTION_RELEASE"
    SUBSCRIPTION_UPGRADE = "SUBSCRIPTION_UPGRADE"


RUNNING = frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD})
"""The states of a subscription that has begun and hasn't ended."""

STATES: dict[SubscriptionAction, tuple[Privilege, frozenset[SubscriptionStatus]]] = {
    SubscriptionAction.SUBSCRIPTION_ATTRIBUTES_SET: (Privilege.SUBSCRIPTIONS_MANAGE, frozenset(SubscriptionStatus)),
    SubscriptionAction.SUBSCRIPTION_AUTO_RENEW_SET: (Privilege.SUBSCRIPTIONS_MANAGE, RUNNING),
    SubscriptionAction.SUBSCRIPTION_CANCEL: (Privilege.ORDERS_PLACE, RUNNING),
    SubscriptionAction.SUBSCRIPTION_HOLD: (Privilege.SUBSCRIPTIONS_MANAGE, RUNNING),
    SubscriptionAction.SUBSCRIPTION_QUANTITY_SET: (Privilege.ORDERS_PLACE, frozenset({SubscriptionStatus.ACTIVE})),
    SubscriptionAction.SUBSCRIPTION_RELEASE: (Privilege.SUBSCRIPTIONS_MANAGE, frozenset({SubscriptionStatus.HOLD})),
    SubscriptionAction.SUBSCRIPTION_UPGRADE: (Privilege.ORDERS_PLACE, frozenset({SubscriptionStatus.ACTIVE})),
}
"""What an action takes, and the states in which it can be done."""


_BY_ORDERS = {
    SubscriptionAction.SUBSCRIPTION_CANCEL,
    SubscriptionAction.SUBSCRIPTION_QUANTITY_SET,
    SubscriptionAction.SUBSCRIPTION_UPGRADE,
}
"""Actions that place an order: one at a time, by whoever may see prices."""


def allowed_actions(
    caller: Caller, subscription: Row, *, is_open: bool = False, is_switchable: bool = True
) -> list[SubscriptionAction]:
    """The actions that the caller may take at a subscription that it can see, as that stands now.

    Args:
        caller: who would.
        subscription: its row.
        is_open: whether an order is open for it.
        is_switchable: whether it can be switched to any other terms.
    """
    status = SubscriptionStatus(subscription.status)
    hidden = set() if is_switchable else {SubscriptionAction.SUBSCRIPTION_UPGRADE}
    if not holds.may_release(caller.path, subscription):
        hidden.add(SubscriptionAction.SUBSCRIPTION_RELEASE)
    if is_open or not (caller.may(Privilege.FINANCES_VIEW) or caller.may(Privilege.PRICES_VIEW)):
        hidden |= _BY_ORDERS
    return [
        action for action, (privilege, states) in STATES.items()
        if caller.may(privilege) and status in states and action not in hidden
    ]  # fmt: skip
