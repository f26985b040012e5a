"""Who gets a grant, and what is left behind."""

import logging
import re
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from models import AccountStatus, SubjectType, UserStatus
from models.store import Store
from resolvers import sign_in
from resolvers.identity import caller_of
from resolvers.oauth import Grant, Refusal
from resolvers.sign_in import SignInSettings
from resolvers.tokens import Subject
from tests.people import PASSWORD, RESELLER, change, keep_user, rows_of
from tests.signing_in import CLIENT, CLIENT_ID, HOME, LOGIN, USER, Watched, Work, client_secret, password, refusal_of


@pytest.mark.parametrize("login", [LOGIN, f" {LOGIN.upper()} "])
async def test_a_user_signs_in_with_login_and_password(login: str, store: Store, settings: SignInSettings) -> None:
    grant = await password(store, settings, login=login)

    claims = settings.tokens.verify(grant.access_token)
    assert (claims.subject, claims.account_id) == (Subject(SubjectType.USER, USER), RESELLER)
    assert grant.expires_in == 15 * 60
    assert grant.refresh_token is not None
    assert (await caller_of(store, claims)).user_id == USER


async def test_an_api_client_signs_in_with_its_secret_and_gets_no_refresh_token(
    store: Store, settings: SignInSettings
) -> None:
    grant = await client_secret(store, settings)

    claims = settings.tokens.verify(grant.access_token)
    assert (claims.subject, claims.account_id) == (Subject(SubjectType.API_CLIENT, CLIENT), RESELLER)
    assert grant.refresh_token is None


async def test_names_of_users_are_no_names_of_clients(store: Store, settings: SignInSettings) -> None:
    as_user = await refusal_of(password(store, settings, login=CLIENT_ID))
    as_client = await refusal_of(client_secret(store, settings, client_id=LOGIN))

    assert (as_user.error, as_client.error) == (Refusal.INVALID_GRANT, Refusal.INVALID_CLIENT)


async def test_a_password_is_the_same_from_every_keyboard(store: Store, settings: SignInSettings) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    login = await keep_user(store, 71, RESELLER, secret_hash=settings.passwords.hash(composed))

    assert (await password(store, settings, decomposed, login)).access_token


@pytest.mark.parametrize("sign", [password, client_secret])
async def test_the_unknown_and_the_wrong_get_the_same_answer_for_the_same_work(
    sign: Callable[..., Coroutine[Any, Any, Grant]], store: Store, settings: SignInSettings, work: Work
) -> None:
    await keep_user(store, 71, RESELLER, status=UserStatus.INVITED, secret_hash=None)
    names = [LOGIN, "nobody@example.com", "user71@example.com"] if sign is password else [CLIENT_ID, "nobody"]
    seen = []
    for name in names:
        work.verified, work.statements = 0, []
        refusal = await refusal_of(sign(Watched(store, work), settings, "wrong", name))
        seen.append((work.verified, work.statements, refusal.error, refusal.description, refusal.retry_after))

    assert all(each == seen[0] for each in seen)
    assert seen[0][0] == 1
    assert len(seen[0][1]) == 3 * 2 + 5


async def test_only_who_may_come_in_gets_a_grant(store: Store, settings: SignInSettings) -> None:
    for status in AccountStatus:
        await change(store, f"UPDATE account SET status = '{status}' WHERE id = {RESELLER}")
        for sign, error in ((password, Refusal.INVALID_GRANT), (client_secret, Refusal.INVALID_CLIENT)):
            if status in (AccountStatus.ACTIVE, AccountStatus.CREDIT_HOLD):
                assert (await sign(store, settings)).access_token
            else:
                assert (await refusal_of(sign(store, settings))).error == error


async def test_only_who_proves_the_password_learns_why_it_lets_nobody_in(
    store: Store, settings: SignInSettings
) -> None:
    await change(store, "UPDATE app_user SET status = 'DEACTIVATED'")
    await change(store, f"UPDATE api_client SET is_active = {'0' if store.engine == 'sqlite' else 'false'}")

    assert "not active" in (await refusal_of(password(store, settings))).description
    assert "not active" in (await refusal_of(client_secret(store, settings))).description
    assert "wrong" in (await refusal_of(password(store, settings, "wrong"))).description
    assert await rows_of(store, "SELECT 1 FROM refresh_token") == []


async def test_an_operator_gets_a_token_by_name_alone(store: Store, settings: SignInSettings) -> None:
    grant = await sign_in.grant_to_operator(store, settings, LOGIN.upper())

    assert settings.tokens.verify(grant.access_token).subject == Subject(SubjectType.USER, USER)
    assert grant.refresh_token is None
    await change(store, "UPDATE app_user SET status = 'DEACTIVATED'")
    assert "not active" in (await refusal_of(sign_in.grant_to_operator(store, settings, LOGIN))).description
    assert "Nobody" in (await refusal_of(sign_in.grant_to_operator(store, settings, "nobody"))).description


@pytest.mark.parametrize(
    ("login", "secret"),
    [
        ("", PASSWORD),
        ("x" * 321, PASSWORD),
        ("user\0@example.com", PASSWORD),
        ("user\ud800@example.com", PASSWORD),
        (LOGIN, "x" * 1025),
        (LOGIN, "\u00e9" * 513),
        (LOGIN, "x" * 10_000_000),
        (LOGIN, "\ud800"),
    ],
)
async def test_what_no_one_could_have_chosen_is_refused_before_any_work(
    login: str, secret: str, store: Store, settings: SignInSettings, work: Work
) -> None:
    refusal = await refusal_of(password(Watched(store, work), settings, secret, login))

    assert refusal.error == Refusal.INVALID_REQUEST
    assert (work.verified, work.statements) == (0, [])


async def test_the_longest_secret_and_an_odd_one_are_looked_at(store: Store, settings: SignInSettings) -> None:
    for secret in ("x" * 1024, "", "nul\0inside"):
        login = await keep_user(store, 100 + len(secret), RESELLER, secret_hash=settings.passwords.hash(secret))
        assert (await password(store, settings, secret, login)).access_token


# What is left behind


async def test_no_secret_and_no_name_is_logged_stored_or_shown(
    store: Store, settings: SignInSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "hunter2-wrong-secret"
    grant = await password(store, settings)
    assert grant.refresh_token is not None
    errors = [
        await refusal_of(password(store, settings, wrong)),
        await refusal_of(password(store, settings, wrong, wrong)),
        await refusal_of(client_secret(store, settings, wrong)),
    ]
    again = await sign_in.refresh(store, settings, grant.refresh_token)
    errors.append(await refusal_of(sign_in.refresh(store, settings, grant.refresh_token)))
    assert again.refresh_token is not None
    await sign_in.revoke(store, settings, again.refresh_token)

    tables = [await rows_of(store, f"SELECT * FROM {table}") for table in ("refresh_token", "sign_in_failure")]
    shown = f"{caplog.text} {tables} {grant!r} {again!r} {settings!r} {errors!r} {[str(error) for error in errors]}"
    for word in (PASSWORD, wrong, LOGIN, grant.access_token, grant.refresh_token, again.refresh_token, "k" * 32, HOME):
        assert word not in shown


async def test_it_is_logged_who_signed_in_and_what_came_from_one_place_but_not_from_which(
    store: Store, settings: SignInSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await password(store, settings)
    await refusal_of(password(store, settings, "wrong"))
    await refusal_of(password(store, settings, "wrong", "nobody", "192.0.2.7\nforged: line"))

    told = [record.message.split(" from ") for record in caplog.records if record.name == "canopy.sign_in"]
    assert [what for what, _ in told] == [
        "signed in: user:70",
        "sign-in refused: wrong secret for user:70",
        "sign-in refused: wrong secret for nobody",
    ]
    home, again, elsewhere = [place for _, place in told]
    assert home == again != elsewhere
    assert all(re.fullmatch("[0-9a-f]{10}", place) for place in (home, elsewhere))
