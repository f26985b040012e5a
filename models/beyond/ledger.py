"""The ledger: what buyers owe their vendors changes here and nowhere else, along a whole chain or not at all.

A post moves an amount between two sides of the seller's books, so that its two entries sum to zero; the sum of the
posts of a balance is what is owed. Both are written in one transaction, under locks on the balances, from the root
down: two that race for the last credit take turns.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from fractions import Fraction
from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.dialects.postgresql import insert  # whose ON CONFLICT is spelled alike on SQLite

from models import path as paths
from models.base import MICROS, table_of
from models.beyond.balances import Key, key_of, locked, locked_by_id, owe, seen
from models.beyond.chain import Edge
from models.currency import payable
from models.identifier import new_id
from models.job import Job, JobKind
from models.money import LedgerEntry, LedgerPost, PaymentTerm, PostKind, Side
from models.statement import Row, Statement, any_of
from models.store import StoreError
from models.writer import Beyond, Writer

MOST_MICROS = 10**12 * MICROS
"""The most that is owed, paid or charged at once, so that no sum ever outgrows 64 bits."""


class Short(Enum):
    """Where credit doesn't suffice. Which account above is nobody's business below it."""

    OWN = "OWN"
    """The buyer's own with its vendor."""
    ABOVE = "ABOVE"
    """That of an account above the buyer."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What one edge is charged.

    Args:
        edge: who owes whom.
        micros: how much; negative: it is given back.
        currency: of the amount, an ISO 4217 code.
        text: what for, as the buyer may read it.
        quantity: how many units, where it is made of units.
        unit_micros: for one of them.
    """

    edge: Edge
    micros: int
    currency: str
    text: str = ""
    quantity: int | None = None
    unit_micros: int | None = None


@dataclass(frozen=True, slots=True)
class Of:
    """What a post is about: none, or some, of these."""

    order_id: int | None = None
    subscription_id: int | None = None
    payment_id: int | None = None
    reverses_id: int | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """One reason why more is owed, or less."""

    kind: PostKind
    micros: int
    text: str = ""
    quantity: int | None = None
    unit_micros: int | None = None
    of: Of = field(default_factory=Of)


_POST, _ENTRY, _JOB = table_of(LedgerPost), table_of(LedgerEntry), table_of(Job)
_P = _POST.c
_OTHER_SIDE = {PostKind.PAYMENT: Side.CASH, PostKind.CREDIT: Side.CREDITS}
"""What stands against what is owed; anything else against revenue."""

_ADD_POST = Statement(
    insert(_POST).values({column.name: bindparam(column.name, type_=column.type) for column in _POST.c})
)
_ADD_ENTRIES = Statement(
    insert(_ENTRY).values(
        [
            {"post_id": bindparam("post"), "side": Side.RECEIVABLE.value, "micros": bindparam("more")},
            {"post_id": bindparam("post"), "side": bindparam("other_side"), "micros": bindparam("less")},
        ]
    )
)
_POSTED = Statement(
    select(_P.id).where(_P.key == bindparam("of_key"), any_of(_P.balance_id, "balances")).limit(1), is_lookup=True
)
_POSTS = Statement(select(*_POST.c).where(_P.key == bindparam("of_key")).order_by(_P.balance_id, _P.position))
_GIVEN_BACK = Statement(
    select(_P.reverses_id, func.sum(_P.micros).label("micros"))
    .where(any_of(_P.reverses_id, "posts"))
    .group_by(_P.reverses_id),
    is_lookup=True,
)
_CLOSE_LATER = Statement(
    insert(_JOB)
    .values(
        kind=JobKind.CLOSE_PERIOD.value,
        key=bindparam("of_key"),
        subject_id=bindparam("balance"),
        path=bindparam("of_path"),
        run_at=bindparam("at", type_=_JOB.c.run_at.type),
        attempts=0,
    )
    .on_conflict_do_nothing()
    .returning(_JOB.c.id)
)


async def charge(
    writer: Writer,
    amounts: Sequence[Amount],
    *,
    key: str,
    kind: PostKind,
    order_id: int | None = None,
    subscription_id: int | None = None,
    waived_from: str | None = None,
    is_checked: bool = True,
    at: datetime,
) -> Short | None:
    """Charge the edges of a chain, all or none; what was charged under the key before is not charged again.

    Args:
        writer: the transaction.
        amounts: any number for an edge; the edge furthest down is the buyer's own.
        key: of the event, such as `order:7:charge`.
        kind: CHARGE, RENEWAL or USAGE; REFUND for what is given back.
        order_id: what it is for.
        subscription_id: likewise.
        waived_from: the path of whoever waives the check: for itself as a seller, and for sellers below it.
        is_checked: whether every edge must have the credit; if not it is charged all the same.
        at: the platform's present.

    Returns:
        Where credit is short, and then nothing is charged; None if it is done.

    Raises:
        StoreError: the buyer is out of scope.
        ValueError: amounts of more than `MOST_MICROS`.
    """
    due = [amount for amount in amounts if amount.micros]
    if not due:
        return None
    own = max((amount.edge for amount in amounts), key=lambda edge: len(edge.buyer_path))
    _require(writer, own.buyer_path)
    async with writer.beyond("charging a vendor chain") as db:
        found = await locked(db, ((amount.edge, amount.currency) for amount in due), at)
        if await db.rows(_POSTED, {"of_key": key, "balances": [balance.id for balance in found.values()]}):
            return None
        short = shortage(found, due, own, waived_from) if is_checked else None
        if short is None:
            of = Of(order_id=order_id, subscription_id=subscription_id)
            for place, balance in found.items():
                mine = (amount for amount in due if _key(amount) == place)
                posts = [Post(kind, a.micros, a.text, a.quantity, a.unit_micros, of) for a in mine]
                await post(db, balance, posts, key=key, at=at)
    return short


async def reverse(
    writer: Writer,
    *,
    key_of: str,
    key: str,
    path: str | None = None,
    share: Fraction = Fraction(1),
    kind: PostKind | None = None,
    at: datetime,
) -> None:
    """Give back a share of all that was charged under a key, on each edge; never more than is left of it.

    Args:
        writer: the transaction.
        key_of: under which it was charged.
        key: of giving it back; done once.
        path: of the account for which it was charged, if that is known: it itself may have had nothing to pay.
        share: which part of what was charged, rounded to what can be paid; all that is left of it if 1.
        kind: REVERSAL, if nothing else is said, or REFUND.
        at: the platform's present.

    Raises:
        StoreError: the buyer is out of scope.
        ValueError: the share is not between 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share}")
    async with writer.beyond("giving back a charge") as db:
        posts = await db.rows(_POSTS, {"of_key": key_of})
        found = await locked_by_id(db, sorted({each.balance_id for each in posts}))
        if not found:
            return
        is_own = path is not None and writer.scope.holds(path)
        if not is_own and not any(_is_of(writer, balance) for balance in found):
            raise StoreError(f"{key_of} is out of scope")
        if await db.rows(_POSTED, {"of_key": key, "balances": [balance.id for balance in found]}):
            return
        given = await db.rows(_GIVEN_BACK, {"posts": [each.id for each in posts]})
        back = {row.reverses_id: int(row.micros) for row in given}
        for balance in found:
            mine = [each for each in posts if each.balance_id == balance.id]
            less = [_opposite(each, back.get(each.id, 0), share, kind or PostKind.REVERSAL) for each in mine]
            await post(db, balance, [each for each in less if each.micros], key=key, at=at)


def _opposite(charged: Row, back: int, share: Fraction, kind: PostKind) -> Post:
    """What gives back a share of a post, of which some was given back before."""
    left = charged.micros + back  # what was given back is negative where the charge is positive
    part = payable(abs(charged.micros) * share.numerator, charged.currency, share.denominator)
    micros = left if share == 1 else min(part, left) if charged.micros > 0 else max(-part, left)
    of = Of(charged.order_id, charged.subscription_id, reverses_id=charged.id)
    return Post(kind, -micros, charged.text, None, None, of)


async def available(writer: Writer, edge: Edge) -> int | None:
    """How much more a buyer may owe its vendor, in micros of the edge's currency; None: any amount.

    Raises:
        StoreError: the buyer is out of scope.
    """
    _require(writer, edge.buyer_path)
    async with writer.beyond("looking at a balance") as db:
        balance = await seen(db, edge, edge.currency)
    if balance is None:
        return 0 if edge.seller_path else None
    return None if balance.credit_limit_micros is None else balance.credit_limit_micros - balance.owed_micros


async def post(db: Beyond, balance: Row, posts: Sequence[Post], *, key: str, at: datetime) -> None:
    """Add posts to a balance that is locked, and see to it that they come to stand on an invoice.

    Manufacturers issue theirs elsewhere. Where it crosses the limit, either way, the worker looks what is to follow.

    Raises:
        ValueError: one is of more than `MOST_MICROS`.
    """
    if not posts:
        return
    for position, each in enumerate(posts):
        await _add(db, balance, each, key, position, at)
    closes_on = balance.closes_on
    if balance.seller_path and any(each.kind not in _OTHER_SIDE for each in posts):
        closes_on = period_end(PaymentTerm(balance.terms), at.astimezone(UTC).date())
    if str(closes_on) != str(balance.closes_on):
        await close_later(db, balance, closes_on)
    more = sum(each.micros for each in posts)
    await owe(db, balance, more, closes_on, at)
    if _is_over(balance, 0) != _is_over(balance, more):
        await judge_later(db, balance, f"limit:{key}", at)


async def _add(db: Beyond, balance: Row, each: Post, key: str, position: int, at: datetime) -> None:
    if abs(each.micros) > MOST_MICROS:
        raise ValueError(f"{each.micros} micros at once")
    post_id = new_id()
    values: dict[str, Any] = {
        "id": post_id,
        "balance_id": balance.id,
        "seller_id": balance.seller_id,
        "buyer_id": balance.buyer_id,
        "currency": balance.currency,
        "at": at,
        "kind": each.kind.value,
        "key": key,
        "position": position,
        "micros": each.micros,
        "text": each.text,
        "quantity": each.quantity,
        "unit_micros": each.unit_micros,
    }
    await db.write(_ADD_POST, values | asdict(each.of))
    other = _OTHER_SIDE.get(each.kind, Side.REVENUE)
    await db.write(
        _ADD_ENTRIES, {"post": post_id, "more": each.micros, "less": -each.micros, "other_side": other.value}
    )


async def close_later(db: Beyond, balance: Row, on: date) -> None:
    """Leave it to the worker to close a balance's period when a day begins; asked for twice it is done once."""
    await _leave(db, balance, f"{balance.id}:{on}", datetime.combine(on, datetime.min.time(), UTC))


async def judge_later(db: Beyond, balance: Row, why: str, at: datetime) -> None:
    """Leave it to the worker to look whether the rule on balances holds or releases the buyer, once for each reason."""
    await _leave(db, balance, f"{balance.id}:{why}", at)


async def _leave(db: Beyond, balance: Row, key: str, at: datetime) -> None:
    await db.write(_CLOSE_LATER, {"of_key": key, "balance": balance.id, "of_path": balance.path, "at": at})


def period_end(terms: PaymentTerm, day: date) -> date:
    """The first day after the period of an invoice that a day lies in: a month, or that very day."""
    if terms is PaymentTerm.PREPAID:
        return day + timedelta(days=1)
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _key(amount: Amount) -> Key:
    return amount.edge.buyer_id, amount.edge.seller_path, amount.currency


def shortage(found: Mapping[Key, Any], due: Iterable[Amount], own: Edge, waived_from: str | None) -> Short | None:
    """Where credit of the balances found doesn't suffice; the buyer's own is told before those above."""
    more: dict[Key, int] = defaultdict(int)
    for amount in due:
        more[_key(amount)] += amount.micros
    lacking = [balance for key, balance in found.items() if _lacks(balance, more[key], waived_from)]
    if any(key_of(balance)[:2] == (own.buyer_id, own.seller_path) for balance in lacking):
        return Short.OWN
    return Short.ABOVE if lacking else None


def _lacks(balance: Row, more: int, waived_from: str | None) -> bool:
    if more <= 0:
        return False
    is_waived = waived_from is not None and paths.contains(waived_from, balance.seller_path)
    return balance.owed_micros + more > MOST_MICROS or (not is_waived and _is_over(balance, more))


def _is_over(balance: Row, more: int) -> bool:
    """Whether a buyer owes more than it may, if it owes so much more."""
    limit = balance.credit_limit_micros
    return limit is not None and bool(balance.owed_micros + more > limit)


def _require(writer: Writer, path: str) -> None:
    if not writer.scope.holds(path):
        raise StoreError(f"{path} is out of scope")


def _is_of(writer: Writer, balance: Row) -> bool:
    """Whether the buyer or the seller is in scope; a buyer that was moved has left its path."""
    in_scope = writer.scope.holds(balance.path) or balance.buyer_id == writer.scope.account_id
    return in_scope or (bool(balance.seller_path) and writer.scope.holds(balance.seller_path))
