"""What an account's state does to rows that no scope may write: copies of its services' states, and its sign-ins."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Text, and_, bindparam, or_, select, update

from models.base import table_of
from models.credential import RefreshToken, SubjectType
from models.statement import Statement, any_of
from models.store import StoreError
from models.subscription import Subscription, SubscriptionCharge
from models.user import ApiClient, User
from models.writer import Writer

_CHARGE, _SUBSCRIPTION = table_of(SubscriptionCharge), table_of(Subscription)
_TOKEN = table_of(RefreshToken)
_STATUS = select(_SUBSCRIPTION.c.status).where(_SUBSCRIPTION.c.id == _CHARGE.c.subscription_id).scalar_subquery()
_COPY = Statement(
    update(_CHARGE)
    .where(any_of(_CHARGE.c.subscription_id, "subscriptions"), any_of(_CHARGE.c.path, "paths", Text))
    .values(status=_STATUS)
)


def _held_by(subject: SubjectType, model: type[User] | type[ApiClient]) -> ColumnElement[bool]:
    of_account = select(table_of(model).c.id).where(table_of(model).c.path == bindparam("of_path"))
    return and_(_TOKEN.c.subject_type == subject.value, _TOKEN.c.subject_id.in_(of_account))


_REVOKE = Statement(
    update(_TOKEN)
    .where(
        _TOKEN.c.revoked_at.is_(None),
        or_(_held_by(SubjectType.USER, User), _held_by(SubjectType.API_CLIENT, ApiClient)),
    )
    .values(revoked_at=bindparam("now", type_=_TOKEN.c.revoked_at.type))
)


async def copy_status(writer: Writer, path: str, subscriptions: Sequence[int]) -> None:
    """Let the charges of an account's subscriptions be in the states that these are in.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    async with writer.beyond("copying the states of subscriptions to their charges") as db:
        await db.write(_COPY, {"subscriptions": list(subscriptions), "paths": [path]})


async def end_sign_ins(writer: Writer, path: str, at: datetime) -> None:
    """Let nobody stay signed in to an account; access tokens die when their callers are next looked up.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    async with writer.beyond("ending the sign-ins of an account") as db:
        await db.write(_REVOKE, {"of_path": path, "now": at})


def _require(writer: Writer, path: str) -> None:
    if not writer.scope.holds(path):
        raise StoreError(f"{path} is out of scope")
