"""Whose holds are: what people of an account put, only they and those above them lift, by whichever way."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from models import Audit, Mail, Subscription
from models.store import Store
from resolvers.caller import Caller
from tests import people
from tests.asking import ask
from tests.changes import account_row, change, codes, do, new_key, rows_of, user_at
from tests.databases import Databases
from tests.hierarchy import World
from tests.worlds import holding

HELD = 5
"""Below 4, which is below 3, below 2, below the provider."""


@pytest.fixture(scope="module")
async def kept_store(databases: Databases, marked_world: World) -> AsyncIterator[Store]:
    """A copy of the hierarchy for this file, in which no order is under way."""
    async with holding(databases, "marked", marked_world) as store:
        await people.change(store, "UPDATE orders SET status = 'COMPLETED'")
        await people.change(store, "UPDATE balance SET owed_micros = 0")
        yield store


@pytest.fixture
async def store(kept_store: Store) -> AsyncIterator[Store]:
    """The same for each test, with accounts and subscriptions as they were."""
    yield kept_store
    for text in (
        "UPDATE account SET status = 'ACTIVE', held_by = NULL, held_before = NULL, status_reason = NULL,"
        " holder_id = NULL, holder_before_id = NULL, version = 1",
        "UPDATE subscription SET status = 'ACTIVE', holder_id = NULL, version = 1",
        "DELETE FROM subscription_hold",
        "DELETE FROM mail",
        "DELETE FROM job",
    ):
        await people.change(kept_store, text)


async def act(store: Store, caller: Caller, mutation: str, account_id: int = HELD, **more: Any) -> Any:
    """Do it to an account as it is now."""
    version = (await account_row(store, account_id)).version
    return await do(store, caller, mutation, account=f"acc_{account_id}", expectedVersion=version, **more)


async def tried(store: Store, world: World, place: int, mutation: str) -> list[str]:
    """The codes with which it is refused to the administrator of an account."""
    return codes(await act(store, user_at(world, place), mutation))


async def status(store: Store) -> str:
    return str((await account_row(store, HELD)).status)


@pytest.mark.parametrize(
    ("hold", "release"),
    [("accountCreditHold", "accountCreditRelease"), ("accountAdminHold", "accountAdminRelease")],
)
@pytest.mark.parametrize(("holder", "refused", "lifts"), [(3, [4], 3), (3, [4], 2), (2, [3, 4], 1), (4, [], 4)])
async def test_a_hold_is_lifted_by_whoever_put_it_or_stands_above_and_by_nobody_between(
    store: Store, marked_world: World, hold: str, release: str, holder: int, refused: list[int], lifts: int
) -> None:
    await act(store, user_at(marked_world, holder), hold)
    held = await status(store)
    for place in refused:
        assert await tried(store, marked_world, place, release) == ["HELD_ABOVE"]
    assert await status(store) == held

    assert await tried(store, marked_world, lifts, release) == []
    assert await status(store) == "ACTIVE"


@pytest.mark.parametrize(("holder", "refused", "lifts"), [(3, [4, 5], 3), (3, [5], 1), (5, [], 5), (5, [], 4)])
async def test_a_hold_of_a_subscription_is_lifted_likewise(
    store: Store, marked_world: World, holder: int, refused: list[int], lifts: int
) -> None:
    async def tried_at(place: int, mutation: str) -> list[str]:
        version = (await held()).version
        given = {"subscription": f"sub_{of_held}", "expectedVersion": version, "idempotencyKey": new_key()}
        title = mutation[0].upper() + mutation[1:]
        text = f"mutation($input: {title}Input!) {{ {mutation}(input: $input) {{ userErrors {{ code }} }} }}"
        answer = await change(store, user_at(marked_world, place), text, {"input": given})
        return codes(answer.data[mutation])

    async def held() -> Any:
        return next(row for row in await rows_of(store, Subscription) if row.id == of_held)

    async def offered(place: int) -> bool:
        text = f'{{ node(id: "sub_{of_held}") {{ ... on Subscription {{ allowedActions }} }} }}'
        answer = await ask(store, user_at(marked_world, place), text)
        return "SUBSCRIPTION_RELEASE" in answer.data["node"]["allowedActions"]

    of_held = next(row.id for row in await rows_of(store, Subscription) if row.account_id == HELD)
    assert await tried_at(holder, "subscriptionHold") == []
    for place in refused:
        assert not await offered(place)
        assert await tried_at(place, "subscriptionRelease") == ["HELD_ABOVE"]
    assert ((await held()).status, (await held()).holder_id) == ("HOLD", holder)

    assert await offered(lifts)
    assert await tried_at(lifts, "subscriptionRelease") == []
    assert ((await held()).status, (await held()).holder_id) == ("ACTIVE", None)


@pytest.mark.parametrize("hold", ["accountCreditHold", "accountAdminHold"])
async def test_a_cancellation_and_reactivation_is_no_way_around_a_hold(
    store: Store, marked_world: World, hold: str
) -> None:
    await act(store, user_at(marked_world, 3), hold)
    assert await tried(store, marked_world, 4, "accountCancel") == []
    assert await tried(store, marked_world, 4, "accountReactivate") == ["HELD_ABOVE"]
    assert await status(store) == "CANCELLED"
    assert await tried(store, marked_world, 3, "accountReactivate") == []

    row = await account_row(store, HELD)
    assert (row.status, row.holder_id, row.holder_before_id) == ("ACTIVE", None, None)


async def test_the_holder_of_a_credit_hold_below_an_administrative_one_is_not_forgotten(
    store: Store, marked_world: World
) -> None:
    await act(store, user_at(marked_world, 2), "accountCreditHold")
    await act(store, user_at(marked_world, 4), "accountAdminHold")
    assert await tried(store, marked_world, 4, "accountAdminRelease") == []
    assert await status(store) == "CREDIT_HOLD"
    assert await tried(store, marked_world, 4, "accountCreditRelease") == ["HELD_ABOVE"]
    await act(store, user_at(marked_world, 4), "accountAdminHold")
    await tried(store, marked_world, 4, "accountCancel")
    assert await tried(store, marked_world, 4, "accountReactivate") == ["HELD_ABOVE"]

    assert await tried(store, marked_world, 2, "accountReactivate") == []


async def test_a_hold_whose_holder_is_not_above_any_more_is_lifted_by_any_vendor(
    store: Store, marked_world: World
) -> None:
    await act(store, user_at(marked_world, 2), "accountCreditHold")
    await people.change(store, f"UPDATE account SET holder_id = 9 WHERE id = {HELD}")

    assert await tried(store, marked_world, 4, "accountCreditRelease") == []


async def shown(store: Store, world: World, place: int) -> Any:
    fields = "status statusReason heldBy holder { id } allowedActions"
    return (await ask(store, user_at(world, place), f'{{ account(id: "acc_{HELD}") {{ {fields} }} }}')).data["account"]


async def test_everybody_is_shown_as_much_of_a_hold_as_they_can_see_and_offered_what_they_can_do(
    store: Store, marked_world: World
) -> None:
    await act(store, user_at(marked_world, 3), "accountCreditHold", reason="Three reminders")
    of = {place: await shown(store, marked_world, place) for place in (2, 3, 4, HELD)}

    assert {each["statusReason"] for each in of.values()} == {"Three reminders"}
    assert {each["heldBy"] for each in of.values()} == {"PERSON"}
    assert [each["holder"] for each in of.values()] == [{"id": "acc_3"}, {"id": "acc_3"}, None, None]
    offered = ["ACCOUNT_CREDIT_RELEASE" in each["allowedActions"] for each in of.values()]
    assert offered == [True, True, False, False]
    await act(store, user_at(marked_world, 3), "accountCreditRelease")
    after = await shown(store, marked_world, 4)
    assert (after["heldBy"], after["holder"], after["status"]) == (None, None, "ACTIVE")


async def test_an_administrative_hold_is_a_person_s(store: Store, marked_world: World) -> None:
    await act(store, user_at(marked_world, 4), "accountAdminHold")
    shows = await shown(store, marked_world, 4)

    assert (shows["heldBy"], shows["holder"]) == ("PERSON", {"id": "acc_4"})


async def test_the_notice_says_why_and_the_change_log_not_who_stands_above(store: Store, marked_world: World) -> None:
    for reason in ("Three reminders", None):
        await act(store, user_at(marked_world, 2), "accountCreditHold", reason=reason)
        await act(store, user_at(marked_world, 2), "accountCreditRelease")
    mails = [row for row in await rows_of(store, Mail) if row.template == "HOLD_NOTICE"]
    told = [orjson.loads(row.data)["reason"] for row in mails]
    logged = [row.after + row.before for row in await rows_of(store, Audit) if row.object_id == HELD]

    assert sorted(set(told)) == ["No reason was given.", "Three reminders"]
    assert logged
    assert not [each for each in logged if "holder" in each]


async def test_of_a_hold_by_the_vendor_and_one_from_above_at_once_one_is_put(store: Store, marked_world: World) -> None:
    done = await asyncio.gather(*(act(store, user_at(marked_world, place), "accountCreditHold") for place in (2, 3, 4)))

    # Who reads the version only after the first has put it is told that it is held.
    first, *others = sorted(map(codes, done))
    assert (first, len(others)) == ([], 2)
    assert all(each in (["CONFLICT"], ["WRONG_STATE"]) for each in others)
    holder = (await account_row(store, HELD)).holder_id
    assert [2, 3, 4][[codes(each) for each in done].index([])] == holder
