"""What every table shares: column types that both engines read alike, and the owner that places a row in the tree."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, Index, Integer, Table, Text, inspect
from sqlalchemy.sql.expression import ColumnElement
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "%(table_name)s_%(column_0_N_name)s",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}

# The drivers are called directly, so these types decide the DDL and the casts of parameters, nothing else:
# SQLite keeps dates and instants as ISO 8601 text in UTC, which sorts as time does.
BigId: Any = BigInteger().with_variant(Integer(), "sqlite")
Instant: Any = DateTime(timezone=True).with_variant(Text(), "sqlite")
Day: Any = Date().with_variant(Text(), "sqlite")
Bytewise: Any = Text().with_variant(Text(collation="C"), "postgresql")
"""Text compared by bytes, in both engines and in Python alike."""

MICROS = 1_000_000
"""Money is stored as whole millionths of a unit of its currency: exact sums on both engines, never a float."""


def now() -> datetime:
    """The present instant, in UTC, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def iso(moment: datetime) -> str:
    """An instant as SQLite stores it: fixed width, so that text order is time order."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def table_of(model: type[SQLModel]) -> Table:
    """The Core table that a model class declares."""
    return cast(Table, inspect(model).local_table)


def one_of(column: str, values: type[StrEnum]) -> CheckConstraint:
    """A check that the column holds a member of the enumeration, spelled as in GraphQL."""
    allowed = ", ".join(f"'{member.value}'" for member in values)
    return CheckConstraint(f"{column} IN ({allowed})", name=column)


def covering(
    name: str, *columns: str | ColumnElement[Any], include: tuple[str, ...], unique: bool = False
) -> list[Index]:
    """An index that answers a page without touching the table.

    PostgreSQL carries the further columns as INCLUDE; SQLite as trailing key columns, and then a unique index
    needs one of its own.
    """
    if unique:
        return [
            Index(name, *columns, unique=True, postgresql_include=list(include)).ddl_if(dialect="postgresql"),
            Index(name, *columns, unique=True).ddl_if(dialect="sqlite"),
            Index(f"{name}_covering", *columns, *include).ddl_if(dialect="sqlite"),
        ]
    return [
        Index(name, *columns, postgresql_include=list(include)).ddl_if(dialect="postgresql"),
        Index(name, *columns, *include).ddl_if(dialect="sqlite"),
    ]


class Owned(SQLModel):
    """A row that belongs to one account: its owner's path makes it visible where the owner is."""

    account_id: int = Field(foreign_key="account.id", sa_type=BigId)
    path: str = Field(sa_type=Bytewise)
    """Copy of the owner's path, written wherever the owner's path is written."""
    shard_id: int = Field(sa_type=BigId)


class Dated(SQLModel):
    """When a row was made and last changed, and how often."""

    version: int = Field(default=1)
    created_at: datetime = Field(default_factory=now, sa_type=Instant)
    updated_at: datetime = Field(default_factory=now, sa_type=Instant)


class PeriodType(StrEnum):
    """What a period counts."""

    DAY = "DAY"
    MONTH = "MONTH"
    YEAR = "YEAR"
    STATEMENT_DAY = "STATEMENT_DAY"
    UNKNOWN = "UNKNOWN"
