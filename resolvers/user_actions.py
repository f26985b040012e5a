"""What a caller may do with a user: answered by what also enforces it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import select

from models import UserKind, UserStatus
from models.statement import Row, Statement, any_of
from resolvers.accounts import ACCOUNT
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from resolvers.rights import DENIAL, Rights
from resolvers.source import Source
from resolvers.users import USER, USER_ROLE

if TYPE_CHECKING:
    from resolvers.context import Context

NEEDS = ("kind", "status")
"""The columns of a user that decide, beside what `held` has."""


class UserAction(StrEnum):
    """What can be done with a user: the operations on users."""

    USER_ACTIVATE = "USER_ACTIVATE"
    USER_DEACTIVATE = "USER_DEACTIVATE"
    USER_INVITATION_SEND = "USER_INVITATION_SEND"
    USER_KIND_SET = "USER_KIND_SET"
    USER_PASSWORD_CHANGE = "USER_PASSWORD_CHANGE"  # noqa: S105  # a name
    USER_PASSWORD_RESET = "USER_PASSWORD_RESET"  # noqa: S105  # a name
    USER_PRIVILEGES_ATTACH = "USER_PRIVILEGES_ATTACH"
    USER_PRIVILEGES_DETACH = "USER_PRIVILEGES_DETACH"
    USER_ROLES_SET = "USER_ROLES_SET"
    USER_SEAT_GIVE = "USER_SEAT_GIVE"
    USER_SEAT_TAKE = "USER_SEAT_TAKE"
    USER_SECURITY_ANSWER_CHECK = "USER_SECURITY_ANSWER_CHECK"
    USER_SECURITY_QUESTION_SET = "USER_SECURITY_QUESTION_SET"
    USER_UPDATE = "USER_UPDATE"


_ANY = frozenset(UserStatus)
_TO_THOSE_WHO_MAY_LESS: dict[UserAction, frozenset[UserStatus]] = {
    UserAction.USER_ACTIVATE: frozenset({UserStatus.DEACTIVATED}),
    UserAction.USER_DEACTIVATE: _ANY - {UserStatus.DEACTIVATED},
    UserAction.USER_INVITATION_SEND: frozenset({UserStatus.INVITED}),
    UserAction.USER_KIND_SET: _ANY,
    UserAction.USER_PRIVILEGES_ATTACH: _ANY,
    UserAction.USER_PRIVILEGES_DETACH: _ANY,
    UserAction.USER_ROLES_SET: _ANY,
    UserAction.USER_UPDATE: _ANY,
}
"""What takes `users:manage`, and that the user may do nothing that the caller may not; and in which states."""
_TO_ANYBODY: dict[UserAction, tuple[Privilege, frozenset[UserStatus]]] = {
    UserAction.USER_PASSWORD_RESET: (Privilege.USERS_RESET_PASSWORD, frozenset({UserStatus.ACTIVE})),
    UserAction.USER_SEAT_GIVE: (Privilege.USERS_MANAGE, _ANY),
    UserAction.USER_SEAT_TAKE: (Privilege.USERS_MANAGE, _ANY),
    UserAction.USER_SECURITY_ANSWER_CHECK: (Privilege.SECURITY_VERIFY, _ANY),
}
_TO_ONESELF = frozenset(
    {UserAction.USER_PASSWORD_CHANGE, UserAction.USER_SECURITY_QUESTION_SET, UserAction.USER_UPDATE}
)


@dataclass(frozen=True, slots=True)
class Held:
    """What a user holds: its roles and denials, and the type of the account where it does."""

    user_id: int
    account_type: str
    roles: frozenset[str]
    denied: frozenset[str]


_HELD = Statement(
    select(USER.c.id, ACCOUNT.c.type, USER_ROLE.c.role_code, DENIAL.c.privilege)
    .join(ACCOUNT, ACCOUNT.c.id == USER.c.account_id)
    .outerjoin(USER_ROLE, USER_ROLE.c.user_id == USER.c.id)
    .outerjoin(DENIAL, DENIAL.c.user_id == USER.c.id)
    .where(any_of(USER.c.id, "users")),
    is_lookup=True,
)


async def _held(context: "Context", ids: Sequence[int], _request: None) -> list[Held]:
    rows: dict[int, list[Row]] = {user_id: [] for user_id in ids}
    for row in await context.rows(_HELD, {"users": list(ids)}):
        rows[row.id].append(row)
    return [_what(user_id, of_user) for user_id, of_user in rows.items()]


def _what(user_id: int, rows: Sequence[Row]) -> Held:
    """What is held, of rows of each role with each denial."""
    roles = frozenset(row.role_code for row in rows if row.role_code)
    denied = frozenset(row.privilege for row in rows if row.privilege)
    return Held(user_id, rows[0].type, roles, denied)


held = Source("user.held", ("id",), _held)


def allowed_actions(caller: Caller, user: Row, what: Held) -> list[UserAction]:
    """The actions that the caller may take at a user whom it can see, as the user stands now.

    That an account keeps one full administrator is looked at only when it would lose the last.
    """
    status = UserStatus(user.status)
    allowed = {action for action, (needed, states) in _TO_ANYBODY.items() if caller.may(needed) and status in states}
    if what.user_id == caller.user_id:
        allowed |= _TO_ONESELF
    rights = Rights(UserKind(user.kind), what.roles, what.denied)
    if caller.may(Privilege.USERS_MANAGE) and rights.privileges(what.account_type) <= caller.privileges:
        allowed |= {action for action, states in _TO_THOSE_WHO_MAY_LESS.items() if status in states}
    return [action for action in UserAction if action in allowed]
