"""Trying a charge out: whether a chain has the credit for it, seen without holding anybody's balance."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from models.beyond.balances import Key, key_of, seen_all
from models.beyond.ledger import Amount, Short, shortage
from models.store import StoreError
from models.writer import Writer


@dataclass(frozen=True, slots=True)
class _Unopened:
    """A balance that the first charge will open."""

    buyer_id: int
    seller_path: str
    currency: str
    owed_micros: int = 0

    @property
    def credit_limit_micros(self) -> int | None:
        """None is granted, but by the manufacturers to the provider."""
        return 0 if self.seller_path else None


async def short_of(writer: Writer, amounts: Sequence[Amount], *, waived_from: str | None = None) -> Short | None:
    """Where credit would be short if the edges of a chain were charged now, as `ledger.charge` tells it.

    By the time they are it may be otherwise.

    Args:
        writer: the transaction.
        amounts: any number for an edge; the edge furthest down is the buyer's own.
        waived_from: see `ledger.charge`.

    Raises:
        StoreError: the buyer is out of scope.
    """
    due = [amount for amount in amounts if amount.micros]
    if not due:
        return None
    own = max((amount.edge for amount in amounts), key=lambda edge: len(edge.buyer_path))
    if not writer.scope.holds(own.buyer_path):
        raise StoreError(f"{own.buyer_path} is out of scope")
    async with writer.beyond("trying out whether a chain has the credit") as db:
        found: dict[Key, Any] = await seen_all(db, ((each.edge, each.currency) for each in due))
    for each in due:
        opened = _Unopened(each.edge.buyer_id, each.edge.seller_path, each.currency)
        found.setdefault(key_of(opened), opened)
    return shortage(found, due, own, waived_from)
