"""Somebody who signs in, stays signed in and fails to: who it is, and what it costs."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from models.statement import Statement
from models.store import Store
from resolvers import sign_in
from resolvers.keys import KeyRing
from resolvers.oauth import Grant, SignInError
from resolvers.passwords import HashSettings, Passwords
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Throttle, ThrottleSettings
from resolvers.tokens import AccessTokens
from tests.people import (
    CHEAP,
    PASSWORD,
    Clock,
)

USER, CLIENT = 70, 80
LOGIN, CLIENT_ID = f"user{USER}@example.com", f"client-{CLIENT}"
HOME, ELSEWHERE = "192.0.2.1", "192.0.2.2"
KEYS = KeyRing([b"k" * 32])


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
