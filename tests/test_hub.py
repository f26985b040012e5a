"""The hub: what follows the outbox for all who listen in a process."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from models import Topic
from models.statement import Row
from models.store import Store, StoreError
from resolvers.live import Feed, Hub, LiveSettings, Wanted
from resolvers.privileges import Privilege
from tests import listening
from tests.hierarchy import World
from tests.listening import ACCOUNTS, grant, happens, heard, token
from tests.live import client, serving

listened_store, listened_url = listening.listened_store, listening.listened_url


@pytest.fixture(scope="module")
def store(listened_store: Store) -> Store:
    return listened_store


async def test_what_is_done_through_the_gateway_is_told_at_once(
    own_hierarchy: Store, world: World, tmp_path: Path
) -> None:
    await grant(own_hierarchy, world)
    async with (
        serving(own_hierarchy.url, tmp_path, live=LiveSettings(poll_seconds=3600)) as served,
        client(served, token(served, world, 1)) as listener,
        client(served, token(served, world, 2)) as writing,
    ):
        await listener.subscribe(ACCOUNTS)
        mutation = (
            'mutation { accountUpdate(input: {account: "acc_6", externalId: "x", expectedVersion: 1,'
            ' idempotencyKey: "0123456789"}) { currentVersion } }'
        )
        await writing.send(type="subscribe", id="1", payload={"query": mutation})

        assert await writing.data() == {"currentVersion": 2}
        assert await heard(listener) == 6


class FailingStore:
    """A database that is away at first."""

    def __init__(self, store: Store, failures: int) -> None:
        self.store = store
        self.bell = store.bell
        self.failures = failures

    def unfiltered(self, reason: str) -> Any:
        return self.store.unfiltered(reason)

    async def tail(self, after: Any, limit: int) -> list[Row]:
        self.failures -= 1
        if self.failures >= 0:
            raise StoreError("the database is away")
        return await self.store.tail(after, limit)


WANTED = Wanted("accountChanged", Topic.ACCOUNT, Privilege.ACCOUNTS_VIEW)


async def test_a_database_that_was_away_costs_nobody_an_event(store: Store) -> None:
    failing: Any = FailingStore(store, failures=3)
    nobody: Any = None
    hub = Hub(failing, nobody, b"key", LiveSettings(poll_seconds=0.01))
    async with hub.joined():
        feed = hub.feed(2, WANTED, lambda: None)
        await happens(store, 3)

        event = await feed.next(10)
    assert event is not None
    assert event.object_id == 3


async def test_the_outbox_is_followed_only_while_somebody_listens(store: Store) -> None:
    nobody: Any = None
    hub = Hub(store, nobody, b"key", LiveSettings(poll_seconds=0.01))
    async with hub.joined():
        async with hub.joined():
            pass
        feed = hub.feed(2, WANTED, lambda: None)
        await happens(store, 3)
        assert await feed.next(10) is not None
        hub.forget(2, feed)
    await happens(store, 4)
    async with hub.joined():
        feed = hub.feed(2, WANTED, lambda: None)
        await happens(store, 5)
        event = await feed.next(10)

    assert event is not None
    assert event.object_id == 5  # from when it begins to listen


async def test_a_feed_takes_so_many_and_then_no_more() -> None:
    full: list[bool] = []
    feed = Feed(WANTED, 2, lambda: full.append(True))
    event: Any = SimpleNamespace(topic="ACCOUNT", object_id=3)
    for _ in range(2):
        feed.put(event)
    assert full == []
    for _ in range(2):
        feed.put(event)
    assert full == [True]
