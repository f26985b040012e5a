"""Operations on many things at once: a result for each, and all or nothing where that is asked for."""

import asyncio
from typing import Any

import pytest

from models.beyond import announce
from models.store import Store
from resolvers.caller import Caller
from resolvers.errors import ForbiddenError
from resolvers.operation import OPERATIONS
from resolvers.perform import Item, perform, perform_many
from resolvers.run import Business
from tests.changes import Traces, account_row, codes, do, new_key, traces, try_to, user_at
from tests.hierarchy import World

HOLD, HOLD_BULK, RELEASE_BULK = "accountCreditHold", "accountCreditHoldBulk", "accountCreditReleaseBulk"
BOTH_WAYS = pytest.mark.parametrize("is_atomic", [False, True])


@pytest.fixture
def store(restored_store: Store) -> Store:
    """The hierarchy, every text naming its row; what a test has changed is taken back before the next."""
    return restored_store


@pytest.fixture
def caller(marked_world: World) -> Caller:
    """The administrator of reseller 2, above 3, 7 and 8."""
    return user_at(marked_world, 2)


def items(*accounts: int, version: int = 1) -> list[dict[str, Any]]:
    return [{"account": f"acc_{account}", "expectedVersion": version} for account in accounts]


def result_codes(payload: Any) -> list[list[str]]:
    return [codes(result) for result in payload["results"]]


async def statuses(store: Store, *accounts: int) -> list[str]:
    return [(await account_row(store, account)).status for account in accounts]


@BOTH_WAYS
async def test_each_item_has_a_result_in_its_place(store: Store, caller: Caller, is_atomic: bool) -> None:
    payload = await do(store, caller, HOLD_BULK, items=items(8, 3, 7), isAtomic=is_atomic)

    assert [(each["index"], each["account"]["id"], each["currentVersion"]) for each in payload["results"]] == [
        (0, "acc_8", 2), (1, "acc_3", 2), (2, "acc_7", 2),
    ]  # fmt: skip
    assert (payload["userErrors"], result_codes(payload)) == ([], [[], [], []])
    assert await statuses(store, 8, 3, 7) == ["CREDIT_HOLD"] * 3


async def test_what_is_refused_leaves_the_others_alone(store: Store, caller: Caller) -> None:
    given = [*items(8), *items(9), *items(7, version=5), *items(2), *items(3)]
    payload = await do(store, caller, HOLD_BULK, items=given)

    assert result_codes(payload) == [[], ["NOT_FOUND"], ["CONFLICT"], ["OWN_ACCOUNT"], []]
    assert [error["path"] for each in payload["results"] for error in each["userErrors"]] == [
        ["items", "1", "account"], ["items", "2", "expectedVersion"], ["items", "3", "account"],
    ]  # fmt: skip
    assert await statuses(store, 8, 7, 3) == ["CREDIT_HOLD", "ACTIVE", "CREDIT_HOLD"]


async def test_all_or_nothing_is_nothing_when_one_is_refused_and_tells_all_that_is_wrong(
    store: Store, caller: Caller
) -> None:
    before = await traces(store)
    given = [*items(8), *items(9), *items(7, version=5), *items(3)]
    payload = await do(store, caller, HOLD_BULK, items=given, isAtomic=True)
    after = await traces(store)

    assert result_codes(payload) == [["ROLLED_BACK"], ["NOT_FOUND"], ["CONFLICT"], ["ROLLED_BACK"]]
    assert payload["results"][0]["account"]["status"] == "ACTIVE"
    assert await statuses(store, 8, 7, 3) == ["ACTIVE"] * 3
    assert after == Traces(before.answers + 1, before.changes, before.events)


@BOTH_WAYS
async def test_an_item_of_a_wrong_form_is_refused_by_itself(store: Store, caller: Caller, is_atomic: bool) -> None:
    given = [{**items(7)[0], "name": "New"}, {**items(8)[0], "attributes": [{"name": "a", "value": ""}]}]
    payload = await do(store, caller, "accountUpdateBulk", items=given, isAtomic=is_atomic)

    assert result_codes(payload) == [["ROLLED_BACK"] if is_atomic else [], ["REQUIRED"]]
    assert payload["results"][1]["userErrors"][0]["path"] == ["items", "1", "attributes", "0", "value"]
    assert ((await account_row(store, 7)).name == "New") is not is_atomic


@BOTH_WAYS
async def test_the_second_item_about_one_target_is_refused(store: Store, caller: Caller, is_atomic: bool) -> None:
    given = [*items(7), *items(8), *items(7, version=2), *items(9), *items(12)]
    payload = await do(store, caller, HOLD_BULK, items=given, isAtomic=is_atomic)

    assert result_codes(payload)[2:] == [["DUPLICATE_TARGET"], ["NOT_FOUND"], ["NOT_FOUND"]]
    assert payload["results"][2]["userErrors"][0]["path"] == ["items", "2", "account"]


@pytest.mark.parametrize(("number", "code"), [(0, "REQUIRED"), (101, "TOO_LONG")])
async def test_none_and_more_than_a_hundred_are_refused(store: Store, caller: Caller, number: int, code: str) -> None:
    before = await traces(store)
    payload = await do(store, caller, HOLD_BULK, items=items(*[7] * number))

    assert (payload["results"], codes(payload)) == ([], [code])
    assert payload["userErrors"][0]["path"] == ["items"]
    assert await traces(store) == before


async def test_a_hundred_are_done(store: Store, caller: Caller) -> None:
    payload = await do(store, caller, HOLD_BULK, items=items(*range(100, 198), 7, 8))

    assert result_codes(payload) == [["NOT_FOUND"]] * 98 + [[], []]


@BOTH_WAYS
async def test_the_same_again_gives_the_same_answer_and_does_nothing(
    store: Store, caller: Caller, is_atomic: bool
) -> None:
    given = {"items": [*items(8), *items(7, version=3)], "isAtomic": is_atomic, "idempotencyKey": new_key()}
    first = await try_to(store, caller, HOLD_BULK, **given)
    before = await traces(store)
    second = await try_to(store, caller, HOLD_BULK, **given)

    assert first.bytes == second.bytes
    assert await traces(store) == before


@BOTH_WAYS
async def test_the_same_at_once_is_done_once(store: Store, caller: Caller, is_atomic: bool) -> None:
    before = await traces(store)
    given = {"items": items(8, 7, 3), "isAtomic": is_atomic, "idempotencyKey": new_key()}
    payloads = await asyncio.gather(*(do(store, caller, HOLD_BULK, **given) for _ in range(4)))

    assert [result_codes(payload) for payload in payloads] == [[[], [], []]] * 4
    assert (await traces(store)).changes == before.changes + 3


@pytest.mark.parametrize("other", [{"items": items(8)}, {"items": items(8, 7, 3)}, {"isAtomic": True}])
async def test_a_key_is_refused_for_another_input(store: Store, caller: Caller, other: dict[str, Any]) -> None:
    given = {"items": items(8, 7), "isAtomic": False, "idempotencyKey": new_key()}
    await do(store, caller, HOLD_BULK, **given)
    before = await traces(store)
    payload = await do(store, caller, HOLD_BULK, **given | other)

    assert (payload["results"], codes(payload)) == ([], ["IDEMPOTENCY_KEY_REUSED"])
    assert await traces(store) == before


async def test_one_and_many_have_keys_of_their_own(store: Store, caller: Caller) -> None:
    key = new_key()
    await do(store, caller, HOLD_BULK, items=items(7), idempotencyKey=key)

    assert codes(await do(store, caller, HOLD, **items(8)[0], idempotencyKey=key)) == []
    assert codes(await do(store, caller, HOLD, **items(3)[0], idempotencyKey=f"{key}#0")) == []


async def test_what_broke_off_half_way_goes_on_under_the_same_key(
    store: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish, finished = announce.finish, 0

    async def breaking(*arguments: Any) -> None:
        nonlocal finished
        finished += 1
        if finished == 3:  # the reservation, the first item, the second
            raise RuntimeError
        await finish(*arguments)

    before = await traces(store)
    given = {"items": items(8, 7, 3), "idempotencyKey": new_key()}
    with monkeypatch.context() as patched:
        patched.setattr(announce, "finish", breaking)
        assert (await try_to(store, caller, HOLD_BULK, **given)).codes == ["INTERNAL"]
    assert await statuses(store, 8, 7, 3) == ["CREDIT_HOLD", "ACTIVE", "ACTIVE"]
    payload = await do(store, caller, HOLD_BULK, **given)

    assert result_codes(payload) == [[], [], []]
    assert await statuses(store, 8, 7, 3) == ["CREDIT_HOLD"] * 3
    assert (await traces(store)).changes == before.changes + 3


async def test_all_or_nothing_is_nothing_when_it_breaks_off(
    store: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaking(*_: Any) -> None:
        raise RuntimeError

    before = await traces(store)
    given = {"items": items(8, 7), "isAtomic": True, "idempotencyKey": new_key()}
    with monkeypatch.context() as patched:
        patched.setattr(announce, "finish", breaking)
        assert (await try_to(store, caller, HOLD_BULK, **given)).codes == ["INTERNAL"]

    assert await statuses(store, 8, 7) == ["ACTIVE", "ACTIVE"]
    assert await traces(store) == before


async def test_two_at_once_in_opposite_orders_do_not_block_each_other(
    store: Store, caller: Caller, marked_world: World
) -> None:
    provider = user_at(marked_world, 1)
    for turn in range(3):
        version = 2 * turn + 1
        asked = await asyncio.gather(
            do(store, caller, HOLD_BULK, items=items(3, 7, 8, version=version), isAtomic=True),
            do(store, provider, HOLD_BULK, items=items(8, 7, 3, version=version), isAtomic=True),
        )
        assert sorted(map(str, map(result_codes, asked))) == [
            "[['CONFLICT'], ['CONFLICT'], ['CONFLICT']]",
            "[[], [], []]",
        ]
        # By the provider: what it put, nobody below it lifts.
        await do(store, provider, RELEASE_BULK, items=items(3, 7, 8, version=version + 1), isAtomic=True)


async def test_a_bulk_takes_the_same_privilege(store: Store, marked_world: World) -> None:
    powerless = user_at(marked_world, 2, privileges=frozenset())
    answer = await try_to(store, powerless, HOLD_BULK, items=items(7))

    assert (answer.data, answer.codes, answer.statements) == ({HOLD_BULK: None}, ["FORBIDDEN"], 0)


async def test_the_privilege_is_asked_for_even_if_graphql_had_not(store: Store, marked_world: World) -> None:
    powerless, operation = user_at(marked_world, 2, privileges=frozenset()), OPERATIONS[HOLD]
    item = Item({"account": 7}, 1)

    with pytest.raises(ForbiddenError):
        await perform(Business(store), powerless, operation, item, new_key())
    with pytest.raises(ForbiddenError):
        await perform_many(Business(store), powerless, operation, [item], new_key(), is_atomic=False)
