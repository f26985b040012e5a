"""Orders: placing them, tried out first or not, and what people do with them before they are completed."""

from dataclasses import dataclass, field
from uuid import uuid4

from models import OrderStatus, OrderType, OrderWait
from models.beyond import chain, order_charges
from models.beyond.waking import wake_order
from models.life.order import OrderEvent
from models.statement import Row
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.changing import ChangingContext
from resolvers.errors import RefusedError, UserError, UserErrorCode
from resolvers.inputs import MOST_ATTRIBUTES, Attributes, Input, OrderId, Text100, Text500, said, stored
from resolvers.operation import Operation, Target, operation
from resolvers.order_actions import is_outdated, is_stoppable
from resolvers.ordering import charges, resubmitting, terms
from resolvers.ordering.asked import OrderRequest
from resolvers.ordering.draft import Draft
from resolvers.ordering.giving_back import instant_of
from resolvers.ordering.placing import charge, place_order, try_order
from resolvers.ordering.progress import call_off, charge_key, move_order, require_possible, work_off
from resolvers.orders import LINES_OF, ORDER
from resolvers.perform import Item
from resolvers.privileges import Privilege

_ACCOUNT = Target(ACCOUNT, by="account", is_changed=False)
_ORDER = Target(ORDER, by="order")
_CREDIT = (UserErrorCode.ACCOUNT_ON_HOLD, UserErrorCode.CREDIT_LIMIT, UserErrorCode.VENDOR_UNAVAILABLE)
_CODES = (
    *_CREDIT,
    UserErrorCode.ABOVE_MAXIMUM,
    UserErrorCode.AMBIGUOUS_MPN,
    UserErrorCode.BELOW_MINIMUM,
    UserErrorCode.COTERMING,
    UserErrorCode.DEPENDENCY_MISSING,
    UserErrorCode.NOT_OFFERED,
    UserErrorCode.OPEN_CHANGE,
    UserErrorCode.OUTSIDE_WINDOW,
    UserErrorCode.OUT_OF_RANGE,
    UserErrorCode.OWN_ACCOUNT,
    UserErrorCode.REQUIRED,
    UserErrorCode.RETIRED,
    UserErrorCode.TOO_LONG,
    UserErrorCode.WRONG_STATE,
)


class OrderPlace(OrderRequest):
    """What is ordered."""


class OrderUpdate(Input):
    """What is to be known of an order from now on. What is left out stays as it is."""

    order: OrderId = said("The order.")
    purchase_order_number: Text100 | None = said("The buyer's own number for it. Null removes it.", None)
    attributes: Attributes = said(
        "All its custom attributes, at most 50: what isn't listed is removed.", None, most=MOST_ATTRIBUTES
    )


class OrderCancel(Input):
    """Which order to cancel."""

    order: OrderId = said("The order.")


class OrderResubmit(Input):
    """Which order to submit again."""

    order: OrderId = said("The order.")
    waives_credit_check: bool = said(
        "Let it through whatever is owed to the caller's account and to those between it and the buyer. For accounts"
        " above the buyer, with the privilege `orders:waive-credit-check`.",
        False,
    )


class OrderApprove(Input):
    """Which order to approve."""

    order: OrderId = said("The order: of an account below the caller's own.")


class OrderReject(Input):
    """Which order to reject."""

    order: OrderId = said("The order: of an account below the caller's own.")
    reason: Text500 | None = said("Why. The account's own people read it.", None)


@operation(privilege=Privilege.ORDERS_PLACE, gives="order", target=_ACCOUNT, codes=_CODES, bulk=True)
async def place(act: Act, given: OrderPlace) -> None:
    """Place an order for an account: the caller's own, or one below.

    Its prices are fixed on every edge of the vendor chain, and the whole chain is charged at once: the account has to
    have the credit, and so has each above it. It is worked off afterwards, unless it waits for the renewal or for the
    vendor's approval. Takes the privilege to see prices, too.
    """
    await place_order(act, act.target, given)


@operation(privilege=Privilege.ORDERS_PLACE, gives="order", target=_ORDER, codes=(UserErrorCode.TOO_LONG,), bulk=True)
async def update(act: Act, given: OrderUpdate) -> None:
    """Change the buyer's own number and attributes of an order, in whatever state it is."""
    values: dict[str, object] = {}
    if "purchase_order_number" in given.model_fields_set:
        values["po_number"] = given.purchase_order_number
    if "attributes" in given.model_fields_set:
        values["attributes"] = stored(given.attributes)
    await act.change(ORDER, act.target, **values)


@operation(
    privilege=Privilege.ORDERS_CANCEL,
    gives="order",
    target=_ORDER,
    codes=(UserErrorCode.OUTSIDE_WINDOW, UserErrorCode.WRONG_STATE),
    bulk=True,
)
async def cancel(act: Act, given: OrderCancel) -> None:
    """Cancel an order that isn't completed; what was charged for it is given back on every edge.

    What is being processed is cancelled only if what provisions can stop it, and as long as what it buys could be given
    back: until the order's `cancellableUntil`. What it has begun is undone. What is completed ends by an order of type
    CANCELLATION.
    """
    is_begun = act.target.status == OrderStatus.PROCESSING
    if is_begun:
        _require_stoppable(act, act.target)
    await call_off(act, act.target, OrderEvent.CANCEL)
    if is_begun:
        await wake_order(act.writer, act.target.path, charge_key(act.target), act.now)


def _require_stoppable(act: Act, order: Row) -> None:
    """Refuse to cancel what is being processed and can't be stopped, or not any more."""
    if order.stoppable_until is None:
        message = (
            "What is being processed here can't be stopped. Wait for it; then cancel what it made, or resubmit it."
        )
        act.refuse(UserErrorCode.WRONG_STATE, message, "order")
    if not is_stoppable(order, act.now):
        message = f"It could be cancelled until {instant_of(order.stoppable_until):%Y-%m-%d %H:%M} UTC. Wait for it."
        act.refuse(UserErrorCode.OUTSIDE_WINDOW, message, "order")


@operation(
    privilege=Privilege.ORDERS_PLACE,
    gives="order",
    target=_ORDER,
    codes=(
        *_CREDIT,
        UserErrorCode.NOT_OFFERED,
        UserErrorCode.OPEN_CHANGE,
        UserErrorCode.OUTDATED,
        UserErrorCode.OWN_ACCOUNT,
        UserErrorCode.RETIRED,
        UserErrorCode.WRONG_STATE,
    ),
    bulk=True,
)
async def resubmit(act: Act, given: OrderResubmit) -> None:
    """Submit an order in error again, at the prices that were fixed when it was placed.

    The whole chain is checked and charged again. What a sale buys begins on the day on which it is submitted again,
    and is paid for from then on. What would come to something else by now is refused with `OUTDATED` and placed anew: a
    sale whose prices have changed since a day before, a change or a cancellation of such a day, or of what has changed
    meanwhile, and every migration.
    """
    order = act.target
    require_possible(act, order, OrderEvent.RESUBMIT)
    if is_outdated(order, act.now):
        message = "What it charges and gives back has to be worked out anew. Place a new order."
        act.refuse(UserErrorCode.OUTDATED, message, "order")
    if given.waives_credit_check:
        act.caller.require(Privilege.ORDERS_WAIVE_CREDIT_CHECK)
    account = await _buyer(act, order)
    waived_from = terms.waives_from(act, account, waives=given.waives_credit_check)
    edges = await chain.edges(act.writer, order.path)
    statuses = await chain.statuses(act.writer, order.path)
    lines = await act.rows(LINES_OF, {"order": order.id})
    if order.subscription_id is not None:
        await terms.lock(act, account, order.subscription_id)
        await terms.refuse_open(act, account, order.subscription_id, besides=order.id)
        await resubmitting.refuse_changed(act, order, lines)
    await terms.check_standing(act, account, statuses, OrderType(order.type), is_more=order.total_micros > 0)
    fixed = await order_charges.of_order(act.writer, order)
    resubmitting.refuse_moved(act, edges, fixed)
    values = {"submission": order.submission + 1, "error_message": None, "status_code": "AS"}
    values |= {"credit_check": not given.waives_credit_check}
    values |= await resubmitting.new_term(act, order, lines, edges, fixed)
    await move_order(act, order, OrderEvent.RESUBMIT, **values)
    order = order._replace(submission=order.submission + 1)
    amounts = charges.stored_amounts(edges, fixed, lines)
    await charge(act, account, amounts, order, order.currency, waived_from)
    await work_off(act, order)


async def _buyer(act: Act, order: Row) -> Row:
    """The account of an order.

    Raises:
        RefusedError: it has another vendor since.
    """
    rows = await act.rows(_ACCOUNT.statement, {"row_id": order.account_id})
    if not rows or rows[0].path != order.path:
        act.refuse(UserErrorCode.OUTDATED, resubmitting.OTHER_VENDOR, "order")
    return rows[0]


@operation(
    privilege=Privilege.ORDERS_APPROVE,
    gives="order",
    target=_ORDER,
    codes=(UserErrorCode.OWN_ACCOUNT, UserErrorCode.WRONG_STATE),
    bulk=True,
)
async def approve(act: Act, given: OrderApprove) -> None:
    """Approve an order that waits for that: it is worked off, or waits for its renewal."""
    order = act.target
    _require_waiting(act, order)
    waits = OrderWait.RENEWAL.value if order.scheduled_on is not None else None
    await move_order(act, order, OrderEvent.APPROVE, waiting_for=waits)
    if waits is None:
        await work_off(act, order)


@operation(
    privilege=Privilege.ORDERS_APPROVE,
    gives="order",
    target=_ORDER,
    codes=(UserErrorCode.OWN_ACCOUNT, UserErrorCode.TOO_LONG, UserErrorCode.WRONG_STATE),
    bulk=True,
)
async def reject(act: Act, given: OrderReject) -> None:
    """Reject an order that waits for approval; what was charged for it is given back on every edge."""
    _require_waiting(act, act.target)
    await call_off(act, act.target, OrderEvent.REJECT, error_message=given.reason)


def _require_waiting(act: Act, order: Row) -> None:
    """Refuse whoever isn't above the buyer, and orders that don't wait for approval."""
    if len(order.path) <= len(act.caller.path):
        act.refuse(UserErrorCode.OWN_ACCOUNT, "Whoever buys can't approve it; its vendor can.", "order")
    if order.status != OrderStatus.SUBMITTED or order.waiting_for != OrderWait.APPROVAL:
        act.refuse(UserErrorCode.WRONG_STATE, "The order doesn't wait for approval.", "order")


# Trying out


class OrderEstimate(OrderRequest):
    """What would be ordered."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What placing an order would come to.

    Args:
        draft: None where it would be refused.
        errors: why it would be.
    """

    draft: Draft | None
    errors: tuple[UserError, ...] = field(default=())


class TriedError(Exception):
    """Leaves the transaction, so that nothing of it stays."""

    def __init__(self, estimate: Estimate) -> None:
        super().__init__("tried out")
        self.estimate = estimate


async def _try_out(act: Act, given: OrderEstimate) -> None:
    """Find out what placing an order would come to."""
    try:
        rows = await act.rows(_ACCOUNT.statement, {"row_id": given.account or act.caller.account_id})
        if not rows or given.account == 0:
            act.refuse(UserErrorCode.NOT_FOUND, "There is no such account.", "account")
        draft = await try_order(act, rows[0], given)
    except RefusedError as refusal:
        raise TriedError(Estimate(None, refusal.errors)) from refusal
    raise TriedError(Estimate(draft))


TRIAL = Operation("orderEstimate", _try_out, OrderEstimate, Privilege.ORDERS_PLACE, gives="order", codes=_CODES)
"""Behind `orderEstimate` and `orderValidate`; not among the operations that change something, for it never does."""


async def estimate(context: ChangingContext, values: dict[str, object]) -> Estimate:
    """What placing an order would come to: it is worked out and checked, and nothing of it stays.

    Raises:
        ForbiddenError: the caller may not place orders.
        UnavailableError: the database is too busy.
    """
    try:
        outcome = await context.perform(TRIAL, Item(values), uuid4().hex)
    except TriedError as tried:
        return tried.estimate
    return Estimate(None, outcome.errors)  # the input makes no sense, so nothing was tried
