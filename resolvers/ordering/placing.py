"""Placing orders: understood, checked, priced on every edge, charged along the chain, and left to the worker."""

from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import bindparam, select

from models import (
    AccountContact,
    MailTemplate,
    Order,
    OrderLine,
    OrderType,
    PostKind,
)
from models.base import MICROS, table_of
from models.beyond import chain, ledger, numbers, order_charges
from models.beyond.ledger import Amount, Short
from models.beyond.post import Recipient
from models.identifier import new_id
from models.life import order as life
from models.life.order import OrderEvent
from models.statement import Row, Statement
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.mail.outbox import post
from resolvers.ordering import charges, terms
from resolvers.ordering.asked import OrderRequest
from resolvers.ordering.draft import Draft, drafted
from resolvers.ordering.lines import Line
from resolvers.ordering.order_mail import confirmation_key
from resolvers.ordering.progress import charge_key, work_off
from resolvers.ordering.vendor import whom_to_ask
from resolvers.privileges import Privilege

_CONTACT = table_of(AccountContact).c
_CONTACT_OF = Statement(
    select(_CONTACT.id).where(_CONTACT.account_id == bindparam("account")).order_by(_CONTACT.position).limit(1),
    is_lookup=True,
)


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that was placed.

    Args:
        order: as it was stored.
        draft: what it comes to.
    """

    order: Order
    draft: Draft


async def place_order(act: Act, account: Row, given: OrderRequest) -> Placed:
    """Place an order of an account, which is locked; by whomever, the worker included.

    Raises:
        RefusedError: it can't be placed, with the reasons.
        ForbiddenError: it takes a privilege besides that the caller lacks.
    """
    terms.refuse_nonsense(act, given)
    waived_from = terms.waives_from(act, account, waives=given.waives_credit_check)
    edges = await chain.edges(act.writer, account.path)
    statuses = await chain.statuses(act.writer, account.path)
    draft = await drafted(act, account, edges, given)
    is_more = any(line.delta > 0 for line in draft.lines)
    await terms.check_standing(act, account, statuses, draft.type, is_more=is_more)
    _check_currency(act, draft)
    order = await _store(act, account, draft, given)
    await charge(
        act,
        account,
        charges.ledger_amounts(draft.dues),
        order,
        draft.currency,
        waived_from,
        is_renewal=draft.type is OrderType.RENEWAL,
    )
    if draft.waiting_for is None:
        await work_off(act, order)
    await _confirm(act, account, order)
    act.gives(order=order.id)
    return Placed(order, draft)


def _check_currency(act: Act, draft: Draft) -> None:
    for due in draft.own:
        if due.currency != draft.currency:
            hint = "Place an order for each currency."
            if draft.type is OrderType.MIGRATION:
                hint = "It can't be switched: cancel it, and order anew."
            message = f"It is priced in {due.currency}, others in {draft.currency}. {hint}"
            act.refuse(UserErrorCode.INVALID, message, *due.line.path)


# Storing and charging


async def _store(act: Act, account: Row, draft: Draft, given: OrderRequest) -> Order:
    place = {"account_id": account.id, "path": account.path, "shard_id": account.shard_id}
    attributes = {each.name: each.value for each in given.attributes or []}
    order = Order(
        id=new_id(),
        number=await numbers.order_number(act.writer, draft.type, act.now),
        type=draft.type,
        status=life.after(None, OrderEvent.PLACE),
        status_code="AS",
        po_number=given.purchase_order_number,
        currency=draft.currency,
        total_micros=draft.total_micros,
        subscription_id=given.subscription,
        scheduled_on=draft.scheduled_on,
        credit_check=not given.waives_credit_check,
        attributes=orjson.dumps(attributes, option=orjson.OPT_SORT_KEYS).decode() if attributes else None,
        waiting_for=draft.waiting_for,
        auto_renew=given.auto_renew,
        term_from=draft.term.start if draft.term else None,
        term_until=draft.term.end if draft.term else None,
        created_at=act.now,
        updated_at=act.now,
        **place,
    )
    await act.add(order)
    line_ids = [await _store_line(act, order, draft, line, at) for at, line in enumerate(draft.lines, 1)]
    await order_charges.fix(act.writer, account.path, charges.rows(draft.dues, order.id, line_ids, draft.lines))
    return order


async def _store_line(act: Act, order: Order, draft: Draft, line: Line, position: int) -> int:
    unit, extended, currency, rate = draft.price(line)
    plan_id, period = line.under or (draft.plan_id, draft.period)
    row = OrderLine(
        id=new_id(),
        account_id=order.account_id,
        path=order.path,
        shard_id=order.shard_id,
        order_id=order.id,
        position=position,
        product_id=line.product.id,
        plan_id=plan_id,
        period_type=period.type,
        period_duration=period.duration,
        mpn=line.product.mpn,
        name=line.product.name,
        quantity_kind=line.kind,
        quantity=line.quantity,
        previous_quantity=line.previous,
        resulting_quantity=line.resulting,
        effective_on=draft.effective_on,
        currency=currency,
        unit_micros=unit,
        extended_micros=extended,
        exchange_rate=rate,
    )
    await act.add(row)
    return row.id


async def charge(
    act: Act,
    account: Row,
    amounts: Sequence[Amount],
    order: Row,
    currency: str,
    waived_from: str | None,
    *,
    is_renewal: bool = False,
) -> None:
    """Charge the whole chain for an order.

    Args:
        act: what is under way.
        account: who buys.
        amounts: on every edge.
        order: its id and submission make the key.
        currency: in which the account pays.
        waived_from: see `ledger.charge`.
        is_renewal: for the ledger to say.

    Raises:
        RefusedError: credit is short; above the account nothing more is told.
    """
    kind = PostKind.RENEWAL if is_renewal else PostKind.CHARGE
    if amounts and all(amount.micros < 0 for amount in amounts):
        kind = PostKind.REFUND
    short = await ledger.charge(
        act.writer, amounts, key=charge_key(order), kind=kind, order_id=order.id,
        subscription_id=order.subscription_id, waived_from=waived_from, at=act.now,
    )  # fmt: skip
    if short is Short.ABOVE:
        message = f"Your vendor can't take orders of this amount at present. {await whom_to_ask(act, account)}"
        act.refuse(UserErrorCode.VENDOR_UNAVAILABLE, message, "account")
    if short is Short.OWN:
        act.refuse(UserErrorCode.CREDIT_LIMIT, await _how_short(act, account, amounts, currency), "account")


async def _how_short(act: Act, account: Row, amounts: Sequence[Amount], currency: str) -> str:
    """Why credit is short, in figures for those who may see them."""
    hint = "Settle the balance, order less, or ask the vendor for more credit."
    if not act.caller.may(Privilege.FINANCES_VIEW):
        return f"The account's credit with its vendor doesn't suffice. {hint}"
    own = max((amount.edge for amount in amounts), key=lambda edge: len(edge.buyer_path))
    costs = sum(amount.micros for amount in amounts if amount.edge == own and amount.currency == currency)
    left = await ledger.available(act.writer, own) or 0
    return f"It costs {_money(costs)} {currency}, and {_money(max(left, 0))} {own.currency} is available. {hint}"


def _money(micros: int) -> str:
    """An amount as people write it: two decimals, or more where it has more."""
    whole, rest = divmod(micros, MICROS)
    decimals = f"{rest:06}".rstrip("0")
    return f"{whole}.{decimals.ljust(2, '0')}"


async def _confirm(act: Act, account: Row, order: Order) -> None:
    """Have a mail sent to whoever placed it; of what a program places, to the account's first contact."""
    actor = act.caller.actor
    user_id = actor.user_id if actor is not None else act.caller.user_id
    to = Recipient(to_user_id=user_id) if user_id is not None else None
    if to is None:
        contacts = await act.rows(_CONTACT_OF, {"account": account.id})
        to = Recipient(to_contact_id=contacts[0].id) if contacts else None
    if to is not None:
        await post(
            act.writer,
            MailTemplate.ORDER_CONFIRMATION,
            key=confirmation_key(order.id),
            to=to,
            path=account.path,
            at=act.now,
            data={"account": account.name, "order": order.number},
        )
