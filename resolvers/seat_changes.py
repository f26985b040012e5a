"""Seats: who uses the services of a subscription."""

from typing import Any

from sqlalchemy import bindparam, func, select

from models import Subscription, SubscriptionStatus, UserStatus
from models.base import table_of
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import Input, SubscriptionId, UserId, said
from resolvers.operation import Target, operation
from resolvers.privileges import Privilege
from resolvers.users import SEAT, USER

_USER = Target(USER, by="user", is_changed=False, is_locked=False)
_SUBSCRIPTION = table_of(Subscription)
_subscription = Statement(
    select(*_SUBSCRIPTION.c).where(_SUBSCRIPTION.c.id == bindparam("row_id")).with_for_update(), is_lookup=True
)
_user = Statement(select(*USER.c).where(USER.c.id == bindparam("row_id")).with_for_update(), is_lookup=True)
_seats = Statement(
    select(SEAT.c.subscription_id).where(SEAT.c.user_id == bindparam("user_id")).order_by(SEAT.c.subscription_id),
    is_lookup=True,
)
_taken = Statement(
    select(func.count(SEAT.c.user_id).label("number")).where(SEAT.c.subscription_id == bindparam("subscription_id")),
    is_lookup=True,
)
_ENDED = {SubscriptionStatus.TERMINATED.value, SubscriptionStatus.REMOVED.value}


class UserSeatGive(Input):
    """Who shall use a subscription's services."""

    user: UserId = said("The user, of the subscription's account.")
    subscription: SubscriptionId = said("The subscription.")


class UserSeatTake(Input):
    """Who shall not use a subscription's services any more."""

    user: UserId = said("The user.")
    subscription: SubscriptionId = said("The subscription.")


@operation(
    privilege=Privilege.USERS_MANAGE,
    gives="user",
    target=_USER,
    codes=(
        UserErrorCode.ABOVE_MAXIMUM,
        UserErrorCode.ALREADY_DONE,
        UserErrorCode.WRONG_STATE,
    ),
    bulk=True,
)
async def seat_give(act: Act, given: UserSeatGive) -> None:
    """Let a user use a subscription's services; as many can as its quantity says."""
    subscription, user = await _both(act, given.subscription)
    if subscription.status in _ENDED:
        act.refuse(UserErrorCode.WRONG_STATE, f"The subscription is {subscription.status}.", "subscription")
    if user.status == UserStatus.DEACTIVATED:
        act.refuse(UserErrorCode.WRONG_STATE, "The user is deactivated. Activate the user first.", "user")
    seats = await _seats_of(act, user)
    if subscription.id in seats:
        act.refuse(UserErrorCode.ALREADY_DONE, "The user has a seat already.", "user")
    ((number,),) = await act.rows(_taken, {"subscription_id": subscription.id})
    if number >= subscription.quantity:
        message = f"All {subscription.quantity} seats are taken. Take one back, or order more."
        act.refuse(UserErrorCode.ABOVE_MAXIMUM, message, "subscription")
    await _store(act, user, seats, sorted([*seats, subscription.id]))


@operation(
    privilege=Privilege.USERS_MANAGE,
    gives="user",
    target=_USER,
    codes=(UserErrorCode.ALREADY_DONE,),
    bulk=True,
)
async def seat_take(act: Act, given: UserSeatTake) -> None:
    """Take a user's seat in a subscription back."""
    subscription, user = await _both(act, given.subscription)
    seats = await _seats_of(act, user)
    if subscription.id not in seats:
        act.refuse(UserErrorCode.ALREADY_DONE, "The user has no seat there.", "user")
    await _store(act, user, seats, [each for each in seats if each != subscription.id])


async def _both(act: Act, subscription_id: int) -> tuple[Row, Row]:
    """The subscription and the user, locked in that order.

    Raises:
        RefusedError: the subscription isn't visible, the user is gone, or they are of different accounts.
    """
    subscriptions = await act.rows(_subscription, {"row_id": subscription_id})
    users = await act.rows(_user, {"row_id": act.target.id})
    if not users:
        act.fault(UserErrorCode.NOT_FOUND, "There is no such user.", "user")
    if not subscriptions:
        act.refuse(UserErrorCode.NOT_FOUND, "There is no such subscription.", "subscription")
    act.check()
    if subscriptions[0].account_id != users[0].account_id:
        act.refuse(UserErrorCode.INVALID, "The user is of another account than the subscription.", "user")
    return subscriptions[0], users[0]


async def _seats_of(act: Act, user: Row) -> list[int]:
    return [row.subscription_id for row in await act.rows(_seats, {"user_id": user.id})]


async def _store(act: Act, user: Row, before: list[int], after: list[int]) -> None:
    owner: dict[str, Any] = {"account_id": user.account_id, "path": user.path, "shard_id": user.shard_id}
    rows = [{**owner, "user_id": user.id, "subscription_id": each} for each in after]
    await act.work_out(SEAT, "user_id", user.id, rows)
    await act.note(USER, user, {"seats": before}, {"seats": after})
