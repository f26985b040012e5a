"""Resellers: creating them."""

from models import AccountType
from resolvers import account_creation
from resolvers.account_creation import CODES, TAKEN, VENDOR, NewAccount, add_card
from resolvers.act import Act
from resolvers.inputs import Color, Email, Input, Phone, Text200, Url, said
from resolvers.operation import operation
from resolvers.privileges import Privilege
from resolvers.trade_inputs import Currency


class CardInput(Input):
    """How a vendor shows itself to the accounts below it."""

    name: Text200 | None = said("The brand; the account's name if left out.", None)
    support_email: Email | None = said("Where to write for help.", None)
    support_phone: Phone | None = said("Where to call for help, in international form.", None)
    support_url: Url | None = said("Where to read for help, as `https://…`.", None)
    logo_url: Url | None = said("The brand's picture, as `https://…`.", None)
    brand_color: Color | None = said("The brand's colour, as in CSS: `#` and six hexadecimal digits.", None)


class ResellerCreate(NewAccount):
    """A new reseller."""

    currency: Currency = said("In which it sells, as ISO 4217. It can't be changed later.")
    card: CardInput | None = said("How it shows itself to accounts below it.", None)


@operation(
    noun="reseller",
    privilege=Privilege.ACCOUNTS_CREATE,
    gives="account",
    target=VENDOR,
    taken=TAKEN,
    codes=CODES,
    bulk=True,
)
async def create(act: Act, given: ResellerCreate) -> None:
    """Create a reseller right below an account, with its contacts; its administrator is invited by mail.

    It owes its vendor nothing and has no credit until terms are granted.
    """
    account = await account_creation.create(act, given, AccountType.RESELLER, given.currency)
    card = given.card.model_dump() if given.card else {}
    await add_card(act, account, card.pop("name", None) or given.name, **card)
