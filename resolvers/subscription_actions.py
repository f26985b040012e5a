"""What a caller may do with a subscription: answered from its state and the caller's privileges."""

from enum import StrEnum

from models import SubscriptionStatus
from models.statement import Row
from resolvers.caller import Caller
from resolvers.privileges import Privilege

NEEDS = ("status",)
"""The columns of a subscription that decide."""


class SubscriptionAction(StrEnum):
    """What can be done with a subscription: the operations on subscriptions."""

    SUBSCRIPTION_ATTRIBUTES_SET = "SUBSCRIPTION_ATTRIBUTES_SET"
    SUBSCRIPTION_AUTO_RENEW_SET = "SUBSCRIPTION_AUTO_RENEW_SET"
    SUBSCRIPTION_CANCEL = "SUBSCRIPTION_CANCEL"
    SUBSCRIPTION_HOLD = "SUBSCRIPTION_HOLD"
    SUBSCRIPTION_QUANTITY_SET = "SUBSCRIPTION_QUANTITY_SET"
    SUBSCRIPTION_RELEASE = "SUBSCRIPTION_RELEASE"


RUNNING = frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD})
"""The states of a subscription that has begun and hasn't ended."""

STATES: dict[SubscriptionAction, tuple[Privilege, frozenset[SubscriptionStatus]]] = {
    SubscriptionAction.SUBSCRIPTION_ATTRIBUTES_SET: (Privilege.SUBSCRIPTIONS_MANAGE, frozenset(SubscriptionStatus)),
    SubscriptionAction.SUBSCRIPTION_AUTO_RENEW_SET: (Privilege.SUBSCRIPTIONS_MANAGE, RUNNING),
    SubscriptionAction.SUBSCRIPTION_CANCEL: (Privilege.ORDERS_PLACE, RUNNING),
    SubscriptionAction.SUBSCRIPTION_HOLD: (Privilege.SUBSCRIPTIONS_MANAGE, RUNNING),
    SubscriptionAction.SUBSCRIPTION_QUANTITY_SET: (Privilege.ORDERS_PLACE, frozenset({SubscriptionStatus.ACTIVE})),
    SubscriptionAction.SUBSCRIPTION_RELEASE: (Privilege.SUBSCRIPTIONS_MANAGE, frozenset({SubscriptionStatus.HOLD})),
}
"""What an action takes, and the states in which it can be done."""


def allowed_actions(caller: Caller, subscription: Row) -> list[SubscriptionAction]:
    """The actions that the caller may take at a subscription that it can see, as that stands now."""
    status = SubscriptionStatus(subscription.status)
    return [action for action, (privilege, states) in STATES.items() if caller.may(privilege) and status in states]
