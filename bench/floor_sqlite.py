"""The floors' statements on SQLite: one connection, opened as Canopy's readers are and called on the event loop.

`?1` and `?2` are the subtree's range everywhere. SQLite has no histogram, so what to walk is written into the
statements: in a scope that is large for its database the order of the sort, in any other the range of the scope.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from models import path as paths

_PRAGMAS = ("temp_store=memory", "cache_size=-65536", "mmap_size=1073741824", "busy_timeout=5000", "query_only=1")
"""As in `models/sqlite.py`."""
CROSSOVER = 1000
"""The order is walked where scope² is more than so many times all accounts.

A walk reads page * accounts / scope entries at 1 µs, a range the scope's at 0.1 µs, and a page has 100.
"""

_HERE = "+path >= ?1 AND +path < ?2"
"""`+` keeps SQLite from finding rows by the range: they are found by their parents."""


def _below(table: str, columns: str, condition: str, order: str, limit: int) -> str:
    """The first rows of each parent: SQLite has no LATERAL, a correlated IN with a limit of its own does the same."""
    return f"""
        SELECT k.value, {columns} FROM json_each(?3) k CROSS JOIN {table} t ON t.id IN (
          SELECT id FROM {table} WHERE {condition} = k.value AND {_HERE} ORDER BY {order} LIMIT {limit})"""


def _children(columns: str, limit: int) -> str:
    return f"{_below('account', columns, 'parent_id', 'name_key, id', limit)} ORDER BY k.key, t.name_key, t.id"


_USERS = _below("app_user", "t.id, t.first_name, t.last_name", "account_id", "created_at, id", 5)
_SUBSCRIPTIONS = _below(
    "subscription", "t.id, t.status, t.quantity, p.name, p.mpn", "account_id", "created_at DESC, id DESC", 5
)
_COUNT = f"(SELECT count(*) FROM subscription WHERE account_id = a.id AND {_HERE})"
_CUSTOMERS = f"""
    SELECT id, name, status, {_COUNT} AS n FROM account a
    WHERE id IN (SELECT id FROM account WHERE type = 'CUSTOMER' AND path >= ?1 AND path < ?2
                 ORDER BY +name_key, id LIMIT 100) ORDER BY name_key, id"""
_CUSTOMERS_WALKED = f"""
    SELECT id, name, status, {_COUNT} AS n FROM account a
    WHERE +type = 'CUSTOMER' AND {_HERE} ORDER BY name_key, id LIMIT 100"""
_CARD = """
    FROM account a LEFT JOIN vendor_card v ON v.account_id = a.parent_id
    WHERE a.id = ?3 AND a.path >= ?1 AND a.path < ?2"""


def _by_mpn(within: str, order: str) -> str:
    return f"""
        SELECT s.id, s.quantity, s.renewal_date, p.name AS product, a.id AS account, a.name
        FROM (SELECT id, name FROM product WHERE mpn = ?3) p CROSS JOIN subscription s ON s.id IN (
          SELECT id FROM subscription WHERE product_id = p.id AND +status = 'ACTIVE' AND {within}
          ORDER BY {order} LIMIT 50)
        CROSS JOIN account a ON a.id = s.account_id ORDER BY s.renewal_key, s.id LIMIT 50"""


_BY_MPN = _by_mpn("path >= ?1 AND path < ?2", "+renewal_key, id")
_BY_MPN_WALKED = _by_mpn(_HERE, "renewal_key, id")

ROWS = {
    "account": f"SELECT id, name, status FROM account WHERE id = ?3 AND {_HERE}",
    "account_name": f"SELECT id, name FROM account WHERE id = ?3 AND {_HERE}",
    "children": _children("t.id, t.name, t.status", 20),
    "few_children": _children("t.id, t.name", 5),
    "users": f"{_USERS} ORDER BY k.key, t.created_at, t.id",
    "subscriptions": f"""{_SUBSCRIPTIONS} CROSS JOIN product p ON p.id = t.product_id
        ORDER BY k.key, t.created_at DESC, t.id DESC""",
    "customers": _CUSTOMERS,
    "customers_walked": _CUSTOMERS_WALKED,
    "card": f"SELECT a.id, a.name, a.status, v.name, v.support_email, v.account_id {_CARD}",
    "by_mpn": _BY_MPN,
    "by_mpn_walked": _BY_MPN_WALKED,
}


def _people(account: str) -> str:
    """Users and subscriptions of an account, as pairs of `json_object`."""
    return f"""
        'users', (SELECT json_group_array(json_object('id', id, 'name', first_name || ' ' || last_name)) FROM (
          SELECT id, first_name, last_name FROM app_user WHERE account_id = {account} AND {_HERE}
          ORDER BY created_at, id LIMIT 5)),
        'subscriptions', (SELECT json_group_array(json_object('id', s.id, 'status', s.status, 'quantity', s.quantity,
            'product', json_object('name', p.name, 'mpn', p.mpn)))
          FROM (SELECT id, status, quantity, product_id FROM subscription WHERE account_id = {account} AND {_HERE}
                ORDER BY created_at DESC, id DESC LIMIT 5) s CROSS JOIN product p ON p.id = s.product_id)"""


def _level(depth: int, limit: int, *, full: bool, below: str = "") -> str:
    """A JSON list of the children of the accounts one level up."""
    a = f"c{depth}"
    people = f", 'status', {a}.status, {_people(f'{a}.id')}" if full else ""
    children = f", 'children', {below}" if below else ""
    return f"""(
        SELECT json_group_array(json_object('id', {a}.id, 'name', {a}.name{people}{children}))
        FROM (SELECT id, name, status FROM account WHERE parent_id = c{depth - 1}.id AND {_HERE}
              ORDER BY name_key, id LIMIT {limit}) {a})"""


def _six_levels() -> str:
    below = ""
    for depth in range(5, 0, -1):
        below = _level(depth, 5, full=False, below=below)
    return below


def _customers_json(rows: str) -> str:
    return f"""
        SELECT json_group_array(json_object('id', id, 'name', name, 'status', status, 'subscriptions', n))
        FROM ({rows})"""


def _by_mpn_json(rows: str) -> str:
    return f"""
        SELECT json_group_array(json_object('id', id, 'quantity', quantity, 'renewalDate', renewal_date,
          'product', json_object('name', product), 'account', json_object('id', account, 'name', name)))
        FROM ({rows})"""


_DASHBOARD = _level(1, 20, full=True, below=_level(2, 20, full=True))
_ONE = f"FROM account c0 WHERE c0.id = ?3 AND {_HERE}"
JSON = {
    "w1": f"""
        SELECT json_object('id', c0.id, 'name', c0.name, 'status', c0.status, {_people("c0.id")},
          'children', {_DASHBOARD}) {_ONE}""",
    "w2": _customers_json(_CUSTOMERS),
    "w2_walked": _customers_json(_CUSTOMERS_WALKED),
    "w3": f"""
        SELECT json_object('id', a.id, 'name', a.name, 'status', a.status, 'vendor',
          CASE WHEN v.account_id IS NULL THEN NULL
               ELSE json_object('name', v.name, 'supportEmail', v.support_email) END) {_CARD}""",
    "w4": f"SELECT json_object('id', c0.id, 'name', c0.name, 'children', {_six_levels()}) {_ONE}",
    "w5": _by_mpn_json(_BY_MPN),
    "w5_walked": _by_mpn_json(_BY_MPN_WALKED),
}
"""A statement for each workload. `?3` is what it starts from: the own account, the one below, or the MPN."""


class SqliteFloor:
    """See `bench.floors.Floor`.

    Args:
        url: of the database.
        crossover: see `CROSSOVER`.
    """

    counts_apart = False

    def __init__(self, url: str, crossover: int = CROSSOVER) -> None:
        self._crossover = crossover
        file = Path(url.removeprefix("sqlite:///")).absolute()
        self._driver = sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, isolation_level=None)
        for pragma in _PRAGMAS:
            self._driver.execute(f"PRAGMA {pragma}")
        self._is_walked: dict[str, bool] = {}

    async def fetch(self, statement: str, path: str, *values: Any) -> Sequence[Sequence[Any]]:
        """The rows of one of `ROWS`, within the subtree of a path."""
        return self._fetch(ROWS, statement, path, values)

    async def json(self, workload: str, path: str, *values: Any) -> bytes:
        """What one of `JSON` makes."""
        ((text,),) = self._fetch(JSON, workload, path, values)
        return text.encode()  # type: ignore[no-any-return]  # a column of text

    async def close(self) -> None:
        """Close the connection."""
        self._driver.close()

    def _fetch(self, statements: dict[str, str], name: str, path: str, values: Sequence[Any]) -> list[Any]:
        if f"{name}_walked" in statements and self._walks(path):
            name = f"{name}_walked"
        given = [orjson.dumps(value).decode() if isinstance(value, list) else value for value in values]
        return self._driver.execute(statements[name], (path, path + paths.AFTER_SUBTREE, *given)).fetchall()

    def _walks(self, path: str) -> bool:
        """Whether the order is walked for this scope, found out once."""
        if path not in self._is_walked:
            count = "SELECT count(*), (SELECT count(*) FROM account) FROM account WHERE path >= ? AND path < ?"
            ((scope, everything),) = self._driver.execute(count, paths.subtree(path)).fetchall()
            self._is_walked[path] = scope * scope > self._crossover * everything
        return self._is_walked[path]
