"""What becomes of subscriptions in time: billed, renewed, ended, removed; and what provisions follows their states."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select

from models import SubscriptionStatus
from models.beyond import chain
from models.life.subscription import KEPT_AFTER_TERMINATION, SubscriptionEvent
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.ordering import goods
from resolvers.subscription_actions import RUNNING
from resolvers.subscription_moves import ITEMS_OF, LOCK, move, remove_later, renew_on
from resolvers.subscriptions import SUBSCRIPTION
from resolvers.work.billing import bill
from resolvers.work.claims import Claim, ending
from resolvers.work.connector import Connectors
from resolvers.work.handler import FailedAttemptError, Handler, HopelessError, Retry
from resolvers.work.holdings import under
from resolvers.work.renewing import day, renew
from resolvers.work.system import by_itself, finish, holding
from resolvers.work.task import Failed, Part, Pending, Task

log = logging.getLogger("canopy.work")

_SEEN = Statement(select(SUBSCRIPTION.c.path).where(SUBSCRIPTION.c.id == bindparam("row_id")), is_lookup=True)
_RENEWAL = by_itself("subscriptionRenewal", "subscription")
_BILLING = by_itself("subscriptionBilling", "subscription")
_REMOVAL = by_itself("subscriptionRemoval", "subscription")
_FOLLOWING = by_itself("subscriptionFollowing", "subscription")


class _OfSubscription(Handler):
    """Does something to one subscription, in one transaction with the end of its job."""

    retry = Retry(attempts=20, first=timedelta(seconds=5), longest=timedelta(hours=1))

    async def give_up(self, job: Claim, reason: str) -> None:
        """See `Handler`. The subscription stays as it is; the job keeps the reason."""
        log.error("%s of subscription %d was given up: %s", job.kind, job.subject_id, reason)
        async with ending(self.place.store, job, failed=reason):
            pass


class RenewSubscription(_OfSubscription):
    """Renews a subscription at its renewal date, or ends it."""

    async def run(self, job: Claim) -> None:
        """See `Handler`."""
        async with holding(self.place.store, job, _RENEWAL) as act:
            subscription = await _locked(act, job.subject_id)
            if subscription is not None:
                await renew(act, subscription)
            await finish(act, job)


class BillSubscription(_OfSubscription):
    """Charges what falls due in the middle of a term."""

    async def run(self, job: Claim) -> None:
        """See `Handler`."""
        async with holding(self.place.store, job, _BILLING) as act:
            subscription = await _locked(act, job.subject_id)
            if subscription is not None:
                await bill(act, subscription, job.key)
            await finish(act, job)


class RemoveSubscription(_OfSubscription):
    """Removes a subscription 30 days after it ended."""

    async def run(self, job: Claim) -> None:
        """See `Handler`."""
        async with holding(self.place.store, job, _REMOVAL) as act:
            subscription = await _locked(act, job.subject_id)
            if subscription is not None and _is_over(act, subscription):
                await move(act, subscription, SubscriptionEvent.REMOVE)
            await finish(act, job)


class FollowSubscription(_OfSubscription):
    """Tells what provisions the state that a subscription has by now: whoever comes late does no harm."""

    async def run(self, job: Claim) -> None:
        """See `Handler`.

        Raises:
            HopelessError: what provisions refuses.
            FailedAttemptError: it didn't come to an end.
        """
        async with holding(self.place.store, job, _FOLLOWING) as act:
            subscription = await _locked(act, job.subject_id)
            task = await _task(act, job, subscription) if subscription is not None else None
            if subscription is None or task is None:
                await finish(act, job)
                return
        connector = (self.place.connectors or Connectors(self.place.store)).of(task.manufacturer)
        verb = {
            SubscriptionStatus.ACTIVE.value: connector.resume,
            SubscriptionStatus.HOLD.value: connector.suspend,
        }.get(subscription.status, connector.stop)
        outcome = await verb(task)
        if isinstance(outcome, Failed) and outcome.is_final:
            raise HopelessError(outcome.reason)
        if isinstance(outcome, Failed | Pending):
            raise FailedAttemptError(getattr(outcome, "reason", "It isn't done yet."))
        async with holding(self.place.store, job, _FOLLOWING) as act:
            now = await _locked(act, job.subject_id)
            if now is not None and now.status != subscription.status:
                raise FailedAttemptError("The subscription's state has changed meanwhile.")
            await finish(act, job)


async def _locked(act: Act, subscription_id: int) -> Row | None:
    """A subscription as it is now, locked, and before it the accounts above."""
    seen = await act.rows(_SEEN, {"row_id": subscription_id})
    if not seen:
        return None
    await chain.statuses(act.writer, seen[0].path)
    return next(iter(await act.rows(LOCK, {"row_id": subscription_id})), None)


def _is_over(act: Act, subscription: Row) -> bool:
    """Whether it ended 30 days ago, for good."""
    if subscription.status != SubscriptionStatus.TERMINATED or subscription.ended_at is None:
        return False
    ended = subscription.ended_at
    ended_at = datetime.fromisoformat(ended) if isinstance(ended, str) else ended
    return act.now - ended_at >= KEPT_AFTER_TERMINATION


async def _take_up(act: Act, subscription: Row) -> None:
    """See to it that what runs, perhaps again, is neither removed nor left without the renewal that it missed."""
    await act.change(SUBSCRIPTION, subscription, ended_at=None)
    due = day(subscription.renewal_date)
    if due is not None and due <= act.now.date():
        tomorrow = act.now.date() + timedelta(days=1)
        await renew_on(act, subscription.id, subscription.path, due, again_on=tomorrow)


async def _task(act: Act, job: Claim, subscription: Row) -> Task | None:
    """What is asked of the connector; None: nothing, any more or yet."""
    if subscription.status in (SubscriptionStatus.PENDING, SubscriptionStatus.REMOVED):
        return None
    if subscription.status == SubscriptionStatus.TERMINATED and subscription.ended_at is None:
        await act.change(SUBSCRIPTION, subscription, ended_at=act.now)
        await remove_later(act, subscription)
    if subscription.status in RUNNING:
        await _take_up(act, subscription)
    items = await act.rows(ITEMS_OF, {"subscription": subscription.id})
    products = await goods.products_of(act, [item.product_id for item in items])
    parts = tuple(
        Part(products[item.product_id].mpn, products[item.product_id].name, item.quantity)
        for item in items
        if item.product_id in products
    )
    if not parts:
        return None
    return Task(
        key=f"follow:{job.key}:{subscription.status}",
        subscription_id=subscription.id,
        vendor_subscription_id=subscription.vendor_subscription_id,
        manufacturer=products[items[0].product_id].manufacturer,
        parts=parts,
        **await under(act, subscription),
    )
