"""A connection to PostgreSQL that is lost in the midst of an answer: whoever asked is told to try again."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import pytest
from sqlalchemy import func, select

from models.beyond import announce
from models.statement import Row, Statement
from models.store import Reader, Store
from models.writer import Writer
from resolvers.context import Context
from schema import executor
from schema.errors import AWAY, public
from tests.asking import CURSOR_KEY, TODAY, caller_at
from tests.changes import account_row, codes, new_key, traces, try_to, user_at
from tests.databases import Databases
from tests.hierarchy import World
from tests.templates import hierarchy_template, opened

PID = Statement(select(func.pg_backend_pid().label("pid")))


@pytest.fixture
async def own_store(postgresql_databases: Databases, world: World) -> AsyncIterator[Store]:
    with postgresql_databases.copied(hierarchy_template(postgresql_databases, world)) as url:
        async with opened(url) as store:
            yield store


async def lose(store: Store, of: Reader | Writer) -> None:
    """Have the server end a connection, as it does when it is shut down."""
    ((pid,),) = await of.rows(PID)
    owner = await asyncpg.connect(store.url)
    await owner.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await owner.close()


class LosingReader:
    """Reads through another reader, whose connection is lost after the first statement."""

    def __init__(self, store: Store, reader: Reader) -> None:
        self.engine, self.scope = reader.engine, reader.scope
        self._store, self._reader = store, reader
        self._is_lost = False

    async def rows(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        rows = await self._reader.rows(statement, parameters)
        if not self._is_lost:
            self._is_lost = True
            await lose(self._store, self._reader)
        return rows


async def test_an_answer_says_what_it_can_not_have_and_to_try_again(postgresql_hierarchy: Store) -> None:
    caller = caller_at(2)
    document = executor.document('{ account(id: "acc_2") { id children(first: 1) { nodes { id } } } }')
    async with postgresql_hierarchy.reader(caller.scope()) as reader:
        context = Context(caller, LosingReader(postgresql_hierarchy, reader), CURSOR_KEY, TODAY)
        answer = await executor.execute(document, None, {}, context)

    assert answer.data == {"account": {"id": "acc_2", "children": None}}
    (error,) = [public(error).formatted for error in answer.errors]
    assert (error["path"], error["message"], error["extensions"]) == (
        ["account", "children"],
        AWAY,
        {"code": "UNAVAILABLE"},
    )


async def test_a_change_is_undone_and_the_same_again_with_its_key_is_done(
    own_store: Store, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, caller = own_store, user_at(world, 2)
    given = {"account": "acc_7", "name": "New", "expectedVersion": 1, "idempotencyKey": new_key()}
    old, before = (await account_row(store, 7)).name, await traces(store)

    async def audit(writer: Writer, change: announce.Change) -> None:
        await lose(store, writer)
        await write(writer, change)

    write = announce.audit
    with monkeypatch.context() as patch:
        patch.setattr(announce, "audit", audit)
        lost = await try_to(store, caller, "accountUpdate", **given)

    assert lost.codes == ["UNAVAILABLE"]
    assert ((await account_row(store, 7)).name, await traces(store)) == (old, before)
    again = await try_to(store, caller, "accountUpdate", **given)
    assert codes(again.data["accountUpdate"]) == []
    assert (await account_row(store, 7)).name == "New"
