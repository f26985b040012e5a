"""A customer moves to another reseller; what it bought and owed before stays where it was."""

from datetime import timedelta

from tests.day.accounts import CUSTOMER, SELLER, change_account, tell_account
from tests.day.catalogue import RESELLER, offer_what_is_new
from tests.day.client import RefusedError
from tests.day.day import Day
from tests.day.mailbox import wait_for
from tests.day.ordering import services, tell_orders, tell_subscription

OTHER_SELLER = "admin@subreseller.example"
_ENDED = ["Daybreak Backup: REMOVED.", "Daybreak Backup: TERMINATED."]


def the_customer_moves_to_another_reseller(day: Day) -> None:
    """The reseller moves the customer to another reseller below it, as soon as that one offers what is in use."""
    other = day.person(OTHER_SELLER).ask("{ viewer { account { id name } } }")["viewer"]["account"]
    try:
        change_account(day, RESELLER, "accountTransfer", day.ids["bakery"], vendor=other["id"])
    except RefusedError as refused:
        day.tell(refused.told)
    offer_what_is_new(day, OTHER_SELLER, "18.00")
    change_account(day, RESELLER, "accountTransfer", day.ids["bakery"], vendor=other["id"], reason="It asked to.")
    tell_account(day, RESELLER, day.ids["bakery"])
    tell_subscription(day, OTHER_SELLER)
    change_account(day, OTHER_SELLER, "accountTermsSet", day.ids["bakery"], terms="NET", creditLimit="500.00")
    _tell_sight(day)
    given = {"account": day.ids["bakery"], "vendor": day.ids["morning"], "amount": "110.00"}
    payment = day.person(SELLER).change("paymentRecord", "payment { amount { amount currency } }", given)["payment"]
    day.tell(f"It pays its old vendor {payment['amount']['amount']} {payment['amount']['currency']}.")


def it_is_renewed_at_the_new_prices(day: Day) -> None:
    """A month later the service is renewed, at the new vendor's price."""
    before = _renewals(day)
    day.platform.advance(timedelta(days=30))
    (renewal,) = wait_for(lambda: _renewals(day) - before or None, "the renewal")
    day.platform.rest()
    day.ids["last renewal"] = renewal
    tell_orders(day, OTHER_SELLER)
    tell_account(day, OTHER_SELLER, day.ids["bakery"])
    wait_for(lambda: services(day)[:2] == _ENDED or None, "the end of services")
    for service in services(day):
        day.tell(service)


def _renewals(day: Day) -> set[str]:
    """The customer's renewals that are completed."""
    document = """query($id: ID!) { account(id: $id) {
        orders(filter: { status: [COMPLETED], type: [RENEWAL] }) { nodes { id } } } }"""
    found = day.person(CUSTOMER).ask(document, id=day.ids["bakery"])["account"]
    return {order["id"] for order in found["orders"]["nodes"]}


def _tell_sight(day: Day) -> None:
    """Tell who still sees the customer, and its old orders."""
    for login in (SELLER, OTHER_SELLER, CUSTOMER):
        found = day.person(login).ask(
            """query($id: ID!) { account(id: $id) { name orders { totalCount } invoicesReceived { totalCount } } }""",
            id=day.ids["bakery"],
        )["account"]
        old = day.person(login).ask("query($id: ID!) { node(id: $id) { id } }", id=day.ids["order"])["node"]
        who = found and f"{found['orders']['totalCount']} orders, {found['invoicesReceived']['totalCount']} invoices"
        day.tell(f"{login} sees {who or 'no such customer'}; the first order: {'yes' if old else 'no'}.")
