"""Connectors: which one is asked for which manufacturer, and how the built-in simulator behaves."""

import asyncio
from importlib.metadata import EntryPoint
from typing import Any

import click
import pytest

from edge.settings import Settings
from models import Provisioned
from models.store import Store
from resolvers.work import connector
from resolvers.work.connector import Connectors, ConnectorSettingError, parsed
from resolvers.work.simulator import Simulator
from resolvers.work.task import Done, Failed, Part, Pending, Task
from tests.changes import rows_of
from tests.ordering import CUSTOMER
from tests.works import Works, workplace
from tests.works import works as works


def task(how: str = "", key: str = "order:1") -> Task:
    return Task(key, 7, None, "contoso", (Part("MPN", "Seats", 3), Part("ADD", "More", 2)), {"simulate": how})


@pytest.fixture
def simulator(own_hierarchy: Store) -> Simulator:
    return Simulator(own_hierarchy, is_told=True)


async def test_what_is_asked_again_under_its_key_is_done_once(simulator: Simulator, own_hierarchy: Store) -> None:
    outcomes = [await simulator.provision(task()) for _ in range(3)]

    assert outcomes == [Done("SIM-7")] * 3
    (row,) = await rows_of(own_hierarchy, Provisioned)
    assert (row.key, row.action, row.quantity, row.attempts) == ("order:1", "provision", 5, 3)
    assert row.done_at is not None


async def test_what_is_asked_at_once_is_done_once(simulator: Simulator, own_hierarchy: Store) -> None:
    outcomes = await asyncio.gather(*(simulator.change(task()) for _ in range(8)))

    assert outcomes == [Done("SIM-7")] * 8
    assert [row.attempts for row in await rows_of(own_hierarchy, Provisioned)] == [8]


async def test_it_can_be_told_to_fail_once_for_ever_or_to_take_its_time(simulator: Simulator) -> None:
    assert isinstance(await simulator.change(task("fail")), Failed)
    once = [await simulator.change(task("fail-once", "order:2")) for _ in range(2)]
    assert [isinstance(each, Failed) and not each.is_final for each in once] == [True, False]
    pending = [await simulator.change(task("pending:1", "order:3")) for _ in range(2)]
    assert pending == [Pending(), Done("SIM-7")]
    assert await simulator.change(task("pending", "order:4")) == Pending()


async def test_it_can_be_told_to_be_slow(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("resolvers.work.simulator.asyncio.sleep", sleep)
    for how in ("slow", "slow:30", "slow:999"):
        assert isinstance(await simulator.resume(task(how, how)), Done)

    assert slept == [5.0, 30.0, 60.0]


async def test_orders_tell_it_nothing_unless_that_is_allowed(own_hierarchy: Store) -> None:
    assert await Simulator(own_hierarchy).provision(task("fail")) == Done("SIM-7")


class Recorder(Simulator):
    """A connector that is installed."""

    asked: list[Task] = []

    def __init__(self) -> None:
        """Nothing is remembered elsewhere."""

    async def _do(self, action: str, asked: Task) -> Any:
        self.asked.append(asked)
        return Done("REAL-1")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("recorder", f"{__name__}:Recorder", connector.GROUP)
    found = lambda group, name: [point] if (group, name) == (connector.GROUP, "recorder") else []  # noqa: E731  # short
    monkeypatch.setattr(connector, "entry_points", found)
    monkeypatch.setattr(Recorder, "asked", [])


@pytest.mark.usefixtures("installed")
async def test_a_manufacturer_with_a_connector_is_provisioned_by_it(works: Works) -> None:
    code = next(row["code"] for row in works.shop.world["manufacturer"] if row["id"] == 1)
    place = workplace(works.store, connectors=Connectors(works.store, f"{code}:recorder"))
    payload = await works.shop.buy(CUSTOMER, 3)
    await works.work_at(place)

    order = await works.shop.order(payload)
    assert order.status == "COMPLETED"
    assert (await works.subscription(order.subscription_id)).vendor_subscription_id == "REAL-1"
    (asked,) = Recorder.asked
    assert (asked.key, asked.manufacturer, [part.quantity for part in asked.parts]) == (f"order:{order.id}", code, [3])
    assert await works.asked(order.subscription_id) == []


@pytest.mark.usefixtures("installed")
def test_others_are_simulated(own_hierarchy: Store) -> None:
    connectors = Connectors(own_hierarchy, "contoso:recorder")

    assert isinstance(connectors.of("contoso"), Recorder)
    assert connectors.of("contoso") is connectors.of("contoso")
    assert connectors.of("fabrikam") is connectors.simulator


async def test_an_order_whose_connector_is_not_installed_waits_and_says_nothing_of_it(works: Works) -> None:
    code = next(row["code"] for row in works.shop.world["manufacturer"] if row["id"] == 1)
    place = workplace(works.store, connectors=Connectors(works.store, f"{code}:missing"))
    payload = await works.shop.buy(CUSTOMER, 3)
    await works.work_at(place)
    assert (await works.shop.order(payload)).status == "PROCESSING"
    works.forward(minutes=1)
    await works.work()

    assert (await works.shop.order(payload)).status == "COMPLETED"


def test_the_setting_names_each_manufacturer_once() -> None:
    assert parsed(" contoso:a, fabrikam:b ,") == {"contoso": "a", "fabrikam": "b"}
    for wrong in ("contoso", "contoso:", ":a", "contoso:a,contoso:b"):
        with pytest.raises(ConnectorSettingError):
            parsed(wrong)
        with pytest.raises(click.UsageError, match="CANOPY_CONNECTORS"):
            Settings.from_environment({"CANOPY_CONNECTORS": wrong})


def test_a_demonstration_may_tell_the_simulator() -> None:
    settings = Settings.from_environment({"CANOPY_SIMULATOR": "1", "CANOPY_CONNECTORS": "contoso:a"})

    assert (settings.simulator, settings.connectors) == (True, "contoso:a")
    assert Settings.from_environment({}).simulator is False
