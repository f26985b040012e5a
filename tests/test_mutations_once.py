"""Any operation is done once, wholly or not at all, however often it is sent and whatever comes between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from models.beyond import announce
from models.scope import Scope
from models.store import Store, StoreTimeoutError
from models.writer import TryAgainError, Writer
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from schema import executor
from schema.limits.bounds import Bounds
from tests.asking import caller_at
from tests.changes import (
    Traces,
    account_row,
    change,
    codes,
    do,
    new_key,
    set_account,
    traces,
    try_to,
    user_at,
    user_of,
)
from tests.hierarchy import World, path_of

HOLD, RELEASE = "accountCreditHold", "accountCreditRelease"


@pytest.fixture
def store(restored_store: Store) -> Store:
    """The hierarchy, every text naming its row; what a test has changed is taken back before the next."""
    return restored_store


@pytest.fixture
def caller(marked_world: World) -> Caller:
    """The administrator of reseller 2, above 3, 7 and 8."""
    return user_at(marked_world, 2)


# The same again


async def test_the_same_key_and_input_give_the_same_answer_and_do_nothing(store: Store, caller: Caller) -> None:
    given = {"account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key()}
    first = await try_to(store, caller, HOLD, **given)
    before = await traces(store)
    second = await try_to(store, caller, HOLD, **given)

    assert first.bytes == second.bytes
    assert await traces(store) == before


async def test_a_refusal_is_given_again_though_it_would_be_done_now(store: Store, caller: Caller) -> None:
    given = {"account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key()}
    first = await do(store, caller, RELEASE, **given)
    await set_account(store, 7, "status = 'CREDIT_HOLD'")
    second = await do(store, caller, RELEASE, **given)

    assert codes(first) == ["WRONG_STATE"]
    assert second["userErrors"] == first["userErrors"]
    assert second["account"]["status"] == "CREDIT_HOLD"


async def test_a_refusal_for_the_input_s_form_is_not_kept(store: Store, caller: Caller) -> None:
    given = {"account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key()}

    assert codes(await do(store, caller, "accountUpdate", name="", **given)) == ["REQUIRED"]
    assert codes(await do(store, caller, "accountUpdate", name="New", **given)) == []


@pytest.mark.parametrize(
    "other", [{"account": "acc_8"}, {"expectedVersion": 2}, {"account": "acc_9"}, {"account": "nonsense"}]
)
async def test_a_key_is_refused_for_another_input(store: Store, caller: Caller, other: dict[str, Any]) -> None:
    given = {"account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key()}
    await do(store, caller, HOLD, **given)
    before = await traces(store)
    payload = await do(store, caller, HOLD, **given | other)

    assert [error["path"] for error in payload["userErrors"]] == [["idempotencyKey"]]
    assert (codes(payload), payload["account"]) == (["IDEMPOTENCY_KEY_REUSED"], None)
    assert await traces(store) == before


async def test_what_was_left_out_is_another_input_than_null(store: Store, caller: Caller) -> None:
    given = {"account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key()}
    await do(store, caller, "accountUpdate", **given)

    assert codes(await do(store, caller, "accountUpdate", externalId=None, **given)) == ["IDEMPOTENCY_KEY_REUSED"]


async def test_a_key_is_its_caller_s_and_its_operation_s_own(store: Store, caller: Caller, marked_world: World) -> None:
    key, provider = new_key(), user_at(marked_world, 1)
    colleague = caller_at(2, user_id=user_of(marked_world, 2, "SERVICE_USER"))
    given = {"account": "acc_7", "idempotencyKey": key}

    assert codes(await do(store, caller, HOLD, expectedVersion=1, **given)) == []
    assert codes(await do(store, caller, RELEASE, expectedVersion=2, **given)) == []
    assert codes(await do(store, colleague, HOLD, expectedVersion=3, **given)) == []
    assert codes(await do(store, provider, RELEASE, expectedVersion=4, **given)) == []


async def test_an_answer_that_is_given_again_shows_only_what_the_caller_sees_now(store: Store, caller: Caller) -> None:
    given = {"account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key()}
    await do(store, caller, HOLD, **given)
    await set_account(store, 7, f"path = '{path_of(9)}000007', parent_id = 9")
    again = await do(store, caller, HOLD, **given)

    assert again == {"account": None, "currentVersion": None, "userErrors": []}


async def test_the_same_at_once_is_done_once(store: Store, caller: Caller) -> None:
    before = await traces(store)
    given = {"account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key()}
    payloads = await asyncio.gather(*(do(store, caller, HOLD, **given) for _ in range(6)))

    assert payloads == [payloads[0]] * 6
    assert (codes(payloads[0]), payloads[0]["currentVersion"]) == ([], 2)
    assert await traces(store) == Traces(before.answers + 1, before.changes + 1, before.events + 1)


async def test_the_same_waits_for_what_comes_of_the_first(
    store: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second is started when the first holds the key and has not committed."""
    given = {"account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key()}
    order: list[str] = []
    second: list[asyncio.Task[Any]] = []
    finish = announce.finish

    async def slow(*arguments: Any) -> None:
        if not second:
            second.append(asyncio.create_task(do(store, caller, HOLD, **given)))
            await asyncio.wait(second, timeout=0.2)
            order.append("second is through" if second[0].done() else "second waits")
        await finish(*arguments)

    monkeypatch.setattr(announce, "finish", slow)
    first = await do(store, caller, HOLD, **given)

    assert order == ["second waits"]
    assert await second[0] == first
    assert (await account_row(store, 7)).version == 2


async def test_of_two_changes_of_one_version_one_is_done(store: Store, caller: Caller) -> None:
    asked = await asyncio.gather(
        *(do(store, caller, "accountUpdate", account="acc_7", expectedVersion=1, name=f"Name {n}") for n in range(4))
    )

    assert sorted(map(codes, asked)) == [[], ["CONFLICT"], ["CONFLICT"], ["CONFLICT"]]
    assert {payload["currentVersion"] for payload in asked} == {2}


# Wholly or not at all


@pytest.mark.parametrize("broken", ["audit", "event", "finish"])
async def test_nothing_is_left_when_anything_fails(
    store: Store, caller: Caller, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("LEAK of a detail")

    before, row = await traces(store), await account_row(store, 7)
    given = {"account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key()}
    with monkeypatch.context() as patched:
        patched.setattr(announce, broken, fail)
        answer = await try_to(store, caller, HOLD, **given)

    assert (answer.data, answer.codes, b"LEAK" in answer.bytes) == ({HOLD: None}, ["INTERNAL"], False)
    assert (await traces(store), await account_row(store, 7)) == (before, row)
    assert codes(await do(store, caller, HOLD, **given)) == []


async def test_a_refusal_half_way_leaves_nothing(store: Store, caller: Caller, marked_world: World) -> None:
    """The name is written before the external id turns out to be taken."""
    taken = (await account_row(store, 8)).external_id
    before, row = await traces(store), await account_row(store, 7)
    given = {"account": "acc_7", "expectedVersion": 1, "name": "New", "externalId": taken}
    payload = await do(store, caller, "accountUpdate", **given)
    after = await traces(store)

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["externalId"], "TAKEN")]
    assert await account_row(store, 7) == row
    assert after == Traces(before.answers + 1, before.changes, before.events)


@dataclass
class LosingStore:
    """Loses so many times before it gives its writers."""

    store: Store
    error: Exception
    times: int

    @asynccontextmanager
    async def writer(self, scope: Scope) -> AsyncIterator[Writer]:
        async with self.store.writer(scope) as writer:
            yield writer
            if self.times:
                self.times -= 1
                raise self.error

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)


async def _after(store: Store, caller: Caller, error: Exception, times: int) -> tuple[Any, list[float]]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    losing: Any = LosingStore(store, error, times)
    given = f'{{account: "acc_7", expectedVersion: 1, idempotencyKey: "{new_key()}"}}'
    document = f"mutation {{ {HOLD}(input: {given}) {{ currentVersion userErrors {{ code }} }} }}"
    return await change(losing, caller, document, sleep=sleep), slept


async def test_what_lost_to_another_is_tried_again(store: Store, caller: Caller) -> None:
    answer, slept = await _after(store, caller, TryAgainError("deadlock"), 3)

    assert answer.data == {HOLD: {"currentVersion": 2, "userErrors": []}}
    assert [round(seconds / usual, 1) for seconds, usual in zip(slept, (0.02, 0.08, 0.32), strict=True)] == [
        pytest.approx(1, abs=0.51)
    ] * 3


@pytest.mark.parametrize(("error", "tries"), [(TryAgainError("deadlock"), 4), (StoreTimeoutError("5 s"), 1)])
async def test_what_always_loses_is_unavailable_and_not_done(
    store: Store, caller: Caller, error: Exception, tries: int
) -> None:
    before = await traces(store)
    answer, slept = await _after(store, caller, error, 9)

    assert (answer.data, answer.codes, len(slept)) == ({HOLD: None}, ["UNAVAILABLE"], tries - 1)
    assert await traces(store) == before


# Several in one operation


def _fields(*mutations: tuple[str, str, int], selection: str = "currentVersion userErrors { code }") -> str:
    return " ".join(
        f"m{at}: {name}(input: {{account: {account!r}, expectedVersion: {version},"
        f" idempotencyKey: {new_key()!r}}}) {{ {selection} }}".replace("'", '"')
        for at, (name, account, version) in enumerate(mutations)
    )


async def test_changes_are_made_one_after_the_other_and_each_sees_the_last(store: Store, caller: Caller) -> None:
    seen = 'account { status version } query { account(id: "acc_7") { status version } viewer { reach } }'
    fields = _fields((HOLD, "acc_7", 1), (RELEASE, "acc_7", 2), (HOLD, "acc_7", 3), selection=seen)
    answer = await change(store, caller, f"mutation {{ {fields} }}")

    assert answer.errors == []
    for version, name in ((2, "CREDIT_HOLD"), (3, "ACTIVE"), (4, "CREDIT_HOLD")):
        payload, state = answer.data[f"m{version - 2}"], {"status": name, "version": version}
        assert payload == {"account": state, "query": {"account": state, "viewer": {"reach": "SUBTREE"}}}


async def test_one_that_fails_leaves_the_others_alone(store: Store, caller: Caller, marked_world: World) -> None:
    narrow = user_at(marked_world, 2, privileges=frozenset({Privilege.ACCOUNTS_HOLD_CREDIT}))
    fields = _fields((HOLD, "acc_7", 1), ("accountUpdate", "acc_7", 2), (RELEASE, "acc_7", 2))
    answer = await change(store, narrow, f"mutation {{ {fields} }}")

    assert answer.data["m1"] is None
    assert [payload["userErrors"] for payload in (answer.data["m0"], answer.data["m2"])] == [[], []]
    assert [error["path"] for error in answer.errors] == [["m1"]]


_SIX = _fields(*[(HOLD, "acc_7", 1)] * 6)
_TOO_MANY = {
    "plainly": f"mutation {{ {_SIX} }}",
    "in a fragment": f"mutation {{ ...F }} fragment F on Mutation {{ {_SIX} }}",
    "in fragments of fragments": (
        f"mutation {{ ...F {_fields((HOLD, 'acc_7', 1)).replace('m0', 'x')} }}"
        " fragment F on Mutation { ... { ...G } }"
        f" fragment G on Mutation {{ {_fields(*[(HOLD, 'acc_7', 1)] * 5)} }}"
    ),
    "left out": f"mutation {{ ... @include(if: false) {{ {_SIX} }} }}",
}


@pytest.mark.parametrize("document", _TOO_MANY.values(), ids=_TOO_MANY)
def test_more_than_five_are_refused_before_anything_is_done(document: str) -> None:
    (error,) = executor.read(document, Bounds()).errors

    assert error.extensions == {"code": "LIMIT_EXCEEDED", "limit": "mutations", "value": 6, "maximum": 5}


async def test_five_may_be_asked_for_also_beside_a_query_of_more(store: Store, caller: Caller) -> None:
    queries = " ".join(f"q{at}: viewer {{ reach }}" for at in range(9))
    answer = await change(store, caller, f"mutation {{ {_fields(*[(HOLD, 'acc_7', 1)] * 5)} }}")

    assert [answer.data[f"m{at}"]["userErrors"] for at in range(5)] == [[], *[[{"code": "CONFLICT"}]] * 4]
    assert (await change(store, caller, f"{{ {queries} }}")).errors == []


async def test_a_fragment_within_itself_is_refused_in_no_time(store: Store, caller: Caller) -> None:
    answer = await change(store, caller, "mutation { ...F } fragment F on Mutation { ...F ...F }")

    assert (answer.data, set(answer.codes)) == (None, {"GRAPHQL_VALIDATION_FAILED"})
