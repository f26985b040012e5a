"""Fulfilment: orders are worked off, each step once, wherever a worker is killed.

An order is begun in one transaction, provisioned outside of any, and completed in another together with its job. Each
transaction looks first at how things stand; what provisions is asked under a key, so that it does the same thing once.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import bindparam, select

from models import JobKind, OrderStatus, OrderType, Subscription, SubscriptionStatus
from models.base import iso
from models.beyond import chain
from models.plan import RefundPolicy
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import RefusedError
from resolvers.ordering import goods, terms
from resolvers.ordering.progress import charge_key, complete_order, fail_order, let_stop, locked, start_order
from resolvers.ordering.refunds import window_until
from resolvers.orders import LINES_OF, ORDER
from resolvers.subscription_moves import ITEMS_OF, LOCK
from resolvers.work.claims import Claim, LostClaimError
from resolvers.work.completing import abandon, apply, opened
from resolvers.work.connector import Connector, Connectors, ConnectorSettingError, Outcome
from resolvers.work.handler import FailedAttemptError, Handler, HopelessError, Retry
from resolvers.work.holdings import PLAN, bought_at, under, work
from resolvers.work.renewing import fell_through
from resolvers.work.system import anew, by_itself, finish, holding
from resolvers.work.task import Failed, Part, Pending, Task

log = logging.getLogger("canopy.work")

_FULFILMENT = by_itself("orderFulfilment", "order")
_HELD_FOR = timedelta(hours=1)
_TROUBLE = "Something went wrong while it was worked off. Submit it again later, or ask support."
_UNFINISHED = "The service is still not set up. Submit the order again later, or ask support."
_RENEWED = "The subscription has been renewed meanwhile."
_SEEN = Statement(
    select(ORDER.c.path, ORDER.c.subscription_id, ORDER.c.status).where(ORDER.c.id == bindparam("row_id")),
    is_lookup=True,
)


_VERBS = {OrderType.SALES: "provision", OrderType.CANCELLATION: "stop"}
"""What a connector is to do for an order; for any other type, to change what runs."""
_UNDOING = {OrderType.CHANGE: "change", OrderType.MIGRATION: "change", OrderType.CANCELLATION: "resume"}
"""What brings back what there was, when an order is called off that has begun; what it sets up is stopped elsewhere."""
_ALWAYS = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a connector is asked for.

    Args:
        verb: the name of its method.
        task: what it is called with.
        is_undoing: whether the order was called off.
    """

    verb: str
    task: Task
    is_undoing: bool = False

    def of(self, connector: Connector) -> Callable[[Task], Awaitable[Outcome]]:
        """The method of a connector."""
        found: Callable[[Task], Awaitable[Outcome]] = getattr(connector, self.verb)
        return found


class ProvisionOrder(Handler):
    """Works one order off."""

    retry = Retry(attempts=8, first=timedelta(seconds=5), longest=timedelta(hours=1))

    async def run(self, job: Claim) -> None:
        """See `Handler`. Whatever is raised can be shown to whoever ordered."""
        try:
            await self._work_off(job)
        except (FailedAttemptError, HopelessError, LostClaimError):
            raise
        except Exception as error:
            log.exception("order %d can't be worked off", job.subject_id)
            raise FailedAttemptError(_TROUBLE) from error

    async def _work_off(self, job: Claim) -> None:
        asked = await self._begin(job)
        if asked is None:
            return
        try:
            outcome = await self._ask(asked)
        except FailedAttemptError:
            if asked.is_undoing or not await self._is_called_off(job):
                raise
            await self._work_off(job)  # what is to be undone needn't wait for another attempt
            return
        undoing = None if asked.is_undoing else await self._complete(job, outcome)
        if undoing is not None:
            await self._ask(undoing)
        if undoing is not None or asked.is_undoing:
            await self._end_undone(job)

    async def _is_called_off(self, job: Claim) -> bool:
        """Whether the order was cancelled while it was being provisioned."""
        async with holding(self.place.store, job, _FULFILMENT) as act:
            return any(row.status == OrderStatus.CANCELLED for row in await act.rows(_SEEN, {"row_id": job.subject_id}))

    async def _ask(self, asked: _Asked) -> Outcome:
        """Have it provisioned.

        Raises:
            HopelessError: it can't be, with a sentence for people.
            FailedAttemptError: it isn't yet.
        """
        outcome = await asked.of(self._connector(asked.task))(asked.task)
        if isinstance(outcome, Pending):
            raise FailedAttemptError(_UNFINISHED)
        if isinstance(outcome, Failed):
            raise (HopelessError if outcome.is_final else FailedAttemptError)(outcome.reason)
        return outcome

    def _connector(self, task: Task) -> Connector:
        connectors = self.place.connectors or Connectors(self.place.store)
        return connectors.of(task.manufacturer)

    def _can_stop(self, task: Task) -> bool:
        try:
            return self._connector(task).can_stop()
        except ConnectorSettingError:
            return False  # it is asked for in vain, too, and that is told

    async def _begin(self, job: Claim) -> _Asked | None:
        """Bring the order into processing, if it isn't yet; None: there is nothing to do, now or ever."""
        async with holding(self.place.store, job, _FULFILMENT) as act:
            order, subscription = await _locked(act, job.subject_id)
            if order is None or order.waiting_for is not None:
                await finish(act, job)
                return None
            is_new = order.status == OrderStatus.SUBMITTED
            if is_new:
                if not await _may_start(act, order):
                    await _wait(anew(act), job, order)
                    return None
                await start_order(act, order)
                if order.type == OrderType.SALES and not _is_set_up(subscription):  # an import brings it along
                    subscription = await opened(act, order)
            elif order.status != OrderStatus.PROCESSING:
                undoing = await _undoing(act, order, subscription)
                if undoing is None:
                    await _come_to_nothing(act, order, subscription)
                    await finish(act, job)
                return undoing
            task = await _task(act, order, subscription)
            if is_new and self._can_stop(task):
                await let_stop(act, order, await _stoppable_until(act, order))
            return _Asked(_VERBS.get(OrderType(order.type), "change"), task)

    async def _complete(self, job: Claim, done: Outcome) -> _Asked | None:
        """Let it take effect, unless the order was ended meanwhile; gives what is then to be undone.

        Raises:
            HopelessError: it can't take effect any more.
        """
        try:
            async with holding(self.place.store, job, _FULFILMENT) as act:
                order, subscription = await _locked(act, job.subject_id)
                if order is not None and subscription is not None and order.status == OrderStatus.PROCESSING:
                    _refuse_renewed(order, subscription)
                    number = getattr(done, "vendor_subscription_id", None)
                    await apply(act, await work(act, order, subscription), number)
                    await complete_order(act, order)
                elif order is not None:
                    undoing = await _undoing(act, order, subscription)
                    if undoing is not None:
                        return undoing
                    await _come_to_nothing(act, order, subscription)
                await finish(act, job)
        except RefusedError as refusal:
            raise HopelessError(str(refusal)) from refusal
        return None

    async def _end_undone(self, job: Claim) -> None:
        """Record that what an order was doing when it was called off is undone."""
        async with holding(self.place.store, job, _FULFILMENT) as act:
            order, subscription = await _locked(act, job.subject_id)
            await _come_to_nothing(act, order, subscription)
            await finish(act, job)

    async def give_up(self, job: Claim, reason: str) -> None:
        """See `Handler`: the order is in error, what was charged is given back, and it can be submitted again."""
        async with holding(self.place.store, job, _FULFILMENT) as act:
            order, subscription = await _locked(act, job.subject_id)
            if order is not None and await start_order(act, order):
                order, subscription = await _locked(act, job.subject_id)
            if order is not None and order.status == OrderStatus.PROCESSING:
                await fail_order(act, order, reason)
            if order is not None and order.status in (OrderStatus.PROCESSING, OrderStatus.CANCELLED):
                await _come_to_nothing(act, order, subscription)
            await finish(act, job, failed=reason)


async def _locked(act: Act, order_id: int) -> tuple[Row | None, Row | None]:
    """An order and its subscription as they are now, both locked, and before them the accounts above."""
    seen = await act.rows(_SEEN, {"row_id": order_id})
    if not seen:
        return None, None
    await chain.statuses(act.writer, seen[0].path)
    subscription = None
    if seen[0].subscription_id is not None:
        subscription = next(iter(await act.rows(LOCK, {"row_id": seen[0].subscription_id})), None)
    return await locked(act, order_id), subscription


def _is_set_up(subscription: Row | None) -> bool:
    """Whether it is what the order is to provision; what an attempt before made has ended with that."""
    return subscription is not None and subscription.status == SubscriptionStatus.PENDING


async def _may_start(act: Act, order: Row) -> bool:
    """Whether the account, and those above it, still stand so that the order can be worked off."""
    statuses = await chain.statuses(act.writer, order.path)
    lines = await act.rows(LINES_OF, {"order": order.id})
    is_more = order.type == OrderType.SALES or any(
        (line.resulting_quantity or 0) > (line.previous_quantity or 0) for line in lines
    )
    return terms.why_not(statuses, OrderType(order.type), is_more=is_more) is None


async def _wait(act: Act, job: Claim, order: Row) -> None:
    """Look again in an hour, and as often as it takes; the order can be cancelled meanwhile."""
    at = act.now + _HELD_FOR
    await act.enqueue(JobKind.PROVISION_ORDER, order.id, order.path, key=f"{charge_key(order)}@{iso(at)}", at=at)
    await finish(act, job)


async def _task(act: Act, order: Row, subscription: Row | Subscription | None) -> Task:
    """What is asked of the connector.

    Raises:
        HopelessError: there is nothing that it could be asked for.
    """
    if subscription is None:
        raise HopelessError("The order is about no subscription. Place another one.")
    items = await act.rows(ITEMS_OF, {"subscription": subscription.id})
    lines = await act.rows(LINES_OF, {"order": order.id})
    if order.type == OrderType.MIGRATION:
        units = [(line.product_id, line.resulting_quantity) for line in lines if line.resulting_quantity]
    else:
        ordered = {line.product_id: line.resulting_quantity for line in lines}
        units = [(item.product_id, ordered.get(item.product_id, item.quantity)) for item in items]
    task = await _asking(act, order, subscription, units, charge_key(order))
    return replace(task, **await under(act, lines[-1])) if order.type == OrderType.MIGRATION else task


async def _asking(
    act: Act, order: Row, subscription: Row | Subscription, units: Sequence[tuple[int, int]], key: str
) -> Task:
    """The task that brings a subscription's service to so many units of products, the main one first."""
    products = await goods.products_of(act, [product for product, _ in units])
    return Task(
        key=key,
        subscription_id=subscription.id,
        vendor_subscription_id=subscription.vendor_subscription_id,
        manufacturer=products[units[0][0]].manufacturer,
        parts=tuple(Part(products[product].mpn, products[product].name, many) for product, many in units),
        attributes=orjson.loads(order.attributes or "{}"),
        **await under(act, subscription),
    )


async def _undoing(act: Act, order: Row, subscription: Row | None) -> _Asked | None:
    """What is to be undone of an order that isn't being processed any more; None: nothing, or not here."""
    verb = _UNDOING.get(OrderType(order.type))
    is_called_off = order.status == OrderStatus.CANCELLED and order.stoppable_until is not None
    if subscription is None or verb is None or not is_called_off:
        return None
    items = await act.rows(ITEMS_OF, {"subscription": subscription.id})
    units = [(item.product_id, item.quantity) for item in items]
    task = await _asking(act, order, subscription, units, f"{charge_key(order)}:undone")
    return _Asked(verb, replace(task, attributes={}), is_undoing=True)


async def _stoppable_until(act: Act, order: Row) -> datetime | None:
    """Until when an order that has begun can be called off: as long as what it buys could be given back."""
    if order.type == OrderType.RENEWAL:
        return None  # whoever doesn't want it switches the renewal off
    lines = await act.rows(LINES_OF, {"order": order.id})
    (plan,) = await act.rows(PLAN, {"row_id": lines[-1].plan_id})
    return window_until(RefundPolicy(plan.refund_policy), bought_at(order), plan.cancellation_hours) or _ALWAYS


def _refuse_renewed(order: Row, subscription: Row) -> None:
    """Let no term be renewed twice.

    Raises:
        HopelessError: another order did it.
    """
    if order.type == OrderType.RENEWAL and str(order.term_from) != str(subscription.renewal_date):
        raise HopelessError(_RENEWED)


async def _come_to_nothing(act: Act, order: Row | None, subscription: Row | None) -> None:
    """What follows for the subscription when an order isn't completed, whoever ended it."""
    if order is not None and order.status == OrderStatus.CANCELLED:
        await let_stop(act, order, None)
    if order is None or subscription is None or order.status == OrderStatus.COMPLETED:
        return
    if order.type == OrderType.SALES and subscription.status == SubscriptionStatus.PENDING:
        await abandon(act, subscription)
    if order.type == OrderType.RENEWAL and str(order.term_from) == str(subscription.renewal_date):
        await fell_through(act, subscription)
