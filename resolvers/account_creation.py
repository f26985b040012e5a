"""Creating accounts: what customers and resellers have in common."""

from typing import Any

from sqlalchemy import bindparam, select

from models import Account, AccountStatus, AccountType, UserKind, VendorCard
from models import path as paths
from models.beyond import chain, place
from models.beyond.balances import open_edge
from models.life import account as life
from models.life.account import AccountEvent
from models.life.standing import standing
from models.statement import Row, Statement
from resolvers.account_changes import (
    MOST_CONTACTS,
    AddressInput,
    ContactInput,
    columns_of,
    contact_of,
    index_name,
)
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import (
    MOST_ATTRIBUTES,
    AccountId,
    Attributes,
    Email,
    Input,
    Language,
    Phone,
    Text100,
    Text200,
    said,
)
from resolvers.invitations import Invited, invite_person
from resolvers.operation import Target
from resolvers.privileges import Privilege
from resolvers.products import MARKETPLACE
from resolvers.rights import full_access
from resolvers.trade_inputs import MarketplaceId

VENDOR = Target(ACCOUNT, by="vendor", is_changed=False)
TAKEN = {"account_parent_external": "external_id"}
CODES = (
    UserErrorCode.ACCOUNT_ON_HOLD,
    UserErrorCode.PERSONAL_DATA,
    UserErrorCode.REQUIRED,
    UserErrorCode.TOO_LONG,
)
_MOST_LEVELS = 100
"""Below the provider; a path must fit into an index."""
_MARKETPLACE = Statement(select(MARKETPLACE.c.id).where(MARKETPLACE.c.id == bindparam("row_id")), is_lookup=True)


class AdministratorInput(Input):
    """Whoever shall manage a new account."""

    email: Email = said("Where the invitation goes; also what they sign in with.")
    first_name: Text100 = said("The given name.")
    last_name: Text100 = said("The family name.")
    phone_number: Phone | None = said("The telephone number in international form, as `+4930123456` (E.164).", None)
    language: Language = said("The language of panels, as BCP 47; the account's if left out. Mails are English.", None)


class NewAccount(Input):
    """A new account."""

    vendor: AccountId | None = said("The account above it; the caller's own if it is left out.", None)
    name: Text200 = said("The company's or person's name.")
    external_id: Text100 | None = said("Its id in its vendor's own system; unique among that vendor's accounts.", None)
    language: Language = said("The language of notifications and panels, as BCP 47.", "en")
    tax_registration_id: Text100 | None = said("Its tax number.", None)
    address: AddressInput | None = said("Its postal address.", None)
    attributes: Attributes = said("Its custom attributes, at most 50.", None, most=MOST_ATTRIBUTES)
    contacts: list[ContactInput] = said(
        "Whom to ask, at most 20. Takes the privilege to see personal data.", None, most=MOST_CONTACTS
    )
    marketplace: MarketplaceId | None = said("Where it buys; its vendor's if it is left out.", None)
    administrator: AdministratorInput | None = said(
        "Who is invited to manage it, with all that an account of its type may do. Takes the privilege to see"
        " personal data.",
        None,
    )
    activate: bool = said(
        "Whether it is active at once, which takes the privilege `accounts:activate`; else it waits until the"
        " invitation is followed or it is activated.",
        default=False,
    )


async def create(act: Act, given: NewAccount, of_type: AccountType, currency: str | None = None) -> Account:
    """Store a new account below the target, with everything that belongs to it.

    Raises:
        RefusedError: the vendor takes no accounts, or something in the input isn't right.
    """
    await _check(act, given)
    account_id = await place.new_account_id(act.writer, act.target.path)
    path = paths.child(act.target.path, account_id)
    status = life.after(None, AccountEvent.CREATE, AccountStatus.ACTIVE if given.activate else None)
    account = Account(
        id=account_id,
        parent_id=act.target.id,
        path=path,
        shard_id=paths.shard_id(path),
        type=of_type,
        status=status,
        status_since=act.now,
        currency=currency,
        marketplace_id=given.marketplace or act.target.marketplace_id,
        created_at=act.now,
        updated_at=act.now,
        **given.given("external_id", "language", "tax_registration_id"),
        **columns_of(given),
    )
    await act.add(account)
    await index_name(act, path, given.name)
    edge = (await chain.edges(act.writer, path))[-1]
    await open_edge(act.writer, edge.seller_path, path, edge.currency, at=act.now)
    for position, contact in enumerate(given.contacts or ()):
        await act.add(contact_of(account, position, contact.model_dump()))
    if given.administrator is not None:
        await _invite(act, account, given.administrator)
    await place.grow(act.writer, path)
    act.gives(account=account_id)
    return account


async def add_card(act: Act, account: Row, name: str, **values: Any) -> None:
    """Store the card by which an account is known below it."""
    own = {"account_id": account.id, "path": account.path, "shard_id": account.shard_id}
    await act.add(VendorCard(**own, name=name, **values))


def check_vendor(act: Act, vendor: Row) -> None:
    """Refuse what can't have accounts below it, or none that the caller could see.

    Raises:
        RefusedError: it can't.
    """
    if vendor.type == AccountType.CUSTOMER:
        act.refuse(UserErrorCode.INVALID, "It is a customer, which can't have accounts below it.", "vendor")
    if not act.writer.scope.holds(paths.child(vendor.path, 0)):
        act.refuse(UserErrorCode.INVALID, "What lies below it is out of your reach.", "vendor")


async def _check(act: Act, given: NewAccount) -> None:
    vendor = act.target
    if given.activate:
        act.caller.require(Privilege.ACCOUNTS_ACTIVATE)
    check_vendor(act, vendor)
    if paths.depth(vendor.path) >= _MOST_LEVELS:
        act.refuse(UserErrorCode.INVALID, f"It is {_MOST_LEVELS} levels below the provider.", "vendor")
    *above, own = await chain.statuses(act.writer, vendor.path)
    why_not = standing(own, above).orders
    if why_not:
        act.refuse(UserErrorCode.ACCOUNT_ON_HOLD, why_not, "vendor")
    for name in ("contacts", "administrator"):
        if getattr(given, name) and not act.caller.may(Privilege.PERSONAL_DATA_VIEW):
            act.fault(UserErrorCode.PERSONAL_DATA, "This takes the privilege to see personal data.", name)
    if given.marketplace is not None and not await act.rows(_MARKETPLACE, {"row_id": given.marketplace}):
        act.fault(UserErrorCode.NOT_FOUND, "There is no such marketplace.", "marketplace")
    act.check()


async def _invite(act: Act, account: Account, who: AdministratorInput) -> None:
    language = who.language or account.language
    person = Invited(who.email, who.first_name, who.last_name, who.phone_number, language)
    await invite_person(act, account, person, UserKind.ADMINISTRATOR, [full_access(account.type)])
