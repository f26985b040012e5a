"""Every shape of statement that has been seen to slip past a filter, run behind ours as resolvers would run it.

The shapes are those of the bypass catalogue that the design was chosen by. Those of an ORM session (lazy loads,
identity map, refresh, bulk mappings) can't be asked: a reader has no session. Those that only text can say are tried
in `test_statement_text.py`.
"""

from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Executable,
    Select,
    bindparam,
    column,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
    text,
    true,
    union,
    update,
)
from sqlalchemy.orm import aliased

from models import Account, Subscription
from models.base import table_of
from models.scope import Scope
from models.statement import Statement, any_of, keys
from models.store import Store, StoreError
from tests.hierarchy import path_of

PLACE = 2
VISIBLE = [2, 3, 4, 5, 6, 7, 8]
SUBSCRIPTIONS = 2 * len(VISIBLE)

ENTITY: Any = Account
ACCOUNT, SUBSCRIPTION = table_of(Account), table_of(Subscription)
OTHER, OTHER_ENTITY = ACCOUNT.alias("other"), aliased(ENTITY)
BARE = table("account", column("id"), column("name"), column("path"), column("parent_id"))
BELOW = select(ACCOUNT.c.id).where(ACCOUNT.c.parent_id.is_(None)).cte("below", recursive=True)
EVERY_ID = select(literal_column("1").label("id")).cte("every_id", recursive=True)
A_SUBSCRIPTION = select(SUBSCRIPTION.c.id).where(SUBSCRIPTION.c.account_id == ACCOUNT.c.id)
ANY_ACCOUNT = literal_column("(SELECT count(*) FROM account)", BigInteger)

READ: dict[str, tuple[Executable, list[Any]]] = {
    "an entity": (select(ENTITY), VISIBLE),
    "a column of an entity": (select(ENTITY.id), VISIBLE),
    "an aliased entity": (select(OTHER_ENTITY.id), VISIBLE),
    "a table": (select(ACCOUNT), VISIBLE),
    "an alias of a table": (select(OTHER.c.id), VISIBLE),
    "a column of a table beside an entity": (select(ACCOUNT.c.id, ENTITY.name), VISIBLE),
    "a join": (select(SUBSCRIPTION.c.account_id).join_from(SUBSCRIPTION, ACCOUNT).distinct(), VISIBLE),
    "a join that only multiplies": (select(ACCOUNT.c.id).join(OTHER, true()).distinct(), VISIBLE),
    "an outer join": (select(ACCOUNT.c.id).outerjoin(OTHER, OTHER.c.id == ACCOUNT.c.parent_id), VISIBLE),
    "the far side of an outer join": (
        select(OTHER.c.id).select_from(ACCOUNT.outerjoin(OTHER, OTHER.c.id == ACCOUNT.c.parent_id)).distinct(),
        [None, 2, 3, 4],
    ),
    "a join of a table to its own alias": (
        select(OTHER.c.id).join_from(ACCOUNT, OTHER, ACCOUNT.c.parent_id == OTHER.c.id).distinct(),
        [2, 3, 4],
    ),
    "two tables with a comma": (select(OTHER.c.id).where(ACCOUNT.c.id == OTHER.c.id), VISIBLE),
    "a count": (select(func.count()).select_from(ACCOUNT), [len(VISIBLE)]),
    "a count of a column": (select(func.count(ACCOUNT.c.id)), [len(VISIBLE)]),
    "a greatest value": (select(func.max(ACCOUNT.c.id)), [8]),
    "a least value": (select(func.min(ACCOUNT.c.id)), [2]),
    "a group": (select(func.count()).select_from(ACCOUNT).group_by(ACCOUNT.c.marketplace_id), [len(VISIBLE)]),
    "a sub-query in FROM": (select(select(ACCOUNT.c.id).subquery().c.id), VISIBLE),
    "a common table expression": (select(select(ACCOUNT.c.id).cte("mine").c.id), VISIBLE),
    "a common table expression called as a table": (select(select(ACCOUNT.c.id).cte("price").c.id), VISIBLE),
    "a recursive expression from the root": (
        select(BELOW.union_all(select(OTHER.c.id).where(OTHER.c.parent_id == BELOW.c.id)).c.id),
        [],
    ),
    "a recursive expression that tries every id": (
        select(ACCOUNT.c.id).where(
            ACCOUNT.c.id.in_(
                select(EVERY_ID.union_all(select(EVERY_ID.c.id + 1).where(EVERY_ID.c.id < literal(20))).c.id)
            )
        ),
        VISIBLE,
    ),
    "a scalar sub-query": (select(select(func.count(ACCOUNT.c.id)).scalar_subquery()), [len(VISIBLE)]),
    "EXISTS of a row elsewhere": (select(exists().where(ACCOUNT.c.id == 9)), [0]),
    "NOT EXISTS": (select(ACCOUNT.c.id).where(~exists(A_SUBSCRIPTION)), []),
    "IN a sub-query": (select(ACCOUNT.c.id).where(ACCOUNT.c.id.in_(select(SUBSCRIPTION.c.account_id))), VISIBLE),
    "a union": (union(select(ACCOUNT.c.id), select(SUBSCRIPTION.c.account_id)), VISIBLE),
    "a window": (select(func.count().over(order_by=ACCOUNT.c.path)), list(range(1, 8))),
    "a bare table clause": (select(BARE.c.id), VISIBLE),
    "a condition as text": (select(ACCOUNT.c.id).where(text("1 = 1 OR account.path > ''")), VISIBLE),
    "a column as text": (select(ANY_ACCOUNT), [len(VISIBLE)]),
    "an order as text": (select(ACCOUNT.c.id).order_by(text("(SELECT max(name) FROM account)")), VISIBLE),
    "a constant for each row": (select(literal_column("1")).select_from(ACCOUNT), [1] * len(VISIBLE)),
    "a list of ids": (select(ACCOUNT.c.id).where(any_of(ACCOUNT.c.id, "ids")), VISIBLE),
    "a search by another's path": (select(ACCOUNT.c.id).where(ACCOUNT.c.path >= path_of(9)), []),
    "a search by another's name": (select(ACCOUNT.c.id).where(ACCOUNT.c.name == bindparam("name")), []),
}
"""Shapes for both engines and the values of their column `id`, or of the only one."""

PARAMETERS = {"ids": list(range(1, 14)), "name": "LEAK-9-name"}

WRITTEN: dict[str, Executable] = {
    "an update": update(ACCOUNT).values(name="x"),
    "an update of an entity": update(ENTITY).values(name="x"),
    "an update that returns rows": update(ACCOUNT).values(name="x").returning(ACCOUNT.c.name),
    "a delete": delete(ACCOUNT),
    "a delete that returns rows": delete(ACCOUNT).returning(ACCOUNT.c.name),
    "an insert": insert(BARE).values(id=20, name="x", path=path_of(9)),
    "an insert from a select": insert(BARE).from_select(["id", "name"], select(ACCOUNT.c.id + 100, ACCOUNT.c.name)),
    "an update of the bare table": update(table("account", column("name"), schema="main")).values(name="x"),
}


def sorted_values(values: list[Any]) -> list[Any]:
    """The values in order, nulls first."""
    return sorted(values, key=lambda value: (value is not None, value))


@pytest.mark.parametrize("shape", READ)
async def test_a_reader_filters(hierarchy: Store, shape: str) -> None:
    source, values = READ[shape]
    statement = Statement(source)
    place = statement.columns.index("id") if "id" in statement.columns else 0
    async with hierarchy.reader(Scope(path_of(PLACE))) as reader:
        rows = await reader.rows(statement, PARAMETERS)

    assert sorted_values([row[place] for row in rows]) == values


@pytest.mark.parametrize("shape", [shape for shape, (source, _) in READ.items() if isinstance(source, Select)])
async def test_a_reader_filters_a_statement_that_sets_the_scope_itself(postgresql_hierarchy: Store, shape: str) -> None:
    source, values = READ[shape]
    statement = Statement(source, is_lookup=True).alone
    place = statement.columns.index("id") if "id" in statement.columns else 0
    async with postgresql_hierarchy.reader(Scope(path_of(PLACE))) as reader:
        rows = await reader.rows(statement, PARAMETERS)

    assert sorted_values([row[place] for row in rows]) == values


async def test_a_reader_filters_a_page_of_each_parent(hierarchy: Store) -> None:
    key = keys("ids", hierarchy.engine)
    inner = select(OTHER.c.id).where(OTHER.c.parent_id == key.c.value).order_by(OTHER.c.path).limit(2)
    if hierarchy.engine == "postgresql":
        page = inner.lateral()
        source = select(page.c.id).select_from(key.join(page, true()))
    else:
        source = select(ACCOUNT.c.id).join_from(key, ACCOUNT, ACCOUNT.c.id.in_(inner))
    async with hierarchy.reader(Scope(path_of(PLACE))) as reader:
        rows = await reader.rows(Statement(source), PARAMETERS)

    assert sorted(row[0] for row in rows) == [2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("shape", WRITTEN)
async def test_a_reader_refuses(hierarchy: Store, shape: str) -> None:
    async with hierarchy.reader(Scope(path_of(PLACE))) as reader:
        with pytest.raises((StoreError, TypeError)):  # some can't even be made
            await reader.rows(Statement(WRITTEN[shape]))


async def test_a_reader_refuses_the_bare_table_by_the_name_of_its_schema(hierarchy: Store) -> None:
    """Also from behind a name that a view has: to SQLite's authorizer the two look alike."""
    bare = table("account", column("id"), column("name"), schema="main")
    shadow = select(bare.c.id, bare.c.name).cte("account")
    counted = select(func.count().label("n")).select_from(bare).cte("price")
    async with hierarchy.reader(Scope(path_of(PLACE))) as reader:
        for source in (select(bare.c.id), select(shadow.c.name), select(counted.c.n)):
            with pytest.raises(StoreError):
                await reader.rows(Statement(source))


@pytest.mark.parametrize("source", [text("SELECT 1"), text("SELECT 1").columns(column("id")), "SELECT 1"])
def test_a_statement_is_never_text(source: Any) -> None:
    with pytest.raises(TypeError, match="text"):
        Statement(source)


async def test_a_reader_takes_no_text_and_has_no_other_way_in(hierarchy: Store) -> None:
    async with hierarchy.reader(Scope(path_of(PLACE))) as reader:
        with pytest.raises(AttributeError):
            await reader.rows("SELECT 1")  # type: ignore[arg-type]  # the mistake itself
        offered = {name for name in dir(reader) if not name.startswith("_")}

    assert offered == {"end", "engine", "rows", "scope"}
