"""Persisted documents: GraphQL texts that operators registered, for whom, and how often they are used."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Instant, one_of


class SafelistLevel(StrEnum):
    """Which documents a client may run, from the widest to the narrowest."""

    PERFORMANCE = "PERFORMANCE"
    """Any; registered ones by their id too."""
    AUDIT = "AUDIT"
    """Any; those that aren't registered are noted."""
    SAFELIST = "SAFELIST"
    """Registered ones, by id or by text."""
    IDS = "IDS"
    """Registered ones, by id only."""


class EndpointMethod(StrEnum):
    """How an endpoint is called."""

    GET = "GET"
    POST = "POST"


class Document(SQLModel, table=True):
    """A GraphQL text."""

    __tablename__ = "document"
    __table_args__ = (CheckConstraint("length(id) = 64", name="id"),)

    id: str = Field(primary_key=True, sa_type=Bytewise)
    """SHA-256 of the text, hexadecimal."""
    text: str
    source: str
    """Out of which file it came."""
    registered_at: datetime = Field(sa_type=Instant)


class DocumentRegistry(SQLModel, table=True):
    """One row: how often anything was registered or removed, so that processes see when to look again."""

    __tablename__ = "document_registry"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: int = Field(default=1, primary_key=True)
    version: int = Field(default=0, sa_type=BigId)


class DocumentAlias(SQLModel, table=True):
    """Another id by which clients know a document, such as the MD5 of Relay's compiler."""

    __tablename__ = "document_alias"
    __table_args__ = (Index("document_alias_document", "document_id"),)

    alias: str = Field(primary_key=True, sa_type=Bytewise)
    document_id: str = Field(foreign_key="document.id", sa_type=Bytewise)


class DocumentClient(SQLModel, table=True):
    """A client for which a document is registered."""

    __tablename__ = "document_client"

    document_id: str = Field(primary_key=True, foreign_key="document.id", sa_type=Bytewise)
    client: str = Field(primary_key=True, sa_type=Bytewise)
    """Its name; empty for all."""
    uses: int = Field(default=0, sa_type=BigId)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)


class ClientLevel(SQLModel, table=True):
    """A client with a level of its own."""

    __tablename__ = "client_level"
    __table_args__ = (one_of("level", SafelistLevel),)

    client: str = Field(primary_key=True, sa_type=Bytewise)
    level: SafelistLevel = Field(sa_type=Bytewise)


class UnknownDocument(SQLModel, table=True):
    """A document that was asked for where only registered ones are expected."""

    __tablename__ = "unknown_document"
    __table_args__ = (Index("unknown_document_last", "last_at"),)

    id: str = Field(primary_key=True, sa_type=Bytewise)
    client: str = Field(primary_key=True, sa_type=Bytewise)
    text: str | None = None
    """Null where it is long."""
    uses: int = Field(sa_type=BigId)
    first_at: datetime = Field(sa_type=Instant)
    last_at: datetime = Field(sa_type=Instant)


class Endpoint(SQLModel, table=True):
    """A registered operation that is offered under an address of its own."""

    __tablename__ = "endpoint"
    __table_args__ = (one_of("method", EndpointMethod), CheckConstraint("max_age >= 0", name="max_age"))

    method: EndpointMethod = Field(primary_key=True, sa_type=Bytewise)
    path: str = Field(primary_key=True, sa_type=Bytewise)
    """Below `/api`, its variables in braces: `/accounts/{id}`."""
    document_id: str = Field(foreign_key="document.id", sa_type=Bytewise)
    operation: str | None = None
    """Null where the document has one only."""
    title: str
    max_age: int
    """Seconds for which its caller may keep an answer."""
