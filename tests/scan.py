"""Going through an answer for anything that its caller must not see: texts, ids, cursors, counts."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from graphql import GraphQLEnumType

from models.store import Store
from resolvers.caller import Caller
from schema.node import NOUNS
from tests.asking import Answer, ask
from tests.documents import GRAPH, node_type, whole
from tests.hierarchy import Record, World
from tests.lists import TABLES, global_id, row_id, rows_of, seen_by
from tests.marked import MARK

ID = re.compile(r'"([a-z]{3})_(\d+)"')
WORDS = {value for named in GRAPH.type_map.values() if isinstance(named, GraphQLEnumType) for value in named.values}
"""Values of enumerations, which stand in rows and tell nothing by themselves."""

MARKS = {"__typename", "cursor", "startCursor", "endCursor"}


def lists(levels: int, page: int) -> dict[str, str]:
    """The documents for fields at the root that take no id."""
    return {name: text for name, text in whole(levels, page).items() if ":" not in name}


def at_once(documents: dict[str, str]) -> str:
    """One document instead of several."""
    return f"{{ {' '.join(text.removeprefix('{').removesuffix('}') for text in documents.values())} }}"


DEEP = {f"{name} deep": text for name, text in lists(3, 1).items()}
"""Three levels through every list."""
OBJECTS = {name: text for name, text in whole(2, 2).items() if name.startswith(("nodes:", "account:"))}
"""Two levels from every type of object."""
ROWS = {"all rows": at_once(lists(1, 100))}
"""All rows, and nothing below them."""
ALL_DOCUMENTS = DEEP | OBJECTS | ROWS


@dataclass(frozen=True)
class View:
    """What one caller may see of a world, according to the oracle.

    Args:
        world: all rows.
        caller: who looks.
    """

    world: World
    caller: Caller

    @cached_property
    def seen(self) -> dict[str, list[Record]]:
        """The visible rows of each table."""
        return seen_by(self.world, self.caller.scope())

    @cached_property
    def keys(self) -> dict[str, set[int]]:
        """What the visible rows are known by: their ids, or that of the account where they have none."""
        return {
            table: {record["id"] if "id" in record else record.get("account_id", 0) for record in records}
            for table, records in self.seen.items()
        }

    @cached_property
    def _by_id(self) -> dict[str, dict[int, Record]]:
        return {table: {row["id"]: row for row in rows if "id" in row} for table, rows in self.seen.items()}

    def row(self, type_name: str, row_id: int) -> Record | None:
        """The visible row of an object."""
        return self._by_id[TABLES[type_name]].get(row_id)

    @cached_property
    def secrets(self) -> set[str]:
        """The texts of hidden rows that stand in no visible one."""
        return texts(self.world) - texts(self.seen) - WORDS

    def ids(self, type_name: str) -> list[str]:
        """The global ids of the visible objects of a type."""
        return [global_id(type_name, record) for record in self.seen[TABLES[type_name]]]

    def hidden_ids(self, type_name: str) -> list[str]:
        """The global ids of all other objects of the type."""
        everything = [global_id(type_name, record) for record in self.world[TABLES[type_name]]]
        return [each for each in everything if row_id(each) not in self.keys[TABLES[type_name]]]


def texts(world: World) -> set[str]:
    """Every text in any row."""
    return {value for rows in world.values() for row in rows for value in row.values() if isinstance(value, str)}


def leaks(view: View, answer: Answer) -> Iterator[str]:
    """Whatever an answer tells of rows that the caller must not see, and every count that is wrong."""
    objects, leaves, cursors = taken_apart(answer.data)
    text = " ".join((answer.bytes.decode(), *map(opened, cursors)))
    for mark in MARK.finditer(text):
        if int(mark[3]) not in view.keys[mark[2]]:
            yield mark[0]
    for prefix, found in ID.findall(text):
        if int(found) not in view.keys[TABLES[NOUNS[prefix].type_name]]:
            yield f"{prefix}_{found}"
    yield from sorted(view.secrets & leaves)
    for each in objects:
        yield from wrong_counts(view, each)


def taken_apart(answer: Any) -> tuple[list[dict[str, Any]], set[str], set[str]]:
    """Every object in an answer, every text of a row, and every cursor."""
    objects: list[dict[str, Any]] = []
    leaves, cursors = set(), set()
    waiting = [answer]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, str):
            leaves.add(part)
        elif isinstance(part, dict):
            objects.append(part)
            for name, value in part.items():
                if isinstance(value, str):
                    if name not in MARKS:
                        leaves.add(value)
                    elif name != "__typename":
                        cursors.add(value)
                elif isinstance(value, dict | list):
                    waiting.append(value)
    return objects, leaves, cursors


def opened(cursor: str) -> str:
    """What anybody can read in a cursor."""
    return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode(errors="replace")


def wrong_counts(view: View, part: dict[str, Any]) -> Iterator[str]:
    """The connections of an object, asked for without conditions, whose `totalCount` is not the oracle's."""
    for name, value in part.items():
        if isinstance(value, dict) and "totalCount" in value:
            right = number(view, "__typename" in part and part, name)
            if (value["totalCount"], value["totalCountIsExact"]) != (right, True):
                yield f"{part.get('__typename')} {part.get('id')}: {name} has {value['totalCount']}, not {right}"


def number(view: View, parent: Any, name: str) -> int:
    """How many rows the oracle sees in a list."""
    type_name = parent["__typename"] if parent else "Query"
    of = GRAPH.type_map[type_name].fields[name]  # type: ignore[attr-defined]  # an object type
    row = None
    if parent:
        row = view.row(type_name, row_id(parent["id"]))
        if row is None:
            return -1
    return len(rows_of(view.seen, type_name, name, row, node_type(of).name))


NOTHING = "acc_987654321"
"""An id of nothing: of some types the demo tree has no object."""


async def answers(
    store: Store,
    view: View,
    documents: Mapping[str, str] = ALL_DOCUMENTS,
    way: Callable[..., Awaitable[Answer]] = ask,
) -> dict[str, Answer]:
    """The answers to documents, each asked with ids of visible and of hidden objects."""
    found = {}
    for name, text in documents.items():
        given: dict[str, Any] = {}
        if ":" in name:
            type_name = name.partition(":")[2].partition(" ")[0]
            visible, hidden = view.ids(type_name), view.hidden_ids(type_name)
            given = {"ids": [*visible[:60], *hidden[:40]], "id": (visible or hidden or [NOTHING])[-1]}
        taken = {at: value for at, value in given.items() if f"${at}" in text}
        found[name] = await way(store, view.caller, text, taken)
    return found


def as_read(answers: dict[str, Answer]) -> dict[str, bytes]:
    """The answers byte for byte."""
    return {name: answer.bytes for name, answer in answers.items()}
