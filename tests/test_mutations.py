"""What any operation answers and leaves behind, and what it refuses: alike for hidden and absent."""

from typing import Any

import pytest

from models import Audit, Event
from models.scope import Reach
from models.store import Store
from resolvers.caller import Caller
from resolvers.errors import UserErrorCode
from resolvers.operation import OPERATIONS
from resolvers.privileges import Privilege
from tests import people
from tests.changes import (
    Traces,
    account_row,
    change,
    do,
    logged,
    new_key,
    rows_of,
    traces,
    try_to,
    user_at,
    user_of,
)
from tests.documents import GRAPH
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

    assert (answer.data, set(answer.codes), answer.statements) == (None, {"GRAPHQL_VALIDATION_FAILED"}, 0)


async def test_who_was_just_deactivated_changes_nothing(store: Store, caller: Caller) -> None:
    before = await traces(store)
    await people.change(store, f"UPDATE app_user SET status = 'DEACTIVATED' WHERE id = {caller.user_id}")
    answer = await try_to(store, caller, HOLD, account="acc_7", expectedVersion=1)

    assert (answer.data, answer.codes) == ({HOLD: None}, ["UNAUTHENTICATED"])
    assert await traces(store) == before


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
