"""Paths: where an object stands in the answer, worked out from the links once there is an error to place."""

from collections.abc import Iterator
from typing import Any

from schema.execution.answer import Path
from schema.execution.fetch import Fetching, Page
from schema.execution.links import Span
from schema.execution.plan import Entry, Level, Part, Plan


class Paths:
    """The places of all objects of a run.

    Args:
        plan: of the operation.
        fetching: knows what leads to what.
    """

    def __init__(self, plan: Plan, fetching: Fetching) -> None:
        self._fetching = fetching
        self._known: dict[Level, list[list[Path]]] = {plan.root: [[()]]}
        self._above: dict[Level, tuple[Level, Entry, tuple[Part, ...]]] = {}
        for level in fetching.rows:
            for entry in level.linked:
                for below, parts in entry.below:
                    self._above[below] = (level, entry, parts)

    def of(self, level: Level) -> list[list[Path]]:
        """For each object of the level all its paths: one that several objects share stands in several places."""
        if level not in self._known:
            above, entry, parts = self._above[level]
            found: list[list[Path]] = [[] for _ in self._fetching.rows[level]]
            for paths, link in zip(self.of(above), self._fetching.links.get(entry, ()), strict=False):
                for index, suffix in _ends(level, parts, link, (entry.key,)):
                    found[index] += [(*path, *suffix) for path in paths]
            self._known[level] = found
        return self._known[level]


def _ends(level: Level, parts: tuple[Part, ...], link: Any, path: Path) -> Iterator[tuple[int, Path]]:
    """Which objects of the level a link leads to, and the path to each."""
    if isinstance(link, int):
        yield link, path
    elif isinstance(link, Span):
        yield from ((index, (*path, index - link.start)) for index in range(link.start, link.end))
    elif isinstance(link, list):
        for at, each in enumerate(link):
            yield from _ends(level, parts, each, (*path, at))
    elif isinstance(link, tuple) and link[0] is level:
        yield link[1], path
    elif isinstance(link, Page) and link.found is not None and not isinstance(link.found, Exception):
        part, *inner = parts
        tail = tuple(each.key for each in inner)
        for at in range(len(link.found.rows)):
            yield link.start + at, (*path, part.key, at, *tail)
