"""How secrets are kept."""

import asyncio
from dataclasses import replace

import pytest

from models.store import Store
from resolvers.errors import UnavailableError
from resolvers.passwords import HashSettings, Passwords
from tests.people import CHEAP, PASSWORD, Clock, rows_of
from tests.signing_in import USER, make_settings, password, refusal_of


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
