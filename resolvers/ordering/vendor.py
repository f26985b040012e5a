"""Whom a buyer asks about what its vendor has to do."""

from sqlalchemy import bindparam, select

from models import VendorCard
from models.base import table_of
from models.statement import Row, Statement
from resolvers.act import Act

_CARD = table_of(VendorCard).c
_OF = Statement(
    select(_CARD.name, _CARD.support_email, _CARD.support_phone).where(_CARD.account_id == bindparam("vendor")),
    is_lookup=True,
)


async def whom_to_ask(act: Act, account: Row) -> str:
    """A sentence that names an account's vendor, with the address of its support as far as that is known."""
    cards = await act.rows(_OF, {"vendor": account.parent_id or 0})
    if not cards:
        return "Ask the account's vendor."
    (card,) = cards
    where = ", ".join(each for each in (card.support_email, card.support_phone) if each)
    return f"Ask {card.name} ({where})." if where else f"Ask {card.name}."
