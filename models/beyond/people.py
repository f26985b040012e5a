"""Persons and their secrets, which no scope shows: who they are, how they are let in, what is mailed to them."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, case, or_, select, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models.base import table_of
from models.credential import Credential, RefreshToken, SubjectType
from models.identity import Identity, OneTimeLink, SecurityAnswer, SecurityQuestion
from models.statement import Row, Statement, any_of
from models.store import StoreError
from models.user import User, UserStatus
from models.writer import Writer

_USER, _IDENTITY, _CREDENTIAL = table_of(User).c, table_of(Identity).c, table_of(Credential).c
_TOKEN, _LINK, _ANSWER = table_of(RefreshToken).c, table_of(OneTimeLink).c, table_of(SecurityAnswer).c

_is_active = Statement(
    select(case((_USER.status == UserStatus.ACTIVE.value, 1), else_=0).label("is_active")).where(
        _USER.id == bindparam("id")
    ),
    is_lookup=True,
)
_add_person = Statement(
    insert(table_of(Identity))
    .values({name: bindparam(name) for name in ("id", "login", "email", "created_at")})
    .on_conflict_do_nothing(index_elements=[_IDENTITY.login])
)
_person = Statement(
    select(_IDENTITY.id, _IDENTITY.login, _CREDENTIAL.secret_hash, _ANSWER.question)
    .join(table_of(User), _USER.login == _IDENTITY.login)
    .outerjoin(
        table_of(Credential),
        (_CREDENTIAL.subject_type == SubjectType.USER.value) & (_CREDENTIAL.subject_id == _IDENTITY.id),
    )
    .outerjoin(table_of(SecurityAnswer), _ANSWER.identity_id == _IDENTITY.id)
    .where(_USER.id == bindparam("id")),
    is_lookup=True,
)
_use_link = Statement(
    update(table_of(OneTimeLink))
    .where(
        _LINK.id == bindparam("link"),
        _LINK.used_at.is_(None),
        _LINK.revoked_at.is_(None),
        _LINK.expires_at > bindparam("at"),
    )
    .values(used_at=bindparam("at"))
    .returning(_LINK.id)
)
_revoke_links = Statement(
    update(table_of(OneTimeLink))
    .where(_LINK.user_id == bindparam("user"), _LINK.used_at.is_(None), _LINK.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)
_set_secret = Statement(
    insert(table_of(Credential))
    .values(
        subject_type=SubjectType.USER.value,
        subject_id=bindparam("person"),
        secret_hash=bindparam("hash"),
        updated_at=bindparam("at"),
    )
    .on_conflict_do_update(
        index_elements=[_CREDENTIAL.subject_type, _CREDENTIAL.subject_id],
        set_={"secret_hash": bindparam("hash"), "updated_at": bindparam("at")},
    )
)
_set_answer = Statement(
    insert(table_of(SecurityAnswer))
    .values(
        identity_id=bindparam("person"),
        question=bindparam("question"),
        answer_hash=bindparam("hash"),
        set_at=bindparam("at"),
    )
    .on_conflict_do_update(
        index_elements=[_ANSWER.identity_id],
        set_={"question": bindparam("question"), "answer_hash": bindparam("hash"), "set_at": bindparam("at")},
    )
)
_show_question = Statement(
    update(table_of(User))
    .where(
        any_of(_USER.id, "users"),
        or_(_USER.status == UserStatus.ACTIVE.value, _USER.security_question.is_not(None)),
    )
    .values(security_question=bindparam("question"))
)
"""Only with users who came in once: whoever invites somebody learns nothing about them by it."""
_memberships = Statement(
    select(_USER.id)
    .join(table_of(Identity), _IDENTITY.login == _USER.login)
    .where(_IDENTITY.id == bindparam("person")),
    is_lookup=True,
)
_of_these = (_TOKEN.subject_type == SubjectType.USER.value) & any_of(_TOKEN.subject_id, "users")
_sign_out = Statement(
    update(table_of(RefreshToken))
    .where(_TOKEN.family.in_(select(_TOKEN.family).where(_of_these)), _TOKEN.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)


@dataclass(frozen=True, slots=True)
class Person:
    """Who stands behind a user.

    Args:
        id: of the identity.
        secret_hash: of the password; None where none was chosen yet.
        question: the security question; None where none was chosen yet.
    """

    id: int
    login: str
    secret_hash: str | None = field(repr=False)
    question: SecurityQuestion | None


async def is_active(writer: Writer, user_id: int) -> bool:
    """Whether a user out of scope, who acts within it, may still come in."""
    async with writer.beyond("is whoever acts still active") as db:
        rows = await db.rows(_is_active, {"id": user_id})
    return bool(rows and rows[0].is_active)


async def welcome(writer: Writer, user_id: int, login: str, email: str, at: datetime) -> None:
    """Make sure that there is a person with that login. One that is there stays as it is, its e-mail address too."""
    async with writer.beyond("who has this login") as db:
        await db.write(_add_person, {"id": user_id, "login": login, "email": email, "created_at": at})


async def person(writer: Writer, user: Row) -> Person:
    """Who stands behind a user in scope.

    Raises:
        StoreError: the user is out of scope.
    """
    _require(writer, user)
    async with writer.beyond("who is this user") as db:
        ((identity_id, login, secret_hash, question),) = await db.rows(_person, {"id": user.id})
    return Person(identity_id, login, secret_hash, SecurityQuestion(question) if question else None)


async def came_in(writer: Writer, user: Row, who: Person) -> bool:
    """Whether a person has ever come into an account as this user of it, by an invitation or before there were any.

    Whoever followed an invitation has a question since. Somebody without one, as imports bring them, has a password by
    their only membership; with several nobody knows by which.

    Raises:
        StoreError: the user is out of scope.
    """
    _require(writer, user)
    if who.secret_hash is None or user.security_question is not None:
        return who.secret_hash is not None
    async with writer.beyond("by which membership has the person a password") as db:
        return len(await db.rows(_memberships, {"person": who.id})) == 1


async def use_link(writer: Writer, link_id: int, at: datetime) -> bool:
    """Use up a link; whether it was still good. Of several who try at once, one succeeds."""
    async with writer.beyond("use a one-time link") as db:
        return bool(await db.write(_use_link, {"link": link_id, "at": at}))


async def revoke_links(writer: Writer, user: Row, at: datetime) -> None:
    """Take back whatever links were sent to a user in scope.

    Raises:
        StoreError: the user is out of scope.
    """
    _require(writer, user)
    async with writer.beyond("take back links") as db:
        await db.write(_revoke_links, {"user": user.id, "at": at})


async def set_password(writer: Writer, who: Person, secret_hash: str, at: datetime) -> None:
    """Give a person another password, and sign it out everywhere."""
    async with writer.beyond("set a password") as db:
        await db.write(_set_secret, {"person": who.id, "hash": secret_hash, "at": at})
        users = [row.id for row in await db.rows(_memberships, {"person": who.id})]
        await db.write(_sign_out, {"users": users, "at": at})


async def set_answer(writer: Writer, who: Person, question: SecurityQuestion, answer_hash: str, at: datetime) -> None:
    """Store a person's security question and the hash of its answer, and the question with its users."""
    values = {"person": who.id, "question": question.value, "hash": answer_hash, "at": at}
    async with writer.beyond("set a security question") as db:
        await db.write(_set_answer, values)
        users = [row.id for row in await db.rows(_memberships, {"person": who.id})]
        await db.write(_show_question, {"users": users, "question": question.value})


async def show_question(writer: Writer, who: Person, user: Row) -> None:
    """Let those who check a person's answer see the question, now that they are a user of the account.

    Raises:
        StoreError: the user is out of scope.
    """
    _require(writer, user)
    async with writer.beyond("show a security question") as db:
        await db.write(_show_question, {"users": [user.id], "question": who.question and who.question.value})


async def sign_out(writer: Writer, user: Row, at: datetime) -> None:
    """End whatever keeps a user in scope signed in.

    Raises:
        StoreError: the user is out of scope.
    """
    _require(writer, user)
    async with writer.beyond("sign a user out") as db:
        await db.write(_sign_out, {"users": [user.id], "at": at})


def _require(writer: Writer, user: Row) -> None:
    if not writer.scope.holds(user.path):
        raise StoreError("the user is out of scope")
