"""The life of accounts: holding and releasing, activating, cancelling, reactivating."""

from sqlalchemy import bindparam, or_, select

from models import AccountStatus, Order, OrderStatus
from models.base import table_of
from models.beyond import place
from models.life.account import AccountEvent
from models.statement import Row, Statement
from resolvers import credit_rule
from resolvers.account_moves import move_account
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import AccountId, Input, Text500, said
from resolvers.operation import Target, operation
from resolvers.privileges import Privilege

_BELOW = Target(ACCOUNT, by="account", below=True)
_ORDER = table_of(Order)

_PARENT = Statement(
    select(ACCOUNT.c.status).where(ACCOUNT.c.id == bindparam("row_id")).with_for_update(read=True), is_lookup=True
)
_OPEN_ORDERS = Statement(
    select(_ORDER.c.number)
    .where(
        _ORDER.c.account_id == bindparam("account_id"),
        or_(*(_ORDER.c.status == status.value for status in (OrderStatus.SUBMITTED, OrderStatus.PROCESSING))),
    )
    .order_by(_ORDER.c.id)
    .limit(1),
    is_lookup=True,
)


class _OneBelow(Input):
    """An account and why something happens to it."""

    account: AccountId = said("The account: one below the caller's own.")
    reason: Text500 | None = said("Why. The account's own people read it.", None)


class AccountCreditHold(_OneBelow):
    """Which account to put on credit hold."""


class AccountCreditRelease(_OneBelow):
    """Which account to release from credit hold."""


class AccountAdminHold(_OneBelow):
    """Which account to put on administrative hold."""


class AccountAdminRelease(_OneBelow):
    """Which account to release from administrative hold."""


class AccountActivate(_OneBelow):
    """Which account to activate."""


class AccountCancel(_OneBelow):
    """Which account to cancel."""


class AccountReactivate(_OneBelow):
    """Which cancelled account to bring back."""


@operation(
    privilege=Privilege.ACCOUNTS_HOLD_CREDIT,
    gives="account",
    target=_BELOW,
    event=AccountEvent.CREDIT_HOLD,
    codes=(UserErrorCode.TOO_LONG,),
    bulk=True,
)
async def credit_hold(act: Act, given: AccountCreditHold) -> None:
    """Put an account on credit hold: no new orders for it and all below it; services keep running."""
    await move_account(act, act.target, AccountEvent.CREDIT_HOLD, reason=given.reason)


@operation(
    privilege=Privilege.ACCOUNTS_HOLD_CREDIT,
    gives="account",
    target=_BELOW,
    event=AccountEvent.CREDIT_RELEASE,
    codes=(UserErrorCode.HELD_ABOVE, UserErrorCode.HOLD_DEMANDED, UserErrorCode.TOO_LONG),
    bulk=True,
)
async def credit_release(act: Act, given: AccountCreditRelease) -> None:
    """Release an account from credit hold: it and all below it may order again, and what waited for that is done.

    Whom people of an account above the caller's own hold is refused; so is who owes too much or too long, until that is
    settled.
    """
    await move_account(act, act.target, AccountEvent.CREDIT_RELEASE, reason=given.reason)


@operation(
    privilege=Privilege.ACCOUNTS_HOLD_ADMIN,
    gives="account",
    target=_BELOW,
    event=AccountEvent.ADMIN_HOLD,
    codes=(UserErrorCode.TOO_LONG,),
    bulk=True,
)
async def admin_hold(act: Act, given: AccountAdminHold) -> None:
    """Put an account on administrative hold: nobody signs in, its services are held, and it takes no orders.

    Accounts below it can't order either; their services and their sign-in go on.
    """
    await move_account(act, act.target, AccountEvent.ADMIN_HOLD, reason=given.reason)


@operation(
    privilege=Privilege.ACCOUNTS_HOLD_ADMIN,
    gives="account",
    target=_BELOW,
    event=AccountEvent.ADMIN_RELEASE,
    codes=(UserErrorCode.HELD_ABOVE, UserErrorCode.TOO_LONG),
    bulk=True,
)
async def admin_release(act: Act, given: AccountAdminRelease) -> None:
    """Release an account from administrative hold, to where it was before; services that were held by it run again.

    Who owes too much or too long comes onto credit hold instead. Whom people of an account above the caller's own hold
    is refused.
    """
    await move_account(act, act.target, AccountEvent.ADMIN_RELEASE, reason=given.reason)


@operation(
    privilege=Privilege.ACCOUNTS_ACTIVATE,
    gives="account",
    target=_BELOW,
    event=AccountEvent.ACTIVATE,
    codes=(UserErrorCode.TOO_LONG,),
    bulk=True,
)
async def activate(act: Act, given: AccountActivate) -> None:
    """Activate an account whose invitation nobody has followed yet."""
    await move_account(act, act.target, AccountEvent.ACTIVATE, reason=given.reason)


@operation(
    privilege=Privilege.ACCOUNTS_CANCEL,
    gives="account",
    target=_BELOW,
    event=AccountEvent.CANCEL,
    codes=(UserErrorCode.HAS_ACCOUNTS_BELOW, UserErrorCode.OPEN_CHANGE, UserErrorCode.TOO_LONG),
    bulk=True,
)
async def cancel(act: Act, given: AccountCancel) -> None:
    """Cancel an account: nobody signs in and its services end; for 30 days they can be brought back.

    All accounts below it must be cancelled, and its orders completed or cancelled.
    """
    if await place.has_live_accounts_below(act.writer, act.target.path):
        message = "Accounts below it aren't cancelled. Cancel or move them first."
        act.refuse(UserErrorCode.HAS_ACCOUNTS_BELOW, message, "account")
    await refuse_open_orders(act, act.target)
    await move_account(act, act.target, AccountEvent.CANCEL, reason=given.reason)


@operation(
    privilege=Privilege.ACCOUNTS_ACTIVATE,
    gives="account",
    target=_BELOW,
    event=AccountEvent.REACTIVATE,
    codes=(UserErrorCode.ACCOUNT_ON_HOLD, UserErrorCode.HELD_ABOVE, UserErrorCode.TOO_LONG),
    bulk=True,
)
async def reactivate(act: Act, given: AccountReactivate) -> None:
    """Bring a cancelled account back, with the services that its cancellation ended in the last 30 days.

    Whom people of an account above the caller's own held when it was cancelled is refused. Who owes too much or too
    long comes onto credit hold.
    """
    (parent,) = await act.rows(_PARENT, {"row_id": act.target.parent_id})
    if parent.status == AccountStatus.CANCELLED:
        act.refuse(UserErrorCode.ACCOUNT_ON_HOLD, "Its vendor is cancelled. Bring that back first.", "account")
    await move_account(act, act.target, AccountEvent.REACTIVATE, reason=given.reason)
    await credit_rule.apply(act, [act.target.id])


async def refuse_open_orders(act: Act, account: Row) -> None:
    """Refuse while an order of the account is under way.

    Raises:
        RefusedError: it is.
    """
    for order in await act.rows(_OPEN_ORDERS, {"account_id": account.id}):
        message = f"Its order {order.number} is under way. Wait for it, or cancel it."
        act.refuse(UserErrorCode.OPEN_CHANGE, message, "account")
