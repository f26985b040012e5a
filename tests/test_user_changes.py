"""Changing users: who may, what it leaves, and what is refused."""

import asyncio
from typing import Any

import pytest

from models import RoleCode, SecurityQuestion, UserKind, UserStatus
from models.store import Store
from resolvers.privileges import Privilege
from tests.people import (
    CUSTOMER,
    PASSWORD,
    PROVIDER,
    RESELLER,
    SIBLING,
    Clock,
    change,
    keep_client,
    keep_membership,
    keep_user,
    rows_of,
)
from tests.user_requests import Requests, caller, codes, logged, make_settings, told

BOSS, ADMIN, LIMITED, SERVICE, OTHER = 70, 71, 72, 73, 74
"""The reseller's administrator; the customer's; its limited one; its service user; the sibling's administrator."""


@pytest.fixture
async def store(few_accounts: Store) -> Store:
    await keep_user(few_accounts, BOSS, RESELLER, RoleCode.RESELLER_FULL_ACCESS)
    await keep_user(few_accounts, ADMIN, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    await keep_user(few_accounts, LIMITED, CUSTOMER, RoleCode.LIMITED_ADMINISTRATOR)
    await keep_user(few_accounts, SERVICE, CUSTOMER, RoleCode.SERVICE_USER, kind=UserKind.SERVICE_USER)
    await keep_user(few_accounts, OTHER, SIBLING, RoleCode.RESELLER_FULL_ACCESS)
    return few_accounts


@pytest.fixture
def send(store: Store) -> Requests:
    return Requests(store, sign_in=make_settings(Clock()))


def user(number: int) -> str:
    return f"usr_{number}"


def invitation(**given: Any) -> dict[str, Any]:
    person = {"email": "New.User@example.com", "firstName": "Nora", "lastName": "Núñez"}
    return {"account": f"acc_{CUSTOMER}", "kind": "ADMINISTRATOR", "roles": ["ACCOUNTANT"], **person, **given}


# Inviting


async def test_an_invited_user_is_written_to_in_the_accounts_language_unless_another_is_given(
    store: Store, send: Requests
) -> None:
    boss = await caller(store, BOSS, RESELLER)
    async with store.unfiltered("a test writes", write=True) as db:
        await db.sql(f"UPDATE account SET language = 'fr' WHERE id = {CUSTOMER}")

    left_out = await send(boss, "userInvite", "user { language }", **invitation())
    given = await send(boss, "userInvite", "user { language }", **invitation(email="b@example.com", language="de"))

    assert [payload["user"]["language"] for payload in (left_out, given)] == ["fr", "de"]


async def test_who_is_a_user_of_the_account_already_is_not_invited_but_can_be_changed(
    store: Store, send: Requests
) -> None:
    boss = await caller(store, BOSS, RESELLER)

    payload = await send(boss, "userInvite", **invitation(email="USER71@example.com"))

    assert codes(payload) == [("TAKEN", "email")]
    assert "user of the account already" in payload["userErrors"][0]["message"]


async def test_an_invited_user_is_there_with_its_rights_and_a_mail_is_on_its_way(store: Store, send: Requests) -> None:
    payload = await send(await caller(store, BOSS, RESELLER), "userInvite", **invitation(denied=["orders:view"]))

    assert payload["userErrors"] == []
    invited = payload["user"]
    assert (invited["login"], invited["email"]) == ("new.user@example.com", "New.User@example.com")
    assert (invited["status"], invited["kind"]) == ("INVITED", "ADMINISTRATOR")
    assert invited["roles"] == [{"code": "ACCOUNTANT"}]
    assert invited["deniedPrivileges"] == ["orders:view"]
    row_id = int(invited["id"].removeprefix("usr_"))
    assert [tuple(row) for row in await rows_of(store, "SELECT template, to_user_id FROM mail")] == [
        ("INVITATION", row_id)
    ]
    assert [tuple(row) for row in await rows_of(store, "SELECT subject_id, kind FROM job")] != []
    assert {told(row)[1].get("roles", ("",))[0] for row in (await logged(store, "userInvite"))[-2:]} == {
        "",
        "ACCOUNTANT",
    }


async def test_an_invited_user_is_found_by_name(store: Store, send: Requests) -> None:
    await send(await caller(store, BOSS, RESELLER), "userInvite", **invitation())

    words = await rows_of(store, "SELECT t.term FROM user_term t ORDER BY t.term")
    assert [row[0] for row in words] == ["nora", "nunez"]


async def test_inviting_who_is_a_user_elsewhere_is_answered_as_inviting_a_stranger(
    store: Store, send: Requests
) -> None:
    boss = await caller(store, BOSS, RESELLER)
    stranger = await send(boss, "userInvite", **invitation(email="stranger@example.com"))
    known = await send(boss, "userInvite", **invitation(email=f"user{OTHER}@example.com"))

    for payload in (stranger, known):
        del payload["user"]["id"], payload["user"]["login"], payload["user"]["email"]
    assert known == stranger
    people = await rows_of(store, f"SELECT id FROM identity WHERE login = 'user{OTHER}@example.com'")
    assert [row[0] for row in people] == [OTHER]


async def test_a_user_of_the_account_is_not_invited_again(store: Store, send: Requests) -> None:
    boss = await caller(store, BOSS, RESELLER)

    payload = await send(boss, "userInvite", **invitation(email=f"USER{ADMIN}@example.com"))

    assert codes(payload) == [("TAKEN", "email")]
    assert await rows_of(store, "SELECT id FROM mail") == []


async def test_of_two_who_invite_the_same_at_once_one_does(store: Store) -> None:
    boss = await caller(store, BOSS, RESELLER)
    both = [Requests(store)(boss, "userInvite", key=f"the key of {n}", **invitation()) for n in (1, 2)]

    payloads = await asyncio.gather(*both)

    assert sorted(codes(payload) for payload in payloads) == [[], [("TAKEN", "email")]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"account": f"acc_{SIBLING}"}, ("NOT_FOUND", "account")),
        ({"account": "acc_999"}, ("NOT_FOUND", "account")),
        ({"account": "nonsense"}, ("NOT_FOUND", "account")),
        ({"email": "no address"}, ("INVALID", "email")),
        ({"email": "o'neil@example.com"}, ("INVALID", "email")),
        ({"roles": ["RESELLER_FULL_ACCESS"]}, ("INVALID", "roles.0")),
        ({"roles": []}, ("INVALID", "roles")),
        ({"kind": "SERVICE_USER"}, ("INVALID", "roles")),
        ({"denied": ["teapots:view"]}, ("INVALID", "denied.0")),
    ],
)
async def test_an_invitation_that_makes_no_sense_is_refused(
    given: dict[str, Any], expected: tuple[str, str], store: Store, send: Requests
) -> None:
    payload = await send(await caller(store, BOSS, RESELLER), "userInvite", **invitation(**given))

    assert codes(payload) == [expected]
    assert await rows_of(store, "SELECT id FROM mail") == []


async def test_nobody_gives_what_they_do_not_have(store: Store, send: Requests) -> None:
    limited = await caller(store, LIMITED, CUSTOMER)

    full = await send(limited, "userInvite", **invitation(roles=["CUSTOMER_FULL_ACCESS"]))
    person = {name: value for name, value in invitation(kind="SERVICE_USER").items() if name != "roles"}
    service = await send(limited, "userInvite", **person)

    assert codes(full) == [("ROLE_NOT_YOURS", "roles")]
    assert codes(service) == []


@pytest.mark.parametrize("number", [SERVICE])
async def test_who_may_not_manage_users_invites_nobody(number: int, store: Store, send: Requests) -> None:
    assert await send(await caller(store, number, CUSTOMER), "userInvite", **invitation()) == "FORBIDDEN"


async def test_an_invitation_is_sent_again_five_times_a_day_and_to_the_invited_alone(
    store: Store, send: Requests
) -> None:
    boss = await caller(store, BOSS, RESELLER)
    invited = (await send(boss, "userInvite", **invitation()))["user"]["id"]

    again = [codes(await send(boss, "userInvitationSend", user=invited)) for _ in range(5)]

    assert again == [[]] * 4 + [[("TOO_MANY_ATTEMPTS", "")]]
    assert codes(await send(boss, "userInvitationSend", user=user(ADMIN))) == [("WRONG_STATE", "user")]


async def test_a_new_password_is_asked_for_by_those_who_may_three_times_a_day(store: Store, send: Requests) -> None:
    await keep_user(store, 80, PROVIDER, RoleCode.SUPPORT_ENGINEER)
    support = await caller(store, 80, PROVIDER)

    asked = [codes(await send(support, "userPasswordReset", user=user(ADMIN))) for _ in range(4)]

    assert asked == [[]] * 3 + [[("TOO_MANY_ATTEMPTS", "")]]
    assert {row[0] for row in await rows_of(store, "SELECT template FROM mail")} == {"PASSWORD_RESET"}
    assert codes(await send(await caller(store, OTHER, SIBLING), "userPasswordReset", user=user(ADMIN))) == [
        ("NOT_FOUND", "user")
    ]


# Profiles


async def test_a_profile_is_changed_and_found_under_the_new_name(store: Store, send: Requests) -> None:
    boss = await caller(store, BOSS, RESELLER)
    given = {"firstName": "Zoë", "email": "zoe@example.com", "phoneNumber": "+4930123456"}

    payload = await send(boss, "userUpdate", user=user(ADMIN), expectedVersion=1, **given)

    assert payload["userErrors"] == []
    assert (payload["user"]["name"], payload["user"]["email"]) == ("Zoë Byron", "zoe@example.com")
    assert payload["currentVersion"] == 2
    row = (await logged(store, "userUpdate"))[-1]
    assert told(row)[1] == {"email": "zoe@example.com", "first_name": "Zoë", "phone_number": "+4930123456"}
    keys = await rows_of(store, f"SELECT name_key, email_key FROM app_user WHERE id = {ADMIN}")
    assert [tuple(key) for key in keys] == [("byron zoe", "zoe@example.com")]


async def test_the_address_to_which_passwords_are_sent_is_the_persons_own(store: Store, send: Requests) -> None:
    boss = await caller(store, BOSS, RESELLER)

    await send(boss, "userUpdate", user=user(ADMIN), expectedVersion=1, email="attacker@example.com")

    own = await rows_of(store, f"SELECT email FROM identity WHERE id = {ADMIN}")
    assert [row[0] for row in own] == [f"user{ADMIN}@example.com"]


async def test_someone_else_changed_it_first(store: Store, send: Requests) -> None:
    boss = await caller(store, BOSS, RESELLER)
    await send(boss, "userUpdate", user=user(ADMIN), expectedVersion=1, language="de")

    payload = await send(boss, "userUpdate", user=user(ADMIN), expectedVersion=1, language="fr")

    assert (codes(payload), payload["currentVersion"]) == ([("CONFLICT", "expectedVersion")], 2)


async def test_a_service_user_changes_its_own_language_and_nothing_of_others(store: Store, send: Requests) -> None:
    own = await caller(store, SERVICE, CUSTOMER)

    assert codes(await send(own, "userUpdate", user=user(SERVICE), expectedVersion=1, language="de")) == []
    refused = await send(own, "userUpdate", user=user(SERVICE), expectedVersion=2, firstName="X")
    assert codes(refused) == [("PERSONAL_DATA", "firstName")]
    other = await send(own, "userUpdate", user=user(ADMIN), expectedVersion=1, language="de")
    assert codes(other) == [("NOT_FOUND", "user")]


async def test_names_of_others_take_the_privilege_to_see_them(store: Store, send: Requests) -> None:
    privileges = '["accounts:view", "users:view", "users:manage"]'
    await keep_client(store, 80, RESELLER, privileges)
    client = await caller(store, BOSS, RESELLER)
    masked = type(client)(path=client.path, client_id=80, privileges=client.privileges - {Privilege.PERSONAL_DATA_VIEW})

    refused = await send(masked, "userUpdate", user=user(ADMIN), expectedVersion=1, firstName="X", language="de")

    assert codes(refused) == [("PERSONAL_DATA", "firstName"), ("ROLE_NOT_YOURS", "user")]


# Roles and privileges


async def test_roles_are_replaced(store: Store, send: Requests) -> None:
    boss = await caller(store, BOSS, RESELLER)

    payload = await send(boss, "userRolesSet", user=user(LIMITED), expectedVersion=1, roles=["ACCOUNTANT"])

    assert payload["user"]["roles"] == [{"code": "ACCOUNTANT"}]
    assert payload["currentVersion"] == 2
    (row,) = (await logged(store, "userRolesSet"))[-1:]
    assert told(row) == ({"roles": ["LIMITED_ADMINISTRATOR"]}, {"roles": ["ACCOUNTANT"]})


async def test_a_limited_administrator_is_made_by_taking_single_privileges(store: Store, send: Requests) -> None:
    boss = await caller(store, BOSS, RESELLER)
    await keep_user(store, 80, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    taken = ["orders:place", "finances:view"]

    payload = await send(boss, "userPrivilegesDetach", user=user(80), expectedVersion=1, privileges=taken)

    assert payload["user"]["deniedPrivileges"] == sorted(taken)
    limited = await caller(store, 80, CUSTOMER)
    assert not limited.may(Privilege.ORDERS_PLACE)
    assert not limited.may(Privilege.FINANCES_VIEW)
    assert limited.may(Privilege.USERS_MANAGE)
    own = await send(limited, "userPrivilegesAttach", user=user(80), expectedVersion=2, privileges=taken)
    assert codes(own) == [("ROLE_NOT_YOURS", "privileges")]
    back = await send(boss, "userPrivilegesAttach", user=user(80), expectedVersion=2, privileges=taken)
    assert back["user"]["deniedPrivileges"] == []
    assert (await caller(store, 80, CUSTOMER)).may(Privilege.ORDERS_PLACE)


async def test_nobody_changes_who_may_do_more_than_they(store: Store, send: Requests) -> None:
    limited = await caller(store, LIMITED, CUSTOMER)
    of_admin: dict[str, Any] = {"user": user(ADMIN), "expectedVersion": 1}

    attempts: dict[str, dict[str, Any]] = {
        "userRolesSet": {"roles": ["LIMITED_ADMINISTRATOR"]},
        "userKindSet": {"kind": "SERVICE_USER"},
        "userPrivilegesDetach": {"privileges": ["orders:place"]},
        "userDeactivate": {},
        "userUpdate": {"language": "de"},
    }
    for name, given in attempts.items():
        assert codes(await send(limited, name, **of_admin, **given)) == [("ROLE_NOT_YOURS", "user")], name


async def test_nobody_raises_themselves(store: Store, send: Requests) -> None:
    limited = await caller(store, LIMITED, CUSTOMER)

    payload = await send(limited, "userRolesSet", user=user(LIMITED), expectedVersion=1, roles=["CUSTOMER_FULL_ACCESS"])

    assert codes(payload) == [("ROLE_NOT_YOURS", "roles")]


async def test_an_administrator_becomes_a_service_user_and_back(store: Store, send: Requests) -> None:
    boss = await caller(store, BOSS, RESELLER)

    down = await send(boss, "userKindSet", user=user(LIMITED), expectedVersion=1, kind="SERVICE_USER")
    assert (down["user"]["kind"], down["user"]["roles"]) == ("SERVICE_USER", [{"code": "SERVICE_USER"}])
    up = await send(
        boss, "userKindSet", user=user(LIMITED), expectedVersion=2, kind="ADMINISTRATOR", roles=["SUPPORT_ENGINEER"]
    )
    assert (up["user"]["kind"], up["user"]["roles"]) == ("ADMINISTRATOR", [{"code": "SUPPORT_ENGINEER"}])
    bare = await send(boss, "userKindSet", user=user(SERVICE), expectedVersion=1, kind="ADMINISTRATOR")
    assert codes(bare) == [("INVALID", "roles")]


# Coming in


async def test_a_deactivated_user_is_out_and_signed_out(store: Store, send: Requests) -> None:
    boss = await caller(store, BOSS, RESELLER)
    await keep_user(store, 80, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    await change(
        store,
        "INSERT INTO refresh_token (token_hash, family, subject_type, subject_id, created_at, expires_at)"
        f" VALUES ('h', 'f', 'USER', {ADMIN}, '2026-01-01T00:00:00.000Z', '2030-01-01T00:00:00.000Z')",
    )

    out = await send(boss, "userDeactivate", user=user(ADMIN), expectedVersion=1)

    assert out["user"]["status"] == "DEACTIVATED"
    revoked = await rows_of(store, "SELECT token_hash FROM refresh_token WHERE revoked_at IS NOT NULL")
    assert [row[0] for row in revoked] == ["h"]
    assert codes(await send(boss, "userDeactivate", user=user(ADMIN), expectedVersion=2)) == [("WRONG_STATE", "user")]
    back = await send(boss, "userActivate", user=user(ADMIN), expectedVersion=2)
    assert back["user"]["status"] == "ACTIVE"
    assert codes(await send(boss, "userActivate", user=user(ADMIN), expectedVersion=3)) == [("WRONG_STATE", "user")]


async def test_who_never_chose_a_password_is_invited_again(store: Store, send: Requests) -> None:
    await keep_user(store, 80, CUSTOMER, RoleCode.ACCOUNTANT, status=UserStatus.DEACTIVATED, secret_hash=None)

    payload = await send(await caller(store, BOSS, RESELLER), "userActivate", user=user(80), expectedVersion=1)

    assert payload["user"]["status"] == "INVITED"


@pytest.mark.parametrize(("question", "status"), [(None, "INVITED"), (SecurityQuestion.FIRST_PET, "ACTIVE")])
async def test_who_has_a_password_elsewhere_comes_in_again_only_if_they_ever_came_in(
    question: SecurityQuestion | None, status: str, store: Store, send: Requests
) -> None:
    of = {"status": UserStatus.DEACTIVATED, "security_question": question}
    await keep_membership(store, 80, OTHER, CUSTOMER, RoleCode.ACCOUNTANT, **of)

    payload = await send(await caller(store, BOSS, RESELLER), "userActivate", user=user(80), expectedVersion=1)

    assert payload["user"]["status"] == status


async def test_whoever_invites_somebody_and_takes_it_back_is_not_shown_their_question(
    store: Store, send: Requests
) -> None:
    await keep_membership(store, 80, ADMIN, SIBLING, RoleCode.ACCOUNTANT, status=UserStatus.DEACTIVATED)
    given = {"question": "FIRST_CAR", "answer": "a Beetle", "password": PASSWORD}

    payload = await send(await caller(store, ADMIN, CUSTOMER), "userSecurityQuestionSet", **given)

    assert codes(payload) == []
    rows = await rows_of(store, f"SELECT security_question FROM app_user WHERE id IN (80, {ADMIN}) ORDER BY id")
    assert [row[0] for row in rows] == ["FIRST_CAR", None]


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("userDeactivate", {}),
        ("userRolesSet", {"roles": ["ACCOUNTANT"]}),
        ("userKindSet", {"kind": "SERVICE_USER"}),
        ("userPrivilegesDetach", {"privileges": ["orders:place"]}),
    ],
)
async def test_the_last_full_administrator_stays(
    name: str, given: dict[str, Any], store: Store, send: Requests
) -> None:
    boss = await caller(store, BOSS, RESELLER)

    refused = await send(boss, name, user=user(ADMIN), expectedVersion=1, **given)
    assert codes(refused) == [("LAST_ADMINISTRATOR", "user")]

    await keep_user(store, 80, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    assert codes(await send(boss, name, user=user(ADMIN), expectedVersion=1, **given)) == []


async def test_two_full_administrators_who_remove_each_other_at_once_leave_one(store: Store) -> None:
    await keep_user(store, 80, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    one, other = await caller(store, ADMIN, CUSTOMER), await caller(store, 80, CUSTOMER)

    payloads = await asyncio.gather(
        Requests(store)(one, "userDeactivate", user=user(80), expectedVersion=1),
        Requests(store)(other, "userDeactivate", user=user(ADMIN), expectedVersion=1),
        return_exceptions=True,
    )

    active = await rows_of(
        store,
        f"SELECT u.id FROM app_user u JOIN user_role r ON r.user_id = u.id WHERE u.account_id = {CUSTOMER}"
        " AND u.status = 'ACTIVE' AND r.role_code = 'CUSTOMER_FULL_ACCESS'",
    )
    assert len(active) == 1, payloads


async def test_many_are_deactivated_at_once_and_the_last_administrator_is_not(store: Store, send: Requests) -> None:
    boss = await caller(store, BOSS, RESELLER)
    items = [{"user": user(number), "expectedVersion": 1} for number in (SERVICE, ADMIN, OTHER)]

    payload = await send(boss, "userDeactivateBulk", items=items)

    errors = [[error["code"] for error in result["userErrors"]] for result in payload["results"]]
    assert errors == [[], ["LAST_ADMINISTRATOR"], ["NOT_FOUND"]]
