"""Seats: who uses a subscription's services, as many as were bought."""

import asyncio

import pytest
from sqlalchemy import select

from models import UserStatus
from models.statement import Statement
from models.store import Store
from resolvers.caller import Caller
from resolvers.users import SEAT
from tests.asking import ask, caller_at
from tests.changes import user_of
from tests.hierarchy import World
from tests.user_requests import Requests, codes, logged, told

RESELLER, CUSTOMER = 2, 7
"""Both have subscriptions of as many seats as their number says."""


def subscription(world: World, account_id: int) -> int:
    """The one that the account's first service user uses."""
    first = user_of(world, account_id, "SERVICE_USER")
    return int(next(row["subscription_id"] for row in world["seat"] if row["user_id"] == first))


def second(world: World, account_id: int) -> int:
    """The account's other service user."""
    return int(max(row["id"] for row in world["app_user"] if row["account_id"] == account_id))


def boss(world: World) -> Caller:
    return caller_at(RESELLER, user_id=user_of(world, RESELLER))


async def seats(store: Store, subscription_id: int) -> set[int]:
    async with store.unfiltered("a test looks") as db:
        rows = await db.rows(Statement(select(SEAT.c.user_id).where(SEAT.c.subscription_id == subscription_id)))
    return {row.user_id for row in rows}


async def test_who_is_given_a_seat_sees_the_service_until_it_is_taken_back(
    own_marked_store: Store, marked_world: World
) -> None:
    send, user, service = (
        Requests(own_marked_store),
        second(marked_world, CUSTOMER),
        subscription(marked_world, CUSTOMER),
    )
    given = {"user": f"usr_{user}", "subscription": f"sub_{service}"}
    own = caller_at(CUSTOMER, user_id=user, is_service_user=True)
    query = f'{{ node(id: "sub_{service}") {{ id }} }}'
    assert (await ask(own_marked_store, own, query)).data == {"node": None}

    assert codes(await send(boss(marked_world), "userSeatGive", **given)) == []
    assert (await ask(own_marked_store, own, query)).data == {"node": {"id": f"sub_{service}"}}
    assert codes(await send(boss(marked_world), "userSeatGive", **given)) == [("ALREADY_DONE", "user")]
    assert codes(await send(boss(marked_world), "userSeatTake", **given)) == []
    assert (await ask(own_marked_store, own, query)).data == {"node": None}
    assert codes(await send(boss(marked_world), "userSeatTake", **given)) == [("ALREADY_DONE", "user")]
    before, after = told((await logged(own_marked_store, "userSeatGive"))[-1])
    assert set(after["seats"]) - set(before["seats"]) == {service}


async def test_of_two_who_want_the_last_seat_at_once_one_gets_it(own_marked_store: Store, marked_world: World) -> None:
    service = subscription(marked_world, RESELLER)
    users = [user_of(marked_world, RESELLER), second(marked_world, RESELLER)]
    both = [
        Requests(own_marked_store)(
            boss(marked_world),
            "userSeatGive",
            key=f"the key of {user}",
            user=f"usr_{user}",
            subscription=f"sub_{service}",
        )
        for user in users
    ]

    payloads = await asyncio.gather(*both)

    assert sorted(codes(payload) for payload in payloads) == [[], [("ABOVE_MAXIMUM", "subscription")]]
    assert len(await seats(own_marked_store, service)) == RESELLER


@pytest.mark.parametrize("user_at", [8, 12])
async def test_a_seat_is_for_users_of_the_subscriptions_account(
    user_at: int, own_marked_store: Store, marked_world: World
) -> None:
    user, service = second(marked_world, user_at), subscription(marked_world, CUSTOMER)

    payload = await Requests(own_marked_store)(
        boss(marked_world), "userSeatGive", user=f"usr_{user}", subscription=f"sub_{service}"
    )

    assert codes(payload) == [("INVALID", "user") if user_at == 8 else ("NOT_FOUND", "user")]
    assert user not in await seats(own_marked_store, service)


async def test_a_deactivated_user_is_given_no_seat(own_marked_store: Store, marked_world: World) -> None:
    user, service = second(marked_world, CUSTOMER), subscription(marked_world, CUSTOMER)
    await set_status(own_marked_store, user, UserStatus.DEACTIVATED)

    payload = await Requests(own_marked_store)(
        boss(marked_world), "userSeatGive", user=f"usr_{user}", subscription=f"sub_{service}"
    )

    assert codes(payload) == [("WRONG_STATE", "user")]
    assert user not in await seats(own_marked_store, service)


@pytest.mark.parametrize("name", ["userSeatGive", "userSeatTake"])
async def test_a_refusal_shows_the_user_as_it_is(name: str, own_marked_store: Store, marked_world: World) -> None:
    send, service = Requests(own_marked_store), subscription(marked_world, CUSTOMER)
    seated, other = user_of(marked_world, CUSTOMER, "SERVICE_USER"), second(marked_world, CUSTOMER)
    user = seated if name == "userSeatGive" else other

    payload = await send(boss(marked_world), name, user=f"usr_{user}", subscription=f"sub_{service}")

    assert codes(payload) == [("ALREADY_DONE", "user")]
    assert payload["user"]["id"] == f"usr_{user}"


async def set_status(store: Store, user_id: int, status: UserStatus) -> None:
    async with store.unfiltered("a test changes a user", write=True) as db:
        await db.sql(f"UPDATE app_user SET status = '{status.value}' WHERE id = {user_id}")
