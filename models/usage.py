"""Usage: which parts of the schema which clients use, and the schemas that were served."""

from datetime import date, datetime

from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Day, Instant


class FieldUse(SQLModel, table=True):
    """How many operations of one client mentioned one part of the schema on one day."""

    __tablename__ = "field_use"

    coordinate: str = Field(primary_key=True, sa_type=Bytewise)
    """`Type.field`, `Type.field(argument:)`, `Input.field` or `Enum.VALUE`."""
    client: str = Field(primary_key=True, sa_type=Bytewise)
    """Its name, if it is one that operators know; `none` or `other`."""
    day: date = Field(primary_key=True, sa_type=Day)
    uses: int = Field(sa_type=BigId)


class SchemaVersion(SQLModel, table=True):
    """A schema that was served."""

    __tablename__ = "schema_version"

    hash: str = Field(primary_key=True, sa_type=Bytewise)
    """SHA-256 of the text, hexadecimal."""
    text: str
    first_served_at: datetime = Field(sa_type=Instant)
    last_served_at: datetime = Field(sa_type=Instant)
