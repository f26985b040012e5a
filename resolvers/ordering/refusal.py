"""Why something can't be ordered: a code for programs, a sentence for people, and what would be possible instead."""

from dataclasses import dataclass
from datetime import date

from resolvers.errors import UserErrorCode


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal as a value: whoever asks decides whether it stops an order or is only shown.

    Args:
        message: a sentence for people.
        possible_on: the first day on which the same would be possible; None: it never will be by waiting.
        possible_quantity: how many of what was asked for would be possible at once; None: not a matter of quantity.
    """

    code: UserErrorCode
    message: str
    possible_on: date | None = None
    possible_quantity: int | None = None
