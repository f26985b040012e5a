"""Customers: creating them, and promoting them to resellers."""

from sqlalchemy import bindparam, select

from models import AccountStatus, AccountType, RoleCode, UserRole
from models.base import table_of
from models.beyond import place
from models.life import account as life
from models.life.account import AccountEvent
from models.statement import Row, Statement
from resolvers import account_creation
from resolvers.account_creation import CODES, TAKEN, VENDOR, NewAccount, add_card
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import AccountId, Input, Text200, said
from resolvers.operation import Target, operation
from resolvers.privileges import Privilege
from resolvers.rights import Rights, rights_of, store_rights
from resolvers.trade_inputs import Currency
from resolvers.users import USER

_ROLE = table_of(UserRole)
_FULL_CUSTOMERS = Statement(
    select(*USER.c)
    .join(_ROLE, _ROLE.c.user_id == USER.c.id)
    .where(USER.c.account_id == bindparam("account_id"), _ROLE.c.role_code == RoleCode.CUSTOMER_FULL_ACCESS.value)
    .order_by(USER.c.id),
    USER.name,
    is_lookup=True,
)


class CustomerCreate(NewAccount):
    """A new customer."""


class CustomerPromote(Input):
    """Which customer becomes a reseller."""

    account: AccountId = said("The customer: one below the caller's own account.")
    currency: Currency = said("In which it will sell, as ISO 4217. It can't be changed later.")
    brand_name: Text200 | None = said("The name by which accounts below it will know it; its own if left out.", None)


@operation(
    noun="customer",
    privilege=Privilege.ACCOUNTS_CREATE,
    gives="account",
    target=VENDOR,
    taken=TAKEN,
    codes=CODES,
    bulk=True,
)
async def create(act: Act, given: CustomerCreate) -> None:
    """Create a customer right below an account, with its contacts; its administrator is invited by mail.

    It owes its vendor nothing and has no credit until terms are granted.
    """
    await account_creation.create(act, given, AccountType.CUSTOMER)


@operation(
    noun="customer",
    privilege=Privilege.ACCOUNTS_CREATE,
    gives="account",
    target=Target(ACCOUNT, by="account", below=True),
    event=AccountEvent.PROMOTE,
    codes=(UserErrorCode.TOO_LONG,),
)
async def promote(act: Act, given: CustomerPromote) -> None:
    """Make a customer a reseller: it sells in a currency of its own, and its administrators may do so.

    What it has ordered and what it uses stays as it is.
    """
    account, status = act.target, AccountStatus(act.target.status)
    if account.type != AccountType.CUSTOMER:
        act.refuse(UserErrorCode.WRONG_STATE, "It is a reseller already.", "account")
    if not life.can(status, AccountEvent.PROMOTE):
        act.refuse(UserErrorCode.WRONG_STATE, f"The account is {status.value}.", "account")
    await place.promote(act.writer, account.path, given.currency)
    await act.note(
        ACCOUNT,
        account,
        {"type": account.type, "currency": account.currency},
        {"type": AccountType.RESELLER.value, "currency": given.currency},
    )
    await add_card(act, account, given.brand_name or account.name)
    for user in await act.rows(_FULL_CUSTOMERS, {"account_id": account.id}):
        await _promote_user(act, user)
    await act.touch(ACCOUNT, account)


async def _promote_user(act: Act, user: Row) -> None:
    """Whoever may do everything at a customer may do everything at the reseller that it becomes."""
    before = await rights_of(act, user)
    roles = before.roles - {RoleCode.CUSTOMER_FULL_ACCESS.value} | {RoleCode.RESELLER_FULL_ACCESS.value}
    after = Rights(before.kind, roles, before.denied, is_active=before.is_active)
    if await store_rights(act, user, before, after):
        await act.touch(USER, user)
