"""What is past its time goes, by itself and a few rows at a time; what isn't stays, and so does all history."""

import asyncio
import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, select

from models import (
    Audit,
    Event,
    Idempotency,
    Job,
    JobKind,
    Mail,
    OneTimeLink,
    RefreshToken,
    SignInFailure,
    SubscriptionHistory,
    base,
)
from models.base import table_of
from models.outbox_window import end, is_within
from models.statement import Statement
from models.store import Store
from models.transaction import ThisTransaction
from resolvers import clock
from resolvers.live import LiveSettings
from resolvers.throttle import ThrottleSettings
from resolvers.work import pruning
from resolvers.work.claims import Claims, LostClaimError
from resolvers.work.pruning import Prune
from resolvers.work.worker import Worker
from tests.hierarchy import World, path_of
from tests.jobs import add_jobs, workplace
from tests.templates import opened

PRESENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MOMENT = timedelta(seconds=1)
_NUMBERS = itertools.count()


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "now", lambda: PRESENT)


async def advance(store: Store, by: timedelta) -> None:
    async with store.unfiltered("a test sets the clock", write=True) as db:
        await clock.advance(db, by)


async def add(store: Store, model: Any, *rows: dict[str, Any], **constants: Any) -> None:
    table = table_of(model)
    async with store.unfiltered("a test adds rows", write=True) as db:
        for row in rows:
            names = {name: bindparam(name, type_=table.c[name].type) for name in row}
            await db.execute(Statement(insert(table).values(names | constants)), row)


async def all_of(store: Store, model: Any) -> list[Any]:
    table = table_of(model)
    async with store.unfiltered("a test looks") as db:
        return await db.rows(Statement(select(*table.c).order_by(*table.primary_key)))


async def count(store: Store, model: Any) -> int:
    async with store.unfiltered("a test counts") as db:
        ((n,),) = await db.rows(Statement(select(func.count().label("n")).select_from(table_of(model))))
    return int(n)


async def prune(*stores: Store) -> list[Worker]:
    """Have it done now, by a worker on each of the stores."""
    await add_jobs(stores[0], next(_NUMBERS), kind=JobKind.PRUNE)
    workers = [Worker(each, {JobKind.PRUNE: Prune(workplace(each))}) for each in stores]
    await asyncio.gather(*(each.run_until_idle() for each in workers))
    return workers


@dataclass(frozen=True)
class Row:
    """A kind of row, and until when it stays.

    Args:
        model: of the table.
        values: of a row with that name that is measured from that instant.
        stays: for so long after it.
        never: a row of that kind that has another state, and stays for good.
    """

    model: Any
    values: Any
    stays: timedelta
    never: dict[str, Any] | None = None


def answer(name: str, at: datetime) -> dict[str, Any]:
    key = {"account_id": 2, "subject": "user:7", "operation": "accountUpdate", "key": name}
    return key | {"input_hash": "0", "outcome": "{}", "created_at": at}


def done_job(name: str, at: datetime | None) -> dict[str, Any]:
    job = {"kind": "TEST", "key": name, "subject_id": 1, "path": path_of(1), "run_at": PRESENT, "attempts": 1}
    return job | {"done_at": at}


def link(name: str, at: datetime) -> dict[str, Any]:
    row = {"id": sum(name.encode()), "hash": name, "purpose": "RESET", "user_id": USER[0], "created_at": at - DAY}
    return row | {"expires_at": at}


def refresh_token(name: str, at: datetime) -> dict[str, Any]:
    return {
        "token_hash": name, "family": name, "subject_type": "USER", "subject_id": 1, "created_at": at, "expires_at": at
    }  # fmt: skip  # as a list


def failure(name: str, at: datetime) -> dict[str, Any]:
    return {"source": name, "failures": 3, "last_at": at}


def mail(name: str, at: datetime, status: str = "SENT") -> dict[str, Any]:
    row = {"id": sum(name.encode()), "key": name, "template": "HOLD_NOTICE", "to_address": "ann@home.example"}
    return row | {"path": path_of(5), "data": '{"account": "x"}', "status": status, "attempts": 1, "created_at": at}


USER: list[int] = [0]
"""A user of the hierarchy."""
ROWS = {
    "answers": Row(Idempotency, answer, timedelta(days=7)),
    "failures": Row(SignInFailure, failure, ThrottleSettings().forgotten_after()),
    "jobs": Row(Job, done_job, timedelta(days=90), done_job("to do", None)),
    "links": Row(OneTimeLink, link, timedelta(days=7)),
    "mails": Row(Mail, mail, timedelta(days=365), mail("waiting", PRESENT - timedelta(days=1000), "WAITING")),
    "refresh tokens": Row(RefreshToken, refresh_token, timedelta()),
}


@pytest.fixture
async def store(own_hierarchy: Store, world: World) -> Store:
    USER[0] = world["app_user"][0]["id"]
    return own_hierarchy


@pytest.mark.parametrize("what", ROWS)
async def test_what_is_past_its_time_goes_and_the_rest_stays(
    store: Store, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "BATCH", 2)
    row = ROWS[what]
    since = PRESENT - row.stays
    old = [row.values(f"old {number}", since - MOMENT) for number in range(5)]
    await add(store, row.model, *old, row.values("in time", since + MOMENT), *([row.never] if row.never else []))
    (worker,) = await prune(store)

    assert worker.tally.done == 1
    keys = {"in time"} | ({row.never["key"]} if row.never else set())
    left = {value for each in await all_of(store, row.model) for value in each}
    assert keys <= left
    assert not any(str(value).startswith("old") for value in left)


async def test_a_mail_that_is_over_says_nothing_after_a_month_and_is_still_the_only_one_of_its_key(
    store: Store,
) -> None:
    old, new = PRESENT - timedelta(days=30) - MOMENT, PRESENT - timedelta(days=30) + MOMENT
    to_user = mail("to a user", old) | {"to_user_id": USER[0], "to_address": None}
    given = [mail("old", old), mail("failed", old, "FAILED") | {"last_error": "ann@home.example: no"}]
    await add(store, Mail, *given, mail("new", new), mail("trying", old, "WAITING"), to_user)
    for _ in range(2):
        await prune(store)
        mails = {each.key: each for each in await all_of(store, Mail)}

        assert {key: (each.data, each.to_address) for key, each in mails.items()} == {
            "old": ("{}", ""),
            "failed": ("{}", ""),
            "to a user": ("{}", None),
            "new": ('{"account": "x"}', "ann@home.example"),
            "trying": ('{"account": "x"}', "ann@home.example"),
        }
        assert mails["failed"].last_error is None
        assert mails["to a user"].to_user_id == USER[0]


async def test_what_has_happened_stays(store: Store) -> None:
    old = PRESENT - timedelta(days=4000)
    change = {"path": path_of(2), "shard_id": 1, "at": old, "operation": "x", "actor_path": "", "actor_name": ""}
    await add(store, Audit, change | {"noun": "account", "object_id": 2, "before": "{}", "after": "{}"})
    before = [await count(store, model) for model in (Audit, SubscriptionHistory)]
    await prune(store)

    assert before[0] > 0
    assert [await count(store, model) for model in (Audit, SubscriptionHistory)] == before


# Events


def event(number: int) -> dict[str, Any]:
    return {"path": path_of(3), "topic": "ACCOUNT", "object_id": number, "kind": "CHANGED", "at": PRESENT - 999 * DAY}


async def happen(store: Store, *numbers: int) -> None:
    for number in numbers:
        await add(store, Event, event(number), transaction_id=ThisTransaction())


async def test_so_many_events_stay_however_old_and_no_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "EVENTS_KEPT", 3)
    monkeypatch.setattr(pruning, "BATCH", 2)
    await prune(store)
    await happen(store, 1, 2, 3)
    await prune(store)
    assert [each.object_id for each in await all_of(store, Event)] == [1, 2, 3]
    await happen(store, *range(4, 9))
    newest = await end(store)
    await prune(store)

    assert [each.object_id for each in await all_of(store, Event)] == [6, 7, 8]
    assert await end(store) == newest


async def test_whoever_may_go_back_to_an_event_finds_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LiveSettings().most_missed < pruning.EVENTS_KEPT
    monkeypatch.setattr(pruning, "EVENTS_KEPT", 4)
    most_missed = 3
    beginning = await end(store)
    positions = []
    for number in range(8):
        await happen(store, number)
        positions.append(await end(store))
    may_go_back = [await is_within(store, each, most_missed) for each in [beginning, *positions]]
    await prune(store)

    assert may_go_back == [False] * 5 + [True] * 4
    assert [await is_within(store, each, most_missed) for each in [beginning, *positions]] == may_go_back


# By itself


async def planned(store: Store) -> list[tuple[str, bool]]:
    return [(each.key, each.done_at is not None) for each in await all_of(store, Job) if each.kind == JobKind.PRUNE]


async def work(store: Store) -> None:
    await Worker(store, {JobKind.PRUNE: Prune(workplace(store))}).run_until_idle()


async def test_it_is_done_once_a_day_without_being_asked_for(store: Store) -> None:
    for _ in range(2):
        await work(store)
        assert await planned(store) == [("2026-11-21", False)]
    await advance(store, timedelta(hours=12))
    await work(store)
    assert await planned(store) == [("2026-11-21", True), ("2026-11-22", False)]
    await advance(store, 30 * DAY)
    await work(store)
    assert await planned(store) == [("2026-11-21", True), ("2026-11-22", True), ("2026-12-22", False)]


async def test_a_day_on_which_it_fails_is_not_the_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_given: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(Prune, "_remove", fail)
    await add_jobs(store, 0, kind=JobKind.PRUNE, attempts=7)
    await happen(store, 1)
    await work(store)

    assert await planned(store) == [("test:0", True), ("2026-11-21", False)]


async def test_a_worker_that_lost_its_job_removes_nothing_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await add(store, Idempotency, *(answer(f"old {number}", PRESENT - 8 * DAY) for number in range(3)))
    await add_jobs(store, 0, kind=JobKind.PRUNE)
    (claim,) = await Claims(store, "slow", timedelta(seconds=30)).take([JobKind.PRUNE], 1)
    monkeypatch.setattr(base, "now", lambda: PRESENT + timedelta(seconds=31))
    (taken,) = await Claims(store, "quick", timedelta(seconds=30)).take([JobKind.PRUNE], 1)
    with pytest.raises(LostClaimError):
        await Prune(workplace(store)).run(claim)
    assert await count(store, Idempotency) == 3

    await Prune(workplace(store)).run(taken)
    assert await count(store, Idempotency) == 0


async def test_two_workers_at_once_remove_it_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "BATCH", 5)
    await add(store, Idempotency, *(answer(f"old {number}", PRESENT - 8 * DAY) for number in range(40)))
    async with opened(store.url) as second:
        workers = await prune(store, second)

    assert sum(each.tally.done for each in workers) == 1
    assert await count(store, Idempotency) == 0
