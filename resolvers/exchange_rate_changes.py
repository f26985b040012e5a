"""Changing exchange rates."""

from datetime import date

from sqlalchemy import bindparam, select

from models import ExchangeRate
from models.base import table_of
from models.identifier import new_id
from models.statement import Statement
from resolvers import catalogue
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import Input, said
from resolvers.operation import operation
from resolvers.privileges import Privilege
from resolvers.trade_inputs import Currency, Rate

_RATE = table_of(ExchangeRate)
_OF_DAY = Statement(
    select(*_RATE.c)
    .where(*(_RATE.c[name] == bindparam(name) for name in ("from_currency", "to_currency", "valid_from")))
    .with_for_update(),
    is_lookup=True,
)


class ExchangeRateSet(Input):
    """What a currency is worth in another from a day on."""

    from_currency: Currency = said("Of which one unit is worth so much, ISO 4217.")
    to_currency: Currency = said("In which that is told, ISO 4217.")
    rate: Rate = said("A decimal number above zero, as `0.9213`, with up to twelve decimals.")
    valid_from: date | None = said("The first day on which it holds, today (UTC) or later; left out: today.", None)


@operation(
    privilege=Privilege.CATALOGUE_MANAGE, gives="exchange_rate", taken={"exchange_rate_pair": "valid_from"},
    codes=(UserErrorCode.OUT_OF_RANGE,),
)  # fmt: skip
async def set_(act: Act, given: ExchangeRateSet) -> None:
    """Set an exchange rate, from a day until the next one that is set; again for the same day, in its place.

    What was ordered keeps the rate of its day. The other direction is a rate of its own. For the provider's own staff.
    """
    catalogue.require_provider(act)
    today = act.now.date()
    day = given.valid_from or today
    if day < today:
        act.fault(UserErrorCode.OUT_OF_RANGE, f"It is past; today is {today}.", "valid_from")
    if given.from_currency == given.to_currency:
        act.fault(UserErrorCode.INVALID, "It is the same currency.", "to_currency")
    act.check()
    key = {"from_currency": given.from_currency, "to_currency": given.to_currency, "valid_from": day}
    known = await act.rows(_OF_DAY, key)
    if known:
        await act.change(_RATE, known[0], rate=given.rate)
        act.gives(exchange_rate=known[0].id)
        return
    row_id = new_id()
    row = ExchangeRate(
        id=row_id,
        from_currency=given.from_currency,
        to_currency=given.to_currency,
        rate=given.rate,
        valid_from=day,
        created_at=act.now,
        updated_at=act.now,
    )
    await act.add(row)
    act.gives(exchange_rate=row_id)
