"""The floors' statements on PostgreSQL, through asyncpg: a superuser's, so that no row-level security is in the way.

`$1` and `$2` are the subtree's range everywhere.
"""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import asyncpg

from models import path as paths

CONNECTIONS = 8
"""As many as Canopy has for reading."""

_HERE = "(path >= $1 AND path < $2) IS TRUE"
"""`IS TRUE` keeps PostgreSQL from finding rows by the range: they are found by their parents, whatever the caller."""
_RANGE = "path >= $1 AND path < $2"


def _children(columns: str, limit: int) -> str:
    return f"""
        SELECT k.id, c.* FROM unnest($3::bigint[]) AS k(id) CROSS JOIN LATERAL (
          SELECT {columns} FROM account WHERE parent_id = k.id AND {_HERE} ORDER BY name_key, id LIMIT {limit}) c"""


_CUSTOMERS = f"""
    FROM (
      SELECT id, name_key FROM account WHERE type = 'CUSTOMER' AND {_RANGE} ORDER BY name_key, id LIMIT 100
    ) p CROSS JOIN LATERAL (SELECT id, name, status FROM account x WHERE x.id = p.id OFFSET 0) a"""
_CARD = """
    FROM account a LEFT JOIN vendor_card v ON v.account_id = a.parent_id
    WHERE a.id = $3 AND a.path >= $1 AND a.path < $2"""
_BY_MPN = f"""
    SELECT s.id, s.quantity, s.renewal_date, p.name AS product, a.id AS account, a.name
    FROM (SELECT id, name FROM product WHERE mpn = $3) p CROSS JOIN LATERAL (
      SELECT id, quantity, renewal_date, renewal_key, account_id FROM subscription
      WHERE product_id = p.id AND status = 'ACTIVE' AND {_RANGE} ORDER BY renewal_key, id LIMIT 50) s
    JOIN account a ON a.id = s.account_id ORDER BY s.renewal_key, s.id LIMIT 50"""

ROWS = {
    "account": f"SELECT id, name, status FROM account WHERE id = $3 AND {_HERE}",
    "account_name": f"SELECT id, name FROM account WHERE id = $3 AND {_HERE}",
    "children": _children("id, name, status", 20),
    "few_children": _children("id, name", 5),
    "users": f"""
        SELECT k.id, u.* FROM unnest($3::bigint[]) AS k(id) CROSS JOIN LATERAL (
          SELECT id, first_name, last_name FROM app_user WHERE account_id = k.id AND {_HERE}
          ORDER BY created_at, id LIMIT 5) u""",
    # Sorted at the end, for a join with products may begin at the products.
    "subscriptions": f"""
        SELECT k.id, s.id, s.status, s.quantity, p.name, p.mpn
        FROM unnest($3::bigint[]) WITH ORDINALITY AS k(id, n) CROSS JOIN LATERAL (
          SELECT id, status, quantity, product_id, created_at FROM subscription WHERE account_id = k.id AND {_HERE}
          ORDER BY created_at DESC, id DESC LIMIT 5) s JOIN product p ON p.id = s.product_id
        ORDER BY k.n, s.created_at DESC, s.id DESC""",
    "customers": f"SELECT a.id, a.name, a.status {_CUSTOMERS} ORDER BY p.name_key, p.id",
    "counts": f"""
        SELECT account_id, count(*) FROM subscription WHERE account_id = ANY($3::bigint[]) AND {_HERE}
        GROUP BY account_id""",
    "card": f"SELECT a.id, a.name, a.status, v.name, v.support_email, v.account_id {_CARD}",
    "by_mpn": _BY_MPN,
}

_NONE = "'[]'::json"


def _level(alias: str, above: str, limit: int, *, full: bool, below: str = "") -> str:
    """A JSON list of the children of `above`."""
    extra = f", 'status', {alias}.status, {_people(alias)}" if full else ""
    children = f", 'children', {below}" if below else ""
    return f"""(
        SELECT coalesce(json_agg(json_build_object('id', {alias}.id, 'name', {alias}.name{extra}{children})), {_NONE})
        FROM (SELECT id, name, status FROM account WHERE parent_id = {above}.id AND {_HERE}
              ORDER BY name_key, id LIMIT {limit}) {alias})"""


def _people(alias: str) -> str:
    """Users and subscriptions of an account, as pairs of `json_build_object`."""
    return f"""
        'users', (
          SELECT coalesce(json_agg(json_build_object('id', u.id, 'name', u.first_name || ' ' || u.last_name)), {_NONE})
          FROM (SELECT id, first_name, last_name FROM app_user WHERE account_id = {alias}.id AND {_HERE}
                ORDER BY created_at, id LIMIT 5) u),
        'subscriptions', (
          SELECT coalesce(json_agg(json_build_object('id', s.id, 'status', s.status, 'quantity', s.quantity,
            'product', json_build_object('name', p.name, 'mpn', p.mpn)) ORDER BY s.created_at DESC, s.id DESC), {_NONE})
          FROM (SELECT id, status, quantity, product_id, created_at FROM subscription
                WHERE account_id = {alias}.id AND {_HERE} ORDER BY created_at DESC, id DESC LIMIT 5) s
          JOIN product p ON p.id = s.product_id)"""


def _six_levels() -> str:
    below = ""
    for depth in range(5, 0, -1):
        below = _level(f"c{depth}", f"c{depth - 1}", 5, full=False, below=below)
    return f"SELECT json_build_object('id', c0.id, 'name', c0.name, 'children', {below})::text FROM account c0"


_GRANDCHILDREN = _level("c2", "c1", 20, full=True)
_CHILDREN = _level("c1", "c0", 20, full=True, below=_GRANDCHILDREN)
JSON = {
    "w1": f"""
        SELECT json_build_object('id', c0.id, 'name', c0.name, 'status', c0.status, {_people("c0")},
          'children', {_CHILDREN})::text
        FROM account c0 WHERE id = $3 AND {_HERE}""",
    "w2": f"""
        SELECT coalesce(json_agg(
          json_build_object('id', id, 'name', name, 'status', status, 'subscriptions', n)), {_NONE})::text
        FROM (SELECT a.id, a.name, a.status,
                (SELECT count(*) FROM subscription s WHERE s.account_id = a.id AND {_HERE}) AS n
              {_CUSTOMERS} ORDER BY p.name_key, p.id) c""",
    "w3": f"""
        SELECT json_build_object('id', a.id, 'name', a.name, 'status', a.status, 'vendor', CASE
          WHEN v.account_id IS NULL THEN NULL
          ELSE json_build_object('name', v.name, 'supportEmail', v.support_email) END)::text {_CARD}""",
    "w4": f"{_six_levels()} WHERE id = $3 AND {_HERE}",
    "w5": f"""
        SELECT coalesce(json_agg(json_build_object('id', id, 'quantity', quantity, 'renewalDate', renewal_date,
          'product', json_build_object('name', product), 'account', json_build_object('id', account, 'name', name)
          )), {_NONE})::text
        FROM ({_BY_MPN}) s""",
}
"""A statement for each workload. `$3` is what it starts from: the own account, the one below, or the MPN."""


_PLANNED_EACH_TIME = frozenset({ROWS["customers"], ROWS["by_mpn"], JSON["w2"], JSON["w5"]})
"""Whether to walk a range or an order depends on the range. All others are best run in one way, so planned once.

Left to itself (`auto`) PostgreSQL plans some of those each time too, and keeps ruinous plans of these.
"""


class PostgresqlFloor:
    """See `bench.floors.Floor`. Connections of its own, each statement prepared once on each."""

    counts_apart = True

    def __init__(self, url: str) -> None:
        self._url = url
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._idle: dict[str, list[tuple[Any, dict[str, Any]]]] = {"force_generic_plan": [], "force_custom_plan": []}

    async def fetch(self, statement: str, path: str, *values: Any) -> Any:
        """The rows of one of `ROWS`, within the subtree of a path."""
        return await self._fetch(ROWS[statement], path, values)

    async def json(self, workload: str, path: str, *values: Any) -> bytes:
        """What one of `JSON` makes."""
        ((text,),) = await self._fetch(JSON[workload], path, values)
        return text.encode()  # type: ignore[no-any-return]  # a column of text

    async def close(self) -> None:
        """Close the connections."""
        for connection, _ in itertools.chain(*self._idle.values()):
            await connection.close()

    async def _fetch(self, text: str, path: str, values: Sequence[Any]) -> Any:
        mode = "force_custom_plan" if text in _PLANNED_EACH_TIME else "force_generic_plan"
        idle = self._idle[mode]
        async with self._places:
            connection, prepared = idle.pop() if idle else (await self._connect(mode), {})
            if text not in prepared:
                prepared[text] = await connection.prepare(text)
            rows = await prepared[text].fetch(path, path + paths.AFTER_SUBTREE, *values)
            idle.append((connection, prepared))
            return rows

    async def _connect(self, mode: str) -> Any:
        settings = {"jit": "off", "timezone": "UTC", "plan_cache_mode": mode}
        return await asyncpg.connect(self._url, server_settings=settings)
