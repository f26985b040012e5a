"""Fulfilment: orders are worked off, each step once, wherever a worker is killed.

An order is begun in one transaction, provisioned outside of any, and completed in another together with its job. Each
transaction looks first at how things stand; what provisions is asked under a key, so that it does the same thing once.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import orjson
from sqlalchemy import bindparam, select

from models import JobKind, OrderStatus, OrderType, Subscription, SubscriptionStatus
from models.base import iso
from models.beyond import chain
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import RefusedError
from resolvers.ordering import goods, terms
from resolvers.ordering.progress import charge_key, complete_order, fail_order, locked, start_order
from resolvers.orders import LINES_OF, ORDER
from resolvers.subscription_moves import ITEMS_OF, LOCK
from resolvers.work.claims import Claim, LostClaimError
from resolvers.work.completing import abandon, apply, opened, work
from resolvers.work.connector import Connector, Connectors, Outcome
from resolvers.work.handler import FailedAttemptError, Handler, HopelessError, Retry
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
    select(ORDER.c.path, ORDER.c.subscription_id).where(ORDER.c.id == bindparam("row_id")), is_lookup=True
)


class ProvisionOrder(Handler):
    """Works one order off."""

    retry = Retry(attempts=8, first=timedelta(seconds=5), longest=timedelta(hours=1))

    async def run(self, job: Claim) -> None:
        """See `Handler`. Whatever is raised can be shown to whoever ordered."""
        try:
            task = await self._begin(job)
            if task is not None:
                of_type, asked = task
                await self._complete(job, await self._ask(of_type, asked))
        except (FailedAttemptError, HopelessError, LostClaimError):
            raise
        except Exception as error:
            log.exception("order %d can't be worked off", job.subject_id)
            raise FailedAttemptError(_TROUBLE) from error

    async def _ask(self, of_type: OrderType, task: Task) -> Outcome:
        """Have it provisioned.

        Raises:
            HopelessError: it can't be, with a sentence for people.
            FailedAttemptError: it isn't yet.
        """
        connectors = self.place.connectors or Connectors(self.place.store)
        outcome = await _verb(connectors.of(task.manufacturer), of_type)(task)
        if isinstance(outcome, Pending):
            raise FailedAttemptError(_UNFINISHED)
        if isinstance(outcome, Failed):
            raise (HopelessError if outcome.is_final else FailedAttemptError)(outcome.reason)
        return outcome

    async def _begin(self, job: Claim) -> tuple[OrderType, Task] | None:
        """Bring the order into processing, if it isn't yet; None: there is nothing to do, now or ever."""
        async with holding(self.place.store, job, _FULFILMENT) as act:
            order, subscription = await _locked(act, job.subject_id)
            if order is None or order.waiting_for is not None:
                await finish(act, job)
                return None
            if order.status == OrderStatus.SUBMITTED:
                if not await _may_start(act, order):
                    await _wait(anew(act), job, order)
                    return None
                await start_order(act, order)
                if order.type == OrderType.SALES:
                    subscription = await opened(act, order)
            elif order.status != OrderStatus.PROCESSING:
                await _come_to_nothing(act, order, subscription)
                await finish(act, job)
                return None
            return OrderType(order.type), await _task(act, order, subscription)

    async def _complete(self, job: Claim, done: Outcome) -> None:
        """Let it take effect, unless the order was ended meanwhile.

        Raises:
            HopelessError: it can't any more.
        """
        try:
            async with holding(self.place.store, job, _FULFILMENT) as act:
                order, subscription = await _locked(act, job.subject_id)
                if order is not None and subscription is not None and order.status == OrderStatus.PROCESSING:
                    _refuse_renewed(order, subscription)
                    number = getattr(done, "vendor_subscription_id", None)
                    await apply(act, await work(act, order, subscription), number)
                    await complete_order(act, order)
                else:
                    await _come_to_nothing(act, order, subscription)
                await finish(act, job)
        except RefusedError as refusal:
            raise HopelessError(str(refusal)) from refusal

    async def give_up(self, job: Claim, reason: str) -> None:
        """See `Handler`: the order is in error, what was charged is given back, and it can be submitted again."""
        async with holding(self.place.store, job, _FULFILMENT) as act:
            order, subscription = await _locked(act, job.subject_id)
            if order is not None and await start_order(act, order):
                order, subscription = await _locked(act, job.subject_id)
            if order is not None and order.status == OrderStatus.PROCESSING:
                await fail_order(act, order, reason)
                await _come_to_nothing(act, order, subscription)
            await finish(act, job, failed=reason)


def _verb(connector: Connector, of_type: OrderType) -> Callable[[Task], Awaitable[Outcome]]:
    """What the connector is to do for an order of that type."""
    if of_type is OrderType.SALES:
        return connector.provision
    return connector.stop if of_type is OrderType.CANCELLATION else connector.change


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


async def _may_start(act: Act, order: Row) -> bool:
    """Whether the account, and those above it, still stand so that the order can be worked off."""
    statuses = await chain.statuses(act.writer, order.path)
    lines = await act.rows(LINES_OF, {"order": order.id})
    is_more = order.type == OrderType.SALES or any(
        (line.resulting_quantity or 0) > (line.previous_quantity or 0) for line in lines
    )
    try:
        terms.check_standing(act, statuses, OrderType(order.type), is_more=is_more)
    except RefusedError:
        return False
    return True


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
    lines = {line.product_id: line for line in await act.rows(LINES_OF, {"order": order.id})}
    products = await goods.products_of(act, [item.product_id for item in items])
    parts = [
        Part(
            products[item.product_id].mpn,
            products[item.product_id].name,
            lines[item.product_id].resulting_quantity if item.product_id in lines else item.quantity,
        )
        for item in items
    ]
    return Task(
        key=charge_key(order),
        subscription_id=subscription.id,
        vendor_subscription_id=subscription.vendor_subscription_id,
        manufacturer=products[items[0].product_id].manufacturer,
        parts=tuple(parts),
        attributes=orjson.loads(order.attributes or "{}"),
    )


def _refuse_renewed(order: Row, subscription: Row) -> None:
    """Let no term be renewed twice.

    Raises:
        HopelessError: another order did it.
    """
    if order.type == OrderType.RENEWAL and str(order.term_from) != str(subscription.renewal_date):
        raise HopelessError(_RENEWED)


async def _come_to_nothing(act: Act, order: Row | None, subscription: Row | None) -> None:
    """What follows for the subscription when an order isn't completed, whoever ended it."""
    if order is None or subscription is None or order.status == OrderStatus.COMPLETED:
        return
    if order.type == OrderType.SALES and subscription.status == SubscriptionStatus.PENDING:
        await abandon(act, subscription)
    if order.type == OrderType.RENEWAL and str(order.term_from) == str(subscription.renewal_date):
        await fell_through(act, subscription)
