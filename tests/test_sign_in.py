"""Signing in, staying signed in, signing out: who gets a grant, who has to wait, what is left behind."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher

from models import AccountStatus, RoleCode, SubjectType, UserStatus
from models.statement import Statement
from models.store import Store, open_store
from resolvers import refresh_tokens, sign_in
from resolvers.errors import UnavailableError
from resolvers.identity import caller_of
from resolvers.keys import KeyRing
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.passwords import HashSettings, Passwords
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Limit, Throttle, ThrottleSettings, network
from resolvers.tokens import AccessTokens, Subject
from tests.conftest import migrated_template
from tests.databases import Databases
from tests.people import (
    CHEAP,
    CUSTOMER,
    PASSWORD,
    RESELLER,
    Clock,
    change,
    keep_client,
    keep_user,
    rows_of,
    start_afresh,
)

USER, CLIENT = 70, 80
LOGIN, CLIENT_ID = f"user{USER}@example.com", f"client-{CLIENT}"
HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"
KEYS = KeyRing([b"k" * 32])


@pytest.fixture(scope="module")
async def shared(databases: Databases) -> AsyncIterator[Store]:
    """One database for the module, emptied for each test: making one for each would take most of the time."""
    with databases.copied(migrated_template(databases)) as url:
        store = open_store(url)
        yield store
        await store.close()


@pytest.fixture
async def store(shared: Store) -> Store:
    await start_afresh(shared)
    await keep_user(shared, USER, RESELLER, RoleCode.ACCOUNTANT)
    await keep_client(shared, CLIENT, RESELLER)
    return shared


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(clock: Clock) -> SignInSettings:
    return make_settings(clock)


def make_settings(
    clock: Clock, hashing: HashSettings = CHEAP, throttling: ThrottleSettings | None = None
) -> SignInSettings:
    return SignInSettings(
        AccessTokens(KEYS),
        Passwords(hashing),
        Throttle(throttling or ThrottleSettings(), KEYS.source_key(), clock.sleep),
        clock=clock,
    )


@dataclass
class Work:
    """What has been done for an answer: the hashes verified, and the statements with their transactions."""

    verified: int = 0
    statements: list[str] = field(default_factory=list)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    work = Work()
    verify = PasswordHasher.verify

    def counted(*arguments: Any) -> Any:
        work.verified += 1
        return verify(*arguments)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    return work


@dataclass
class Watched:
    """A store that notes the statements it is sent."""

    store: Store
    work: Work

    @asynccontextmanager
    async def unfiltered(self, reason: str, *, write: bool = False) -> AsyncIterator[Any]:
        async with self.store.unfiltered(reason, write=write) as db:
            self.work.statements.append(f"begin {write=}")
            rows, execute = db.rows, db.execute

            def watched(run: Callable[..., Any]) -> Callable[..., Any]:
                async def noted(statement: Statement, parameters: Any = None) -> Any:
                    self.work.statements.append(statement.text("sqlite")[0])
                    return await run(statement, parameters)

                return noted

            db.rows, db.execute = watched(rows), watched(execute)  # type: ignore[method-assign]  # noted, else the same
            yield db
        self.work.statements.append("end")


async def refusal_of(attempt: Coroutine[Any, Any, Grant]) -> SignInError:
    with pytest.raises(SignInError) as refusal:
        await attempt
    return refusal.value


async def password(
    store: Any, settings: SignInSettings, secret: str = PASSWORD, login: str = LOGIN, address: str = HOME
) -> Grant:
    return await sign_in.sign_in_with_password(store, settings, login, secret, address)


async def client_secret(
    store: Any, settings: SignInSettings, secret: str = PASSWORD, client_id: str = CLIENT_ID, address: str = HOME
) -> Grant:
    return await sign_in.sign_in_with_client_secret(store, settings, client_id, secret, address)


async def fail(store: Store, settings: SignInSettings, times: int, **who: str) -> list[SignInError]:
    return [await refusal_of(password(store, settings, "wrong", **who)) for _ in range(times)]


async def kept_signed_in(store: Store, settings: SignInSettings) -> str:
    token = (await password(store, settings)).refresh_token
    assert token is not None
    return token


async def refreshed(store: Store, settings: SignInSettings, token: str) -> str:
    fresh = (await sign_in.refresh(store, settings, token)).refresh_token
    assert fresh is not None
    return fresh


# Who gets a grant


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


# How secrets are kept


async def test_a_hash_made_with_other_parameters_is_renewed_when_its_secret_comes_by(
    store: Store, clock: Clock
) -> None:
    stored = f"SELECT secret_hash FROM credential WHERE subject_type = 'USER' AND subject_id = {USER}"
    harder = make_settings(clock, replace(CHEAP, passes=2))

    await refusal_of(password(store, harder, "wrong"))
    assert "t=1" in (await rows_of(store, stored))[0][0]
    await password(store, harder)
    renewed = await rows_of(store, stored)
    assert "t=2" in renewed[0][0]
    await password(store, harder)
    assert await rows_of(store, stored) == renewed


async def test_secrets_are_hashed_as_the_settings_say() -> None:
    assert Passwords(HashSettings()).hash(PASSWORD).startswith("$argon2id$v=19$m=47104,t=1,p=1$")


async def test_a_flood_of_sign_ins_is_turned_away(store: Store, clock: Clock) -> None:
    settings = make_settings(clock, replace(CHEAP, at_once=1, waiting=0))

    async with asyncio.timeout(5), settings.passwords.turn():
        with pytest.raises(UnavailableError):
            await password(store, settings)

    assert (await password(store, settings)).access_token


async def test_those_who_wait_have_their_turn_and_those_who_leave_give_up_their_place() -> None:
    passwords = Passwords(replace(CHEAP, at_once=1, waiting=2))

    async def work() -> bool:
        async with passwords.turn():
            return await passwords.verify(PASSWORD.encode(), passwords.hash(PASSWORD))

    async with asyncio.timeout(5), passwords.turn():
        stays, leaves = asyncio.ensure_future(work()), asyncio.ensure_future(work())
        await asyncio.sleep(0)
        with pytest.raises(UnavailableError):
            await work()
        leaves.cancel()
        await asyncio.wait([leaves])
        later = asyncio.ensure_future(work())

    assert list(await asyncio.gather(stays, later)) == [True, True]


# Who has to wait


async def test_failures_slow_the_next_attempts_and_then_stop_them(
    store: Store, settings: SignInSettings, clock: Clock, work: Work
) -> None:
    errors = [error.error for error in await fail(store, settings, 10)]

    assert errors == [Refusal.INVALID_GRANT] * 10
    assert clock.slept == [0.5, 1, 2, 4, 4, 4, 4]
    work.verified, work.statements = 0, []
    refusal = await refusal_of(password(Watched(store, work), settings))
    assert (refusal.error, refusal.retry_after) == (Refusal.SLOW_DOWN, 15 * 60)
    assert work.verified == 0
    assert "write=True" not in str(work.statements)


async def test_unknown_names_are_slowed_and_stopped_like_known_ones(
    store: Store, settings: SignInSettings, clock: Clock
) -> None:
    await fail(store, settings, 10, login="nobody@example.com")

    assert clock.slept == [0.5, 1, 2, 4, 4, 4, 4]
    assert (await fail(store, settings, 1, login="nobody@example.com"))[0].retry_after == 15 * 60


async def test_a_victim_is_not_locked_out_by_name(store: Store, settings: SignInSettings, clock: Clock) -> None:
    await fail(store, settings, 11, address=ELSEWHERE)
    clock.slept.clear()

    assert (await password(store, settings, address=HOME)).access_token
    assert clock.slept == []
    assert (await refusal_of(password(store, settings, address=ELSEWHERE))).error == Refusal.SLOW_DOWN
    assert (await client_secret(store, settings, address=ELSEWHERE)).access_token
    of_same_name = await refusal_of(client_secret(store, settings, client_id=LOGIN, address=ELSEWHERE))
    assert of_same_name.error == Refusal.INVALID_CLIENT


async def test_an_address_that_tries_many_names_is_slowed_and_stopped(store: Store, clock: Clock) -> None:
    limit = Limit(free=5, refused=8, drain=timedelta(seconds=36))
    settings = make_settings(clock, throttling=ThrottleSettings(address=limit))

    refusals = [(await fail(store, settings, 1, login=f"{number}@example.com"))[0] for number in range(9)]

    assert Counter(refusal.error for refusal in refusals) == {Refusal.INVALID_GRANT: 8, Refusal.SLOW_DOWN: 1}
    assert clock.slept == [0.5, 1, 2]
    assert (await refusal_of(client_secret(store, settings))).retry_after == 36
    assert (await password(store, settings, address=ELSEWHERE)).access_token


async def test_the_addresses_of_one_network_are_one(store: Store, settings: SignInSettings) -> None:
    for number in range(10):
        await fail(store, settings, 1, address=f"2001:db8:0:1::{number:x}")

    assert (await refusal_of(password(store, settings, address="2001:db8:0:1:ffff::"))).error == Refusal.SLOW_DOWN
    assert (await password(store, settings, address="2001:db8:0:2::1")).access_token


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("testclient", "unknown"),
        ("192.0.2.7\nforged", "unknown"),
    ],
)
def test_what_one_party_holds_is_one_source(address: str, expected: str) -> None:
    assert network(address) == expected


async def test_a_success_forgives_the_name_but_not_the_address(store: Store, clock: Clock) -> None:
    limit = Limit(free=100, refused=16, drain=timedelta(seconds=36))
    settings = make_settings(clock, throttling=ThrottleSettings(address=limit))

    await fail(store, settings, 8)
    await password(store, settings)
    clock.slept.clear()
    await fail(store, settings, 3)
    assert clock.slept == []
    await fail(store, settings, 5)

    assert (await refusal_of(password(store, settings, login="other@example.com"))).error == Refusal.SLOW_DOWN


async def test_failures_are_forgotten_one_at_a_time(store: Store, settings: SignInSettings, clock: Clock) -> None:
    await fail(store, settings, 10)

    clock.forward(minutes=14, seconds=59, milliseconds=500)
    assert (await refusal_of(password(store, settings))).retry_after == 1
    clock.forward(milliseconds=500)
    assert [error.error for error in await fail(store, settings, 2)] == [Refusal.INVALID_GRANT, Refusal.SLOW_DOWN]
    clock.forward(minutes=45)
    assert [error.error for error in await fail(store, settings, 4)] == [Refusal.INVALID_GRANT] * 3 + [
        Refusal.SLOW_DOWN
    ]
    clock.forward(hours=2, minutes=30)
    clock.slept.clear()
    assert (await password(store, settings)).access_token
    assert clock.slept == []


async def test_counts_that_have_drained_are_removed(store: Store, settings: SignInSettings, clock: Clock) -> None:
    await fail(store, settings, 2, login="nobody@example.com", address=ELSEWHERE)
    clock.forward(hours=2)
    await fail(store, settings, 1, login="other@example.com", address=ELSEWHERE)
    assert len(await rows_of(store, "SELECT 1 FROM sign_in_failure")) == 3

    clock.forward(hours=22, minutes=31)
    await password(store, settings)

    assert len(await rows_of(store, "SELECT 1 FROM sign_in_failure")) == 2


async def test_a_restart_and_another_process_make_no_difference(
    store: Store, settings: SignInSettings, clock: Clock
) -> None:
    await fail(store, settings, 10)

    other = open_store(store.url)
    refusal = await refusal_of(password(other, make_settings(clock)))
    await other.close()

    assert refusal.error == Refusal.SLOW_DOWN


async def test_guesses_made_all_at_once_are_counted_all_the_same(store: Store, clock: Clock, work: Work) -> None:
    settings = make_settings(clock)

    refusals = await asyncio.gather(*(refusal_of(password(store, settings, "wrong")) for _ in range(40)))

    assert work.verified <= 10 + CHEAP.at_once
    assert Counter(refusal.error for refusal in refusals)[Refusal.SLOW_DOWN] == 40 - work.verified
    assert max(row[0] for row in await rows_of(store, "SELECT failures FROM sign_in_failure")) == work.verified


async def test_right_secrets_that_come_all_at_once_are_all_let_in(store: Store, settings: SignInSettings) -> None:
    grants = await asyncio.gather(*(client_secret(store, settings) for _ in range(30)))

    assert len({grant.access_token for grant in grants}) == 30


async def test_only_so_many_wait_at_the_same_time(store: Store, clock: Clock) -> None:
    settings = make_settings(clock, throttling=ThrottleSettings(waiting=1))
    await fail(store, settings, 3)
    asleep, wake = asyncio.Event(), asyncio.Event()

    async def sleep(_seconds: float) -> None:
        asleep.set()
        await wake.wait()

    slow = replace(settings, throttle=Throttle(ThrottleSettings(waiting=1), KEYS.source_key(), sleep))
    waits = asyncio.ensure_future(password(store, slow))
    async with asyncio.timeout(5):
        await asleep.wait()
        refusal = await refusal_of(password(store, slow))
    wake.set()

    assert (refusal.error, refusal.retry_after) == (Refusal.SLOW_DOWN, 1)
    assert (await waits).access_token


# Staying signed in


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
    for word in (PASSWORD, wrong, LOGIN, grant.access_token, grant.refresh_token, again.refresh_token, "k" * 32):
        assert word not in shown
    assert HOME not in str(tables)


async def test_it_is_logged_who_signed_in_from_where(
    store: Store, settings: SignInSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await password(store, settings)
    await refusal_of(password(store, settings, "wrong"))
    await refusal_of(password(store, settings, "wrong", "nobody", "192.0.2.7\nforged: line"))

    assert [record.message for record in caplog.records if record.name == "canopy.sign_in"] == [
        "signed in: user:70 from 192.0.2.1",
        "sign-in refused: wrong secret for user:70 from 192.0.2.1",
        "sign-in refused: wrong secret for nobody from unknown",
    ]
