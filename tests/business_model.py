"""The business as a few dictionaries: what an operation must come to, said without rows, scopes or locks.

There is one product under one monthly plan, sold in one currency, on one day: what is charged is units times price, and
what is given back within the day is all of it. States follow the tables of `models/life` alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models import AccountStatus, AccountType, HeldBy, OrderStatus, OrderType, OrderWait, SubscriptionStatus
from models.life import account as account_life
from models.life import order as order_life
from models.life import subscription as service_life
from models.life.account import AccountEvent, released_to
from models.life.order import OrderEvent
from models.life.standing import VENDOR_UNAVAILABLE, service_after, services_event, standing
from models.life.subscription import HoldReason, SubscriptionEvent
from models.scope import Reach
from resolvers.errors import UserErrorCode as Code
from resolvers.privileges import Privilege

Edge = tuple[int | None, int]
"""Seller and buyer; the manufacturers are None."""
PROVIDER = 1
PUT_OFF = timedelta(hours=1)
"""For how long an order waits that an account's state doesn't let begin."""
FORBIDDEN = "FORBIDDEN"
_OPEN = (OrderStatus.SUBMITTED, OrderStatus.PROCESSING)
_RUNNING = (SubscriptionStatus.ACTIVE, SubscriptionStatus.HOLD)
_LEVELS = {Reach.OWN: 0, Reach.DIRECT: 1, Reach.SUBTREE: 100}


class No(Exception):  # noqa: N818  # an answer, not an error
    """The operation must be refused, with that code."""


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


@dataclass
class Order:
    """An order of so many units more, or less."""

    account: int
    vendor: int | None
    type: OrderType
    delta: int
    charged: dict[Edge, int]
    units: dict[Edge, int]
    due: datetime
    status: OrderStatus = OrderStatus.SUBMITTED
    waits: OrderWait | None = None
    fails: bool = False
    subscription: int | None = None
    total: int = 0
    """What its own account was charged when it was placed."""


@dataclass
class Lot:
    """Units bought together, and what one costs on every edge."""

    left: int
    units: Mapping[Edge, int]


@dataclass
class Service:
    """A subscription."""

    account: int
    status: SubscriptionStatus
    quantity: int
    lots: list[Lot] = field(default_factory=list)
    reasons: frozenset[HoldReason] = frozenset()


class Tree:
    """Who is where, sees whom, and sells what."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.accounts = {PROVIDER: Account(None, AccountType.PROVIDER, AccountStatus.ACTIVE)}
        self.terms: dict[Edge, Terms] = defaultdict(Terms, {(None, PROVIDER): Terms(0, None, is_net=True)})
        self.prices: dict[tuple[int | None, int | None], int] = {(None, None): 1}
        self.ever_offered: set[tuple[int | None, int | None]] = set(self.prices)
        self.orders: dict[int, Order] = {}
        self.services: dict[int, Service] = {}
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


class Business(Tree):
    """What operations come to: each does it, or says `No`."""

    # Accounts

    def require_vendor(self, who: Who, vendor: int) -> None:
        """Refuse what can't have accounts below it, or none that the caller could see."""
        is_out_of_reach = not self.lies(who, [*self.chain(vendor), 0])
        if self.accounts[vendor].type is AccountType.CUSTOMER or is_out_of_reach:
            raise No(Code.INVALID)
        *above, own = [self.accounts[each].status for each in self.chain(vendor)]
        if standing(own, above).orders:
            raise No(Code.ACCOUNT_ON_HOLD)

    def create(self, who: Who, vendor: int, of_type: AccountType, *, is_active: bool, new: int) -> None:
        """Hang a new account below a vendor."""
        who.need(Privilege.ACCOUNTS_CREATE)
        if not self.sees(who, vendor):
            raise No(Code.NOT_FOUND)
        if is_active:
            who.need(Privilege.ACCOUNTS_ACTIVATE)
        self.require_vendor(who, vendor)
        to = AccountStatus.ACTIVE if is_active else None
        self.accounts[new] = Account(vendor, of_type, account_life.after(None, AccountEvent.CREATE, to))
        self.terms[vendor, new] = Terms()

    def promote(self, who: Who, account: int, *, is_stale: bool) -> None:
        """Make a customer a reseller."""
        it = self.target(who, Privilege.ACCOUNTS_CREATE, account, is_stale=is_stale)
        if it.type is not AccountType.CUSTOMER or not account_life.can(it.status, AccountEvent.PROMOTE):
            raise No(Code.WRONG_STATE)
        it.type = AccountType.RESELLER

    def happen(self, who: Who, privilege: Privilege, account: int, event: AccountEvent, *, is_stale: bool) -> None:
        """Let a person bring an account to another state."""
        it = self.target(who, privilege, account, is_stale=is_stale)
        if event is AccountEvent.CANCEL:
            below = [each for each in self.below(account) if each != account]
            if any(self.accounts[each].status is not AccountStatus.CANCELLED for each in below):
                raise No(Code.HAS_ACCOUNTS_BELOW)
            self.require_no_orders([account])
        if event is AccountEvent.REACTIVATE and self.accounts[it.parent or 0].status is AccountStatus.CANCELLED:
            raise No(Code.ACCOUNT_ON_HOLD)
        self.move(account, event, by=who.account)
        if event is AccountEvent.REACTIVATE:
            self.judge(account)

    def require_no_orders(self, accounts: Iterable[int]) -> None:
        """Refuse while an order of one of them is under way."""
        if any(order.account in set(accounts) and order.status in _OPEN for order in self.orders.values()):
            raise No(Code.OPEN_CHANGE)

    def require_holder(self, it: Account, account: int, event: AccountEvent, by: int) -> None:
        """Refuse to lift what an account above the caller's own has put on one below."""
        above = self.chain(account)
        lifted = it.holders if event is AccountEvent.REACTIVATE else it.holders[:1]
        is_lifting = event in (AccountEvent.REACTIVATE, AccountEvent.CREDIT_RELEASE, AccountEvent.ADMIN_RELEASE)
        if is_lifting and any(above.index(each) < above.index(by) for each in lifted if each in above):
            raise No(Code.HELD_ABOVE)

    def move(self, account: int, event: AccountEvent, *, by: int | None) -> None:
        """Bring an account, and its services, to another state; by people of an account, or by rule."""
        it = self.accounts[account]
        before = it.status
        if not account_life.can(before, event):
            raise No(Code.WRONG_STATE)
        if by is not None:
            self.require_holder(it, account, event, by)
        is_over = by is not None and self.is_over(account)
        if is_over and event is AccountEvent.CREDIT_RELEASE:
            raise No(Code.HOLD_DEMANDED)
        to = None
        if event is AccountEvent.ADMIN_RELEASE:
            to = released_to(
                activated=it.held_before is not AccountStatus.PENDING,
                was_on_credit_hold=it.held_before is AccountStatus.CREDIT_HOLD and it.held_by is not HeldBy.RULE,
                balance_requires_hold=is_over,
            )
        it.status = account_life.after(before, event, to)
        self._hold(it, before, by)
        follows = services_event(before, it.status)
        for service in self.services.values():
            if follows is not None and service.account == account:
                left = service_after(service.status, service.reasons, follows, is_kept=True)
                service.status, service.reasons = left

    def _hold(self, it: Account, before: AccountStatus, by: int | None) -> None:
        if it.status is AccountStatus.ADMIN_HOLD:
            it.held_before, it.holders = before, (by, it.holders[0])
        elif it.status is AccountStatus.CANCELLED:
            it.held_by = it.held_before = None
        elif it.status is not AccountStatus.CREDIT_HOLD:
            it.held_by, it.held_before, it.holders = None, None, (None, None)
        elif before is AccountStatus.ADMIN_HOLD:
            it.held_by, it.held_before, it.holders = it.held_by or HeldBy.RULE, None, (it.holders[1], None)
        else:
            it.held_by, it.holders = (HeldBy.RULE if by is None else HeldBy.PERSON), (by, None)

    def transfer(self, who: Who, account: int, vendor: int, *, is_stale: bool) -> None:
        """Hang an account with all below it under another vendor."""
        it = self.target(who, Privilege.ACCOUNTS_TRANSFER, account, is_stale=is_stale)
        if not account_life.can(it.status, AccountEvent.TRANSFER):
            raise No(Code.WRONG_STATE)
        if not self.sees(who, vendor):
            raise No(Code.NOT_FOUND)
        if vendor == it.parent:
            raise No(Code.ALREADY_DONE)
        if account in self.chain(vendor):
            raise No(Code.CYCLE)
        self.require_vendor(who, vendor)
        moved = set(self.below(account))
        self.require_no_orders(moved)
        old, it.parent = it.parent, vendor
        try:
            if any(each.account in moved and each.status in _RUNNING for each in self.services.values()):
                self.units(account)
        except No:
            it.parent = old
            raise
        self.prices.pop((old, account), None)
        self.terms.setdefault((vendor, account), Terms())

    # Money

    def set_terms(self, who: Who, account: int, limit: int | None, *, is_net: bool, is_stale: bool) -> None:
        """Say how much an account may owe its vendor; who prepays may owe nothing."""
        it = self.target(who, Privilege.ACCOUNTS_TERMS, account, is_stale=is_stale)
        who.need(Privilege.FINANCES_VIEW)
        if not is_net and limit != 0:
            raise No(Code.INVALID)
        terms = self.terms[it.parent, account]
        if (terms.limit, terms.is_net) != (limit, is_net):
            terms.limit, terms.is_net = limit, is_net
            self.judge(account)

    def pay(self, who: Who, account: int, micros: int) -> None:
        """Record what was received from an account, by its present vendor before any former one."""
        who.need(Privilege.FINANCES_RECORD, Privilege.FINANCES_VIEW)
        if account == who.account:
            raise No(Code.OWN_ACCOUNT)
        owed = [edge for edge in self.terms if edge[1] == account and edge[0] and self.sells(who, edge[0])]
        if not owed:
            raise No(Code.NOT_FOUND)
        is_seen = self.sees(who, account)
        present = [edge for edge in owed if is_seen and edge[0] == self.accounts[account].parent] or owed
        if len(present) > 1:
            raise No(Code.REQUIRED)
        self.owe(present[0], -micros)
        if not self.lies(who, [*self.chain(present[0][0]), account]):
            self.looked_at.add(account)
        if is_seen:
            self.judge(account)

    def judge(self, account: int) -> None:
        """Hold whoever owes too much, and release whom the rule had held."""
        it = self.accounts[account]
        event = AccountEvent.CREDIT_HOLD if self.is_over(account) else AccountEvent.CREDIT_RELEASE
        is_wanted = event is AccountEvent.CREDIT_HOLD or it.held_by is HeldBy.RULE
        if is_wanted and account_life.can(it.status, event):
            self.move(account, event, by=None)

    def judge_all(self) -> None:
        """What the worker does about balances that crossed their limits."""
        while self.looked_at:
            self.judge(self.looked_at.pop())

    def offer(self, who: Who, seller: int, buyer: int | None, micros: int) -> None:
        """Sell the product to all right below the seller, or to one of them."""
        who.need(Privilege.PRICES_MANAGE)
        if not self.sees(who, seller):
            raise No(Code.NOT_FOUND)
        who.need(Privilege.PRICES_VIEW)
        if not self.sells(who, seller):
            raise No(Code.NOT_FOUND)
        if self.accounts[seller].type is AccountType.CUSTOMER:
            raise No(Code.INVALID)
        is_buyer = buyer is None or (self.sees(who, buyer) and self.accounts[buyer].parent == seller)
        if not is_buyer or not self.knows_product(who):
            raise No(Code.NOT_FOUND)
        if seller != PROVIDER and self.price(self.edges(seller)[-1]) is None:
            raise No(Code.NOT_OFFERED)
        self.prices[seller, buyer] = micros
        self.ever_offered.add((seller, buyer))

    def end_price(self, who: Who, seller: int, buyer: int | None) -> None:
        """Sell it no longer."""
        who.need(Privilege.PRICES_MANAGE)
        if Privilege.PRICES_VIEW in who.privileges and not self.sells(who, seller):
            raise No(Code.NOT_FOUND)
        who.need(Privilege.PRICES_VIEW)
        del self.prices[seller, buyer]

    # Orders

    def place(self, who: Who, account: int, asked: "Asked", new: int) -> None:
        """Place an order: its prices are fixed, and the whole chain is charged."""
        who.need(Privilege.ORDERS_PLACE)
        if not self.sees(who, account):
            raise No(Code.NOT_FOUND)
        who.need(who.needs_prices)
        if asked.waives:
            who.need(Privilege.ORDERS_WAIVE_CREDIT_CHECK)
            if account == who.account:
                raise No(Code.OWN_ACCOUNT)
        delta, units, amounts = (
            self._sale(account, asked) if asked.type is OrderType.SALES else self._on(account, asked)
        )
        self.require_standing(account, "orders" if delta > 0 else "decreases")
        self.charge(account, amounts, who.account if asked.waives else None)
        it = self.accounts[account]
        total = amounts.get((it.parent, account), 0)
        order = Order(account, it.parent, asked.type, delta, amounts, units, self.now, total=total, fails=asked.fails)
        order.subscription = asked.subscription
        if it.needs_approval and who.account == account:
            order.waits = OrderWait.APPROVAL
        self.orders[new] = order

    def _sale(self, account: int, asked: "Asked") -> tuple[int, dict[Edge, int], dict[Edge, int]]:
        if self.price(self.edges(account)[-1]) is None:
            raise No(Code.NOT_OFFERED)
        if asked.quantity < 1:
            raise No(Code.BELOW_MINIMUM)
        units = self.units(account)
        return asked.quantity, units, {edge: unit * asked.quantity for edge, unit in units.items()}

    def _on(self, account: int, asked: "Asked") -> tuple[int, dict[Edge, int], dict[Edge, int]]:
        service = self.services.get(asked.subscription or 0)
        if service is None or service.account != account:
            raise No(Code.NOT_FOUND)
        is_end = asked.type is OrderType.CANCELLATION
        if service.status not in (_RUNNING if is_end else _RUNNING[:1]):
            raise No(Code.WRONG_STATE)
        self.require_none_open(asked.subscription)
        delta = -service.quantity if is_end else asked.quantity
        if not delta:
            raise No(Code.INVALID)
        if not is_end and service.quantity + delta < 1:
            raise No(Code.BELOW_MINIMUM)
        if delta > 0:
            units = self.units(account)
            return delta, units, {edge: unit * delta for edge, unit in units.items()}
        back: dict[Edge, int] = defaultdict(int)
        for lot, taken in _taken(service.lots, -delta):
            for edge in self.edges(account):  # what a former vendor was paid isn't given back by another
                back[edge] -= lot.units.get(edge, 0) * taken
        return delta, {}, {edge: less for edge, less in back.items() if less}

    def require_none_open(self, subscription: int | None, besides: int | None = None) -> None:
        """Refuse while another order of a subscription is open."""
        for number, order in self.orders.items():
            if number != besides and order.subscription == subscription and order.status in _OPEN:
                raise No(Code.OPEN_CHANGE)

    def ordered(self, who: Who, privilege: Privilege, number: int, *, is_stale: bool) -> Order:
        """An order in the caller's view: where it was sold."""
        who.need(privilege)
        order = self.orders[number]
        if not self.lies(who, [*self.chain(order.vendor), order.account]):
            raise No(Code.NOT_FOUND)
        if is_stale:
            raise No(Code.CONFLICT)
        return order

    def amend(self, who: Who, number: int, *, is_stale: bool) -> None:
        """Take away what lets it fail."""
        self.ordered(who, Privilege.ORDERS_PLACE, number, is_stale=is_stale).fails = False

    def cancel(self, who: Who, number: int, *, is_stale: bool) -> None:
        """Call it off, and give everything back."""
        self._call_off(self.ordered(who, Privilege.ORDERS_CANCEL, number, is_stale=is_stale), OrderEvent.CANCEL)

    def answer(self, who: Who, number: int, event: OrderEvent, *, is_stale: bool) -> None:
        """Approve it, or reject it."""
        order = self.ordered(who, Privilege.ORDERS_APPROVE, number, is_stale=is_stale)
        if len(self.chain(order.vendor)) < len(self.chain(who.account)):
            raise No(Code.OWN_ACCOUNT)
        if order.waits is not OrderWait.APPROVAL:
            raise No(Code.WRONG_STATE)
        if event is OrderEvent.REJECT:
            self._call_off(order, event)
        order.waits, order.due = None, self.now

    def resubmit(self, who: Who, number: int, *, waives: bool, is_stale: bool) -> None:
        """Charge and submit it again, at the prices of then."""
        order = self.ordered(who, Privilege.ORDERS_PLACE, number, is_stale=is_stale)
        if waives:
            who.need(Privilege.ORDERS_WAIVE_CREDIT_CHECK)
        if not self.sees(who, order.account) or self.accounts[order.account].parent != order.vendor:
            raise No(Code.WRONG_STATE)
        if waives and order.account == who.account:
            raise No(Code.OWN_ACCOUNT)
        if order.subscription is not None:
            self.require_none_open(order.subscription, besides=number)
        self.require_standing(order.account, "orders" if order.total > 0 else "decreases")
        if not order_life.can(order.status, OrderEvent.RESUBMIT):
            raise No(Code.WRONG_STATE)
        self.charge(order.account, order.charged, who.account if waives else None)
        order.status, order.due = order_life.after(order.status, OrderEvent.RESUBMIT), self.now

    def _call_off(self, order: Order, event: OrderEvent) -> None:
        before = order.status
        if not order_life.can(before, event):
            raise No(Code.WRONG_STATE)
        order.status, order.waits = order_life.after(before, event), None
        if before is not OrderStatus.ERROR:
            self._give_back(order)

    def _give_back(self, order: Order) -> None:
        for edge, micros in order.charged.items():
            self.owe(edge, -micros)

    # The worker

    def is_due(self, order: Order) -> bool:
        """Whether the worker takes it up."""
        return order.status is OrderStatus.SUBMITTED and order.waits is None and order.due <= self.now

    def work(self, created: Mapping[int, int | None]) -> None:
        """Work off what is due; for each order the id of its subscription, which may be new."""
        for number, order in self.orders.items():
            if self.is_due(order):
                self._work_off(order, created[number])

    def _work_off(self, order: Order, subscription: int | None) -> None:
        try:
            self.require_standing(order.account, "orders" if order.delta > 0 else "decreases")
        except No:
            order.due = self.now + PUT_OFF
            return
        order.subscription = subscription
        if order.type is OrderType.SALES and subscription is not None:
            status = service_life.after(None, SubscriptionEvent.CREATE)
            self.services[subscription] = Service(order.account, status, order.delta)
        order.status = order_life.after(order.status, OrderEvent.START)
        service = self.services[subscription or 0]
        event = OrderEvent.FAIL if order.fails else OrderEvent.COMPLETE
        order.status = order_life.after(order.status, event)
        if order.fails:
            self._give_back(order)
            if order.type is OrderType.SALES:
                service.status = service_life.after(service.status, SubscriptionEvent.TERMINATE)
        else:
            _take_effect(order, service)


@dataclass(frozen=True)
class Asked:
    """What is ordered."""

    type: OrderType
    quantity: int
    subscription: int | None = None
    waives: bool = False
    fails: bool = False


def _taken(lots: list[Lot], quantity: int) -> Iterator[tuple[Lot, int]]:
    """From which lots so many units go: the latest first."""
    for lot in reversed(lots):
        units = min(lot.left, quantity)
        quantity -= units
        yield lot, units


def _take_effect(order: Order, service: Service) -> None:
    if order.type is OrderType.CANCELLATION:
        service.status, service.reasons = service_life.after(service.status, SubscriptionEvent.TERMINATE), frozenset()
    elif order.type is OrderType.CHANGE:
        service.quantity += order.delta
    else:
        service.status = service_life.after(service.status, SubscriptionEvent.PROVISIONED)
    if order.delta > 0:
        service.lots.append(Lot(order.delta, order.units))
    for lot, units in list(_taken(service.lots, max(-order.delta, 0))):
        lot.left -= units
