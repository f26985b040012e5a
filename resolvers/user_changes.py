"""Changing users: their profiles, what they are for, what they may do, whether they come in."""

from typing import Any

from models import RoleCode, UserKind, UserStatus
from models.beyond import people
from models.statement import Row
from models.text import fold
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import Email, Input, Language, Phone, Text100, UserId, said
from resolvers.invitations import index_name
from resolvers.operation import Target, operation
from resolvers.privileges import Privilege
from resolvers.rights import (
    Rights,
    account_of,
    check_administered,
    check_fit,
    check_may_change,
    check_may_give,
    named,
    rights_of,
    store_rights,
    values_of,
)
from resolvers.users import USER

_TARGET = Target(USER, by="user")
_CODES = (UserErrorCode.LAST_ADMINISTRATOR, UserErrorCode.ROLE_NOT_YOURS)


class UserUpdate(Input):
    """What is to be known of a user from now on. What is left out stays as it is."""

    user: UserId = said("The user.")
    first_name: Text100 = said("The given name.", None)
    last_name: Text100 = said("The family name.", None)
    email: Email = said("Where the user is written to about the account. Passwords are reset by another address.", None)
    phone_number: Phone | None = said(
        "The telephone number in international form, as `+4930123456` (E.164). Null removes it.", None
    )
    language: Language = said("The language of panels, as BCP 47; mails are in English so far.", None)


@operation(
    privilege=Privilege.ACCOUNTS_VIEW,
    gives="user",
    target=_TARGET,
    codes=(UserErrorCode.PERSONAL_DATA, UserErrorCode.ROLE_NOT_YOURS, UserErrorCode.TOO_LONG),
    bulk=True,
)
async def update(act: Act, given: UserUpdate) -> None:
    """Change what is known of a user; of oneself, or, with `users:manage`, of others.

    Service users change their telephone number and language; the rest is for an administrator.
    """
    names = given.given("first_name", "last_name", "email")
    if act.target.id != act.caller.user_id:
        await _check_other(act, {*names, *given.given("phone_number")})
    elif act.caller.is_service_user:
        for name in names:
            act.fault(UserErrorCode.PERSONAL_DATA, "Ask an administrator of the account to change it.", name)
    act.check()
    await act.change(USER, act.target, **_columns(act.target, given))
    if {"first_name", "last_name"} & names.keys():
        first, last = _names(act.target, given)
        await index_name(act, act.target.id, act.target.path, first, last)


async def _check_other(act: Act, personal: set[str]) -> None:
    """Refuse what one may do to oneself alone."""
    act.caller.require(Privilege.USERS_MANAGE)
    if not act.caller.may(Privilege.PERSONAL_DATA_VIEW):
        for name in sorted(personal):
            act.fault(UserErrorCode.PERSONAL_DATA, "This takes the privilege to see personal data.", name)
    check_may_change(act, await account_of(act, act.target), await rights_of(act, act.target), "user")


def _names(user: Row, given: UserUpdate) -> tuple[str, str]:
    set_ = given.model_fields_set
    return (
        given.first_name if "first_name" in set_ else user.first_name,
        given.last_name if "last_name" in set_ else user.last_name,
    )


def _columns(user: Row, given: UserUpdate) -> dict[str, Any]:
    """What is given, and what follows from it."""
    values = given.given("first_name", "last_name", "email", "phone_number", "language")
    first, last = _names(user, given)
    values |= {"name_key": fold(f"{last} {first}")} if {"first_name", "last_name"} & values.keys() else {}
    return values | ({"email_key": fold(given.email)} if "email" in values else {})


class UserKindSet(Input):
    """What a user shall be for."""

    user: UserId = said("The user.")
    kind: UserKind = said("What the user is for.")
    roles: list[RoleCode] = said("All its roles; a service user may do without.", None, most=len(RoleCode))


class UserRolesSet(Input):
    """What a user shall be."""

    user: UserId = said("The user.")
    roles: list[RoleCode] = said("All its roles: what isn't listed is taken away.", most=len(RoleCode))


class UserPrivilegesDetach(Input):
    """What a user shall not be able to do, whatever its roles grant."""

    user: UserId = said("The user.")
    privileges: list[str] = said("The privileges, as `resource:action`.", most=len(Privilege))


class UserPrivilegesAttach(Input):
    """What a user shall be able to do again, as far as its roles grant it."""

    user: UserId = said("The user.")
    privileges: list[str] = said("The privileges, as `resource:action`.", most=len(Privilege))


@operation(
    privilege=Privilege.USERS_MANAGE, gives="user", target=_TARGET, codes=(*_CODES, UserErrorCode.TOO_LONG), bulk=True
)
async def kind_set(act: Act, given: UserKindSet) -> None:
    """Make an administrator of a service user, or the other way round."""
    roles = given.roles or ([RoleCode.SERVICE_USER] if given.kind is UserKind.SERVICE_USER else [])
    before = await rights_of(act, act.target)
    after = Rights(given.kind, values_of(roles), before.denied, is_active=before.is_active)
    account = await account_of(act, act.target)
    check_fit(act, account.type, given.kind, roles, "roles")
    await _set(act, account, before, after, "roles")


@operation(
    privilege=Privilege.USERS_MANAGE, gives="user", target=_TARGET, codes=(*_CODES, UserErrorCode.TOO_LONG), bulk=True
)
async def roles_set(act: Act, given: UserRolesSet) -> None:
    """Give a user roles. Nobody gives a role that grants more than they have, nor to whom may do more than they."""
    before = await rights_of(act, act.target)
    after = Rights(before.kind, values_of(given.roles), before.denied, is_active=before.is_active)
    account = await account_of(act, act.target)
    check_fit(act, account.type, before.kind, given.roles, "roles")
    await _set(act, account, before, after, "roles")


@operation(
    privilege=Privilege.USERS_MANAGE, gives="user", target=_TARGET, codes=(*_CODES, UserErrorCode.TOO_LONG), bulk=True
)
async def privileges_detach(act: Act, given: UserPrivilegesDetach) -> None:
    """Take single privileges from a user, whatever its roles grant.

    A limited administrator, who uses services but places no orders and sees no finances, is made so.
    """
    before = await rights_of(act, act.target)
    denied = before.denied | named(act, given.privileges, "privileges")
    await _deny(act, before, denied)


@operation(
    privilege=Privilege.USERS_MANAGE, gives="user", target=_TARGET, codes=(*_CODES, UserErrorCode.TOO_LONG), bulk=True
)
async def privileges_attach(act: Act, given: UserPrivilegesAttach) -> None:
    """Give back single privileges that were taken from a user. Nobody gives what they don't have."""
    before = await rights_of(act, act.target)
    denied = before.denied - named(act, given.privileges, "privileges")
    await _deny(act, before, denied)


async def _deny(act: Act, before: Rights, denied: frozenset[str]) -> None:
    after = Rights(before.kind, before.roles, denied, is_active=before.is_active)
    await _set(act, await account_of(act, act.target), before, after, "privileges")


async def _set(act: Act, account: Row, before: Rights, after: Rights, *path: str) -> None:
    """Bring the target from what it is to what it shall be.

    Raises:
        RefusedError: by a fault that was noted, or because the caller may not.
    """
    check_may_change(act, account, before, "user")
    check_may_give(act, account, after, *path)
    act.check()
    await check_administered(act, account, act.target, before, after)
    are_changed = await store_rights(act, act.target, before, after)
    if not await act.change(USER, act.target, kind=after.kind.value) and are_changed:
        await act.touch(USER, act.target)


class UserDeactivate(Input):
    """Who shall not come in any more."""

    user: UserId = said("The user.")


class UserActivate(Input):
    """Who shall come in again."""

    user: UserId = said("The user.")


@operation(
    privilege=Privilege.USERS_MANAGE,
    gives="user",
    target=_TARGET,
    codes=(*_CODES, UserErrorCode.WRONG_STATE),
    bulk=True,
)
async def deactivate(act: Act, _given: UserDeactivate) -> None:
    """Let a user not come in any more: it is signed out, and links that it was sent are void."""
    if act.target.status == UserStatus.DEACTIVATED:
        act.refuse(UserErrorCode.WRONG_STATE, "The user is DEACTIVATED.", "user")
    account, rights = await account_of(act, act.target), await rights_of(act, act.target)
    check_may_change(act, account, rights, "user")
    await check_administered(act, account, act.target, rights, None)
    await act.change(USER, act.target, status=UserStatus.DEACTIVATED.value)
    await people.revoke_links(act.writer, act.target, act.now)
    await people.sign_out(act.writer, act.target, act.now)


@operation(
    privilege=Privilege.USERS_MANAGE,
    gives="user",
    target=_TARGET,
    codes=(UserErrorCode.ROLE_NOT_YOURS, UserErrorCode.WRONG_STATE),
    bulk=True,
)
async def activate(act: Act, _given: UserActivate) -> None:
    """Let a user who was deactivated come in again; one who never came in is INVITED again."""
    if act.target.status != UserStatus.DEACTIVATED:
        act.refuse(UserErrorCode.WRONG_STATE, f"The user is {act.target.status}.", "user")
    check_may_change(act, await account_of(act, act.target), await rights_of(act, act.target), "user")
    who = await people.person(act.writer, act.target)
    status = UserStatus.ACTIVE if await people.came_in(act.writer, act.target, who) else UserStatus.INVITED
    await act.change(USER, act.target, status=status.value)
