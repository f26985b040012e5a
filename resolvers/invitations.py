"""Inviting users: a membership in an account, and a mail by which whoever it is for comes in."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select

from models import AccountStatus, MailTemplate, RoleCode, User, UserKind, UserStatus
from models.beyond import people
from models.beyond.post import Recipient
from models.identifier import new_id
from models.statement import Row, Statement
from models.text import fold, terms
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import AccountId, Email, Input, Language, Phone, Text100, UserId, said
from resolvers.mail.outbox import post
from resolvers.operation import Target, operation
from resolvers.privileges import Privilege
from resolvers.rights import (
    Rights,
    account_of,
    check_fit,
    check_may_change,
    check_may_give,
    named,
    rights_of,
    store_rights,
    values_of,
)
from resolvers.users import USER, USER_TERM

MAILS_A_DAY = {MailTemplate.INVITATION: 5, MailTemplate.PASSWORD_RESET: 3}
"""How many a user gets at most, so that nobody floods a mailbox."""
_LONGEST_LOGIN = 255
_SAME = Statement(
    select(USER.c.id).where(USER.c.account_id == bindparam("account_id"), USER.c.login == bindparam("login")),
    is_lookup=True,
)
_ALSO_IN_LOGINS = frozenset("_.@+-")


@dataclass(frozen=True, slots=True)
class Invited:
    """Someone to be invited."""

    email: str
    first_name: str
    last_name: str
    phone_number: str | None = None
    language: str = "en"


class UserInvite(Input):
    """Whom to invite, to what."""

    account: AccountId | None = said("The account; the caller's own if it is left out.", None)
    email: Email = said("The e-mail address, which is also what the user signs in with.")
    first_name: Text100 = said("The given name.")
    last_name: Text100 = said("The family name.")
    phone_number: Phone | None = said("The telephone number in international form, as `+4930123456` (E.164).", None)
    language: Language = said("The language of panels, as BCP 47; the account's if left out. Mails are English.", None)
    kind: UserKind = said("What the user is for.")
    roles: list[RoleCode] = said("The roles; a service user may do without.", None, most=len(RoleCode))
    denied: list[str] = said(
        "Privileges that the user shall not have whatever its roles grant, as `resource:action`.",
        None,
        most=len(Privilege),
    )


@operation(
    privilege=Privilege.USERS_MANAGE,
    gives="user",
    target=Target(ACCOUNT, by="account", is_changed=False),
    taken={"app_user_login": "email"},
    codes=(
        UserErrorCode.PERSONAL_DATA,
        UserErrorCode.REQUIRED,
        UserErrorCode.ROLE_NOT_YOURS,
        UserErrorCode.TOO_LONG,
        UserErrorCode.WRONG_STATE,
    ),
    bulk=True,
)
async def invite(act: Act, given: UserInvite) -> None:
    """Invite a user to an account: a mail with a link lets them in, once, within 72 hours.

    The answer is the same whether or not they are known from another account. Who is keeps their password, and from
    then on works in either.
    """
    if not act.caller.may(Privilege.PERSONAL_DATA_VIEW):
        act.fault(UserErrorCode.PERSONAL_DATA, "This takes the privilege to see personal data.", "email")
    account = act.target
    if account.status == AccountStatus.CANCELLED:
        act.fault(UserErrorCode.WRONG_STATE, "The account is CANCELLED; it takes no users.", "account")
    roles = given.roles or ([RoleCode.SERVICE_USER] if given.kind is UserKind.SERVICE_USER else [])
    check_fit(act, account.type, given.kind, roles, "roles")
    denied = named(act, given.denied or [], "denied")
    check_may_give(act, account, Rights(given.kind, values_of(roles), denied), "roles")
    _check_login(act, given.email)
    if await act.rows(_SAME, {"account_id": account.id, "login": given.email.lower()}):
        message = "This is a user of the account already. Change that one, or send the invitation again."
        act.fault(UserErrorCode.TAKEN, message, "email")
    act.check()
    language = given.language or account.language
    person = Invited(given.email, given.first_name, given.last_name, given.phone_number, language)
    act.gives(user=await invite_person(act, account, person, given.kind, roles, denied))


def _check_login(act: Act, email: str) -> None:
    """What signs in is written by people and in files."""
    is_plain = all(each.isascii() and (each.isalnum() or each in _ALSO_IN_LOGINS) for each in email)
    if not is_plain or not email[0].isalnum() or len(email) > _LONGEST_LOGIN:
        message = "It is what the user signs in with: letters, digits and _.@+- only, a letter or digit first."
        act.fault(UserErrorCode.INVALID, message, "email")


async def invite_person(
    act: Act,
    account: Row,
    person: Invited,
    kind: UserKind,
    roles: Sequence[RoleCode],
    denied: frozenset[str] = frozenset(),
) -> int:
    """Make someone a user of an account in scope who isn't yet, and have the invitation sent.

    A login is an e-mail address, and the invitation goes to the one that the login is: whoever has made it up before
    for somebody else can't come in by it.

    Returns:
        The user's row id.

    Raises:
        TakenError: `app_user_login`; the account has a user with that login.
    """
    user = User(
        id=new_id(),
        account_id=account.id,
        path=account.path,
        shard_id=account.shard_id,
        login=person.email.lower(),
        kind=kind,
        status=UserStatus.INVITED,
        first_name=person.first_name,
        last_name=person.last_name,
        name_key=fold(f"{person.last_name} {person.first_name}"),
        email=person.email,
        email_key=fold(person.email),
        phone_number=person.phone_number,
        language=person.language,
        created_at=act.now,
        updated_at=act.now,
    )
    await act.add(user)
    await index_name(act, user.id, user.path, person.first_name, person.last_name)
    await store_rights(act, user, Rights(kind, frozenset()), Rights(kind, values_of(roles), denied))
    await people.welcome(act.writer, user.id, user.login, user.email, act.now)
    await mail_link(act, MailTemplate.INVITATION, user, account)
    return user.id


async def index_name(act: Act, user_id: int, path: str, *names: str) -> None:
    """Have search find a user by their name."""
    rows = [{"user_id": user_id, "term": term, "path": path} for term in terms(*names)]
    await act.work_out(USER_TERM, "user_id", user_id, rows)


async def mail_link(act: Act, template: MailTemplate, user: Row, account: Row) -> None:
    """Have a user in scope sent a link that lets them in.

    Raises:
        RefusedError: they were sent too many today.
    """
    data = {"account": account.name} if template is MailTemplate.INVITATION else {}
    for number in range(MAILS_A_DAY[template]):
        key = f"{template.value.lower()}:{user.id}:{act.now.date()}:{number}"
        to = Recipient(to_user_id=user.id)
        if await post(act.writer, template, key=key, to=to, path=user.path, at=act.now, data=data):
            return
    act.refuse(UserErrorCode.TOO_MANY_ATTEMPTS, "The user was sent too many such mails today. Try again tomorrow.")


class UserInvitationSend(Input):
    """To whom to send the invitation once more."""

    user: UserId = said("The user.")


class UserPasswordReset(Input):
    """Who shall choose a new password."""

    user: UserId = said("The user.")


@operation(
    privilege=Privilege.USERS_MANAGE,
    gives="user",
    target=Target(USER, by="user", is_changed=False),
    codes=(UserErrorCode.ROLE_NOT_YOURS, UserErrorCode.TOO_MANY_ATTEMPTS, UserErrorCode.WRONG_STATE),
    bulk=True,
)
async def invitation_send(act: Act, _given: UserInvitationSend) -> None:
    """Send a user who hasn't come in yet another invitation, at most 5 a day. The links sent before are void."""
    if act.target.status != UserStatus.INVITED:
        act.refuse(UserErrorCode.WRONG_STATE, f"The user is {act.target.status}; an INVITED one is invited.", "user")
    account = await account_of(act, act.target)
    check_may_change(act, account, await rights_of(act, act.target), "user")
    await people.revoke_links(act.writer, act.target, act.now)
    await mail_link(act, MailTemplate.INVITATION, act.target, account)
    await act.note(USER, act.target, {}, {})


@operation(
    privilege=Privilege.USERS_RESET_PASSWORD,
    gives="user",
    target=Target(USER, by="user", is_changed=False),
    codes=(UserErrorCode.TOO_MANY_ATTEMPTS, UserErrorCode.WRONG_STATE),
    bulk=True,
)
async def password_reset(act: Act, _given: UserPasswordReset) -> None:
    """Send a user a link by which they choose a new password, at most 3 a day. Until then the old one is good."""
    if act.target.status != UserStatus.ACTIVE:
        act.refuse(UserErrorCode.WRONG_STATE, f"The user is {act.target.status}, and can't sign in.", "user")
    await mail_link(act, MailTemplate.PASSWORD_RESET, act.target, await account_of(act, act.target))
    await act.note(USER, act.target, {}, {})
