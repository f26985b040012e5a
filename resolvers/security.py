"""What proves that someone is who they say: their password, and the answer to their security question.

All that is slow happens before the transaction, and each guess is counted before it is looked at.
"""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import AfterValidator
from sqlalchemy import bindparam, select

from models import Credential, Identity, SecurityAnswer, SecurityQuestion, SubjectType, UserStatus
from models.base import table_of
from models.beyond import people
from models.scope import Scope
from models.statement import Row, Statement
from models.store import Store
from models.text import fold
from resolvers.act import Act
from resolvers.caller import Caller
from resolvers.errors import ForbiddenError, InvalidError, UserErrorCode
from resolvers.inputs import Input, Text200, UserId, said, wrong
from resolvers.operation import Target, operation
from resolvers.passwords import prepared
from resolvers.privileges import Privilege
from resolvers.run import Business
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Limit, Source, forget, note_failure, try_once
from resolvers.throttle import counts as counts_of
from resolvers.users import USER

SHORTEST_PASSWORD = 8

_IDENTITY, _CREDENTIAL = table_of(Identity).c, table_of(Credential).c
_ANSWER = table_of(SecurityAnswer).c
_SECRETS = Statement(
    select(_IDENTITY.id, _CREDENTIAL.secret_hash, _ANSWER.answer_hash)
    .join(USER, USER.c.login == _IDENTITY.login)
    .outerjoin(
        table_of(Credential),
        (_CREDENTIAL.subject_type == SubjectType.USER.value) & (_CREDENTIAL.subject_id == _IDENTITY.id),
    )
    .outerjoin(table_of(SecurityAnswer), _ANSWER.identity_id == _IDENTITY.id)
    .where(USER.c.id == bindparam("id"), USER.c.status == UserStatus.ACTIVE.value),
    is_lookup=True,
)
"""Of active users alone: whoever invites somebody known from elsewhere has no business with their answer."""
_VISIBLE = Statement(select(USER.c.id).where(USER.c.id == bindparam("id")), is_lookup=True)
_OWN = Statement(select(*USER.c).where(USER.c.id == bindparam("id")).with_for_update(), USER.name, is_lookup=True)


def check_password(secret: str) -> str:
    """A password that may be chosen, as it is.

    Raises:
        PydanticCustomError: it is too short, too long, or no text.
    """
    if len(secret) < SHORTEST_PASSWORD:
        raise wrong(UserErrorCode.INVALID, f"It takes at least {SHORTEST_PASSWORD} characters.")
    return _check_secret(secret)


def _check_secret(secret: str) -> str:
    try:
        prepared(secret)
    except InvalidError as error:
        raise wrong(UserErrorCode.INVALID, str(error)) from None
    return secret


def check_answer(answer: str) -> str:
    """An answer that may be chosen, folded: case, accents and blanks don't count.

    Raises:
        PydanticCustomError: nothing is left of it.
    """
    if len(fold(answer)) < 2:  # one letter is no answer
        raise wrong(UserErrorCode.INVALID, "It takes at least two letters or digits.")
    return fold(answer)


NewPassword = Annotated[str, AfterValidator(check_password)]
OldPassword = Annotated[str, AfterValidator(_check_secret)]
Answer = Annotated[Text200, AfterValidator(check_answer)]


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of looking at a secret.

    Args:
        is_right: None when there were too many wrong ones before, and nothing was looked at.
        new_hash: of what shall be stored if it is right.
    """

    is_right: bool | None
    new_hash: str = field(default="", repr=False)


async def _prove(
    store: Store, settings: SignInSettings, source: Source, secret: bytes, stored: str | None
) -> bool | None:
    """Whether it is the stored secret; counted as a failure first, and forgotten if it is right."""
    async with settings.passwords.turn():
        async with store.unfiltered("a guess", write=True) as db:
            may_try = await try_once(db, source, settings.clock())
        if not may_try:
            return None
        is_right = await settings.passwords.verify(secret, stored)
        if is_right:
            async with store.unfiltered("a right guess", write=True) as db:
                await forget(db, source)
        return is_right


async def _secrets_of(store: Store, user_id: int) -> Row | None:
    async with store.unfiltered("whose secrets") as db:
        rows = await db.rows(_SECRETS, {"id": user_id})
    return rows[0] if rows else None


def _settings(business: Business) -> SignInSettings:
    assert business.sign_in is not None  # noqa: S101  # the gateway gives it
    return business.sign_in


def _own_id(caller: Caller) -> int:
    if caller.user_id is None:
        raise ForbiddenError("Only a user can do this, in an account of their own.")
    return caller.user_id


async def _prove_own(business: Business, caller: Caller, password: str, new: bytes) -> Proof:
    """Whether the caller knows its password, and the hash of what it wants to store."""
    settings, user_id = _settings(business), _own_id(caller)
    secrets = await _secrets_of(business.store, user_id)
    source = _source(settings, "own password", secrets.id if secrets else 0, settings.throttle.settings.own_password)
    stored = secrets.secret_hash if secrets else None
    is_right = await _prove(business.store, settings, source, prepared(password), stored)
    return Proof(is_right, await settings.passwords.hashed(new) if is_right else "")


def _source(settings: SignInSettings, what: str, name: object, limit: Limit) -> Source:
    return settings.throttle.source(what, name, limit)


def _check_proof(act: Act, *path: str) -> None:
    """Refuse whoever gave a wrong password, or too many.

    Raises:
        RefusedError: so it is.
    """
    if act.prepared.is_right is None:
        message = "Too many wrong passwords. Wait a quarter of an hour, or ask for a new password by mail."
        act.refuse(UserErrorCode.TOO_MANY_ATTEMPTS, message, *path)
    if not act.prepared.is_right:
        act.refuse(UserErrorCode.INVALID, "It is not your password.", *path)


async def _own(act: Act) -> Row:
    (user,) = await act.rows(_OWN, {"id": _own_id(act.caller)})
    act.gives(user=user.id)
    return user


class UserPasswordChange(Input):
    """One's own password, old and new."""

    old: OldPassword = said("The password until now.")
    new: NewPassword = said(f"The password from now on, at least {SHORTEST_PASSWORD} characters.")


class UserSecurityQuestionSet(Input):
    """One's own security question."""

    question: SecurityQuestion = said("What staff shall ask.")
    answer: Answer = said("The answer. Case, accents and blanks don't count.")
    password: OldPassword = said("One's own password.")


async def _prepare_password(business: Business, caller: Caller, given: UserPasswordChange) -> Proof:
    return await _prove_own(business, caller, given.old, prepared(given.new))


async def _prepare_question(business: Business, caller: Caller, given: UserSecurityQuestionSet) -> Proof:
    return await _prove_own(business, caller, given.password, prepared(given.answer))


_CODES = (UserErrorCode.TOO_MANY_ATTEMPTS,)


@operation(privilege=Privilege.ACCOUNTS_VIEW, gives="user", codes=_CODES, prepare=_prepare_password)
async def password_change(act: Act, _given: UserPasswordChange) -> None:
    """Change one's own password, for all accounts of which one is a user, who then signs in again everywhere."""
    user = await _own(act)
    _check_proof(act, "old")
    await people.set_password(act.writer, await people.person(act.writer, user), act.prepared.new_hash, act.now)
    await act.note(USER, user, {}, {})


@operation(
    privilege=Privilege.ACCOUNTS_VIEW,
    gives="user",
    codes=(UserErrorCode.REQUIRED, UserErrorCode.TOO_LONG, UserErrorCode.TOO_MANY_ATTEMPTS),
    prepare=_prepare_question,
)
async def security_question_set(act: Act, given: UserSecurityQuestionSet) -> None:
    """Choose the question that staff ask before they believe that it is you, and its answer."""
    user = await _own(act)
    _check_proof(act, "password")
    who = await people.person(act.writer, user)
    await people.set_answer(act.writer, who, given.question, act.prepared.new_hash, act.now)
    await act.note(USER, user, {}, {})


class UserSecurityAnswerCheck(Input):
    """Whose answer, and what was answered."""

    user: UserId = said("The user.")
    answer: Text200 = said("What the caller on the line has answered. Case, accents and blanks don't count.")


async def _prepare_check(business: Business, caller: Caller, given: UserSecurityAnswerCheck) -> Proof:
    """Compare the answer. Whoever is hidden, absent or not active has none, and the same is done for nothing."""
    settings, limits = _settings(business), _settings(business).throttle.settings
    secrets = await _secrets_of(business.store, await _visible(business.store, caller.scope(), given.user))
    checker = _source(settings, "answers checked by", caller.subject, limits.checker)
    async with business.store.unfiltered("how many were wrong") as db:
        against = await counts_of(db, [checker], settings.clock())
    if against[0].level >= limits.checker.refused:
        return Proof(None)
    answers = _source(settings, "answers of", secrets.id if secrets else f"user {given.user}", limits.answer)
    stored = secrets.answer_hash if secrets else None
    is_right = await _prove(business.store, settings, answers, prepared(fold(given.answer)), stored)
    if is_right is False:
        async with business.store.unfiltered("a wrong answer", write=True) as db:
            await note_failure(db, await counts_of(db, [checker], settings.clock()), settings.clock())
    return Proof(is_right)


async def _visible(store: Store, scope: Scope, user_id: int) -> int:
    """The user's row id, or 0 if it isn't visible."""
    async with store.reader(scope) as reader:
        return user_id if await reader.rows(_VISIBLE, {"id": user_id}) else 0


@operation(
    privilege=Privilege.SECURITY_VERIFY,
    gives="user",
    target=Target(USER, by="user", is_changed=False),
    codes=(UserErrorCode.REQUIRED, UserErrorCode.TOO_LONG, UserErrorCode.TOO_MANY_ATTEMPTS),
    prepare=_prepare_check,
    tells={
        "is_right": "Whether it is the answer; false too for who chose no question or isn't active. Null if refused."
    },
)
async def security_answer_check(act: Act, _given: UserSecurityAnswerCheck) -> None:
    """Check what someone who claims to be the user has answered to their security question.

    Right or wrong is all that is told. After five wrong answers in a day no more are looked at, whoever checks.
    """
    if act.prepared.is_right is None:
        act.attempt(USER, act.target, {"is_looked_at": False})
        message = "Too many wrong answers. Try again tomorrow, or send the user a link for a new password."
        act.refuse(UserErrorCode.TOO_MANY_ATTEMPTS, message, "answer")
    act.tells(is_right=act.prepared.is_right)
    await act.note(USER, act.target, {}, {"is_right": act.prepared.is_right})
