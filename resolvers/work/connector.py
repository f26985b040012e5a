"""What provisions: a small interface, behind which the manufacturers' own systems are, or the built-in simulator.

A connector is found by the entry point group `canopy.connectors`: a callable without arguments that gives a
`Connector`. Which is for which manufacturer is said by the setting `CANOPY_CONNECTORS`; all others are simulated.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import entry_points
from typing import Protocol, TypeAlias

from models.store import Store
from resolvers.work.simulator import Simulator
from resolvers.work.task import Done, Failed, Pending, Task

GROUP = "canopy.connectors"

Outcome: TypeAlias = Done | Pending | Failed


class Connector(Protocol):
    """What sets services up, changes and stops them.

    Each method may be called any number of times with the same `Task.key`, after a kill or an unclear answer, and must
    have its effect once. None runs inside a transaction. Whatever is raised counts as a failure that may pass.
    """

    async def provision(self, task: Task) -> Outcome:
        """Set a new service up, in the quantities of the task."""

    async def change(self, task: Task) -> Outcome:
        """Bring a service to the parts of the task.

        They may be those that it has, as at a renewal; other quantities; after a switch other products, or the same
        under another plan; or, where an order was called off that had begun, what there was before it.
        """

    async def suspend(self, task: Task) -> Outcome:
        """Let nobody use a service, and keep what is in it."""

    async def resume(self, task: Task) -> Outcome:
        """Let a suspended or stopped service be used again."""

    async def stop(self, task: Task) -> Outcome:
        """End a service. What is in it is kept for 30 days."""

    def can_stop(self) -> bool:
        """Whether an order that has begun can be called off: set up is then stopped, what was changed is changed back.

        Asked when an order begins.
        """


class ConnectorSettingError(ValueError):
    """The setting of connectors makes no sense; the message says what would."""


@dataclass(frozen=True)
class Connectors:
    """Which connector is for whom.

    Args:
        store: where the simulator remembers what it did.
        setting: `code:name,code:name`: of a manufacturer and of the entry point that is for it.
        is_told: whether orders may tell the simulator what to do.
    """

    store: Store
    setting: str = ""
    is_told: bool = False
    _loaded: dict[str, Connector] = field(default_factory=dict)

    @cached_property
    def simulator(self) -> Simulator:
        """For all manufacturers that have no connector."""
        return Simulator(self.store, is_told=self.is_told)

    @cached_property
    def names(self) -> Mapping[str, str]:
        """The entry points' names by the manufacturers' codes.

        Raises:
            ConnectorSettingError: see `parsed`.
        """
        return parsed(self.setting)

    def of(self, manufacturer: str) -> Connector:
        """The one for a manufacturer, by its code.

        Raises:
            ConnectorSettingError: its entry point isn't installed.
        """
        name = self.names.get(manufacturer)
        if name is None:
            return self.simulator
        if name not in self._loaded:
            self._loaded[name] = _load(name)
        return self._loaded[name]


def parsed(setting: str) -> dict[str, str]:
    """The setting as names of entry points by manufacturers' codes.

    Raises:
        ConnectorSettingError: a part isn't `code:name`, or a manufacturer stands there twice.
    """
    names: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in setting.split(","))):
        code, _, name = part.partition(":")
        if not code or not name or code in names:
            raise ConnectorSettingError(f"{part!r}: it takes manufacturer:connector, each manufacturer once.")
        names[code] = name
    return names


def _load(name: str) -> Connector:
    for found in entry_points(group=GROUP, name=name):
        connector: Connector = found.load()()
        return connector
    raise ConnectorSettingError(f"No connector {name!r} is installed (entry point group {GROUP}).")
