"""Processes of one server that count together, in a folder: what any of them has counted, each of them tells."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

_COUNTS = "*.db"


def registry_of_all(folder: Path) -> CollectorRegistry:
    """What all have counted in a folder, and what those that live hold of the machine."""
    numbers = _processes(folder)
    living = {number for number in numbers if _lives(number)}
    for number in numbers - living:
        forget(number)
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]  # so prometheus-client has it
    registry.register(_Each(sorted(living)))
    return registry


def forget(number: int) -> None:
    """Forget what a process that has ended said of its present state; what it has counted stays counted."""
    with suppress(FileNotFoundError):  # somebody else has
        mark_process_dead(number)  # type: ignore[no-untyped-call]  # so prometheus-client has it


def _processes(folder: Path) -> set[int]:
    """All that have ever counted there."""
    return {int(number) for file in folder.glob(_COUNTS) if (number := file.stem.rpartition("_")[2]).isdecimal()}


def _lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except OSError:  # it is gone, or its number is another user's by now
        return False
    return True


class _Each(Collector):
    """What each process holds: memory, processor, files; a label `pid` tells them apart.

    Args:
        numbers: of processes.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self._numbers = tuple(numbers)

    def collect(self) -> Iterable[Metric]:
        """Each kind of metric once, with a sample for each process."""
        found: dict[str, Metric] = {}
        for number in self._numbers:
            for metric in ProcessCollector(pid=str(number).__str__, registry=None).collect():
                whole = found.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                for sample in metric.samples:
                    whole.add_sample(sample.name, {**sample.labels, "pid": str(number)}, sample.value)
        return found.values()
