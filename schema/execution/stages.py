"""Stages: which steps are one fetch, in which order the fetches go, and which columns each brings."""

from collections import defaultdict, deque
from collections.abc import Callable, Hashable, Sequence

from schema.execution.declaration import CURSORS, Paged
from schema.execution.plan import Entry, Group, Step


def groups(steps: Sequence[Step]) -> list[Group]:
    """The steps' groups, each behind all that bring its objects.

    Steps of one kind wait for the last of them. Where two kinds would wait for each other, only steps of one depth
    are put together.
    """
    found = _ordered(steps, lambda step: (step.kind, step.repeats))
    if found is None:
        found = _ordered(steps, lambda step: (step.kind, step.depth))
    assert found is not None  # noqa: S101  # a step is one deeper than the one above it, so nothing waits for itself
    for group in found:
        _lay_out(group)
        if _may_come_along(group):
            group.steps[0].level.along.append(group)
    for group in found:
        along = [each for step in group.steps for level, _parts in step.entry.below for each in level.along]
        group.is_all = len(found) == 1 + len(along)
    return found


def _ordered(steps: Sequence[Step], group_of: Callable[[Step], Hashable]) -> list[Group] | None:
    """The groups in an order in which none comes before what it waits for; None if there is no such order."""
    members: dict[Hashable, list[Step]] = defaultdict(list)
    behind: dict[Hashable, list[Hashable]] = defaultdict(list)
    for step in steps:
        members[group_of(step)].append(step)
        if step.above is not None:
            behind[group_of(step.above)].append(group_of(step))
    awaited = {each: sum(step.above is not None for step in found) for each, found in members.items()}
    ready = deque(each for each, count in awaited.items() if not count)
    ordered = []
    while ready:
        ordered.append(ready.popleft())
        for each in behind[ordered[-1]]:
            awaited[each] -= 1
            if not awaited[each]:
                ready.append(each)
    return [Group(members[each]) for each in ordered] if len(ordered) == len(members) else None


def _may_come_along(group: Group) -> bool:
    """Whether the one row that a lookup leads to is all that the group's rows belong to, one for each entry."""
    level, above = group.steps[0].level, group.steps[0].above
    if above is None or above.part != "lookup" or above.entry.is_list or not level.holds_rows:
        return False
    if group.part != "rows" or group.source is None or group.source.fetch_along is None:
        return False
    return not any(step.level is not level or step.entry.is_list for step in group.steps)


def _lay_out(group: Group) -> None:
    """Decide which columns a group fetches, and where its levels find them."""
    first = group.steps[0]
    levels = [level for step in group.steps for level, _parts in step.entry.below if level.holds_rows]
    if first.part == "lookup":
        for level in levels:
            level.layout = {name: at for at, name in enumerate(sorted(level.needs))}
    elif first.part in {"rows", "page"} and first.source is not None:
        needed = {name for level in levels for name in level.needs}
        needed.update(name for step in group.steps for name in _for_cursors(step.entry))
        group.columns = tuple(sorted(needed))
        layout = {name: at for at, name in enumerate(first.source.layout(group.columns))}
        for level in levels:
            level.layout = layout


def _for_cursors(entry: Entry) -> Sequence[str]:
    """The columns that an entry's cursors take, if it is a connection of which any is asked for."""
    names = {inner.name for part in entry.parts for inner in part.parts}
    return entry.declaration.cursor_needs if isinstance(entry.declaration, Paged) and names & CURSORS else ()
