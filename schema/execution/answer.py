"""Building: makes the answer out of what was fetched, from the lowest level up, each object once.

While all goes well a level is one call of its generated builder. Where anything is wrong it is built again, value by
value, by the rules of the specification (§6.4.3 and §6.4.4); what was wrong is noted with its level, object and path.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from graphql import FieldNode, GraphQLList, GraphQLNonNull, get_nullable_type
from graphql.pyutils import is_iterable

from schema.execution.declaration import Column, Computed, Context, Lookup, Paged, PageLike, Prefixed
from schema.execution.fetch import Fetching, Page, Pages
from schema.execution.leaves import unfit, write
from schema.execution.links import Span, no_list
from schema.execution.plan import Entry, Level, Part

Path = tuple[str | int, ...]
Finish = Callable[[Any, Any], Any]
"""Makes of a type and what stands for a value, neither None nor a list, the value in the answer; may raise."""


_OBJECTS = {"edges", "pageInfo"}
"""The parts of a connection that have parts."""
_COUNTS = ("totalCount", "totalCountIsExact")
_BARE = {"nodes", *_COUNTS}
"""The parts that are made of all pages at once."""


class _Nulled:
    """Stands for an object, or a list, that a null in a place for none has taken away."""


NULLED = _Nulled()


@dataclass(slots=True)
class Failure:
    """Something that went wrong at one object of a level.

    Args:
        level: where.
        row: which of its objects.
        path: from the object to the field.
        nodes: the field in the document.
        error: what it was.
    """

    level: Level
    row: int
    path: Path
    nodes: list[FieldNode]
    error: Exception


@dataclass(slots=True)
class Place:
    """A field of one object: which object of which level, which entry, and which part of it if it is a connection."""

    level: Level
    row: int
    entry: Entry
    asked: Entry | Part

    def failure(self, path: Path, error: Exception) -> Failure:
        """What went wrong there."""
        return Failure(self.level, self.row, path, self.asked.nodes, error)


class Building:
    """The second half of a run.

    Args:
        fetching: the first half, done.
        context: handed to functions.
    """

    def __init__(self, fetching: Fetching, context: Context) -> None:
        self._fetching = fetching
        self._context = context
        self._built: dict[Level, list[Any]] = {}
        self.failures: list[Failure] = []

    def build(self, level: Level) -> list[Any]:
        """The answer's objects of a level; `NULLED` for those that a null has taken away."""
        linked = [self._complete(level, entry) for entry in level.linked]
        rows = self._fetching.rows[level]
        quick = self._quickly(level, rows, linked)
        self._built[level] = self._carefully(level, rows, linked) if quick is None else quick
        return self._built[level]

    def _quickly(self, level: Level, rows: Sequence[Any], linked: list[list[Any]]) -> list[Any] | None:
        if not rows:
            return []
        if any(not self._is_whole(values) for values in linked):
            return None
        if any(entry in self._fetching.refused for entry in level.checked):
            return None
        try:
            assert level.build is not None  # noqa: S101  # set when the plan was made
            return level.build(rows, self._context, linked)
        except Exception:  # done again, carefully
            return None

    def _is_whole(self, values: list[Any]) -> bool:
        """Whether nothing was taken away; where nothing has failed, nothing was."""
        return not self.failures or not any(value is NULLED for value in values)

    def _carefully(self, level: Level, rows: Sequence[Any], linked: list[list[Any]]) -> list[Any]:
        values = dict(zip(level.linked, linked, strict=True))
        objects: list[Any] = []
        for at, row in enumerate(rows):
            built = {
                entry.key: values[entry][at] if entry in values else self._leaf(level, entry, at, row)
                for entry in level.entries
            }
            objects.append(built if all(value is not NULLED for value in built.values()) else NULLED)
        return objects

    def _leaf(self, level: Level, entry: Entry, at: int, row: Any) -> Any:
        if entry.name == "__typename":
            return level.type.name
        return self._settle(level, entry, at, self._raw(level, entry, row), write)

    def _raw(self, level: Level, entry: Entry, row: Any) -> Any:
        """A leaf as it comes, or the exception that comes instead."""
        declaration: Any = entry.declaration
        try:
            if entry in self._fetching.refused:
                return self._fetching.refused[entry]
            if isinstance(declaration, Computed):
                return declaration.bound(self._context)(row)
            assert isinstance(declaration, (Column, Prefixed))  # noqa: S101  # all others are linked
            value = row[level.layout[declaration.name]] if level.holds_rows else getattr(row, declaration.name)
        except Exception as error:  # it becomes the field's error, whatever it is
            return error
        return f"{declaration.prefix}{value}" if isinstance(declaration, Prefixed) and value is not None else value

    # Linked entries

    def _complete(self, level: Level, entry: Entry) -> list[Any]:
        """The values of a linked entry, one for each object of its level, as they stand in the answer."""
        count = len(self._fetching.rows[level])
        if entry in self._fetching.refused:
            error = self._fetching.refused[entry]
            return [self._settle(level, entry, at, error, write) for at in range(count)]
        for below, _parts in entry.below:
            self.build(below)
        links = self._fetching.links.get(entry, ())
        if isinstance(links, Pages):
            return self._bare_pages(entry, links) or self._pages(level, entry, links)
        if isinstance(entry.declaration, Lookup):
            return [self._settle(level, entry, at, link, self._looked_up) for at, link in enumerate(links)]
        if entry.level is None:
            return [self._settle(level, entry, at, value, write) for at, value in enumerate(links)]
        built = self._built[entry.level]
        quick = _at_once(entry, links, built) if self._is_whole(built) else None
        if quick is not None:
            return quick
        return [self._settle(level, entry, at, link, lambda _type, to: built[to]) for at, link in enumerate(links)]

    def _looked_up(self, _type: Any, link: tuple[Level, int]) -> Any:
        return self._built[link[0]][link[1]]

    # Nulls

    def _settle(self, level: Level, entry: Entry, at: int, value: Any, finish: Finish) -> Any:
        place = Place(level, at, entry, entry)
        return self._settled(place, entry.definition.type, value, (entry.key,), finish)

    def _settled(self, place: Place, of_type: Any, value: Any, path: Path, finish: Finish) -> Any:
        """A value in the answer: None, or `NULLED` where there can be no null, if there is something wrong with it."""
        if isinstance(of_type, GraphQLNonNull):
            settled = self._settled(place, of_type.of_type, value, path, finish)
            if settled is None and value is None:
                owner = place.asked.owner.name
                error = TypeError(f"Cannot return null for non-nullable field {owner}.{place.asked.name}.")
                self.failures.append(place.failure(path, error))
            return NULLED if settled is None else settled
        if value is None or value is NULLED:
            return None
        try:
            if isinstance(value, Exception):
                raise value
            if isinstance(of_type, GraphQLList):
                return self._settled_list(place, of_type.of_type, value, path, finish)
            settled = finish(of_type, value)
        except Exception as error:  # it becomes the field's error, whatever it is
            self.failures.append(place.failure(path, error))
            return None
        return None if settled is NULLED else settled

    def _settled_list(self, place: Place, item_type: Any, value: Any, path: Path, finish: Finish) -> Any:
        items = range(value.start, value.end) if isinstance(value, Span) else value
        if not is_iterable(items):
            raise no_list(place.entry)
        settled = [self._settled(place, item_type, each, (*path, at), finish) for at, each in enumerate(items)]
        return None if any(each is NULLED for each in settled) else settled

    # Connections

    def _bare_pages(self, entry: Entry, pages: Pages) -> list[Any] | None:
        """The connections of which only rows and counts are asked for, if nothing is wrong with any of them."""
        if self.failures or any(part.name not in _BARE for part in entry.parts):
            return None
        if not pages.are_whole and any(found is not None for found in pages.found):
            return None
        keys = [part.key for part in entry.parts]
        try:
            values = [self._bare_part(entry, pages, part) for part in entry.parts]
        except Exception:  # done again, carefully
            return None
        if len(keys) == 1:
            return [{keys[0]: value} for value in values[0]]
        return [dict(zip(keys, each, strict=True)) for each in zip(*values, strict=True)]

    def _bare_part(self, entry: Entry, pages: Pages, part: Part) -> list[Any]:
        """Of each page the rows, or a count; raises if anything is wrong with any."""
        if part.level is not None:
            built = self._built[part.level]
            return [built[start:end] for start, end in pairwise(pages.starts)]
        declaration: Any = entry.declaration
        leaf: Any = get_nullable_type(part.type)
        at = _COUNTS.index(part.name)
        written = {count: write(leaf, declaration.total(count)[at]) for count in set(pages.counts)}
        return [written[count] for count in pages.counts]

    def _pages(self, level: Level, entry: Entry, pages: Pages) -> list[Any]:
        """A connection for each page; one that is shared, and whole, is made once."""
        made: dict[tuple[int, Any], Any] = {}
        values = []
        for at, page in enumerate(pages):
            key = (id(page.found), id(page.count))
            if key not in made:
                before = len(self.failures)
                value = self._connection(Place(level, at, entry, entry), page)
                if len(self.failures) == before:
                    made[key] = value
                values.append(value)
            else:
                values.append(made[key])
        return values

    def _connection(self, place: Place, page: Page) -> Any:
        entry = place.entry
        path = (entry.key,)
        if isinstance(page.found, Exception):
            value: Any = page.found
        else:
            value = self._object(place, entry.parts, path, lambda part, below: self._part(place, page, part, below))
        return self._settled(place, entry.definition.type, value, path, _as_it_is)

    def _object(self, place: Place, parts: list[Part], path: Path, value_of: Callable[[Part, Path], Any]) -> Any:
        """A connection, one of its edges or its page info: of each part its value."""
        made = {part.key: self._part_value(place, part, (*path, part.key), value_of) for part in parts}
        return NULLED if any(value is NULLED for value in made.values()) else made

    def _part_value(self, place: Place, part: Part, path: Path, value_of: Callable[[Part, Path], Any]) -> Any:
        try:
            value = value_of(part, path)
        except Exception as error:  # it becomes the field's error, whatever it is
            value = error
        asked = Place(place.level, place.row, place.entry, part)
        if part.level is None:
            return self._settled(asked, part.type, value, path, _as_it_is if part.name in _OBJECTS else write)
        built = self._built[part.level]
        if isinstance(value, Span) and self._is_whole(built):
            return built[value.start : value.end]
        return self._settled(asked, part.type, value, path, lambda _type, to: built[to])

    def _part(self, place: Place, page: Page, part: Part, path: Path) -> Any:
        """What stands for the value of a part of a connection."""
        if part.name == "__typename":
            return part.owner.name
        declaration: Any = place.entry.declaration
        if part.name in _COUNTS:
            if isinstance(page.count, Exception):
                return page.count
            return declaration.total(page.count)[_COUNTS.index(part.name)]
        found: Any = page.found  # every other part asks for it
        if part.name == "nodes":
            return Span(page.start, page.start + len(found.rows))
        if part.name == "pageInfo":
            return self._object(place, part.parts, path, lambda each, _path: self._page_info(declaration, each, found))
        return self._edges(place, page, part, path)

    def _edges(self, place: Place, page: Page, part: Part, path: Path) -> list[Any]:
        found: Any = page.found
        rows = list(enumerate(found.rows, page.start))
        try:
            return [self._edge_quickly(place.entry, part, found, *row) for row in rows]
        except Exception:  # done again, carefully
            edges = (partial(self._edge, place.entry, found, *row) for row in rows)
            return [self._object(place, part.parts, (*path, at), edge) for at, edge in enumerate(edges)]

    def _edge_quickly(self, entry: Entry, part: Part, found: PageLike, to: int, row: Any) -> dict[str, Any]:
        """An edge, if nothing is wrong with it; raises if anything might be."""
        edge = {each.key: self._edge(entry, found, to, row, each, ()) for each in part.parts}
        for each in part.parts:
            if each.level is not None:
                edge[each.key] = self._built[each.level][to]
        return unfit() if any(value is NULLED or value is None for value in edge.values()) else edge

    def _edge(self, entry: Entry, found: PageLike, to: int, row: Any, part: Part, _path: Path) -> Any:
        """What stands for the value of a part of an edge."""
        declaration: Any = entry.declaration
        if part.name == "node":
            return to
        return part.owner.name if part.name == "__typename" else declaration.cursor(self._context, found, row)

    def _page_info(self, declaration: Paged, part: Part, found: PageLike) -> Any:
        if part.name == "hasNextPage":
            return found.has_next
        if part.name == "hasPreviousPage":
            return found.has_previous
        if part.name == "__typename":
            return part.owner.name
        if not found.rows:
            return None
        return declaration.cursor(self._context, found, found.rows[0 if part.name == "startCursor" else -1])


def _as_it_is(_type: Any, value: Any) -> Any:
    return value


def _at_once(entry: Entry, links: list[Any], built: list[Any]) -> list[Any] | None:
    """All values of an entry, if nothing is wrong with any of them."""
    if isinstance(entry.definition.type, GraphQLNonNull) and None in links:
        return None
    try:
        return [
            None if link is None else built[link.start : link.end] if link.__class__ is Span else built[link]
            for link in links
        ]
    except TypeError:  # an exception among the links, or a list that is no span
        return None
