"""The life of accounts through the API: every event in every state, and what follows from it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import (
    AccountStatus,
    Event,
    Mail,
    RefreshToken,
    Subscription,
    SubscriptionCharge,
    SubscriptionHold,
)
from models.check import check
from models.life import account as life
from models.life.account import AccountEvent
from models.life.standing import service_after
from models.life.subscription import HoldReason, SubscriptionEvent
from models.scope import Reach
from models.store import Store
from models.subscription import SubscriptionStatus
from resolvers.actions import allowed_actions
from resolvers.caller import Caller
from resolvers.privileges import Privilege
from tests import people
from tests.changes import account_row, change, codes, do, logged, new_key, rows_of, traces, try_to, user_at, user_of
from tests.databases import Databases
from tests.hierarchy import World, path_of
from tests.worlds import holding

MUTATIONS = {
    AccountEvent.ACTIVATE: "accountActivate",
    AccountEvent.CREDIT_HOLD: "accountCreditHold",
    AccountEvent.CREDIT_RELEASE: "accountCreditRelease",
    AccountEvent.ADMIN_HOLD: "accountAdminHold",
    AccountEvent.ADMIN_RELEASE: "accountAdminRelease",
    AccountEvent.CANCEL: "accountCancel",
    AccountEvent.REACTIVATE: "accountReactivate",
}
HOLD, RELEASE, CANCEL, REACTIVATE = "accountAdminHold", "accountAdminRelease", "accountCancel", "accountReactivate"


@pytest.fixture(scope="module")
async def kept_store(databases: Databases, marked_world: World) -> AsyncIterator[Store]:
    """A copy of the hierarchy for this file, in which no order is under way, and nothing is ever overdue."""
    async with holding(databases, "marked", marked_world) as store:
        await people.change(store, "UPDATE orders SET status = 'COMPLETED'")
        await people.change(store, "UPDATE invoice SET status = 'PAID'")
        yield store


@pytest.fixture
async def store(kept_store: Store) -> AsyncIterator[Store]:
    """The same for each test, with accounts and subscriptions as they were, and no answer, event or mail."""
    yield kept_store
    for text in (
        "UPDATE account SET status = 'ACTIVE', held_by = NULL, held_before = NULL, status_since = NULL,"
        " holder_id = NULL, holder_before_id = NULL, version = 1",
        "UPDATE subscription SET status = 'ACTIVE', version = 1",
        "UPDATE subscription_charge SET status = 'ACTIVE'",
        "DELETE FROM subscription_hold WHERE reason <> 'PERSON'",
        "DELETE FROM subscription_hold",
        "DELETE FROM outbox",
        "DELETE FROM idempotency",
        "DELETE FROM mail",
        "DELETE FROM job",
        "DELETE FROM refresh_token",
        "UPDATE app_user SET kind = 'SERVICE_USER' WHERE kind = 'ADMINISTRATOR' AND status = 'INVITED'",
        "UPDATE orders SET status = 'COMPLETED'",
    ):
        await people.change(kept_store, text)


@pytest.fixture
def caller(marked_world: World) -> Caller:
    """The administrator of reseller 2, above 3, 7 and 8."""
    return user_at(marked_world, 2)


async def put(store: Store, account_id: int, **columns: object) -> int:
    """Bring an account into a state by hand; returns its version."""
    texts = [f"{name} = {'NULL' if value is None else repr(value)}" for name, value in columns.items()]
    await people.change(store, f"UPDATE account SET {', '.join(texts)} WHERE id = {account_id}")
    return int((await account_row(store, account_id)).version)


async def act(store: Store, caller: Caller, mutation: str, account_id: int = 7, **more: Any) -> Any:
    """Do it to an account as it is now."""
    version = (await account_row(store, account_id)).version
    return await do(store, caller, mutation, account=f"acc_{account_id}", expectedVersion=version, **more)


async def services(store: Store, account_id: int = 7) -> list[tuple[str, set[str]]]:
    """State and reasons of an account's subscriptions."""
    reasons = [(row.subscription_id, row.reason) for row in await rows_of(store, SubscriptionHold)]
    return [
        (row.status, {reason for of, reason in reasons if of == row.id})
        for row in await rows_of(store, Subscription)
        if row.account_id == account_id
    ]


# The table


@pytest.mark.parametrize("event", MUTATIONS)
async def test_an_event_happens_in_the_states_of_the_table_and_is_refused_in_all_others(
    store: Store, caller: Caller, event: AccountEvent
) -> None:
    for status in AccountStatus:
        version = await put(store, 7, status=status.value, held_before=None)
        before = await traces(store)
        payload = await do(store, caller, MUTATIONS[event], account="acc_7", expectedVersion=version)
        row = await account_row(store, 7)
        if life.can(status, event):
            assert (codes(payload), row.status) == ([], life.after(status, event).value)
            assert (row.version, payload["account"]["status"]) == (version + 1, row.status)
        else:
            assert codes(payload) == ["WRONG_STATE"]
            needed = " or ".join(each.value for each in AccountStatus if life.can(each, event))
            message = f"The account is {status.value}. It would have to be {needed}."
            assert payload["userErrors"][0]["message"] == message
            assert (row.status, row.version, (await traces(store)).changes) == (status, version, before.changes)


async def test_what_is_offered_at_an_account_is_what_the_table_allows(store: Store, caller: Caller) -> None:
    for status in AccountStatus:
        await put(store, 7, status=status.value)
        offered = allowed_actions(caller, await account_row(store, 7))
        for event, mutation in MUTATIONS.items():
            action = "".join(f"_{letter}" if letter.isupper() else letter for letter in mutation).upper()
            assert (action in offered) is life.can(status, event)


@pytest.mark.parametrize(
    ("held_before", "expected"),
    [(None, "ACTIVE"), ("ACTIVE", "ACTIVE"), ("CREDIT_HOLD", "CREDIT_HOLD"), ("PENDING", "PENDING")],
)
async def test_an_administrative_release_leads_back_to_where_the_account_was(
    store: Store, caller: Caller, held_before: str | None, expected: str
) -> None:
    await put(store, 7, status="ADMIN_HOLD", held_before=held_before)
    assert codes(await act(store, caller, RELEASE)) == []

    row = await account_row(store, 7)
    assert (row.status, row.held_before) == (expected, None)


async def test_an_administrative_hold_remembers_what_the_account_was(store: Store, caller: Caller) -> None:
    await act(store, caller, "accountCreditHold")
    await act(store, caller, HOLD, reason="Fraud")
    row = await account_row(store, 7)
    assert (row.status, row.held_before, row.held_by, row.status_reason) == (
        "ADMIN_HOLD", "CREDIT_HOLD", "PERSON", "Fraud",
    )  # fmt: skip

    await act(store, caller, RELEASE)
    row = await account_row(store, 7)
    assert (row.status, row.held_by, row.status_reason) == ("CREDIT_HOLD", "PERSON", None)
    await act(store, caller, "accountCreditRelease")
    assert (await account_row(store, 7)).held_by is None


async def test_a_reason_is_kept_and_logged(store: Store, caller: Caller) -> None:
    before = await traces(store)
    await put(store, 7, status_reason=None)
    await act(store, caller, "accountCreditHold", reason="Two invoices are overdue")

    assert await logged(store, before) == [
        (
            "account",
            7,
            {
                "status": ("ACTIVE", "CREDIT_HOLD"),
                "status_reason": (None, "Two invoices are overdue"),
                "held_by": (None, "PERSON"),
            },
        )
    ]


# What follows for services


async def test_a_credit_hold_leaves_services_and_sign_in_alone(
    store: Store, caller: Caller, marked_world: World
) -> None:
    before = await services(store)
    await sign_in(store, user_of(marked_world, 7))
    await act(store, caller, "accountCreditHold")

    assert await services(store) == before
    assert await signed_in(store) == {user_of(marked_world, 7)}


async def test_an_administrative_hold_holds_the_account_s_services_and_no_others(store: Store, caller: Caller) -> None:
    await act(store, caller, HOLD, 3)

    assert await services(store, 3) == [("HOLD", {"ACCOUNT"})] * 2
    assert [status for status, _ in await services(store, 6)] == ["ACTIVE", "ACTIVE"]
    held = {row.id for row in await rows_of(store, Subscription) if row.status == "HOLD"}
    charges = {row.subscription_id for row in await rows_of(store, SubscriptionCharge) if row.status == "HOLD"}
    assert charges == held
    events = {(row.topic, row.object_id) for row in await rows_of(store, Event)}
    assert events == {("ACCOUNT", 3), *(("SUBSCRIPTION", each) for each in held)}


async def test_a_release_starts_what_the_hold_stopped_and_not_what_a_person_did(store: Store, caller: Caller) -> None:
    first, _ = [row for row in await rows_of(store, Subscription) if row.account_id == 7]
    await people.change(store, f"UPDATE subscription SET status = 'HOLD' WHERE id = {first.id}")
    await people.change(store, f"UPDATE subscription_charge SET status = 'HOLD' WHERE subscription_id = {first.id}")
    await act(store, caller, HOLD)
    assert await services(store) == [("HOLD", {"ACCOUNT", "PERSON"}), ("HOLD", {"ACCOUNT"})]

    await act(store, caller, RELEASE)
    assert await services(store) == [("HOLD", {"PERSON"}), ("ACTIVE", set())]
    assert await sound(store)


async def test_a_cancellation_ends_services_and_a_reactivation_within_30_days_revives_them(
    store: Store, caller: Caller
) -> None:
    before = await traces(store)
    await act(store, caller, CANCEL)
    assert [status for status, _ in await services(store)] == ["TERMINATED", "TERMINATED"]
    assert await sound(store)

    await act(store, caller, REACTIVATE)
    assert await services(store) == [("ACTIVE", set())] * 2
    assert await sound(store)
    log = await logged(store, before)
    assert [changes["status"] for noun, _, changes in log if noun == "subscription"] == [
        *[("ACTIVE", "TERMINATED")] * 2,
        *[("TERMINATED", "ACTIVE")] * 2,
    ]


async def test_what_was_terminated_before_the_cancellation_stays_so(store: Store, caller: Caller) -> None:
    first, _ = [row for row in await rows_of(store, Subscription) if row.account_id == 7]
    await people.change(store, f"UPDATE subscription SET status = 'TERMINATED' WHERE id = {first.id}")
    await act(store, caller, CANCEL)
    await act(store, caller, REACTIVATE)

    assert [status for status, _ in await services(store)] == ["TERMINATED", "ACTIVE"]


@pytest.mark.parametrize(("days", "expected"), [(29, "ACTIVE"), (31, "TERMINATED")])
async def test_a_reactivation_after_30_days_revives_nothing(
    store: Store, caller: Caller, days: int, expected: str
) -> None:
    await act(store, caller, CANCEL)
    later = datetime.now(UTC) + timedelta(days=days)
    version = (await account_row(store, 7)).version
    given = {"account": "acc_7", "expectedVersion": version, "idempotencyKey": new_key()}
    document = "mutation($i: AccountReactivateInput!) { accountReactivate(input: $i) { account { status } } }"
    answer = await change(store, caller, document, {"i": given}, clock=lambda: later)

    assert answer.data == {REACTIVATE: {"account": {"status": "ACTIVE"}}}
    assert await services(store) == [(expected, set())] * 2


PERSON, ACCOUNT = HoldReason.PERSON, HoldReason.ACCOUNT
S = SubscriptionStatus


@pytest.mark.parametrize(
    ("status", "reasons", "event", "expected", "left"),
    [
        (S.ACTIVE, set(), "HOLD", S.HOLD, {ACCOUNT}),
        (S.HOLD, set(), "HOLD", S.HOLD, {ACCOUNT, PERSON}),
        (S.HOLD, {PERSON}, "HOLD", S.HOLD, {ACCOUNT, PERSON}),
        (S.PENDING, set(), "HOLD", S.PENDING, set()),
        (S.HOLD, {ACCOUNT}, "RELEASE", S.ACTIVE, set()),
        (S.HOLD, {ACCOUNT, PERSON}, "RELEASE", S.HOLD, {PERSON}),
        (S.HOLD, {PERSON}, "RELEASE", S.HOLD, {PERSON}),
        (S.TERMINATED, {ACCOUNT}, "RELEASE", S.TERMINATED, set()),
        (S.PENDING, set(), "TERMINATE", S.TERMINATED, set()),
        (S.HOLD, {PERSON}, "TERMINATE", S.TERMINATED, {ACCOUNT, PERSON}),
        (S.TERMINATED, {ACCOUNT}, "TERMINATE", S.TERMINATED, set()),
        (S.TERMINATED, {ACCOUNT}, "REVIVE", S.ACTIVE, set()),
        (S.TERMINATED, {ACCOUNT, PERSON}, "REVIVE", S.HOLD, {PERSON}),
        (S.TERMINATED, set(), "REVIVE", S.TERMINATED, set()),
        (S.REMOVED, {ACCOUNT}, "REVIVE", S.REMOVED, set()),
        (S.UNKNOWN, set(), "TERMINATE", S.UNKNOWN, set()),
    ],
)
def test_what_becomes_of_a_service_when_its_account_stops_or_starts(
    status: S, reasons: set[HoldReason], event: str, expected: S, left: set[HoldReason]
) -> None:
    after = service_after(status, frozenset(reasons), SubscriptionEvent(event), is_kept=True)

    assert after == (expected, frozenset(left))


# What follows for people


async def sign_in(store: Store, user_id: int, subject: str = "USER") -> None:
    """Leave a refresh token."""
    await people.change(
        store,
        "INSERT INTO refresh_token (token_hash, family, subject_type, subject_id, created_at, expires_at) VALUES"
        f" ('h{user_id}', 'f{user_id}', '{subject}', {user_id}, '2026-11-01T00:00:00Z', '2027-11-01T00:00:00Z')",
    )


async def signed_in(store: Store) -> set[int]:
    """Whose refresh tokens still hold."""
    return {row.subject_id for row in await rows_of(store, RefreshToken) if row.revoked_at is None}


@pytest.mark.parametrize("mutation", [HOLD, CANCEL])
async def test_whoever_was_signed_in_to_the_account_is_so_no_more(
    store: Store, caller: Caller, marked_world: World, mutation: str
) -> None:
    of_7, of_8 = user_of(marked_world, 7), user_of(marked_world, 8)
    client = next(row["id"] for row in marked_world["api_client"] if row["account_id"] == 7)
    await sign_in(store, of_7)
    await sign_in(store, of_8)
    await sign_in(store, client, "API_CLIENT")
    await act(store, caller, mutation)

    assert await signed_in(store) == {of_8}


@pytest.mark.parametrize("mutation", ["accountCreditHold", HOLD])
async def test_its_active_administrators_are_told_of_a_hold_once(
    store: Store, caller: Caller, marked_world: World, mutation: str
) -> None:
    await act(store, caller, mutation)

    mails = await rows_of(store, Mail)
    assert [(mail.template, mail.to_user_id, mail.path) for mail in mails] == [
        ("HOLD_NOTICE", user_of(marked_world, 7), path_of(7))
    ]


@pytest.mark.parametrize(("hold", "release"), [("accountCreditHold", "accountCreditRelease"), (HOLD, RELEASE)])
async def test_they_are_told_of_its_release_too(
    store: Store, caller: Caller, marked_world: World, hold: str, release: str
) -> None:
    for mutation in (hold, release):
        await act(store, caller, mutation)

    told = [(mail.template, mail.to_user_id) for mail in await rows_of(store, Mail)]
    assert sorted(told) == [(each, user_of(marked_world, 7)) for each in ("HOLD_NOTICE", "HOLD_RELEASE")]


# Refusals


async def test_an_account_with_others_below_it_that_run_cannot_be_cancelled(store: Store, caller: Caller) -> None:
    assert codes(await act(store, caller, CANCEL, 3)) == ["HAS_ACCOUNTS_BELOW"]
    for below in (5, 4, 6):
        assert codes(await act(store, caller, CANCEL, below)) == []
    assert codes(await act(store, caller, CANCEL, 3)) == []
    assert codes(await act(store, caller, REACTIVATE, 6)) == ["ACCOUNT_ON_HOLD"]
    assert codes(await act(store, caller, REACTIVATE, 3)) == []
    assert codes(await act(store, caller, REACTIVATE, 6)) == []


async def test_accounts_below_count_whether_or_not_the_caller_reaches_them(store: Store, marked_world: World) -> None:
    short = Caller(path_of(2), user_at(marked_world, 2).privileges, user_of(marked_world, 2), reach=Reach.DIRECT)

    assert codes(await act(store, short, CANCEL, 3)) == ["HAS_ACCOUNTS_BELOW"]


@pytest.mark.parametrize("status", ["SUBMITTED", "PROCESSING"])
async def test_an_account_with_an_order_under_way_cannot_be_cancelled(
    store: Store, caller: Caller, status: str
) -> None:
    await people.change(store, f"UPDATE orders SET status = '{status}' WHERE account_id = 7")
    payload = await act(store, caller, CANCEL)

    assert codes(payload) == ["OPEN_CHANGE"]
    assert "LEAK-7-" in payload["userErrors"][0]["message"]


@pytest.mark.parametrize("mutation", MUTATIONS.values())
async def test_nobody_does_it_to_its_own_account(store: Store, caller: Caller, mutation: str) -> None:
    assert codes(await act(store, caller, mutation, 2)) == ["OWN_ACCOUNT"]


HIDDEN = ["acc_9", "acc_12", "acc_1", "acc_13", "acc_999", "acc_0", "usr_7", "nonsense", ""]


@pytest.mark.parametrize("mutation", MUTATIONS.values())
async def test_a_hidden_account_is_refused_like_an_absent_one(store: Store, caller: Caller, mutation: str) -> None:
    asked = [await try_to(store, caller, mutation, account=each, expectedVersion=1) for each in HIDDEN]

    assert {answer.bytes for answer in asked} == {asked[0].bytes}
    assert {tuple(map(id, answer.sent)) for answer in asked} == {tuple(map(id, asked[0].sent))}
    assert codes(asked[0].data[mutation]) == ["NOT_FOUND"]


@pytest.mark.parametrize(
    ("mutation", "privilege"),
    [
        (HOLD, Privilege.ACCOUNTS_HOLD_ADMIN),
        (RELEASE, Privilege.ACCOUNTS_HOLD_ADMIN),
        (CANCEL, Privilege.ACCOUNTS_CANCEL),
        (REACTIVATE, Privilege.ACCOUNTS_ACTIVATE),
        ("accountActivate", Privilege.ACCOUNTS_ACTIVATE),
    ],
)
async def test_it_takes_a_privilege(store: Store, marked_world: World, mutation: str, privilege: Privilege) -> None:
    powerless = user_at(marked_world, 2, privileges=frozenset(set(Privilege) - {privilege}))
    answer = await try_to(store, powerless, mutation, account="acc_7", expectedVersion=1)

    assert (answer.codes, answer.statements) == (["FORBIDDEN"], 0)


# Many at once, and at the same time


async def test_many_are_held_at_once_and_each_is_answered_for_itself(store: Store, caller: Caller) -> None:
    await put(store, 8, status="CANCELLED")
    items = [{"account": f"acc_{each}", "expectedVersion": 1, "reason": "Fraud"} for each in (7, 8, 3, 9)]
    payload = await do(store, caller, f"{HOLD}Bulk", items=items)

    assert [codes(result) for result in payload["results"]] == [[], ["WRONG_STATE"], [], ["NOT_FOUND"]]
    assert [status for status, _ in await services(store)] == ["HOLD", "HOLD"]
    again = await do(store, caller, f"{RELEASE}Bulk", items=[items[0] | {"expectedVersion": 1}], isAtomic=True)
    assert codes(again["results"][0]) == ["CONFLICT"]


async def test_of_a_vendor_s_cancellation_and_its_buyer_s_reactivation_at_once_one_is_refused(
    store: Store, caller: Caller
) -> None:
    for below in (5, 4, 6):
        await act(store, caller, CANCEL, below)
    done = await asyncio.gather(act(store, caller, CANCEL, 3), act(store, caller, REACTIVATE, 6))

    assert sorted(map(codes, done)) in ([[], ["HAS_ACCOUNTS_BELOW"]], [[], ["ACCOUNT_ON_HOLD"]])


async def test_two_at_once_do_it_once(store: Store, caller: Caller) -> None:
    done = await asyncio.gather(*(act(store, caller, HOLD) for _ in range(4)))

    assert sorted(map(codes, done)) == [[], ["CONFLICT"], ["CONFLICT"], ["CONFLICT"]]
    assert await services(store) == [("HOLD", {"ACCOUNT"})] * 2


async def sound(store: Store) -> bool:
    """Whether the charges of account 7 are in the states of their subscriptions."""
    findings = await check(store)
    return not [each for each in findings if each.what.startswith("charges with another status")]
