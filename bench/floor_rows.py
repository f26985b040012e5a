"""The `rows` floor: each workload by hand-written statements, level by level, put together as dicts.

The same code on both engines; `bench/floor_postgresql.py` and `bench/floor_sqlite.py` have the statements, whose
columns are in the order in which they are unpacked here.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

from bench.workloads import MPN
from models import path as paths

Tree = dict[str, Any]


class Rows(Protocol):
    """Gives the rows of the engine's statements."""

    counts_apart: bool
    """Whether counting in a statement of its own is cheaper than in the one whose rows it counts for."""

    async def fetch(self, statement: str, path: str, *values: Any) -> Sequence[Sequence[Any]]:
        """The rows of a statement by its name, within the subtree of a path."""


async def w1(db: Rows, path: str, _below: int) -> Tree:
    """The dashboard tree: own account, 20 children, 20 children of each; five users and subscriptions of all."""
    ((own, name, status),) = await db.fetch("account", path, paths.account_id(path))
    children = await db.fetch("children", path, [own])
    child_ids = [row[1] for row in children]
    grandchildren = await db.fetch("children", path, child_ids)
    ids = [own, *child_ids, *[row[1] for row in grandchildren]]
    users: dict[int, list[Tree]] = defaultdict(list)
    for parent, row_id, first, last in await db.fetch("users", path, ids):
        users[parent].append({"id": row_id, "name": f"{first} {last}"})
    subscriptions: dict[int, list[Tree]] = defaultdict(list)
    for parent, row_id, state, quantity, product, mpn in await db.fetch("subscriptions", path, ids):
        subscriptions[parent].append(
            {"id": row_id, "status": state, "quantity": quantity, "product": {"name": product, "mpn": mpn}}
        )
    below: dict[int, list[Tree]] = defaultdict(list)
    for parent, row_id, title, state in grandchildren:
        below[parent].append(
            {
                "id": row_id,
                "name": title,
                "status": state,
                "users": users[row_id],
                "subscriptions": subscriptions[row_id],
            }
        )
    return {
        "id": own, "name": name, "status": status, "users": users[own], "subscriptions": subscriptions[own],
        "children": [
            {
                "id": row_id, "name": title, "status": state, "users": users[row_id],
                "subscriptions": subscriptions[row_id], "children": below[row_id],
            }
            for _, row_id, title, state in children
        ],
    }  # fmt: skip  # the answer as it reads


async def w2(db: Rows, path: str, _below: int) -> list[Tree]:
    """A page of customers by name, with the number of their subscriptions."""
    rows = await db.fetch("customers", path)
    if db.counts_apart:
        counts = {row_id: n for row_id, n in await db.fetch("counts", path, [row[0] for row in rows])}  # noqa: C416  # the driver's rows are no pairs to mypy
        return [
            {"id": row_id, "name": name, "status": status, "subscriptions": counts.get(row_id, 0)}
            for row_id, name, status in rows
        ]
    return [{"id": row_id, "name": name, "status": status, "subscriptions": n} for row_id, name, status, n in rows]


async def w3(db: Rows, path: str, below: int) -> Tree | None:
    """One account with its vendor's card."""
    for row_id, name, status, vendor, email, has_vendor in await db.fetch("card", path, below):
        card = {"name": vendor, "supportEmail": email} if has_vendor else None
        return {"id": row_id, "name": name, "status": status, "vendor": card}
    return None


async def w4(db: Rows, path: str, _below: int) -> Tree:
    """Six levels, the first five at each."""
    ((own, name),) = await db.fetch("account_name", path, paths.account_id(path))
    tree: Tree = {"id": own, "name": name, "children": []}
    level: dict[int, list[Tree]] = {own: tree["children"]}
    for _ in range(4):
        below: dict[int, list[Tree]] = {}
        for parent, row_id, title in await db.fetch("few_children", path, list(level)):
            below[row_id] = []
            level[parent].append({"id": row_id, "name": title, "children": below[row_id]})
        if not below:
            return tree
        level = below
    for parent, row_id, title in await db.fetch("few_children", path, list(level)):
        level[parent].append({"id": row_id, "name": title})
    return tree


async def w5(db: Rows, path: str, _below: int) -> list[Tree]:
    """Subscriptions by MPN and status, by renewal date, with product and account."""
    return [
        {
            "id": row_id, "quantity": quantity, "renewalDate": renewal, "product": {"name": product},
            "account": {"id": account, "name": name},
        }
        for row_id, quantity, renewal, product, account, name in await db.fetch("by_mpn", path, MPN)
    ]  # fmt: skip  # the answer as it reads


WORKLOADS = {"w1": w1, "w2": w2, "w3": w3, "w4": w4, "w5": w5}
