"""The floors: what the workloads cost without GraphQL, on the same tables, driver and server.

`/rows/...` fetches rows by hand-written statements, level by level, and puts them together as dicts. `/json/...` lets
one statement build the JSON. Both filter by the range of the caller's paths in the statement itself, read past
row-level security as a superuser, verify no token and know no cursors. Nobody would want to write an API like this; it
is how little the database and Python can do it for.

    CANOPY_DATABASE_URL=... FLOOR_PATH=<the caller's path> python -m bench.floor PORT
"""

import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

MPN = "CFQ7TTC0LH18:0001"

ACCOUNT = "SELECT id, name, status FROM account WHERE id = $1 AND path >= $2 AND path < $3"
CHILDREN = """
    SELECT k.id AS parent, c.id, c.name, c.status FROM unnest($1::bigint[]) AS k(id) CROSS JOIN LATERAL (
      SELECT id, name, status FROM account WHERE parent_id = k.id AND path >= $2 AND path < $3
      ORDER BY name_key, id LIMIT $4) c"""
USERS = """
    SELECT k.id AS parent, u.id, u.first_name, u.last_name FROM unnest($1::bigint[]) AS k(id) CROSS JOIN LATERAL (
      SELECT id, first_name, last_name FROM app_user WHERE account_id = k.id AND path >= $2 AND path < $3
      ORDER BY created_at, id LIMIT 5) u"""
SUBSCRIPTIONS = """
    SELECT k.id AS parent, s.id, s.status, s.quantity, p.name, p.mpn
    FROM unnest($1::bigint[]) AS k(id) CROSS JOIN LATERAL (
      SELECT id, status, quantity, product_id FROM subscription WHERE account_id = k.id AND path >= $2 AND path < $3
      ORDER BY created_at DESC, id DESC LIMIT 5) s JOIN product p ON p.id = s.product_id"""
CUSTOMERS = """
    SELECT a.id, a.name, a.status FROM (
      SELECT id, name_key FROM account WHERE type = 'CUSTOMER' AND path >= $1 AND path < $2
      ORDER BY name_key, id LIMIT 100) p CROSS JOIN LATERAL (
      SELECT id, name, status FROM account x WHERE x.id = p.id OFFSET 0) a ORDER BY p.name_key, p.id"""
COUNTS = """
    SELECT account_id, count(*) FROM subscription WHERE account_id = ANY($1::bigint[]) AND path >= $2 AND path < $3
    GROUP BY account_id"""
CARD = "SELECT name, support_email FROM vendor_card WHERE account_id = $1"
ONE = "SELECT id, name, status, parent_id FROM account WHERE id = $1 AND path >= $2 AND path < $3"
BY_MPN = """
    SELECT s.id, s.quantity, s.renewal_date, p.name AS product, a.id AS account, a.name
    FROM (SELECT id FROM product WHERE mpn = $1) m CROSS JOIN LATERAL (
      SELECT id, quantity, renewal_date, renewal_key, product_id, account_id FROM subscription
      WHERE product_id = m.id AND status = 'ACTIVE' AND path >= $2 AND path < $3
      ORDER BY renewal_key, id LIMIT 50) s
    JOIN product p ON p.id = s.product_id JOIN account a ON a.id = s.account_id ORDER BY s.renewal_key, s.id"""


class Floor:
    """The hand-written server for one caller."""

    def __init__(self, url: str, path: str) -> None:
        self.url = url
        self.range = (path, path + "~")
        self.own = int(path[-6:], 36)
        self.pool: Any = None

    async def rows(self, text: str, *values: Any) -> list[Any]:
        if self.pool is None:
            settings = {"jit": "off", "timezone": "UTC", "plan_cache_mode": "force_custom_plan"}
            self.pool = await asyncpg.create_pool(self.url, min_size=1, max_size=8, server_settings=settings)
        async with self.pool.acquire() as connection:
            found: list[Any] = await connection.fetch(text, *values)
            return found

    async def below(self, text: str, parents: Sequence[int], *values: Any) -> dict[int, list[Any]]:
        groups: dict[int, list[Any]] = defaultdict(list)
        for row in await self.rows(text, list(parents), *self.range, *values):
            groups[row[0]].append(row)
        return groups

    async def w1(self, _request: Request) -> Any:
        """The dashboard tree: five statements."""
        (own,) = await self.rows(ACCOUNT, self.own, *self.range)
        children = await self.below(CHILDREN, [own[0]], 20)
        grandchildren = await self.below(CHILDREN, [row[1] for row in children[own[0]]], 20)
        ids = [
            own[0],
            *(r[1] for rows in children.values() for r in rows),
            *(r[1] for rows in grandchildren.values() for r in rows),
        ]
        users, subscriptions = await self.below(USERS, ids), await self.below(SUBSCRIPTIONS, ids)

        def account(row_id: int, name: str, status: str) -> dict[str, Any]:
            return {
                "id": row_id, "name": name, "status": status,
                "users": [{"id": u[1], "name": f"{u[2]} {u[3]}"} for u in users[row_id]],
                "subscriptions": [
                    {"id": s[1], "status": s[2], "quantity": s[3], "product": {"name": s[4], "mpn": s[5]}}
                    for s in subscriptions[row_id]
                ],
            }  # fmt: skip

        tree = account(*own)
        tree["children"] = [account(*row[1:]) for row in children[own[0]]]
        for child in tree["children"]:
            child["children"] = [account(*row[1:]) for row in grandchildren[child["id"]]]
        return tree

    async def w2(self, _request: Request) -> Any:
        """A page of customers with counts: two statements."""
        rows = await self.rows(CUSTOMERS, *self.range)
        counts = dict(await self.rows(COUNTS, [row[0] for row in rows], *self.range))
        return [{"id": r[0], "name": r[1], "status": r[2], "subscriptions": counts.get(r[0], 0)} for r in rows]

    async def w3(self, request: Request) -> Any:
        """One account with its vendor: two statements."""
        ((row_id, name, status, parent),) = await self.rows(ONE, int(request.query_params["id"]), *self.range)
        cards = await self.rows(CARD, parent)
        return {"id": row_id, "name": name, "status": status, "vendor": dict(cards[0]) if cards else None}

    async def w4(self, _request: Request) -> Any:
        """Six levels, five at each: six statements."""
        (own,) = await self.rows(ACCOUNT, self.own, *self.range)
        tree = {"id": own[0], "name": own[1], "children": []}
        level = {own[0]: tree}
        for _ in range(5):
            found = await self.below(CHILDREN, list(level), 5)
            below = {}
            for parent, rows in found.items():
                for row in rows:
                    below[row[1]] = child = {"id": row[1], "name": row[2], "children": []}
                    level[parent]["children"].append(child)
            if not below:
                break
            level = below
        return tree

    async def w5(self, _request: Request) -> Any:
        """Subscriptions by MPN and status: one statement."""
        return [
            {
                "id": r[0], "quantity": r[1], "renewalDate": r[2].isoformat(), "product": {"name": r[3]},
                "account": {"id": r[4], "name": r[5]},
            }
            for r in await self.rows(BY_MPN, MPN, *self.range)
        ]  # fmt: skip


def create_app(floor: Floor) -> Starlette:
    """A route for each workload."""

    def answering(workload: Any) -> Any:
        async def answer(request: Request) -> Response:
            return Response(orjson.dumps(await workload(request)), media_type="application/json")

        return answer

    return Starlette(
        routes=[Route(f"/rows/{name}", answering(getattr(floor, name))) for name in ("w1", "w2", "w3", "w4", "w5")]
    )


if __name__ == "__main__":
    app = create_app(Floor(os.environ["CANOPY_DATABASE_URL"], os.environ["FLOOR_PATH"]))
    uvicorn.run(app, port=int(sys.argv[1]), log_level="warning", access_log=False)
