"""What is seen live: by a reseller all of it, by the one below until the customer moves away."""

from tests.day.accounts import SELLER, change_account
from tests.day.catalogue import RESELLER
from tests.day.client import Data
from tests.day.day import Day
from tests.day.listening import Listener, moment

_ACCOUNTS = ("accountChanged", "account { id name }")
_ORDERS = ("orderChanged", "order { id type status account { id } lines { name delta } }")


def two_begin_to_listen(day: Day) -> None:
    """The reseller and the new reseller listen to what happens to accounts."""
    numbers = iter(range(1, 1000))

    def change() -> None:
        change_account(day, RESELLER, "accountUpdate", day.ids["morning"], externalId=f"M-{next(numbers)}")

    for login in (RESELLER, SELLER):
        day.listeners[login] = Listener(day.gateway.url, day.person(login), *_ACCOUNTS)
        day.listeners[login].begin(change)


def the_reseller_listens_to_orders(day: Day) -> None:
    """The reseller listens to what happens to orders, too."""
    person = day.person(RESELLER)
    numbers = iter(range(1, 1000))

    def change() -> None:
        document = "query($id: ID!) { node(id: $id) { ... on Order { version } } }"
        version = person.ask(document, id=day.ids["order"])["node"]["version"]
        given = {"order": day.ids["order"], "expectedVersion": version, "purchaseOrderNumber": f"PO-1.{next(numbers)}"}
        person.change("orderUpdate", "order { id }", given)

    day.listeners["orders"] = Listener(day.gateway.url, person, *_ORDERS)
    day.listeners["orders"].begin(change)


def the_listeners_saw_it_happen(day: Day) -> None:
    """The reseller saw it all happen; the one that lost the customer heard no more of it from then on."""
    orders = day.listeners["orders"]
    orders.wait_for(lambda event: _is_renewal(event) and event["order"]["id"] == day.ids["last renewal"])
    everything, part = day.listeners[RESELLER], day.listeners[SELLER]
    moved = everything.wait_for(lambda event: event["kind"] == "MOVED")
    for listener, who in ((everything, "Bluepeak"), (part, "Morning Cloud")):
        for line in sorted({f"{event['kind']} {_name(day, event)}" for event in listener.heard}):
            day.tell(f"{who} heard: {line}.")
    for line in sorted(
        {_of_order(event) for event in orders.heard if event["order"]["account"]["id"] == day.ids["bakery"]}
    ):
        day.tell(f"Bluepeak heard of an order: {line}.")
    late = [event for event in part.heard if _name(day, event) == "bakery" and moment(event) >= moment(moved)]
    day.tell(f"Morning Cloud heard of the customer after it had moved: {len(late)} times.")
    for listener in day.listeners.values():
        listener.stop()


def _is_renewal(event: Data) -> bool:
    return bool(event["order"]["type"] == "RENEWAL" and event["order"]["status"] == "COMPLETED")


def _name(day: Day, event: Data) -> str:
    """What the steps call an account; its own name, for those that they don't."""
    names = {row_id: name for name, row_id in day.ids.items()}
    account = event["account"]
    return names.get(account["id"], str(account["name"]))


def _of_order(event: Data) -> str:
    order = event["order"]
    return ", ".join([order["type"], *(f"{line['name']} {line['delta']:+}" for line in order["lines"])])
