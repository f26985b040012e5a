"""One text for both engines: the SQL of this package is written once, with the few words that differ as macros.

SAME(a, b)        equal, or both null           DIFFERS(a, b)     the opposite
INSTANT(x)        an instant read from text     DAY(x)            a day read from text
DAY_OF(x)         the day of an instant         STAMP(x)          its digits
FLAG(x)           0 or 1 as a boolean           NOW()             when this import began
NEXT_ID(table)    the table's next own id       FRESH_ID()        an id as `models.identifier.new_id` makes them
SEGMENT(id)       an id as a path's segment     STORED_ID(x)      the id in a key such as 'canopy:7'
EACH(x, t)        a JSON list as a table `t` of one column, `value`
JOINED(x, sep)    an aggregate: texts with something between them
FIND(x, y)        where y begins in x, from 1
MATERIALIZED_BY_POSTGRESQL()  of a common table expression; SQLite gains nothing by it
ACCOUNT_KEY(a)    what files call the account   SUBSCRIPTION_KEY(s)

A column that is worked out and joined by is CAST to its type: without one, SQLite would not use an index on it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.statement import Engine

_MACRO = re.compile(
    r"\b(SAME|DIFFERS|INSTANT|DAY|DAY_OF|STAMP|FLAG|NOW|NEXT_ID|FRESH_ID|SEGMENT|JOINED|EACH|FIND|STORED_ID|ACCOUNT_KEY|MATERIALIZED_BY_POSTGRESQL"
    r"|SUBSCRIPTION_KEY)\("
)
_MARK = re.compile(r"[(),]|'[^']*'")
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"

_ACCOUNT_KEY = (
    "CAST(coalesce({a}.import_key, CASE WHEN EXISTS (SELECT 1 FROM account k WHERE k.import_key = 'canopy:' || {a}.id)"
    " THEN 'canopy:' || {a}.id || ':' || STAMP({a}.created_at) ELSE 'canopy:' || {a}.id END) AS TEXT)"
)


def _segment(digits: str) -> Callable[[str], str]:
    def digit(account: str, place: int) -> str:
        return f"substr({digits}, CAST(({account} / {36**place}) % 36 AS INTEGER) + 1, 1)"

    return lambda account: "(" + " || ".join(digit(account, place) for place in range(5, -1, -1)) + ")"


def _pair(template: str) -> Callable[[str], str]:
    def expand(arguments: str) -> str:
        comma = _end(arguments, 0, ",")
        return template.format(arguments[: comma - 1], arguments[comma:].strip())

    return expand


@dataclass(frozen=True)
class Dialect:
    """How one engine spells the macros."""

    engine: Engine
    macros: dict[str, Callable[[str], str]] = field(default_factory=dict)

    def render(self, sql: str) -> str:
        """The text as the engine takes it."""
        found = _MACRO.search(sql)
        if not found:
            return sql
        end = _end(sql, found.end())
        spelled = self.macros[found[1]](self.render(sql[found.end() : end - 1]))
        return sql[: found.start()] + self.render(spelled) + self.render(sql[end:])


def _end(sql: str, at: int, mark: str = ")") -> int:
    """Behind the first such mark that stands in no further parentheses and no string."""
    depth = 0
    for found in _MARK.finditer(sql, at):
        if not depth and found[0] == mark:
            return found.end()
        depth += {"(": 1, ")": -1}.get(found[0], 0)
    raise ValueError(f"there is no {mark} in {sql[at:]}")


def _postgresql(moment: str) -> dict[str, Callable[[str], str]]:
    since_2020 = "CAST(date_part('epoch', clock_timestamp()) * 1000 AS BIGINT) - 1577836800000"
    return {
        "SAME": _pair("({} IS NOT DISTINCT FROM {})"),
        "DIFFERS": _pair("({} IS DISTINCT FROM {})"),
        "INSTANT": lambda x: f"CAST({x} AS timestamptz)",
        "DAY": lambda x: f"CAST({x} AS date)",
        "DAY_OF": lambda x: f"CAST({x} AS date)",
        "STAMP": lambda x: f"to_char({x}, 'YYYYMMDDHH24MISSMS')",
        "FLAG": lambda x: f"({x} = 1)",
        "NOW": lambda _: f"CAST('{moment}' AS timestamptz)",
        "NEXT_ID": lambda table: f"nextval(pg_get_serial_sequence('{table}', 'id'))",
        "FRESH_ID": lambda _: f"((({since_2020}) << 22) | (nextval('fresh_id') & 4194303))",
        "SEGMENT": _segment(f"'{_BASE36}' COLLATE \"C\""),
        "JOINED": _pair("string_agg({}, {})"),
        "EACH": _pair("json_array_elements_text(CAST({} AS json)) AS {}(value)"),
        "FIND": _pair("strpos({}, {})"),
        "MATERIALIZED_BY_POSTGRESQL": lambda _: "MATERIALIZED",
        "STORED_ID": "CAST(substring({} from '^canopy:([0-9]{{1,18}})(:|$)') AS BIGINT)".format,
    }


def _sqlite(moment: str) -> dict[str, Callable[[str], str]]:
    digits = "{0}"
    for separator in "-:T.Z":
        digits = f"replace({digits}, '{separator}', '')"
    return {
        "SAME": _pair("({} IS {})"),
        "DIFFERS": _pair("({} IS NOT {})"),
        "INSTANT": lambda x: x,
        "DAY": lambda x: x,
        "DAY_OF": lambda x: f"substr({x}, 1, 10)",
        "STAMP": digits.format,
        "FLAG": lambda x: x,
        "NOW": lambda _: f"'{moment}'",
        "NEXT_ID": "((SELECT coalesce(max(id), 0) FROM {}) + row_number() OVER ())".format,
        "FRESH_ID": lambda _: "fresh_id()",
        "SEGMENT": _segment(f"'{_BASE36}'"),
        "JOINED": _pair("group_concat({}, {})"),
        "EACH": _pair("json_each({}) AS {}"),
        "FIND": _pair("instr({}, {})"),
        "MATERIALIZED_BY_POSTGRESQL": lambda _: "NOT MATERIALIZED",
        "STORED_ID": "CASE WHEN {0} LIKE 'canopy:%' THEN CAST(substr({0}, 8) AS INTEGER) END".format,
    }


_KEYS: dict[str, Callable[[str], Any]] = {
    "ACCOUNT_KEY": lambda alias: _ACCOUNT_KEY.format(a=alias),
    "SUBSCRIPTION_KEY": lambda alias: f"CAST(coalesce({alias}.import_key, 'canopy:' || {alias}.id) AS TEXT)",
}


def dialect(engine: Engine, moment: str) -> Dialect:
    """The engine's spelling.

    Args:
        engine: which.
        moment: when the import began, as `models.base.iso` writes it.
    """
    return Dialect(engine, (_postgresql if engine == "postgresql" else _sqlite)(moment) | _KEYS)
