"""Declaring an operation: what its function may do, and what it gets without doing anything for it."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models import AccountContact, Audit, Event, Job, JobKind
from models.base import table_of
from models.identifier import new_id
from models.statement import Statement
from models.store import Store, StoreError
from models.writer import TakenError
from resolvers.accounts import ACCOUNT, CONTACT
from resolvers.act import Act
from resolvers.caller import Caller
from resolvers.errors import UserError, UserErrorCode
from resolvers.inputs import AccountId, Input, Text100, said
from resolvers.operation import OPERATIONS, Operation, Target, operation
from resolvers.outcome import Outcome
from resolvers.perform import Item, perform
from resolvers.privileges import Privilege
from resolvers.run import Business
from tests.changes import account_row, logged, new_key, rows_of, traces, user_at
from tests.hierarchy import World, path_of

ROOT = Path(__file__).parent.parent
NOW = datetime(2027, 1, 2, 3, 4, 5, tzinfo=UTC)
CODE = UserErrorCode


class Noting(Input):
    """Something about an account."""

    account: AccountId | None = said("Which; the caller's own if left out.", None)
    text: Text100 = said("What.")


Does = Callable[[Act, Noting], Awaitable[None]]


@pytest.fixture
def store(restored_store: Store) -> Store:
    """The hierarchy, every text naming its row; what a test has changed is taken back before the next."""
    return restored_store


@pytest.fixture
def caller(marked_world: World) -> Caller:
    """The administrator of reseller 2."""
    return user_at(marked_world, 2)


@pytest.fixture(autouse=True)
def _declared() -> Iterator[None]:
    before = dict(OPERATIONS)
    yield
    OPERATIONS.clear()
    OPERATIONS.update(before)


def declare(function: Does, **more: Any) -> Operation:
    target = more.pop("target", Target(ACCOUNT, by="account", is_changed=False))

    async def note(act: Act, given: Noting) -> None:
        """Note something."""
        await function(act, given)

    return operation(privilege=Privilege.ACCOUNTS_VIEW, gives="contact", target=target, **more)(note)


async def run(store: Store, caller: Caller, declared: Operation, **values: Any) -> Outcome:
    business = Business(store, clock=lambda: NOW)
    return await perform(business, caller, declared, Item({"text": "x", **values}), new_key())


def contact(act: Act, text: str) -> AccountContact:
    return AccountContact(
        id=new_id(), account_id=act.target.id, path=act.target.path, shard_id=act.target.shard_id,
        first_name=text, last_name=text, email=text, email_key=text,
    )  # fmt: skip


async def test_a_new_row_is_logged_and_shown(store: Store, caller: Caller) -> None:
    async def add(act: Act, given: Noting) -> None:
        row = contact(act, given.text)
        await act.add(row)
        act.gives(contact=row.id)

    before = await traces(store)
    outcome = await run(store, caller, declare(add), account=7)
    ((noun, object_id, columns),) = await logged(store, before)

    assert outcome == Outcome({"account": 7, "contact": object_id})
    assert (noun, columns["first_name"], "email_key" in columns) == ("account_contact", (None, "x"), False)
    (row,) = [each for each in await rows_of(store, AccountContact) if each.id == object_id]
    assert (row.account_id, row.path, row.email) == (7, path_of(7), "x")
    assert (await account_row(store, 7)).version == 1


async def test_a_row_that_is_removed_is_logged_with_what_it_held(store: Store, caller: Caller) -> None:
    every = Statement(select(*CONTACT.c).where(CONTACT.c.account_id == 7))

    async def remove(act: Act, _given: Noting) -> None:
        for row in await act.rows(every, {}):
            await act.remove(CONTACT, row)

    before = await traces(store)
    assert await run(store, caller, declare(remove), account=7) == Outcome({"account": 7})
    ((noun, _, columns),) = await logged(store, before)

    assert (noun, columns["type"]) == ("account_contact", ("ADMIN", None))
    assert [row for row in await rows_of(store, AccountContact) if row.account_id == 7] == []


async def test_what_is_done_is_dated_by_the_clock_and_counts_up(store: Store, caller: Caller) -> None:
    async def rename(act: Act, given: Noting) -> None:
        assert await act.change(ACCOUNT, act.target, name=given.text)
        assert not await act.change(ACCOUNT, act.target, city=act.target.city)

    assert (await run(store, caller, declare(rename), account=7)).errors == ()
    row, (event,) = await account_row(store, 7), await rows_of(store, Event)
    newest = max(await rows_of(store, Audit), key=lambda each: str(each.at))

    assert (row.name, row.version) == ("x", 2)
    assert {str(each)[:10] for each in (row.updated_at, event.at, newest.at)} == {"2027-01-02"}


async def test_what_belongs_to_an_object_counts_it_up_when_it_is_touched(store: Store, caller: Caller) -> None:
    async def touch(act: Act, _given: Noting) -> None:
        await act.touch(ACCOUNT, act.target)
        await act.touch(ACCOUNT, act.target)

    before = await traces(store)
    await run(store, caller, declare(touch), account=7)
    after = await traces(store)

    assert (await account_row(store, 7)).version == 3
    assert (after.changes, after.events) == (before.changes, before.events + 1), "announced once"


async def test_work_is_left_to_the_worker_once_for_a_key(store: Store, caller: Caller) -> None:
    later = NOW + timedelta(days=1)

    async def enqueue(act: Act, given: Noting) -> None:
        for at in (later, None):
            await act.enqueue(JobKind.PRUNE, act.target.id, act.target.path, key=given.text, at=at)

    await run(store, caller, declare(enqueue), account=7, text="once")
    jobs = [row for row in await rows_of(store, Job) if row.key == "once"]

    assert [(job.kind, job.subject_id, job.path, str(job.run_at)[:10]) for job in jobs] == [
        ("PRUNE", 7, path_of(7), "2027-01-03")
    ]


async def test_faults_are_told_together_and_undo_everything(store: Store, caller: Caller) -> None:
    async def fault(act: Act, given: Noting) -> None:
        await act.change(ACCOUNT, act.target, name=given.text)
        act.fault(CODE.RETIRED, "One.", "text")
        act.fault(CODE.OUT_OF_RANGE, "Two.")

    async def refuse(act: Act, given: Noting) -> None:
        await fault(act, given)
        act.refuse(CODE.NOT_OFFERED, "Three.", "lines", "0")

    async def check(act: Act, given: Noting) -> None:
        await fault(act, given)
        act.check()
        raise AssertionError("refused before")

    before = await traces(store)
    two = (UserError(CODE.RETIRED, "One.", ("text",)), UserError(CODE.OUT_OF_RANGE, "Two."))
    three = UserError(CODE.NOT_OFFERED, "Three.", ("lines", "0"))
    found = [await run(store, caller, declare(each), account=7) for each in (fault, check, refuse)]

    assert [outcome.errors for outcome in found] == [two, two, (*two, three)]
    assert (await traces(store)).changes == before.changes
    assert (await account_row(store, 7)).version == 1


async def test_an_id_that_may_be_left_out_stands_for_the_caller_s_own_account(store: Store, caller: Caller) -> None:
    async def nothing(_act: Act, _given: Noting) -> None: ...

    assert await run(store, caller, declare(nothing)) == Outcome({"account": 2})
    assert await run(store, caller, declare(nothing), account=None) == Outcome({"account": 2})
    assert [error.code for error in (await run(store, caller, declare(nothing), account=9)).errors] == [CODE.NOT_FOUND]


async def test_an_operation_may_be_about_nothing_yet(store: Store, caller: Caller) -> None:
    async def nothing(act: Act, _given: Noting) -> None:
        assert act.target is None

    assert await run(store, caller, declare(nothing, target=None)) == Outcome()


async def test_a_row_out_of_reach_is_not_written_even_if_the_function_asks_for_it(store: Store, caller: Caller) -> None:
    hidden = await account_row(store, 9)

    async def change(act: Act, given: Noting) -> None:
        await act.change(ACCOUNT, hidden, name=given.text)

    async def add(act: Act, given: Noting) -> None:
        row = contact(act, given.text)
        await act.add(AccountContact(**row.model_dump() | {"account_id": 9, "path": hidden.path}))

    before = await traces(store)
    for function in (change, add):
        with pytest.raises(StoreError):
            await run(store, caller, declare(function), account=7)
    assert await traces(store) == before
    assert (await account_row(store, 9)).name == hidden.name


async def test_a_row_that_is_gone_is_not_logged_as_changed(store: Store, caller: Caller) -> None:
    every = Statement(select(*CONTACT.c).where(CONTACT.c.account_id == 7))

    async def remove_twice(act: Act, _given: Noting) -> None:
        (row,) = await act.rows(every, {})
        await act.remove(CONTACT, row)
        await act.remove(CONTACT, row)

    before = await traces(store)
    with pytest.raises(StoreError, match="may not write"):
        await run(store, caller, declare(remove_twice), account=7)
    assert await traces(store) == before


async def test_what_is_taken_is_told_where_it_was_declared_and_a_defect_elsewhere(store: Store, caller: Caller) -> None:
    sibling = (await account_row(store, 8)).external_id

    async def take(act: Act, _given: Noting) -> None:
        await act.change(ACCOUNT, act.target, external_id=sibling)

    told = declare(take, taken={"account_parent_external": "text"})
    outcome = await run(store, caller, told, account=7)
    assert [(error.code, error.path) for error in outcome.errors] == [(CODE.TAKEN, ("text",))]
    with pytest.raises(TakenError):
        await run(store, caller, declare(take), account=7)


def test_a_declaration_makes_the_name_and_what_is_told_of_it() -> None:
    async def nothing(_act: Act, _given: Noting) -> None: ...

    declared = declare(nothing, codes=(CODE.RETIRED,), taken={"x": "text"})

    assert (declared.name, declared.action, declared.input) == ("contactNote", "CONTACT_NOTE", Noting)
    assert declared.description == (
        "Note something. Refuses with `IDEMPOTENCY_KEY_REUSED`, `INVALID`, `NOT_FOUND`, `RETIRED`, `TAKEN`."
    )
    assert OPERATIONS["contactNote"] is declared


MAY_WRITE = {
    "resolvers/act.py",
    "resolvers/plan_changes.py",  # the periods of a plan have no id; it records what it does to them itself
    "resolvers/price_rows.py",  # thousands of prices at once, recorded likewise
}
"""Who may change rows within an operation past its act."""


def test_operations_write_by_their_act_alone() -> None:
    """Or the change log could be forgotten."""
    writing = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "resolvers").rglob("*.py")
        if "writer.write(" in path.read_text(encoding="utf-8")
    }

    assert writing == MAY_WRITE


def test_the_tables_of_the_tests_are_those_of_the_models() -> None:
    assert table_of(AccountContact) is CONTACT
