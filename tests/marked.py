"""The hand-made hierarchy with every text naming the very row that it stands in."""

import re
from collections.abc import Iterator

import orjson

from models.text import fold
from tests.hierarchy import Key, Record, World, keys

MARK = re.compile(r"LEAK-(\d+)-([a-z_]+)-(\d+)-([a-z_]+)")
"""Owner, table, row id and column."""

_NOT_SHOWN = {"term", "code", "name_key", "email_key", "path"}
"""Columns that are looked for or sorted by, or that hold a code: they keep what they have."""


def marked(world: World) -> World:
    """The same rows; a text that said `LEAK-2-name` says `LEAK-2-account-2-name`, and what is JSON is JSON."""
    return {table: [_marked(table, record) for record in records] for table, records in world.items()}


def _marked(table: str, record: Record) -> Record:
    if table == "role":
        return record
    texts = {name: value for name, value in record.items() if isinstance(value, str) and value.startswith("LEAK-")}
    shown = {name: _text(table, record, name) for name in texts.keys() - _NOT_SHOWN}
    return record | shown | ({"email_key": fold(shown["email"])} if "email_key" in texts else {})


def _text(table: str, record: Record, name: str) -> str:
    owner = record[name].split("-")[1]
    text = f"LEAK-{owner}-{table}-{row_id(record)}-{name}"
    if name == "attributes":
        return orjson.dumps({text: text}).decode()
    if name == "privileges":
        return orjson.dumps([text]).decode()
    if name == "tiers":
        return orjson.dumps([[10, record["amount_micros"]]]).decode()
    return text


def row_id(record: Record) -> int:
    """What a row is known by in its marks."""
    return int(record["id"] if "id" in record else record["account_id"])


def strangers(text: str, right: dict[str, set[Key]]) -> Iterator[str]:
    """The marks in an answer of rows that are not among those which the oracle shows."""
    for mark in MARK.finditer(text):
        if (int(mark[3]),) not in right[mark[2]]:
            yield mark[0]


def visible_keys(seen: dict[str, list[Record]]) -> dict[str, set[Key]]:
    """The primary keys of the oracle's rows."""
    return {table: keys(table, records) for table, records in seen.items()}
