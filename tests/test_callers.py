"""Callers are remembered for a moment, and no longer."""

import asyncio
import time
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest

from models import SubjectType
from models.store import Store
from resolvers.callers import Callers
from resolvers.errors import UnauthenticatedError
from resolvers.identity import standing_by_name
from resolvers.key_file import write_secrets
from resolvers.keys import KeyRing
from resolvers.tokens import AccessTokens, Claims
from tests.hierarchy import build
from tests.people import change

OLD, NEW = b"o" * 32, b"n" * 32
TOKENS = AccessTokens(KeyRing([b"k" * 32]))
LOGIN = next(row["login"] for row in build()["app_user"])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def token_of(store: Store, family: str = "") -> str:
    async with store.unfiltered("a test signs in") as db:
        standing = await standing_by_name(db, SubjectType.USER, LOGIN)
    assert standing is not None
    return TOKENS.sign(standing.subject, standing.account_id, family)


async def deactivate(store: Store) -> None:
    async with store.unfiltered("a test deactivates a user", write=True) as db:
        await db.sql(f"UPDATE app_user SET status = 'DEACTIVATED' WHERE login = '{LOGIN}'")


async def sign_out(store: Store, family: str) -> None:
    """As `resolvers.refresh_tokens.revoke` leaves a family."""
    at = "'2026-01-01T00:00:00.000Z'"
    await change(
        store,
        "INSERT INTO refresh_token (token_hash, family, subject_type, subject_id, created_at, expires_at, revoked_at)"
        f" VALUES ('hash', '{family}', 'USER', 1, {at}, {at}, {at})",
    )


async def test_who_is_deactivated_goes_on_for_the_moment_and_no_longer(own_hierarchy: Store) -> None:
    clock = Clock()
    callers = Callers(own_hierarchy, TOKENS, 1.0, clock)
    token = await token_of(own_hierarchy)
    caller = await callers.behind(token)
    await deactivate(own_hierarchy)

    clock.now = 0.9
    assert await callers.behind(token) == caller
    clock.now = 1.0
    with pytest.raises(UnauthenticatedError):
        await callers.behind(token)


async def test_who_changes_things_is_looked_up_at_that_moment(own_hierarchy: Store) -> None:
    callers = Callers(own_hierarchy, TOKENS, 1e9)
    token = await token_of(own_hierarchy)
    await callers.behind(token)
    await deactivate(own_hierarchy)

    assert await callers.behind(token)
    with pytest.raises(UnauthenticatedError):
        await callers.behind(token, is_fresh=True)


async def test_who_signs_out_is_let_in_no_more_by_what_they_had(own_hierarchy: Store) -> None:
    clock = Clock()
    callers = Callers(own_hierarchy, TOKENS, 1.0, clock)
    mine, other = [await token_of(own_hierarchy, family) for family in ("mine", "other")]
    for token in (mine, other):
        await callers.behind(token)
    await sign_out(own_hierarchy, "mine")

    with pytest.raises(UnauthenticatedError, match="signed out"):
        await callers.behind(mine, is_fresh=True)
    clock.now = 1.0
    with pytest.raises(UnauthenticatedError, match="signed out"):
        await callers.behind(mine)
    assert await callers.behind(other)


async def test_without_a_moment_each_operation_looks_anew(own_hierarchy: Store) -> None:
    callers = Callers(own_hierarchy, TOKENS, 0)
    token = await token_of(own_hierarchy)
    await callers.behind(token)
    await deactivate(own_hierarchy)

    with pytest.raises(UnauthenticatedError):
        await callers.behind(token)


async def test_a_token_that_expires_meanwhile_is_refused(own_hierarchy: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    callers = Callers(own_hierarchy, TOKENS, 1e9)
    token = await token_of(own_hierarchy)
    await callers.behind(token)

    later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr("resolvers.tokens.time.time", lambda: later)
    with pytest.raises(UnauthenticatedError):
        await Callers(own_hierarchy, TOKENS, 1e9).behind("x" + token[1:])
    known = callers._known[token]
    assert known.claims.expires_at < later


async def test_what_a_dropped_key_has_signed_is_good_no_more_even_for_who_is_remembered(
    own_hierarchy: Store, tmp_path: Path
) -> None:
    """Whoever had the key could have signed a token without end."""
    clock, file = Clock(), tmp_path / "canopy.key"
    write_secrets(file, [NEW, OLD])
    tokens = AccessTokens(KeyRing([NEW, OLD], file, clock))
    callers = Callers(own_hierarchy, tokens, 1e9, clock)
    claims = TOKENS.verify(await token_of(own_hierarchy))
    forged = AccessTokens(KeyRing([OLD]), lifetime=timedelta(days=3650)).sign(claims.subject, claims.account_id)
    good = AccessTokens(KeyRing([NEW])).sign(claims.subject, claims.account_id)
    for token in (forged, good):
        await callers.behind(token)
    write_secrets(file, [NEW])
    clock.now = 1.0

    with pytest.raises(UnauthenticatedError):
        await callers.behind(forged)
    assert await callers.behind(good)


async def test_a_key_that_is_dropped_while_a_caller_is_looked_up_is_not_remembered(
    own_hierarchy: Store, tmp_path: Path
) -> None:
    clock, file = Clock(), tmp_path / "canopy.key"
    write_secrets(file, [NEW, OLD])
    callers = Callers(own_hierarchy, AccessTokens(KeyRing([NEW, OLD], file, clock)), 1e9, clock)
    claims = TOKENS.verify(await token_of(own_hierarchy))
    forged = AccessTokens(KeyRing([OLD])).sign(claims.subject, claims.account_id)
    looking = asyncio.create_task(callers.behind(forged))
    await asyncio.sleep(0)
    write_secrets(file, [NEW])
    clock.now = 1.0
    with pytest.raises(UnauthenticatedError):
        await callers.behind("another")
    await looking

    with pytest.raises(UnauthenticatedError):
        await callers.behind(forged)


async def test_a_token_that_came_before_its_key_is_good_once_the_key_is_there(
    own_hierarchy: Store, tmp_path: Path
) -> None:
    clock, file = Clock(), tmp_path / "canopy.key"
    write_secrets(file, [OLD])
    callers = Callers(own_hierarchy, AccessTokens(KeyRing([OLD], file, clock)), 1.0, clock)
    claims = TOKENS.verify(await token_of(own_hierarchy))
    early = AccessTokens(KeyRing([NEW])).sign(claims.subject, claims.account_id)
    with pytest.raises(UnauthenticatedError):
        await callers.behind(early)
    write_secrets(file, [NEW, OLD])
    clock.now = 1.0

    assert await callers.behind(early)


class _Counting:
    """Verifies no token, and counts how often it is asked to."""

    asked = 0

    def generation(self) -> int:
        return 0

    def verify(self, _token: str) -> Claims:
        self.asked += 1
        raise UnauthenticatedError("No.")


async def test_a_token_that_is_not_good_is_verified_once_in_ten_seconds(sqlite_store: Store) -> None:
    clock, tokens = Clock(), _Counting()
    callers = Callers(sqlite_store, cast("AccessTokens", tokens), 1.0, clock)

    for clock.now in (0.0, 5.0, 9.9, 10.0):
        with pytest.raises(UnauthenticatedError, match=r"^No"):
            await callers.behind("bad")
    with pytest.raises(UnauthenticatedError):
        await callers.behind("another")

    assert tokens.asked == 3


async def test_no_more_than_ten_thousand_bad_tokens_are_remembered(sqlite_store: Store) -> None:
    tokens = _Counting()
    callers = Callers(sqlite_store, cast("AccessTokens", tokens), 1.0, Clock())

    for index in [*range(10_001), 0]:
        with pytest.raises(UnauthenticatedError):
            await callers.behind(str(index))

    assert tokens.asked == 10_002
