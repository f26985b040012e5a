"""Shapes of statements by which a writer might reach what lies outside its scope. None may; most change nothing."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import bindparam, column, delete, func, insert, literal, literal_column, select, table, text, update
from sqlalchemy.dialects import postgresql
from sqlmodel import SQLModel

from models.scope import Scope
from models.sqlite import SqliteStore
from models.statement import Statement
from models.store import Store, StoreError
from models.writer import TakenError
from tests.hierarchy import Record, World, path_of
from tests.worlds import everything
from tests.write_oracle import tried

TABLES = SQLModel.metadata.tables
ACCOUNT, CONTACT, TERM, SUBSCRIPTION, PRICE, USER, AUDIT = (
    TABLES[name]
    for name in ("account", "account_contact", "account_term", "subscription", "price", "app_user", "audit")
)
HIDDEN = path_of(12)
"""An account of another branch than that of account 2, through whose scope all is tried."""
OF_2 = Scope(path_of(2))
C = ACCOUNT.alias("c")
_CONTACTS = [each.name for each in CONTACT.c]
_CONTACT = Statement(select(CONTACT).where(CONTACT.c.id == bindparam("of")))


def _like_contact(**values: Any) -> Any:
    """Copies of all contacts of the hidden account, with other values."""
    copied = [literal(values[name], CONTACT.c[name].type) if name in values else CONTACT.c[name] for name in _CONTACTS]
    return insert(CONTACT).from_select(_CONTACTS, select(*copied).where(CONTACT.c.path == HIDDEN))


def _hidden(name: str) -> Any:
    """A column of a common table expression of that name: the hidden account's id."""
    return select(SUBSCRIPTION.c.account_id).where(SUBSCRIPTION.c.path == HIDDEN).cte(name).c.account_id


OUT: dict[str, Any] = {
    "a row of its own": update(SUBSCRIPTION).values(path=HIDDEN),
    "its owner": update(CONTACT).values(account_id=12),
    "a parent": update(ACCOUNT).where(ACCOUNT.c.id == 7).values(parent_id=9),
    "an id": update(CONTACT).where(CONTACT.c.account_id == 7).values(id=99),
    "by a sub-query": update(SUBSCRIPTION).values(path=select(C.c.path).where(C.c.id == 2).scalar_subquery()),
    "a kind of account": update(ACCOUNT).where(ACCOUNT.c.id == 7).values(type="RESELLER"),
}
"""Changes of what places a row in the tree: no column of them may be changed."""

MISSES: dict[str, Any] = {
    "by its path": update(ACCOUNT).where(ACCOUNT.c.path == HIDDEN).values(name="x").returning(ACCOUNT.c.id),
    "by its id": update(ACCOUNT).where(ACCOUNT.c.id == 12).values(name="x").returning(ACCOUNT.c.name),
    "by what may not be read": delete(CONTACT).where(CONTACT.c.email == "LEAK-12-email").returning(CONTACT.c.email),
    "by a sub-query": delete(CONTACT)
    .where(CONTACT.c.account_id.in_(select(C.c.id).where(C.c.name.like("LEAK-12-%"))))
    .returning(CONTACT.c.id),
    "by another table": update(CONTACT)
    .where(CONTACT.c.account_id == C.c.id, C.c.id == 12)
    .values(first_name=C.c.name)
    .returning(CONTACT.c.first_name),
    "with what is hidden": update(CONTACT)
    .where(CONTACT.c.account_id == 7, C.c.id == 12)
    .values(first_name=C.c.name)
    .returning(CONTACT.c.first_name),
    "by a common table expression": update(CONTACT)
    .where(CONTACT.c.account_id.in_(select(_hidden("hidden"))))
    .values(first_name="x")
    .returning(CONTACT.c.id),
    "by one that is named like a table": update(CONTACT)
    .where(CONTACT.c.account_id.in_(select(_hidden("account"))))
    .values(first_name="x")
    .returning(CONTACT.c.id),
    "by one that is named like its own table": update(CONTACT)
    .where(CONTACT.c.account_id.in_(select(_hidden("account_contact"))))
    .values(first_name="x")
    .returning(CONTACT.c.id),
    "insert from a select": _like_contact(id=99, account_id=7, path=path_of(7)).returning(CONTACT.c.email),
    "insert in its place": _like_contact(id=99).returning(CONTACT.c.email),
}
"""Statements that meet no row, as if those that they name weren't there."""


@pytest.mark.parametrize("shape", OUT)
async def test_no_row_can_be_moved(hierarchy: Store, shape: str) -> None:
    async with tried(hierarchy, OF_2) as writer:
        with pytest.raises(StoreError):
            await writer.write(Statement(OUT[shape]))


@pytest.mark.parametrize("shape", MISSES)
async def test_what_is_hidden_is_not_met_whatever_way_it_is_named(hierarchy: Store, shape: str) -> None:
    async with tried(hierarchy, OF_2) as writer:
        assert await writer.write(Statement(MISSES[shape])) == []
    async with tried(hierarchy, Scope(path_of(1))) as writer:
        assert len(await writer.write(Statement(MISSES[shape]))) > 0, "through a wider scope it does something"


async def test_what_returns_tells_only_of_rows_that_were_changed(hierarchy: Store) -> None:
    everyone = Statement(update(ACCOUNT).values(city="x").returning(ACCOUNT.c.id))
    async with tried(hierarchy, OF_2) as writer:
        assert sorted(row.id for row in await writer.write(everyone)) == [2, 3, 4, 5, 6, 7, 8]


def upserts(world: World) -> Iterator[tuple[str, Any, Record]]:
    """Statements that would change, or replace, a hidden contact with the same id."""
    (hidden,) = [record for record in world["account_contact"] if record["account_id"] == 12]
    mine = hidden | {"account_id": 7, "path": path_of(7), "first_name": "mine"}
    insertion = postgresql.insert(CONTACT).values({name: bindparam(name) for name in _CONTACTS})
    returned = (CONTACT.c.id, CONTACT.c.email)
    yield "nothing", insertion.on_conflict_do_nothing().returning(*returned), mine
    changed = insertion.on_conflict_do_update(index_elements=["id"], set_={"first_name": "x"})
    yield "update", changed.returning(*returned), mine
    condition = insertion.on_conflict_do_update(
        index_elements=["id"], set_={"first_name": "x"}, where=CONTACT.c.email == "LEAK-12-email"
    )
    yield "update where", condition.returning(*returned), mine


async def test_an_upsert_neither_changes_nor_shows_a_hidden_row(hierarchy: Store, world: World) -> None:
    """PostgreSQL raises where SQLite passes the row over."""
    for what, source, values in upserts(world):
        async with tried(hierarchy, OF_2) as writer:
            with suppress(StoreError):
                async with writer.savepoint():
                    assert await writer.write(Statement(source), values) == [], what
            async with writer.beyond("a test looks") as db:
                (left,) = await db.rows(_CONTACT, {"of": values["id"]})
        assert (left.first_name, left.path) == ("LEAK-12-first_name", HIDDEN)


async def test_a_row_that_would_take_a_hidden_ones_place_is_refused_by_its_key_alone(
    hierarchy: Store, world: World
) -> None:
    (hidden,) = [record for record in world["account_contact"] if record["account_id"] == 12]
    mine = hidden | {"account_id": 7, "path": path_of(7)}
    with pytest.raises(TakenError) as refusal:
        async with hierarchy.writer(OF_2) as writer:
            await writer.write(Statement(insert(CONTACT)), mine)

    assert refusal.value.constraint == "account_contact_pkey"
    assert "LEAK" not in str(refusal.value)


_BARE = table("account_term", column("path"), column("term"), schema="main")
REFUSED: dict[str, Any] = {
    "a change in a common table expression": lambda: select(
        update(ACCOUNT).values(name="x").returning(ACCOUNT.c.id).cte("changed").c.id
    ),
    "a change in that of a change": lambda: delete(TERM).where(
        TERM.c.path.in_(select(delete(CONTACT).returning(CONTACT.c.path).cte("gone").c.path))
    ),
    "a change in that of an insert": lambda: insert(TERM).from_select(
        ["path", "term"], select(delete(TERM).returning(TERM.c.path, TERM.c.term).cte("gone"))
    ),
    "replacement": lambda: insert(ACCOUNT).prefix_with("OR REPLACE"),
    "replacing update": lambda: update(ACCOUNT).values(name="x").prefix_with("OR REPLACE"),
    "a table by its schema": lambda: delete(_BARE),
    "a sub-query by its schema": lambda: delete(TERM).where(TERM.c.term.in_(select(_BARE.c.term))),
    "an insert by its schema": lambda: insert(TERM).from_select(["path", "term"], select(_BARE)),
    "text": lambda: update(ACCOUNT).values(name="x").where(text("1 = 1")),
    "literal text": lambda: update(ACCOUNT).values(name=literal_column("(SELECT max(name) FROM main.account)")),
    "returned text": lambda: update(ACCOUNT).values(name="x").returning(literal_column("(SELECT 1)")),
}
"""Statements that can't even be built."""


@pytest.mark.parametrize("shape", REFUSED)
def test_what_could_hide_a_change_is_no_statement(shape: str) -> None:
    with pytest.raises(TypeError, match="a statement"):
        Statement(REFUSED[shape]())


async def test_what_is_bare_is_not_read_beside_a_change(hierarchy: Store) -> None:
    """Where a statement were built all the same: in the way of writing, all names stand for what is visible."""
    best = select(func.max(C.c.name)).scalar_subquery()
    mine = Statement(update(ACCOUNT).where(ACCOUNT.c.id == 7).values(city=best).returning(ACCOUNT.c.city))
    async with tried(hierarchy, OF_2) as writer:
        assert [row.city for row in await writer.write(mine)] == ["LEAK-8-name"]


NATIVE = [
    "INSERT OR REPLACE INTO main.account_contact SELECT * FROM main.account_contact",
    "INSERT OR REPLACE INTO main.account_contact (id, account_id, path, shard_id, position, type, first_name,"
    " last_name, email, email_key) VALUES ({hidden}, 7, '{path}', 7, 0, 'ADMIN', 'x', 'x', 'x', 'x')",
    "UPDATE OR REPLACE main.account_contact SET id = {hidden}",
    "UPDATE main.account_contact SET first_name = (SELECT max(name) FROM main.account)",
    "DELETE FROM main.account",
    "UPDATE main.subscription SET name = 'x'",
    "DELETE FROM main.account_contact WHERE id IN (SELECT id FROM temp.sqlite_master)",
    "DELETE FROM main.account_contact RETURNING (SELECT count(*) FROM main.account)",
    "DELETE FROM main.account_contact RETURNING (SELECT group_concat(sql) FROM sqlite_temp_master)",
    "INSERT INTO account_contact DEFAULT VALUES",
    "INSERT INTO temp.account SELECT * FROM account",
    "UPDATE account SET name = 'x'",
    "PRAGMA recursive_triggers = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA foreign_keys",
    "ATTACH ':memory:' AS other",
    "DETACH temp",
    "CREATE TEMP TABLE mine (x)",
    "CREATE TEMP VIEW mine AS SELECT * FROM main.account",
    "DROP VIEW account",
    "ALTER TABLE main.account ADD COLUMN x",
    "VACUUM",
    "ANALYZE",
    "SELECT * FROM main.account",
    "SELECT count(*) FROM main.account",
    "SELECT * FROM main.outbox",
    "SELECT name FROM sqlite_temp_master",
    "SELECT load_extension('x')",
]
"""Text that no statement can be made of, sent to SQLite by its own driver, as if it were a change of contacts."""


@pytest.mark.parametrize("attempt", NATIVE)
async def test_sqlite_itself_refuses_what_leads_around_views_and_triggers(
    sqlite_hierarchy: Store, world: World, attempt: str
) -> None:
    assert isinstance(sqlite_hierarchy, SqliteStore)
    (hidden,) = [record["id"] for record in world["account_contact"] if record["account_id"] == 12]
    before = await everything(sqlite_hierarchy)
    async with tried(sqlite_hierarchy, OF_2) as writer:
        with pytest.raises(StoreError):
            writer._do(attempt.format(hidden=hidden, path=path_of(7)), (), "account_contact")  # type: ignore[attr-defined]  # SQLite's own
        async with writer.beyond("a test keeps what was done"):
            pass
    assert await everything(sqlite_hierarchy) == before


async def test_a_connection_without_a_scope_changes_and_sees_nothing(sqlite_hierarchy: Store) -> None:
    assert isinstance(sqlite_hierarchy, SqliteStore)
    async with tried(sqlite_hierarchy, OF_2) as writer:
        writer._connection.wear(None)  # type: ignore[attr-defined]  # SQLite's own
        assert await writer.rows(Statement(select(ACCOUNT.c.id))) == []
        assert await writer.write(Statement(update(ACCOUNT).values(name="x").returning(ACCOUNT.c.id))) == []


async def test_postgresql_changes_and_sees_nothing_without_a_scope(postgresql_hierarchy: Any) -> None:
    async with tried(postgresql_hierarchy, OF_2):
        pass
    async with postgresql_hierarchy._pools["writer"].acquire() as connection:
        assert await connection.fetchval("SELECT current_user") == "canopy_writer"
        assert await connection.fetchval("SELECT count(*) FROM account") == 0
        assert await connection.execute("UPDATE account SET name = 'x'") == "UPDATE 0"
        assert await connection.execute("DELETE FROM account_contact") == "DELETE 0"
