"""The refusals that cross a layer; each has a stable code for programs and a sentence for people."""

from dataclasses import dataclass
from enum import StrEnum


class CanopyError(Exception):
    """A refusal that is the caller's to read. Anything else that is raised is a defect and is masked."""

    code = "ERROR"


class AnswerTooLargeError(CanopyError):
    """The answer would hold more than one may, or so much would have to be read for it."""

    code = "LIMIT_EXCEEDED"

    def __init__(self, most: float) -> None:
        super().__init__(f"The answer would hold more than {most:,} objects. Ask for less.")


class ForbiddenError(CanopyError):
    """The caller can see the thing, but lacks the privilege for this part of it or for this action."""

    code = "FORBIDDEN"


class InvalidError(CanopyError):
    """An argument makes no sense; the message names it and says what would."""

    code = "INVALID_ARGUMENT"


class UnauthenticatedError(CanopyError):
    """No valid identity came with the request."""

    code = "UNAUTHENTICATED"


class UnavailableError(CanopyError):
    """The answer would have taken too long, or the database is away; trying again later may help."""

    code = "UNAVAILABLE"


class UserErrorCode(StrEnum):
    """Why a change was refused. Closed: clients may tell all of them apart. Keep the list alphabetical."""

    ABOVE_MAXIMUM = "ABOVE_MAXIMUM"
    ACCOUNT_ON_HOLD = "ACCOUNT_ON_HOLD"
    ALREADY_DONE = "ALREADY_DONE"
    AMBIGUOUS_MPN = "AMBIGUOUS_MPN"
    BELOW_COST = "BELOW_COST"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    CONFLICT = "CONFLICT"
    COTERMING = "COTERMING"
    CREDIT_LIMIT = "CREDIT_LIMIT"
    CURRENCY_FIXED = "CURRENCY_FIXED"
    CYCLE = "CYCLE"
    DEPENDENCY_MISSING = "DEPENDENCY_MISSING"
    DUPLICATE_TARGET = "DUPLICATE_TARGET"
    HAS_ACCOUNTS_BELOW = "HAS_ACCOUNTS_BELOW"
    HELD_ABOVE = "HELD_ABOVE"
    HOLD_DEMANDED = "HOLD_DEMANDED"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    INVALID = "INVALID"
    LAST_ADMINISTRATOR = "LAST_ADMINISTRATOR"
    NOT_FOUND = "NOT_FOUND"
    NOT_OFFERED = "NOT_OFFERED"
    OPEN_CHANGE = "OPEN_CHANGE"
    OUTDATED = "OUTDATED"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    OWN_ACCOUNT = "OWN_ACCOUNT"
    PERSONAL_DATA = "PERSONAL_DATA"
    REQUIRED = "REQUIRED"
    RETIRED = "RETIRED"
    ROLE_NOT_YOURS = "ROLE_NOT_YOURS"
    ROLLED_BACK = "ROLLED_BACK"
    TAKEN = "TAKEN"
    TOO_LONG = "TOO_LONG"
    TOO_MANY_ATTEMPTS = "TOO_MANY_ATTEMPTS"
    VENDOR_UNAVAILABLE = "VENDOR_UNAVAILABLE"
    WRONG_STATE = "WRONG_STATE"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that a line of an order can mean: a product, under a plan, for a period.

    Args:
        product_id: the product's.
        mpn: its part number.
        manufacturer: by its code.
        plan_id: the plan's.
        period_type: with the duration, the subscription period.
        period_duration: see there.
        billing_period_type: likewise, how often it is billed.
        billing_period_duration: see there.
    """

    product_id: int
    mpn: str
    manufacturer: str
    plan_id: int
    period_type: str
    period_duration: int
    billing_period_type: str
    billing_period_duration: int


@dataclass(frozen=True, slots=True)
class UserError:
    """One reason why a change was refused, for the person who asked for it.

    Args:
        code: stable, for programs.
        message: a sentence.
        path: names of the input's fields from its top to where it is wrong, places in lists as numbers; empty for the
            whole.
        candidates: what could be meant, where the reason is that this isn't clear.
    """

    code: UserErrorCode
    message: str
    path: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()


class RefusedError(Exception):
    """A change was refused: nothing of it stays, and the caller is told why."""

    def __init__(self, *errors: UserError) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors
