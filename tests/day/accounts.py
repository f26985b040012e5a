"""Who is there: a reseller and a customer sign up, their people follow their invitations."""

from tests.day.catalogue import RESELLER, offer_what_is_new, tell_prices
from tests.day.client import Data
from tests.day.day import Day

SELLER = "sabine@morning.example"
BOOKKEEPER = "bela@morning.example"
CUSTOMER = "carla@bakery.example"
QUESTION = "FIRST_PET"
ANSWER = "Brötchen"
_ACCOUNT = "name type status vendor { name } balance { owed { amount } available { amount } terms currency } version id"


def tell_account(day: Day, login: str, account: str) -> Data:
    """Tell how an account is, as somebody sees it; returns it."""
    found: Data = day.person(login).ask(f"query($id: ID!) {{ account(id: $id) {{ {_ACCOUNT} }} }}", id=account)[
        "account"
    ]
    money = found["balance"]
    told = f"{found['name']} is a {found['type']} of {found['vendor']['name']}, {found['status']}"
    if money:
        available = money["available"]["amount"] if money["available"] else "any amount"
        told += f"; it owes {money['owed']['amount']} {money['currency']}, {available} is available, {money['terms']}"
    day.tell(f"{told}.")
    return found


def change_account(day: Day, login: str, mutation: str, account: str, **given: object) -> Data:
    """Change an account of which somebody knows the present version; returns the payload."""
    person = day.person(login)
    version = person.ask("query($id: ID!) { account(id: $id) { version } }", id=account)["account"]["version"]
    known = {"account": account, "expectedVersion": version}
    return person.change(mutation, f"account {{ {_ACCOUNT} }} currentVersion", known | given)


def _administrator(login: str, first: str, last: str) -> Data:
    return {"administrator": {"email": login, "firstName": first, "lastName": last}}


def a_reseller_signs_up(day: Day) -> None:
    """The reseller signs up a reseller below itself, and grants it credit."""
    given = {"name": "Morning Cloud", "currency": "USD", **_administrator(SELLER, "Sabine", "Seller")}
    made = day.person(RESELLER).change("resellerCreate", "account { id }", given)
    day.ids["morning"] = made["account"]["id"]
    change_account(day, RESELLER, "accountTermsSet", day.ids["morning"], terms="NET", creditLimit="1000.00")
    tell_account(day, RESELLER, day.ids["morning"])


def the_seller_follows_its_invitation(day: Day) -> None:
    """The new reseller's administrator follows the invitation, and sets prices."""
    day.follow(SELLER, question="FAVOURITE_FILM", answer="Sunrise")
    tell_account(day, RESELLER, day.ids["morning"])
    offer_what_is_new(day, SELLER, "20.00")
    tell_prices(day, SELLER)


def a_customer_signs_up(day: Day) -> None:
    """The reseller signs up a customer for the new reseller, which grants it credit."""
    given = {"name": "Bakery", "vendor": day.ids["morning"], **_administrator(CUSTOMER, "Carla", "Customer")}
    made = day.person(RESELLER).change("customerCreate", "account { id }", given)
    day.ids["bakery"] = made["account"]["id"]
    change_account(day, SELLER, "accountTermsSet", day.ids["bakery"], terms="NET", creditLimit="200.00", netDays=0)
    tell_account(day, RESELLER, day.ids["bakery"])


def the_customer_follows_its_invitation(day: Day) -> None:
    """The customer's administrator follows the invitation."""
    day.follow(CUSTOMER, question=QUESTION, answer=ANSWER)
    found = day.person(CUSTOMER).ask("{ viewer { user { name kind status } account { name status } } }")["viewer"]
    day.tell(f"{found['user']['name']} is {found['user']['status']} at {found['account']['name']}.")
    tell_account(day, SELLER, day.ids["bakery"])
    tell_prices(day, CUSTOMER)


def a_bookkeeper_is_invited(day: Day) -> None:
    """The new reseller invites its bookkeeper, who follows the invitation."""
    given = {"email": BOOKKEEPER, "firstName": "Béla", "lastName": "Books", "kind": "ADMINISTRATOR"}
    made = day.person(SELLER).change("userInvite", "user { name roles { code } }", given | {"roles": ["ACCOUNTANT"]})
    day.follow(BOOKKEEPER, question="FIRST_CAR", answer="Trabant")
    roles = ", ".join(role["code"] for role in made["user"]["roles"])
    day.tell(f"{made['user']['name']}: {roles}.")
