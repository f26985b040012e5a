"""Nobody stays on a socket longer than their token, their session, their user and their account let them."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, insert

from edge import execution
from edge.execution import answered
from edge.protocols import session as sessions
from edge.protocols.session import Session
from models import RefreshToken, SubjectType
from models.base import now, table_of
from models.statement import Statement
from models.store import Store, StoreError
from resolvers import issuers
from resolvers.errors import UnauthenticatedError
from resolvers.keys import open_key_ring
from resolvers.live import LiveSettings
from resolvers.tokens import LEEWAY_SECONDS, AccessTokens, Subject
from tests.changes import user_of
from tests.hierarchy import World
from tests.listening import ACCOUNTS, grant, happens, heard
from tests.live import Served, client, serving

SIGNED_OUT = (4403, "Forbidden: sign in again")
_SIGN_OUT = Statement(
    insert(table_of(RefreshToken)).values(
        {name: bindparam(name) for name in ("token_hash", "family", "created_at", "expires_at", "revoked_at")}
        | {"subject_type": SubjectType.USER.value, "subject_id": 0}
    )
)


def token(
    served: Served, directory: Path, world: World, seconds: int = 900, family: str = "", issuer_id: int = 0
) -> str:
    """Of the administrator of the reseller 2, good for so many seconds and, as all are, some more."""
    tokens = AccessTokens(open_key_ring(directory / "canopy.key"), lifetime=timedelta(seconds=seconds))
    return tokens.sign(Subject(SubjectType.USER, user_of(world, 2)), 2, family, issuer_id)


async def sign_out(store: Store, family: str) -> None:
    """As `resolvers.refresh_tokens.revoke` leaves a family."""
    async with store.unfiltered("a test signs somebody out", write=True) as db:
        given = {"token_hash": family, "family": family, "created_at": now(), "expires_at": now(), "revoked_at": now()}
        await db.execute(_SIGN_OUT, given)


async def test_a_token_that_expires_ends_all_operations_and_then_the_socket_without_an_event(
    own_hierarchy: Store, world: World, tmp_path: Path
) -> None:
    await grant(own_hierarchy, world)
    async with serving(own_hierarchy.url, tmp_path, live=LiveSettings(seconds_between_looks=3600)) as served:
        good, short = token(served, tmp_path, world), token(served, tmp_path, world, 2 - LEEWAY_SECONDS)
        async with client(served, good) as other, client(served, short) as listener:
            await other.subscribe(ACCOUNTS)
            for operation_id in ("1", "2"):
                await listener.subscribe(ACCOUNTS, operation_id)
            assert [await listener.code(each) for each in ("1", "2")] == ["UNAUTHENTICATED"] * 2
            assert await listener.closed() == SIGNED_OUT
            await happens(own_hierarchy, 3)
            assert await heard(other) == 3
        async with client(served) as late:
            await late.send(type="connection_init", payload={"authorization": f"Bearer {short}"})
            assert await late.closed() == (4403, "Forbidden")


async def test_a_socket_without_an_operation_is_closed_too(own_hierarchy: Store, world: World, tmp_path: Path) -> None:
    await grant(own_hierarchy, world)
    async with (
        serving(own_hierarchy.url, tmp_path) as served,
        client(served, token(served, tmp_path, world, 2 - LEEWAY_SECONDS)) as visitor,
    ):
        assert await visitor.closed() == SIGNED_OUT


@pytest.mark.parametrize(("seconds", "is_told_by"), [(0.05, "looking"), (3600.0, "an event")])
async def test_who_signs_out_is_thrown_out(
    own_hierarchy: Store, world: World, tmp_path: Path, seconds: float, is_told_by: str
) -> None:
    await grant(own_hierarchy, world)
    async with (
        serving(own_hierarchy.url, tmp_path, live=LiveSettings(seconds_between_looks=seconds)) as served,
        client(served, token(served, tmp_path, world, family="mine")) as listener,
        client(served, token(served, tmp_path, world, family="other")) as other,
    ):
        for each in (listener, other):
            await each.subscribe(ACCOUNTS)
        await sign_out(own_hierarchy, "mine")
        if is_told_by == "an event":
            await happens(own_hierarchy, 3)
        assert await listener.code() == "UNAUTHENTICATED"
        assert await listener.closed() == SIGNED_OUT

        await happens(own_hierarchy, 4)
        told = [await heard(other)]
        assert told + ([await heard(other)] if told == [3] else []) in ([4], [3, 4])


async def test_who_has_come_in_by_an_issuer_is_thrown_out_with_it(
    own_hierarchy: Store, world: World, tmp_path: Path
) -> None:
    await grant(own_hierarchy, world)
    url = "https://login.example"
    await issuers.add(own_hierarchy, url, "canopy", 2, now(), matches_email=False)
    issuer = await issuers.by_url(own_hierarchy, url)
    assert issuer is not None
    async with (
        serving(own_hierarchy.url, tmp_path, live=LiveSettings(seconds_between_looks=0.05)) as served,
        client(served, token(served, tmp_path, world, issuer_id=issuer.id)) as listener,
        client(served, token(served, tmp_path, world)) as other,
    ):
        for each in (listener, other):
            await each.subscribe(ACCOUNTS)
        await happens(own_hierarchy, 3)
        assert [await heard(listener), await heard(other)] == [3, 3]
        await issuers.remove(own_hierarchy, url)
        assert await listener.code() == "UNAUTHENTICATED"
        assert await listener.closed() == SIGNED_OUT

        await happens(own_hierarchy, 4)
        assert await heard(other) == 4


async def test_a_change_that_is_under_way_is_answered_first(
    own_hierarchy: Store, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await grant(own_hierarchy, world)
    mutation = (
        'mutation { accountUpdate(input: {account: "acc_8", externalId: "kept", expectedVersion: 1,'
        ' idempotencyKey: "socket-0001"}) { currentVersion } }'
    )
    is_signed_out = asyncio.Event()

    async def answered_late(*given: Any) -> Any:
        await is_signed_out.wait()
        await asyncio.sleep(0.2)
        return await answered(*given)

    monkeypatch.setattr(execution, "answered", answered_late)
    async with (
        serving(own_hierarchy.url, tmp_path, live=LiveSettings(seconds_between_looks=0.05)) as served,
        client(served, token(served, tmp_path, world, family="mine")) as visitor,
    ):
        await visitor.subscribe(ACCOUNTS, "listening")
        await visitor.subscribe(mutation)
        await sign_out(own_hierarchy, "mine")
        is_signed_out.set()

        assert await visitor.code("listening") == "UNAUTHENTICATED"
        assert await visitor.data() == {"currentVersion": 2}
        assert await visitor.closed() == SIGNED_OUT


class Callers:
    """Lets in, fails or refuses, as it is told to in turn."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)

    async def behind(self, _token: str) -> None:
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer

    def seconds_left(self, _token: str) -> float:
        return 3600.0


async def test_while_the_database_is_away_nobody_is_thrown_out(caplog: pytest.LogCaptureFixture) -> None:
    callers: Any = Callers(None, StoreError("away"), OSError("away"), None, UnauthenticatedError("over"))
    session = Session(callers, "token", 3600.0, seconds_between_looks=0.001)

    assert str(await session.over()) == "over"
    assert not callers.answers
    assert [record.name for record in caplog.records] == [sessions.log.name] * 2


async def test_who_has_just_come_in_is_not_looked_up_again_until_something_gives_a_reason_to() -> None:
    callers: Any = Callers(UnauthenticatedError("over"))
    session = Session(callers, "token", 3600.0, seconds_between_looks=3600.0)
    looking = asyncio.create_task(session.over())
    await asyncio.sleep(0.01)
    assert callers.answers

    session.doubt()
    assert str(await looking) == "over"


async def test_who_comes_in_with_a_token_that_ends_soon_is_looked_up_when_it_does() -> None:
    callers: Any = Callers(UnauthenticatedError("over"))

    assert str(await Session(callers, "token", 0.001, seconds_between_looks=3600.0).over()) == "over"
