"""Secrets of users and API clients, and what signing in leaves behind. No scoped reader can see these tables."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant, one_of


class SubjectType(StrEnum):
    """Who can hold a credential."""

    USER = "USER"
    API_CLIENT = "API_CLIENT"


class Credential(SQLModel, table=True):
    """The Argon2id hash of a password or client secret."""

    __tablename__ = "credential"
    __table_args__ = (one_of("subject_type", SubjectType),)

    subject_type: SubjectType = Field(primary_key=True, sa_type=Bytewise)
    subject_id: int = Field(primary_key=True, sa_type=BigId)
    secret_hash: str
    updated_at: datetime = Field(sa_type=Instant)


class RefreshToken(SQLModel, table=True):
    """One refresh token. Each use replaces it by the next of its family; a second use revokes the family."""

    __tablename__ = "refresh_token"
    __table_args__ = (
        one_of("subject_type", SubjectType),
        Index("refresh_token_family", "family"),
        Index("refresh_token_expires", "expires_at"),
    )

    token_hash: str = Field(primary_key=True, sa_type=Bytewise)
    """SHA-256 of the token, hexadecimal."""
    family: str = Field(sa_type=Bytewise)
    subject_type: SubjectType = Field(sa_type=Bytewise)
    subject_id: int = Field(sa_type=BigId)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    issuer_id: int | None = Field(default=None, sa_type=BigId)
    """The external issuer that has vouched for its owner, and may be let in no more; null for who gave a password."""


class SignInFailure(SQLModel, table=True):
    """Failed attempts of one source: an address, or an address with a login. Never a login alone."""

    __tablename__ = "sign_in_failure"

    source: str = Field(primary_key=True, sa_type=Bytewise)
    failures: int
    last_at: datetime = Field(sa_type=Instant)
