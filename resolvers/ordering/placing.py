"""Placing orders: understood, checked, priced on every edge, charged along the chain, and left to the worker."""

from collections.abc import Sequence

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
from models.beyond import chain, ledger, numbers, order_charges, trying
from models.beyond.chain import Edge
from models.beyond.ledger import Amount, Short
from models.beyond.post import Recipient
from models.identifier import new_id
from models.life import order as life
from models.life.order import OrderEvent
from models.statement import Row, Statement
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import stored
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


async def place_order(act: Act, account: Row, given: OrderRequest) -> None:
    """Place an order of an account, which is locked; by whomever, the worker included.

    Raises:
        RefusedError: it can't be placed, with the reasons.
        ForbiddenError: it takes a privilege besides that the caller lacks.
    """
    waived_from = _waived_from(act, account, given)
    draft = await _considered(act, account, given)
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


async def try_order(act: Act, account: Row, given: OrderRequest) -> Draft:
    """What placing an order would come to; nothing is stored, and nobody else's order has to wait meanwhile.

    Whoever tries larger and larger orders would learn where credit ends: so only that is looked at which the caller may
    see, and the buyer's own (docs/decisions/0017-trying-out-orders.md).

    Raises:
        RefusedError: it couldn't be placed, with the reasons.
        ForbiddenError: it takes a privilege besides that the caller lacks.
    """
    waived_from = _waived_from(act, account, given)
    draft = await _considered(act, account, given)
    amounts = [each for each in charges.ledger_amounts(draft.dues) if _is_told(act, draft, each.edge)]
    short = await trying.short_of(act.writer, amounts, waived_from=waived_from)
    await _refuse_short(act, account, amounts, draft.currency, short)
    return draft


def _waived_from(act: Act, account: Row, given: OrderRequest) -> str | None:
    """From whose place on down the credit check is waived, if what is asked for makes sense at all."""
    terms.refuse_nonsense(act, given)
    return terms.waives_from(act, account, waives=given.waives_credit_check)


async def _considered(act: Act, account: Row, given: OrderRequest) -> Draft:
    """What an order is, if nothing but credit speaks against it."""
    edges = await chain.edges(act.writer, account.path)
    statuses = await chain.statuses(act.writer, account.path)
    draft = await drafted(act, account, edges, given)
    is_more = any(line.delta > 0 for line in draft.lines)
    await terms.check_standing(act, account, statuses, draft.type, is_more=is_more)
    _check_currency(act, draft)
    return draft


def _check_currency(act: Act, draft: Draft) -> None:
    for due in draft.own:
        if due.currency != draft.currency:
            hint = "Place an order for each currency."
            if draft.type is OrderType.MIGRATION:
                hint = "It can't be switched: cancel it, and order anew."
            message = f"It is priced in {due.currency}, others in {draft.currency}. {hint}"
            act.refuse(UserErrorCode.INVALID, message, *due.line.path)


def _is_told(act: Act, draft: Draft, edge: Edge) -> bool:
    """Whether it is the buyer's own edge, or its balance is in the caller's view, as the filter has that."""
    scope = act.caller.scope()
    is_seen = scope.finances and (edge.buyer_id == scope.account_id or scope.sells(edge.seller_path))
    return edge == draft.edges[-1] or is_seen


# Storing and charging


async def _store(act: Act, account: Row, draft: Draft, given: OrderRequest) -> Order:
    place = {"account_id": account.id, "path": account.path, "shard_id": account.shard_id}
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
        attributes=stored(given.attributes),
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
        setup_micros=draft.setup(line) or None,
        charged_micros=draft.charged(line),
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
    if any(amount.micros < 0 for amount in amounts) and all(amount.micros <= 0 for amount in amounts):
        kind = PostKind.REFUND
    short = await ledger.charge(
        act.writer, amounts, key=charge_key(order), kind=kind, order_id=order.id,
        subscription_id=order.subscription_id, waived_from=waived_from, at=act.now,
    )  # fmt: skip
    await _refuse_short(act, account, amounts, currency, short)


async def _refuse_short(act: Act, account: Row, amounts: Sequence[Amount], currency: str, short: Short | None) -> None:
    """Refuse what credit is short for; above the account nothing more is told."""
    if short is Short.ABOVE:
        _note_probe(act, account, amounts)
        message = f"Your vendor can't take orders of this amount at present. {await whom_to_ask(act, account)}"
        act.refuse(UserErrorCode.VENDOR_UNAVAILABLE, message, "account")
    if short is Short.OWN:
        act.refuse(UserErrorCode.CREDIT_LIMIT, await _how_short(act, account, amounts, currency), "account")


def _note_probe(act: Act, account: Row, amounts: Sequence[Amount]) -> None:
    """Let the vendor see who asked its credit for how much in vain: by many such orders it can be found out."""
    own = _own(amounts)
    costs = [f"{_money(amount.micros)} {amount.currency}" for amount in amounts if amount.edge == own]
    act.attempt(ACCOUNT, account, {"refused": UserErrorCode.VENDOR_UNAVAILABLE.value, "costs": ", ".join(costs)})


def _own(amounts: Sequence[Amount]) -> Edge:
    """The buyer's own edge."""
    return max((amount.edge for amount in amounts), key=lambda edge: len(edge.buyer_path))


async def _how_short(act: Act, account: Row, amounts: Sequence[Amount], currency: str) -> str:
    """Why credit is short, in figures for those who may see them."""
    hint = "Settle the balance, order less, or ask the vendor for more credit."
    if not act.caller.may(Privilege.FINANCES_VIEW):
        return f"The account's credit with its vendor doesn't suffice. {hint}"
    own = _own(amounts)
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
