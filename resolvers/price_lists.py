"""A seller's price list: whose it is, and what it may offer to whom."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import bindparam, select

from models import AccountType, PriceModel, VendorCard
from models import path as paths
from models.base import table_of
from models.beyond import chain, pricing
from models.beyond.chain import Edge
from models.beyond.pricing import PriceKey
from models.statement import Row, Statement
from resolvers import catalogue
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import ForbiddenError, UserErrorCode
from resolvers.privileges import Privilege

_CARD = table_of(VendorCard).c
_LOCK = Statement(
    select(_CARD.account_id).where(_CARD.account_id == bindparam("seller")).with_for_update(), is_lookup=True
)


@dataclass(frozen=True, slots=True)
class Seller:
    """Whose price list it is.

    Args:
        edge: at which it buys itself; for the manufacturers, that at which the provider does.
        path: its own; empty for the manufacturers.
        row_id: its own; None for the manufacturers.
        shard_id: where its prices lie.
        currency: in which it sells.
    """

    edge: Edge
    path: str
    row_id: int | None
    shard_id: int
    currency: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A price to be offered from a day on; the meanings are those of `models.price.Price`."""

    key: PriceKey
    buyer_id: int | None
    marketplace_id: int | None
    currency: str
    model: PriceModel
    amount_micros: int
    tiers: str | None
    valid_from: date
    valid_until: date | None = None

    @property
    def place(self) -> tuple[Any, ...]:
        """What it shares with the prices whose place it takes."""
        return self.key, self.buyer_id, self.marketplace_id, self.currency

    @property
    def terms(self) -> tuple[Any, ...]:
        """What it says."""
        return self.model, self.amount_micros, self.tiers


async def seller_of(act: Act, account: Row, *, is_manufacturer: bool = False) -> Seller:
    """The account as a seller, if the caller may make its prices; its price list locked.

    Args:
        act: the operation's.
        account: in view.
        is_manufacturer: whether the manufacturers are meant, who supply the account: the caller's own, the provider.

    Raises:
        ForbiddenError: the caller may not see prices, and so not make any either.
        RefusedError: it sells nothing, or its prices are not the caller's to make.
    """
    act.caller.require(Privilege.PRICES_VIEW)
    if len(account.path) > int(act.writer.scope.settings()["seller_span"]):
        act.refuse(UserErrorCode.NOT_FOUND, "There is no such seller.", "seller")
    if account.type == AccountType.CUSTOMER:
        act.refuse(UserErrorCode.INVALID, "It is a customer, which sells nothing.", "seller")
    if is_manufacturer and (paths.parent_id(act.caller.path) is not None or account.path != act.caller.path):
        raise ForbiddenError("Only the provider's own staff says what manufacturers charge.")
    await act.rows(_LOCK, {"seller": account.id})
    edges = await chain.edges(act.writer, account.path)
    currency = account.currency or edges[0].currency
    if is_manufacturer:
        return Seller(edges[0], "", None, account.id, currency)
    return Seller(edges[-1], account.path, account.id, account.shard_id, currency)


async def check_buyer(act: Act, seller: Seller, buyer_id: int) -> None:
    """Note where an account is not right below the seller, or not in view."""
    buyer = await catalogue.find(act, ACCOUNT, buyer_id)
    if buyer is None or buyer.parent_id != seller.row_id:
        act.fault(UserErrorCode.NOT_FOUND, "The seller has no such direct buyer.", "buyer")


def first_day(act: Act, given: date | None, name: str) -> date:
    """The day from which something holds: today unless another is given; a past one is noted."""
    today = act.now.date()
    if given is not None and given < today:
        act.fault(UserErrorCode.OUT_OF_RANGE, f"It is past; today is {today}.", name)
    return given or today


async def not_offered(act: Act, seller: Seller, offers: Iterable[Offer]) -> list[Offer]:
    """Those that the seller's own vendor doesn't offer it on their first day."""
    if seller.row_id is None:
        return []
    by_day: dict[date, list[Offer]] = defaultdict(list)
    for offer in offers:
        by_day[offer.valid_from].append(offer)
    refused = []
    for day, of_day in by_day.items():
        offered = await pricing.offered(act.writer, seller.edge, {offer.key for offer in of_day}, day)
        refused += [offer for offer in of_day if offer.key not in offered]
    return refused


def to_day(value: Any) -> date:
    """A day as either engine gives it."""
    return value if isinstance(value, date) else date.fromisoformat(value)
