"""Changing a subscription's plan or period (upgrade): when it happens, what is returned, and when the new term ends."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from models.plan_switch import SwitchPolicy, SwitchTime
from resolvers.ordering.periods import Period, Span, later
from resolvers.ordering.refunds import unused


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


def waits(when: SwitchTime, policy: SwitchPolicy) -> bool:
    """Whether a switch takes effect at the renewal only.

    Args:
        when: as the provider says.
        policy: a change of the period waits for the end of the present one, whatever the provider says.
    """
    return policy is SwitchPolicy.PERIOD_CHANGE or when is SwitchTime.NEXT_SUBSCRIPTION_PERIOD


def new_term(policy: SwitchPolicy, on: date, term: Span, period: Period) -> Span:
    """The term that begins with the switch.

    Args:
        policy: whether the present end stays; it can't once it is reached.
        on: when the switch takes effect.
        term: the running term.
        period: the new subscription period.
    """
    return Span(on, term.end if _TERMS[policy].keeps_end and on < term.end else later(on, period))


def returned(policy: SwitchPolicy, micros: int, paid: Span | None, on: date, *, is_early: bool) -> int:
    """What of a charge of the present plan is returned, in micros.

    Args:
        policy: how much it returns.
        micros: the charge.
        paid: the days that it pays for; None: it was charged once, as a setup fee.
        on: when the switch takes effect.
        is_early: whether the lot's window is still open.
    """
    share = _TERMS[policy].early if is_early else _TERMS[policy].late
    if share is Share.ALL:
        return micros
    return unused(micros, paid, on) if share is Share.UNUSED and paid is not None else 0
