"""External issuers: who may vouch for persons, and whom they have vouched for. No scope can read them."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant


class Issuer(SQLModel, table=True):
    """A provider of OpenID Connect that signs persons in, to accounts at or below one of ours."""

    __tablename__ = "issuer"
    __table_args__ = (
        Index("issuer_url", "url", unique=True),
        Index("issuer_account", "account_id"),
        Index("issuer_name", "name", unique=True),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    url: str = Field(sa_type=Bytewise)
    """As its tokens name it."""
    audience: str = Field(sa_type=Bytewise)
    """Our client id there: its tokens are for that."""
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    matches_email: bool
    """Whether it may vouch for whoever has a login that is an e-mail address which it has verified."""
    created_at: datetime = Field(sa_type=Instant)
    name: str | None = Field(default=None, sa_type=Bytewise)
    """What it is called in addresses of ours; null where it signs no browsers in."""
    button: str | None = Field(default=None, sa_type=Bytewise)
    """What it is called on the page on which strangers sign in; null where that doesn't show it."""


class ExternalIdentity(SQLModel, table=True):
    """A person as an issuer knows them."""

    __tablename__ = "external_identity"
    __table_args__ = (Index("external_identity_identity", "identity_id"),)

    issuer_id: int = Field(primary_key=True, foreign_key="issuer.id", sa_type=BigId)
    subject: str = Field(primary_key=True, sa_type=Bytewise)
    """As the issuer calls them; never given to another."""
    identity_id: int = Field(foreign_key="identity.id", sa_type=BigId)
    linked_at: datetime = Field(sa_type=Instant)
    last_used_at: datetime = Field(sa_type=Instant)


class UsedSignIn(SQLModel, table=True):
    """That a browser has come back from an issuer, to where it set out with this state: it comes back once."""

    __tablename__ = "used_sign_in"
    __table_args__ = (Index("used_sign_in_expires", "expires_at"),)

    state_hash: str = Field(primary_key=True, sa_type=Bytewise)
    """SHA-256 of the state, hexadecimal."""
    expires_at: datetime = Field(sa_type=Instant)
    """From then on it would be refused anyway."""
