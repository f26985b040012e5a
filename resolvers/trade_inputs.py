"""What operations on the catalogue and on prices take besides texts: ids, codes, amounts, periods."""

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator
from pydantic import Field as Bounds

from models.base import PeriodType
from models.exchange.values import read_amount
from resolvers.errors import UserErrorCode
from resolvers.inputs import Input, IsDecimal, Refers, Text35, Text100, said, wrong

BalanceId = Annotated[int, Refers("balance")]
ManufacturerId = Annotated[int, Refers("manufacturer")]
MarketplaceId = Annotated[int, Refers("marketplace")]
PlanId = Annotated[int, Refers("plan")]
PriceId = Annotated[int, Refers("price")]
ProductId = Annotated[int, Refers("product")]


def _matching(pattern: str, what: str) -> AfterValidator:
    form = re.compile(pattern)

    def check(text: str) -> str:
        if not form.fullmatch(text):
            raise wrong(UserErrorCode.INVALID, f"It is no {what}.")
        return text

    return AfterValidator(check)


def micros_of(text: str) -> int:
    """An amount that can be charged, in whole micros.

    Raises:
        PydanticCustomError: it is no decimal number, negative or out of bounds.
    """
    try:
        micros = read_amount(text)
    except ValueError as error:
        raise wrong(UserErrorCode.INVALID, f"It {error}.") from error
    if micros < 0:
        raise wrong(UserErrorCode.OUT_OF_RANGE, "It is negative.")
    return micros


def _amount(text: str) -> str:
    micros_of(text)
    return text


def _rate(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,12})?", text) or not Decimal(text):
        raise wrong(UserErrorCode.INVALID, "It is no exchange rate such as 1.0842.")
    return text


Amount = Annotated[Text35, IsDecimal(), AfterValidator(_amount)]
"""A decimal number in text, as 12.50, with up to six decimals; `micros_of` counts it."""
Rate = Annotated[Text35, IsDecimal(), AfterValidator(_rate)]
Code = Annotated[Text35, _matching(r"[^\s/|\"\\]+", "code: it may have no blanks, slashes, bars, quotes")]
Mpn = Annotated[Text100, _matching(r"[^\s|\"\\]+", "part number: it may have no blanks, bars, quotes")]
Currency = Annotated[Text35, _matching(r"[A-Z]{3}", "currency: three capital letters, as EUR (ISO 4217)")]
Quantity = Annotated[int, Bounds(ge=1, le=1_000_000_000)]
Hours = Annotated[int, Bounds(ge=0, le=87_600)]
Duration = Annotated[int, Bounds(ge=1, le=1_000)]


class PeriodInput(Input):
    """A length of time."""

    type: PeriodType = said("What is counted.")
    duration: Duration = said("How many of it, 1 to 1000.", 1)

    @property
    def text(self) -> str:
        """As the change log and messages have it."""
        return f"{self.duration} {self.type.value}"
