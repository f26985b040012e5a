"""Orders and subscriptions in the model: what is bought, changed and given back, and what the worker makes of it.

All happens on one day: what is charged is units times price, and what is given back within its time is all of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from models import OrderStatus, OrderType, OrderWait, SubscriptionStatus
from models.life import order as order_life
from models.life import subscription as service_life
from models.life.order import OrderEvent
from models.life.subscription import HoldReason, SubscriptionEvent
from resolvers.errors import UserErrorCode as Code
from resolvers.privileges import Privilege
from tests.business_accounts import Accounts
from tests.business_tree import OPEN, RUNNING, Edge, No, Who

PUT_OFF = timedelta(hours=1)
"""For how long an order waits that an account's state doesn't let begin."""
WINDOW = timedelta(hours=2)
"""For how long after it was bought something is given back."""


@dataclass
class Order:
    """An order of so many units more, or less."""

    account: int
    vendor: int | None
    type: OrderType
    delta: int
    charged: dict[Edge, int]
    units: dict[Edge, int]
    placed: datetime
    due: datetime
    status: OrderStatus = OrderStatus.SUBMITTED
    waits: OrderWait | None = None
    fails: bool = False
    subscription: int | None = None
    total: int = 0
    """What its own account was charged when it was placed."""
    before: int = 0
    """How many units its subscription had."""


@dataclass(eq=False)
class Lot:
    """Units bought together, when, and what one costs on every edge."""

    left: int
    bought: datetime
    units: Mapping[Edge, int]


@dataclass
class Service:
    """A subscription."""

    account: int
    status: SubscriptionStatus
    quantity: int
    lots: list[Lot] = field(default_factory=list)
    reasons: frozenset[HoldReason] = frozenset()
    holder: int | None = None
    """The account whose people hold it."""
    renews: bool = True


@dataclass(frozen=True)
class Asked:
    """What is ordered."""

    type: OrderType
    quantity: int
    subscription: int | None = None
    waives: bool = False
    fails: bool = False


class Orders(Accounts):
    """What operations on orders and subscriptions come to: each does it, or says `No`."""

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
        order = Order(
            account, it.parent, asked.type, delta, amounts, units, self.now, self.now, total=total, fails=asked.fails
        )  # fmt: skip
        order.subscription = asked.subscription
        if asked.subscription is not None:
            order.before = self.services[asked.subscription].quantity
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
        if service.status not in (RUNNING if is_end else RUNNING[:1]):
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
        taken_from = list(_open_ones(service.lots, self.now))
        if sum(lot.left for lot in (taken_from if not is_end else service.lots)) < -delta or (
            is_end and any(lot.left and lot not in taken_from for lot in service.lots)
        ):
            raise No(Code.OUTSIDE_WINDOW)
        for lot, taken in _taken(taken_from, -delta):
            for edge in self.edges(account):  # what a former vendor was paid isn't given back by another
                back[edge] -= lot.units.get(edge, 0) * taken
        return delta, {}, {edge: less for edge, less in back.items() if less}

    def require_none_open(self, subscription: int | None, besides: int | None = None) -> None:
        """Refuse while another order of a subscription is open."""
        for number, order in self.orders.items():
            if number != besides and order.subscription == subscription and order.status in OPEN:
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
        if not order_life.can(order.status, OrderEvent.RESUBMIT):
            raise No(Code.WRONG_STATE)
        if waives:
            who.need(Privilege.ORDERS_WAIVE_CREDIT_CHECK)
        if not self.sees(who, order.account) or self.accounts[order.account].parent != order.vendor:
            raise No(Code.OUTDATED)
        if waives and order.account == who.account:
            raise No(Code.OWN_ACCOUNT)
        if order.type is not OrderType.SALES:
            self.require_none_open(order.subscription, besides=number)
            if self.services[order.subscription or 0].quantity != order.before:
                raise No(Code.OUTDATED)
        self.require_standing(order.account, "orders" if order.total > 0 else "decreases")
        if not order.charged.keys() <= set(self.edges(order.account)):
            raise No(Code.OUTDATED)
        self.charge(order.account, order.charged, who.account if waives else None)
        order.status, order.due = order_life.after(order.status, OrderEvent.RESUBMIT), self.now

    # Subscriptions

    def service(self, who: Who, privilege: Privilege, number: int, *, is_stale: bool) -> Service:
        """A subscription in the caller's view."""
        who.need(privilege)
        service = self.services[number]
        if not self.sees(who, service.account):
            raise No(Code.NOT_FOUND)
        if is_stale:
            raise No(Code.CONFLICT)
        return service

    def order_on(self, who: Who, asked: "Asked", new: int, *, is_stale: bool) -> None:
        """Place an order by an operation on the subscription itself."""
        service = self.service(who, Privilege.ORDERS_PLACE, asked.subscription or 0, is_stale=is_stale)
        self.place(who, service.account, asked, new)

    def hold(self, who: Who, number: int, *, is_stale: bool) -> None:
        """Let a person hold it."""
        service = self.service(who, Privilege.SUBSCRIPTIONS_MANAGE, number, is_stale=is_stale)
        if service.status not in RUNNING:
            raise No(Code.WRONG_STATE)
        if HoldReason.PERSON in service.reasons:
            raise No(Code.ALREADY_DONE)
        if service.status is SubscriptionStatus.ACTIVE:
            service.status = service_life.after(service.status, SubscriptionEvent.HOLD)
        service.reasons |= {HoldReason.PERSON}
        service.holder = who.account

    def release(self, who: Who, number: int, *, is_stale: bool) -> None:
        """Let it run again, unless something else holds it."""
        service = self.service(who, Privilege.SUBSCRIPTIONS_MANAGE, number, is_stale=is_stale)
        if service.status is not SubscriptionStatus.HOLD or HoldReason.PERSON not in service.reasons:
            raise No(Code.WRONG_STATE)
        above = self.chain(service.account)
        if service.holder in above and above.index(service.holder) < above.index(who.account):
            raise No(Code.HELD_ABOVE)
        service.reasons -= {HoldReason.PERSON}
        service.holder = None
        if not service.reasons:
            service.status = service_life.after(service.status, SubscriptionEvent.RELEASE)

    def renew(self, who: Who, number: int, *, renews: bool, is_stale: bool) -> None:
        """Let it renew by itself, or not."""
        service = self.service(who, Privilege.SUBSCRIPTIONS_MANAGE, number, is_stale=is_stale)
        if service.status not in RUNNING:
            raise No(Code.WRONG_STATE)
        service.renews = renews

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


def _open_ones(lots: list[Lot], at: datetime) -> Iterator[Lot]:
    """The lots of which units can be given back: what was bought last comes first."""
    earliest_first = sorted(lots, key=lambda lot: lot.bought)
    return (lot for lot in reversed(earliest_first) if lot.left and at < lot.bought + WINDOW)


def _taken(lots: Iterable[Lot], quantity: int) -> Iterator[tuple[Lot, int]]:
    """From which lots so many units go, in the order in which these come."""
    for lot in lots:
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
        service.lots.append(Lot(order.delta, order.placed, order.units))
    first = list(_open_ones(service.lots, order.placed))
    others = [lot for lot in reversed(service.lots) if lot not in first]
    for lot, units in list(_taken([*first, *others], max(-order.delta, 0))):
        lot.left -= units
