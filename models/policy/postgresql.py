"""The rules as PostgreSQL's row-level security."""

from collections.abc import Iterable, Iterator

from sqlmodel import SQLModel

from models.policy.rules import RULES
from models.policy.scope import TEXTS, render
from models.policy.writes import WRITES, Write

_AS_SYSTEM = "(SELECT current_user) = 'canopy_system'"
"""A policy also holds for members of its role, and the login that owns the tables is one: only SET ROLE shall count."""

# The seats are looked up once for a statement and, as long as nobody is narrowed down, never. PostgreSQL would plan a
# sub-query, and its own policies, with every statement; a function it doesn't look into.
_WORDS = {"filter_": "", "is_own": "= ANY ((SELECT own_services())::bigint[])"}


def postgresql_setting(name: str) -> str:
    """How a policy reads a setting: once for each statement, and as null where no scope was set."""
    raw = f"current_setting('canopy.{name}', true)"
    return f"(SELECT {raw})" if name in TEXTS else f"(SELECT nullif({raw}, '')::bigint)"


def postgresql_condition(table: str) -> str:
    """The USING expression of the table's policy for reading."""
    return _postgresql(RULES[table], "")


def postgresql_write_condition(table: str, rule: str) -> str:
    """The expression of a policy for writing, by a rule of `WRITES`."""
    return _postgresql(rule, f"{table}.")


def _postgresql(rule: str, row: str) -> str:
    return f"CASE WHEN {render(rule, postgresql_setting, _WORDS | {'filter_': row})} THEN true ELSE false END"


def postgresql_ddl(tables: Iterable[str] = RULES) -> list[str]:
    """Statements that put row-level security on readable tables, for the roles of readers, writers and the system."""
    return [statement for table in tables for statement in (*_postgresql_reading(table), *_postgresql_writing(table))]


def _postgresql_reading(table: str) -> Iterator[str]:
    yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
    yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
    scope = f"CREATE POLICY scope ON {table} FOR SELECT TO canopy_reader, canopy_writer"
    yield f"{scope} USING ({postgresql_condition(table)})"
    yield f"CREATE POLICY unfiltered ON {table} TO canopy_system USING ({_AS_SYSTEM}) WITH CHECK ({_AS_SYSTEM})"
    yield f"GRANT SELECT ON {table} TO canopy_reader, canopy_writer"


def _postgresql_writing(table: str) -> Iterator[str]:
    write = WRITES.get(table, Write())
    if write.insert:
        check = postgresql_write_condition(table, write.insert)
        yield f"CREATE POLICY may_insert ON {table} FOR INSERT TO canopy_writer WITH CHECK ({check})"
        yield f"GRANT INSERT ON {table} TO canopy_writer"
        if "id" in SQLModel.metadata.tables[table].c:
            yield f"GRANT USAGE ON SEQUENCE {table}_id_seq TO canopy_writer"
    if write.update:
        using = postgresql_write_condition(table, write.update)
        yield f"CREATE POLICY may_update ON {table} FOR UPDATE TO canopy_writer USING ({using}) WITH CHECK ({using})"
        yield f"GRANT UPDATE ({', '.join(sorted(write.columns))}) ON {table} TO canopy_writer"
    if write.delete:
        using = postgresql_write_condition(table, write.delete)
        yield f"CREATE POLICY may_delete ON {table} FOR DELETE TO canopy_writer USING ({using})"
        yield f"GRANT DELETE ON {table} TO canopy_writer"
