"""Budgets: what callers and accounts may spend; never more, however operations come in between one another."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.exposure.masking import Refusal
from edge.limits.bucket import Bucket, ProcessBuckets
from edge.limits.budget import Budget, Strangers
from edge.limits.sharing import SharingSettings
from models import path as paths
from resolvers.caller import Actor, Caller
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import token
from tests.transports import SSE, Gateway, code, events, gateway

ACCOUNTS = "{ accounts(first: 5) { nodes { id } } }"
LONG = "{" + " ".join(f"a{index}: viewer {{ reach }}" for index in range(20)) + "}"


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def caller(user_id: int = 1, account: int = 2, actor: Actor | None = None) -> Caller:
    return Caller(path=paths.segment(account), privileges=frozenset(), user_id=user_id, actor=actor)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    directory = tmp_path_factory.mktemp("budget")
    async with gateway(sqlite_databases, world, directory, sharing=SharingSettings()) as served:
        yield served


@pytest.fixture
def frozen(served: Gateway, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    """A gateway whose budgets are full, and whose clock stands still."""
    budget = Budget(SharingSettings(), ProcessBuckets(clock), pause=0)
    monkeypatch.setattr(served.served.service, "budget", budget)
    return served


# Buckets


async def test_a_bucket_gives_what_it_holds_and_then_what_has_drained(clock: Clock) -> None:
    buckets, bucket = ProcessBuckets(clock), Bucket("caller", "a", 100, 10.0)

    assert (await buckets.take([bucket], 70)).wait == 0
    assert (await buckets.take([bucket], 70)).wait == pytest.approx(4.0)
    clock.now += 4.0
    assert (await buckets.take([bucket], 70)).wait == 0


async def test_of_several_buckets_all_are_taken_from_or_none(clock: Clock) -> None:
    buckets, own, shared = ProcessBuckets(clock), Bucket("caller", "a", 100, 10.0), Bucket("account", "b", 50, 1.0)

    refused = await buckets.take([own, shared], 40), await buckets.take([own, shared], 40)

    assert [taken.wait for taken in refused] == [0, pytest.approx(30.0)]
    assert refused[1].levels == [40, 40]
    assert (await buckets.take([own], 60)).levels == [100]


async def test_what_is_dearer_than_a_bucket_takes_a_full_one_and_leaves_debts(clock: Clock) -> None:
    buckets, bucket = ProcessBuckets(clock), Bucket("caller", "a", 100, 10.0)

    assert (await buckets.take([bucket], 250)).levels == [250]
    assert (await buckets.take([bucket], 1)).wait == pytest.approx(15.1)


async def test_what_is_put_back_never_makes_more_than_there_was(clock: Clock) -> None:
    buckets, bucket = ProcessBuckets(clock), Bucket("caller", "a", 100, 10.0)

    buckets.add([bucket], -500)

    assert (await buckets.take([bucket], 100)).wait == 0
    assert (await buckets.take([bucket], 1)).wait > 0


async def test_buckets_that_were_used_longest_ago_are_forgotten_first(clock: Clock) -> None:
    buckets, names = ProcessBuckets(clock, most=2), "abc"
    for name in names:
        await buckets.take([Bucket("caller", name, 100, 10.0)], 60)

    waits = {name: (await buckets.take([Bucket("caller", name, 100, 10.0)], 60)).wait for name in ("c", "b", "a")}

    assert {name: wait > 0 for name, wait in waits.items()} == {"a": False, "b": True, "c": True}


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(0, 20)),
        st.tuples(st.just("take"), st.integers(1, 60)),
        st.tuples(st.just("settle"), st.integers(0, 60)),
    ),
    max_size=60,
)


@given(_STEPS)
async def test_no_interleaving_spends_more_than_a_budget_has(steps: list[tuple[str, int]]) -> None:
    """Everything that was ever spent fits into what the bucket held and what has drained since."""
    clock = Clock()
    settings = SharingSettings(budget=60, budget_refill=1.0, account_budget=0)
    budget, running, spent = Budget(settings, ProcessBuckets(clock), pause=0), [], 0
    began = clock.now
    for what, number in steps:
        if what == "wait":
            clock.now += number
        elif what == "take":
            try:
                running.append(await budget.reserve(caller(), number))
            except Refusal:
                continue
        elif running:
            reservation = running.pop(number % len(running))
            actual = min(number, reservation.estimate)
            reservation.settle(actual)
            spent += actual
        reserved = sum(reservation.estimate for reservation in running)
        assert spent + reserved <= 60 + (clock.now - began) + 1e-6


# Budgets


async def test_a_caller_and_its_account_each_have_a_budget(clock: Clock) -> None:
    settings = SharingSettings(budget=100, budget_refill=1.0, account_budget=150, account_budget_refill=1.0)
    budget = Budget(settings, ProcessBuckets(clock), pause=0)

    await budget.reserve(caller(1), 100)
    with pytest.raises(Refusal, match="100 points"):
        await budget.reserve(caller(1), 100)
    with pytest.raises(Refusal):
        await budget.reserve(caller(2), 60)  # the account has 50 left
    await budget.reserve(caller(2), 50)
    await budget.reserve(caller(3, account=9), 100)


async def test_who_works_as_another_account_spends_that_accounts_points(clock: Clock) -> None:
    budget = Budget(SharingSettings(budget=100), ProcessBuckets(clock), pause=0)
    actor = Actor(1, paths.segment(1), "Ada", "Root")

    await budget.reserve(caller(1), 100)
    await budget.reserve(caller(1, account=9, actor=actor), 100)
    with pytest.raises(Refusal):
        await budget.reserve(caller(1, account=9, actor=actor), 1)


async def test_processes_that_count_for_themselves_give_their_share(clock: Clock) -> None:
    budget = Budget(SharingSettings(budget=100, budget_refill=10.0), ProcessBuckets(clock), shares=4, pause=0)

    reservation = await budget.reserve(caller(), 25)

    assert reservation.allowance is not None
    assert (reservation.allowance.capacity, reservation.allowance.refill) == (25, 2.5)
    with pytest.raises(Refusal):
        await budget.reserve(caller(), 1)


async def test_a_budget_of_0_bounds_nothing(clock: Clock) -> None:
    budget = Budget(SharingSettings(budget=0, account_budget=0), ProcessBuckets(clock), pause=0)

    reservation = await budget.reserve(caller(), 10**9)

    assert (reservation.allowance, reservation.headers) == (None, {})


def test_a_network_of_strangers_is_told_to_wait(clock: Clock) -> None:
    strangers = Strangers(3, ProcessBuckets(clock))
    for address in ("2001:db8::1", "2001:db8::2", "2001:db8::3"):  # one /64
        strangers.note(address)

    with pytest.raises(Refusal) as refused:
        strangers.note("2001:db8::4")
    strangers.note("192.0.2.1")
    clock.now += 1
    strangers.note("2001:db8::5")

    assert (refused.value.status, refused.value.headers["retry-after"]) == (429, "1")


# Over HTTP


async def test_an_answer_tells_what_it_has_cost_and_what_is_left(frozen: Gateway) -> None:
    answer = await frozen.ask(ACCOUNTS)

    cost = answer.json()["extensions"]["cost"]
    actual = cost["actualQueryCost"]
    left = 1000 - actual - _reading(frozen, cost)
    assert 0 < actual <= cost["requestedQueryCost"]
    assert cost["throttleStatus"] == {"maximumAvailable": 1000, "currentlyAvailable": left, "restoreRate": 50.0}
    assert answer.headers["ratelimit-policy"] == '"caller";q=1000;w=20, "account";q=4000;w=20'
    assert answer.headers["ratelimit"].startswith(f'"caller";r={left};t=')
    assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == ("1000", str(left))


def _reading(frozen: Gateway, cost: dict[str, Any]) -> int:
    """What reading the document has cost, if it was new."""
    return 1000 - int(cost["throttleStatus"]["currentlyAvailable"]) - int(cost["actualQueryCost"])


async def test_the_same_operation_again_costs_its_actual_cost_and_nothing_for_reading(frozen: Gateway) -> None:
    costs = [(await frozen.ask(ACCOUNTS)).json()["extensions"]["cost"] for _ in range(3)]

    left = [cost["throttleStatus"]["currentlyAvailable"] for cost in costs]
    assert [left[0] - left[1], left[1] - left[2]] == [costs[1]["actualQueryCost"]] * 2


async def test_whoever_has_too_few_points_left_is_told_when_to_come_back(frozen: Gateway, clock: Clock) -> None:
    me = next(iter(await _drained(frozen)))

    refused = await frozen.ask(ACCOUNTS)
    seconds = int(refused.headers["retry-after"])
    clock.now += seconds
    later = await frozen.ask(ACCOUNTS)

    assert (refused.status_code, code(refused)) == (429, "RATE_LIMITED")
    assert refused.json()["errors"][0]["extensions"]["retryAfter"] == seconds
    assert refused.headers["x-ratelimit-remaining"] == "0"
    assert "data" not in refused.json()
    assert later.status_code == 200
    assert me


async def _drained(frozen: Gateway) -> set[str]:
    """Let the caller spend everything; returns the keys of its buckets."""
    await frozen.ask(ACCOUNTS)
    buckets = frozen.served.service.budget.buckets
    assert isinstance(buckets, ProcessBuckets)
    own = [key for key in buckets.keys if ":" in key]
    buckets.add([Bucket("caller", key, 1000, 50.0) for key in own], 1000)
    return set(own)


async def test_the_graph_itself_tells_what_is_left(frozen: Gateway) -> None:
    query = "{ rateLimit { limit cost remaining resetAt } accounts(first: 7) { nodes { id } } }"
    await frozen.ask(query)
    answer = await frozen.ask(query)

    told, cost = answer.json()["data"]["rateLimit"], answer.json()["extensions"]["cost"]
    left = cost["throttleStatus"]["currentlyAvailable"]
    assert (told["limit"], told["cost"], answer.headers["x-executor"]) == (1000, 7, "plan")
    assert told["remaining"] == left + cost["actualQueryCost"] - cost["requestedQueryCost"]
    assert told["resetAt"] > datetime.now(UTC).isoformat()


async def test_over_sse_a_refusal_for_want_of_points_is_a_status_too(frozen: Gateway) -> None:
    await _drained(frozen)

    refused = await frozen.ask(ACCOUNTS, accept=SSE)

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


async def test_reading_a_new_document_costs_points_even_if_it_is_refused(frozen: Gateway) -> None:
    await frozen.ask(ACCOUNTS)
    before = (await frozen.ask(ACCOUNTS)).json()["extensions"]["cost"]["throttleStatus"]["currentlyAvailable"]
    invalid = LONG.replace("reach", "reach nothingOfThisName")

    refused = await frozen.ask(invalid)
    cost = (await frozen.ask(ACCOUNTS)).json()["extensions"]["cost"]

    spent = before - cost["throttleStatus"]["currentlyAvailable"] - cost["actualQueryCost"]
    assert code(refused) == "GRAPHQL_VALIDATION_FAILED"
    assert 20 < spent < 60  # a point for each four tokens


async def test_a_refused_document_costs_a_point_and_more_of_them_than_there_are_points_are_rate_limited(
    frozen: Gateway,
) -> None:
    invalid = "{ nothingOfThisName }"
    first = await frozen.ask(invalid)
    await _drained(frozen)
    then = await frozen.ask(invalid)

    assert (code(first), code(then)) == ("GRAPHQL_VALIDATION_FAILED", "RATE_LIMITED")


async def test_a_new_token_is_no_new_purse(frozen: Gateway, world: World) -> None:
    await _drained(frozen)

    headers = {"authorization": f"Bearer {token(frozen.served, world, 2)}"}
    refused = await frozen.post({"query": ACCOUNTS}, **headers)

    assert refused.status_code == 429


async def test_events_are_paid_for_when_they_are_told(frozen: Gateway) -> None:
    answer = await frozen.ask(ACCOUNTS, accept=SSE)

    (_, told), _ = events(answer.text)
    assert told["extensions"]["cost"]["actualQueryCost"] > 0
    assert answer.headers["x-ratelimit-limit"] == "1000"


async def test_strangers_without_end_are_told_to_wait(
    served: Gateway, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(served.served.service, "strangers", Strangers(2, ProcessBuckets(clock)))

    answers = [await served.post({"query": ACCOUNTS}, authorization="Bearer nobody") for _ in range(3)]
    good = await served.ask(ACCOUNTS)

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert (code(answers[2]), answers[2].headers["retry-after"]) == ("RATE_LIMITED", "1")
    assert good.status_code == 200


async def test_costs_are_told_in_headers_alone_where_that_is_set(
    sqlite_databases: Databases, world: World, tmp_path: Path
) -> None:
    from tests.sharing import WIDE

    async with gateway(sqlite_databases, world, tmp_path, sharing=WIDE) as quiet:
        answer = await quiet.ask(ACCOUNTS)

    assert "extensions" not in answer.json()
