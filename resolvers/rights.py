"""What users may do in their accounts, and who may change it: roles, denials, and nobody beyond what they have."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, exists, func, select

from models import AccountType, RoleCode, UserDenial, UserKind, UserStatus
from models.base import table_of
from models.statement import Row, Statement
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.identity import privileges_in
from resolvers.privileges import OF_ACCOUNT_TYPE, Privilege
from resolvers.users import USER, USER_ROLE

DENIAL = table_of(UserDenial)

_ROLES = Statement(select(USER_ROLE.c.role_code).where(USER_ROLE.c.user_id == bindparam("user_id")), is_lookup=True)
_DENIED = Statement(select(DENIAL.c.privilege).where(DENIAL.c.user_id == bindparam("user_id")), is_lookup=True)
_ACCOUNT = Statement(
    select(*ACCOUNT.c).where(ACCOUNT.c.id == bindparam("account_id")).with_for_update(), ACCOUNT.name, is_lookup=True
)
_OTHER_ADMINISTRATORS = Statement(
    select(func.count(USER.c.id).label("number")).where(
        USER.c.account_id == bindparam("account_id"),
        USER.c.id != bindparam("user_id"),
        USER.c.status == UserStatus.ACTIVE.value,
        USER.c.kind == UserKind.ADMINISTRATOR.value,
        exists().where(USER_ROLE.c.user_id == USER.c.id, USER_ROLE.c.role_code == bindparam("role")),
        ~exists().where(DENIAL.c.user_id == USER.c.id),
    ),
    is_lookup=True,
)


@dataclass(frozen=True, slots=True)
class Rights:
    """What someone is in an account, as far as it decides what they may do.

    Args:
        kind: what for.
        roles: codes.
        denied: names of privileges, whatever the roles grant.
        is_active: whether they can come in.
    """

    kind: UserKind
    roles: frozenset[str]
    denied: frozenset[str] = frozenset()
    is_active: bool = True

    def privileges(self, account_type: str) -> frozenset[Privilege]:
        """What they come to in an account of that type."""
        of_kind = {RoleCode.SERVICE_USER.value} if self.kind is UserKind.SERVICE_USER else self.roles
        return privileges_in(account_type, of_kind, self.denied)

    def is_full(self, account_type: str) -> bool:
        """Whether that is a full administrator."""
        is_whole = self.is_active and not self.denied and self.kind is UserKind.ADMINISTRATOR
        return is_whole and full_access(account_type).value in self.roles


def full_access(account_type: str) -> RoleCode:
    """The role of the full administrators of accounts of a type."""
    return RoleCode(f"{account_type}_FULL_ACCESS")


async def account_of(act: Act, user: Row) -> Row:
    """The account of a user in scope, locked: of several who change its administrators one goes first."""
    (account,) = await act.rows(_ACCOUNT, {"account_id": user.account_id})
    return account


async def rights_of(act: Act, user: Row) -> Rights:
    """What a user in scope is."""
    of_user = {"user_id": user.id}
    roles = frozenset(row.role_code for row in await act.rows(_ROLES, of_user))
    denied = frozenset(row.privilege for row in await act.rows(_DENIED, of_user))
    return Rights(UserKind(user.kind), roles, denied, is_active=user.status == UserStatus.ACTIVE)


def check_fit(act: Act, account_type: str, kind: UserKind, roles: Sequence[RoleCode], *path: str) -> None:
    """Note what is wrong with roles as such, for users of that kind in accounts of that type."""
    for index, role in enumerate(roles):
        if AccountType(account_type) not in OF_ACCOUNT_TYPE.get(role, frozenset(AccountType)):
            message = f"{role.value} is for other accounts than this, which is a {account_type}."
            act.fault(UserErrorCode.INVALID, message, *path, str(index))
    if kind is UserKind.SERVICE_USER and set(roles) != {RoleCode.SERVICE_USER}:
        act.fault(UserErrorCode.INVALID, "A service user has the role SERVICE_USER and no other.", *path)
    if kind is UserKind.ADMINISTRATOR and set(roles) <= {RoleCode.SERVICE_USER}:
        act.fault(UserErrorCode.INVALID, "An administrator takes a role besides SERVICE_USER.", *path)


def check_may_change(act: Act, account: Row, rights: Rights, *path: str) -> None:
    """Refuse the caller whom someone outranks: nobody changes users who may do more than they may.

    Raises:
        RefusedError: the user may.
    """
    if not rights.privileges(account.type) <= act.caller.privileges:
        message = "The user may do more than you; ask an administrator who may do as much."
        act.refuse(UserErrorCode.ROLE_NOT_YOURS, message, *path)


def check_may_give(act: Act, account: Row, rights: Rights, *path: str) -> None:
    """Note a fault where the caller would give what it doesn't have."""
    beyond = rights.privileges(account.type) - act.caller.privileges
    if beyond:
        names = ", ".join(sorted(privilege.value for privilege in beyond))
        act.fault(UserErrorCode.ROLE_NOT_YOURS, f"You can't give what you don't have: {names}.", *path)


async def check_administered(act: Act, account: Row, user: Row, before: Rights, after: Rights | None) -> None:
    """Refuse to take an account its last full administrator; the account is locked.

    Raises:
        RefusedError: no other would be left.
    """
    if not before.is_full(account.type) or (after is not None and after.is_full(account.type)):
        return
    about = {"account_id": account.id, "user_id": user.id, "role": full_access(account.type).value}
    ((others,),) = await act.rows(_OTHER_ADMINISTRATORS, about)
    if not others:
        message = "The account would be left without a full administrator. Make another user one first."
        act.refuse(UserErrorCode.LAST_ADMINISTRATOR, message, "user")


async def store_rights(act: Act, user: Row, before: Rights, after: Rights) -> bool:
    """Make roles and denials what they shall be, and say so in the change log; returns whether they weren't.

    The user's version counts up if its row doesn't change besides.
    """
    owner = {"user_id": user.id, "account_id": user.account_id, "path": user.path, "shard_id": user.shard_id}
    if before.roles != after.roles:
        rows = [{**owner, "role_code": role} for role in sorted(after.roles)]
        await act.work_out(USER_ROLE, "user_id", user.id, rows)
    if before.denied != after.denied:
        rows = [{**owner, "privilege": name} for name in sorted(after.denied)]
        await act.work_out(DENIAL, "user_id", user.id, rows)
    told = {"roles": (before.roles, after.roles), "denied": (before.denied, after.denied)}
    changed = {name: pair for name, pair in told.items() if pair[0] != pair[1]}
    if changed:
        old, new = ({name: sorted(pair[at]) for name, pair in changed.items()} for at in (0, 1))
        await act.note(USER, user, old, new)
    return bool(changed)


def values_of(roles: Iterable[RoleCode]) -> frozenset[str]:
    """The codes of roles."""
    return frozenset(role.value for role in roles)


def named(act: Act, names: Collection[str], *path: str) -> frozenset[str]:
    """Names of privileges, once each; a fault for each that names none."""
    known = {privilege.value for privilege in Privilege}
    for index, name in enumerate(names):
        if name not in known:
            act.fault(UserErrorCode.INVALID, "There is no such privilege.", *path, str(index))
    return frozenset(names)
