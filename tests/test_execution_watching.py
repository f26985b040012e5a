"""Watching a plan: what is fetched is told group by group, with its source, its place and for how many objects."""

from types import SimpleNamespace as Value
from typing import Any

from schema.execution.documents import Executor
from schema.execution.plan import Group
from tests.toy_schema import _convert, new_executor, schema
from tests.toy_sources import ToyContext, World

ITEMS: dict[int, dict[str, Any]] = {
    1: {"id": 1, "name": "one", "rank": 1, "boss": 2, "pal": 2, "worth": 10},
    2: {"id": 2, "name": "two", "rank": 2, "boss": 1, "pal": 1, "worth": 20},
}
WORLD = World(probe=Value(text="a", child=None, boss=2), items=ITEMS, others={})


async def test_what_is_fetched_is_told_with_its_source_its_place_and_how_many_objects_it_is_for() -> None:
    told: list[tuple[str, str, str, int]] = []

    def watch(group: Group, objects: int, started: int) -> None:
        assert started > 0
        told.append((group.steps[0].place, group.part, group.name, objects))

    def watched(_context: Any) -> Any:
        return watch

    executor = Executor(schema._schema, _convert, new_executor()._name_rows, watched)
    document = executor.document('{ thing(id: "itm_1") { ... on Item { alias: boss { name boss { rank } } } } }')
    assert not document.errors, document.errors
    await executor.execute(document, None, None, ToyContext(WORLD))

    assert told == [
        ("thing", "lookup", "lookup", 1),
        ("thing.boss", "rows", "boss", 1),
        ("thing.boss.boss", "rows", "boss", 1),
    ]
    assert executor.count == 1
    assert new_executor().count == 0
