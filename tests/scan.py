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
    text = answer.bytes.decode() + " ".join(opened_cursors(answer.data))
    for mark in MARK.finditer(text):
        if int(mark[3]) not in view.keys[mark[2]]:
            yield mark[0]
    for prefix, found in ID.findall(text):
        if int(found) not in view.keys[TABLES[NOUNS[prefix].type_name]]:
            yield f"{prefix}_{found}"
    yield from sorted(view.secrets.intersection(leaves(answer.data)))
    yield from wrong_counts(view, answer.data)


def leaves(part: Any) -> Iterator[str]:
    """Every text in an answer, without what isn't of a row."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name not in MARKS:
                yield from leaves(value)
    elif isinstance(part, list):
        for each in part:
            yield from leaves(each)
    elif isinstance(part, str):
        yield part


def opened_cursors(part: Any) -> Iterator[str]:
    """What anybody can read in the cursors of an answer."""
    if isinstance(part, list):
        for each in part:
            yield from opened_cursors(each)
    elif isinstance(part, dict):
        for name, value in part.items():
            if name in MARKS - {"__typename"} and value:
                yield urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode(errors="replace")
            else:
                yield from opened_cursors(value)


def wrong_counts(view: View, part: Any, parent: Any = None) -> Iterator[str]:
    """The connections in an answer, asked for without conditions, whose `totalCount` is not the oracle's."""
    for each in part if isinstance(part, list) else ():
        yield from wrong_counts(view, each)
    for name, value in part.items() if isinstance(part, dict) else ():
        if isinstance(value, dict) and "totalCount" in value:
            right = number(view, "__typename" in part and part, name)
            if (value["totalCount"], value["totalCountIsExact"]) != (right, True):
                yield f"{part.get('__typename')} {part.get('id')}: {name} has {value['totalCount']}, not {right}"
        yield from wrong_counts(view, value)


def number(view: View, parent: Any, name: str) -> int:
    """How many rows the oracle sees in a list."""
    type_name = parent["__typename"] if parent else "Query"
    of = GRAPH.type_map[type_name].fields[name]  # type: ignore[attr-defined]  # an object type
    row = None
    if parent:
        row = next((each for each in view.seen[TABLES[type_name]] if each["id"] == row_id(parent["id"])), None)
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
