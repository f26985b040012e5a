"""Staying signed in, and signing out."""

import asyncio
from typing import Any

import pytest

from models import SubjectType
from models.store import Store, open_store
from resolvers import refresh_tokens, sign_in
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.sign_in import SignInSettings
from resolvers.tokens import Subject
from tests.people import CUSTOMER, Clock, change, rows_of
from tests.signing_in import USER, Watched, Work, kept_signed_in, refreshed, refusal_of


async def test_each_refresh_gives_the_next_token(store: Store, settings: SignInSettings) -> None:
    tokens = [await kept_signed_in(store, settings)]
    for _ in range(3):
        tokens.append(await refreshed(store, settings, tokens[-1]))

    assert len(set(tokens)) == 4
    grant = await sign_in.refresh(store, settings, tokens[-1])
    assert settings.tokens.verify(grant.access_token).subject == Subject(SubjectType.USER, USER)
    assert grant.expires_in == 15 * 60


async def test_a_token_that_comes_twice_ends_its_family_and_no_other(store: Store, settings: SignInSettings) -> None:
    other = await kept_signed_in(store, settings)
    first = await kept_signed_in(store, settings)
    second = await refreshed(store, settings, first)
    third = await refreshed(store, settings, second)

    assert (await refusal_of(sign_in.refresh(store, settings, first))).error == Refusal.INVALID_GRANT
    assert (await refusal_of(sign_in.refresh(store, settings, third))).error == Refusal.INVALID_GRANT
    assert await refreshed(store, settings, other)


async def test_of_refreshes_that_come_at_once_exactly_one_wins(store: Store, settings: SignInSettings) -> None:
    other = open_store(store.url)
    for _ in range(5):
        token = await kept_signed_in(store, settings)
        answers = await asyncio.gather(
            *(sign_in.refresh(each, settings, token) for each in (store, other, store, other)), return_exceptions=True
        )

        refusals = [answer for answer in answers if isinstance(answer, SignInError)]
        winners = [answer for answer in answers if isinstance(answer, Grant)]
        assert (len(winners), len(refusals)) == (1, 3)
        assert winners[0].refresh_token is not None
        # The others were a second use, so what the winner got is void too.
        await refusal_of(sign_in.refresh(store, settings, winners[0].refresh_token))
    await other.close()


async def test_a_family_ends_even_while_its_next_token_is_being_given_out(
    store: Store, settings: SignInSettings, clock: Clock
) -> None:
    first = await kept_signed_in(store, settings)
    second = await refreshed(store, settings, first)

    async with store.unfiltered("a refresh that is under way", write=True) as db:
        known = await refresh_tokens.find(db, second)
        assert known is not None
        third = await refresh_tokens.use(db, known, settings.refresh, clock())
        reuse = asyncio.ensure_future(refusal_of(sign_in.refresh(store, settings, first)))
        await asyncio.sleep(0.1)
    await reuse

    assert third is not None
    assert (await refusal_of(sign_in.refresh(store, settings, third.token))).error == Refusal.INVALID_GRANT


async def test_who_stays_away_too_long_is_signed_out(store: Store, settings: SignInSettings, clock: Clock) -> None:
    token = await kept_signed_in(store, settings)
    clock.forward(days=13, hours=23)
    token = await refreshed(store, settings, token)
    clock.forward(days=14)

    assert "expired" in (await refusal_of(sign_in.refresh(store, settings, token))).description


async def test_nobody_stays_for_ever(store: Store, settings: SignInSettings, clock: Clock) -> None:
    token = await kept_signed_in(store, settings)
    for _ in range(29):
        clock.forward(days=1)
        token = await refreshed(store, settings, token)
    clock.forward(days=1)

    assert "expired" in (await refusal_of(sign_in.refresh(store, settings, token))).description


async def test_families_that_have_expired_are_removed(store: Store, settings: SignInSettings, clock: Clock) -> None:
    await refreshed(store, settings, await kept_signed_in(store, settings))
    assert len(await rows_of(store, "SELECT 1 FROM refresh_token")) == 2

    clock.forward(days=31)
    await kept_signed_in(store, settings)

    assert len(await rows_of(store, "SELECT 1 FROM refresh_token")) == 1


@pytest.mark.parametrize(
    "change_",
    [
        "UPDATE app_user SET status = 'DEACTIVATED'",
        "UPDATE account SET status = 'ADMIN_HOLD' WHERE id = 2",
        "DELETE FROM user_role; DELETE FROM app_user",
    ],
)
async def test_who_may_not_come_in_any_more_does_not_stay_either(
    change_: str, store: Store, settings: SignInSettings
) -> None:
    token = await kept_signed_in(store, settings)
    for sql in change_.split(";"):
        await change(store, sql)

    assert (await refusal_of(sign_in.refresh(store, settings, token))).error == Refusal.INVALID_GRANT
    assert await rows_of(store, "SELECT 1 FROM refresh_token WHERE revoked_at IS NULL") == []


async def test_a_user_who_moved_gets_tokens_for_the_new_account(store: Store, settings: SignInSettings) -> None:
    token = await kept_signed_in(store, settings)
    await change(store, f"UPDATE app_user SET account_id = {CUSTOMER}")

    grant = await sign_in.refresh(store, settings, token)

    assert settings.tokens.verify(grant.access_token).account_id == CUSTOMER


async def test_signing_out_ends_the_family(store: Store, settings: SignInSettings) -> None:
    first = await kept_signed_in(store, settings)
    second = await refreshed(store, settings, first)

    await sign_in.revoke(store, settings, second)
    await sign_in.revoke(store, settings, second)

    assert (await refusal_of(sign_in.refresh(store, settings, second))).error == Refusal.INVALID_GRANT


async def test_the_first_token_of_a_family_ends_it_as_well(store: Store, settings: SignInSettings) -> None:
    first = await kept_signed_in(store, settings)
    second = await refreshed(store, settings, first)

    await sign_in.revoke(store, settings, first)

    assert (await refusal_of(sign_in.refresh(store, settings, second))).error == Refusal.INVALID_GRANT


@pytest.mark.parametrize("token", ["", "x", "\0", "\ud800", "\u00e9" * 1000, "x" * 43])
async def test_a_token_that_was_never_given_out_is_refused_and_needs_no_signing_out(
    token: str, store: Store, settings: SignInSettings, work: Work
) -> None:
    await kept_signed_in(store, settings)
    watched: Any = Watched(store, work)

    assert (await refusal_of(sign_in.refresh(watched, settings, token))).error == Refusal.INVALID_GRANT
    await sign_in.revoke(watched, settings, token)

    assert "write=True" not in str(work.statements)
    assert await rows_of(store, "SELECT 1 FROM refresh_token WHERE revoked_at IS NOT NULL") == []
