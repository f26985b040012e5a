"""Values that several types are made of: money, periods, ranges, custom attributes."""

import orjson
import strawberry

from models.base import MICROS, PeriodType
from schema.scalars import Currency, Date, DateTime, Decimal


@strawberry.type(description="An amount of money.")
class Money:
    """An exact amount and its currency."""

    amount: Decimal = strawberry.field(description="The amount, at least two decimals.")
    currency: Currency = strawberry.field(description="Of the amount.")


def decimal(micros: int) -> Decimal:
    """Whole micros as decimal text: at least two decimals, at most six."""
    sign = "-" if micros < 0 else ""
    whole, fraction = divmod(abs(micros), MICROS)
    return Decimal(f"{sign}{whole}.{f'{fraction:06d}'.rstrip('0'):0<2}")


def money(micros: int, currency: str) -> Money:
    """Whole micros of a currency as money."""
    return Money(amount=decimal(micros), currency=Currency(currency))


@strawberry.type(description="A length of time.")
class Period:
    """So many days, months or years."""

    type: PeriodType = strawberry.field(description="What is counted.")
    duration: int = strawberry.field(description="How many of it.")


@strawberry.type(description="A custom attribute: a name and a value that an integrator chose.")
class Attribute:
    """One entry of a row's custom attributes."""

    name: str = strawberry.field(description="Its name, unique within the object.")
    value: str = strawberry.field(description="Its value.")


def attributes(text: str | None) -> list[Attribute]:
    """The custom attributes behind a column of JSON text, by name."""
    return [Attribute(name=name, value=value) for name, value in sorted(orjson.loads(text or "{}").items())]


@strawberry.input(description="Days from one to another.")
class DateRange:
    """Both ends belong to it; either may be left out."""

    from_: Date | None = strawberry.field(name="from", default=None, description="The first day.")
    to: Date | None = strawberry.field(default=None, description="The last day.")


@strawberry.input(description="Instants from one until another.")
class DateTimeRange:
    """The start belongs to it, the end doesn't; either may be left out."""

    from_: DateTime | None = strawberry.field(name="from", default=None, description="The first instant.")
    until: DateTime | None = strawberry.field(default=None, description="The first instant that no longer counts.")
