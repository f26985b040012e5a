"""Live updates in GraphQL: what can be listened to, and what is told. The type `Subscription` is what is sold."""

from inspect import Parameter
from typing import Annotated, Any

import strawberry

from models import EventKind, Topic
from resolvers.listener import OBJECTS
from resolvers.live import Wanted
from resolvers.privileges import Privilege
from schema.account import Account, below
from schema.enums import describe
from schema.execution.declaration import Declaration
from schema.field import Requires, column, declared, described, related
from schema.node import row_ids
from schema.order import Order
from schema.scalars import DateTime
from schema.subscription import Subscription

describe(
    EventKind,
    "What happened to an object.",
    CREATED="It is new.",
    CHANGED="It is no longer as it was.",
    MOVED="It came under another vendor, with all that belongs to it.",
)

_EVENT_ID = "For `after`, when you connect again. Good for the same field and the same account."
_KIND = "What happened to it."
_AT = "When."


@strawberry.type(description="Something that happened to an account.")
class AccountEvent:
    """Stands in front of `resolvers.live.Heard`."""

    event_id: str = column(_EVENT_ID)
    kind: EventKind = column(_KIND)
    at: DateTime = column(_AT)
    account: Account = related(
        OBJECTS[Topic.ACCOUNT], Account, "The account, as it is when you are told.", nullable=False
    )


@strawberry.type(description="Something that happened to an order.")
class OrderEvent:
    """Stands in front of `resolvers.live.Heard`."""

    event_id: str = column(_EVENT_ID)
    kind: EventKind = column(_KIND)
    at: DateTime = column(_AT)
    order: Order = related(OBJECTS[Topic.ORDER], Order, "The order, as it is when you are told.", nullable=False)


@strawberry.type(description="Something that happened to a subscription.")
class SubscriptionEvent:
    """Stands in front of `resolvers.live.Heard`."""

    event_id: str = column(_EVENT_ID)
    kind: EventKind = column(_KIND)
    at: DateTime = column(_AT)
    subscription: Subscription = related(
        OBJECTS[Topic.SUBSCRIPTION], Subscription, "The subscription, as it is when you are told.", nullable=False
    )


_STREAMS = {
    "accountChanged": (Topic.ACCOUNT, Privilege.ACCOUNTS_VIEW, "acc"),
    "orderChanged": (Topic.ORDER, Privilege.ORDERS_VIEW, "ord"),
    "subscriptionChanged": (Topic.SUBSCRIPTION, Privilege.SUBSCRIPTIONS_VIEW, "sub"),
}


def wanted(field_name: str, arguments: dict[str, Any]) -> Wanted:
    """What a field of the root, with its arguments, listens to.

    Raises:
        InvalidError: an argument is no id of its kind.
    """
    topic, privilege, prefix = _STREAMS[field_name]
    text = arguments.get("id")
    object_id = row_ids(prefix)([text])[0] if text is not None else None
    return Wanted(field_name, topic, privilege, object_id, below(arguments.get("below")), arguments.get("after"))


def _changed(name: str, event_type: Any, things: str) -> Any:
    """A field of the root; behind it stands the event itself."""
    _, privilege, _ = _STREAMS[name]
    arguments = [
        _argument("id", strawberry.ID, "This one alone."),
        _argument("below", strawberry.ID, "Those of accounts below this one, at any depth; its own not included."),
        _argument("after", str, "The `eventId` of the last event that you have: what came since is told first."),
    ]
    return declared(
        Declaration(check=Requires(privilege)),
        lambda root, info, **_given: root,
        event_type | None,
        described(f"The {things} that the caller sees, each time that something happens to one.", privilege),
        arguments,
    )


def _argument(name: str, of_type: Any, description: str) -> Parameter:
    annotation = Annotated[of_type | None, strawberry.argument(description=description)]
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=annotation, default=strawberry.UNSET)


@strawberry.type(
    description="What can be listened to, over a WebSocket. Each event is read anew for the caller: what the caller"
    " doesn't see then is not told."
)
class Live:
    """The root."""

    account_changed = _changed("accountChanged", AccountEvent, "accounts")
    order_changed = _changed("orderChanged", OrderEvent, "orders")
    subscription_changed = _changed("subscriptionChanged", SubscriptionEvent, "subscriptions")
