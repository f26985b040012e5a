"""What is owed: credit runs out and the hold bites, a payment releases it, invoices equal the ledger."""

from datetime import timedelta
from decimal import Decimal

from tests.day.accounts import BOOKKEEPER, CUSTOMER, SELLER, tell_account
from tests.day.catalogue import PROVIDER, RESELLER
from tests.day.client import Data, RefusedError
from tests.day.day import Day
from tests.day.mailbox import wait_for
from tests.day.ordering import place, services, told, worked_off

_LEDGER = """query($id: ID!, $after: String, $until: DateTime) { account(id: $id) { ledger(
    first: 100, after: $after, filter: { at: { until: $until } }) {
    pageInfo { hasNextPage endCursor } nodes { kind text quantity amount { amount currency } } } } }"""
_INVOICES = """query($id: ID!, $after: String) { account(id: $id) { INVOICES(first: 5, after: $after) {
    pageInfo { hasNextPage endCursor } nodes { number status periodTo total { amount currency } paid { amount }
    items(first: 100) { nodes { kind text quantity amount { amount } } } } } } }"""
ACCOUNTANT = "accountant@reseller.example"
_AHEAD = "1000000.00"
"""More than the reseller owes, which hangs on the day of the run: whatever the demo has is renewed until then."""


def an_invoice_is_overdue_and_the_hold_bites(day: Day) -> None:
    """A month later the invoice is overdue: the customer is on credit hold; no new order is taken, services run."""
    day.platform.advance(timedelta(days=29))
    wait_for(lambda: _status(day) == "CREDIT_HOLD" or None, "a credit hold")
    tell_account(day, CUSTOMER, day.ids["bakery"])
    for service in services(day):
        day.tell(service)
    try:
        place(day, CUSTOMER, lines=[{"product": day.ids["backup"], "quantity": 1}])
    except RefusedError as refused:
        day.tell(refused.told)
    mail = day.mailbox.wait_for(CUSTOMER, "on hold")
    day.tell(f"{mail.sender} writes: {mail.subject}.")


def a_payment_releases_it(day: Day) -> None:
    """The bookkeeper records a payment, and the customer may order again."""
    owed = tell_account(day, BOOKKEEPER, day.ids["bakery"])["balance"]["owed"]["amount"]
    given = {"account": day.ids["bakery"], "amount": owed, "reference": "A bank's number"}
    document = "payment { kind amount { amount currency } reference buyer { name status } }"
    payment = day.person(BOOKKEEPER).change("paymentRecord", document, given)["payment"]
    amount, buyer = payment["amount"], payment["buyer"]
    day.tell(f"{payment['kind']} of {amount['amount']} {amount['currency']}: {buyer['name']} is {buyer['status']}.")
    given = {"lines": [{"product": day.ids["backup"], "quantity": 1}], "autoRenew": False}
    order = worked_off(day.person(CUSTOMER), place(day, CUSTOMER, **given)["id"])
    day.tell(f"{told(order)}, {order['status']}.")


def the_resellers_pay_their_vendors(day: Day) -> None:
    """The resellers pay what they owe; the vendor above each of them records it."""
    day.platform.rest()  # whatever else is renewed today they owe, too
    bluepeak = day.person(RESELLER).ask("{ viewer { account { id } } }")["viewer"]["account"]["id"]
    for login, account, amount in ((ACCOUNTANT, day.ids["morning"], ""), (PROVIDER, bluepeak, _AHEAD)):
        document = "query($id: ID!) { account(id: $id) { name balance { owed { amount } } } }"
        found = day.person(login).ask(document, id=account)["account"]
        given = {"account": account, "amount": amount or found["balance"]["owed"]["amount"]}
        payment = day.person(login).change("paymentRecord", "payment { amount { amount currency } }", given)["payment"]
        day.tell(f"{found['name']} pays {payment['amount']['amount']} {payment['amount']['currency']}.")


def the_invoices_equal_the_ledger(day: Day) -> None:
    """The month's invoices, as issued and as received, equal the ledger, item by item and in sum."""
    for login, buyer in ((CUSTOMER, "bakery"), (SELLER, "morning")):
        _compare(day, login, buyer)
    received = _invoices(day, CUSTOMER, day.ids["bakery"], "invoicesReceived")
    issued = _invoices(day, SELLER, day.ids["morning"], "invoicesIssued")
    day.tell("As received and as issued they are " + ("the same." if received == issued else "different."))


def _compare(day: Day, login: str, buyer: str) -> None:
    account = day.ids[buyer]
    (invoice,) = _invoices(day, login, account, "invoicesReceived")
    until = f"{invoice['periodTo']}T00:00:00Z"
    posts = list(day.person(login).all_of(_LEDGER, "account", "ledger", id=account, until=until))
    total, paid = invoice["total"], invoice["paid"]["amount"]
    day.tell(f"{buyer} received an invoice of {total['amount']} {total['currency']}, {paid} paid, {invoice['status']}:")
    items = [_line(item) for item in invoice["items"]["nodes"]]
    for item in items:
        day.tell(f"  {item}.")
    day.tell(f"In the ledger are {'the same' if [_line(post) for post in reversed(posts)] == items else 'others'}.")
    assert sum(Decimal(post["amount"]["amount"]) for post in posts) == Decimal(total["amount"])


def _line(item: Data) -> str:
    return f"{item['kind']} {item['quantity']} {item['text']}: {item['amount']['amount']}"


def _invoices(day: Day, login: str, account: str, which: str) -> list[Data]:
    document = _INVOICES.replace("INVOICES", which)
    return list(day.person(login).all_of(document, "account", which, id=account))


def _status(day: Day) -> str:
    document = "query($id: ID!) { account(id: $id) { status } }"
    return str(day.person(CUSTOMER).ask(document, id=day.ids["bakery"])["account"]["status"])
