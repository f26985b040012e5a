"""Changing what accounts owe, and on which terms: for sellers, never for those who owe."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field as Bounds
from sqlalchemy import bindparam, select

from models import Payment, PaymentKind, PaymentTerm
from models.base import MICROS
from models.beyond import chain
from models.beyond.balances import open_edge
from models.beyond.ledger import MOST_MICROS
from models.beyond.payments import pay
from models.currency import payable, smallest
from models.identifier import new_id
from models.statement import Row, Statement
from resolvers import credit_rule
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.errors import UserErrorCode
from resolvers.inputs import AccountId, Input, Text100, Text500, said
from resolvers.money import BALANCE, PAYMENT
from resolvers.operation import OPERATIONS, Operation, Target, operation
from resolvers.privileges import Privilege
from resolvers.trade_inputs import Amount, BalanceId, Currency, micros_of

NetDays = Annotated[int, Bounds(ge=0, le=365)]

_OF_EDGE = Statement(
    select(*BALANCE.c)
    .where(
        BALANCE.c.buyer_id == bindparam("buyer"),
        BALANCE.c.seller_id == bindparam("seller"),
        BALANCE.c.currency == bindparam("currency"),
    )
    .with_for_update(),
    BALANCE.name,
    is_lookup=True,
)
_OF_BUYER = Statement(
    select(*BALANCE.c).where(BALANCE.c.buyer_id == bindparam("buyer")).order_by(BALANCE.c.id), is_lookup=True
)
_OF_ID = Statement(select(*BALANCE.c).where(BALANCE.c.id == bindparam("balance")), is_lookup=True)


class AccountTermsSet(Input):
    """On which terms an account buys from its vendor from now on. What is left out stays as it is."""

    account: AccountId = said("The account: one below the caller's own.")
    terms: PaymentTerm = said("Whether it pays later, or before it buys.", None)
    credit_limit: Amount | None = said(
        "How much it may owe its vendor at most, in the vendor's currency, as `1000.00`. Null: any amount. Whoever pays"
        " before it buys has none.",
        None,
    )
    net_days: NetDays = said("Days from an invoice until it is due, 0 to 365.", None)
    customer_class: Text100 | None = said("The class that decides its terms. Null removes it.", None)
    requires_approval: bool = said("Whether what it orders by itself waits until its vendor approves.", None)


@operation(
    privilege=Privilege.ACCOUNTS_TERMS,
    gives="account",
    target=Target(ACCOUNT, by="account", below=True),
    codes=(UserErrorCode.OUT_OF_RANGE, UserErrorCode.REQUIRED, UserErrorCode.TOO_LONG),
    bulk=True,
)
async def terms_set(act: Act, given: AccountTermsSet) -> None:
    """Set an account's credit limit and terms of payment with its vendor, for the vendor and those above it.

    An account that owes more than its new limit is put on credit hold at once; one that was put there by rule and now
    owes less than its limit is released. For those alone who may see finances.
    """
    act.caller.require(Privilege.FINANCES_VIEW)
    balance = await _with_vendor(act)
    values = given.given("net_days") | _credit(act, given, balance)
    has_changed = await act.change(BALANCE, balance, **values)
    account_has = await act.change(ACCOUNT, act.target, **given.given("customer_class", "requires_approval"))
    if has_changed:
        await credit_rule.apply(act, [act.target.id])
        if not account_has:
            await act.touch(ACCOUNT, act.target)


async def _with_vendor(act: Act) -> Row:
    """The target's balance with its vendor, locked; opened if there is none yet."""
    edge = (await chain.edges(act.writer, act.target.path))[-1]
    await open_edge(act.writer, edge.seller_path, edge.buyer_path, edge.currency, at=act.now)
    key = {"buyer": edge.buyer_id, "seller": edge.seller_id, "currency": edge.currency}
    return (await act.rows(_OF_EDGE, key))[0]


def _credit(act: Act, given: AccountTermsSet, balance: Row) -> dict[str, object]:
    """The terms and the limit that follow; who prepays has a limit of 0."""
    is_limited = "credit_limit" in given.model_fields_set
    limit = micros_of(given.credit_limit) if given.credit_limit is not None else None
    terms = given.terms if "terms" in given.model_fields_set else PaymentTerm(balance.terms)
    if limit is not None and limit > MOST_MICROS:
        act.refuse(
            UserErrorCode.OUT_OF_RANGE, "It is more than is ever owed. Null stands for any amount.", "credit_limit"
        )
    if terms is PaymentTerm.PREPAID:
        if is_limited and limit != 0:
            message = "Whoever pays before it buys has no credit. Give `terms: NET` as well."
            act.refuse(UserErrorCode.INVALID, message, "credit_limit")
        return {"terms": terms.value, "credit_limit_micros": 0}
    return {"terms": terms.value} | ({"credit_limit_micros": limit} if is_limited else {})


class Settlement(Input):
    """What a buyer owes less."""

    account: AccountId | None = said("Who owes less: an account below the caller's own. Or give the balance.", None)
    balance: BalanceId | None = said(
        "What is owed less, as `balances` lists it, also by who has another vendor by now. Then leave out the account,"
        " the currency and the vendor.",
        None,
    )
    amount: Amount = said("How much less, as `120.00`; in what can be paid, so in euros with two decimals at most.")
    currency: Currency | None = said("In which, ISO 4217. Needed where it owes in several.", None)
    vendor: AccountId | None = said(
        "Whom it owes: the caller's own account, or one below. Left out: its present vendor, or the only one whom it"
        " owes.",
        None,
    )


class PaymentRecord(Settlement):
    """A payment that was received."""

    received_on: date | None = said("The day on which it was received, today (UTC) or before; left out: today.", None)
    reference: Text100 | None = said("What names it in the seller's own books.", None)


class CreditMemoRecord(Settlement):
    """An amount that a buyer is let off."""

    reason: Text500 = said("Why; its people read it.")


_CODES = (
    UserErrorCode.NOT_FOUND,
    UserErrorCode.OUT_OF_RANGE,
    UserErrorCode.OWN_ACCOUNT,
    UserErrorCode.REQUIRED,
    UserErrorCode.TOO_LONG,
)


@operation(privilege=Privilege.FINANCES_RECORD, gives="payment", codes=_CODES, bulk=True)
async def record(act: Act, given: PaymentRecord) -> None:
    """Record that an account has paid its vendor, for the vendor and those above it.

    Its open invoices are paid off, the oldest first; whatever is left is credit. A credit hold that was put by rule is
    released if nothing demands it any more. For those alone who may see finances.
    """
    today = act.now.date()
    day = given.received_on or today
    if day > today:
        act.fault(UserErrorCode.OUT_OF_RANGE, f"It is to come; today is {today}.", "received_on")
    await _settle(act, given, PaymentKind.PAYMENT, received_on=day, reference=given.reference)


async def credit_memo_record(act: Act, given: CreditMemoRecord) -> None:
    """Let an account owe its vendor less, for the vendor and those above it: as a payment does, but none was received.

    For those alone who may see finances.
    """
    await _settle(act, given, PaymentKind.CREDIT_MEMO, received_on=act.now.date(), reason=given.reason)


# It gives a payment, and isn't called by that.
credit_memo = Operation(
    "creditMemoRecord",
    credit_memo_record,
    CreditMemoRecord,
    Privilege.FINANCES_RECORD,
    gives="payment",
    codes=_CODES,
    is_bulk=True,
)
OPERATIONS[credit_memo.name] = credit_memo


async def _settle(act: Act, given: Settlement, kind: PaymentKind, **more: Any) -> None:
    """Take an amount off what is owed, and release whom nothing holds any more."""
    act.caller.require(Privilege.FINANCES_VIEW)
    micros = _amount(act, given)
    known = await _by_id(act, given) if given.balance is not None else None
    buyer_id = given.account if known is None else known.buyer_id
    account = await credit_rule.lock(act, buyer_id) if buyer_id is not None else None
    balance = known or await _owed(act, given, account)
    _check_payable(act, micros, balance.currency)
    payment = Payment(
        id=new_id(),
        balance_id=balance.id,
        seller_id=balance.seller_id,
        buyer_id=balance.buyer_id,
        kind=kind,
        currency=balance.currency,
        micros=micros,
        created_at=act.now,
        updated_at=act.now,
        **more,
    )
    await pay(act.writer, payment, at=act.now)
    place = balance.path if act.writer.scope.holds(balance.path) else balance.seller_path
    told = {"kind": kind.value, "micros": micros, "currency": balance.currency}
    await act.record(
        PAYMENT,
        payment.id,
        {},
        told | {name: str(value) for name, value in more.items() if value is not None},
        place,
    )
    act.gives(payment=payment.id)
    if account is not None:
        await credit_rule.apply(act, [account.id])


def _amount(act: Act, given: Settlement) -> int:
    micros = micros_of(given.amount)
    if not 0 < micros <= MOST_MICROS:
        act.fault(UserErrorCode.OUT_OF_RANGE, "It takes an amount above zero, as `120.00`.", "amount")
    if given.account is None and given.balance is None:
        act.fault(UserErrorCode.REQUIRED, "Say who owes less, or which balance.", "account")
    for name in ("account", "currency", "vendor") if given.balance is not None else ():
        if getattr(given, name) is not None:
            act.fault(UserErrorCode.INVALID, "The balance tells it: leave it out.", name)
    if given.account == act.caller.account_id:
        act.fault(UserErrorCode.OWN_ACCOUNT, "Only its vendor records what it has paid.", "account")
    act.check()
    return micros


def _check_payable(act: Act, micros: int, currency: str) -> None:
    if payable(micros, currency) != micros:
        decimals = len(str(MICROS // smallest(currency))) - 1
        message = f"It takes what can be paid in {currency}: at most {decimals} decimals."
        act.refuse(UserErrorCode.INVALID, message, "amount")


async def _by_id(act: Act, given: Settlement) -> Row:
    """The balance that was named, if it is owed to an account in scope."""
    rows = await act.rows(_OF_ID, {"balance": given.balance})
    if not rows or not rows[0].seller_path or not act.writer.scope.holds(rows[0].seller_path):
        own = bool(rows) and rows[0].buyer_id == act.caller.account_id
        code, message = (
            (UserErrorCode.OWN_ACCOUNT, "Only its vendor records what it has paid.")
            if own
            else (UserErrorCode.NOT_FOUND, "There is no such balance.")
        )
        act.refuse(code, message, "balance")
    return rows[0]


async def _owed(act: Act, given: Settlement, account: Row | None) -> Row:
    """The balance that is meant, of those that accounts in scope have with the buyer."""
    of_buyer = await act.rows(_OF_BUYER, {"buyer": given.account})
    found = [row for row in of_buyer if row.seller_path and act.writer.scope.holds(row.seller_path)]
    if not found:
        act.refuse(UserErrorCode.NOT_FOUND, "There is no such account.", "account")
    found = [row for row in found if given.currency in (None, row.currency)]
    if not found:
        act.refuse(UserErrorCode.INVALID, "It owes nothing in that currency.", "currency")
    if given.vendor is not None:
        found = [row for row in found if row.seller_id == given.vendor]
    elif account is not None:
        found = [row for row in found if row.seller_id == account.parent_id] or found
    if not found:
        act.refuse(UserErrorCode.NOT_FOUND, "There is no such vendor.", "vendor")
    if len(found) > 1:
        is_one_vendor = len({row.seller_id for row in found}) == 1
        message = "It owes in several currencies: say which." if is_one_vendor else "It owes several: say whom."
        act.refuse(UserErrorCode.REQUIRED, message, "currency" if is_one_vendor else "vendor")
    return found[0]
