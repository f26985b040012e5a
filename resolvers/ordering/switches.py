"""Changing a subscription's plan or period (upgrade): when it happens, what is returned, and when the new term ends."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from resolvers.ordering.periods import Period, Span, later
from resolvers.ordering.refunds import unused


class SwitchPolicy(StrEnum):
    """What a switch does to what was paid and to the term (Simple API 1.15, `planSwitches.billingPolicy`)."""

    PERIOD_CHANGE = "PERIOD_CHANGE"
    PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD = "PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD"
    PRORATE_KEEPING_EXP_DATE = "PRORATE_KEEPING_EXP_DATE"
    PRORATE_REFUND = "PRORATE_REFUND"
    NO_REFUND = "NO_REFUND"
    NO_REFUND_WITH_FULL_REFUND_PERIOD = "NO_REFUND_WITH_FULL_REFUND_PERIOD"
    PRORATE_REFUND_WITH_FULL_REFUND_PERIOD = "PRORATE_REFUND_WITH_FULL_REFUND_PERIOD"


class SwitchTime(StrEnum):
    """When a switch takes effect (Simple API 1.15, `planSwitches.whenEffective`)."""

    IMMEDIATELY = "IMMEDIATELY"
    NEXT_BILLING_PERIOD = "NEXT_BILLING_PERIOD"
    NEXT_SUBSCRIPTION_PERIOD = "NEXT_SUBSCRIPTION_PERIOD"


class Share(StrEnum):
    """How much of a charge is returned."""

    ALL = "ALL"
    UNUSED = "UNUSED"
    NOTHING = "NOTHING"


@dataclass(frozen=True, slots=True)
class _Terms:
    """Args: what is returned while the lot's window is open, what later, and whether the old end stays."""

    early: Share
    late: Share
    keeps_end: bool = False


_TERMS = {
    SwitchPolicy.PERIOD_CHANGE: _Terms(Share.NOTHING, Share.NOTHING),
    SwitchPolicy.PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD: _Terms(Share.UNUSED, Share.UNUSED),
    SwitchPolicy.PRORATE_KEEPING_EXP_DATE: _Terms(Share.UNUSED, Share.UNUSED, keeps_end=True),
    SwitchPolicy.PRORATE_REFUND: _Terms(Share.UNUSED, Share.UNUSED),
    SwitchPolicy.NO_REFUND: _Terms(Share.NOTHING, Share.NOTHING),
    SwitchPolicy.NO_REFUND_WITH_FULL_REFUND_PERIOD: _Terms(Share.ALL, Share.NOTHING),
    SwitchPolicy.PRORATE_REFUND_WITH_FULL_REFUND_PERIOD: _Terms(Share.ALL, Share.UNUSED),
}


def switches_on(when: SwitchTime, policy: SwitchPolicy, today: date, billing: Span, term: Span) -> date:
    """The day on which a switch takes effect.

    Args:
        when: as the plan says.
        policy: a change of the period waits for the end of the present one, whatever the plan says.
        today: when it is asked for.
        billing: the running billing period.
        term: the running term.
    """
    if policy is SwitchPolicy.PERIOD_CHANGE or when is SwitchTime.NEXT_SUBSCRIPTION_PERIOD:
        return term.end
    return today if when is SwitchTime.IMMEDIATELY else min(billing.end, term.end)


def new_term(policy: SwitchPolicy, on: date, term: Span, period: Period) -> Span:
    """The term that begins with the switch.

    Args:
        policy: whether the present end stays; it can't once it is reached.
        on: when the switch takes effect.
        term: the running term.
        period: the new subscription period.
    """
    return Span(on, term.end if _TERMS[policy].keeps_end and on < term.end else later(on, period))


def returned(policy: SwitchPolicy, micros: int, paid: Span, on: date, *, is_early: bool) -> int:
    """What of a charge of the present plan is returned, in micros.

    Args:
        policy: how much it returns.
        micros: the charge.
        paid: the days that it pays for.
        on: when the switch takes effect.
        is_early: whether the lot's window is still open.
    """
    share = _TERMS[policy].early if is_early else _TERMS[policy].late
    if share is Share.ALL:
        return micros
    return unused(micros, paid, on) if share is Share.UNUSED else 0
