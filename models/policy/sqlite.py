"""The rules as SQLite's temporary views and triggers."""

from sqlmodel import SQLModel

from models.policy.rules import RULES, UNREADABLE
from models.policy.scope import render
from models.policy.writes import WRITES, Write

_TEXT_COLUMN = {
    "exchange_rate": "from_currency",
    "manufacturer": "code",
    "marketplace": "code",
    "plan": "code",
    "product": "mpn",
    "role": "code",
}
"""A column for the tables whose rule names none of their own but the row id."""

# The seats are looked up once for a statement and, as long as nobody is narrowed down, never.
_WORDS = {
    "filter_": "+",
    "is_own": "IN (SELECT seat.subscription_id FROM seat WHERE seat.user_id = scope_only_user())",
}


def _sqlite(rule: str, row: str) -> str:
    return render(rule, lambda name: f"scope_{name}()", _WORDS | {"filter_": row})


def sqlite_views(secret: str, *, writing: bool = False) -> list[str]:
    """Statements that shadow tables by temporary views of their names, on one connection.

    The filter stands in a view behind that one, whose name begins with the secret. The authorizer is told only the
    name of whatever reads a table, and a common table expression may be called `account` as well as a view: what
    may read the tables must have names that no statement can know.

    To the authorizer a view none of whose own columns is read outside a sub-query looks like the bare table, which
    it refuses; so such a rule is preceded by a comparison that is always true (`IS NOT NULL` would be folded away).
    That of an unreadable table is one that is never true.

    Args:
        secret: what the names of the filtering views begin with.
        writing: for a writer, whose function `scope_beyond` says whether it is beyond its scope, where it sees all.
    """
    conditions = {table: _sqlite(rule, "+") for table, rule in RULES.items()}
    if writing:
        conditions |= {
            name: f"typeof(+{_last_column(name)}) = ''" for name in sorted(UNREADABLE & SQLModel.metadata.tables.keys())
        }
        conditions = {table: f"scope_beyond() = 1 OR {each}" for table, each in conditions.items()}
    views = []
    for table, condition in conditions.items():
        shown = f"+{_TEXT_COLUMN[table]} >= '' AND ({condition})" if table in _TEXT_COLUMN else condition
        views += [
            f"CREATE TEMP VIEW {secret}{table} AS SELECT * FROM main.{table} WHERE {shown}",
            f"CREATE TEMP VIEW {table} AS SELECT * FROM {secret}{table}",
        ]
    return views


def _last_column(table: str) -> str:
    return list(SQLModel.metadata.tables[table].c)[-1].name


def sqlite_triggers(secret: str) -> list[str]:
    """Statements that let a writing connection change no rows of any table but by the rules, unless it is beyond.

    A row that a rule keeps from being changed is passed over, as PostgreSQL does; one that would come to lie outside
    is an error. Rows that `INSERT OR REPLACE` would remove count as deleted (`PRAGMA recursive_triggers`).
    """
    triggers = []
    for table in SQLModel.metadata.tables:
        write = WRITES.get(table, Write())
        outside, passed_over = "RAISE(ABORT, 'outside')", "RAISE(IGNORE)"
        actions = {
            "INSERT": _guard(write.insert, "NEW.", outside),
            "UPDATE": _guard(write.update, "OLD.", passed_over, _guard(write.update, "NEW.", outside)),
            "DELETE": _guard(write.delete, "OLD.", passed_over),
        }
        triggers += [
            f"CREATE TEMP TRIGGER {secret}{action}_{table} BEFORE {action} ON main.{table}"
            f" WHEN scope_beyond() = 0 BEGIN SELECT {guard}; END"
            for action, guard in actions.items()
        ]
    return triggers


def _guard(rule: str | None, row: str, refusal: str, then: str = "NULL") -> str:
    """An expression that refuses a row, old or new, by a rule."""
    return f"CASE WHEN {_sqlite(rule, row)} THEN {then} ELSE {refusal} END" if rule else "RAISE(ABORT, 'refused')"
