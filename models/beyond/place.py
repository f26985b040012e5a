"""Where accounts stand in the tree: new places, and moves of whole subtrees."""

from sqlalchemy import Integer, Text, bindparam, func, literal, select, update
from sqlalchemy import Sequence as SqlSequence

from models import path as paths
from models.account import Account, AccountStatus, AccountType
from models.base import table_of
from models.statement import Statement, any_of
from models.store import StoreError
from models.writer import Writer

_ACCOUNT = table_of(Account)
_C = _ACCOUNT.c
_BELOW = (
    _C.path >= bindparam("after_self", type_=Text),
    _C.path < bindparam("after_subtree", type_=Text),
)
_LIVE_BELOW = Statement(select(_C.id).where(*_BELOW, _C.status != AccountStatus.CANCELLED.value).limit(1))
_NEXT = {
    "postgresql": Statement(select(SqlSequence("account_id_seq").next_value().label("id"))),
    "sqlite": Statement(select((func.coalesce(func.max(_C.id), 0) + 1).label("id"))),
}

_IDS_BELOW = _ACCOUNT.alias("below").c
_SIZE = (
    select(func.count())
    .where(_IDS_BELOW.path >= _C.path, _IDS_BELOW.path < _C.path + paths.AFTER_SUBTREE)
    .scalar_subquery()
)
_SMALL = 8
"""Size classes up to here are kept as accounts are added; counting more takes too long, and matters less."""
_GROWN = Statement(
    select(_C.id)
    .where(any_of(_C.id, "ids"), _C.size_class < _SMALL, literal(1, Integer).bitwise_lshift(_C.size_class + 1) <= _SIZE)
    .with_for_update(skip_locked=True, of=_ACCOUNT),
    is_lookup=True,
)
_GROW = Statement(update(_ACCOUNT).where(any_of(_C.id, "ids")).values(size_class=_C.size_class + 1))
_PROMOTE = Statement(
    update(_ACCOUNT)
    .where(_C.path == bindparam("of_path", type_=Text), _C.type == AccountType.CUSTOMER.value)
    .values(type=AccountType.RESELLER.value, currency=bindparam("new_currency", type_=Text))
)


async def new_account_id(writer: Writer, vendor_path: str) -> int:
    """An id that no account has, nor gets from anyone else; by it its path is made.

    Raises:
        StoreError: the vendor is out of scope.
    """
    _require(writer, vendor_path)
    async with writer.beyond("numbering a new account") as db:
        return int((await db.rows(_NEXT[db.engine]))[0].id)


async def grow(writer: Writer, path: str) -> None:
    """Let the accounts above a new one know how many they have below them, roughly.

    Whom another transaction holds is left to the next one.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    async with writer.beyond("counting accounts below") as db:
        grown = [row.id for row in await db.rows(_GROWN, {"ids": paths.ancestor_ids(path)})]
        if grown:
            await db.write(_GROW, {"ids": grown})


async def promote(writer: Writer, path: str, currency: str) -> None:
    """Make a customer a reseller that sells in a currency: what nobody may change otherwise.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    async with writer.beyond("promoting a customer") as db:
        await db.write(_PROMOTE, {"of_path": path, "new_currency": currency})


async def has_live_accounts_below(writer: Writer, path: str) -> bool:
    """Whether an account has others below it that aren't cancelled, within the caller's reach or not.

    Raises:
        StoreError: the account is out of scope.
    """
    _require(writer, path)
    bounds = {"after_self": path + paths.AFTER_SELF, "after_subtree": path + paths.AFTER_SUBTREE}
    async with writer.beyond("looking below an account") as db:
        return bool(await db.rows(_LIVE_BELOW, bounds))


def _require(writer: Writer, *held: str) -> None:
    for path in held:
        if not writer.scope.holds(path):
            raise StoreError(f"{path} is out of scope")
