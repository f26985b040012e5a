"""The floors of `bench/` answer what Canopy answers, and a run is told as it was."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from bench.client import AnswerError, http, load
from bench.floor_sqlite import SqliteFloor
from bench.floors import KINDS, Floor, open_floor
from bench.measure import Case
from bench.picture import svg
from bench.processes import cpu_seconds, cpu_since
from bench.report import bars, markdown, table
from bench.workloads import CALLERS, WORKLOADS, Subject, plain, subject
from models.store import Store
from resolvers.caller import Caller
from tests.asking import ask
from tests.databases import Databases
from tests.templates import opened, seeded_template

EVERYBODY = pytest.mark.parametrize("name", CALLERS)
EVERYTHING = pytest.mark.parametrize("workload", WORKLOADS)
LINUX = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="CPU is read from Linux's /proc")


@pytest.fixture(scope="module")
async def floor(seeded_url: str) -> AsyncIterator[Floor]:
    floor = open_floor(seeded_url)
    yield floor
    await floor.close()


@EVERYBODY
@EVERYTHING
@pytest.mark.parametrize("kind", KINDS)
async def test_a_floor_answers_what_canopy_answers(
    kind: str,
    workload: str,
    name: str,
    floor: Floor,
    seeded_store: Store,
    caller: Callable[[str], Awaitable[Caller]],
) -> None:
    who = await subject(seeded_store, name)
    asked = WORKLOADS[workload]

    answer = await ask(seeded_store, await caller(who.login), asked.query, {"id": f"acc_{who.below}"})
    by_floor = json.loads(await KINDS[kind](floor)(workload, who.path, who.below))

    assert not answer.errors
    assert by_floor
    assert by_floor == json.loads(json.dumps(plain(asked, answer.data)))


@pytest.mark.parametrize("kind", KINDS)
async def test_walking_the_order_on_sqlite_gives_what_gathering_the_range_gives(
    kind: str, sqlite_databases: Databases
) -> None:
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as url:
        async with opened(url) as store:
            everybody = [await subject(store, name) for name in CALLERS]
        walking, gathering = SqliteFloor(url, 0), SqliteFloor(url, 10**9)
        for who in everybody:
            for workload in ("w2", "w5"):
                walked = await KINDS[kind](walking)(workload, who.path, who.below)
                gathered = await KINDS[kind](gathering)(workload, who.path, who.below)
                assert walked == gathered, (workload, who)
        await walking.close()
        await gathering.close()


async def test_who_asks_has_accounts_below(seeded_store: Store) -> None:
    everybody = [await subject(seeded_store, name) for name in CALLERS]

    assert len({each.login for each in everybody}) == len(CALLERS)
    assert all(each.below != each.account_id for each in everybody)


async def test_a_database_without_a_demo_tree_is_refused(store: Store) -> None:
    with pytest.raises(LookupError, match="canopy seed"):
        await subject(store, "mid")


def test_a_load_lasts_until_it_has_its_answers(live_server: str) -> None:
    port = urlsplit(live_server).port or 0

    came = load(port, http("GET", "/health/live"), clients=3, least=20)

    assert len(came.times) == 20
    assert 0 < max(came.times) <= came.seconds
    assert came.body == b'{"status":"live"}'


def test_a_load_fails_when_an_answer_is_no_answer(live_server: str) -> None:
    with pytest.raises(AnswerError, match="404"):
        load(urlsplit(live_server).port or 0, http("GET", "/nowhere"))


@LINUX
def test_the_cpu_of_a_process_is_what_it_has_used_since() -> None:
    before = cpu_seconds([1, 2**22 + 1])
    (own,) = cpu_seconds([(pid := int(Path("/proc/self").readlink().name))]).items()
    sum(range(1_000_000))

    assert 2**22 + 1 not in before
    assert 0 < cpu_since(dict([own])) < 60
    assert own[0] == pid


def case(server: str, cpu_ms: float) -> Case:
    who = Subject("mid", "rita@reseller.example", "000001000002", 7)
    milliseconds = [cpu_ms / 2, cpu_ms / 2]
    return Case(
        WORKLOADS["w1"],
        who,
        server,
        server_ms=milliseconds,
        postgresql_ms=milliseconds,
        per_second=[100.0, 200.0],
        alone=[0.001, 0.002, 0.003],
        crowded=[0.01, 0.02, 0.03],
        mib=160,
    )


CASES = [case("rows", 1.0), case("canopy", 1.25), case("plans-off", 50.0)]


def test_a_bar_is_told_as_missed_only_where_it_is_missed() -> None:
    told = {what: (measured, holds) for what, measured, _wanted, holds in bars(CASES)}

    assert told == {
        "W1 mid: CPU against the rows floor": ("1.25 x", "yes"),
        "W1 mid: CPU without plans against with": ("40.0 x", "yes"),
        "memory of Canopy after all of it": ("160 MiB", "**no**"),
    }


def test_a_report_has_a_line_for_each_case() -> None:
    report = markdown("A title", ["a machine"], CASES)
    lines = [line.split("|") for line in report.splitlines() if line.startswith("| W1  ")]

    assert [[cell.strip() for cell in line[1:4]] for line in lines] == [["W1", "mid", each.server] for each in CASES]
    assert [line[10].strip() for line in lines] == ["1.00", "1.25", "50.00"]
    assert [line[12].strip() for line in lines] == ["2.00"] * 3


def test_a_case_without_a_floor_has_no_ratio() -> None:
    assert [what for what, *_ in bars(CASES[1:2])] == ["memory of Canopy after all of it"]
    assert "1.25" not in svg("A title", CASES[1:2])


def test_the_columns_of_a_table_stand_below_each_other() -> None:
    lines = table(("name", "n"), [("a", "1"), ("longer", "10,000")], left=1).splitlines()

    assert lines == ["| name   |      n |", "|--------|-------:|", "| a      |      1 |", "| longer | 10,000 |"]


def test_the_picture_is_well_formed_and_names_every_server() -> None:
    picture = svg("Figures of <today> & tomorrow", CASES)
    root = ElementTree.fromstring(picture)  # noqa: S314  # it was made two lines above
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]

    assert "Figures of <today> & tomorrow" in texts
    assert {"1.00x", "1.25x", "50.00x"} <= set(texts)
    assert "→" in texts
