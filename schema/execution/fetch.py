"""Fetching: brings every level its objects, group by group, and notes what leads to what."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, repeat
from operator import attrgetter, itemgetter
from time import perf_counter_ns
from typing import Any

from graphql.execution.values import VariableValues

from resolvers.errors import AnswerTooLargeError
from schema.execution.declaration import Computed, Context, PageLike, Reference
from schema.execution.links import link_lists, link_objects, size
from schema.execution.plan import Entry, Group, Level, Plan, Step

MAX_OBJECTS = 500_000
"""Objects in an answer, one that several others lead to as often as they do: it is made once, but written each time."""

NameRows = Callable[[Level], Callable[[Any], Any]]
"""Gives what turns a level's rows into objects whose attributes are the columns."""
Watch = Callable[[Group, int, int], None]
"""Told of each group that was fetched, for how many objects, and at which `perf_counter_ns` that began."""


@dataclass(slots=True)
class Page:
    """A fetched page, where its rows start in the levels that show them, and how long the list is.

    Instead of either there may be an exception; what nobody asked for is None.
    """

    found: PageLike | Exception | None = None
    start: int = 0
    count: int | Exception | None = None


@dataclass(slots=True)
class Pages:
    """The pages of an entry, one for each object of its level: of `Page` the parts, each in a list.

    Args:
        found: of each page.
        starts: of each page.
        counts: of each page.
        are_whole: all pages are there, one after the other: each ends where the next one starts.
    """

    found: Sequence[Any]
    starts: Sequence[int]
    counts: Sequence[Any]
    are_whole: bool = False

    def __iter__(self) -> Iterator[Page]:
        """Page by page."""
        return map(Page, self.found, self.starts, self.counts)


class Fetching:
    """The first half of a run.

    Args:
        context: handed to sources, checks and functions.
        variables: all of the operation's.
        name_rows: see `NameRows`.
    """

    def __init__(self, context: Context, variables: VariableValues, name_rows: NameRows) -> None:
        self._context = context
        self._variables = variables
        self._name_rows = name_rows
        self._arguments: dict[Entry, dict[str, Any]] = {}
        """Of the entries that the caller may have, and whose arguments are good."""
        self.rows: dict[Level, Sequence[Any]] = {}
        self.links: dict[Entry, Any] = {}
        """For each object of the entry's level what it leads to: an index or `Span` of the level below (or a list of
        such), a value, for a lookup a level with an index, None, or an exception. Of a connection it is `Pages`."""
        self._places: dict[Level, int] = {}
        """How often the objects of a level stand in the answer, all together and at most."""
        self._objects = 0
        self.refused: dict[Entry, Exception] = {}
        """Entries that failed for all objects of their level."""
        self._brought: dict[Group, Sequence[Any]] = {}
        """Of each group whose rows came along, the rows: one for each object of its level."""

    async def run(self, plan: Plan, watch: Watch) -> None:
        """Fetch all that a plan needs."""
        self._enter(plan.root, [None], 1)
        for group in plan.groups:
            started = perf_counter_ns()
            await self._fetch(group)
            watch(group, sum(len(self.rows[step.level]) for step in group.steps), started)

    def cost(self) -> int:
        """What was fetched has cost: an object once, however often it stands in the answer; 1 at least."""
        values = self._variables.coerced
        total = 0
        for level, rows in self.rows.items():
            each = level.weight
            for count, weight in level.given:
                each += weight * (count(values) or 0)
            total += each * len(rows)
        return max(1, total)

    def _enter(self, level: Level, rows: Sequence[Any], places: int) -> None:
        """Give a level its objects, and the levels below it that are computed from them theirs."""
        self._places[level] = places
        self._objects += places
        if level.named:
            rows = list(map(self._name_rows(level), rows))
        self.rows[level] = rows
        for entry in level.checked:
            self._may(entry)
        for entry in level.linked:
            if isinstance(entry.declaration, Computed) and self._may(entry):
                self._lead(level, entry, [self._computed(entry.declaration, row) for row in rows])

    def _computed(self, declaration: Computed, row: Any) -> Any:
        try:
            return declaration.bound(self._context)(row)
        except Exception as error:  # it becomes the field's error, whatever it is
            return error

    def _may(self, entry: Entry) -> bool:
        """Whether an entry's arguments are good and the caller may have it; if not, that is noted."""
        if entry in self.refused:
            return False
        if entry not in self._arguments:
            try:
                arguments = entry.arguments(self._variables)
                if entry.declaration.check is not None:
                    entry.declaration.check(self._context)
            except Exception as error:  # it becomes the field's error, whatever it is
                self._refuse(entry, error)
                return False
            self._arguments[entry] = arguments
        return True

    def _refuse(self, entry: Entry, error: Exception) -> None:
        self.refused[entry] = error
        for level, _parts in entry.below:
            self._enter(level, [], 0)

    def _lead(self, level: Level, entry: Entry, values: Sequence[Any]) -> None:
        """Link an entry's objects to the objects, or lists of objects, that they lead to; equal ones to the same."""
        below: list[Any] = []
        assert entry.level is not None  # noqa: S101  # only called for entries that lead to objects
        if entry.is_list:
            links = link_lists(entry, values, below)
            spread = self._spread(level, map(size, links))
        else:
            links = link_objects(values, below)
            spread = self._spread(level, repeat(1, len(values)))
        self.links[entry] = links
        self._enter(entry.level, below, spread)

    def _spread(self, level: Level, sizes: Iterable[int]) -> int:
        """How often at most objects stand in the answer to which a level's objects lead, each to so many.

        Raises:
            AnswerTooLargeError: the answer would be too large.
        """
        places = self._places[level]
        is_shared = places > len(self.rows[level])
        spread = places * max(sizes, default=0) if is_shared else sum(sizes)
        most = min(self._context.most_objects, MAX_OBJECTS)
        if self._objects + spread > most:
            raise AnswerTooLargeError(most)
        return spread

    async def _fetch(self, group: Group) -> None:
        steps = [step for step in group.steps if self._may(step.entry)]
        if not steps:
            return
        try:
            if group.part == "lookup":
                await self._look_up(group)
                return
            request = self._request(steps[0], group.columns)
        except Exception as error:  # it becomes the error of every field that waits for it
            self._refuse_all(steps, error)
            return
        await self._ask(group, steps, request)

    async def _ask(self, group: Group, steps: Sequence[Step], request: Any) -> None:
        """Ask the group's source for what all objects of these steps need."""
        source: Any = group.source
        try:
            keys = {step: self._keys(step, source) for step in steps}
            wanted = dict.fromkeys(chain.from_iterable(keys.values()))
        except Exception as error:  # a value that has no such attribute, or one that is no key
            self._refuse_all(steps, error)
            return
        if group.part == "rows":
            wanted.pop(None, None)  # no row stands under no key, but a value, a page or a number might
        distinct = list(wanted)
        results: dict[Any, Any] = {}
        try:
            if distinct:
                results = dict(zip(distinct, await self._results(group, distinct, request), strict=True))
        except Exception as error:  # it becomes the error of every field that waits for it
            results = dict.fromkeys(distinct, error)
        for step in steps:
            try:
                self._link(step, keys[step], results)
            except Exception as error:  # the source gave something else than it should
                self._refuse_all([step], error)

    async def _results(self, group: Group, keys: Sequence[Any], request: Any) -> Sequence[Any]:
        """What the group's source has for each key."""
        source: Any = group.source
        if group in self._brought:
            return self._brought[group]
        if group.is_all and group.part == "rows" and source.fetch_along is not None:
            return [row for (row,) in await source.fetch_along(self._context, keys, request, (), is_all=True)]
        return await source.fetch(self._context, keys, request)  # type: ignore[no-any-return]  # a source of any kind

    def _refuse_all(self, steps: Sequence[Step], error: Exception) -> None:
        for step in steps:
            self._refuse(step.entry, error)

    def _keys(self, step: Step, source: Any) -> list[Any]:
        """The key of each object of a step's level."""
        rows = self.rows[step.level]
        if not source.needs:
            return [()] * len(rows)
        (needed,) = source.needs
        get: Any = itemgetter(step.level.layout[needed]) if step.level.holds_rows else attrgetter(needed)
        return list(map(get, rows))

    def _request(self, step: Step, columns: tuple[str, ...]) -> Any:
        declaration: Any = step.entry.declaration
        if step.part == "rows":
            return columns
        if step.part == "value":
            return declaration.request(**self._arguments[step.entry])
        page, count = declaration.requests(self._context, self._arguments[step.entry], columns)
        return page if step.part == "page" else count

    def _link(self, step: Step, keys: Sequence[Any], results: dict[Any, Any]) -> None:
        found = list(map(results.get, keys))
        if step.part == "rows":
            self._lead(step.level, step.entry, found)
        elif step.part == "value":
            self._link_values(step, found)
        elif step.part == "count":
            self._pages(step).counts = found
        else:
            self._link_pages(step, found, is_shared=len(set(keys)) < len(keys))

    def _link_values(self, step: Step, results: Sequence[Any]) -> None:
        entry = step.entry
        values = [self._loaded(entry, *each) for each in zip(results, self.rows[step.level], strict=True)]
        if entry.level is None:
            self.links[entry] = values
        else:
            self._lead(step.level, entry, values)

    def _loaded(self, entry: Entry, result: Any, row: Any) -> Any:
        declaration: Any = entry.declaration
        if isinstance(result, Exception):
            return result
        try:
            further = (self._context,) if declaration.takes_context else ()
            return declaration.function(result, row, *further, **self._arguments[entry])
        except Exception as error:  # it becomes the field's error, whatever it is
            return error

    def _pages(self, step: Step) -> Pages:
        """The pages of a step's entry, one for each object."""
        if step.entry not in self.links:
            count = len(self.rows[step.level])
            self.links[step.entry] = Pages([None] * count, [0] * count, [None] * count)
        pages: Pages = self.links[step.entry]
        return pages

    def _link_pages(self, step: Step, found: list[Any], *, is_shared: bool) -> None:
        pages = self._pages(step)
        pages.found = found
        try:
            lists: list[Sequence[Any]] | None = None if is_shared else list(map(_ROWS, found))
        except AttributeError:  # an exception in the place of a page
            lists = None
        if lists is None:
            rows = self._gather(pages)
            lists = [each.rows for each in found if not isinstance(each, Exception)]
        else:
            rows = list(chain.from_iterable(lists))
            pages.starts = [0, *accumulate(map(len, lists))]
            pages.are_whole = True
        spread = self._spread(step.level, map(len, lists))
        for level, _parts in step.entry.below:
            self._enter(level, rows, spread)

    def _gather(self, pages: Pages) -> list[Any]:
        """The rows of pages that may be shared by several objects, or missing; each page's once."""
        rows: list[Any] = []
        starts: dict[int, int] = {}
        for page in pages.found:
            if not isinstance(page, Exception) and id(page) not in starts:
                starts[id(page)] = len(rows)
                rows += page.rows
        pages.starts = [starts.get(id(page), 0) for page in pages.found]
        return rows

    async def _look_up(self, group: Group) -> None:
        entry = group.steps[0].entry
        declaration: Any = entry.declaration
        found = declaration.function(self._context, **self._arguments[entry])
        if isinstance(found, list):
            self.links[entry] = [await self._referred(group, entry, found)]
        else:
            self.links[entry] = await self._referred(group, entry, [found])

    async def _referred(self, group: Group, entry: Entry, references: Sequence[Any]) -> list[Any]:
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
            by_source = _by_source(by_level.get(level, ()))
            for source, wanted in by_source.items():
                is_all = group.is_all and len(by_level) == len(by_source) == 1
                rows = await self._rows_of(source, level, wanted, is_all=is_all)
                for reference in wanted:
                    row = rows[reference.key]
                    places[reference] = None if row is None else (level, len(below))
                    below += [] if row is None else [row]
            self._enter(level, below, len(below))
        return [places[each] if isinstance(each, Reference) else each for each in references]

    async def _rows_of(self, source: Any, level: Level, wanted: Sequence[Reference], *, is_all: bool) -> dict[Any, Any]:
        """The rows of references by their keys, as the level has them."""
        columns = tuple(level.layout)
        keys = list(dict.fromkeys(reference.key for reference in wanted))
        found = await self._rows_with_others(source, level, keys, columns, is_all=is_all)
        failure = next((row for row in found if isinstance(row, Exception)), None)
        if failure is not None:
            raise failure
        layout = source.layout(columns)
        picked = [layout.index(name) for name in columns]
        return {
            key: None if row is None else tuple(row[at] for at in picked) for key, row in zip(keys, found, strict=True)
        }

    async def _rows_with_others(
        self, source: Any, level: Level, keys: Sequence[Any], columns: tuple[str, ...], *, is_all: bool
    ) -> Sequence[Any]:
        """The rows under some keys; if the source brings other groups' rows along, those are kept for these."""
        if source.fetch_along is None:
            return await source.fetch(self._context, keys, columns)  # type: ignore[no-any-return]  # a source of any kind
        along = [group for group in level.along if any(self._may(step.entry) for step in group.steps)]
        others = tuple((group.source, group.columns) for group in along)
        found = await source.fetch_along(self._context, keys, columns, others, is_all=is_all)
        rows, *brought = zip(*found, strict=True)
        self._brought.update(zip(along, brought, strict=True))
        return rows


_ROWS = attrgetter("rows")


def _by_source(references: Sequence[Reference]) -> dict[Any, list[Reference]]:
    found: dict[Any, list[Reference]] = defaultdict(list)
    for reference in references:
        found[reference.source].append(reference)
    return found
