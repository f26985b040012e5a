"""Balances: opening them, and holding them while they change. One order of locks for all: from the root down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Text, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import path as paths
from models.base import table_of
from models.beyond.chain import Edge
from models.identifier import new_id
from models.money import Balance, PaymentTerm
from models.statement import Row, Statement, any_of
from models.store import StoreError
from models.writer import Beyond, Writer


@dataclass(frozen=True, slots=True)
class Conditions:
    """On which a buyer owes.

    Args:
        terms: when it pays.
        credit_limit_micros: how much it may owe; None: any amount.
        net_days: from an invoice until it is due.
    """

    terms: PaymentTerm
    credit_limit_micros: int | None
    net_days: int = 30


NO_CREDIT = Conditions(PaymentTerm.PREPAID, 0)
"""Until a vendor grants anything else."""
UNLIMITED = Conditions(PaymentTerm.NET, None)
"""What the provider has with the manufacturers, and those had who were there before there were balances."""

BALANCE = table_of(Balance)
_B = BALANCE.c
_NEVER_CHARGED = {"owed_micros": 0, "buyer_name": None, "closes_on": None, "version": 1}
_OPEN = Statement(
    insert(BALANCE)
    .values({column.name: bindparam(column.name, type_=column.type) for column in BALANCE.c})
    .on_conflict_do_nothing(index_elements=[_B.buyer_id, _B.seller_path, _B.currency])
)
_ROOT_FIRST = (func.length(_B.path), _B.path, _B.id)
_LOCK = Statement(
    select(*BALANCE.c)
    .where(any_of(_B.buyer_id, "buyers"), any_of(_B.seller_path, "sellers", Text))
    .order_by(*_ROOT_FIRST)
    .with_for_update(),
    is_lookup=True,
)
_LOOK = Statement(
    select(*BALANCE.c).where(any_of(_B.buyer_id, "buyers"), any_of(_B.seller_path, "sellers", Text)), is_lookup=True
)
_LOCK_BY_ID = Statement(
    select(*BALANCE.c).where(any_of(_B.id, "ids")).order_by(*_ROOT_FIRST).with_for_update(), is_lookup=True
)
_OWE = Statement(
    update(BALANCE)
    .where(_B.id == bindparam("of_balance"))
    .values(
        owed_micros=_B.owed_micros + bindparam("more"),
        closes_on=bindparam("new_closes_on", type_=_B.closes_on.type),
        version=_B.version + 1,
        updated_at=bindparam("now", type_=_B.updated_at.type),
    )
)

Key = tuple[int, str, str]
"""What makes a balance the only one: the buyer's id, the seller's path, the currency."""


async def open_edge(
    writer: Writer,
    seller_path: str,
    buyer_path: str,
    currency: str,
    conditions: Conditions = NO_CREDIT,
    *,
    at: datetime,
) -> None:
    """Give a buyer a balance with its vendor; nothing happens if it has one in that currency.

    Raises:
        StoreError: the buyer is out of scope.
    """
    if not writer.scope.holds(buyer_path):
        raise StoreError(f"{buyer_path} is out of scope")
    edge = Edge(paths.account_id(seller_path), seller_path, paths.account_id(buyer_path), buyer_path, currency)
    async with writer.beyond("opening a balance") as db:
        await _open(db, edge, currency, conditions, at)


async def _open(db: Beyond, edge: Edge, currency: str, conditions: Conditions, at: datetime) -> None:
    row = _NEVER_CHARGED | {
        "id": new_id(),
        "seller_id": edge.seller_id,
        "seller_path": edge.seller_path,
        "buyer_id": edge.buyer_id,
        "path": edge.buyer_path,
        "shard_id": paths.shard_id(edge.buyer_path),
        "currency": currency,
        "terms": conditions.terms.value,
        "credit_limit_micros": conditions.credit_limit_micros,
        "net_days": conditions.net_days,
        "created_at": at,
        "updated_at": at,
    }
    await db.write(_OPEN, row)


def key_of(balance: Row) -> Key:
    """The key of a balance's row."""
    return balance.buyer_id, balance.seller_path, balance.currency


async def locked(db: Beyond, edges: Iterable[tuple[Edge, str]], at: datetime) -> dict[Key, Row]:
    """The balances of edges in their currencies, root first, nobody else's until the transaction ends.

    Those that aren't there are opened: without credit, but for the provider's with the manufacturers.
    """
    wanted = {(edge.buyer_id, edge.seller_path, currency): edge for edge, currency in edges}
    found = await _find(db, _LOCK, wanted)
    missing = wanted.keys() - found.keys()
    if not missing:
        return found
    for key in sorted(missing, key=lambda key: (len(key[1]), key)):
        conditions = NO_CREDIT if wanted[key].seller_path else UNLIMITED
        await _open(db, wanted[key], key[2], conditions, at)
    return await _find(db, _LOCK, wanted)


async def seen(db: Beyond, edge: Edge, currency: str) -> Row | None:
    """The balance of an edge as it is now."""
    key = (edge.buyer_id, edge.seller_path, currency)
    return (await _find(db, _LOOK, {key: edge})).get(key)


async def seen_all(db: Beyond, edges: Iterable[tuple[Edge, str]]) -> dict[Key, Row]:
    """Those balances of edges in their currencies that are there, as they are now."""
    return await _find(db, _LOOK, {(edge.buyer_id, edge.seller_path, currency) for edge, currency in edges})


async def _find(db: Beyond, statement: Statement, wanted: Iterable[Key]) -> dict[Key, Row]:
    keys = set(wanted)
    places = {"buyers": [key[0] for key in keys], "sellers": [key[1] for key in keys]}
    return {key_of(row): row for row in await db.rows(statement, places) if key_of(row) in keys}


async def locked_by_id(db: Beyond, ids: Sequence[int]) -> list[Row]:
    """Balances by their ids, root first, nobody else's until the transaction ends."""
    return await db.rows(_LOCK_BY_ID, {"ids": list(ids)})


async def owe(db: Beyond, balance: Row, more: int, closes_on: object, at: datetime) -> None:
    """Let a locked balance be so much more."""
    await db.write(_OWE, {"of_balance": balance.id, "more": more, "new_closes_on": closes_on, "now": at})
