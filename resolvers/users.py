"""Users of accounts, their roles, and the API clients beside them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, select

from models import ApiClient, Seat, User, UserDenial, UserRole, UserTerm
from models.base import table_of
from models.statement import Statement, any_of
from resolvers.accounts import BELOW
from resolvers.listing import Listing, Sort, instant, one_of, through, words
from resolvers.privileges import Privilege
from resolvers.source import Source, one, pages_by, pages_of_scope

if TYPE_CHECKING:
    from resolvers.context import Context

USER = table_of(User)
USER_ROLE = table_of(UserRole)
SEAT = table_of(Seat)
USER_TERM = table_of(UserTerm)

_PERSONAL = Privilege.PERSONAL_DATA_VIEW

USERS = Listing(
    table=USER,
    sorts={"NAME": Sort("name_key", privilege=_PERSONAL), "CREATED_AT": Sort("created_at", instant)},
    default=("CREATED_AT", False),
    filters={
        "below": BELOW,
        "email": one_of("email_key", privilege=_PERSONAL, folded=True, is_selective=True),
        "kind": one_of("kind"),
        "role": through(USER_ROLE, "user_id", "role_code"),
        "search": words(USER_TERM, "user_id", own="id", privilege=_PERSONAL),
        "status": one_of("status"),
        "subscription": through(SEAT, "user_id", "subscription_id", of=BigInteger),
    },
)

in_scope = pages_of_scope(USERS)
of_account = pages_by(USERS, "account_id")
by_id = one(USER, "id")
by_user_id = one(USER, "user_id")
api_client_by_id = one(table_of(ApiClient), "id")
by_api_client_id = one(table_of(ApiClient), "api_client_id")

_ROLES = Statement(
    select(USER_ROLE.c.user_id, USER_ROLE.c.role_code)
    .where(any_of(USER_ROLE.c.user_id, "users"))
    .order_by(USER_ROLE.c.user_id, USER_ROLE.c.role_code),
    is_lookup=True,
)


async def _roles(context: "Context", ids: Sequence[int], _request: None) -> list[list[str]]:
    held: dict[int, list[str]] = {user_id: [] for user_id in ids}
    for row in await context.rows(_ROLES, {"users": list(ids)}):
        held[row.user_id].append(row.role_code)
    return [held[user_id] for user_id in ids]


roles = Source("user.roles", ("id",), _roles)

_DENIAL = table_of(UserDenial)
_DENIED = Statement(
    select(_DENIAL.c.user_id, _DENIAL.c.privilege)
    .where(any_of(_DENIAL.c.user_id, "users"))
    .order_by(_DENIAL.c.user_id, _DENIAL.c.privilege),
    is_lookup=True,
)


async def _denied(context: "Context", ids: Sequence[int], _request: None) -> list[list[str]]:
    denied: dict[int, list[str]] = {user_id: [] for user_id in ids}
    for row in await context.rows(_DENIED, {"users": list(ids)}):
        denied[row.user_id].append(row.privilege)
    return [denied[user_id] for user_id in ids]


denied = Source("user.denied", ("id",), _denied)
