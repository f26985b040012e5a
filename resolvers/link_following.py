"""Following a link out of a mail, without being signed in.

By an invitation a newcomer chooses a password; one who has a password from another account gives that, and keeps it.
A link alone never replaces a password but where the person, or staff, asked for a new one.
"""

import logging
from dataclasses import dataclass, field
from datetime import datetime

from pydantic_core import PydanticCustomError
from sqlalchemy import bindparam, select

from models import (
    Account,
    AccountStatus,
    Credential,
    Identity,
    LinkPurpose,
    OneTimeLink,
    SecurityAnswer,
    SecurityQuestion,
    SubjectType,
    UserStatus,
)
from models.base import table_of
from models.beyond import people
from models.life.account import AccountEvent
from models.life.standing import WHY_NOT
from models.scope import Scope
from models.statement import Row, Statement
from models.store import Store
from models.writer import Writer
from resolvers import throttle
from resolvers.account_moves import move_account
from resolvers.accounts import ACCOUNT
from resolvers.act import Act, Actor
from resolvers.caller import Caller
from resolvers.errors import InvalidError, RefusedError
from resolvers.inputs import Input
from resolvers.links import hashed
from resolvers.oauth import Refusal, SignInError
from resolvers.operation import Operation
from resolvers.passwords import prepared
from resolvers.privileges import Privilege
from resolvers.rights import full_access, rights_of
from resolvers.security import check_answer, check_password
from resolvers.sign_in import SignInSettings
from resolvers.users import USER

log = logging.getLogger("canopy.links")

_VOID = "The link was used, was taken back, or is too old. Ask for another."
_OTHER_PASSWORD = "You have a password here already, and this is not it."  # noqa: S105  # a sentence

_LINK, _PERSON, _ANSWER = table_of(OneTimeLink).c, table_of(Identity).c, table_of(SecurityAnswer).c
_CREDENTIAL, _PLACE = table_of(Credential).c, table_of(Account).c
_FIND = Statement(
    select(
        _LINK.id,
        _LINK.purpose,
        _LINK.user_id,
        USER.c.path,
        USER.c.login,
        _PERSON.id.label("person_id"),
        _CREDENTIAL.secret_hash,
        _ANSWER.question,
    )
    .join(USER, USER.c.id == _LINK.user_id)
    .join(table_of(Identity), _PERSON.login == USER.c.login)
    .outerjoin(
        table_of(Credential),
        (_CREDENTIAL.subject_type == SubjectType.USER.value) & (_CREDENTIAL.subject_id == _PERSON.id),
    )
    .outerjoin(table_of(SecurityAnswer), _ANSWER.identity_id == _PERSON.id)
    .where(
        _LINK.hash == bindparam("hash"),
        _LINK.used_at.is_(None),
        _LINK.revoked_at.is_(None),
        _LINK.expires_at > bindparam("at"),
    ),
    is_lookup=True,
)
_USER = Statement(select(*USER.c).where(USER.c.id == bindparam("id")).with_for_update(), USER.name, is_lookup=True)
_ACCOUNT = Statement(
    select(*ACCOUNT.c).where(_PLACE.id == bindparam("id")).with_for_update(), ACCOUNT.name, is_lookup=True
)


@dataclass(frozen=True, slots=True)
class Followed:
    """What somebody sends who follows a link.

    Args:
        token: out of the link.
        password: chosen now; or the person's own, who has one, when it follows an invitation.
        question: of `SecurityQuestion`; empty for none.
        answer: to that; empty for none.
    """

    token: str = field(repr=False)
    password: str = field(repr=False)
    question: str = ""
    answer: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class _Hashes:
    """What shall be stored; empty for what stays as it is."""

    password: str = field(default="", repr=False)
    answer: str = field(default="", repr=False)


async def follow(store: Store, settings: SignInSettings, given: Followed, address: str) -> str:
    """Do what a link is for: let an invited user in, or set a new password.

    Args:
        store: where links are.
        settings: what signing in works with.
        given: the form.
        address: of the client, as the gateway trusts it.

    Returns:
        The login with which to sign in now.

    Raises:
        SignInError: `INVALID_REQUEST`, `INVALID_GRANT`, or `SLOW_DOWN` after too many failures.
        UnavailableError: too many are signing in at this moment.
    """
    sources = settings.throttle.sources(address, f"link {hashed(given.token)}")
    async with store.unfiltered("follow a link") as db:
        against = await throttle.counts(db, sources, settings.clock())
        found = await db.rows(_FIND, {"hash": hashed(given.token), "at": settings.platform_clock()})
    await settings.throttle.wait(against)
    if not found:
        await _fail(store, settings, sources, _VOID)
    (link,) = found
    question = _check(link, given)
    hashes = await _hashes(store, settings, link, given, sources)
    await _apply(store, settings, link, hashes, question)
    log.info("link followed: %s of user %s", link.purpose, link.user_id)
    return str(link.login)


async def _fail(
    store: Store,
    settings: SignInSettings,
    sources: tuple[throttle.Source, throttle.Source],
    message: str,
    about: str | None = None,
) -> None:
    async with store.unfiltered("a link that lets nobody in", write=True) as db:
        against = await throttle.counts(db, sources, settings.clock())
        await throttle.note_failure(db, against, settings.clock())
    raise SignInError(Refusal.INVALID_GRANT, message, field=about)


def _keeps_password(link: Row) -> bool:
    """Whether the link doesn't entitle to another password: the person has one, and didn't ask."""
    return link.purpose == LinkPurpose.INVITATION and link.secret_hash is not None


def _check(link: Row, given: Followed) -> SecurityQuestion | None:
    """The security question that is chosen; None for none.

    Raises:
        SignInError: something is missing, or makes no sense; `field` says which.
    """
    if not given.password:
        which = "the password that you have" if _keeps_password(link) else "the password that you choose"
        raise _wrong("password", f"Missing: password. Give {which}.")
    if bool(given.question) != bool(given.answer):
        missing = "answer" if given.question else "question"
        raise _wrong(missing, "A security question and its answer go together.")
    if not given.question and link.purpose == LinkPurpose.INVITATION and link.question is None:
        raise _wrong("question", "Missing: question, answer. Choose a security question.")
    if given.question not in {"", *SecurityQuestion}:
        raise _wrong("question", f"`question` takes one of {', '.join(SecurityQuestion)}.")
    _check_text("password", given.password, is_chosen=not _keeps_password(link))
    if given.answer:
        _check_text("answer", given.answer, is_chosen=True)
    if not _keeps_password(link) and given.password.lower() == link.login:
        raise _wrong("password", "The password can't be the login.")
    return SecurityQuestion(given.question) if given.question else None


def _check_text(name: str, text: str, *, is_chosen: bool) -> None:
    """Refuse what can't be a password or an answer, or is too short to be chosen as one."""
    check = {"password": check_password, "answer": check_answer}[name]
    try:
        prepared(check(text) if is_chosen else text)
    except PydanticCustomError as error:
        raise _wrong(name, error.message()) from None
    except InvalidError as error:
        raise _wrong(name, str(error)) from None


def _wrong(name: str, message: str) -> SignInError:
    return SignInError(Refusal.INVALID_REQUEST, message, field=name)


async def _hashes(
    store: Store,
    settings: SignInSettings,
    link: Row,
    given: Followed,
    sources: tuple[throttle.Source, throttle.Source],
) -> _Hashes:
    """The hashes of what is chosen.

    Raises:
        SignInError: the password that the person has is another.
    """
    passwords = settings.passwords
    async with passwords.turn():
        if _keeps_password(link):
            if not await passwords.verify(prepared(given.password), link.secret_hash):
                await _fail(store, settings, sources, _OTHER_PASSWORD, "password")
            password = ""
        else:
            password = await passwords.hashed(prepared(given.password))
        answer = await passwords.hashed(prepared(check_answer(given.answer))) if given.answer else ""
    return _Hashes(password, answer)


async def _nothing(_act: Act, _given: Input) -> None:
    """Is never called: following a link is no mutation."""


_INVITATION = Operation("invitationFollow", _nothing, Input, Privilege.ACCOUNTS_VIEW, "user")
_RESET = Operation("passwordResetFollow", _nothing, Input, Privilege.ACCOUNTS_VIEW, "user")


async def _apply(
    store: Store, settings: SignInSettings, link: Row, hashes: _Hashes, question: SecurityQuestion | None
) -> None:
    """Use the link up, and let in; seen through the eyes of the account that it is about."""
    try:
        async with store.writer(Scope(link.path)) as writer:
            await _let_in(writer, settings, link, hashes, question)
    except RefusedError:
        raise SignInError(Refusal.INVALID_GRANT, _VOID) from None


async def _let_in(
    writer: Writer, settings: SignInSettings, link: Row, hashes: _Hashes, question: SecurityQuestion | None
) -> None:
    at = settings.platform_clock()
    (user,) = await writer.rows(_USER, {"id": link.user_id})
    (account,) = await writer.rows(_ACCOUNT, {"id": user.account_id})
    if not await people.use_link(writer, link.id, at) or user.status == UserStatus.DEACTIVATED:
        raise SignInError(Refusal.INVALID_GRANT, _VOID)
    if WHY_NOT[AccountStatus(account.status)] and account.status != AccountStatus.PENDING:
        raise SignInError(Refusal.INVALID_GRANT, WHY_NOT[AccountStatus(account.status)])
    act = _act(writer, link, user, at)
    who = await people.person(writer, user)
    if hashes.password:
        if link.purpose == LinkPurpose.INVITATION and who.secret_hash is not None:
            message = "You have just chosen a password elsewhere. Follow the link again."
            raise SignInError(Refusal.INVALID_GRANT, message, field="password")
        await people.set_password(writer, who, hashes.password, at)
    if link.purpose == LinkPurpose.INVITATION:
        await act.change(USER, user, status=UserStatus.ACTIVE.value)
        await _activate(act, account, user)
    else:
        await act.note(USER, user, {}, {})
    if question:
        await people.set_answer(writer, who, question, hashes.answer, at)
    else:
        await people.show_question(writer, who, user)


def _act(writer: Writer, link: Row, user: Row, at: datetime) -> Act:
    operation = _INVITATION if link.purpose == LinkPurpose.INVITATION else _RESET
    actor = Actor(f"{user.first_name} {user.last_name}".strip(), user.id, None)
    return Act(Caller(path=link.path, privileges=frozenset(), user_id=user.id), writer, operation, actor, user, at)


async def _activate(act: Act, account: Row, user: Row) -> None:
    """An account that waited for its first administrator is in use from now on."""
    if account.status != AccountStatus.PENDING:
        return
    if full_access(account.type).value in (await rights_of(act, user)).roles:
        await move_account(act, account, AccountEvent.ACTIVATE)
