"""Jobs are done once, whoever dies meanwhile; what fails is tried again with patience, and given up with a reason."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import base
from models.scope import Scope
from models.store import Store
from resolvers import clock
from resolvers.work.claims import Claim, Claims, LostClaimError, end, ending, hold
from resolvers.work.handler import FailedAttemptError, Handler, HopelessError, Retry
from resolvers.work.worker import Worker, WorkSettings
from tests.jobs import KIND, Dawdle, FailingStore, Note, add_jobs, job, jobs, note, notes, workplace
from tests.templates import opened
from tests.work_processes import worker_processes

PRESENT = datetime(2026, 11, 20, 12, tzinfo=UTC)
PATIENCE = 30.0
"""Seconds that a test waits for what must come."""
LEASE = timedelta(seconds=30)


class Machine:
    """The machine's clock, to be moved by hand."""

    def __init__(self) -> None:
        self.now = PRESENT


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(base, "now", lambda: machine.now)
    return machine


def worker(store: Store, handler: Handler, **settings: Any) -> Worker:
    return Worker(store, {KIND: handler}, WorkSettings(**settings), chance=lambda: 1.0)


@asynccontextmanager
async def at_work(worker: Worker) -> AsyncIterator["asyncio.Task[None]"]:
    """The worker works while the block lasts."""
    task = asyncio.create_task(worker.run())
    try:
        yield task
    finally:
        worker.stop()
        await asyncio.wait_for(task, PATIENCE)


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110  # it happens in the database
            await asyncio.sleep(0.01)


async def advance(store: Store, by: timedelta) -> None:
    async with store.unfiltered("a test sets the clock", write=True) as db:
        await clock.advance(db, by)


def moment(value: datetime | str) -> datetime:
    """An instant as either engine gives it."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


# Claims


async def test_several_workers_do_each_job_once(store: Store) -> None:
    await add_jobs(store, *range(60))
    async with AsyncExitStack() as open_stores:
        stores = [store, *[await open_stores.enter_async_context(opened(store.url)) for _ in range(3)]]
        workers = [worker(each, Dawdle(workplace(each))) for each in stores]
        await asyncio.gather(*(each.run_until_idle() for each in workers))

    assert await notes(store) == Counter(range(60))
    assert sum(each.tally.done for each in workers) == 60
    assert sum(each.tally.done > 0 for each in workers) > 1


async def test_killing_workers_at_any_point_loses_and_doubles_nothing(store: Store) -> None:
    dice = random.Random(7)
    await add_jobs(store, *range(90))
    kills = 0
    with worker_processes(store.url) as processes:
        for _ in range(4):  # so that who is killed next has had time to take something
            processes.start()
        async with asyncio.timeout(60):
            while open_jobs := [each for each in await jobs(store) if each.done_at is None]:
                await asyncio.sleep(dice.random() * 0.15)
                if kills < 15 and any(each.claimed_by for each in open_jobs):
                    processes.start()
                    processes.kill_oldest()
                    kills += 1

    assert await notes(store) == Counter(range(90))
    assert kills > 3
    assert max(each.attempts for each in await jobs(store)) > 1, "no worker was killed with a job in its hands"


async def test_a_claimed_job_is_nobody_elses_until_its_lease_runs_out(store: Store, machine: Machine) -> None:
    await add_jobs(store, 1)
    one, other = (Claims(store, name, LEASE) for name in ("one", "other"))

    (claim,) = await one.take([KIND], 5)
    machine.now += LEASE
    assert await other.take([KIND], 5) == []
    machine.now += timedelta(seconds=1)
    (again,) = await other.take([KIND], 5)

    assert (claim.attempt, again.attempt) == (1, 2)


async def test_a_lease_that_is_renewed_does_not_run_out(store: Store, machine: Machine) -> None:
    await add_jobs(store, 1)
    one, other = (Claims(store, name, LEASE) for name in ("one", "other"))

    claims = await one.take([KIND], 5)
    machine.now += timedelta(seconds=20)
    await one.keep(claims)
    machine.now += timedelta(seconds=20)
    await other.keep(claims)
    assert await other.take([KIND], 5) == []

    machine.now += timedelta(seconds=20)
    assert len(await other.take([KIND], 5)) == 1, "another worker renewed it"


async def test_setting_the_platforms_clock_ahead_ends_no_lease(store: Store) -> None:
    await add_jobs(store, 1)
    await Claims(store, "one", LEASE).take([KIND], 5)

    await advance(store, timedelta(days=365))

    assert await Claims(store, "other", LEASE).take([KIND], 5) == []


async def test_who_lost_its_claim_can_do_nothing_under_it(store: Store, machine: Machine) -> None:
    await add_jobs(store, 1)
    (stalled,) = await Claims(store, "same", LEASE).take([KIND], 5)
    machine.now += 2 * LEASE
    (claim,) = await Claims(store, "same", LEASE).take([KIND], 5)

    with pytest.raises(LostClaimError):
        async with ending(store, stalled) as db:
            await note(db, stalled)
    with pytest.raises(LostClaimError):
        async with store.unfiltered("a test holds a claim", write=True) as db:
            await hold(db, stalled)
    await Claims(store, "same", LEASE).put_off(stalled, timedelta(days=1), "late")
    assert await notes(store) == Counter()
    assert (await job(store)).claimed_by == "same"

    async with ending(store, claim) as db:
        await note(db, claim)
    assert await notes(store) == Counter([1])


async def test_a_job_that_is_done_is_not_done_again(store: Store, machine: Machine) -> None:
    await add_jobs(store, 1)
    (claim,) = await Claims(store, "one", LEASE).take([KIND], 5)
    async with ending(store, claim):
        pass

    with pytest.raises(LostClaimError):
        async with ending(store, claim) as db:
            await note(db, claim)
    machine.now += 10 * LEASE
    assert await Claims(store, "other", LEASE).take([KIND], 5) == []


async def test_what_fails_while_a_job_ends_leaves_it_to_be_done(store: Store) -> None:
    await add_jobs(store, 1)
    (claim,) = await Claims(store, "one", LEASE).take([KIND], 5)

    async def fail() -> None:
        async with ending(store, claim) as db:
            await note(db, claim)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await notes(store) == Counter()
    assert (await job(store)).done_at is None


async def test_a_writer_beyond_its_scope_ends_a_job_with_what_it_changes(own_hierarchy: Store) -> None:
    await add_jobs(own_hierarchy, 1)
    (claim,) = await Claims(own_hierarchy, "one", LEASE).take([KIND], 5)
    async with own_hierarchy.writer(Scope("000001")) as writer, writer.beyond("a test ends a job") as beyond:
        await end(beyond, claim)

    assert (await job(own_hierarchy)).done_at is not None


async def test_jobs_that_were_due_first_are_claimed_first_and_no_more_than_asked_for(store: Store) -> None:
    for subject in (3, 1, 2):
        await add_jobs(store, subject, run_at=base.now() - timedelta(minutes=10 - subject))

    claims = await Claims(store, "one", LEASE).take([KIND], 2)

    assert [claim.subject_id for claim in claims] == [1, 2]


async def test_a_kind_that_a_worker_does_not_know_is_left_to_others(store: Store) -> None:
    await add_jobs(store, 1, kind="OF_THE_NEXT_VERSION")

    await worker(store, Note(store)).run_until_idle()

    assert (await job(store)).attempts == 0


async def test_a_job_is_done_when_the_platforms_clock_says_so(store: Store) -> None:
    await add_jobs(store, 1, run_at=base.now() + timedelta(days=30))

    await worker(store, Note(store)).run_until_idle()
    assert await notes(store) == Counter()

    await advance(store, timedelta(days=30))
    await worker(store, Note(store)).run_until_idle()
    assert await notes(store) == Counter([1])


# Failure


async def test_a_job_that_fails_waits_longer_each_time_and_is_given_up_once(store: Store, machine: Machine) -> None:
    async def fail(claim: Claim) -> None:
        raise FailedAttemptError(f"attempt {claim.attempt} failed")

    handler = Note(store, fail)
    await add_jobs(store, 1)
    waits = []
    for attempt in range(1, handler.retry.attempts):
        await worker(store, handler).run_until_idle()
        found = await job(store)
        waits.append(moment(found.run_at) - machine.now)
        assert (found.attempts, found.last_error, found.done_at) == (attempt, f"attempt {attempt} failed", None)
        machine.now += waits[-1] - timedelta(seconds=1)
        await worker(store, handler).run_until_idle()
        assert len(handler.begun) == attempt, "it was tried again too early"
        machine.now += timedelta(seconds=1)
    last = worker(store, handler)
    await last.run_until_idle()
    machine.now += timedelta(days=365)
    await last.run_until_idle()

    assert waits == [timedelta(seconds=10), timedelta(seconds=20), timedelta(seconds=30)]
    assert handler.given_up == [(1, "attempt 4 failed")]
    assert (await job(store)).last_error == "attempt 4 failed"
    assert (last.tally.done, last.tally.given_up) == (0, 1)


@pytest.mark.parametrize("attempt", [1, 2, 5, 40, 10**9])
def test_waits_differ_by_half_and_have_an_end(attempt: int) -> None:
    retry = Retry(first=timedelta(seconds=2), longest=timedelta(hours=1))

    assert retry.wait(attempt, 0.0) == retry.wait(attempt, 1.0) / 2
    assert retry.wait(attempt, 1.0) == min(timedelta(seconds=2 * 2 ** min(attempt - 1, 20)), timedelta(hours=1))


async def despair(_claim: Claim) -> None:
    raise HopelessError("there is no such product")


async def test_a_job_without_hope_is_given_up_at_once(store: Store) -> None:
    handler = Note(store, despair)
    await add_jobs(store, 1)
    await worker(store, handler).run_until_idle()

    assert handler.given_up == [(1, "there is no such product")]
    assert (await job(store)).attempts == 1


async def test_attempts_that_died_without_a_word_count(store: Store) -> None:
    handler = Note(store)
    await add_jobs(store, 1, attempts=handler.retry.attempts)

    await worker(store, handler).run_until_idle()

    assert handler.begun == []
    assert [subject for subject, _ in handler.given_up] == [1]
    assert (await job(store)).done_at is not None


async def test_a_job_that_can_not_even_be_given_up_is_kept(store: Store, machine: Machine) -> None:
    handler = Note(store, despair)
    handler.store = FailingStore(store, 1)
    await add_jobs(store, 1)
    await worker(store, handler).run_until_idle()
    assert (await job(store)).done_at is None

    machine.now += 2 * LEASE
    await worker(store, handler).run_until_idle()
    assert (await job(store)).done_at is not None


async def test_a_handler_that_does_not_end_its_job_has_failed(store: Store) -> None:
    class Forgetful(Note):
        async def run(self, job: Claim) -> None:
            self.begun.append(job.subject_id)

    await add_jobs(store, 1)
    await worker(store, Forgetful(store)).run_until_idle()

    assert (await job(store)).done_at is None
    assert "did not end" in (await job(store)).last_error


async def test_an_attempt_that_takes_too_long_has_failed(store: Store) -> None:
    async def hang(_claim: Claim) -> None:
        await asyncio.Event().wait()

    handler = Note(store, hang)
    handler.seconds = 0.05
    await add_jobs(store, 1)
    await worker(store, handler).run_until_idle()

    assert (await job(store)).last_error == "It took too long."


async def test_a_worker_outlives_a_database_that_is_away_for_a_while(store: Store) -> None:
    await add_jobs(store, 1)
    away: Any = FailingStore(store, 3)

    async def is_done() -> bool:
        return await notes(store) == Counter([1])

    async with at_work(Worker(away, {KIND: Note(store)}, WorkSettings(poll_seconds=0.01))):
        await until(is_done)

    assert away.failures == 0


# Waking, renewing, stopping


async def test_a_worker_is_woken_by_its_own_process(store: Store) -> None:
    async def is_done() -> bool:
        return await notes(store) == Counter([1])

    slow = worker(store, Note(store), poll_seconds=3600.0)
    async with at_work(slow):
        await asyncio.sleep(0.05)
        await add_jobs(store, 1)
        slow.wake()
        await until(is_done)


async def test_a_worker_finds_what_other_processes_left(store: Store) -> None:
    async def is_done() -> bool:
        return await notes(store) == Counter([1])

    async with at_work(worker(store, Note(store), poll_seconds=0.02)), opened(store.url) as other:
        await add_jobs(other, 1)
        await until(is_done)


async def test_a_worker_renews_the_lease_of_a_job_that_takes_long(store: Store) -> None:
    async def until_renewed_twice(_claim: Claim) -> None:
        leases: set[Any] = set()
        while len(leases) < 3:
            leases.add((await job(store)).claimed_until)
            await asyncio.sleep(0.01)

    await add_jobs(store, 1)
    async with asyncio.timeout(PATIENCE):
        await worker(store, Note(store, until_renewed_twice), lease=timedelta(seconds=0.3)).run_until_idle()

    assert await notes(store) == Counter([1])


async def test_a_worker_that_is_stopped_lets_its_jobs_end_and_takes_no_more(store: Store) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def wait(_claim: Claim) -> None:
        begun.set()
        await may_end.wait()

    await add_jobs(store, 1)
    stopped = worker(store, Note(store, wait), at_once=2, poll_seconds=0.01)
    async with at_work(stopped) as task:
        await asyncio.wait_for(begun.wait(), PATIENCE)
        stopped.stop()
        await add_jobs(store, 2)
        await asyncio.sleep(0.1)
        assert not task.done()
        may_end.set()

    assert await notes(store) == Counter([1])
    assert [each.attempts for each in await jobs(store)] == [1, 0]


async def test_a_job_that_outlasts_the_stop_is_cut_off_and_free_at_once(store: Store) -> None:
    begun = asyncio.Event()

    class Endless(Note):
        async def run(self, job: Claim) -> None:
            async with ending(self.store, job) as db:
                await note(db, job)
                begun.set()
                await asyncio.Event().wait()

    await add_jobs(store, 1)
    async with at_work(worker(store, Endless(store), grace_seconds=0.05)):
        await asyncio.wait_for(begun.wait(), PATIENCE)
    assert await notes(store) == Counter()

    await worker(store, Note(store)).run_until_idle()
    assert await notes(store) == Counter([1])
