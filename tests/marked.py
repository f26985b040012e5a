"""The hand-made hierarchy with every text naming the very row that it stands in, and further rows for it."""

import re
from collections.abc import Iterator

import orjson
from sqlmodel import SQLModel

from models import path as paths
from models.text import fold
from tests.hierarchy import PARENT, Record, World, path_of

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
    if name in ("attributes", "before", "after"):
        return orjson.dumps({text: text}).decode()
    if name == "privileges":
        return orjson.dumps([text]).decode()
    if name == "tiers":
        return orjson.dumps([[10, record["amount_micros"]]]).decode()
    return text


def row_id(record: Record) -> int:
    """What a row is known by in its marks."""
    return int(record["id"] if "id" in record else record["account_id"])


def twins(world: World, of: set[int], besides: frozenset[int] = frozenset()) -> Iterator[tuple[str, Record]]:
    """Copies of accounts with all that belongs to them, and of what belongs to `besides`, in the order of tables."""
    moved = {account: account + 500 if account in of else account for account in PARENT}
    for table in SQLModel.metadata.sorted_tables:
        for record in world.get(table.name, ()):
            if is_sold_elsewhere(world, record):
                continue
            owner = owner_of(record)
            is_of_others = "buyer_id" in record and record["buyer_id"] not in of  # a price or charge that more see
            if owner in besides and (is_of_others or table.name in {"account", "vendor_card", "account_term"}):
                continue
            if owner in of | besides:
                yield table.name, twin(record, moved)


def is_sold_elsewhere(world: World, record: Record) -> bool:
    """Whether a row of an order, or a balance, lies where its account no longer is, to be seen by who sold."""
    if "credit_limit_micros" in record:
        return record["buyer_id"] in PARENT and record["path"] != path_of(record["buyer_id"])
    if record.get("order_id"):
        record = next((order for order in world["orders"] if order["id"] == record["order_id"]), record)
    account = record.get("account_id")
    return "number" in record and account in PARENT and record["path"] != path_of(account)


def owner_of(record: Record) -> int | None:
    """The account that a row belongs to; of a price its seller, of catalogue rows None."""
    path = record.get("path") or record.get("seller_path")
    return paths.account_id(path) if path else None


def twin(record: Record, moved: dict[int, int]) -> Record:
    """The row once more: its own ids raised, accounts replaced, texts that must be unique changed."""
    changed = dict(record)
    for name in {"id", "user_id", "subscription_id", "item_id", "order_id"} & record.keys():
        is_account = name == "id" and "parent_id" in record
        changed[name] = moved[record[name]] if is_account else record[name] + 100_000
    for name in {"account_id", "parent_id", "shard_id", "seller_id", "buyer_id"} & record.keys():
        changed[name] = moved.get(record[name], record[name])
    for name in {"path", "seller_path"} & record.keys():
        steps = [*paths.ancestor_ids(record[name]), paths.account_id(record[name])] if record[name] else []
        changed[name] = "".join(paths.segment(moved[step]) for step in steps)
    for name in {"login", "number", "import_key", "client_id", "external_id"} & record.keys():
        changed[name] = f"{record[name]}-twin"
    return changed
