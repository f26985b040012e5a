"""Persons: what belongs to someone who signs in, in however many accounts. No scoped reader can see these tables.

A row of `app_user` is a person's membership in one account: whose it is tells its login, which never changes.
"""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant, one_of


class Identity(SQLModel, table=True):
    """A person who can sign in. Its credential is that of the user whose id is the identity's: its first membership."""

    __tablename__ = "identity"
    __table_args__ = (Index("identity_login", "login", unique=True),)

    id: int = Field(primary_key=True, sa_type=BigId)
    login: str = Field(sa_type=Bytewise)
    """Folded to lower case."""
    email: str
    """Where what lets the person in is sent. Its own: whoever manages one of its accounts can't change it."""
    last_user_id: int | None = Field(default=None, sa_type=BigId)
    """The membership in which it last worked."""
    created_at: datetime = Field(sa_type=Instant)


class SecurityQuestion(StrEnum):
    """What a person may be asked. Not in their own words: staff read it out, and it might hold the answer."""

    BIRTH_CITY = "BIRTH_CITY"
    CHILDHOOD_FRIEND = "CHILDHOOD_FRIEND"
    CHILDHOOD_STREET = "CHILDHOOD_STREET"
    FAVOURITE_BOOK = "FAVOURITE_BOOK"
    FAVOURITE_FILM = "FAVOURITE_FILM"
    FAVOURITE_TEACHER = "FAVOURITE_TEACHER"
    FIRST_CAR = "FIRST_CAR"
    FIRST_CONCERT = "FIRST_CONCERT"
    FIRST_EMPLOYER = "FIRST_EMPLOYER"
    FIRST_PET = "FIRST_PET"
    FIRST_SCHOOL = "FIRST_SCHOOL"
    GRANDMOTHERS_NAME = "GRANDMOTHERS_NAME"


class SecurityAnswer(SQLModel, table=True):
    """The question that a person chose, and the Argon2id hash of its answer."""

    __tablename__ = "security_answer"
    __table_args__ = (one_of("question", SecurityQuestion),)

    identity_id: int = Field(primary_key=True, foreign_key="identity.id", sa_type=BigId)
    question: SecurityQuestion = Field(sa_type=Bytewise)
    answer_hash: str
    set_at: datetime = Field(sa_type=Instant)


class LinkPurpose(StrEnum):
    """What a link is for."""

    INVITATION = "INVITATION"
    RESET = "RESET"


class OneTimeLink(SQLModel, table=True):
    """A link that was mailed to a person: good once, for a while, until a newer one for the same purpose is made."""

    __tablename__ = "one_time_link"
    __table_args__ = (
        one_of("purpose", LinkPurpose),
        Index("one_time_link_hash", "hash", unique=True),
        Index("one_time_link_user", "user_id", "purpose"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    hash: str = Field(sa_type=Bytewise)
    """SHA-256 of the token, hexadecimal. The token itself stands in the mail alone."""
    purpose: LinkPurpose = Field(sa_type=Bytewise)
    user_id: int = Field(foreign_key="app_user.id", sa_type=BigId)
    """The membership that it is about."""
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
