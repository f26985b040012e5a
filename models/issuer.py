"""External issuers: who may vouch for persons, and whom they have vouched for. No scope can read them."""

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant


class Issuer(SQLModel, table=True):
    """A provider of OpenID Connect that signs persons in, to accounts at or below one of ours."""

    __tablename__ = "issuer"
    __table_args__ = (Index("issuer_url", "url", unique=True), Index("issuer_account", "account_id"))

    id: int = Field(primary_key=True, sa_type=BigId)
    url: str = Field(sa_type=Bytewise)
    """As its tokens name it."""
    audience: str = Field(sa_type=Bytewise)
    """Our client id there: its tokens are for that."""
    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    matches_email: bool
    """Whether it may vouch for whoever has a login that is an e-mail address which it has verified."""
    created_at: datetime = Field(sa_type=Instant)


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
