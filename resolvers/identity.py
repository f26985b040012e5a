"""From a token to a caller: who may come in at all, whose eyes are used, and what they may do there."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import orjson
from sqlalchemy import Select, bindparam, case, select
from sqlalchemy.sql.expression import ColumnElement

from models import (
    Account,
    AccountStatus,
    AccountType,
    ApiClient,
    Credential,
    RoleCode,
    SubjectType,
    User,
    UserKind,
    UserRole,
    UserStatus,
)
from models import path as paths
from models.base import table_of
from models.scope import Reach
from models.statement import Row, Statement
from models.store import Store, Unfiltered
from resolvers.caller import Caller
from resolvers.errors import UnauthenticatedError
from resolvers.privileges import ROLES, Privilege
from resolvers.tokens import Claims, Subject

WHY_NOT: dict[AccountStatus, str] = {
    AccountStatus.PENDING: "The account is not verified yet.",
    AccountStatus.ACTIVE: "",
    AccountStatus.CREDIT_HOLD: "",
    AccountStatus.ADMIN_HOLD: "The account is on administrative hold. Contact its vendor.",
    AccountStatus.CANCELLED: "The account is cancelled. Contact its vendor.",
    AccountStatus.ERROR: "The account is in error. Contact its vendor's support.",
}
"""Why an account in that state lets nobody in; empty where it does. Its vendors' states don't matter."""

_INACTIVE = {
    SubjectType.USER: "The user is not active. Ask an administrator of the account.",
    SubjectType.API_CLIENT: "The API client is not active. Ask an administrator of the account.",
}

_ACCOUNT = table_of(Account).c
_CLIENT = table_of(ApiClient).c
_CREDENTIAL = table_of(Credential).c
_ROLE = table_of(UserRole).c
_USER = table_of(User).c

_ACTIVE: dict[SubjectType, ColumnElement[int]] = {
    SubjectType.USER: case((_USER.status == UserStatus.ACTIVE, 1), else_=0),
    SubjectType.API_CLIENT: case((_CLIENT.is_active, 1), else_=0),
}
_PROVIDER = table_of(Account).alias("provider").c
_PLACE = (
    _ACCOUNT.status.label("account_status"),
    _ACCOUNT.path,
    _ACCOUNT.type,
    _ACCOUNT.size_class,
    select(_PROVIDER.size_class).where(_PROVIDER.parent_id.is_(None)).scalar_subquery().label("tree_class"),
)


def _standing(of_type: SubjectType, key: ColumnElement[bool]) -> Statement:
    """Who someone is and whether they may come in, with their secret's hash, under the same names for both types."""
    model = User if of_type is SubjectType.USER else ApiClient
    table = table_of(model)
    return Statement(
        select(
            table.c.id,
            _ACTIVE[of_type].label("active"),
            _ACCOUNT.status.label("account_status"),
            _ACCOUNT.path,
            _CREDENTIAL.secret_hash,
        )
        .join(table_of(Account), _ACCOUNT.id == table.c.account_id)
        .outerjoin(
            table_of(Credential),
            (_CREDENTIAL.subject_type == of_type.value) & (_CREDENTIAL.subject_id == table.c.id),
        )
        .where(key)
    )


BY_NAME = {
    SubjectType.USER: _standing(SubjectType.USER, _USER.login == bindparam("name")),
    SubjectType.API_CLIENT: _standing(SubjectType.API_CLIENT, _CLIENT.client_id == bindparam("name")),
}
_BY_ID = {
    SubjectType.USER: _standing(SubjectType.USER, _USER.id == bindparam("id")),
    SubjectType.API_CLIENT: _standing(SubjectType.API_CLIENT, _CLIENT.id == bindparam("id")),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Someone who has a name here.

    Args:
        why_not: a sentence why they may not come in; empty when they may.
        secret_hash: None when they have no secret.
    """

    subject: Subject
    account_id: int
    why_not: str
    secret_hash: str | None = field(repr=False)


async def standing_by_name(db: Unfiltered, of_type: SubjectType, name: str) -> Standing | None:
    """Who signs in by that login or client id; None for nobody."""
    rows = await db.rows(BY_NAME[of_type], {"name": name})
    return _standing_of(of_type, rows[0]) if rows else None


async def standing_by_id(db: Unfiltered, subject: Subject) -> Standing | None:
    """How the subject stands now; None when it is gone."""
    rows = await db.rows(_BY_ID[subject.type], {"id": subject.id})
    return _standing_of(subject.type, rows[0]) if rows else None


def _standing_of(of_type: SubjectType, row: Row) -> Standing:
    return Standing(Subject(of_type, row.id), paths.account_id(row.path), _why_not(of_type, row), row.secret_hash)


def _why_not(of_type: SubjectType, row: Row) -> str:
    return WHY_NOT[AccountStatus(row.account_status)] if row.active else _INACTIVE[of_type]


def _of_user() -> Select[*tuple[object, ...]]:
    return (
        select(_ACTIVE[SubjectType.USER].label("active"), *_PLACE, _USER.kind, _ROLE.role_code)
        .join_from(table_of(User), table_of(Account), _ACCOUNT.id == _USER.account_id)
        .outerjoin(table_of(UserRole), _ROLE.user_id == _USER.id)
        .where(_USER.id == bindparam("id"))
    )


def _of_client() -> Select[*tuple[object, ...]]:
    return (
        select(_ACTIVE[SubjectType.API_CLIENT].label("active"), *_PLACE, _CLIENT.privileges, _CLIENT.reach)
        .join_from(table_of(ApiClient), table_of(Account), _ACCOUNT.id == _CLIENT.account_id)
        .where(_CLIENT.id == bindparam("id"))
    )


CALLERS = {SubjectType.USER: Statement(_of_user()), SubjectType.API_CLIENT: Statement(_of_client())}
"""A user gives one row for each role, or one without a role."""

_GRANTED = {code.value: privileges for code, privileges in ROLES.items()}
_BY_PRIVILEGE_NAME = {privilege.value: privilege for privilege in Privilege}


async def caller_of(store: Store, claims: Claims) -> Caller:
    """The caller behind a verified token, as things stand at this moment.

    Raises:
        UnauthenticatedError: the user or client is gone, deactivated or moved, or its account lets nobody in.
    """
    async with store.unfiltered("who asks") as db:
        rows = await db.rows(CALLERS[claims.subject.type], {"id": claims.subject.id})
    if not rows or paths.account_id(rows[0].path) != claims.account_id:
        raise UnauthenticatedError("Whom the access token stands for is not here any more. Sign in again.")
    if why_not := _why_not(claims.subject.type, rows[0]):
        raise UnauthenticatedError(why_not)
    return (
        _user(claims.subject.id, rows)
        if claims.subject.type is SubjectType.USER
        else _client(claims.subject.id, rows[0])
    )


def _user(user_id: int, rows: list[Row]) -> Caller:
    first = rows[0]
    roles = {row.role_code for row in rows if row.role_code}
    privileges = privileges_of(roles)
    # Whoever holds nothing beyond the role of a service user sees as one, whatever the user is called.
    is_service_user = first.kind == UserKind.SERVICE_USER or roles <= {RoleCode.SERVICE_USER}
    return Caller(
        path=first.path,
        privileges=privileges & ROLES[RoleCode.SERVICE_USER] if is_service_user else privileges,
        user_id=user_id,
        reach=Reach.OWN if first.type == AccountType.CUSTOMER else Reach.SUBTREE,
        is_service_user=is_service_user,
        size_class=first.size_class,
        tree_class=first.tree_class,
    )


def _client(client_id: int, row: Row) -> Caller:
    names = orjson.loads(row.privileges)
    return Caller(
        path=row.path,
        privileges=frozenset(_BY_PRIVILEGE_NAME[name] for name in names if name in _BY_PRIVILEGE_NAME),
        client_id=client_id,
        reach=Reach(row.reach),
        size_class=row.size_class,
        tree_class=row.tree_class,
    )


def privileges_of(roles: Iterable[str]) -> frozenset[Privilege]:
    """The union of what the roles grant; a role that this version does not know grants nothing."""
    return frozenset[Privilege]().union(*(_GRANTED.get(role, frozenset()) for role in roles))
