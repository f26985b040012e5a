"""The tree of the model: who is where, sees whom, owes what, and sells at which price; said without rows or scopes.

There is one product under one monthly plan, sold in one currency, on one day. States follow the tables of
`models/life` alone.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from models import AccountStatus, AccountType, HeldBy, OrderStatus, SubscriptionStatus
from models.life.standing import VENDOR_UNAVAILABLE, standing
from models.scope import Reach
from resolvers.errors import UserErrorCode as Code
from resolvers.privileges import Privilege

if TYPE_CHECKING:
    from tests.business_orders import Order, Service
    from tests.business_people import User

Edge = tuple[int | None, int]
"""Seller and buyer; the manufacturers are None."""
PROVIDER = 1
CENT = 10_000
"""What the manufacturers charge for a unit, in micros."""
FORBIDDEN = "FORBIDDEN"
OPEN = (OrderStatus.SUBMITTED, OrderStatus.PROCESSING)
RUNNING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD)
_LEVELS = {Reach.OWN: 0, Reach.DIRECT: 1, Reach.SUBTREE: 100}


class No(Exception):  # noqa: N818  # an answer, not an error
    """The operation must be refused, with those codes."""


@dataclass(frozen=True)
class Who:
    """A caller: where, how far it reaches, what it may do."""

    account: int
    reach: Reach
    privileges: frozenset[Privilege]

    def need(self, *privileges: Privilege) -> None:
        """Refuse whoever lacks one."""
        if not self.privileges.issuperset(privileges):
            raise No(FORBIDDEN)

    @property
    def needs_prices(self) -> Privilege:
        """What it takes to order: seeing prices, or all finances."""
        return Privilege.FINANCES_VIEW if Privilege.FINANCES_VIEW in self.privileges else Privilege.PRICES_VIEW


@dataclass
class Account:
    """An account of the tree."""

    parent: int | None
    type: AccountType
    status: AccountStatus
    held_by: HeldBy | None = None
    held_before: AccountStatus | None = None
    holders: tuple[int | None, int | None] = (None, None)
    """Whose people hold it, and whose credit hold lies below an administrative one."""
    needs_approval: bool = False


@dataclass
class Terms:
    """What one account owes another, and how much it may; None: any amount."""

    owed: int = 0
    limit: int | None = 0
    is_net: bool = False

    def is_over(self, more: int = 0) -> bool:
        """Whether it would owe more than it may."""
        return self.limit is not None and self.owed + more > self.limit


class Tree:
    """Who is where, sees whom, and sells what."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.accounts = {PROVIDER: Account(None, AccountType.PROVIDER, AccountStatus.ACTIVE)}
        self.terms: dict[Edge, Terms] = defaultdict(Terms, {(None, PROVIDER): Terms(0, None, is_net=True)})
        self.prices: dict[tuple[int | None, int | None], int] = {(None, None): CENT}
        self.ever_offered: set[tuple[int | None, int | None]] = set(self.prices)
        self.orders: dict[int, Order] = {}
        self.services: dict[int, Service] = {}
        self.people: dict[int, User] = {}
        self.looked_at: set[int] = set()
        """Whose balance the rule is to look at: it came over its limit, or under it."""

    def chain(self, account: int | None) -> list[int]:
        """The accounts from the provider down to that one."""
        return [] if account is None else [*self.chain(self.accounts[account].parent), account]

    def edges(self, account: int) -> list[Edge]:
        """By which it is supplied, the manufacturers' first."""
        chain = self.chain(account)
        return list(zip([None, *chain], chain, strict=False))

    def lies(self, who: Who, chain: list[int], reach: Reach | None = None) -> bool:
        """Whether a place is in the caller's view."""
        own = self.chain(who.account)
        return chain[: len(own)] == own and len(chain) - len(own) <= _LEVELS[reach or who.reach]

    def sees(self, who: Who, account: int) -> bool:
        """Whether the account is in the caller's view."""
        return account in self.accounts and self.lies(who, self.chain(account))

    def sells(self, who: Who, seller: int) -> bool:
        """Whether the account's dealings with those below it are in the caller's view."""
        return self.lies(who, self.chain(seller), Reach.OWN if who.reach is Reach.DIRECT else who.reach)

    def knows_product(self, who: Who) -> bool:
        """Whether anything that the caller sees names the product."""
        own = self.accounts[who.account].parent
        return (
            who.account == PROVIDER
            or any(seller and self.sells(who, seller) for seller, _ in self.ever_offered)
            or not self.ever_offered.isdisjoint({(own, None), (own, who.account)})
            or any(self.sees(who, service.account) for service in self.services.values())
        )

    def price(self, edge: Edge) -> int | None:
        """What a unit costs on an edge."""
        return self.prices.get(edge, self.prices.get((edge[0], None)))

    def units(self, account: int) -> dict[Edge, int]:
        """What a unit costs on every edge above the account; refused where somebody doesn't sell it."""
        found = {edge: self.price(edge) for edge in self.edges(account)}
        if None in found.values():
            raise No(Code.NOT_OFFERED)
        return {edge: price for edge, price in found.items() if price is not None}

    def below(self, account: int) -> Iterator[int]:
        """The account and all below it."""
        return (each for each in self.accounts if account in self.chain(each))

    def require_standing(self, account: int, what: str) -> None:
        """Refuse where the account's state, or one above, doesn't allow it."""
        *above, own = [self.accounts[each].status for each in self.chain(account)]
        why = getattr(standing(own, above), what)
        if why:
            raise No(Code.VENDOR_UNAVAILABLE if why == VENDOR_UNAVAILABLE else Code.ACCOUNT_ON_HOLD)

    def target(self, who: Who, privilege: Privilege, account: int, *, is_stale: bool) -> Account:
        """An account below the caller, in the version that it knows."""
        who.need(privilege)
        if not self.sees(who, account):
            raise No(Code.NOT_FOUND)
        if account == who.account:
            raise No(Code.OWN_ACCOUNT)
        if is_stale:
            raise No(Code.CONFLICT)
        return self.accounts[account]

    # The ledger

    def owe(self, edge: Edge, more: int) -> None:
        """Let a buyer owe more, or less."""
        terms = self.terms[edge]
        if terms.is_over() != terms.is_over(more):
            self.looked_at.add(edge[1])
        terms.owed += more

    def charge(self, account: int, amounts: Mapping[Edge, int], waived_by: int | None) -> None:
        """Charge the whole chain, or nothing of it."""
        lacking = {
            edge[1]
            for edge, more in amounts.items()
            if more > 0 and self.terms[edge].is_over(more) and not self._is_waived(edge, waived_by)
        }
        if lacking:
            raise No(Code.CREDIT_LIMIT if account in lacking else Code.VENDOR_UNAVAILABLE)
        for edge, more in amounts.items():
            self.owe(edge, more)

    def _is_waived(self, edge: Edge, by: int | None) -> bool:
        return by is not None and edge[0] is not None and by in self.chain(edge[0])

    def is_over(self, account: int) -> bool:
        """Whether it owes its present vendor more than it may."""
        parent = self.accounts[account].parent
        return parent is not None and self.terms[parent, account].is_over()
