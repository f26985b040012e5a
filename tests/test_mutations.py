"""How any operation runs: refused alike for hidden and absent, done once, wholly or not at all, and told afterwards."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from models import Audit, Event
from models.beyond import announce
from models.scope import Reach, Scope
from models.store import Store, StoreTimeoutError
from models.writer import TryAgainError, Writer
from resolvers.caller import Caller
from resolvers.errors import UserErrorCode
from resolvers.operation import OPERATIONS
from resolvers.privileges import Privilege
from tests import people
from tests.asking import caller_at
from tests.changes import (
    Traces,
    account_row,
    as_it_was,
    change,
    codes,
    do,
    logged,
    new_key,
    rows_of,
    traces,
    try_to,
    user_at,
    user_of,
)
from tests.databases import Databases
from tests.documents import GRAPH
from tests.hierarchy import World, path_of
from tests.worlds import holding

HOLD, RELEASE = "accountCreditHold", "accountCreditRelease"


@pytest.fixture(scope="module")
async def kept_store(databases: Databases, marked_world: World) -> AsyncIterator[Store]:
    """A copy of the hierarchy for this file."""
    async with holding(databases, "marked", marked_world) as store:
        yield store


@pytest.fixture
async def store(kept_store: Store, marked_world: World) -> AsyncIterator[Store]:
    """The same for each test: what one has changed is taken back before the next."""
    yield kept_store
    await as_it_was(kept_store, marked_world)


@pytest.fixture
def caller(marked_world: World) -> Caller:
    """The administrator of reseller 2, above 3, 7 and 8."""
    return user_at(marked_world, 2)


# One change


async def test_a_change_is_answered_with_the_object_as_it_has_become(store: Store, caller: Caller) -> None:
    payload = await do(store, caller, HOLD, account="acc_7", expectedVersion=1)

    assert payload["account"]["status"] == "CREDIT_HOLD"
    assert (payload["account"]["version"], payload["currentVersion"], payload["userErrors"]) == (2, 2, [])
    row = await account_row(store, 7)
    assert (row.status, row.version) == ("CREDIT_HOLD", 2)
    assert str(row.updated_at) > "2026-11-01"


async def test_a_change_is_logged_with_the_columns_that_changed_and_who_did_it(
    store: Store, caller: Caller, marked_world: World
) -> None:
    before, name = await traces(store), (await account_row(store, 7)).name
    await do(store, caller, "accountUpdate", account="acc_7", expectedVersion=1, language="de", name="New")
    row = max(await rows_of(store, Audit), key=lambda each: str(each.at))

    assert await logged(store, before) == [("account", 7, {"language": ("en", "de"), "name": (name, "New")})]
    assert (row.operation, row.path, row.actor_path) == ("accountUpdate", path_of(7), path_of(2))
    assert (row.actor_user_id, row.actor_client_id, row.acting_path) == (user_of(marked_world, 2), None, None)
    assert row.actor_name.startswith("LEAK-2-app_user-")


async def test_a_program_s_change_is_logged_under_its_name(store: Store, marked_world: World) -> None:
    client = next(row for row in marked_world["api_client"] if row["account_id"] == 2)
    caller = Caller(path=path_of(2), privileges=frozenset({Privilege.ACCOUNTS_HOLD_CREDIT}), client_id=client["id"])
    document = "mutation($input: AccountCreditHoldInput!) { accountCreditHold(input: $input) { userErrors { code } } }"
    given = {"account": "acc_7", "expectedVersion": 1, "idempotencyKey": new_key()}
    answer = await change(store, caller, document, {"input": given})
    row = max(await rows_of(store, Audit), key=lambda each: str(each.at))

    assert (answer.errors, answer.data) == ([], {"accountCreditHold": {"userErrors": []}})
    assert (row.actor_user_id, row.actor_client_id, row.actor_name) == (None, client["id"], client["name"])


async def test_a_change_is_announced_once(store: Store, caller: Caller) -> None:
    contacts = [{"firstName": "Ada", "lastName": "Byron", "email": f"{at}@example.com"} for at in range(3)]
    await do(store, caller, "accountUpdate", account="acc_7", expectedVersion=1, name="New", contacts=contacts)

    (event,) = await rows_of(store, Event)
    assert (event.topic, event.kind, event.object_id, event.path) == ("ACCOUNT", "CHANGED", 7, path_of(7))


async def test_what_is_so_already_leaves_no_trace(store: Store, caller: Caller) -> None:
    before = await traces(store)
    row = await account_row(store, 7)
    payload = await do(store, caller, "accountUpdate", account="acc_7", expectedVersion=1, language=row.language)
    after = await traces(store)

    assert (payload["userErrors"], payload["currentVersion"]) == ([], 1)
    assert after == Traces(before.answers + 1, before.changes, before.events)
    assert (await account_row(store, 7)).updated_at == row.updated_at


async def test_without_the_privilege_to_see_it_the_object_is_changed_and_not_shown(
    store: Store, marked_world: World
) -> None:
    blind = user_at(marked_world, 2, privileges=frozenset({Privilege.ACCOUNTS_HOLD_CREDIT}))
    answer = await try_to(store, blind, HOLD, account="acc_7", expectedVersion=1)

    assert answer.data[HOLD] == {"account": None, "currentVersion": 2, "userErrors": []}
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [
        ([HOLD, "account"], "FORBIDDEN")
    ]


# Refusals


HIDDEN = ["acc_9", "acc_12", "acc_1", "acc_13"]
ABSENT = ["acc_999", "acc_0", "usr_7", "sub_7", "nonsense", "", "acc_7 ", f"acc_{2**63}", "\U0001f600"]


@pytest.mark.parametrize("mutation", [HOLD, RELEASE, "accountUpdate"])
async def test_a_hidden_target_is_refused_like_an_absent_one(store: Store, caller: Caller, mutation: str) -> None:
    asked = [await try_to(store, caller, mutation, account=each, expectedVersion=1) for each in HIDDEN + ABSENT]

    assert {answer.bytes for answer in asked} == {asked[0].bytes}
    assert {tuple(map(id, answer.sent)) for answer in asked} == {tuple(map(id, asked[0].sent))}
    assert asked[0].data[mutation] == {
        "account": None,
        "currentVersion": None,
        "userErrors": [{"path": ["account"], "message": "There is no such account.", "code": "NOT_FOUND"}],
    }


async def test_a_bulk_refuses_hidden_targets_like_absent_ones(store: Store, caller: Caller) -> None:
    for is_atomic in (False, True):
        asked = []
        for two in (HIDDEN[:2], ABSENT[:2]):
            items = [{"account": each, "expectedVersion": 1} for each in (*two, "acc_2")]
            asked.append(await try_to(store, caller, f"{HOLD}Bulk", items=items, isAtomic=is_atomic))

        assert asked[0].bytes == asked[1].bytes
        assert len(asked[0].sent) == len(asked[1].sent)


async def _set(store: Store, account_id: int, what: str) -> None:
    await people.change(store, f"UPDATE account SET {what} WHERE id = {account_id}")


async def test_who_lacks_the_privilege_is_refused_at_the_field_whatever_the_id(
    store: Store, marked_world: World
) -> None:
    powerless = user_at(marked_world, 2, privileges=frozenset({Privilege.ACCOUNTS_VIEW}))
    before = await traces(store)
    for mutation in (HOLD, "accountUpdate"):
        asked = [
            await try_to(store, powerless, mutation, account=each, expectedVersion=1)
            for each in ("acc_7", *HIDDEN, *ABSENT)
        ]

        assert {(answer.bytes, answer.statements) for answer in asked} == {(asked[0].bytes, 0)}
        assert (asked[0].data, asked[0].codes) == ({mutation: None}, ["FORBIDDEN"])
        assert asked[0].errors[0]["path"] == [mutation]
    assert await traces(store) == before


async def test_an_old_version_is_refused_with_the_present_object(store: Store, caller: Caller) -> None:
    await do(store, caller, HOLD, account="acc_7", expectedVersion=1)
    before = await traces(store)
    payload = await do(store, caller, RELEASE, account="acc_7", expectedVersion=1)
    after = await traces(store)

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["expectedVersion"], "CONFLICT")]
    assert (payload["currentVersion"], payload["account"]["status"]) == (2, "CREDIT_HOLD")
    assert after == Traces(before.answers + 1, before.changes, before.events)


async def test_what_is_done_to_accounts_below_is_refused_for_one_s_own(store: Store, caller: Caller) -> None:
    payload = await do(store, caller, HOLD, account="acc_2", expectedVersion=1)

    assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["account"], "OWN_ACCOUNT")]
    assert payload["account"]["id"] == "acc_2"


@pytest.mark.parametrize("key", ["short", "", " " * 7, "x" * 201, "line\nbreak", "\u0000" * 8])
async def test_a_key_that_is_none_is_refused(store: Store, caller: Caller, key: str) -> None:
    for mutation, more in ((HOLD, {"account": "acc_7", "expectedVersion": 1}), (f"{HOLD}Bulk", {"items": []})):
        payload = await do(store, caller, mutation, idempotencyKey=key, **more)

        assert [(error["path"], error["code"]) for error in payload["userErrors"]] == [(["idempotencyKey"], "INVALID")]


@pytest.mark.parametrize(
    "given",
    [
        'account: "acc_7", idempotencyKey: "12345678"',
        'account: "acc_7", expectedVersion: 1',
        'expectedVersion: 1, idempotencyKey: "12345678"',
        'account: "acc_7", expectedVersion: "1", idempotencyKey: "12345678"',
        'account: "acc_7", expectedVersion: null, idempotencyKey: "12345678"',
        'account: "acc_7", expectedVersion: 1, idempotencyKey: "12345678", path: "x"',
    ],
)
async def test_an_input_of_another_shape_is_graphql_s_own_error(store: Store, caller: Caller, given: str) -> None:
    answer = await change(store, caller, f"mutation {{ {HOLD}(input: {{{given}}}) {{ currentVersion }} }}")

    assert (answer.data, set(answer.codes), answer.statements) == (None, {"BAD_REQUEST"}, 0)


async def test_who_was_just_deactivated_changes_nothing(store: Store, caller: Caller) -> None:
    before = await traces(store)
    await people.change(store, f"UPDATE app_user SET status = 'DEACTIVATED' WHERE id = {caller.user_id}")
    answer = await try_to(store, caller, HOLD, account="acc_7", expectedVersion=1)

    assert (answer.data, answer.codes) == ({HOLD: None}, ["UNAUTHENTICATED"])
    assert await traces(store) == before


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
    await _set(store, 7, "status = 'CREDIT_HOLD'")
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
    await _set(store, 7, f"path = '{path_of(9)}000007', parent_id = 9")
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
async def test_more_than_five_are_refused_before_anything_is_done(store: Store, caller: Caller, document: str) -> None:
    before = await traces(store)
    answer = await change(store, caller, document)

    assert (answer.data, answer.codes) == (None, ["BAD_REQUEST"])
    assert "At most 5" in answer.errors[0]["message"]
    assert await traces(store) == before


async def test_five_may_be_asked_for_also_beside_a_query_of_more(store: Store, caller: Caller) -> None:
    queries = " ".join(f"q{at}: viewer {{ reach }}" for at in range(9))
    answer = await change(store, caller, f"mutation {{ {_fields(*[(HOLD, 'acc_7', 1)] * 5)} }}")

    assert [answer.data[f"m{at}"]["userErrors"] for at in range(5)] == [[], *[[{"code": "CONFLICT"}]] * 4]
    assert (await change(store, caller, f"{{ {queries} }}")).errors == []


async def test_a_fragment_within_itself_is_refused_in_no_time(store: Store, caller: Caller) -> None:
    answer = await change(store, caller, "mutation { ...F } fragment F on Mutation { ...F ...F }")

    assert (answer.data, set(answer.codes)) == (None, {"BAD_REQUEST"})


# Declarations

TRIALS = {"orderEstimate", "orderValidate"}
"""Mutations that leave nothing behind, and so take no key: see `test_order_estimate.py`."""


def test_every_declared_operation_is_a_mutation_and_every_mutation_is_declared() -> None:
    root = GRAPH.mutation_type
    assert root is not None

    declared = set(OPERATIONS) | {f"{name}Bulk" for name, each in OPERATIONS.items() if each.is_bulk}
    assert set(root.fields) == declared | TRIALS
    for name, of in root.fields.items():
        assert list(of.args) == ["input"]
        if name in TRIALS:
            continue
        assert str(of.args["input"].type) == f"{name[0].upper()}{name[1:]}Input!"
        assert str(of.type) == f"{name[0].upper()}{name[1:]}Payload"


def test_every_mutation_takes_a_key_and_says_with_what_it_refuses() -> None:
    inputs: Any = {name: each for name, each in GRAPH.type_map.items() if name.endswith("Input")}
    root = GRAPH.mutation_type
    assert root is not None

    for name, of in ((name, of) for name, of in root.fields.items() if name not in TRIALS):
        assert str(inputs[str(of.args["input"].type).rstrip("!")].fields["idempotencyKey"].type) == "String!"
        told = {code for code in UserErrorCode if f"`{code}`" in (of.description or "")}
        assert told >= {UserErrorCode.INVALID} or name.endswith("Bulk")


def test_reach_and_version_are_the_same_for_all(marked_world: World) -> None:
    assert user_at(marked_world, 7).reach is Reach.OWN
    assert all(each.target is None or each.target.by in each.input.model_fields for each in OPERATIONS.values())
