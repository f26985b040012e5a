"""Who has to wait before the next attempt."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from models.store import Store, open_store
from resolvers.oauth import Refusal
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Limit, Throttle, ThrottleSettings, network
from tests.people import CHEAP, Clock, rows_of
from tests.signing_in import (
    ELSEWHERE,
    HOME,
    KEYS,
    LOGIN,
    Watched,
    Work,
    client_secret,
    fail,
    make_settings,
    password,
    refusal_of,
)


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
