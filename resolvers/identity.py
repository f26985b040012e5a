"""From a token to a caller: who may come in at all, whose eyes are used, and what they may do there."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Select, bindparam, case, exists, func, literal_column, null, or_, select
from sqlalchemy.sql.expression import ColumnElement

from models import (
    Account,
    AccountStatus,
    AccountType,
    ApiClient,
    Credential,
    Identity,
    RefreshToken,
    RoleCode,
    SubjectType,
    User,
    UserDenial,
    UserKind,
    UserRole,
    UserStatus,
)
from models import path as paths
from models.base import table_of
from models.life.standing import WHY_NOT
from models.scope import Reach
from models.statement import Row, Statement
from models.store import Store, Unfiltered
from resolvers.caller import Actor, Caller
from resolvers.errors import UnauthenticatedError
from resolvers.issuers import vouched_path
from resolvers.privileges import ROLES, Privilege
from resolvers.tokens import Claims, Subject

_INACTIVE = {
    SubjectType.USER: "The user is not active. Ask an administrator of the account.",
    SubjectType.API_CLIENT: "The API client is not active. Ask an administrator of the account.",
}

_ACCOUNT = table_of(Account).c
_CLIENT = table_of(ApiClient).c
_CREDENTIAL = table_of(Credential).c
_DENIAL = table_of(UserDenial).c
_IDENTITY = table_of(Identity).c
_ROLE = table_of(UserRole).c
_USER = table_of(User).c

FITS: dict[str, frozenset[Privilege]] = {
    AccountType.PROVIDER: ROLES[RoleCode.PROVIDER_FULL_ACCESS],
    AccountType.RESELLER: ROLES[RoleCode.RESELLER_FULL_ACCESS],
    AccountType.CUSTOMER: ROLES[RoleCode.CUSTOMER_FULL_ACCESS],
}
"""What can be held at all in an account of a type, whatever roles and clients say."""

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


def _standing_of_users(key: ColumnElement[bool]) -> Statement:
    """Who someone is, in each account that has them for a user, with the hash of their password."""
    person = table_of(User).outerjoin(table_of(Identity), _IDENTITY.login == _USER.login)
    credential = (_CREDENTIAL.subject_type == SubjectType.USER.value) & (_CREDENTIAL.subject_id == _IDENTITY.id)
    return Statement(
        select(
            _USER.id,
            _ACTIVE[SubjectType.USER].label("active"),
            _ACCOUNT.status.label("account_status"),
            _ACCOUNT.path,
            _ACCOUNT.name,
            _IDENTITY.id.label("credential_id"),
            _IDENTITY.last_user_id,
            _CREDENTIAL.secret_hash,
        )
        .select_from(
            person.join(table_of(Account), _ACCOUNT.id == _USER.account_id).outerjoin(table_of(Credential), credential)
        )
        .where(key)
        .order_by(_USER.id)
    )


def _standing_of_clients(key: ColumnElement[bool]) -> Statement:
    """The same of an API client, under the same names."""
    credential = (_CREDENTIAL.subject_type == SubjectType.API_CLIENT.value) & (_CREDENTIAL.subject_id == _CLIENT.id)
    return Statement(
        select(
            _CLIENT.id,
            _ACTIVE[SubjectType.API_CLIENT].label("active"),
            _ACCOUNT.status.label("account_status"),
            _ACCOUNT.path,
            _ACCOUNT.name,
            _CLIENT.id.label("credential_id"),
            null().label("last_user_id"),
            _CREDENTIAL.secret_hash,
        )
        .join(table_of(Account), _ACCOUNT.id == _CLIENT.account_id)
        .outerjoin(table_of(Credential), credential)
        .where(key)
    )


_OTHER = table_of(User).alias("other")
BY_NAME = {
    SubjectType.USER: _standing_of_users(_USER.login == bindparam("name")),
    SubjectType.API_CLIENT: _standing_of_clients(_CLIENT.client_id == bindparam("name")),
}
_OF_SAME_PERSON = _standing_of_users(
    _USER.login == select(_OTHER.c.login).where(_OTHER.c.id == bindparam("id")).scalar_subquery()
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Someone who has a name here, in one account.

    Args:
        path: of the account.
        why_not: a sentence why they may not come in; empty when they may.
        credential_id: whose secret it is; a person has one for all its accounts.
        secret_hash: None when they have no secret.
    """

    subject: Subject
    account_id: int
    account_name: str
    path: str
    why_not: str
    credential_id: int | None
    secret_hash: str | None = field(repr=False)


async def standings_by_name(db: Unfiltered, of_type: SubjectType, name: str) -> list[Standing]:
    """Who signs in by that login or client id, in each of their accounts; empty for nobody.

    Where they may come in is first, and of that the account in which they last worked.
    """
    return _standings(of_type, await db.rows(BY_NAME[of_type], {"name": name}))


async def standing_by_name(db: Unfiltered, of_type: SubjectType, name: str) -> Standing | None:
    """Who signs in by that login or client id, if they name no account; None for nobody."""
    return next(iter(await standings_by_name(db, of_type, name)), None)


async def standings_of(db: Unfiltered, subject: Subject, issuer_id: int = 0) -> list[Standing]:
    """How the person behind a user stands now, in each of their accounts; empty when they are gone.

    Args:
        db: one transaction.
        subject: the user.
        issuer_id: of the external issuer that has signed them in: then only where its word counts.
    """
    below = await vouched_path(db, issuer_id)
    found = _standings(SubjectType.USER, await db.rows(_OF_SAME_PERSON, {"id": subject.id}))
    return [each for each in found if below is not None and paths.contains(below, each.path)]


def _standings(of_type: SubjectType, rows: list[Row]) -> list[Standing]:
    ordered = sorted(rows, key=lambda row: (bool(_why_not(of_type, row)), row.id != row.last_user_id))
    return [_standing_of(of_type, row) for row in ordered]


def _standing_of(of_type: SubjectType, row: Row) -> Standing:
    return Standing(
        Subject(of_type, row.id),
        paths.account_id(row.path),
        row.name,
        row.path,
        _why_not(of_type, row),
        row.credential_id,
        row.secret_hash,
    )


def _why_not(of_type: SubjectType, row: Row) -> str:
    return WHY_NOT[AccountStatus(row.account_status)] if row.active else _INACTIVE[of_type]


_REFRESH = table_of(RefreshToken).c
_IS_SIGNED_OUT = case(
    (exists().where(_REFRESH.family == bindparam("family"), _REFRESH.revoked_at.is_not(None)), 1), else_=0
).label("is_signed_out")
"""Whether who the token was given to has signed out since, or was signed out."""

_BETWEEN = "\x1f"
_SEPARATOR: Any = literal_column(f"'{_BETWEEN}'")  # given as text it would be put in only when the statement runs
_OPEN = [status for status, why_not in WHY_NOT.items() if not why_not]


def _memberships() -> ColumnElement[str]:
    """The accounts in which the person of a user may work: paths and names, for a user may see but one of them."""
    user, account = table_of(User).alias("membership"), table_of(Account).alias("of_membership")
    told = account.c.path + " " + account.c.name
    return (
        select(func.aggregate_strings(told, _SEPARATOR))
        .join_from(user, account, account.c.id == user.c.account_id)
        .where(
            user.c.login == _USER.login,
            user.c.status == UserStatus.ACTIVE.value,
            or_(*(account.c.status == status.value for status in _OPEN)),
        )
        .correlate(table_of(User))
        .scalar_subquery()
        .label("memberships")
    )


def _of_user() -> Select[*tuple[object, ...]]:
    about = (_ACTIVE[SubjectType.USER].label("active"), *_PLACE, _IS_SIGNED_OUT)
    return (
        select(*about, _USER.kind, _ROLE.role_code, _DENIAL.privilege)
        .join_from(table_of(User), table_of(Account), _ACCOUNT.id == _USER.account_id)
        .outerjoin(table_of(UserRole), _ROLE.user_id == _USER.id)
        .outerjoin(table_of(UserDenial), _DENIAL.user_id == _USER.id)
        .where(_USER.id == bindparam("id"))
    )


def _of_client() -> Select[*tuple[object, ...]]:
    about = (_ACTIVE[SubjectType.API_CLIENT].label("active"), *_PLACE, _IS_SIGNED_OUT)
    return (
        select(*about, _CLIENT.privileges, _CLIENT.reach)
        .join_from(table_of(ApiClient), table_of(Account), _ACCOUNT.id == _CLIENT.account_id)
        .where(_CLIENT.id == bindparam("id"))
    )


CALLERS = {
    SubjectType.USER: Statement(_of_user().add_columns(_memberships()), is_lookup=True),
    SubjectType.API_CLIENT: Statement(_of_client(), is_lookup=True),
}
"""A user gives a row for each role and each denial of a privilege; at least one, for want of either."""

_TARGETS = table_of(Account).alias("target")
_TARGET = _TARGETS.c
_ACTING = Statement(
    _of_user()
    .add_columns(
        (_USER.first_name + " " + _USER.last_name).label("name"),
        _ACCOUNT.name.label("account_name"),
        _TARGET.status.label("target_status"),
        _TARGET.path.label("target_path"),
        _TARGET.type.label("target_type"),
        _TARGET.size_class.label("target_class"),
    )
    .join(_TARGETS, _TARGET.id == bindparam("target"))
)
"""The same of a user and an account below its own."""

_GRANTED = {code.value: privileges for code, privileges in ROLES.items()}
_BY_PRIVILEGE_NAME = {privilege.value: privilege for privilege in Privilege}


async def caller_of(store: Store, claims: Claims) -> Caller:
    """The caller behind a verified token, as things stand at this moment.

    Raises:
        UnauthenticatedError: the user or client is gone, deactivated or moved, has signed out or was signed out since,
            or its account lets nobody in; or it may not act as another account any more, or who has vouched for it has
            no say any more.
    """
    if claims.home_id is not None:
        return await _acting(store, claims, claims.home_id)
    async with store.unfiltered("who asks") as db:
        rows = await db.rows(CALLERS[claims.subject.type], {"id": claims.subject.id, "family": claims.family})
        below = await vouched_path(db, claims.issuer_id)
    if not rows or paths.account_id(rows[0].path) != claims.account_id:
        raise UnauthenticatedError("Whom the access token stands for is not here any more. Sign in again.")
    if rows[0].is_signed_out:
        raise UnauthenticatedError("You have signed out, or were. Sign in again.")
    if why_not := _why_not(claims.subject.type, rows[0]):
        raise UnauthenticatedError(why_not)
    if below is None or not paths.contains(below, rows[0].path):
        raise _no_say()
    if claims.subject.type is SubjectType.API_CLIENT:
        return _client(claims.subject.id, rows[0])
    return replace(_user(claims.subject.id, rows), memberships=_accounts(rows[0].memberships, below))


async def _acting(store: Store, claims: Claims, home_id: int) -> Caller:
    """The caller who works in an account below its own: what both of them allow at this moment."""
    async with store.unfiltered("who acts") as db:
        about = {"id": claims.subject.id, "target": claims.account_id, "family": claims.family}
        rows = await db.rows(_ACTING, about)
        below = await vouched_path(db, claims.issuer_id)
    gone = UnauthenticatedError("You can't work in that account any more. Go on in your own.")
    if not rows or rows[0].is_signed_out or paths.account_id(rows[0].path) != home_id:
        raise gone
    first = rows[0]
    if below is None or not paths.contains(below, first.path):
        raise _no_say()
    if why_not := _why_not(SubjectType.USER, first) or WHY_NOT[AccountStatus(first.target_status)]:
        raise UnauthenticatedError(why_not)
    actor = _user(claims.subject.id, rows)
    is_below = first.target_path.startswith(first.path) and first.target_path != first.path
    if not is_below or not actor.may(Privilege.ACCOUNTS_ACT_AS) or not actor.scope().holds(first.target_path):
        raise gone
    return Caller(
        path=first.target_path,
        privileges=actor.privileges & FITS[first.target_type],
        reach=_reach(first.target_type),
        size_class=first.target_class,
        tree_class=first.tree_class,
        actor=Actor(claims.subject.id, first.path, first.name.strip(), first.account_name),
    )


def _no_say() -> UnauthenticatedError:
    return UnauthenticatedError("Who has signed you in has no say here any more. Sign in again.")


def _accounts(text: str | None, below: str) -> tuple[tuple[int, str], ...]:
    """Row ids and names of accounts at or below a path, by name, out of what the database put together."""
    found = (each.partition(" ") for each in (text or "").split(_BETWEEN) if each)
    told = ((paths.account_id(path), name) for path, _, name in found if paths.contains(below, path))
    return tuple(sorted(told, key=itemgetter(1, 0)))


def _reach(account_type: str) -> Reach:
    return Reach.OWN if account_type == AccountType.CUSTOMER else Reach.SUBTREE


def _user(user_id: int, rows: list[Row]) -> Caller:
    first = rows[0]
    roles = {row.role_code for row in rows if row.role_code}
    privileges = privileges_in(first.type, roles, {row.privilege for row in rows})
    # Whoever holds nothing beyond the role of a service user sees as one, whatever the user is called.
    is_service_user = first.kind == UserKind.SERVICE_USER or roles <= {RoleCode.SERVICE_USER}
    return Caller(
        path=first.path,
        privileges=privileges & ROLES[RoleCode.SERVICE_USER] if is_service_user else privileges,
        user_id=user_id,
        reach=_reach(first.type),
        is_service_user=is_service_user,
        size_class=first.size_class,
        tree_class=first.tree_class,
    )


def _client(client_id: int, row: Row) -> Caller:
    names = orjson.loads(row.privileges)
    return Caller(
        path=row.path,
        privileges=FITS[row.type].intersection(
            _BY_PRIVILEGE_NAME[name] for name in names if name in _BY_PRIVILEGE_NAME
        ),
        client_id=client_id,
        reach=Reach(row.reach),
        size_class=row.size_class,
        tree_class=row.tree_class,
    )


def privileges_in(account_type: str, roles: Iterable[str], denied: Iterable[str | None]) -> frozenset[Privilege]:
    """What someone with these roles may do in an account of that type, without what is denied."""
    return (privileges_of(roles) & FITS[account_type]).difference(
        _BY_PRIVILEGE_NAME[name] for name in denied if name in _BY_PRIVILEGE_NAME
    )


def privileges_of(roles: Iterable[str]) -> frozenset[Privilege]:
    """The union of what the roles grant; a role that this version does not know grants nothing."""
    return frozenset[Privilege]().union(*(_GRANTED.get(role, frozenset()) for role in roles))
