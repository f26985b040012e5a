"""Scalars: how days, instants, decimals and attributes are written."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from models.base import iso

Date = NewType("Date", date)
DateTime = NewType("DateTime", datetime)
Decimal = NewType("Decimal", str)
Currency = NewType("Currency", str)


def _write_day(value: date | str) -> str:
    return value if isinstance(value, str) else value.isoformat()


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _read_day(value: Any) -> date:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise GraphQLError(f"{value!r} is no date. Write it as 2026-01-31.")


def _write_instant(value: datetime | str) -> str:
    return value if isinstance(value, str) else iso(value)


def _read_instant(value: Any) -> datetime:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None:
                return _up_to_milliseconds(moment.astimezone(UTC))
    except (ValueError, OverflowError):
        pass
    raise GraphQLError(f"{value!r} is no instant. Write it with its offset: 2026-01-31T12:00:00Z.")


def _up_to_milliseconds(moment: datetime) -> datetime:
    """The first whole millisecond that is not before the instant: what is stored is compared alike on each engine."""
    return moment + timedelta(microseconds=-moment.microsecond % 1000)


def _read_decimal(value: Any) -> str:
    """What was written; whether it is a decimal number is said by what takes it, with the path to it."""
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise GraphQLError(f'{value!r} is no decimal number. Write it as a string: "70.50".')


_CURRENCY = re.compile(r"[A-Z]{3}")


def _read_currency(value: Any) -> str:
    if isinstance(value, str) and _CURRENCY.fullmatch(value):
        return value
    raise GraphQLError(f"{value!r} is no currency. Write its three letters: USD.")


SCALARS: dict[object, ScalarDefinition] = {
    Date: strawberry.scalar(
        name="Date",
        description="A day, as `2026-01-31` (ISO 8601).",
        specified_by_url="https://scalars.graphql.org/andimarek/local-date.html",
        serialize=_write_day,
        parse_value=_read_day,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="An instant, as `2026-01-31T12:00:00.000Z` (RFC 3339); given out in UTC.",
        specified_by_url="https://scalars.graphql.org/andimarek/date-time.html",
        serialize=_write_instant,
        parse_value=_read_instant,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number as a string, such as `"70.50"`. Never read it into a float. Inputs take a'
        " number, too.",
        serialize=str,
        parse_value=_read_decimal,
    ),
    Currency: strawberry.scalar(
        name="Currency",
        description="A currency by its three letters, such as `USD` (ISO 4217).",
        serialize=str,
        parse_value=_read_currency,
    ),
}
