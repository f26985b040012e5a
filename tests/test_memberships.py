"""One person, several accounts: a user in each, with roles in each, working in one at a time."""

import pytest

from models import AccountStatus, RoleCode, UserStatus
from models.check import check
from models.store import Store
from resolvers import sign_in
from resolvers.identity import caller_of
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.privileges import Privilege
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
    keep_membership,
    keep_user,
)
from tests.user_requests import Requests, caller, make_settings

FIRST, SECOND, THIRD = 70, 71, 72
LOGIN = f"user{FIRST}@example.com"
HOME = "192.0.2.1"


@pytest.fixture
async def store(few_accounts: Store) -> Store:
    await keep_user(few_accounts, FIRST, RESELLER, RoleCode.RESELLER_FULL_ACCESS)
    await keep_membership(few_accounts, SECOND, FIRST, SIBLING, RoleCode.ACCOUNTANT)
    await keep_user(few_accounts, THIRD, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    return few_accounts


@pytest.fixture
def settings() -> SignInSettings:
    return make_settings(Clock())


async def signed_in(store: Store, settings: SignInSettings, account_id: int | None = None) -> Grant:
    return await sign_in.sign_in_with_password(store, settings, LOGIN, PASSWORD, HOME, account_id)


def place(settings: SignInSettings, grant: Grant) -> tuple[int, int]:
    claims = settings.tokens.verify(grant.access_token)
    return claims.subject.id, claims.account_id


async def test_one_password_opens_each_account_with_what_one_may_do_there(
    store: Store, settings: SignInSettings
) -> None:
    in_own, in_sibling = await signed_in(store, settings, RESELLER), await signed_in(store, settings, SIBLING)

    assert [place(settings, grant) for grant in (in_own, in_sibling)] == [(FIRST, RESELLER), (SECOND, SIBLING)]
    callers = [await caller_of(store, settings.tokens.verify(grant.access_token)) for grant in (in_own, in_sibling)]
    assert [caller.may(Privilege.USERS_MANAGE) for caller in callers] == [True, False]
    assert [caller.account_id for caller in callers] == [RESELLER, SIBLING]


async def test_the_accounts_are_told_to_who_has_several(store: Store, settings: SignInSettings) -> None:
    assert sorted((await signed_in(store, settings)).accounts) == [(RESELLER, "Account 2"), (SIBLING, "Account 4")]
    of_one = await sign_in.sign_in_with_password(store, settings, f"user{THIRD}@example.com", PASSWORD, HOME)
    assert of_one.accounts == ()


async def test_the_viewer_is_told_where_they_may_work(store: Store, settings: SignInSettings) -> None:
    document = "{ viewer { account { id } memberships { account { id name } isCurrent } } }"
    ((of_first, here), (of_second, there)) = ((f"acc_{RESELLER}", "Account 2"), (f"acc_{SIBLING}", "Account 4"))
    await keep_user(store, 73, RESELLER, RoleCode.RESELLER_FULL_ACCESS)

    for account_id in (RESELLER, SIBLING):
        claims = settings.tokens.verify((await signed_in(store, settings, account_id)).access_token)
        answer = await ask(store, await caller_of(store, claims), document)
        assert answer.errors == []
        assert answer.data["viewer"]["memberships"] == [
            {"account": {"id": of_first, "name": here}, "isCurrent": account_id == RESELLER},
            {"account": {"id": of_second, "name": there}, "isCurrent": account_id == SIBLING},
        ]
    await change(store, f"UPDATE account SET status = '{AccountStatus.ADMIN_HOLD}' WHERE id = {SIBLING}")
    assert (await caller(store, FIRST, RESELLER)).memberships == ((RESELLER, here),)
    await change(store, f"UPDATE account SET status = '{AccountStatus.ACTIVE}' WHERE id = {SIBLING}")
    await change(store, f"UPDATE app_user SET status = '{UserStatus.DEACTIVATED}' WHERE id = {SECOND}")
    assert (await caller(store, FIRST, RESELLER)).memberships == ((RESELLER, here),)
    assert (await caller(store, THIRD, CUSTOMER)).memberships == ((CUSTOMER, f"Account {CUSTOMER}"),)


async def test_one_comes_back_where_one_last_worked(store: Store, settings: SignInSettings) -> None:
    assert place(settings, await signed_in(store, settings)) == (FIRST, RESELLER)
    await signed_in(store, settings, SIBLING)
    assert place(settings, await signed_in(store, settings)) == (SECOND, SIBLING)


async def test_where_one_can_not_come_in_one_is_not_sent(store: Store, settings: SignInSettings) -> None:
    await signed_in(store, settings, SIBLING)
    await change(store, f"UPDATE account SET status = '{AccountStatus.ADMIN_HOLD}' WHERE id = {SIBLING}")

    assert place(settings, await signed_in(store, settings)) == (FIRST, RESELLER)
    with pytest.raises(SignInError, match="administrative hold"):
        await signed_in(store, settings, SIBLING)


@pytest.mark.parametrize("account_id", [CUSTOMER, PROVIDER, 999, 0])
async def test_a_password_opens_no_account_of_others(account_id: int, store: Store, settings: SignInSettings) -> None:
    with pytest.raises(SignInError) as refused:
        await signed_in(store, settings, account_id)

    assert (refused.value.error, refused.value.description) == (
        Refusal.INVALID_TARGET,
        "You are no user of that account.",
    )


async def test_which_accounts_a_login_has_is_told_to_nobody_without_its_password(
    store: Store, settings: SignInSettings
) -> None:
    seen = set()
    for account_id in (RESELLER, CUSTOMER, 999):
        with pytest.raises(SignInError) as refused:
            await sign_in.sign_in_with_password(store, settings, LOGIN, "wrong password", HOME, account_id)
        seen.add((refused.value.error, refused.value.description))

    assert len(seen) == 1


async def test_one_changes_to_another_account_and_back(store: Store, settings: SignInSettings) -> None:
    grant = await signed_in(store, settings, RESELLER)
    for account_id, user_id in ((SIBLING, SECOND), (RESELLER, FIRST)):
        grant = await sign_in.refresh(store, settings, grant.refresh_token or "", account_id)
        assert place(settings, grant) == (user_id, account_id)

    same = await sign_in.refresh(store, settings, grant.refresh_token or "")
    assert place(settings, same) == (FIRST, RESELLER)


async def test_who_asks_for_an_account_of_others_keeps_the_refresh_token(
    store: Store, settings: SignInSettings
) -> None:
    grant = await signed_in(store, settings)

    with pytest.raises(SignInError) as refused:
        await sign_in.refresh(store, settings, grant.refresh_token or "", CUSTOMER)

    assert refused.value.error == Refusal.INVALID_TARGET
    assert (await sign_in.refresh(store, settings, grant.refresh_token or "")).access_token


async def test_who_is_deactivated_in_one_account_goes_on_in_the_others(store: Store, settings: SignInSettings) -> None:
    here, there = await signed_in(store, settings, RESELLER), await signed_in(store, settings, SIBLING)
    await keep_user(store, 80, PROVIDER, RoleCode.PROVIDER_FULL_ACCESS)
    provider = await caller(store, 80, PROVIDER)

    out = await Requests(store)(provider, "userDeactivate", user=f"usr_{SECOND}", expectedVersion=1)

    assert out["user"]["status"] == UserStatus.DEACTIVATED
    with pytest.raises(SignInError):
        await sign_in.refresh(store, settings, there.refresh_token or "")
    assert (await sign_in.refresh(store, settings, here.refresh_token or "")).access_token


async def test_a_person_is_one_row_however_many_accounts(store: Store) -> None:
    wrong = {finding.what for finding in await check(store)}

    assert "users whose login is no person's" not in wrong
    await change(store, f"DELETE FROM identity WHERE id = {THIRD}")
    assert "users whose login is no person's" in {finding.what for finding in await check(store)}
