"""What `filter` and `orderBy` arguments have in common."""

from enum import StrEnum
from typing import Any

import strawberry

from schema.enums import Direction, describe
from schema.values import DateRange, DateTimeRange


def given(**values: Any) -> dict[str, Any]:
    """The filters that were given, lists as tuples so that equal requests are equal."""
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if value is not None and value is not strawberry.UNSET
    }


def days(name: str, value: DateRange | None) -> dict[str, Any]:
    """A range of days as the filters `<name>_from` and `<name>_to`."""
    return given(**{f"{name}_from": value.from_, f"{name}_to": value.to}) if value else {}


def instants(name: str, value: DateTimeRange | None) -> dict[str, Any]:
    """A range of instants as the filters `<name>_from` and `<name>_until`."""
    return given(**{f"{name}_from": value.from_, f"{name}_until": value.until}) if value else {}


def ordering(noun: str, **fields: str) -> Any:
    """The input type for `orderBy` of a list: one of the fields, each with its meaning, and a direction."""
    members = StrEnum(f"{noun}OrderField", {name: name for name in fields})  # type: ignore[misc]  # made from data
    field_enum = describe(members, f"What lists of {noun} objects can be sorted by.", **fields)
    namespace = {
        "__annotations__": {"field": field_enum, "direction": Direction},
        "__doc__": "A field and a direction.",
        "field": strawberry.field(description="What to sort by; ties are broken by age."),
        "direction": strawberry.field(default=Direction.ASC, description="Which way."),
    }
    return strawberry.input(type(f"{noun}Order", (), namespace), description=f"How to sort a list of {noun} objects.")
