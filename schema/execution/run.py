"""Runs: one execution of a plan. First everything is fetched, group by group; then the answer is built from below.

What goes wrong is noted where it goes wrong (a level, one of its objects, a response key) and only in the end spread
over all the paths at which that object stands in the answer.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter, itemgetter
from typing import Any

from graphql import FieldNode, GraphQLError, GraphQLList, GraphQLNonNull, GraphQLOutputType
from graphql.execution.values import VariableValues

from schema.execution.declaration import (
    Column,
    Computed,
    Context,
    Loaded,
    Lookup,
    Paged,
    PageLike,
    Prefixed,
    Reference,
    Related,
)
from schema.execution.leaves import complete
from schema.execution.plan import Entry, Group, Level, Part, Plan, Step, row_levels

Path = tuple[str | int, ...]
NameRows = Callable[[Level], Callable[[Any], Any]]
"""Gives what turns a level's rows into objects whose attributes are the columns."""


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
class Span:
    """A list of a child level's objects: from one, up to another."""

    start: int
    end: int


@dataclass(slots=True)
class Page:
    """A fetched page, where its rows stand in the levels that show them, and how long the list is."""

    page: PageLike | None = None
    start: int = 0
    count: int | None = None
    count_error: Exception | None = None


class Run:
    """One execution.

    Args:
        plan: of the operation.
        context: handed to sources, checks and functions.
        variables: all of the operation's.
        name_rows: see `NameRows`.
    """

    def __init__(self, plan: Plan, context: Context, variables: VariableValues, name_rows: NameRows) -> None:
        self._plan = plan
        self._context = context
        self._variables = variables
        self._name_rows = name_rows
        self._rows: dict[Level, Sequence[Any]] = {}
        self._links: dict[Entry, list[Any]] = {}
        """For each object of the entry's level what it leads to: an index or `Span` of the level below, a value, a
        `Page`, None, or an exception."""
        self._refused: dict[Entry, Exception] = {}
        """Entries that failed as a whole."""
        self._built: dict[Level, list[Any]] = {}
        self.failures: list[Failure] = []

    async def answer(self) -> tuple[dict[str, Any] | None, list[GraphQLError]]:
        """The answer's data and errors."""
        self._enter(self._plan.root, [None])
        for group in self._plan.groups:
            await self._fetch(group)
        (data,) = self._build(self._plan.root)
        return None if data is NULLED else data, list(self._errors())

    # Fetching

    def _enter(self, level: Level, rows: Sequence[Any]) -> None:
        """Give a level its objects, and the levels below it that are computed from them theirs."""
        if level.named:
            rows = list(map(self._name_rows(level), rows))
        self._rows[level] = rows
        for entry in level.entries:
            if isinstance(entry.declaration, Computed) and entry.level is not None:
                self._compute(entry, rows)

    def _compute(self, entry: Entry, rows: Sequence[Any]) -> None:
        declaration: Any = entry.declaration
        if not self._passes(entry):
            return
        values = []
        for row in rows:
            try:
                values.append(
                    declaration.function(row, self._context) if declaration.takes_context else declaration.function(row)
                )
            except Exception as error:  # it becomes the field's error, whatever it is
                values.append(error)
        self._lead(entry, values)

    def _passes(self, entry: Entry) -> bool:
        """Whether the caller may have the entry; if not, that is noted."""
        if entry in self._refused:
            return False
        try:
            if entry.declaration.check is not None:
                entry.declaration.check(self._context)
        except Exception as error:  # it becomes the field's error, whatever it is
            self._refuse(entry, error)
            return False
        return True

    def _refuse(self, entry: Entry, error: Exception) -> None:
        self._refused[entry] = error
        for level in _levels_of(entry):
            self._enter(level, [])

    def _lead(self, entry: Entry, values: Sequence[Any]) -> None:
        """Link an entry's objects to the objects, or lists of objects, that they lead to."""
        below: list[Any] = []
        links: list[Any] = []
        places: dict[int, Any] = {}
        for value in values:
            if value is None or isinstance(value, Exception):
                links.append(value)
                continue
            place = places.get(id(value))
            if place is None:
                place = places[id(value)] = _place(below, value)
            links.append(place)
        self._links[entry] = links
        assert entry.level is not None  # noqa: S101  # only called for entries that lead to objects
        self._enter(entry.level, below)

    async def _fetch(self, group: Group) -> None:
        steps = [step for step in group.steps if step.level in self._rows and self._passes(step.entry)]
        if not steps:
            return
        if steps[0].part == "lookup":
            await self._look_up(steps[0].entry)
            return
        source: Any = steps[0].source
        keys = {step: _keys(step, source, self._rows[step.level]) for step in steps}
        distinct = list(dict.fromkeys(key for each in keys.values() for key in each if key is not None))
        try:
            request = self._request(steps[0], group.columns)
            found = await source.fetch(self._context, distinct, request) if distinct else []
        except Exception as error:  # it becomes the error of every field that waits for it
            for step in steps:
                self._fail(step, error)
            return
        results = dict(zip(distinct, found, strict=True))
        for step in steps:
            self._link(step, keys[step], results)

    def _request(self, step: Step, columns: tuple[str, ...]) -> Any:
        declaration = step.entry.declaration
        if step.part == "rows":
            return columns
        arguments = step.entry.arguments(self._variables)
        if isinstance(declaration, Loaded):
            return declaration.request(**arguments)
        assert isinstance(declaration, Paged)  # noqa: S101  # the only one left that has requests
        page, count = declaration.requests(self._context, arguments, columns)
        return page if step.part == "page" else count

    def _fail(self, step: Step, error: Exception) -> None:
        if step.part != "count" or step.entry not in self._links:
            self._refuse(step.entry, error)
            return
        for page in self._links[step.entry]:
            page.count_error = error

    def _link(self, step: Step, keys: Sequence[Any], results: dict[Any, Any]) -> None:
        entry = step.entry
        if step.part == "rows":
            self._lead(entry, [results.get(key) for key in keys])
        elif step.part == "value":
            self._link_values(entry, keys, results)
        elif step.part == "count":
            pages = self._pages(entry, keys)
            for key, page in zip(keys, pages, strict=True):
                page.count = results[key]
        else:
            self._link_pages(step, keys, results)

    def _link_values(self, entry: Entry, keys: Sequence[Any], results: dict[Any, Any]) -> None:
        declaration: Any = entry.declaration
        arguments = entry.arguments(self._variables)
        further = (self._context,) if declaration.takes_context else ()
        values = []
        for key, row in zip(keys, self._rows[_level_of(entry, self._rows)], strict=True):
            try:
                result = results.get(key)
                if isinstance(result, Exception):
                    raise result
                values.append(declaration.function(result, row, *further, **arguments))
            except Exception as error:  # it becomes the field's error, whatever it is
                values.append(error)
        if entry.level is None:
            self._links[entry] = values
        else:
            self._lead(entry, values)

    def _pages(self, entry: Entry, keys: Sequence[Any]) -> list[Page]:
        if entry not in self._links:
            pages = {key: Page() for key in keys}
            self._links[entry] = [pages[key] for key in keys]
        return self._links[entry]

    def _link_pages(self, step: Step, keys: Sequence[Any], results: dict[Any, Any]) -> None:
        rows: list[Any] = []
        for key, page in zip(keys, self._pages(step.entry, keys), strict=True):
            if page.page is None:
                page.page, page.start = results[key], len(rows)
                rows.extend(page.page.rows)
        for level in row_levels(step):
            self._enter(level, rows)

    async def _look_up(self, entry: Entry) -> None:
        declaration: Any = entry.declaration
        try:
            found = declaration.function(self._context, **entry.arguments(self._variables))
            references = found if isinstance(found, list) else [found]
            rows = await self._referred(entry, references)
        except Exception as error:  # it becomes the field's error, whatever it is
            self._refuse(entry, error)
            return
        self._links[entry] = [rows if isinstance(found, list) else rows[0]]

    async def _referred(self, entry: Entry, references: Sequence[Any]) -> list[Any]:
        """For each reference the level and the index of the object that it leads to; None where there is none.

        What is no reference (None, or an exception in the place of one) stays as it is.
        """
        places: dict[Reference, Any] = {}
        by_level: dict[Level, list[Reference]] = defaultdict(list)
        for reference in references:
            if isinstance(reference, Reference):
                by_level[entry.levels[reference.type_name]].append(reference)
        for level in entry.levels.values():
            below: list[Any] = []
            for source, wanted in _by_source(by_level[level]).items():
                columns = tuple(level.layout)
                keys = list(dict.fromkeys(reference.key for reference in wanted))
                rows = await source.fetch(self._context, keys, columns)
                results = dict(zip(keys, rows, strict=True))
                layout = source.layout(columns)
                picked = [layout.index(name) for name in columns]
                for reference in wanted:
                    row = results[reference.key]
                    places[reference] = None if row is None else (level, len(below))
                    below += [] if row is None else [tuple(row[at] for at in picked)]
            self._enter(level, below)
        return [places[each] if isinstance(each, Reference) else each for each in references]

    # Building

    def _build(self, level: Level) -> list[Any]:
        """The answer's objects of a level, each built once however often it stands in the answer."""
        if level not in self._built:
            rows = self._rows[level]
            linked = [self._complete(level, entry) for entry in level.linked]
            self._built[level] = self._quickly(level, rows, linked) or self._carefully(level, rows, linked)
        return self._built[level]

    def _quickly(self, level: Level, rows: Sequence[Any], linked: list[list[Any]]) -> list[Any] | None:
        if not rows:
            return []
        if any(NULLED in values for values in linked) or any(self._is_checked(entry) for entry in level.entries):
            return None
        try:
            assert level.build is not None  # noqa: S101  # set when the plan was made
            return level.build(rows, self._context, linked)
        except Exception:  # done again, carefully
            return None

    def _is_checked(self, entry: Entry) -> bool:
        """Whether a leaf that is computed may be had by some only, and not by this caller."""
        checked = isinstance(entry.declaration, Computed) and entry.level is None
        return checked and not self._passes(entry)

    def _carefully(self, level: Level, rows: Sequence[Any], linked: list[list[Any]]) -> list[Any]:
        values = dict(zip(level.linked, linked, strict=True))
        objects: list[Any] = []
        for at, row in enumerate(rows):
            built: Any = {}
            for entry in level.entries:
                value = values[entry][at] if entry in values else self._leaf(level, entry, at, row)
                if value is NULLED:
                    built = NULLED
                    break
                built[entry.key] = value
            objects.append(built)
        return objects

    def _leaf(self, level: Level, entry: Entry, at: int, row: Any) -> Any:
        if entry.name == "__typename":
            return level.type.name
        if entry in self._refused:
            return self._failed(level, entry, at, self._refused[entry])
        try:
            return self._whole(level, entry, at, complete(entry.definition.type, self._raw(level, entry, row)))
        except Exception as error:  # it becomes the field's error, whatever it is
            return self._failed(level, entry, at, error)

    def _raw(self, level: Level, entry: Entry, row: Any) -> Any:
        declaration = entry.declaration
        if isinstance(declaration, Computed):
            return declaration.function(row, self._context) if declaration.takes_context else declaration.function(row)
        assert isinstance(declaration, (Column, Prefixed))  # noqa: S101  # all others are linked
        value = row[level.layout[declaration.name]] if level.holds_rows else getattr(row, declaration.name)
        return f"{declaration.prefix}{value}" if isinstance(declaration, Prefixed) and value is not None else value

    def _complete(self, level: Level, entry: Entry) -> list[Any]:
        """The values of a linked entry, one for each object of its level, as they stand in the answer."""
        count = len(self._rows[level])
        if entry in self._refused:
            return [self._failed(level, entry, at, self._refused[entry]) for at in range(count)]
        links = self._links.get(entry, [])
        if isinstance(entry.declaration, Paged):
            return self._complete_pages(level, entry, links)
        if isinstance(entry.declaration, Lookup):
            for each in entry.levels.values():
                self._build(each)
        elif entry.level is None:
            return [self._complete_leaf(level, entry, at, value) for at, value in enumerate(links)]
        else:
            built = self._build(entry.level)
            if isinstance(entry.declaration, Related) and not isinstance(entry.definition.type, GraphQLNonNull):
                quick = _at_once(links, built)
                if quick is not None:
                    return quick
        return [self._complete_link(level, entry, at, link) for at, link in enumerate(links)]

    def _complete_leaf(self, level: Level, entry: Entry, at: int, value: Any) -> Any:
        if isinstance(value, Exception):
            return self._failed(level, entry, at, value)
        try:
            return self._whole(level, entry, at, complete(entry.definition.type, value))
        except Exception as error:  # it becomes the field's error, whatever it is
            return self._failed(level, entry, at, error)

    def _complete_link(self, level: Level, entry: Entry, at: int, link: Any) -> Any:
        if isinstance(link, Exception):
            return self._failed(level, entry, at, link)
        return self._whole(level, entry, at, self._reached(entry, link))

    def _reached(self, entry: Entry, link: Any) -> Any:
        """The built object, or list of objects, that a link leads to."""
        if link is None or isinstance(link, Exception):
            return link
        if isinstance(link, list):
            return [self._reached(entry, each) for each in link]
        if isinstance(link, tuple):
            level, index = link
            return self._built[level][index]
        assert entry.level is not None  # noqa: S101  # only a lookup has several
        built = self._built[entry.level]
        return built[link.start : link.end] if isinstance(link, Span) else built[link]

    def _whole(self, level: Level, entry: Entry, at: int, value: Any) -> Any:
        """The value, with what nulls do to it where there can be none."""
        return self._settled(level, entry, at, entry.definition.type, value, (entry.key,), entry.nodes)

    def _settled(
        self,
        level: Level,
        entry: Entry,
        at: int,
        of_type: GraphQLOutputType,
        value: Any,
        path: Path,
        nodes: list[FieldNode],
    ) -> Any:
        if isinstance(of_type, GraphQLNonNull):
            settled = (
                self._settled(level, entry, at, of_type.of_type, value, path, nodes) if value is not NULLED else None
            )
            if settled is None and value is None:
                message = f"Cannot return null for non-nullable field {level.type.name}.{entry.name}."
                self.failures.append(Failure(level, at, path, nodes, TypeError(message)))
            return NULLED if settled is None else settled
        if isinstance(value, Exception):
            self.failures.append(Failure(level, at, path, nodes, value))
            return None
        if value is NULLED:
            return None
        if isinstance(of_type, GraphQLList) and isinstance(value, list):
            items = [
                self._settled(level, entry, at, of_type.of_type, each, (*path, index), nodes)
                for index, each in enumerate(value)
            ]
            return None if any(item is NULLED for item in items) else items
        return value

    def _failed(self, level: Level, entry: Entry, at: int, error: Exception) -> Any:
        self.failures.append(Failure(level, at, (entry.key,), entry.nodes, error))
        return NULLED if isinstance(entry.definition.type, GraphQLNonNull) else None

    # Connections

    def _complete_pages(self, level: Level, entry: Entry, links: list[Page]) -> list[Any]:
        for part in chain(entry.parts, *(part.parts for part in entry.parts)):
            if part.level is not None:
                self._build(part.level)
        done: dict[int, Any] = {}
        values = []
        for at, page in enumerate(links):
            if page.count_error is not None or id(page) not in done:
                done[id(page)] = self._connection(level, entry, at, page)
            values.append(done[id(page)])
        return values

    def _connection(self, level: Level, entry: Entry, at: int, page: Page) -> Any:
        answer = {}
        for part in entry.parts:
            if page.count_error is not None and part.name in {"totalCount", "totalCountIsExact"}:
                self.failures.append(Failure(level, at, (entry.key, part.key), part.nodes, page.count_error))
                return NULLED if isinstance(entry.definition.type, GraphQLNonNull) else None
            value = self._part(entry, part, page)
            if value is NULLED:
                return NULLED if isinstance(entry.definition.type, GraphQLNonNull) else None
            answer[part.key] = value
        return answer

    def _part(self, entry: Entry, part: Part, page: Page) -> Any:
        if part.name == "__typename":
            return part.of_type.name
        declaration: Any = entry.declaration
        if part.name in {"totalCount", "totalCountIsExact"}:
            return declaration.total(page.count)[part.name == "totalCountIsExact"]
        assert page.page is not None  # noqa: S101  # asked for by every other part
        rows = page.page.rows
        if part.name == "pageInfo":
            return {each.key: self._page_info(declaration, each, page.page) for each in part.parts}
        if part.name == "nodes":
            assert part.level is not None  # noqa: S101  # of rows
            nodes = self._built[part.level][page.start : page.start + len(rows)]
            return NULLED if NULLED in nodes else nodes
        edges = [self._edge(declaration, part, page.page, row, page.start + at) for at, row in enumerate(rows)]
        return NULLED if any(NULLED in edge.values() for edge in edges) else edges

    def _page_info(self, declaration: Paged, part: Part, page: PageLike) -> Any:
        if part.name == "hasNextPage":
            return page.has_next
        if part.name == "hasPreviousPage":
            return page.has_previous
        if part.name == "__typename":
            return part.of_type.name
        if not page.rows:
            return None
        return declaration.cursor(self._context, page, page.rows[0 if part.name == "startCursor" else -1])

    def _edge(self, declaration: Paged, part: Part, page: PageLike, row: Any, at: int) -> dict[str, Any]:
        edge = {}
        for each in part.parts:
            if each.name == "cursor":
                edge[each.key] = declaration.cursor(self._context, page, row)
            elif each.level is not None:
                edge[each.key] = self._built[each.level][at]
            else:
                edge[each.key] = each.of_type.name
        return edge

    # Errors

    def _errors(self) -> Iterator[GraphQLError]:
        if not self.failures:
            return
        paths = _Paths(self._plan, self._rows, self._links)
        for failure in self.failures:
            for above in paths.of(failure.level)[failure.row]:
                original = failure.error
                located = original if isinstance(original, GraphQLError) else None
                yield GraphQLError(
                    str(original),
                    nodes=failure.nodes,
                    path=[*above, *failure.path],
                    original_error=located.original_error if located else original,
                    extensions=located.extensions if located else None,
                )


class _Paths:
    """Where each object of a level stands in the answer: worked out from the links, when there is an error to place."""

    def __init__(self, plan: Plan, rows: dict[Level, Sequence[Any]], links: dict[Entry, list[Any]]) -> None:
        self._rows = rows
        self._links = links
        self._known: dict[Level, list[list[Path]]] = {plan.root: [[()]]}
        self._above: dict[Level, tuple[Level, Entry, Part | None, Part | None]] = {}
        for level in rows:
            for entry in level.entries:
                for below, part, inner in _ways_down(entry):
                    self._above[below] = (level, entry, part, inner)

    def of(self, level: Level) -> list[list[Path]]:
        """For each object of the level all its paths."""
        if level not in self._known:
            above, entry, part, inner = self._above[level]
            found: list[list[Path]] = [[] for _ in self._rows[level]]
            for paths, link in zip(self.of(above), self._links.get(entry, []), strict=False):
                for index, suffix in _ends(entry, part, inner, level, link):
                    found[index] += [(*path, *suffix) for path in paths]
            self._known[level] = found
        return self._known[level]


def _ends(entry: Entry, part: Part | None, inner: Part | None, level: Level, link: Any) -> Iterable[tuple[int, Path]]:
    """Which objects of the level a link leads to, and the path from its object to each."""
    if isinstance(link, Page) and part is not None and link.page is not None:
        tail = (inner.key,) if inner else ()
        return [(link.start + at, (entry.key, part.key, at, *tail)) for at in range(len(link.page.rows))]
    if isinstance(link, Span):
        return [(index, (entry.key, index - link.start)) for index in range(link.start, link.end)]
    if isinstance(link, list):
        return [
            (place[1], (entry.key, at))
            for at, place in enumerate(link)
            if isinstance(place, tuple) and place[0] is level
        ]
    if isinstance(link, tuple):
        return [(link[1], (entry.key,))] if link[0] is level else []
    return [(link, (entry.key,))] if isinstance(link, int) else []


def _ways_down(entry: Entry) -> Iterator[tuple[Level, Part | None, Part | None]]:
    if entry.level is not None:
        yield entry.level, None, None
    for level in entry.levels.values():
        yield level, None, None
    for part in entry.parts:
        if part.level is not None:
            yield part.level, part, None
        for inner in part.parts:
            if inner.level is not None:
                yield inner.level, part, inner


def _levels_of(entry: Entry) -> list[Level]:
    return [level for level, _part, _inner in _ways_down(entry)]


def _level_of(entry: Entry, rows: dict[Level, Sequence[Any]]) -> Level:
    return next(level for level in rows if entry in level.entries)


def _place(below: list[Any], value: Any) -> int | Span:
    """Put an object, or a list of objects, among those of the level below."""
    start = len(below)
    if isinstance(value, list):
        below.extend(value)
        return Span(start, len(below))
    below.append(value)
    return start


def _keys(step: Step, source: Any, rows: Sequence[Any]) -> list[Any]:
    """The key of each object of a step's level."""
    if not source.needs:
        return [()] * len(rows)
    (needed,) = source.needs
    get: Any = itemgetter(step.level.layout[needed]) if step.level.holds_rows else attrgetter(needed)
    return list(map(get, rows))


def _at_once(links: list[Any], built: list[Any]) -> list[Any] | None:
    """All values of an entry that may be null, if nothing is wrong with any of them."""
    if NULLED in built:
        return None
    try:
        return [
            None if link is None else built[link.start : link.end] if link.__class__ is Span else built[link]
            for link in links
        ]
    except TypeError:  # an exception among the links
        return None


def _by_source(references: Sequence[Reference]) -> dict[Any, list[Reference]]:
    found: dict[Any, list[Reference]] = defaultdict(list)
    for reference in references:
        found[reference.source].append(reference)
    return found
