"""Transfers of many: a result for each, all or nothing where that is asked for, never more than one waits for."""

import asyncio
from typing import Any

import pytest

from models import SubscriptionItem
from models.store import Store
from resolvers import transfer
from resolvers.caller import Caller
from tests import people
from tests.changes import account_row, change, codes, do, new_key, rows_of, traces, user_at
from tests.hierarchy import World, path_of
from tests.moving import TRANSFER, findings, move, places

BULK = f"{TRANSFER}Bulk"
BOTH_WAYS = pytest.mark.parametrize("is_atomic", [False, True])


@pytest.fixture
async def store(own_marked_store: Store) -> Store:
    """The hierarchy, in which no order is under way."""
    await people.change(own_marked_store, "UPDATE orders SET status = 'COMPLETED'")
    return own_marked_store


@pytest.fixture
def provider(marked_world: World) -> Caller:
    """The provider's administrator."""
    return user_at(marked_world, 1)


@pytest.fixture
def caller(marked_world: World) -> Caller:
    """The administrator of reseller 2, above 3, 7 and 8; 4 and 6 lie below 3, and 5 below 4."""
    return user_at(marked_world, 2)


def items(*moves: tuple[int, int], version: int = 1) -> list[dict[str, Any]]:
    """Accounts and their new vendors."""
    return [
        {"account": f"acc_{account}", "vendor": f"acc_{vendor}", "expectedVersion": version}
        for account, vendor in moves
    ]


def result_codes(payload: Any) -> list[list[str]]:
    return [codes(result) for result in payload["results"]]


async def parents(store: Store, *accounts: int) -> list[int]:
    return [(await account_row(store, account)).parent_id for account in accounts]


@BOTH_WAYS
async def test_a_subtree_and_a_part_of_it_move_in_one_bulk(store: Store, provider: Caller, is_atomic: bool) -> None:
    known = await findings(store)
    payload = await do(store, provider, BULK, items=items((8, 4), (3, 10), (4, 2)), isAtomic=is_atomic)

    assert (payload["userErrors"], result_codes(payload)) == ([], [[], [], []])
    assert [each["account"]["id"] for each in payload["results"]] == ["acc_8", "acc_3", "acc_4"]
    assert await parents(store, 8, 3, 4) == [4, 10, 2]
    assert (await account_row(store, 8)).path.startswith((await account_row(store, 4)).path)
    assert await findings(store) - known == set()


async def test_what_is_refused_leaves_the_others_alone(store: Store, caller: Caller) -> None:
    given = [*items((9, 4), (3, 4), (8, 4)), *items((7, 4)), *items((6, 4), version=5)]
    payload = await do(store, caller, BULK, items=given)

    assert result_codes(payload) == [["NOT_FOUND"], ["CYCLE"], [], ["NOT_OFFERED"], ["CONFLICT"]]
    assert payload["results"][1]["userErrors"][0]["path"] == ["items", "1", "vendor"]
    assert await parents(store, 3, 8, 7, 6) == [2, 4, 2, 3]


async def test_all_or_nothing_is_nothing_when_one_is_refused(store: Store, caller: Caller) -> None:
    before, log = await places(store), await traces(store)
    payload = await do(store, caller, BULK, items=items((8, 4), (7, 4), (3, 4)), isAtomic=True)
    after = await traces(store)

    assert result_codes(payload) == [["ROLLED_BACK"], ["NOT_OFFERED"], ["CYCLE"]]
    assert {table: rows for table, rows in (await places(store)).items() if rows != before[table]} == {}
    assert (after.changes, after.events) == (log.changes, log.events)


async def test_two_bulks_in_opposite_orders_take_turns_and_none_has_to_begin_again(
    store: Store, provider: Caller
) -> None:
    known, waits = await findings(store), []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async def moved(*moves: tuple[int, int]) -> list[list[str]]:
        document = (
            f"mutation($i: AccountTransferBulkInput!) {{ {BULK}(input: $i) {{ results {{ userErrors {{ code }} }} }} }}"
        )
        variables = {"i": {"items": items(*moves), "isAtomic": True, "idempotencyKey": new_key()}}
        answer = await change(store, provider, document, variables, sleep=sleep)
        assert answer.errors == []
        return result_codes(answer.data[BULK])

    done = await asyncio.gather(moved((4, 10), (8, 10)), moved((10, 4), (8, 4)))

    # Whoever comes first does both; to the other the first is a circle, and the second another version.
    assert sorted(done) == [[["CYCLE"], ["CONFLICT"]], [[], []]] or sorted(done) == [
        [[], []],
        [["CYCLE"], ["CONFLICT"]],
    ]
    assert waits == []
    assert await findings(store) - known == set()


# Too much at once


async def test_more_accounts_than_can_be_moved_at_once_are_told_what_to_do(
    store: Store, provider: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MOST_ACCOUNTS", 3)
    (error,) = (await move(store, provider, 3, 10))["userErrors"]

    assert (error["path"], error["code"]) == (["account"], "TOO_LONG")
    assert error["message"] == (
        "It is 4 accounts; at most 3 are moved at once. Create it anew below its new vendor, move what lies below it"
        " there part by part, and cancel it."
    )
    assert codes(await move(store, provider, 4, 10)) == []


@BOTH_WAYS
async def test_all_of_a_bulk_that_is_all_or_nothing_count_together(
    store: Store, provider: Caller, monkeypatch: pytest.MonkeyPatch, is_atomic: bool
) -> None:
    monkeypatch.setattr(transfer, "MOST_ACCOUNTS", 2)
    payload = await do(store, provider, BULK, items=items((4, 10), (8, 10)), isAtomic=is_atomic)

    assert result_codes(payload) == ([["ROLLED_BACK"], ["TOO_LONG"]] if is_atomic else [[], []])


async def test_more_services_than_can_be_moved_at_once_are_refused(
    store: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = [row for row in await rows_of(store, SubscriptionItem) if row.path == path_of(8)]
    charges = 5 * len(services)  # below 4 there are five edges
    monkeypatch.setattr(transfer, "MOST_CHARGES", charges - 1)
    payload = await move(store, caller, 8, 4)

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["account"], "TOO_LONG")]
    monkeypatch.setattr(transfer, "MOST_CHARGES", charges)
    assert codes(await move(store, caller, 8, 4)) == []


async def test_what_would_cost_more_than_can_be_counted_is_refused(store: Store, caller: Caller) -> None:
    huge = 9_000_000_000_000_000
    await people.change(store, f"UPDATE price SET amount_micros = {huge} WHERE seller_path = '{path_of(4)}'")
    payload = await move(store, caller, 8, 4)

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["vendor"], "OUT_OF_RANGE")]
    assert await parents(store, 8) == [2]


async def test_however_many_services_move_their_charges_are_written_by_one_statement(
    store: Store, provider: Caller
) -> None:
    document = f"mutation($i: AccountTransferInput!) {{ {TRANSFER}(input: $i) {{ userErrors {{ code }} }} }}"
    variables = {"i": items((3, 10))[0] | {"idempotencyKey": new_key()}}
    answer = await change(store, provider, document, variables)
    written = [each for each in answer.sent if each.is_write and each.target == "subscription_charge"]

    assert codes(answer.data[TRANSFER]) == []
    assert len([each for each in written if each.text("sqlite")[0].startswith("INSERT")]) == 1
