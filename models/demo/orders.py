"""How the accounts of the demo tree came to what they have: their orders and the lines of these."""

from collections.abc import Iterator
from typing import NamedTuple

from models import OrderStatus, OrderType, QuantityKind, SubscriptionStatus
from models.demo.account import CURRENCY, Accounts
from models.demo.days import DAY, END, HOUR, day_text, instant_text, period_end
from models.demo.dice import Dice, Subject, Weighted
from models.demo.life import Life
from models.demo.offers import OFFERS, amount
from models.demo.prices import PriceLists
from models.demo.subscriptions import Subscription, Subscriptions, addon_quantity


class Line(NamedTuple):
    """One product of an order; the unit price in cents."""

    offer: int
    quantity_kind: QuantityKind
    quantity: int
    resulting: int | None
    unit_cents: int
    effective_on: str = ""


_NEVER = -1


class Order(NamedTuple):
    """One order of an account; moments in seconds since the start, `provisioned` -1 while it isn't."""

    type: OrderType
    status: OrderStatus
    created: int
    subscription: str
    lines: tuple[Line, ...]
    provisioned: int = _NEVER
    po_number: str = ""
    at_renewal: bool = False
    error: str = ""


_PREFIX = {
    OrderType.SALES: "SO",
    OrderType.CHANGE: "CH",
    OrderType.RENEWAL: "RN",
    OrderType.CANCELLATION: "CL",
}
_STATUS_CODE = {OrderStatus.COMPLETED: "CP", OrderStatus.CANCELLED: "CL", OrderStatus.SUBMITTED: "AS"}
_OPEN = Weighted((OrderStatus.PROCESSING, 6), (OrderStatus.SUBMITTED, 4))
_FAILED = Weighted((OrderStatus.ERROR, 6), (OrderStatus.CANCELLED, 4))
_ERRORS = (
    "The manufacturer refused the domain name.",
    "The manufacturer did not answer in time.",
    "The activation parameters are incomplete.",
)
_A_LITTLE_OVER = {12: 367, 1: 32}
"""Days that are more than one term of so many months, and less than two."""


class Orders:
    """Orders by account."""

    def __init__(self, accounts: Accounts, subscriptions: Subscriptions, prices: PriceLists) -> None:
        self._accounts = accounts
        self._subscriptions = subscriptions
        self._prices = prices
        self._dice = Dice(accounts.tree.seed)

    def of(self, account: int, life: Life) -> list[Order]:
        """The account's orders, subscription by subscription, each in the order in which it was placed."""
        bought = self._subscriptions.of(account, life)
        dice = self._dice.about(Subject.ORDER, account)
        orders = [order for subscription in bought for order in self._history(account, subscription, dice)]
        if bought and dice.chance(4):
            orders.append(self._failed(account, life, bought[0], dice))
        return orders

    def _history(self, account: int, bought: Subscription, dice: Dice) -> Iterator[Order]:
        change = self._change(account, bought, dice) if self._is_changed(account, bought, dice) else None
        started_with = bought.quantity
        if change and not change.at_renewal:
            started_with -= change.lines[0].quantity
        yield self._sales(account, bought, started_with, dice)
        if change:
            yield change
        if self._is_renewed(account, bought, dice):
            yield self._renewal(account, bought)
        if bought.has_ended and dice.chance(65):
            yield self._cancellation(account, bought)

    def _is_changed(self, account: int, bought: Subscription, dice: Dice) -> bool:
        of_demo = account == self._accounts.tree.customer and bought.place < 3
        return bought.is_running and (dice.chance(12) or of_demo)

    def _is_renewed(self, account: int, bought: Subscription, dice: Dice) -> bool:
        """Whether its last renewal left an order; only a part of them did, so that there aren't mostly renewals."""
        old_enough = bought.created < END - 380 * DAY
        likely = 100 if account == self._accounts.tree.customer else 20
        return bought.is_running and bought.auto_renew and old_enough and dice.chance(likely)

    def _sales(self, account: int, bought: Subscription, quantity: int, dice: Dice) -> Order:
        placed = bought.created - 60 - dice.below(2 * HOUR)
        po_number = _po_number(account, dice) if dice.chance(35) else ""
        pending = bought.status is SubscriptionStatus.PENDING
        return Order(
            OrderType.SALES,
            _OPEN.draw(dice) if pending else OrderStatus.COMPLETED,
            placed,
            self._subscriptions.key(account, bought),
            self._lines(account, bought, QuantityKind.DELTA, quantity),
            _NEVER if pending else bought.created,
            po_number,
        )

    def _change(self, account: int, bought: Subscription, dice: Dice) -> Order:
        """More or fewer units: at once, told as a difference; or from the next renewal on, told as what shall be."""
        subscription = self._subscriptions.key(account, bought)
        if bought.auto_renew and dice.chance(30):
            target = max(1, bought.quantity + dice.below(9) - 4)
            unit = self._prices.unit_cents(account, bought.offer, target)
            line = Line(bought.offer, QuantityKind.TARGET, target, target, unit, day_text(bought.ends))
            placed = max(bought.created, END - DAY - dice.below(20 * DAY))
            return Order(OrderType.CHANGE, OrderStatus.SUBMITTED, placed, subscription, (line,), at_renewal=True)
        placed = bought.created + int(dice.random() * max(END - bought.created - DAY, 0))
        unit = self._prices.unit_cents(account, bought.offer, bought.quantity)
        difference = _difference(bought.quantity, dice)
        line = Line(bought.offer, QuantityKind.DELTA, difference, bought.quantity, unit, day_text(placed // DAY))
        return Order(OrderType.CHANGE, OrderStatus.COMPLETED, placed, subscription, (line,), placed + 240)

    def _renewal(self, account: int, bought: Subscription) -> Order:
        months = OFFERS[bought.offer].plan.months
        renewed = period_end(bought.created // DAY, months, bought.ends - _A_LITTLE_OVER[months])
        placed = renewed * DAY + account % HOUR
        lines = self._lines(account, bought, QuantityKind.TARGET, bought.quantity, day_text(renewed))
        subscription = self._subscriptions.key(account, bought)
        return Order(OrderType.RENEWAL, OrderStatus.COMPLETED, placed, subscription, lines, placed + 90)

    def _cancellation(self, account: int, bought: Subscription) -> Order:
        """The term is over, so nothing is paid back."""
        ended = bought.ends * DAY
        placed = max(bought.created, ended - 2 * DAY)
        line = Line(bought.offer, QuantityKind.DELTA, -bought.quantity, 0, 0, day_text(bought.ends))
        subscription = self._subscriptions.key(account, bought)
        return Order(OrderType.CANCELLATION, OrderStatus.COMPLETED, placed, subscription, (line,), ended)

    def _failed(self, account: int, life: Life, like: Subscription, dice: Dice) -> Order:
        """An order that came to nothing, so there is no subscription to it."""
        status = _FAILED.draw(dice)
        placed = life.born + int(dice.random() * (END - life.born))
        unit = self._prices.unit_cents(account, like.offer, like.quantity)
        line = Line(like.offer, QuantityKind.DELTA, like.quantity, None, unit)
        return Order(OrderType.SALES, status, placed, "", (line,), error=_failure(status, dice))

    def _lines(
        self, account: int, bought: Subscription, kind: QuantityKind, quantity: int, effective_on: str = ""
    ) -> tuple[Line, ...]:
        """A line for each product of the subscription: so many of the first one, and what goes with it."""
        unit = self._prices.unit_cents(account, bought.offer, quantity)
        first = Line(bought.offer, kind, quantity, quantity, unit, effective_on)
        if not bought.has_addon:
            return (first,)
        extra = addon_quantity(bought.quantity)
        unit = self._prices.unit_cents(account, bought.addon, extra)
        return (first, Line(bought.addon, kind, extra, extra, unit, effective_on))

    def _numbered(self) -> Iterator[tuple[str, int, Order]]:
        """Every order with its number, which runs through the whole tree, and its account."""
        running = 0
        for account in range(1, self._accounts.tree.accounts):
            for order in self.of(account, self._accounts.life(account)):
                running += 1
                yield f"{_PREFIX[order.type]}{running:07d}", account, order

    def rows(self) -> Iterator[tuple[str, ...]]:
        """The rows of `orders.csv`."""
        for number, account, order in self._numbered():
            yield _order_row(number, self._accounts.key(account), order)

    def lines(self) -> Iterator[tuple[str, ...]]:
        """The rows of `order_lines.csv`."""
        for number, _, order in self._numbered():
            for position, line in enumerate(order.lines):
                yield _line_row(number, position, line)


def _difference(quantity: int, dice: Dice) -> int:
    """By how much a subscription was changed that now has this quantity: mostly up, and it had at least one before."""
    if quantity == 1 or dice.chance(25):
        return -1 - dice.below(min(quantity, 5))
    return 1 + dice.below(quantity - 1)


def _failure(status: OrderStatus, dice: Dice) -> str:
    return dice.pick(_ERRORS) if status is OrderStatus.ERROR else ""


def _po_number(account: int, dice: Dice) -> str:
    if dice.chance(60):
        return f"PO-{account % 10_000:04d}-{dice.below(10_000):04d}"
    return f"45{dice.below(100_000_000):08d}"


def _order_row(number: str, account_key: str, order: Order) -> tuple[str, ...]:
    return (
        number,
        account_key,
        order.type.value,
        order.status.value,
        _STATUS_CODE.get(order.status, ""),
        order.po_number,
        instant_text(order.created),
        instant_text(max(order.created, order.provisioned)),
        "" if order.provisioned == _NEVER else instant_text(order.provisioned),
        CURRENCY,
        amount(sum(line.unit_cents * line.quantity for line in order.lines)),
        order.subscription,
        "RENEWAL" if order.at_renewal else "",
        "true",
        order.error,
        "",
    )


def _line_row(number: str, position: int, line: Line) -> tuple[str, ...]:
    product, plan = OFFERS[line.offer].product, OFFERS[line.offer].plan
    return (
        number,
        str(position),
        product.manufacturer_code,
        product.mpn,
        plan.code,
        product.name,
        plan.term.value,
        "1",
        line.quantity_kind.value,
        str(line.quantity),
        "" if line.resulting is None else str(line.resulting),
        line.effective_on,
        CURRENCY,
        amount(line.unit_cents),
        amount(line.unit_cents * line.quantity),
        "",
    )
