"""What users are told that they may do with users is what isn't refused."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from models import RoleCode, UserKind
from models.store import Store, open_store
from resolvers.caller import Caller
from resolvers.operation import OPERATIONS
from resolvers.user_actions import UserAction
from tests.asking import ask
from tests.databases import Databases
from tests.people import CUSTOMER, RESELLER, Clock, keep_user, start_afresh
from tests.templates import migrated_template
from tests.user_requests import Requests, caller, codes, make_settings

BOSS, SUPPORT, ADMIN, SECOND, LIMITED, SERVICE = 70, 71, 72, 73, 74, 75
OF_ACCOUNT = {
    BOSS: RESELLER,
    SUPPORT: RESELLER,
    ADMIN: CUSTOMER,
    SECOND: CUSTOMER,
    LIMITED: CUSTOMER,
    SERVICE: CUSTOMER,
}

OWN = {"userPasswordChange", "userSecurityQuestionSet"}
INPUTS: dict[str, dict[str, Any]] = {
    "userActivate": {},
    "userDeactivate": {},
    "userInvitationSend": {},
    "userKindSet": {"kind": "SERVICE_USER"},
    "userPasswordChange": {"old": "not the password", "new": "a new password"},
    "userPasswordReset": {},
    "userPrivilegesAttach": {"privileges": ["subscriptions:view"]},
    "userPrivilegesDetach": {"privileges": ["subscriptions:view"]},
    "userRolesSet": {"roles": ["SERVICE_USER"]},
    "userSeatGive": {"subscription": "sub_1"},
    "userSeatTake": {"subscription": "sub_1"},
    "userSecurityAnswerCheck": {"answer": "Fido"},
    "userSecurityQuestionSet": {"question": "FIRST_PET", "answer": "Fido", "password": "not the password"},
    "userUpdate": {"language": "de"},
}
WITHOUT_VERSION = OWN | {
    "userInvitationSend",
    "userPasswordReset",
    "userSeatGive",
    "userSeatTake",
    "userSecurityAnswerCheck",
}
NOT_ALLOWED = {"FORBIDDEN", "ROLE_NOT_YOURS", "WRONG_STATE"}


@pytest.fixture(scope="module")
async def shared(databases: Databases) -> AsyncIterator[Store]:
    """One database for the module, emptied for each test."""
    with databases.copied(migrated_template(databases)) as url:
        store = open_store(url)
        yield store
        await store.close()


@pytest.fixture
async def store(shared: Store) -> Store:
    await start_afresh(shared)
    await keep_user(shared, BOSS, RESELLER, RoleCode.RESELLER_FULL_ACCESS)
    await keep_user(shared, SUPPORT, RESELLER, RoleCode.SUPPORT_ENGINEER)
    await keep_user(shared, ADMIN, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    await keep_user(shared, SECOND, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    await keep_user(shared, LIMITED, CUSTOMER, RoleCode.LIMITED_ADMINISTRATOR)
    await keep_user(shared, SERVICE, CUSTOMER, RoleCode.SERVICE_USER, kind=UserKind.SERVICE_USER)
    return shared


def mutation(action: UserAction) -> str:
    """`userActivate` for `USER_ACTIVATE`."""
    first, *words = action.value.lower().split("_")
    return first + "".join(map(str.capitalize, words))


async def told(store: Store, who: Caller, user_id: int) -> dict[str, Any] | None:
    """What the caller is told about a user; None if it doesn't see the user."""
    answer = await ask(store, who, f'{{ node(id: "usr_{user_id}") {{ ... on User {{ version allowedActions }} }} }}')
    found: dict[str, Any] | None = answer.data["node"]
    return found


async def is_refused(send: Requests, who: Caller, name: str, user_id: int, version: int) -> bool:
    """Whether the caller may not do it to the user, as the user stands; anything else that is wrong is let pass."""
    given = dict(INPUTS[name])
    given |= {} if name in OWN else {"user": f"usr_{user_id}"}
    given |= {} if name in WITHOUT_VERSION else {"expectedVersion": version}
    payload = await send(who, name, **given)
    found = {payload} if isinstance(payload, str) else {code for code, _path in codes(payload)}
    return bool(found & NOT_ALLOWED)


@pytest.mark.parametrize("user_id", [BOSS, SUPPORT, LIMITED, SERVICE])
async def test_what_a_user_is_told_to_be_allowed_is_what_is_not_refused(store: Store, user_id: int) -> None:
    send = Requests(store, sign_in=make_settings(Clock()))
    allowed: dict[bool, int] = {True: 0, False: 0}

    for other_id in (SUPPORT, ADMIN, LIMITED, SERVICE):
        for action in (*UserAction, UserAction.USER_ACTIVATE):  # once more, after it was deactivated
            name = mutation(action)
            who = await caller(store, user_id, OF_ACCOUNT[user_id])
            what = await told(store, who, other_id)
            if what is None:
                continue
            is_allowed = action.value in what["allowedActions"]
            allowed[is_allowed] += 1
            if name in OWN and other_id != user_id:
                assert not is_allowed
            elif other_id == user_id and name in {"userDeactivate", "userKindSet", "userRolesSet"}:
                continue  # it would end what the test begins
            else:
                is_told = (user_id, other_id, name, is_allowed)
                assert is_told == (
                    user_id,
                    other_id,
                    name,
                    not await is_refused(send, who, name, other_id, what["version"]),
                )

    assert min(allowed.values()) > 0


async def test_everything_that_can_be_done_with_a_user_is_among_the_actions() -> None:
    operations = {name for name in OPERATIONS if name.startswith("user")} - {"userInvite"}

    assert {mutation(action) for action in UserAction} == operations == INPUTS.keys()


async def test_who_changes_their_own_profile_is_shown_it(store: Store) -> None:
    send = Requests(store, sign_in=make_settings(Clock()))
    who = await caller(store, SERVICE, CUSTOMER)

    payload = await send(who, "userUpdate", user=f"usr_{SERVICE}", language="de", expectedVersion=1)

    assert payload["user"]["id"] == f"usr_{SERVICE}"
    assert payload["user"]["name"] == "Ada Byron"
