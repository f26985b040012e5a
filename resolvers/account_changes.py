"""Changing what is known of accounts."""

from typing import Any

from sqlalchemy import bindparam, select

from models import AccountContact, ContactType
from models.identifier import new_id
from models.statement import Row, Statement
from models.text import fold, terms
from resolvers.accounts import ACCOUNT, CONTACT, TERM
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import (
    MOST_ATTRIBUTES,
    AccountId,
    Attributes,
    Country,
    Email,
    Input,
    Language,
    Phone,
    Text35,
    Text100,
    Text200,
    said,
    stored,
)
from resolvers.operation import Target, operation
from resolvers.privileges import Privilege

MOST_CONTACTS = 20
_CONTACTS_OF = Statement(
    select(*CONTACT.c)
    .where(CONTACT.c.account_id == bindparam("account_id"))
    .order_by(CONTACT.c.position, CONTACT.c.id),
    CONTACT.name,
    is_lookup=True,
)


class AddressInput(Input):
    """A postal address."""

    street_address: Text200 | None = said("Street and number.", None)
    extension: Text200 | None = said("A second line.", None)
    postal_code: Text35 | None = said("As written in the country.", None)
    city: Text100 | None = said("Town or city.", None)
    state: Text100 | None = said("State or province, where addresses have one.", None)
    country_code: Country | None = said("ISO 3166-1 alpha-2.", None)


class ContactInput(Input):
    """A person to ask about an account."""

    type: ContactType = said("What to ask about.", ContactType.ADMIN)
    first_name: Text100 = said("The given name.")
    last_name: Text100 = said("The family name.")
    email: Email = said("The e-mail address.")
    phone_number: Phone | None = said("The telephone number in international form, as `+4930123456` (E.164).", None)


class AccountUpdate(Input):
    """What is to be known of an account from now on. What is left out stays as it is."""

    account: AccountId = said("The account.")
    name: Text200 = said("The company's or person's name.", None)
    external_id: Text100 | None = said(
        "Its id in its vendor's own system; unique among that vendor's accounts. Null removes it.", None
    )
    language: Language = said("The language of notifications and panels, as BCP 47.", None)
    tax_registration_id: Text100 | None = said("Its tax number. Null removes it.", None)
    address: AddressInput | None = said("Its whole postal address: lines that are left out are removed.", None)
    attributes: Attributes = said(
        "All its custom attributes, at most 50: what isn't listed is removed.", None, most=MOST_ATTRIBUTES
    )
    contacts: list[ContactInput] = said(
        "All whom to ask, in that order, at most 20: who isn't listed is removed."
        " Takes the privilege to see personal data.",
        None,
        most=MOST_CONTACTS,
    )


@operation(
    privilege=Privilege.ACCOUNTS_UPDATE,
    gives="account",
    target=Target(ACCOUNT, by="account"),
    taken={"account_parent_external": "external_id"},
    codes=(UserErrorCode.OWN_ACCOUNT, UserErrorCode.PERSONAL_DATA, UserErrorCode.REQUIRED, UserErrorCode.TOO_LONG),
    bulk=True,
)
async def update(act: Act, given: AccountUpdate) -> None:
    """Change what is known of an account: the caller's own, or one below.

    Only what is given changes. The external id is the vendor's, so the account itself can't change it.
    """
    if "external_id" in given.model_fields_set and act.target.id == act.caller.account_id:
        act.fault(UserErrorCode.OWN_ACCOUNT, "Only an account above can change it.", "external_id")
    if given.model_fields_set >= {"contacts"} and not act.caller.may(Privilege.PERSONAL_DATA_VIEW):
        act.fault(UserErrorCode.PERSONAL_DATA, "This takes the privilege to see personal data.", "contacts")
    act.check()
    values = given.given("external_id", "language", "tax_registration_id") | columns_of(given)
    has_changed = await act.change(ACCOUNT, act.target, **values)
    if "name" in values:
        await index_name(act, act.target.path, given.name)
    if "contacts" in given.model_fields_set and await _replace_contacts(act, given.contacts) and not has_changed:
        await act.touch(ACCOUNT, act.target)


def columns_of(given: Any) -> dict[str, Any]:
    """Name, address and attributes of an input, as an account has them, as far as they are given."""
    values: dict[str, Any] = {}
    if "name" in given.model_fields_set:
        values |= {"name": given.name, "name_key": fold(given.name)}
    if "address" in given.model_fields_set:
        lines = (given.address or AddressInput()).model_dump()
        values |= {"address_extension" if name == "extension" else name: line for name, line in lines.items()}
    if "attributes" in given.model_fields_set:
        values["attributes"] = stored(given.attributes)
    return values


async def index_name(act: Act, path: str, name: str) -> None:
    """Have search find an account by its name."""
    await act.work_out(TERM, "path", path, [{"path": path, "term": term} for term in terms(name)])


async def _replace_contacts(act: Act, contacts: list[ContactInput]) -> bool:
    """Make these people the account's contacts; returns whether they weren't."""
    known = await act.rows(_CONTACTS_OF, {"account_id": act.target.id})
    wanted = [contact.model_dump() for contact in contacts]
    if wanted == [{name: getattr(row, name) for name in ContactInput.model_fields} for row in known]:
        return False
    for row in known:
        await act.remove(CONTACT, row)
    for position, values in enumerate(wanted):
        await act.add(contact_of(act.target, position, values))
    return True


def contact_of(account: Row, position: int, values: dict[str, Any]) -> AccountContact:
    """One of an account's contacts, by what `ContactInput` holds."""
    return AccountContact(
        id=new_id(),
        account_id=account.id,
        path=account.path,
        shard_id=account.shard_id,
        position=position,
        email_key=fold(values["email"]),
        **values,
    )
