"""Transfers: an account with all below it gets another vendor within the caller's line."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace

from sqlalchemy import bindparam, select

from models import AccountStatus, PriceModel, PriceType
from models import path as paths
from models.base import PeriodType
from models.beyond import chain, moving, place
from models.beyond.balances import open_edge
from models.beyond.chain import Edge
from models.beyond.moving import Charge
from models.beyond.pricing import EdgePrice, Missing, Wanted, prices
from models.life import account as life
from models.life.account import AccountEvent
from models.life.standing import standing
from models.statement import Row, Statement
from resolvers.account_creation import check_vendor
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import AccountId, Input, Text500, said
from resolvers.operation import Target, operation
from resolvers.ordering.amounts import Tiers, amount, converted
from resolvers.ordering.periods import Period
from resolvers.privileges import Privilege

MOST_ACCOUNTS = 1_000
MOST_ITEMS = 5_000
"""What is moved at once: more would keep everybody else waiting. Measured on PostgreSQL with 100,000 accounts, 1,692
accounts with 3,402 services took 12 seconds, and 13,522 accounts longer than a statement may.
"""
_MOST_LEVELS = 100
_MOST_NAMED = 5
_MONTH = Period(PeriodType.MONTH, 1)
_ACCOUNT_ROW = Statement(select(*ACCOUNT.c).where(ACCOUNT.c.id == bindparam("row_id")), ACCOUNT.name, is_lookup=True)
_LOCK = Statement(
    select(*ACCOUNT.c).where(ACCOUNT.c.id == bindparam("row_id")).with_for_update(), ACCOUNT.name, is_lookup=True
)


class AccountTransfer(Input):
    """Which account gets which vendor."""

    account: AccountId = said("The account: one below the caller's own. All below it comes along.")
    vendor: AccountId = said("Its new vendor: the caller's own account, or a reseller below it.")
    reason: Text500 | None = said("Why, for the change log.", None)


@operation(
    privilege=Privilege.ACCOUNTS_TRANSFER,
    gives="account",
    target=Target(ACCOUNT, by="account", below=True, is_locked=False),
    event=AccountEvent.TRANSFER,
    taken={"account_parent_external": "vendor"},
    codes=(
        UserErrorCode.ACCOUNT_ON_HOLD,
        UserErrorCode.ALREADY_DONE,
        UserErrorCode.CYCLE,
        UserErrorCode.NOT_OFFERED,
        UserErrorCode.OPEN_CHANGE,
        UserErrorCode.TOO_LONG,
    ),
)
async def transfer(act: Act, given: AccountTransfer) -> None:
    """Move an account with all below it to another vendor within the caller's line.

    What it ordered so far and what it owes for it stay with its old vendor. With the new one it has no credit until
    terms are granted. Its subscriptions go on, at the prices of its new vendors from the next bill on; so these must
    offer all that is in use.
    """
    await moving.alone(act.writer)
    account = act.target = await _locked(act)
    status = AccountStatus(account.status)
    if not life.can(status, AccountEvent.TRANSFER):
        act.refuse(UserErrorCode.WRONG_STATE, f"The account is {status.value}.", "account")
    vendor = await _vendor(act, given.vendor)
    await _check_subtree(act, vendor)
    old_name = (await act.rows(_ACCOUNT_ROW, {"row_id": account.parent_id}))[0].name
    to_path = await moving.move(act.writer, account, vendor, act.now)
    edges = await chain.edges(act.writer, to_path)
    await _recharge(act, to_path, edges)
    await open_edge(act.writer, vendor.path, to_path, edges[-1].currency, at=act.now)
    await place.grow(act.writer, to_path)
    reason = {"reason": given.reason} if given.reason else {}
    # Told at both places, and at each only what concerns it.
    await act.note(ACCOUNT, _at(account, account.path), {"vendor": old_name}, reason)
    await act.note(ACCOUNT, _at(account, to_path), {}, {"vendor": vendor.name} | reason)


def _at(account: Row, path: str) -> SimpleNamespace:
    return SimpleNamespace(id=account.id, path=path)


async def _locked(act: Act) -> Row:
    """The account, locked now that nobody else moves any: two opposite transfers would wait for each other else.

    Raises:
        RefusedError: it was changed since it was found, or moved out of reach.
    """
    rows = await act.rows(_LOCK, {"row_id": act.target.id})
    if not rows or not act.writer.scope.holds(rows[0].path):
        act.refuse(UserErrorCode.NOT_FOUND, "There is no such account.", "account")
    if rows[0].version != act.target.version:
        message = f"It has changed meanwhile: its version is {rows[0].version}."
        act.refuse(UserErrorCode.CONFLICT, message, "expected_version")
    return rows[0]


async def _vendor(act: Act, vendor_id: int) -> Row:
    """The new vendor, which stays as it is until the transaction ends.

    Raises:
        RefusedError: the account can't hang there.
    """
    rows = await act.rows(_ACCOUNT_ROW, {"row_id": vendor_id})
    if not rows:
        act.refuse(UserErrorCode.NOT_FOUND, "There is no such vendor.", "vendor")
    (vendor,) = rows
    if vendor.id == act.target.parent_id:
        act.refuse(UserErrorCode.ALREADY_DONE, "It is its vendor already.", "vendor")
    if paths.contains(act.target.path, vendor.path):
        act.refuse(UserErrorCode.CYCLE, "It is the account itself, or lies below it.", "vendor")
    check_vendor(act, vendor)
    *above, own = await chain.statuses(act.writer, vendor.path)
    why_not = standing(own, above).orders
    if why_not:
        act.refuse(UserErrorCode.ACCOUNT_ON_HOLD, why_not, "vendor")
    return vendor


async def _check_subtree(act: Act, vendor: Row) -> None:
    """Lock what moves; refuse if it is too much, or something in it is under way."""
    subtree = await moving.locked_subtree(act.writer, act.target.path)
    if len(subtree) > MOST_ACCOUNTS:
        message = (
            f"It is {len(subtree):,} accounts; at most {MOST_ACCOUNTS:,} are moved at once. Create it anew below its"
            " new vendor, move what lies below it there part by part, and cancel it."
        )
        act.refuse(UserErrorCode.TOO_LONG, message, "account")
    levels = max(paths.depth(row.path) for row in subtree) - paths.depth(act.target.path) + 1
    if paths.depth(vendor.path) + levels > _MOST_LEVELS:
        message = f"It would reach more than {_MOST_LEVELS} levels below the provider."
        act.refuse(UserErrorCode.INVALID, message, "vendor")
    if await moving.has_open_orders(act.writer, act.target.path):
        message = "It, or an account below it, has an order under way. Wait for it, or cancel it."
        act.refuse(UserErrorCode.OPEN_CHANGE, message, "account")


async def _recharge(act: Act, path: str, edges: Sequence[Edge]) -> None:
    """Let what is in use below a path cost what the vendors of its chain ask.

    Raises:
        RefusedError: one of them doesn't offer it.
    """
    items = await moving.live_items(act.writer, path, MOST_ITEMS + 1)
    if len(items) > MOST_ITEMS:
        message = f"It has more than {MOST_ITEMS:,} services, the most that are moved at once."
        act.refuse(UserErrorCode.TOO_LONG, message, "account")
    if not items:
        return
    found = await prices(act.writer, edges, [_wanted(line, item) for line, item in enumerate(items)], act.now.date())
    if isinstance(found, Missing):
        names = sorted({items[line].mpn for line in found.lines})
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        message = f"These are in use and not offered by its new vendors: {', '.join(names[:_MOST_NAMED])}{more}."
        act.refuse(UserErrorCode.NOT_OFFERED, message, "vendor")
    await moving.recharge(act.writer, path, [item.id for item in items], list(_charges(items, found)))


def _wanted(line: int, item: Row) -> Wanted:
    period = PeriodType(item.period_type), item.period_duration
    return Wanted(line, item.product_id, item.plan_id, *period)


def _charges(items: Sequence[Row], found: Sequence[EdgePrice]) -> Iterator[Charge]:
    for price in (each for each in found if each.type is PriceType.RECURRING):
        item = items[price.line]
        cost = amount(Tiers.stored(PriceModel(price.model), price.amount_micros, price.tiers), item.quantity)
        yield Charge(
            item_id=item.id,
            subscription_id=item.subscription_id,
            path=item.path,
            shard_id=item.shard_id,
            seller_id=price.edge.seller_id,
            seller_path=price.edge.seller_path,
            buyer_id=price.edge.buyer_id,
            status=item.status,
            currency=price.currency,
            unit_micros=cost.unit_micros,
            monthly_micros=_monthly(item, cost.extended_micros),
        )


def _monthly(item: Row, extended_micros: int) -> int:
    """What a billing period's amount comes to in a month; the same where nobody knows how long the period is."""
    billed = PeriodType(item.billing_period_type)
    if billed in (PeriodType.STATEMENT_DAY, PeriodType.UNKNOWN):
        return extended_micros
    return converted(extended_micros, Period(billed, item.billing_period_duration), _MONTH)
