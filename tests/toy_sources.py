"""Sources in memory for the toy schema, which fail when they are told to."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

from resolvers.caller import Caller
from resolvers.context import Context
from resolvers.listing import Listing
from resolvers.page import CountRequest, PageRequest, Slice
from resolvers.privileges import Privilege
from resolvers.source import PageSource, Source

Failing = Mapping[Any, Exception]
"""By key; under `None` the failure of all."""


@dataclass
class World:
    """What the toy schema is asked about.

    Args:
        probe: the value behind `probe`.
        items: rows by id; each has the columns of `ITEM`, those that are missing as None.
        others: rows of the other type.
        failing: by the name of a source.
    """

    probe: Any = None
    items: dict[int, dict[str, Any]] = field(default_factory=dict)
    others: dict[int, dict[str, Any]] = field(default_factory=dict)
    failing: dict[str, Failing] = field(default_factory=dict)


class ToyContext(Context):
    """Remembers what was fetched."""

    def __init__(self, world: World, privileges: frozenset[Privilege] = frozenset(Privilege)) -> None:
        super().__init__(Caller("000001", privileges), cast(Any, SimpleNamespace(engine="sqlite")), b"toy")
        self.world = world
        self.fetches: list[tuple[str, list[Any], Any]] = []

    def fetched(self, source: str, keys: Sequence[Any], request: Any) -> Failing:
        """Note a fetch; gives what fails in it."""
        self.fetches.append((source, list(keys), request))
        failing = self.world.failing.get(source, {})
        if None in failing:
            raise failing[None]
        return failing


def _item(row: Mapping[str, Any], layout: Iterable[str]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in layout)


def _one(name: str, table: str, needs: str) -> Source:
    async def fetch(context: Any, keys: Sequence[Any], columns: tuple[str, ...]) -> list[Any]:
        failing, rows = context.fetched(name, keys, columns), getattr(context.world, table)
        layout = source.layout(columns)
        return [failing.get(key) or (_item(rows[key], layout) if key in rows else None) for key in keys]

    source = Source(name, (needs,), fetch, ("id",), table)
    return source


def _several(name: str, by: str) -> Source:
    async def fetch(context: Any, keys: Sequence[Any], columns: tuple[str, ...]) -> list[Any]:
        failing, groups = context.fetched(name, keys, columns), defaultdict(list)
        for row in context.world.items.values():
            groups[row.get(by)].append(_item(row, source.layout(columns)))
        return [failing.get(key) or groups[key] for key in keys]

    source = Source(name, ("id",), fetch, (by,), "items")
    return source


def _pages(name: str, needs: tuple[str, ...] = ("id",)) -> PageSource:
    """Of the rows below each parent, or of all where there is no parent."""

    def below(context: Any, key: Any) -> list[dict[str, Any]]:
        return [row for row in context.world.items.values() if not needs or row.get("boss") == key]

    async def fetch(context: Any, keys: Sequence[Any], request: PageRequest) -> list[Any]:
        failing = context.fetched(name, keys, request)
        layout = source.layout(request.columns)
        pages: list[Any] = []
        for key in keys:
            rows = [{"sort_key": row["id"]} | row for row in below(context, key)]
            page = [_item(row, layout) for row in rows[: request.size]]
            pages.append(failing.get(key) or Slice(page, name, has_next=len(rows) > request.size))
        return pages

    async def count(context: Any, keys: Sequence[Any], request: CountRequest) -> list[Any]:
        failing = context.fetched(f"{name}.count", keys, request)
        return [failing.get(key) or len(below(context, key)) for key in keys]

    source = Source(name, needs, fetch, ("sort_key", "id"), "items")
    listing = cast(Listing, SimpleNamespace(default=("id", False)))
    return PageSource(listing, source, Source(f"{name}.count", needs, count))


def _worth(name: str, needs: str = "id") -> Source:
    async def fetch(context: Any, keys: Sequence[Any], request: Any) -> list[Any]:
        failing, items = context.fetched(name, keys, request), context.world.items
        return [failing.get(key) or items.get(key, {}).get("worth") for key in keys]

    return Source(name, (needs,), fetch)


BY_ID, BOSS, PAL = _one("items", "items", "id"), _one("boss", "items", "boss"), _one("pal", "items", "pal")
OTHERS, STAFF, WORTH = _one("others", "others", "id"), _several("staff", "boss"), _worth("worth")
PAGES, ALL = _pages("pages"), _pages("all", ())

ITEMS: dict[int, dict[str, Any]] = {
    1: {"id": 1, "name": "one", "rank": 1, "boss": None, "pal": 2, "worth": 10},
    2: {"id": 2, "name": "two", "rank": 2, "boss": 1, "pal": 1, "worth": None},
    3: {"id": 3, "name": None, "rank": None, "boss": 1, "pal": 9, "worth": 30},
}


def market(**failing: Any) -> World:
    """A world of rows, in which sources fail."""
    return World(items=ITEMS, others={1: {"id": 1, "label": "other"}}, failing=failing)


def told(errors: Sequence[Mapping[str, Any]]) -> list[tuple[list[Any], str]]:
    """Path and message of each error."""
    return [(error["path"], error["message"]) for error in errors]


def no_null(of: str) -> str:
    """What is said where a null can't be."""
    return f"Cannot return null for non-nullable field {of}."
