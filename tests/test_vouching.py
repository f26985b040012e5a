"""Whoever an external issuer has signed in: where they go on, and of what they are told, as far as its word counts."""

from typing import Any

import pytest

from models import RoleCode
from models.base import now
from models.store import Store
from resolvers import issuers, sign_in, vouching
from resolvers.caller import Caller
from resolvers.errors import UnauthenticatedError
from resolvers.id_token import Vouched
from resolvers.identity import caller_of
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.sign_in import SignInSettings
from tests.people import CUSTOMER, RESELLER, SIBLING, Clock, change, keep_membership, keep_user
from tests.user_requests import caller, make_settings

FIRST, SECOND, THIRD = 70, 71, 72
LOGIN = f"user{FIRST}@example.com"
URL = "https://login.example.com"


@pytest.fixture
async def store(few_accounts: Store) -> Store:
    """A person with three accounts, of which an issuer may vouch for two."""
    await keep_user(few_accounts, FIRST, RESELLER, RoleCode.RESELLER_FULL_ACCESS)
    await keep_membership(few_accounts, SECOND, FIRST, SIBLING, RoleCode.ACCOUNTANT)
    await keep_membership(few_accounts, THIRD, FIRST, CUSTOMER, RoleCode.CUSTOMER_FULL_ACCESS)
    await issuers.add(few_accounts, URL, "us", RESELLER, now(), matches_email=True)
    return few_accounts


@pytest.fixture
def settings() -> SignInSettings:
    return make_settings(Clock())


async def admitted(store: Store, settings: SignInSettings, account_id: int | None = None, **how: Any) -> Grant:
    issuer = await issuers.by_url(store, URL)
    assert issuer is not None
    return await vouching.admit(store, settings, Vouched(issuer, "sub", LOGIN), account_id, **{"stays": True, **how})


async def behind(store: Store, settings: SignInSettings, grant: Grant) -> Caller:
    return await caller_of(store, settings.tokens.verify(grant.access_token))


def ids(told: tuple[tuple[int, str], ...]) -> list[int]:
    return [account_id for account_id, _ in told]


@pytest.mark.parametrize("stays", [True, False])
async def test_one_is_told_of_those_accounts_alone_for_which_the_issuer_may_vouch(
    store: Store, settings: SignInSettings, stays: bool
) -> None:
    grant = await admitted(store, settings, stays=stays)

    assert ids(grant.accounts) == [RESELLER, CUSTOMER]
    assert ids((await behind(store, settings, grant)).memberships) == [RESELLER, CUSTOMER]
    assert ids((await caller(store, FIRST, RESELLER)).memberships) == [RESELLER, CUSTOMER, SIBLING]
    assert (grant.refresh_token is not None) == stays


async def test_one_goes_on_into_those_accounts_alone(store: Store, settings: SignInSettings) -> None:
    grant = await admitted(store, settings)
    there = await sign_in.refresh(store, settings, grant.refresh_token or "", CUSTOMER)
    with pytest.raises(SignInError) as refused:
        await sign_in.refresh(store, settings, there.refresh_token or "", SIBLING)
    back = await sign_in.refresh(store, settings, there.refresh_token or "", RESELLER)

    assert refused.value.error == Refusal.INVALID_TARGET
    for each, account_id in ((there, CUSTOMER), (back, RESELLER)):
        who = await behind(store, settings, each)
        assert (who.account_id, ids(who.memberships)) == (account_id, [RESELLER, CUSTOMER])
        assert set(ids(each.accounts)) == {RESELLER, CUSTOMER}


async def test_where_the_issuer_has_no_say_nobody_comes_in(store: Store, settings: SignInSettings) -> None:
    with pytest.raises(SignInError) as refused:
        await admitted(store, settings, SIBLING)

    assert refused.value.error == Refusal.INVALID_TARGET


async def test_who_is_moved_out_of_the_issuers_reach_is_out(store: Store, settings: SignInSettings) -> None:
    grant = await admitted(store, settings, CUSTOMER)
    await change(store, f"UPDATE issuer SET account_id = {SIBLING}")

    with pytest.raises(UnauthenticatedError, match="no say here any more"):
        await behind(store, settings, grant)
    with pytest.raises(SignInError, match="no say any more"):
        await sign_in.refresh(store, settings, grant.refresh_token or "")
    await change(store, f"UPDATE issuer SET account_id = {RESELLER}")
    with pytest.raises(SignInError, match="used before"):  # it was revoked
        await sign_in.refresh(store, settings, grant.refresh_token or "")


async def test_a_token_without_an_issuer_says_nothing_of_one(store: Store, settings: SignInSettings) -> None:
    by_issuer = settings.tokens.verify((await admitted(store, settings)).access_token)
    by_itself = await sign_in.grant_to_operator(store, settings, LOGIN)

    assert by_issuer.issuer_id > 0
    assert settings.tokens.verify(by_itself.access_token).issuer_id == 0
