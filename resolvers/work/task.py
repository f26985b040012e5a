"""What a connector is asked to do, and how it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from resolvers.ordering.periods import Period


@dataclass(frozen=True, slots=True)
class Part:
    """One product of a service, and how many units of it there shall be."""

    mpn: str
    name: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done.

    Args:
        key: the same whenever the same is asked again, so that it takes effect once.
        subscription_id: our id of the service, which its number at the manufacturer may be kept under.
        vendor_subscription_id: that number, as far as it is known.
        manufacturer: its code.
        parts: what the service shall consist of.
        attributes: those of the order, by name.
        plan: the code of the plan under which it is had, once this is done.
        period: for how long at a time.
    """

    key: str
    subscription_id: int
    vendor_subscription_id: str | None
    manufacturer: str
    parts: tuple[Part, ...]
    attributes: Mapping[str, str] = field(default_factory=dict)
    plan: str = ""
    period: Period | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """It has been done.

    Args:
        vendor_subscription_id: the service's number at the manufacturer; None: unchanged, or it has none.
    """

    vendor_subscription_id: str | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """It has begun and isn't done: ask again, with the same key."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It can't be done.

    Args:
        reason: a sentence for whoever ordered it: what is wrong, and what to do.
        is_final: whether trying again would not help.
    """

    reason: str
    is_final: bool = True
