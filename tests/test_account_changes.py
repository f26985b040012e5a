"""Changing accounts: what is known of them, and the holds on them."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from models import AccountContact, AccountStatus, AccountTerm, AccountType
from models.life import account as life
from models.life.account import AccountEvent
from models.store import Store
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from tests import people
from tests.asking import EVERYTHING, ask
from tests.changes import account_row, change, codes, do, logged, new_key, rows_of, traces, user_at
from tests.hierarchy import World, path_of

UPDATE, HOLD, RELEASE = "accountUpdate", "accountCreditHold", "accountCreditRelease"


@pytest.fixture
def store(restored_store: Store) -> Store:
    """The hierarchy, every text naming its row; what a test has changed is taken back before the next."""
    return restored_store


@pytest.fixture
def caller(marked_world: World) -> Caller:
    """The administrator of reseller 2, above 3, 7 and 8."""
    return user_at(marked_world, 2)


async def update(store: Store, caller: Caller, **given: Any) -> Any:
    """Change account 7, as it was at first."""
    return await do(store, caller, UPDATE, **{"account": "acc_7", "expectedVersion": 1, **given})


ADDRESS = {
    "streetAddress": "Hauptstraße 1", "extension": "2. Hof", "postalCode": "10827", "city": "Berlin",
    "state": "Berlin", "countryCode": "DE",
}  # fmt: skip
CONTACT = {
    "type": "BILLING", "firstName": "Ada", "lastName": "Byron", "email": "Ada@Example.com",
    "phoneNumber": "+4930123456",
}  # fmt: skip


async def test_everything_that_was_given_is_shown_afterwards(store: Store, caller: Caller) -> None:
    attributes = [{"name": "crm", "value": "4711"}, {"name": "area", "value": "north {x}"}]
    given = {
        "account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key(), "name": " Ærø Computing ",
        "externalId": "E 7", "language": "pt-BR", "taxRegistrationId": "DE 1", "address": ADDRESS,
        "attributes": attributes,
        "contacts": [CONTACT],
    }  # fmt: skip
    shown = (
        "name externalId language taxRegistrationId version attributes { name value }"
        " address { streetAddress extension postalCode city state countryCode }"
        " contacts { type firstName lastName email phoneNumber }"
    )
    document = (
        "mutation($input: AccountUpdateInput!) { accountUpdate(input: $input)"
        f" {{ userErrors {{ code }} account {{ {shown} }} }} }}"
    )
    answer = await change(store, caller, document, {"input": given})

    assert answer.errors == []
    assert answer.data["accountUpdate"] == {
        "userErrors": [],
        "account": {
            "name": "Ærø Computing", "externalId": "E 7", "language": "pt-BR", "taxRegistrationId": "DE 1",
            "version": 2, "address": ADDRESS, "attributes": sorted(attributes, key=lambda each: each["name"]),
            "contacts": [CONTACT],
        },
    }  # fmt: skip


async def test_what_is_left_out_stays_and_null_removes(store: Store, caller: Caller) -> None:
    before = await account_row(store, 7)
    await update(store, caller, externalId=None, taxRegistrationId=None, address={"city": "Berlin"})
    after = await account_row(store, 7)

    changed = {name for name in before._fields if getattr(before, name) != getattr(after, name)}
    assert changed == {
        "external_id", "tax_registration_id", "street_address", "address_extension", "postal_code", "city", "state",
        "country_code", "version", "updated_at",
    }  # fmt: skip
    assert (after.external_id, after.tax_registration_id, after.city, after.state) == (None, None, "Berlin", None)


async def test_an_address_or_attributes_can_be_removed_wholly(store: Store, caller: Caller) -> None:
    await update(store, caller, address=None, attributes=[])
    row = await account_row(store, 7)

    assert (row.street_address, row.city, row.attributes) == (None, None, None)


async def test_the_change_log_has_what_changed_and_nothing_worked_out_of_it(store: Store, caller: Caller) -> None:
    before, row = await traces(store), await account_row(store, 7)
    await update(store, caller, name="New", language=row.language)

    assert await logged(store, before) == [("account", 7, {"name": (row.name, "New")})]


async def test_an_account_is_found_by_its_new_name_and_not_by_the_old(store: Store, caller: Caller) -> None:
    await update(store, caller, name="Ærø Computing")
    document = "query($words: String) { accounts(filter: {search: $words}) { nodes { id } } }"
    found = {
        words: (await ask(store, caller, document, {"words": words})).data["accounts"]["nodes"]
        for words in ("aero comp", "leak-7")
    }

    assert found == {"aero comp": [{"id": "acc_7"}], "leak-7": []}
    assert [row.term for row in await rows_of(store, AccountTerm) if row.path == path_of(7)] == ["aero", "computing"]
    await people.change(store, f"DELETE FROM account_term WHERE path = '{path_of(7)}'")
    await people.change(store, f"INSERT INTO account_term (path, term) VALUES ('{path_of(7)}', 'leak-7')")


async def test_contacts_are_replaced_in_the_order_given(store: Store, caller: Caller) -> None:
    before = await traces(store)
    given = [{**CONTACT, "email": f"{at}@example.com"} for at in range(3)]
    await update(store, caller, contacts=given)
    rows = sorted(
        (row for row in await rows_of(store, AccountContact) if row.account_id == 7), key=lambda r: r.position
    )

    assert [row.email for row in rows] == ["0@example.com", "1@example.com", "2@example.com"]
    assert {(row.path, row.shard_id) for row in rows} == {(path_of(7), (await account_row(store, 7)).shard_id)}
    assert [noun for noun, _, _ in await logged(store, before)] == ["account_contact"] * 4
    assert (await account_row(store, 7)).version == 2


async def test_the_same_contacts_again_are_no_change(store: Store, caller: Caller) -> None:
    await update(store, caller, contacts=[CONTACT])
    before = await traces(store)
    payload = await update(store, caller, contacts=[CONTACT], expectedVersion=2)

    assert (codes(payload), payload["currentVersion"]) == ([], 2)
    assert (await traces(store)).changes == before.changes


async def test_people_s_data_take_the_privilege_to_see_them(store: Store, marked_world: World) -> None:
    masked = user_at(marked_world, 2, privileges=EVERYTHING - {Privilege.PERSONAL_DATA_VIEW})
    payload = await update(store, masked, contacts=[CONTACT], name="New")

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["contacts"], "PERSONAL_DATA")]
    assert (await account_row(store, 7)).version == 1
    assert codes(await update(store, masked, name="New")) == []


async def test_an_account_changes_itself_but_not_its_vendor_s_id_of_it(store: Store, marked_world: World) -> None:
    """Or it could find out which ids its siblings have, by trying."""
    customer = user_at(marked_world, 7)
    taken = (await account_row(store, 8)).external_id

    assert codes(await update(store, customer, name="New")) == []
    for external_id in (taken, "free", None):
        payload = await update(store, customer, externalId=external_id, expectedVersion=2)
        assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["externalId"], "OWN_ACCOUNT")]


async def test_an_external_id_is_unique_among_a_vendor_s_accounts_alone(store: Store, caller: Caller) -> None:
    siblings, elsewhere = (await account_row(store, 8)).external_id, (await account_row(store, 12)).external_id
    payload = await update(store, caller, externalId=siblings)

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["externalId"], "TAKEN")]
    assert codes(await update(store, caller, externalId=elsewhere)) == []


WRONG: list[tuple[dict[str, Any], list[str], str]] = [
    ({"name": ""}, ["name"], "REQUIRED"),
    ({"name": " \t "}, ["name"], "REQUIRED"),
    ({"name": None}, ["name"], "REQUIRED"),
    ({"name": "x" * 201}, ["name"], "TOO_LONG"),
    ({"name": "a\u0000b"}, ["name"], "INVALID"),
    ({"name": "a\nb"}, ["name"], "INVALID"),
    ({"name": "a\u2028b"}, ["name"], "INVALID"),
    ({"name": "a\ud800b"}, ["name"], "INVALID"),
    ({"externalId": "x" * 101}, ["externalId"], "TOO_LONG"),
    ({"externalId": ""}, ["externalId"], "REQUIRED"),
    ({"language": None}, ["language"], "REQUIRED"),
    ({"language": "english, please"}, ["language"], "INVALID"),
    ({"language": "e"}, ["language"], "INVALID"),
    ({"taxRegistrationId": "\u0007"}, ["taxRegistrationId"], "INVALID"),
    ({"address": {"countryCode": "XX"}}, ["address", "countryCode"], "INVALID"),
    ({"address": {"countryCode": "de"}}, ["address", "countryCode"], "INVALID"),
    ({"address": {"streetAddress": "x" * 201}}, ["address", "streetAddress"], "TOO_LONG"),
    ({"attributes": [{"name": "x", "value": "y" * 501}]}, ["attributes", "0", "value"], "TOO_LONG"),
    ({"attributes": [{"name": "x", "value": "1"}, {"name": "x ", "value": "2"}]}, ["attributes"], "INVALID"),
    ({"attributes": [{"name": str(at), "value": "x"} for at in range(51)]}, ["attributes"], "TOO_LONG"),
    ({"attributes": None}, ["attributes"], "REQUIRED"),
    ({"contacts": [CONTACT] * 21}, ["contacts"], "TOO_LONG"),
    ({"contacts": [CONTACT, {**CONTACT, "email": "nobody"}]}, ["contacts", "1", "email"], "INVALID"),
    ({"contacts": [{**CONTACT, "email": "a@b"}]}, ["contacts", "0", "email"], "INVALID"),
    ({"contacts": [{**CONTACT, "email": "a@-b.de"}]}, ["contacts", "0", "email"], "INVALID"),
    ({"contacts": [{**CONTACT, "email": f"{'a' * 250}@b.de"}]}, ["contacts", "0", "email"], "TOO_LONG"),
    ({"contacts": [{**CONTACT, "phoneNumber": "030 123456"}]}, ["contacts", "0", "phoneNumber"], "INVALID"),
    ({"contacts": [{**CONTACT, "phoneNumber": "+0123456789"}]}, ["contacts", "0", "phoneNumber"], "INVALID"),
    ({"contacts": [{**CONTACT, "lastName": ""}]}, ["contacts", "0", "lastName"], "REQUIRED"),
]


@pytest.mark.parametrize(("given", "path", "code"), WRONG)
async def test_a_value_that_makes_no_sense_is_refused_where_it_stands(
    store: Store, caller: Caller, given: dict[str, Any], path: list[str], code: str
) -> None:
    before = await traces(store)
    payload = await update(store, caller, **given)

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(path, code)]
    assert payload["userErrors"][0]["message"].endswith(".")
    assert await traces(store) == before


async def test_all_that_makes_no_sense_is_told_at_once(store: Store, caller: Caller) -> None:
    payload = await update(store, caller, name="", language="?", address={"countryCode": "?"})

    assert [error["path"] for error in payload["userErrors"]] == [["name"], ["language"], ["address", "countryCode"]]


@pytest.mark.parametrize(
    ("email", "phone", "language"),
    [("o'neil+x@sub.example.co.uk", "+1234567", "de"), ("a@b.xn--p1ai", "+123456789012345", "zh-Hant-TW")],
)
async def test_what_is_right_is_taken(store: Store, caller: Caller, email: str, phone: str, language: str) -> None:
    contact = {**CONTACT, "email": email, "phoneNumber": phone}
    payload = await update(
        store, caller, contacts=[contact], language=language, name="Zoë \U0001f9d1\u200d\U0001f680 O'Neil"
    )

    assert codes(payload) == []


async def test_long_texts_cost_no_more_than_they_are_long(store: Store, caller: Caller) -> None:
    """A pattern that backtracks would take ages."""
    contact = {**CONTACT, "email": "a." * 60_000 + "@" + "b-" * 60_000, "phoneNumber": "+1" * 60_000}
    payload = await update(store, caller, contacts=[contact], language="de-" * 60_000)

    assert set(codes(payload)) == {"TOO_LONG"}


# Holds


STATUSES = pytest.mark.parametrize("status", list(AccountStatus))


@STATUSES
@pytest.mark.parametrize(
    ("mutation", "event"), [(HOLD, AccountEvent.CREDIT_HOLD), (RELEASE, AccountEvent.CREDIT_RELEASE)]
)
async def test_an_account_is_held_and_released_as_its_life_has_it(
    store: Store, caller: Caller, mutation: str, event: AccountEvent, status: AccountStatus
) -> None:
    await people.change(store, f"UPDATE account SET status = '{status}' WHERE id = 7")
    payload = await do(store, caller, mutation, account="acc_7", expectedVersion=1)

    if life.can(status, event):
        assert (codes(payload), payload["account"]["status"]) == ([], life.after(status, event).value)
    else:
        assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["account"], "WRONG_STATE")]
        assert (payload["account"]["status"], payload["currentVersion"]) == (status.value, 1)


async def test_who_is_on_credit_hold_still_comes_in_and_changes_what_is_its_own(
    store: Store, caller: Caller, marked_world: World
) -> None:
    await do(store, caller, HOLD, account="acc_7", expectedVersion=1)

    assert codes(await update(store, user_at(marked_world, 7), name="New", expectedVersion=2)) == []


# What may be done


ACTIONS = {"ACCOUNT_UPDATE": UPDATE, "ACCOUNT_CREDIT_HOLD": HOLD, "ACCOUNT_CREDIT_RELEASE": RELEASE}


OF_PRICES = {"PRICE_END"}
OF_CATALOGUE = {
    "EXCHANGE_RATE_SET",
    "MANUFACTURER_CREATE",
    "MANUFACTURER_UPDATE",
    "MARKETPLACE_CREATE",
    "MARKETPLACE_UPDATE",
    "PLAN_CREATE",
    "PLAN_PERIOD_ADD",
    "PLAN_PERIOD_RETIRE",
    "PLAN_RETIRE",
    "PLAN_SWITCH_PUBLISH",
    "PLAN_SWITCH_RETIRE",
    "PLAN_UPDATE",
    "PRODUCT_CREATE",
    "PRODUCT_RETIRE",
    "PRODUCT_UPDATE",
}


async def _actions(store: Store, caller: Caller, account: str) -> set[str]:
    document = "query($id: ID!) { account(id: $id) { allowedActions } }"
    answer = await ask(store, caller, document, {"id": account})
    assert answer.errors == []
    return set(answer.data["account"]["allowedActions"]) & ACTIONS.keys()


@STATUSES
async def test_the_actions_that_are_told_are_those_that_are_done(
    store: Store, caller: Caller, status: AccountStatus
) -> None:
    for account in (2, 3, 7):
        fresh = f"UPDATE account SET status = '{status}', version = 1 WHERE id = {account}"
        await people.change(store, fresh)
        told = await _actions(store, caller, f"acc_{account}")
        done = set()
        for action, mutation in ACTIONS.items():
            await people.change(store, fresh)
            if not codes(await do(store, caller, mutation, account=f"acc_{account}", expectedVersion=1)):
                done.add(action)
        assert told == done, account


async def test_actions_follow_privileges(store: Store, marked_world: World) -> None:
    narrow = user_at(marked_world, 2, privileges=frozenset({Privilege.ACCOUNTS_VIEW, Privilege.ACCOUNTS_UPDATE}))
    document = '{ viewer { allowedActions } account(id: "acc_7") { allowedActions type } }'
    answer = await ask(store, narrow, document)

    assert answer.data == {
        "viewer": {"allowedActions": ["VIEW_CHILDREN", "ACCOUNT_UPDATE"]},
        "account": {"allowedActions": ["ACCOUNT_UPDATE"], "type": AccountType.CUSTOMER.value},
    }


async def test_the_viewer_s_actions_are_its_account_s_and_those_of_the_catalogue(
    store: Store, marked_world: World
) -> None:
    provider, reseller = frozenset({"CATALOGUE_MANAGE", "PRICES_MANAGE"}), frozenset({"PRICES_MANAGE"})
    for caller, may in ((user_at(marked_world, 1), provider), (user_at(marked_world, 2), reseller)):
        privileges = {each for each in Privilege if each.name in may} | {Privilege.ACCOUNTS_VIEW}
        narrow = replace(caller, privileges=frozenset(privileges))
        answer = await ask(store, narrow, "{ viewer { allowedActions account { allowedActions } } }")
        viewer = answer.data["viewer"]
        own, more = viewer["account"]["allowedActions"], OF_PRICES | (OF_CATALOGUE if may == provider else set())

        assert viewer["allowedActions"] == own + sorted(more)
        assert not set(own) & (OF_PRICES | OF_CATALOGUE)


async def test_attributes_are_stored_in_one_way_whatever_their_order(store: Store, caller: Caller) -> None:
    given = [{"name": name, "value": name.upper()} for name in ("b", "a")]
    await update(store, caller, attributes=given)
    before = await traces(store)
    await update(store, caller, attributes=given[::-1], expectedVersion=2)

    assert orjson.loads((await account_row(store, 7)).attributes) == {"a": "A", "b": "B"}
    assert (await traces(store)).changes == before.changes
