"""What is bought: by part number, more of it, less of it at the renewal, and never more than there is credit."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from tests.day.accounts import CUSTOMER, tell_account
from tests.day.client import Data, Person, RefusedError, document_of
from tests.day.day import Day
from tests.day.mailbox import wait_for

_ORDER = """order { id type status purchaseOrderNumber total { amount currency } errorMessage waitingFor
    lines { name previousQuantity delta resultingQuantity unitPrice { amount } }
    subscription { id } }"""
_MONTHLY = {"mpn": "DAY1:0001", "manufacturer": "daybreak", "subscriptionPeriod": {"type": "MONTH"}}


def told(order: Data) -> str:
    """An order in a line."""
    lines = ", ".join(
        f"{line['name']} {line['previousQuantity']} → {line['resultingQuantity']} at {line['unitPrice']['amount']}"
        for line in order["lines"]
    )
    waiting = f", waits for {order['waitingFor']}" if order["waitingFor"] else ""
    return f"{order['type']}, {lines}: {order['total']['amount']} {order['total']['currency']}{waiting}"


def place(day: Day, login: str, **given: Any) -> Data:
    """Place an order; returns it."""
    order: Data = day.person(login).change("orderPlace", _ORDER, given)["order"]
    return order


def placed(day: Day, login: str, **given: Any) -> Data:
    """Place an order, and wait until it has been worked off; returns it as it is then."""
    order = place(day, login, **given)
    return worked_off(day.person(login), order["id"])


def worked_off(person: Person, order_id: str) -> Data:
    """An order as soon as it is at its end."""

    document = f"query($id: ID!) {{ order: node(id: $id) {{ ... on Order {_ORDER.removeprefix('order ')} }} }}"

    def ended() -> Data | None:
        order: Data = person.ask(document, id=order_id)["order"]
        return order if order["status"] in {"COMPLETED", "ERROR", "CANCELLED"} else None

    return wait_for(ended, "an order worked off")


def the_customer_orders_by_mpn(day: Day) -> None:
    """The customer orders by MPN: an ambiguous one is refused with its candidates, a qualified one is taken."""
    person = day.person(CUSTOMER)
    try:
        place(day, CUSTOMER, lines=[{"mpn": "DAY1:0001", "quantity": 5}])
    except RefusedError as refused:
        day.tell(refused.told)
    given = {"lines": [_MONTHLY | {"quantity": 5}], "purchaseOrderNumber": "PO-1"}
    document = """mutation($input: OrderEstimateInput!) { orderEstimate(input: $input) {
        draft { dueNow { amount currency } } userErrors { code message } } }"""
    estimate = person.ask(document, input=given)["orderEstimate"]
    due = estimate["draft"]["dueNow"]
    day.tell(f"Five for a month would be {due['amount']} {due['currency']} now.")
    order = placed(day, CUSTOMER, **given)
    day.ids["order"] = order["id"]
    day.ids["subscription"] = order["subscription"]["id"]
    day.tell(f"{told(order)}, {order['status']}.")
    tell_subscription(day, CUSTOMER)
    tell_account(day, CUSTOMER, day.ids["bakery"])


def seats_go_up(day: Day) -> None:
    """Two seats more, at once."""
    _set_quantity(day, quantity=2, quantityKind="DELTA")
    order = worked_off(day.person(CUSTOMER), _newest_order(day)["id"])
    day.tell(f"{told(order)}, {order['status']}.")
    tell_subscription(day, CUSTOMER)
    tell_account(day, CUSTOMER, day.ids["bakery"])


def fewer_seats_at_the_renewal(day: Day) -> None:
    """Three seats less, at the renewal; until then no other change is taken."""
    _set_quantity(day, quantity=4, scheduledOn="RENEWAL")
    order = _newest_order(day)
    day.tell(f"{told(order)}, {order['status']}.")
    try:
        place(day, CUSTOMER, type="CHANGE", subscription=day.ids["subscription"], lines=[_mail(day, 1)])
    except RefusedError as refused:
        day.tell(refused.told)
    tell_subscription(day, CUSTOMER)


def _set_quantity(day: Day, **given: object) -> None:
    person = day.person(CUSTOMER)
    document = "query($id: ID!) { node(id: $id) { ... on Subscription { version } } }"
    version = person.ask(document, id=day.ids["subscription"])["node"]["version"]
    known = {"subscription": day.ids["subscription"], "expectedVersion": version}
    person.change("subscriptionQuantitySet", "subscription { id }", known | given)


def _newest_order(day: Day) -> Data:
    document = f"""query($of: [ID!]!) {{ orders(first: 1, filter: {{ subscription: $of }},
        orderBy: {{ field: CREATED_AT, direction: DESC }}) {{ nodes {_ORDER.removeprefix("order ")} }} }}"""
    (order,) = day.person(CUSTOMER).ask(document, of=[day.ids["subscription"]])["orders"]["nodes"]
    return dict(order)


def _tell_history(day: Day) -> None:
    document = """query($id: ID!) { node(id: $id) { ... on Subscription {
        history(first: 20) { nodes { at quantityBefore quantityAfter reason } } } } }"""
    nodes = day.person(CUSTOMER).ask(document, id=day.ids["subscription"])["node"]["history"]["nodes"]
    steps = sorted(nodes, key=lambda step: str(step["at"]))
    day.tell("; ".join(f"{step['reason']} {step['quantityBefore']} → {step['quantityAfter']}" for step in steps))


def two_orders_race_for_the_last_credit(day: Day) -> None:
    """An order over the limit is refused; of two that want the last credit at once, one gets it."""
    try:
        place(day, CUSTOMER, lines=[_backup(day, 3)])
    except RefusedError as refused:
        day.tell(refused.told)
    person = day.person(CUSTOMER)

    def order(key: str) -> Data | RefusedError:
        document = document_of("orderPlace", _ORDER)
        given = {"lines": [_backup(day, 2)], "autoRenew": False, "idempotencyKey": key}
        payload: Data = person.ask(document, input=given)["orderPlace"]
        return RefusedError(payload["userErrors"], payload) if payload["userErrors"] else payload["order"]

    with ThreadPoolExecutor(2) as both:
        outcomes = list(both.map(order, ["one-for-the-last-credit", "other-for-the-last-credit"]))
    for outcome in sorted(outcomes, key=lambda each: isinstance(each, RefusedError)):
        if isinstance(outcome, RefusedError):
            day.tell(f"The other: {outcome.told}")
        else:
            day.tell(f"One: {told(worked_off(person, outcome['id']))}.")
    tell_account(day, CUSTOMER, day.ids["bakery"])


def fewer_seats_are_renewed(day: Day) -> None:
    """At the renewal there are three seats less; what was not to be renewed has ended."""
    day.platform.advance(timedelta(days=3))
    wait_for(lambda: _quantity(day) == 4 or None, "the renewal")
    wait_for(lambda: "Daybreak Backup: TERMINATED." in services(day) or None, "the end of a service")
    day.platform.rest()
    tell_orders(day, CUSTOMER)
    _tell_history(day)
    tell_account(day, CUSTOMER, day.ids["bakery"])


def _quantity(day: Day) -> int:
    document = "query($id: ID!) { node(id: $id) { ... on Subscription { quantity } } }"
    return int(day.person(CUSTOMER).ask(document, id=day.ids["subscription"])["node"]["quantity"])


def services(day: Day) -> list[str]:
    """How each of the customer's services is, sorted."""
    document = "{ subscriptions(first: 20) { nodes { name status } } }"
    nodes = day.person(CUSTOMER).ask(document)["subscriptions"]["nodes"]
    return sorted(f"{node['name']}: {node['status']}." for node in nodes)


def tell_orders(day: Day, login: str) -> None:
    """Tell all orders of the customer that somebody sees, the oldest first."""
    document = f"""query($id: ID!) {{ account(id: $id) {{ orders(first: 50) {{ nodes {{
        createdAt {_ORDER[_ORDER.index("{") + 1 :]} }} }} }}"""
    orders = day.person(login).ask(document, id=day.ids["bakery"])["account"]["orders"]["nodes"]
    for order in sorted(orders, key=lambda order: str(order["createdAt"])):
        day.tell(f"{told(order)}, {order['status']}.")


def tell_subscription(day: Day, login: str) -> None:
    """Tell how the subscription to mail is, as somebody sees it."""
    document = """query($id: ID!) { subscription: node(id: $id) { ... on Subscription {
        name status quantity autoRenew period { type } account { name } } } }"""
    found = day.person(login).ask(document, id=day.ids["subscription"])["subscription"]
    if found is None:
        day.tell("The subscription is out of sight.")
        return
    day.tell(f"{found['account']['name']} has {found['quantity']} of {found['name']}, {found['status']}.")


def _mail(day: Day, quantity: int) -> Data:
    return {"product": day.ids["mail"], "quantity": quantity}


def _backup(day: Day, quantity: int) -> Data:
    return {"product": day.ids["backup"], "quantity": quantity}
