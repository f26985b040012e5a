"""Connecting again: whoever tells the last event that they heard of hears all that has happened since, once."""

import asyncio
from pathlib import Path

import pytest

from models import Topic
from models.store import Store
from resolvers.live import LiveSettings
from tests import listening as fixtures
from tests.hierarchy import World
from tests.listening import ACCOUNTS, grant, happens, heard, listening, token
from tests.live import Served, client, serving

listened_store, listened_url, served, own_served = (
    fixtures.listened_store,
    fixtures.listened_url,
    fixtures.served,
    fixtures.own_served,
)


@pytest.fixture(scope="module")
def store(listened_store: Store) -> Store:
    return listened_store


async def test_who_comes_back_with_the_last_event_id_misses_nothing_and_hears_nothing_twice(
    served: Served, store: Store, world: World
) -> None:
    async with client(served, token(served, world, 2)) as listener:
        await listener.subscribe(ACCOUNTS)
        await happens(store, 3)
        last = (await listener.data())["eventId"]
    await happens(store, 4, 9, 5)  # 9 is not theirs
    query = "subscription($after: String) { accountChanged(after: $after) { eventId account { id } } }"
    async with client(served, token(served, world, 2)) as listener:
        payload = {"query": query, "variables": {"after": last}}
        await asyncio.gather(listener.send(type="subscribe", id="1", payload=payload), happens(store, 6, 7))
        told = [await listener.data() for _ in range(4)]
        await happens(store, 8)
        told.append(await listener.data())

    assert [each["account"]["id"] for each in told] == ["acc_4", "acc_5", "acc_6", "acc_7", "acc_8"]
    assert len({each["eventId"] for each in told}) == 5


async def test_who_has_heard_of_no_event_yet_comes_back_and_misses_nothing_either(
    own_served: Served, own_hierarchy: Store, world: World
) -> None:
    """From an empty outbox, then from one with events in it; whatever is listened to then."""
    query = "subscription($after: String) { accountChanged(after: $after) { account { id } } }"
    for account in (3, 4):
        async with client(own_served, token(own_served, world, 2)) as listener:
            await listener.subscribe(ACCOUNTS)
            position = listener.event_id
        await happens(own_hierarchy, 9, account, 5)
        async with client(own_served, token(own_served, world, 2)) as listener:
            await listener.subscribe(query, variables={"after": position})
            assert [await heard(listener) for _ in range(2)] == [account, 5]
            await happens(own_hierarchy, 6)
            assert await heard(listener) == 6
            orders = listening(Topic.ORDER, f'(after: "{position}")')
            await listener.send(type="subscribe", id="orders", payload={"query": orders})
            await listener.nothing()


async def test_the_position_of_one_who_has_heard_nothing_is_no_others(served: Served, world: World) -> None:
    async with client(served, token(served, world, 2)) as listener, client(served, token(served, world, 3)) as other:
        query = listening(Topic.ACCOUNT, f'(after: "{listener.event_id}")')
        await other.send(type="subscribe", id="1", payload={"query": query})
        assert await other.code() == "INVALID_ARGUMENT"


async def test_an_event_id_is_good_for_the_same_field_and_account_alone(
    served: Served, store: Store, world: World
) -> None:
    async with client(served, token(served, world, 2)) as listener:
        await listener.subscribe(ACCOUNTS)
        await happens(store, 3)
        mine = (await listener.data())["eventId"]
        forged = ("B" if mine[0] == "A" else "A") + mine[1:]
        asked = {
            "forged": listening(Topic.ACCOUNT, f'(after: "{forged}")'),
            "nonsense": listening(Topic.ACCOUNT, '(after: "7")'),
            "empty": listening(Topic.ACCOUNT, '(after: "")'),
            "stream": listening(Topic.ORDER, f'(after: "{mine}")'),
        }
        for operation_id, query in asked.items():
            await listener.send(type="subscribe", id=operation_id, payload={"query": query})
            assert await listener.code(operation_id) == "INVALID_ARGUMENT"
    async with client(served, token(served, world, 3)) as other:
        await other.send(type="subscribe", id="1", payload={"query": listening(Topic.ACCOUNT, f'(after: "{mine}")')})
        assert await other.code() == "INVALID_ARGUMENT"


async def test_an_event_id_from_too_long_ago_is_refused(own_hierarchy: Store, world: World, tmp_path: Path) -> None:
    await grant(own_hierarchy, world)
    settings = LiveSettings(most_missed=2)
    async with (
        serving(own_hierarchy.url, tmp_path, live=settings) as served,
        client(served, token(served, world, 2)) as listener,
    ):
        await listener.subscribe(ACCOUNTS)
        await happens(own_hierarchy, 3, 9, 4)
        first, _ = [(await listener.data())["eventId"] for _ in range(2)]
        query = listening(Topic.ACCOUNT, f'(after: "{first}")')
        await listener.send(type="subscribe", id="in time", payload={"query": query})
        assert await heard(listener, "in time") == 4
        await happens(own_hierarchy, 9)
        await listener.send(type="subscribe", id="late", payload={"query": query})
        assert await listener.code("late") == "EVENTS_GONE"
        async with own_hierarchy.unfiltered("a test forgets events", write=True) as db:
            await db.sql("DELETE FROM outbox WHERE id < (SELECT max(id) FROM outbox)")
        await listener.send(type="subscribe", id="gone", payload={"query": query})
        assert await listener.code("gone") == "EVENTS_GONE"
        await happens(own_hierarchy, 3, 4)
        query = listening(Topic.ACCOUNT, f'(after: "{listener.event_id}")')
        await listener.send(type="subscribe", id="beginning", payload={"query": query})
        assert await listener.code("beginning") == "EVENTS_GONE"
