"""Who is who: support verifies a caller, and a vendor works in its customer's account."""

from tests.day.accounts import ANSWER, change_account
from tests.day.catalogue import PROVIDER, RESELLER
from tests.day.client import NotGrantedError, Person, RefusedError
from tests.day.day import Day

SUPPORT = "support@provider.example"
_EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
}


def support_verifies_a_caller(day: Day) -> None:
    """Support asks a caller the security question: right or wrong is told, and after a few wrong ones nothing."""
    document = "query($id: ID!) { account(id: $id) { users { nodes { id name email } } } }"
    (user,) = day.person(SUPPORT).ask(document, id=day.ids["bakery"])["account"]["users"]["nodes"]
    day.tell(f"Support sees {user['name']}, {user['email']}.")
    for answer in (f" {ANSWER.upper()} ", "Waldi"):
        day.tell(f"{answer.strip()}: {_is_right(day, user['id'], answer)}.")
    try:
        for _ in range(6):
            _is_right(day, user["id"], "Waldi")
    except RefusedError as refused:
        day.tell(refused.told)
    try:
        _is_right(day, user["id"], ANSWER)
    except RefusedError as refused:
        day.tell(f"Even of the right one: {refused.errors[0]['code']}.")


def _is_right(day: Day, user: str, answer: str) -> str:
    given = {"user": user, "answer": answer}
    payload = day.person(SUPPORT).change("userSecurityAnswerCheck", "isRight", given)
    return "right" if payload["isRight"] else "wrong"


def the_reseller_acts_as_the_customer(day: Day) -> None:
    """The reseller works in the customer's account, under both names, and not from there in another."""
    own = day.person(RESELLER)
    granted = day.gateway.form("/auth/token", **_EXCHANGE, subject_token=own.token, audience=day.ids["bakery"])
    acting = day.people["acting"] = Person(day.gateway, granted["access_token"])
    viewer = acting.ask(
        "{ viewer { account { name } actingAs { name } actor { name accountName } user { name } privileges } }"
    )["viewer"]
    actor = viewer["actor"]
    day.tell(f"{actor['name']} of {actor['accountName']} acts as {viewer['actingAs']['name']}.")
    day.tell(f"May place orders: {'orders:place' in viewer['privileges']}.")
    change_account(day, "acting", "accountUpdate", day.ids["bakery"], name="Bakery & Sons")
    try:
        day.gateway.form("/auth/token", **_EXCHANGE, subject_token=acting.token, audience=day.ids["bakery"])
    except NotGrantedError as error:
        day.tell(f"From there into another account: {error.error}.")
    others = day.person(PROVIDER).ask("{ viewer { account { children(first: 20) { nodes { id } } } } }")["viewer"][
        "account"
    ]["children"]["nodes"]
    viewed = own.ask("{ viewer { account { id } } }")["viewer"]["account"]["id"]
    elsewhere = next(account["id"] for account in others if account["id"] != viewed)
    try:
        day.gateway.form("/auth/token", **_EXCHANGE, subject_token=own.token, audience=elsewhere)
    except NotGrantedError as error:
        day.tell(f"Into an account that isn't below: {error.error}.")
