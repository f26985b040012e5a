"""Live updates: whoever sees an object hears what happens to it once that is committed; nobody else does."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import bindparam, select, update

from models import Account, RoleCode, Topic, User, UserStatus
from models import path as paths
from models.base import table_of
from models.beyond import moving
from models.statement import Statement
from models.store import Store
from resolvers import clock
from resolvers.live import LiveSettings
from tests import listening as fixtures
from tests.changes import do, user_at, user_of
from tests.databases import Databases
from tests.hierarchy import PARENT, World, path_of, visible
from tests.listening import (
    ACCOUNTS,
    EVERYWHERE,
    FIELDS,
    NOW,
    SET_ROLE,
    TABLES,
    grant,
    happens,
    heard,
    listening,
    tell,
    token,
)
from tests.live import Client, Served, client, serving
from tests.templates import hierarchy_template, opened

_USER = table_of(User)
_SET_STATUS = Statement(update(_USER).where(_USER.c.id == bindparam("of_user")).values(status=bindparam("status")))
_ACCOUNT = Statement(select(*table_of(Account).c).where(table_of(Account).c.id == bindparam("row_id")))


listened_store, listened_url, served, own_served = (
    fixtures.listened_store,
    fixtures.listened_url,
    fixtures.served,
    fixtures.own_served,
)


@pytest.fixture(scope="module")
def store(listened_store: Store) -> Store:
    return listened_store


# Who hears what


@pytest.mark.parametrize("topic", Topic)
async def test_of_all_that_happens_everybody_hears_what_they_see(
    served: Served, store: Store, world: World, topic: Topic
) -> None:
    _, noun, prefix = FIELDS[topic]
    objects = [(row["id"], row["path"]) for row in world[TABLES[topic]]]
    listeners: dict[int, tuple[Client, list[str]]] = {}
    async with AsyncExitStack() as stack:
        for account_id in PARENT:
            opening = client(served, token(served, world, account_id))
            listener = await stack.enter_async_context(opening)
            await listener.subscribe(listening(topic))
            scope = user_at(world, account_id).scope()
            seen = {row["id"] for row in visible(world, scope)[TABLES[topic]]}
            listeners[account_id] = listener, [f"{prefix}_{each}" for each, _ in objects if each in seen]
        for _ in range(2):  # whatever is told too much in the first round comes before what is due in the second
            async with store.writer(EVERYWHERE) as writer:
                for object_id, path in objects:
                    await tell(writer, topic, object_id, path)
        for listener, expected in listeners.values():
            assert [(await listener.data())[noun]["id"] for _ in range(2 * len(expected))] == expected * 2
    assert 0 < len(listeners[7][1]) < len(listeners[2][1]) < len(listeners[1][1])


async def test_a_service_user_hears_of_the_services_that_it_has_a_seat_in(
    served: Served, store: Store, world: World
) -> None:
    user = user_of(world, 7, "SERVICE_USER")
    (seat,) = [row["subscription_id"] for row in world["seat"] if row["user_id"] == user]
    all_of_7 = [row["id"] for row in world["subscription"] if row["account_id"] == 7]
    assert len(all_of_7) == 2
    async with client(served, served.token(user, 7)) as listener:
        await listener.subscribe(listening(Topic.SUBSCRIPTION))
        for _ in range(2):
            async with store.writer(EVERYWHERE) as writer:
                for subscription in all_of_7:
                    await tell(writer, Topic.SUBSCRIPTION, subscription, path_of(7))

        for _ in range(2):
            assert (await listener.data())["subscription"]["id"] == f"sub_{seat}"


async def test_who_lacks_the_privilege_is_told_so_whatever_is_asked_for(served: Served, world: World) -> None:
    async with client(served, token(served, world, 7, "SERVICE_USER")) as listener:
        await listener.subscribe(listening(Topic.ORDER), "mine")
        assert await listener.code("mine") == "FORBIDDEN"
        await listener.subscribe(listening(Topic.ORDER, '(after: "nonsense")'), "mine")
        assert await listener.code("mine") == "FORBIDDEN"


async def test_an_event_says_what_happened_and_leads_to_the_object_as_it_is(
    served: Served, store: Store, world: World
) -> None:
    query = "subscription($id: ID) { accountChanged(id: $id) { kind at account { version parent { id } } } }"
    async with client(served, token(served, world, 2)) as listener:
        await listener.subscribe(query, variables={"id": "acc_6"})
        given = {"account": "acc_6", "expectedVersion": 1, "externalId": "other"}
        await do(store, user_at(world, 2), "accountUpdate", **given)

        told = await listener.data()
        assert told.pop("at").startswith("20")
        assert told == {"kind": "CHANGED", "account": {"version": 2, "parent": {"id": "acc_3"}}}


# Which of it


async def test_one_object_alone(served: Served, store: Store, world: World) -> None:
    async with client(served, token(served, world, 2)) as listener:
        await listener.subscribe(listening(Topic.ACCOUNT, '(id: "acc_3")'))
        await happens(store, 2, 3, 4, 7, 3)

        assert [await heard(listener) for _ in range(2)] == [3, 3]


async def test_what_lies_below_an_account_at_any_depth_without_itself(
    served: Served, store: Store, world: World
) -> None:
    async with client(served, token(served, world, 2)) as listener:
        await listener.subscribe(listening(Topic.ACCOUNT, '(below: "acc_3")'))
        await happens(store, 2, 3, 4, 5, 6, 7, 4)

        assert [await heard(listener) for _ in range(4)] == [4, 5, 6, 4]


async def test_below_an_account_out_of_view_is_as_below_one_that_is_not_there(
    served: Served, store: Store, world: World
) -> None:
    async with client(served, token(served, world, 2)) as listener:
        for operation_id, account in (("hidden", "acc_1"), ("foreign", "acc_9"), ("absent", "acc_999")):
            await listener.subscribe(listening(Topic.ACCOUNT, f'(below: "{account}")'), operation_id)
        await listener.subscribe(listening(Topic.ACCOUNT, '(below: "acc_2")'), "known")
        await happens(store, 10, 3, 4)

        assert [await heard(listener, "known") for _ in range(2)] == [3, 4]


async def test_an_object_out_of_view_is_as_silent_as_one_that_is_not_there(
    served: Served, store: Store, world: World
) -> None:
    async with client(served, token(served, world, 2)) as listener:
        for operation_id, account in (("above", "acc_1"), ("foreign", "acc_9"), ("absent", "acc_999")):
            await listener.subscribe(listening(Topic.ACCOUNT, f'(id: "{account}")'), operation_id)
        await listener.subscribe(listening(Topic.ACCOUNT, '(id: "acc_2")'), "own")
        await happens(store, 1, 9, 2)
        async with store.writer(EVERYWHERE) as writer:
            await tell(writer, Topic.ACCOUNT, 9, path_of(2))  # as if it lay there: the row itself decides
        await happens(store, 2)

        assert [await heard(listener, "own") for _ in range(2)] == [2, 2]


@pytest.mark.parametrize("arguments", ['(id: "ord_1")', '(id: "1")', '(below: "sub_1")', '(below: "")'])
async def test_what_is_no_id_is_refused(served: Served, world: World, arguments: str) -> None:
    async with client(served, token(served, world, 2)) as listener:
        await listener.send(type="subscribe", id="1", payload={"query": listening(Topic.ACCOUNT, arguments)})
        assert await listener.code() == "INVALID_ARGUMENT"


# What changes while one listens


async def test_who_is_moved_out_hears_no_more_and_who_gets_it_hears_that(
    own_served: Served, own_hierarchy: Store, world: World
) -> None:
    store = own_hierarchy
    async with (
        client(own_served, token(own_served, world, 2)) as old,
        client(own_served, token(own_served, world, 9)) as new,
        client(own_served, token(own_served, world, 3)) as moved,
        client(own_served, token(own_served, world, 1)) as above,
    ):
        for listener in (old, new, moved, above):
            await listener.subscribe(ACCOUNTS)
        async with store.unfiltered("a test looks") as db:
            account, vendor = [(await db.rows(_ACCOUNT, {"row_id": row_id}))[0] for row_id in (3, 9)]
        async with store.writer(EVERYWHERE) as writer:
            to_path = await moving.move(writer, account, vendor, NOW)
        async with store.writer(EVERYWHERE) as writer:
            await tell(writer, Topic.ACCOUNT, 4, paths.child(to_path, 4))
        await happens(store, 7, 9, 1)

        assert await heard(old) == 7
        assert [await heard(new) for _ in range(3)] == [3, 4, 9]
        assert [await heard(moved) for _ in range(2)] == [3, 4]
        assert (await above.data())["kind"] == "MOVED"


async def test_who_loses_the_privilege_hears_that_and_no_more(
    own_served: Served, own_hierarchy: Store, world: World
) -> None:
    (order, *_) = [row["id"] for row in world["orders"] if row["path"] == path_of(3)]

    async def happens_to_order() -> None:
        async with own_hierarchy.writer(EVERYWHERE) as writer:
            await tell(writer, Topic.ORDER, order, path_of(3))

    async with client(own_served, token(own_served, world, 2)) as listener:
        await listener.subscribe(listening(Topic.ORDER))
        await happens_to_order()
        assert (await listener.data())["order"]["id"] == f"ord_{order}"
        async with own_hierarchy.unfiltered("a test takes a role", write=True) as db:
            await db.execute(SET_ROLE, {"of_user": user_of(world, 2), "role_code": RoleCode.SERVICE_USER.value})
        await happens_to_order()
        await happens_to_order()

        assert await listener.code() == "FORBIDDEN"
        await listener.nothing()


async def deactivate(store: Store, user_id: int) -> None:
    async with store.unfiltered("a test deactivates a user", write=True) as db:
        await db.execute(_SET_STATUS, {"of_user": user_id, "status": UserStatus.DEACTIVATED.value})


async def test_who_is_deactivated_hears_that_and_no_more_and_others_go_on(
    own_served: Served, own_hierarchy: Store, world: World
) -> None:
    async with (
        client(own_served, token(own_served, world, 2)) as listener,
        client(own_served, token(own_served, world, 1)) as other,
    ):
        for each in (listener, other):
            await each.subscribe(ACCOUNTS)
        await deactivate(own_hierarchy, user_of(world, 2))
        await happens(own_hierarchy, 3)

        assert await listener.code() == "UNAUTHENTICATED"
        assert await heard(other) == 3


async def test_who_is_deactivated_needs_no_event_to_hear_that(
    own_hierarchy: Store, world: World, tmp_path: Path
) -> None:
    await grant(own_hierarchy, world)
    settings = LiveSettings(seconds_between_looks=0.05)
    async with (
        serving(own_hierarchy.url, tmp_path, live=settings) as served,
        client(served, token(served, world, 2)) as listener,
    ):
        await listener.subscribe(ACCOUNTS)
        await deactivate(own_hierarchy, user_of(world, 2))

        assert await listener.code() == "UNAUTHENTICATED"


async def test_whose_account_is_put_on_hold_hears_that_and_no_more(
    own_served: Served, own_hierarchy: Store, world: World
) -> None:
    async with client(own_served, token(own_served, world, 3)) as listener:
        await listener.subscribe(ACCOUNTS)
        given = {"account": "acc_3", "expectedVersion": 1, "reason": "why"}
        await do(own_hierarchy, user_at(world, 2), "accountAdminHold", **given)

        assert await listener.code() == "UNAUTHENTICATED"
        assert await listener.closed() == (4403, "Forbidden: sign in again")


# When


async def test_what_was_rolled_back_is_not_told(served: Served, store: Store, world: World) -> None:
    async with client(served, token(served, world, 2)) as listener:
        await listener.subscribe(ACCOUNTS)
        with suppress(ZeroDivisionError):
            async with store.writer(EVERYWHERE) as writer:
                await tell(writer, Topic.ACCOUNT, 3, path_of(3))
                1 / 0  # noqa: B018  # a defect
        await happens(store, 4)

        assert await heard(listener) == 4


async def test_nothing_of_writers_who_overlap_is_missed(
    postgresql_databases: Databases, world: World, tmp_path: Path
) -> None:
    with postgresql_databases.copied(hierarchy_template(postgresql_databases, world)) as url:
        async with opened(url) as store:
            await grant(store, world)
            async with serving(url, tmp_path) as served, client(served, token(served, world, 2)) as listener:
                await listener.subscribe(ACCOUNTS)
                async with store.writer(EVERYWHERE) as late:
                    await tell(late, Topic.ACCOUNT, 3, path_of(3))
                    await happens(store, 4)
                    await listener.nothing()  # 4 has the higher number and waits for 3
                assert [await heard(listener) for _ in range(2)] == [3, 4]


async def test_many_writers_at_once_are_all_heard_once(served: Served, store: Store, world: World) -> None:
    async with (
        client(served, token(served, world, 1)) as listener,
        client(served, token(served, world, 1)) as other,
        opened(store.url) as second,
    ):
        for each in (listener, other):
            await each.subscribe(ACCOUNTS)
        accounts = list(PARENT) * 3
        await asyncio.gather(*(happens([store, second][at % 2], each) for at, each in enumerate(accounts)))

        told = [await heard(listener) for _ in accounts]
        assert sorted(told) == sorted(accounts)
        assert [await heard(other) for _ in accounts] == told  # one order for all


async def test_what_counts_from_today_counts_from_the_platforms_day(
    own_served: Served, own_hierarchy: Store, world: World
) -> None:
    """For who listens, and for who asks or changes something over the socket or over HTTP."""
    coming = "summary { renewals(days: 30) { count } }"
    count = f'{{ account(id: "acc_1") {{ {coming} }} }}'
    query = f'subscription {{ accountChanged(id: "acc_1") {{ account {{ {coming} }} }} }}'
    mine, renewal = token(own_served, world, 1), datetime.now(UTC).date() + timedelta(days=210)
    async with own_hierarchy.unfiltered("a test sets a renewal", write=True) as db:
        await db.sql(
            f"UPDATE subscription SET renewal_date = '{renewal}', renewal_key = '{renewal}' WHERE status = 'ACTIVE'"
        )
    async with client(own_served, mine) as listener:
        await listener.subscribe(query)
        counts = []
        for days in (0, 200):
            async with own_hierarchy.unfiltered("a test sets the clock", write=True) as db:
                if days:
                    await clock.advance(db, timedelta(days=days))
            await own_served.service.clock.look()
            await happens(own_hierarchy, 1)
            told = (await listener.data())["account"]["summary"]["renewals"]["count"]
            await listener.send(type="subscribe", id="2", payload={"query": count})
            assert (await listener.data("2"))["summary"]["renewals"]["count"] == told
            assert (await listener.next())["type"] == "complete"
            counts.append(told)
    assert counts[0] == 0 < counts[1]
