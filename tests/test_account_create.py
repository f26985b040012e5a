"""Creating customers and resellers, and promoting customers, through the API."""

import asyncio
from typing import Any

import pytest

from models import (
    Account,
    AccountContact,
    AccountTerm,
    Balance,
    Event,
    Mail,
    User,
    UserRole,
    VendorCard,
)
from models import path as paths
from models.check import check
from models.scope import Reach
from models.store import Store
from resolvers.actions import allowed_actions
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from tests import people
from tests.asking import ask
from tests.changes import account_row, codes, do, new_key, rows_of, traces, try_to, user_at, user_of
from tests.hierarchy import World, path_of

CUSTOMER, RESELLER, PROMOTE = "customerCreate", "resellerCreate", "customerPromote"
BOTH = [(CUSTOMER, {}), (RESELLER, {"currency": "EUR"})]
ADMINISTRATOR = {"email": "ada@new.example", "firstName": "Ada", "lastName": "Byron"}


@pytest.fixture
def store(own_marked_store: Store) -> Store:
    return own_marked_store


@pytest.fixture
def caller(marked_world: World) -> Caller:
    """The administrator of reseller 2, above 3, 7 and 8."""
    return user_at(marked_world, 2)


async def created(store: Store, payload: Any) -> Any:
    """The row of the account that an answer gives."""
    assert codes(payload) == [], payload
    return await account_row(store, int(payload["account"]["id"].removeprefix("acc_")))


async def of(store: Store, model: Any, account_id: int) -> list[Any]:
    """The rows of a table that belong to an account."""
    return [row for row in await rows_of(store, model) if row.account_id == account_id]


async def test_a_customer_lies_right_below_its_vendor_with_all_that_belongs_to_it(store: Store, caller: Caller) -> None:
    contact = {"type": "BILLING", "firstName": "Con", "lastName": "Tact", "email": "Con@New.example"}
    payload = await do(
        store,
        caller,
        CUSTOMER,
        vendor="acc_3",
        name="Éclair Bau",
        externalId="X-1",
        language="de",
        taxRegistrationId="DE1",
        address={"city": "Berlin", "countryCode": "DE"},
        attributes=[{"name": "tier", "value": "gold"}],
        contacts=[contact],
    )
    row = await created(store, payload)

    assert (row.parent_id, row.path, row.shard_id) == (3, paths.child(path_of(3), row.id), 2)
    assert (row.type, row.status, row.name, row.name_key) == ("CUSTOMER", "PENDING", "Éclair Bau", "eclair bau")
    assert (row.external_id, row.language, row.tax_registration_id, row.city) == ("X-1", "de", "DE1", "Berlin")
    assert (row.attributes, row.currency, row.version) == ('{"tier":"gold"}', None, 1)
    assert row.marketplace_id == (await account_row(store, 3)).marketplace_id
    assert {each.term for each in await rows_of(store, AccountTerm) if each.path == row.path} == {"eclair", "bau"}
    ((position, email_key, path),) = [
        (each.position, each.email_key, each.path) for each in await of(store, AccountContact, row.id)
    ]
    assert (position, email_key, path) == (0, "con@new.example", row.path)
    (balance,) = [each for each in await rows_of(store, Balance) if each.buyer_id == row.id]
    assert (balance.seller_id, balance.seller_path, balance.path) == (3, path_of(3), row.path)
    assert (balance.owed_micros, balance.credit_limit_micros, balance.terms) == (0, 0, "PREPAID")
    assert await of(store, VendorCard, row.id) == []


async def test_the_vendor_is_the_caller_s_own_account_if_none_is_named(store: Store, caller: Caller) -> None:
    assert (await created(store, await do(store, caller, CUSTOMER, name="New"))).parent_id == 2


async def test_it_is_active_at_once_if_that_is_asked_for(store: Store, caller: Caller) -> None:
    assert (await created(store, await do(store, caller, CUSTOMER, name="New", activate=True))).status == "ACTIVE"


async def test_a_reseller_has_a_currency_and_a_card(store: Store, caller: Caller) -> None:
    card = {"supportEmail": "help@new.example", "brandColor": "#336699"}
    payload = await do(store, caller, RESELLER, name="New", currency="EUR", card=card, activate=True)
    row = await created(store, payload)
    (shown,) = await of(store, VendorCard, row.id)

    assert (row.type, row.currency) == ("RESELLER", "EUR")
    assert (shown.name, shown.support_email, shown.brand_color, shown.path) == (
        "New", "help@new.example", "#336699", row.path,
    )  # fmt: skip
    below = await created(store, await do(store, caller, CUSTOMER, vendor=payload["account"]["id"], name="Below"))
    (balance,) = [each for each in await rows_of(store, Balance) if each.buyer_id == below.id]
    assert (below.path, balance.currency) == (paths.child(row.path, below.id), "EUR")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("logoUrl", "javascript:alert(1)"),
        ("supportUrl", "data:text/html,hello"),
        ("brandColor", "red;}body{display:none"),
    ],
)
async def test_what_pages_would_run_stands_on_no_card(store: Store, caller: Caller, name: str, value: str) -> None:
    payload = await do(store, caller, RESELLER, name="New", currency="EUR", card={name: value})

    assert [(error["code"], error["path"]) for error in payload["userErrors"]] == [("INVALID", ["card", name])]


@pytest.mark.parametrize(("mutation", "more"), BOTH)
async def test_its_administrator_is_invited_with_all_that_its_type_may_do(
    store: Store, caller: Caller, mutation: str, more: dict[str, str]
) -> None:
    row = await created(store, await do(store, caller, mutation, name="New", administrator=ADMINISTRATOR, **more))
    (user,) = await of(store, User, row.id)
    (role,) = await of(store, UserRole, row.id)
    mails = [mail for mail in await rows_of(store, Mail) if mail.to_user_id == user.id]

    assert (user.login, user.status, user.kind, user.path) == (
        "ada@new.example", "INVITED", "ADMINISTRATOR", row.path,
    )  # fmt: skip
    assert role.role_code == f"{row.type}_FULL_ACCESS"
    assert [(mail.template, mail.path) for mail in mails] == [("INVITATION", row.path)]


async def test_a_new_account_is_logged_and_announced_where_it_lies(store: Store, caller: Caller) -> None:
    row = await created(store, await do(store, caller, CUSTOMER, name="New"))

    (event,) = await rows_of(store, Event)
    assert (event.topic, event.kind, event.object_id, event.path) == ("ACCOUNT", "CREATED", row.id, row.path)


async def test_a_database_with_new_accounts_is_sound(store: Store, caller: Caller) -> None:
    before = {finding.what for finding in await check(store)}
    for mutation, more in BOTH:
        await do(store, caller, mutation, name="New", administrator=ADMINISTRATOR, **more)
    await do(store, caller, PROMOTE, account="acc_7", expectedVersion=1, currency="USD")

    assert {finding.what for finding in await check(store)} <= before


async def test_who_has_more_below_counts_as_larger(store: Store, caller: Caller) -> None:
    assert (await account_row(store, 2)).size_class == 0
    for _ in range(3):
        await do(store, caller, CUSTOMER, name="New")

    assert (await account_row(store, 2)).size_class >= 2


# Refusals


@pytest.mark.parametrize(("mutation", "more"), BOTH)
async def test_a_hidden_vendor_is_refused_like_an_absent_one(
    store: Store, caller: Caller, mutation: str, more: dict[str, str]
) -> None:
    before = await traces(store)
    hidden = ["acc_9", "acc_10", "acc_1", "acc_999", "acc_0", "usr_7", "nonsense"]
    asked = [await try_to(store, caller, mutation, vendor=each, name="New", **more) for each in hidden]

    assert {answer.bytes for answer in asked} == {asked[0].bytes}
    assert {tuple(map(id, answer.sent)) for answer in asked} == {tuple(map(id, asked[0].sent))}
    assert [(error["path"], error["code"]) for error in asked[0].data[mutation]["userErrors"]] == [
        (["vendor"], "NOT_FOUND")
    ]
    assert (await traces(store)).changes == before.changes


async def test_a_customer_has_nobody_below_it(store: Store, caller: Caller) -> None:
    payload = await do(store, caller, CUSTOMER, vendor="acc_7", name="New")

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["vendor"], "INVALID")]


@pytest.mark.parametrize(
    ("account_id", "status"),
    [
        (3, "CREDIT_HOLD"),
        (3, "ADMIN_HOLD"),
        (3, "PENDING"),
        (3, "CANCELLED"),
        (3, "ERROR"),
        (2, "CREDIT_HOLD"),
        (1, "ERROR"),
    ],
)
async def test_a_vendor_that_is_held_or_lies_below_one_that_is_takes_no_accounts(
    store: Store, caller: Caller, account_id: int, status: str
) -> None:
    await people.change(store, f"UPDATE account SET status = '{status}' WHERE id = {account_id}")
    payload = await do(store, caller, CUSTOMER, vendor="acc_3", name="New")

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["vendor"], "ACCOUNT_ON_HOLD")]


async def test_an_external_id_is_one_account_s_per_vendor(store: Store, caller: Caller) -> None:
    await do(store, caller, CUSTOMER, name="New", externalId="X")
    payload = await do(store, caller, RESELLER, name="Other", externalId="X", currency="USD")
    elsewhere = await do(store, caller, CUSTOMER, name="Other", externalId="X", vendor="acc_3")

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["externalId"], "TAKEN")]
    assert codes(elsewhere) == []


async def test_a_marketplace_that_is_hidden_is_refused_like_an_absent_one(store: Store, caller: Caller) -> None:
    asked = [await try_to(store, caller, CUSTOMER, name="New", marketplace=each) for each in ("mkt_3", "mkt_99")]

    assert asked[0].bytes == asked[1].bytes
    assert [error["path"] for error in asked[0].data[CUSTOMER]["userErrors"]] == [["marketplace"]]


async def test_who_may_not_activate_accounts_creates_none_that_is_active_at_once(
    store: Store, marked_world: World
) -> None:
    seller = user_at(marked_world, 2, privileges=frozenset(set(Privilege) - {Privilege.ACCOUNTS_ACTIVATE}))

    refused = await try_to(store, seller, CUSTOMER, name="New", activate=True)

    assert [error["extensions"]["code"] for error in refused.errors] == ["FORBIDDEN"]
    assert (await created(store, await do(store, seller, CUSTOMER, name="New"))).status == "PENDING"


async def test_names_of_people_take_the_privilege_to_see_them(store: Store, marked_world: World) -> None:
    blind = user_at(marked_world, 2, privileges=frozenset(set(Privilege) - {Privilege.PERSONAL_DATA_VIEW}))
    contact = {"firstName": "Con", "lastName": "Tact", "email": "con@new.example"}
    payload = await do(store, blind, CUSTOMER, name="New", administrator=ADMINISTRATOR, contacts=[contact])

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [
        (["contacts"], "PERSONAL_DATA"),
        (["administrator"], "PERSONAL_DATA"),
    ]
    assert codes(await do(store, blind, CUSTOMER, name="New")) == []


@pytest.mark.parametrize("given", [{"name": ""}, {"name": "x" * 201}, {"name": "New", "language": "?"}])
async def test_what_makes_no_sense_is_refused_at_its_place(store: Store, caller: Caller, given: dict[str, str]) -> None:
    payload = await do(store, caller, CUSTOMER, **given)

    assert [error["path"] for error in payload["userErrors"]] == [["name" if len(given) == 1 else "language"]]


async def test_a_currency_that_is_none_is_refused(store: Store, caller: Caller) -> None:
    assert codes(await do(store, caller, RESELLER, name="New", currency="euro")) == ["INVALID"]


async def test_who_reaches_one_level_down_creates_accounts_there_and_no_further(
    store: Store, marked_world: World
) -> None:
    short = Caller(path_of(2), frozenset(Privilege), user_of(marked_world, 2), reach=Reach.DIRECT)

    assert codes(await do(store, short, CUSTOMER, name="New")) == []
    assert codes(await do(store, short, CUSTOMER, name="New", vendor="acc_3")) == ["INVALID"]
    assert codes(await do(store, short, CUSTOMER, name="New", vendor="acc_4")) == ["NOT_FOUND"]


async def test_what_is_offered_at_an_account_is_what_it_can_take(store: Store, caller: Caller) -> None:
    await people.change(store, "UPDATE account SET status = 'CREDIT_HOLD' WHERE id = 4")
    creating, promoting = {"CUSTOMER_CREATE", "RESELLER_CREATE"}, {"CUSTOMER_PROMOTE"}
    expected = {2: creating, 3: creating, 4: set(), 7: promoting}
    for account, actions in expected.items():
        offered = set(allowed_actions(caller, await account_row(store, account)))
        assert offered & (creating | promoting) == actions


# Promotion


async def test_a_promoted_customer_sells_and_its_administrators_may(
    store: Store, caller: Caller, marked_world: World
) -> None:
    user = user_of(marked_world, 7)
    await people.change(store, f"UPDATE user_role SET role_code = 'CUSTOMER_FULL_ACCESS' WHERE user_id = {user}")
    orders = '{ account(id: "acc_7") { orders { totalCount } subscriptions { totalCount } } }'
    before = await ask(store, caller, orders)
    payload = await do(store, caller, PROMOTE, account="acc_7", expectedVersion=1, currency="EUR", brandName="Seven")
    row = await created(store, payload)
    (card,) = await of(store, VendorCard, 7)

    assert (row.type, row.currency, row.version, row.path) == ("RESELLER", "EUR", 2, path_of(7))
    assert (card.name, card.path) == ("Seven", path_of(7))
    roles = {each.role_code for each in await of(store, UserRole, 7) if each.user_id == user}
    assert roles == {"RESELLER_FULL_ACCESS"}
    assert (await ask(store, caller, orders)).data == before.data
    assert codes(await do(store, caller, CUSTOMER, vendor="acc_7", name="Below")) == []


async def test_a_reseller_and_a_held_customer_are_not_promoted(store: Store, caller: Caller) -> None:
    await people.change(store, "UPDATE account SET status = 'CREDIT_HOLD' WHERE id = 8")
    for account in ("acc_3", "acc_8"):
        payload = await do(store, caller, PROMOTE, account=account, expectedVersion=1, currency="EUR")
        assert codes(payload) == ["WRONG_STATE"]


async def test_a_customer_promoted_twice_at_once_is_promoted_once(store: Store, caller: Caller) -> None:
    done = await asyncio.gather(
        *(do(store, caller, PROMOTE, account="acc_7", expectedVersion=1, currency=each) for each in ("EUR", "USD"))
    )

    assert sorted(map(codes, done)) == [[], ["CONFLICT"]]


# At the same time, and many


async def test_accounts_created_at_once_have_places_of_their_own(store: Store, caller: Caller) -> None:
    done = await asyncio.gather(*(do(store, caller, CUSTOMER, name=f"New {at}") for at in range(4)))
    rows = [await created(store, payload) for payload in done]

    assert len({row.path for row in rows}) == 4


async def test_the_same_at_once_creates_one(store: Store, caller: Caller) -> None:
    before = len(await rows_of(store, Account))
    key = new_key()
    given = {"name": "New", "administrator": ADMINISTRATOR, "idempotencyKey": key}
    done = await asyncio.gather(*(do(store, caller, CUSTOMER, **given) for _ in range(4)))

    assert done == [done[0]] * 4
    assert len(await rows_of(store, Account)) == before + 1


async def test_many_are_created_at_once_or_none_of_them(store: Store, caller: Caller) -> None:
    before = len(await rows_of(store, Account))
    items = [{"name": "One", "externalId": "X"}, {"name": "Two", "externalId": "X"}, {"name": "Three"}]
    payload = await do(store, caller, f"{CUSTOMER}Bulk", items=items, isAtomic=True)
    assert [codes(result) for result in payload["results"]] == [["ROLLED_BACK"], ["TAKEN"], ["ROLLED_BACK"]]
    assert len(await rows_of(store, Account)) == before

    payload = await do(store, caller, f"{CUSTOMER}Bulk", items=items)
    assert [codes(result) for result in payload["results"]] == [[], ["TAKEN"], []]
    assert len(await rows_of(store, Account)) == before + 2
