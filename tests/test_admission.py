"""Places: how much one caller, one account and the process do at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack
from dataclasses import replace
from itertools import repeat, takewhile

import pytest

from edge.exposure.masking import Refusal
from edge.limits.admission import Admission
from edge.limits.settings import WIDEST_SELECTIONS, WIDEST_TOKENS
from edge.limits.sharing import SharingSettings
from models import path as paths
from models.scope import Scope
from models.store import Store
from resolvers.caller import Actor, Caller
from schema.limits.bounds import WIDEST
from tests.databases import Databases
from tests.hierarchy import World
from tests.live import until
from tests.sharing import WIDE
from tests.transports import SSE, Gateway, code, gateway, told

REACH = "{ viewer { reach } }"
LIVE = "subscription { accountChanged { kind } }"


def caller(user_id: int = 1, account: int = 2) -> Caller:
    return Caller(path=paths.segment(account), privileges=frozenset(), user_id=user_id)


def acting(as_account: int, user_id: int = 7, home: int = 2) -> Caller:
    """A user who works as another account."""
    actor = Actor(user_id, paths.segment(home), "Ada", "Root")
    return Caller(path=paths.segment(as_account), privileges=frozenset(), actor=actor)


@pytest.fixture(scope="module")
async def served(
    sqlite_databases: Databases, world: World, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gateway]:
    async with gateway(sqlite_databases, world, tmp_path_factory.mktemp("admission")) as served:
        yield served


def test_a_caller_and_an_account_have_so_many_places_and_no_more() -> None:
    admission = Admission(SharingSettings(max_operations=2, account_max_operations=3))
    with ExitStack() as running:
        for user in (1, 1, 2):
            running.enter_context(admission.place(caller(user)))

        with pytest.raises(Refusal, match="2 operations of one caller") as refused, admission.place(caller(1)):
            pass
        with pytest.raises(Refusal, match="3 operations of one account"), admission.place(caller(2)):
            pass
        with admission.place(caller(1, account=9)):
            assert admission.running.taken == 4

    assert (refused.value.status, refused.value.code) == (429, "TOO_MANY_AT_ONCE")
    assert admission.running.taken == 0
    with admission.place(caller(1)), admission.place(caller(1)):
        pass


def test_a_process_that_is_full_says_so_to_everybody() -> None:
    admission = Admission(SharingSettings(process_max_operations=2))
    with ExitStack() as running:
        running.enter_context(admission.place(caller(1)))
        running.enter_context(admission.place(caller(2, account=3)))
        with pytest.raises(Refusal) as refused:
            running.enter_context(admission.place(caller(4, account=5)))

    assert (refused.value.status, refused.value.code, refused.value.headers["retry-after"]) == (503, "UNAVAILABLE", "1")


def test_no_account_takes_all_places_of_a_process_nor_do_a_few() -> None:
    """Of what is free each account may have as many as it leaves: a half, a quarter, an eighth."""
    settings = SharingSettings(max_operations=64, account_max_operations=64, process_max_operations=64)
    admission = Admission(settings)
    codes: set[str] = set()
    with ExitStack() as running:

        def taken(account: int) -> bool:
            try:
                running.enter_context(admission.place(caller(account, account=account)))
            except Refusal as refused:
                codes.add(f"{refused.status} {refused.code}")
                return False
            return True

        had = [len(list(takewhile(taken, repeat(account)))) for account in range(1, 6)]
        with admission.place(caller(9, account=9)):
            pass

    assert had == [32, 16, 8, 4, 2]
    assert codes == {"429 TOO_MANY_AT_ONCE"}


def test_who_works_as_other_accounts_has_no_more_places_for_that() -> None:
    admission = Admission(SharingSettings(max_operations=2, account_max_operations=3, live_per_user=1))
    with ExitStack() as running:
        for account in (10, 11):
            running.enter_context(admission.place(acting(account)))
        with pytest.raises(Refusal, match="2 operations of one caller"):
            running.enter_context(admission.place(acting(12)))
        running.enter_context(admission.place(caller(8, account=2)))
        with pytest.raises(Refusal, match="3 operations of one account"):
            running.enter_context(admission.place(caller(9, account=2)))
        running.enter_context(admission.place(caller(9, account=10)))
        running.enter_context(admission.live(acting(10)))
        with pytest.raises(Refusal):
            running.enter_context(admission.live(acting(11)))


def test_a_place_that_was_left_is_left_once() -> None:
    admission = Admission(SharingSettings(max_operations=1))
    with admission.place(caller()) as first:
        first.leave()
        with admission.place(caller()):
            first.leave()
            assert admission.running.taken == 1


async def test_an_account_is_worked_on_by_turns_and_holds_nobody_else_up() -> None:
    admission = Admission(SharingSettings(account_turns=2))
    order: list[str] = []

    async def work(name: str, user: int) -> None:
        async with admission.turn(caller(user)):
            order.append(name)

    async with AsyncExitStack() as working:
        for _ in range(2):
            await working.enter_async_context(admission.turn(caller(1)))
        waiting = [asyncio.create_task(work(name, index)) for index, name in enumerate("abc")]
        await asyncio.sleep(0)
        async with admission.turn(caller(1, account=9)):
            order.append("other")
        assert order == ["other"]
    await asyncio.gather(*waiting)

    assert order == ["other", "a", "b", "c"]


async def test_who_works_as_other_accounts_has_no_more_turns_for_that() -> None:
    admission = Admission(SharingSettings(account_turns=1))
    async with admission.turn(acting(10)):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), admission.turn(acting(11)):
                pass
        async with admission.turn(caller(1, account=10)):
            pass


async def test_who_stops_waiting_for_a_turn_takes_none() -> None:
    admission = Admission(SharingSettings(account_turns=1))

    async def work() -> None:
        async with admission.turn(caller()):
            pass

    async with admission.turn(caller()):
        gone = asyncio.create_task(work())
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait({gone})
    async with asyncio.timeout(5), admission.turn(caller()):
        pass


async def test_one_operation_too_many_is_refused_and_the_next_is_answered(
    served: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = served.served.service
    monkeypatch.setattr(service, "admission", Admission(replace(WIDE, max_operations=2, account_turns=1)))
    behind = asyncio.Event()
    reader = service.store.reader

    def slow(scope: Scope) -> object:
        return _Held(reader(scope), behind)

    monkeypatch.setattr(service.store, "reader", slow)
    running = [asyncio.create_task(served.ask(REACH)) for _ in range(2)]
    await until(lambda: service.admission.running.taken == 2)
    refused = await served.ask(REACH)
    behind.set()
    answered = await asyncio.gather(*running)

    assert (refused.status_code, code(refused), refused.headers["retry-after"]) == (429, "TOO_MANY_AT_ONCE", "1")
    assert [answer.status_code for answer in answered] == [200, 200]
    assert (await served.ask(REACH)).status_code == 200
    assert service.admission.running.taken == 0


class _Held:
    """A reader that is given when a test lets it be."""

    def __init__(self, reader: object, until: asyncio.Event) -> None:
        self._reader = reader
        self._until = until

    async def __aenter__(self) -> object:
        await self._until.wait()
        return await self._reader.__aenter__()  # type: ignore[attr-defined]  # a context manager

    async def __aexit__(self, *what: object) -> None:
        await self._reader.__aexit__(*what)  # type: ignore[attr-defined]  # likewise


async def test_what_listens_has_places_of_its_own(served: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    service = served.served.service
    monkeypatch.setattr(service, "admission", Admission(replace(WIDE, max_operations=1, live_per_user=1)))
    async with served.http.stream("POST", "/graphql", json={"query": LIVE}, headers={"accept": SSE}) as live:
        await anext(told(live))
        assert (service.admission.listening.taken, service.admission.running.taken) == (1, 0)
        another = await served.ask(LIVE, accept=SSE)
        ordinary = await served.ask(REACH)
    await until(lambda: service.admission.listening.taken == 0)

    assert (another.status_code, code(another)) == (429, "TOO_MANY_AT_ONCE")
    assert ordinary.status_code == 200


async def test_the_state_of_a_store_counts_its_readers(hierarchy: Store) -> None:
    scope = Scope(path=paths.segment(1))
    async with AsyncExitStack() as open_readers:
        for _ in range(8):
            reader = await open_readers.enter_async_context(hierarchy.reader(scope))
            if hierarchy.engine == "postgresql":
                await reader._begin()  # type: ignore[attr-defined]  # no connection is taken before a statement
        full = hierarchy.state()["reader"]
    over = hierarchy.state()["reader"]

    assert (full["used"], full["waiting"], over["used"]) == (8, 0, 0)
    assert over["idle"] >= 1


def test_settings_take_as_much_as_is_read_at_all() -> None:
    assert (WIDEST.tokens, WIDEST.selections) == (WIDEST_TOKENS, WIDEST_SELECTIONS)
