"""Acting as: who may work in which account below, what they may do there, for how long, and what it leaves."""

import time
from typing import Any

import pytest

from models import AccountStatus, RoleCode, UserDenial, UserKind
from models.scope import Reach
from models.store import Store
from resolvers import sign_in
from resolvers.acting import exchange
from resolvers.caller import Caller
from resolvers.errors import UnauthenticatedError
from resolvers.identity import FITS, caller_of
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.privileges import ROLES, Privilege
from resolvers.sign_in import SignInSettings
from tests.asking import ask
from tests.people import (
    CUSTOMER,
    PASSWORD,
    PROVIDER,
    RESELLER,
    SIBLING,
    Clock,
    change,
    keep,
    keep_client,
    keep_user,
    owner,
    path_of,
    rows_of,
)
from tests.user_requests import Requests, codes, logged, make_settings

BOSS, SUPPORT, ADMIN, SERVICE, STAFF = 70, 71, 72, 73, 74
HOME = "192.0.2.1"


@pytest.fixture
async def store(few_accounts: Store) -> Store:
    await keep_user(few_accounts, BOSS, RESELLER, RoleCode.RESELLER_FULL_ACCESS)
    await keep_user(few_accounts, SUPPORT, RESELLER, RoleCode.SUPPORT_ENGINEER)
    await keep_user(few_accounts, ADMIN, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    await keep_user(few_accounts, SERVICE, RESELLER, RoleCode.SERVICE_USER, kind=UserKind.SERVICE_USER)
    await keep_user(few_accounts, STAFF, PROVIDER, RoleCode.PROVIDER_FULL_ACCESS)
    return few_accounts


@pytest.fixture
def settings() -> SignInSettings:
    return make_settings(Clock())


async def own_token(store: Store, settings: SignInSettings, number: int) -> Grant:
    return await sign_in.sign_in_with_password(store, settings, f"user{number}@example.com", PASSWORD, HOME)


async def acting(store: Store, settings: SignInSettings, number: int = BOSS, account_id: int = CUSTOMER) -> Grant:
    return await exchange(store, settings, (await own_token(store, settings, number)).access_token, account_id)


async def behind(store: Store, settings: SignInSettings, grant: Grant) -> Caller:
    return await caller_of(store, settings.tokens.verify(grant.access_token))


async def refused(store: Store, settings: SignInSettings, token: str, account_id: int) -> SignInError:
    with pytest.raises(SignInError) as error:
        await exchange(store, settings, token, account_id)
    return error.value


async def test_a_vendor_works_in_an_account_below_as_its_administrator(store: Store, settings: SignInSettings) -> None:
    caller = await behind(store, settings, await acting(store, settings))

    assert (caller.path, caller.reach) == (path_of(CUSTOMER), Reach.OWN)
    assert caller.privileges == ROLES[RoleCode.CUSTOMER_FULL_ACCESS]
    assert (caller.user_id, caller.client_id) == (None, None)
    assert caller.actor is not None
    assert (caller.actor.user_id, caller.actor.path) == (BOSS, path_of(RESELLER))


async def test_never_more_than_ones_own_nor_than_the_administrators(store: Store, settings: SignInSettings) -> None:
    support = await behind(store, settings, await acting(store, settings, SUPPORT))
    staff = await behind(store, settings, await acting(store, settings, STAFF, RESELLER))

    assert support.privileges == ROLES[RoleCode.SUPPORT_ENGINEER] & ROLES[RoleCode.CUSTOMER_FULL_ACCESS]
    assert staff.privileges == FITS["RESELLER"]
    assert (staff.reach, staff.may(Privilege.CATALOGUE_MANAGE)) == (Reach.SUBTREE, False)


async def test_what_is_taken_from_the_actor_is_taken_there_too(store: Store, settings: SignInSettings) -> None:
    grant = await acting(store, settings)
    await keep(store, UserDenial(user_id=BOSS, privilege="orders:place", **owner(RESELLER)))

    assert not (await behind(store, settings, grant)).may(Privilege.ORDERS_PLACE)


async def test_hidden_absent_own_and_above_are_refused_alike(store: Store, settings: SignInSettings) -> None:
    token = (await own_token(store, settings, BOSS)).access_token

    errors = [await refused(store, settings, token, account) for account in (SIBLING, 999, 0, RESELLER, PROVIDER)]

    assert {(error.error, error.description) for error in errors} == {
        (Refusal.INVALID_TARGET, "There is no such account below yours.")
    }


async def test_it_is_not_nested(store: Store, settings: SignInSettings) -> None:
    grant = await acting(store, settings, STAFF, RESELLER)

    assert grant.refresh_token is None
    error = await refused(store, settings, grant.access_token, CUSTOMER)
    assert error.error == Refusal.INVALID_GRANT


async def test_only_users_with_the_privilege_do_so(store: Store, settings: SignInSettings) -> None:
    await keep_client(store, 80, RESELLER, '["accounts:act-as", "accounts:view"]')
    client = await sign_in.sign_in_with_client_secret(store, settings, "client-80", PASSWORD, HOME)
    service = await own_token(store, settings, SERVICE)
    await keep_user(store, 81, RESELLER, RoleCode.ACCOUNTANT)
    accountant = await own_token(store, settings, 81)

    for grant in (client, service, accountant):
        assert (await refused(store, settings, grant.access_token, CUSTOMER)).error == Refusal.INVALID_GRANT
    assert (await refused(store, settings, "nonsense", CUSTOMER)).error == Refusal.INVALID_GRANT


async def test_it_lasts_an_hour_and_no_longer(
    store: Store, settings: SignInSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = await acting(store, settings)
    claims = settings.tokens.verify(grant.access_token)

    assert grant.expires_in == 3600
    assert claims.expires_at <= time.time() + 3600
    later = time.time() + 3700
    monkeypatch.setattr("jwt.api_jwt.datetime", _Late(later))
    with pytest.raises(UnauthenticatedError, match="expired"):
        settings.tokens.verify(grant.access_token)


class _Late:
    """Stands for `datetime`, as far as a token's expiry is looked at."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def now(self, **_: Any) -> Any:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self._seconds, UTC)


@pytest.mark.parametrize(
    "sql",
    [
        f"UPDATE app_user SET status = 'DEACTIVATED' WHERE id = {BOSS}",
        f"UPDATE user_role SET role_code = 'ACCOUNTANT' WHERE user_id = {BOSS}",
        f"DELETE FROM user_role WHERE user_id = {BOSS}",
        f"UPDATE account SET status = 'ADMIN_HOLD' WHERE id = {RESELLER}",
        f"UPDATE account SET status = 'ADMIN_HOLD' WHERE id = {CUSTOMER}",
        f"UPDATE account SET path = '{path_of(SIBLING)}00000c' WHERE id = {CUSTOMER}",
        "UPDATE refresh_token SET revoked_at = '2026-01-01T00:00:00.000Z'",
    ],
)
async def test_it_ends_when_either_side_does_not_allow_it_any_more(
    sql: str, store: Store, settings: SignInSettings
) -> None:
    grant = await acting(store, settings)
    await behind(store, settings, grant)
    await change(store, sql)

    with pytest.raises(UnauthenticatedError):
        await behind(store, settings, grant)


@pytest.mark.parametrize("status", [AccountStatus.PENDING, AccountStatus.ADMIN_HOLD, AccountStatus.CANCELLED])
async def test_an_account_that_lets_nobody_in_lets_its_vendor_in_neither(
    status: AccountStatus, store: Store, settings: SignInSettings
) -> None:
    await change(store, f"UPDATE account SET status = '{status}' WHERE id = {CUSTOMER}")
    token = (await own_token(store, settings, BOSS)).access_token

    assert (await refused(store, settings, token, CUSTOMER)).error == Refusal.INVALID_TARGET


async def test_it_is_recorded_with_both_names(store: Store, settings: SignInSettings) -> None:
    caller = await behind(store, settings, await acting(store, settings))
    version = (await rows_of(store, f"SELECT version FROM account WHERE id = {CUSTOMER}"))[0][0]

    payload = await Requests(store)(caller, "userUpdate", user=f"usr_{ADMIN}", expectedVersion=1, language="de")

    assert codes(payload) == []
    assert version == (await rows_of(store, f"SELECT version FROM account WHERE id = {CUSTOMER}"))[0][0]
    for operation in ("actAs", "userUpdate"):
        row = (await logged(store, operation))[-1]
        assert (row.actor_user_id, row.actor_name, row.actor_path) == (BOSS, "Ada Byron", path_of(RESELLER))
        assert (row.acting_path, row.path) == (path_of(CUSTOMER), path_of(CUSTOMER))


async def test_keys_of_the_same_user_acting_and_not_are_two(store: Store, settings: SignInSettings) -> None:
    grant = await acting(store, settings)
    as_customer = await behind(store, settings, grant)
    itself = await behind(store, settings, await own_token(store, settings, BOSS))
    given = {"user": f"usr_{ADMIN}", "language": "de", "key": "the same key"}

    first = await Requests(store)(itself, "userUpdate", expectedVersion=1, **given)
    second = await Requests(store)(as_customer, "userUpdate", expectedVersion=2, **given)

    assert (codes(first), codes(second)) == ([], [])


async def test_who_was_deactivated_a_moment_ago_changes_nothing(store: Store, settings: SignInSettings) -> None:
    caller = await behind(store, settings, await acting(store, settings))
    await change(store, f"UPDATE app_user SET status = 'DEACTIVATED' WHERE id = {BOSS}")

    refusal = await Requests(store)(caller, "userUpdate", user=f"usr_{ADMIN}", expectedVersion=1, language="de")

    assert refusal == "UNAUTHENTICATED"


async def test_who_acts_as_another_is_no_user_there(store: Store, settings: SignInSettings) -> None:
    caller = await behind(store, settings, await acting(store, settings))
    query = "{ viewer { user { id } account { id } actingAs { id } actor { name accountName } } }"

    answer = await ask(store, caller, query)

    assert answer.data["viewer"] == {
        "user": None,
        "account": {"id": f"acc_{CUSTOMER}"},
        "actingAs": {"id": f"acc_{CUSTOMER}"},
        "actor": {"name": "Ada Byron", "accountName": "Account 2"},
    }
    own = await ask(store, await behind(store, settings, await own_token(store, settings, BOSS)), query)
    assert (own.data["viewer"]["actingAs"], own.data["viewer"]["actor"]) == (None, None)
    changed = await Requests(store, sign_in=settings)(caller, "userPasswordChange", old=PASSWORD, new="a new password")
    assert changed == "FORBIDDEN"


async def test_a_token_is_of_use_only_as_it_was_signed(store: Store, settings: SignInSettings) -> None:
    claims = settings.tokens.verify((await acting(store, settings)).access_token)

    assert (claims.subject.id, claims.account_id, claims.home_id) == (BOSS, CUSTOMER, RESELLER)
    assert claims.family
