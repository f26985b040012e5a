"""The vendor chain above a buyer: who sells to whom from the manufacturers down, and how those accounts stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import func, select

from models import path as paths
from models.account import Account, AccountStatus
from models.base import table_of
from models.money import DEFAULT_CURRENCY
from models.statement import Row, Statement, any_of
from models.store import StoreError
from models.writer import TryAgainError, Writer


@dataclass(frozen=True, slots=True)
class Edge:
    """Two neighbours in the tree, one of whom sells to the other.

    Args:
        seller_id: None for the manufacturers, from whom the provider buys.
        seller_path: empty for them.
        buyer_id: the account right below.
        buyer_path: its path.
        currency: in which the seller sells, as an ISO 4217 code.
    """

    seller_id: int | None
    seller_path: str
    buyer_id: int
    buyer_path: str
    currency: str


_ACCOUNT = table_of(Account)
_C = _ACCOUNT.c
_ROOT_FIRST = (func.length(_C.path), _C.id)
_CHAIN = Statement(
    select(_C.id, _C.path, _C.currency).where(any_of(_C.id, "ids")).order_by(*_ROOT_FIRST), is_lookup=True
)
_PROVIDER = Statement(select(_C.id, _C.path, _C.status).where(any_of(_C.id, "ids")), is_lookup=True)
_STATUSES = Statement(
    select(_C.id, _C.path, _C.status)
    .where(any_of(_C.id, "ids"))
    .order_by(*_ROOT_FIRST)
    .with_for_update(read=True, of=_ACCOUNT),
    is_lookup=True,
)


async def edges(writer: Writer, buyer_path: str) -> list[Edge]:
    """The edges by which an account is supplied: the manufacturers' first, its own last.

    Raises:
        StoreError: the account is out of scope.
        TryAgainError: it has just been moved.
    """
    ids = _ids(writer, buyer_path)
    async with writer.beyond("following a vendor chain") as db:
        accounts = await db.rows(_CHAIN, {"ids": ids})
    _require_chain(accounts, buyer_path)
    of_provider = accounts[0].currency or DEFAULT_CURRENCY
    found = [Edge(None, "", accounts[0].id, accounts[0].path, of_provider)]
    for seller, buyer in pairwise(accounts):
        found.append(Edge(seller.id, seller.path, buyer.id, buyer.path, seller.currency or of_provider))
    return found


async def statuses(writer: Writer, path: str) -> list[AccountStatus]:
    """How the accounts of a chain stand, from the provider down, the account itself last.

    Until the transaction ends nobody can change that, hold or move one of them; but for the provider, on whom every
    order would wait, and whom nobody holds.

    Raises:
        StoreError: the account is out of scope.
        TryAgainError: it has just been moved.
    """
    provider, *below = _ids(writer, path)
    async with writer.beyond("locking a vendor chain") as db:
        accounts = await db.rows(_PROVIDER, {"ids": [provider]})
        if below:
            accounts += await db.rows(_STATUSES, {"ids": below})
    _require_chain(accounts, path)
    return [AccountStatus(account.status) for account in accounts]


def _ids(writer: Writer, path: str) -> list[int]:
    if not writer.scope.holds(path):
        raise StoreError(f"{path} is out of scope")
    return [*paths.ancestor_ids(path), paths.account_id(path)]


def _require_chain(accounts: Sequence[Row], path: str) -> None:
    """Make sure that the accounts are those of the path.

    Raises:
        TryAgainError: not any more.
    """
    expected = [path[:end] for end in range(paths.WIDTH, len(path) + 1, paths.WIDTH)]
    if [account.path for account in accounts] != expected:
        raise TryAgainError(f"the account at {path} has been moved")
