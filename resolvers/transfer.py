"""Transfers: an account with all below it gets another vendor within the caller's line."""

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import TypeAlias
from weakref import WeakKeyDictionary

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
from models.writer import Writer
from resolvers.account_creation import check_vendor
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import AccountId, Input, Text500, said
from resolvers.operation import Target, operation
from resolvers.ordering.amounts import Tiers, TooMuchError, amount, converted
from resolvers.ordering.periods import Period
from resolvers.privileges import Privilege

MOST_ACCOUNTS = 3_000
MOST_CHARGES = 50_000
"""What is moved in one transaction: more would keep everybody else waiting, and a statement has 5 seconds.

A service has a charge for each vendor above it. Measured on PostgreSQL with 100,000 accounts on a busy machine: 1,692
accounts with 3,402 services took 3 to 4 seconds; 2,839 with 5,745 took 4 to 6, their longest statement 1.1; 13,557 took
40, their longest 8.5.
"""
_moved: WeakKeyDictionary[Writer, int] = WeakKeyDictionary()
"""How many accounts a transaction has moved so far: several, if it is of a bulk that is all or nothing."""
_PART_BY_PART = "Create it anew below its new vendor, move what lies below it there part by part, and cancel it"
_MOST_LEVELS = 100
_MOST_NAMED = 5
_MONTH = Period(PeriodType.MONTH, 1)
_Key: TypeAlias = tuple[int, int, PeriodType, int]
"""A product, its plan and the subscription period: for what there is a price."""
_ACCOUNT_ROW = Statement(select(*ACCOUNT.c).where(ACCOUNT.c.id == bindparam("row_id")), ACCOUNT.name, is_lookup=True)


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
        UserErrorCode.OUT_OF_RANGE,
        UserErrorCode.TOO_LONG,
    ),
    bulk=True,
)
async def transfer(act: Act, given: AccountTransfer) -> None:
    """Move an account with all below it to another vendor within the caller's line.

    What it ordered so far and what it owes for it stay with its old vendor. With the new one it has no credit until
    terms are granted. Its subscriptions go on, at the prices of its new vendors from the next bill on; so these must
    offer all that is in use.
    """
    await moving.alone(act.writer)
    subtree = await _locked(act)
    account = act.target
    status = AccountStatus(account.status)
    if not life.can(status, AccountEvent.TRANSFER):
        act.refuse(UserErrorCode.WRONG_STATE, f"The account is {status.value}.", "account")
    vendor = await _vendor(act, given.vendor)
    await _check_subtree(act, vendor, subtree)
    items = await _services(act, vendor)
    old_name = (await act.rows(_ACCOUNT_ROW, {"row_id": account.parent_id}))[0].name
    to_path = await moving.move(act.writer, account, vendor, act.now)
    edges = await chain.edges(act.writer, to_path)
    await _recharge(act, to_path, edges, items)
    await open_edge(act.writer, vendor.path, to_path, edges[-1].currency, at=act.now)
    await place.grow(act.writer, to_path)
    _moved[act.writer] = _moved.get(act.writer, 0) + len(subtree)
    reason = {"reason": given.reason} if given.reason else {}
    # Told at both places, and at each only what concerns it.
    await act.note(ACCOUNT, _at(account, account.path), {"vendor": old_name}, reason)
    await act.note(ACCOUNT, _at(account, to_path), {}, {"vendor": vendor.name} | reason)


def _at(account: Row, path: str) -> SimpleNamespace:
    return SimpleNamespace(id=account.id, path=path)


async def _locked(act: Act) -> list[Row]:
    """The account and all below it, locked now that nobody else moves any; the target is as it stands now.

    They are locked by their ids, as a bulk locks its targets, so that the two never wait for each other in a circle.

    Raises:
        RefusedError: it was changed since it was found, or moved out of reach.
    """
    found = await act.rows(_ACCOUNT_ROW, {"row_id": act.target.id})
    if not found or not act.writer.scope.holds(found[0].path):
        act.refuse(UserErrorCode.NOT_FOUND, "There is no such account.", "account")
    subtree = await moving.locked_subtree(act.writer, found[0].path)
    (account,) = await act.rows(_ACCOUNT_ROW, {"row_id": act.target.id})
    if account.version != act.target.version:
        message = f"It has changed meanwhile: its version is {account.version}."
        act.refuse(UserErrorCode.CONFLICT, message, "expected_version")
    act.target = account
    return subtree


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


async def _check_subtree(act: Act, vendor: Row, subtree: Sequence[Row]) -> None:
    """Refuse if what moves is too much, or something in it is under way."""
    before = _moved.get(act.writer, 0)
    if before + len(subtree) > MOST_ACCOUNTS:
        how = "Move fewer items at once" if before else _PART_BY_PART
        beside = f" beside {before:,} of earlier items" if before else ""
        message = f"It is {len(subtree):,} accounts{beside}; at most {MOST_ACCOUNTS:,} are moved at once. {how}."
        act.refuse(UserErrorCode.TOO_LONG, message, "account")
    levels = max(paths.depth(row.path) for row in subtree) - paths.depth(act.target.path) + 1
    if paths.depth(vendor.path) + levels > _MOST_LEVELS:
        message = f"It would reach more than {_MOST_LEVELS} levels below the provider."
        act.refuse(UserErrorCode.INVALID, message, "vendor")
    if await moving.has_open_orders(act.writer, act.target.path):
        message = "It, or an account below it, has an order under way. Wait for it, or cancel it."
        act.refuse(UserErrorCode.OPEN_CHANGE, message, "account")


async def _services(act: Act, vendor: Row) -> list[Row]:
    """What is in use in the subtree, where it is still.

    Raises:
        RefusedError: it is too much.
    """
    most = MOST_CHARGES // (paths.depth(vendor.path) + 2)  # by the manufacturers, whoever is above, and the vendor
    items = await moving.live_items(act.writer, act.target.path, most + 1)
    if len(items) > most:
        message = f"It has more than {most:,} services, the most that are moved at once to where it goes."
        act.refuse(UserErrorCode.TOO_LONG, f"{message} {_PART_BY_PART}.", "account")
    return items


async def _recharge(act: Act, path: str, edges: Sequence[Edge], items: Sequence[Row]) -> None:
    """Let what is in use cost what the vendors of its chain ask, where it is now.

    Raises:
        RefusedError: one of them doesn't offer it, or asks more than can be counted.
    """
    if not items:
        return
    lines = {_key(item): item for item in items}  # many services are of one product, at one price
    wanted = [Wanted(line, *key) for line, key in enumerate(lines)]
    found = await prices(act.writer, edges, wanted, act.now.date())
    if isinstance(found, Missing):
        mpns = [item.mpn for item in lines.values()]
        names = sorted({mpns[line] for line in found.lines})
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        message = f"These are in use and not offered by its new vendors: {', '.join(names[:_MOST_NAMED])}{more}."
        act.refuse(UserErrorCode.NOT_OFFERED, message, "vendor")
    by_key: dict[_Key, list[tuple[EdgePrice, Tiers]]] = {key: [] for key in lines}
    keys = list(lines)
    for price in (each for each in found if each.type is PriceType.RECURRING):
        tiers = Tiers.stored(PriceModel(price.model), price.amount_micros, price.tiers)
        by_key[keys[price.line]].append((price, tiers))
    charges = [charge for item in items for charge in _charges(act, path, item, by_key[_key(item)])]
    await moving.recharge(act.writer, path, [item.id for item in items], charges)


def _key(item: Row) -> _Key:
    return item.product_id, item.plan_id, PeriodType(item.period_type), item.period_duration


def _charges(act: Act, path: str, item: Row, asked: Sequence[tuple[EdgePrice, Tiers]]) -> Iterator[Charge]:
    """What a service of the subtree costs on every edge.

    Raises:
        RefusedError: it can't be counted.
    """
    for price, tiers in asked:
        try:
            cost = amount(tiers, item.quantity)
            monthly_micros = _monthly(item, cost.extended_micros)
        except TooMuchError as error:
            message = f"At the prices of its new vendors a service of {item.mpn} costs too much. {error}"
            act.refuse(UserErrorCode.OUT_OF_RANGE, message, "vendor")
        yield Charge(
            item_id=item.id,
            subscription_id=item.subscription_id,
            path=path + item.path[len(act.target.path) :],
            shard_id=paths.shard_id(path),
            seller_id=price.edge.seller_id,
            seller_path=price.edge.seller_path,
            buyer_id=price.edge.buyer_id,
            status=item.status,
            currency=price.currency,
            unit_micros=cost.unit_micros,
            monthly_micros=monthly_micros,
        )


def _monthly(item: Row, extended_micros: int) -> int:
    """What a billing period's amount comes to in a month; the same where nobody knows how long the period is."""
    billed = PeriodType(item.billing_period_type)
    if billed in (PeriodType.STATEMENT_DAY, PeriodType.UNKNOWN):
        return extended_micros
    return converted(extended_micros, Period(billed, item.billing_period_duration), _MONTH)
