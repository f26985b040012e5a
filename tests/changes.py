"""Asking for changes as some caller, looking over the store's shoulder meanwhile, and at what is there afterwards."""

import itertools
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from sqlalchemy import select
from sqlmodel import SQLModel

from models import Account, Audit, Event, Idempotency, RoleCode
from models.base import table_of
from models.scope import Reach, Scope
from models.statement import Engine, Row, Statement
from models.store import Reader, Store
from models.writer import Writer
from resolvers.caller import Caller
from resolvers.changing import changing
from resolvers.privileges import Privilege
from resolvers.run import Business
from schema.errors import public
from tests import people
from tests.asking import CURSOR_KEY, TODAY, Answer, SpyingReader, by_graphql_core, caller_at
from tests.hierarchy import CUSTOMERS, World

_numbers = itertools.count()


def new_key() -> str:
    """An idempotency key that no test has used yet."""
    return f"key of a test {next(_numbers)}"


def user_of(world: World, account_id: int, kind: str = "ADMINISTRATOR") -> int:
    """The id of an account's first user of a kind."""
    return int(next(row["id"] for row in world["app_user"] if (row["account_id"], row["kind"]) == (account_id, kind)))


def user_at(world: World, account_id: int, *roles: RoleCode, privileges: frozenset[Privilege] | None = None) -> Caller:
    """The administrator of an account of the hand-made hierarchy, with roles, or with every privilege."""
    reach = Reach.OWN if account_id in CUSTOMERS else Reach.SUBTREE
    return caller_at(account_id, reach, *roles, user_id=user_of(world, account_id), privileges=privileges)


@dataclass
class SpyingStore:
    """Gives another store's readers and writers, and remembers the statements."""

    store: Store
    sent: list[Statement] = field(default_factory=list)

    @property
    def engine(self) -> Engine:
        return self.store.engine

    @asynccontextmanager
    async def reader(self, scope: Scope) -> AsyncIterator[Reader]:
        async with self.store.reader(scope) as reader:
            spy = SpyingReader(reader)
            spy.sent = self.sent
            yield spy

    @asynccontextmanager
    async def writer(self, scope: Scope) -> AsyncIterator[Writer]:
        async with self.store.writer(scope) as writer:
            run = writer._run

            async def spying(by: Any, statement: Statement, *more: Any, **named: Any) -> list[Row]:
                self.sent.append(statement)
                return await run(by, statement, *more, **named)

            writer._run = spying  # type: ignore[method-assign]  # whatever it does goes through there
            yield writer


async def change(
    store: Store, caller: Caller, document: str, variables: Mapping[str, Any] | None = None, **business: Any
) -> Answer:
    """The answer to an operation that changes things."""
    spy = SpyingStore(store)
    made = Business(spy, **business)  # type: ignore[arg-type]  # as much of a store as it takes
    async with changing(made, caller, CURSOR_KEY, TODAY) as context:
        found = await by_graphql_core(document, variables, context)
    return Answer(found.data, [public(error).formatted for error in found.errors], spy.sent)


async def do(store: Store, caller: Caller, mutation: str, /, **given: Any) -> Any:
    """The payload of one mutation; its input's fields are given as in GraphQL, with a new key if none is."""
    answer = await try_to(store, caller, mutation, **given)
    assert answer.errors == [], answer.errors
    return answer.data[mutation]


async def try_to(store: Store, caller: Caller, mutation: str, /, **given: Any) -> Answer:
    """As `do`, but the whole answer, whatever it is."""
    title = mutation[0].upper() + mutation[1:]
    shown = "userErrors { path message code }"
    part = f"account {{ id name status version externalId }} currentVersion {shown}"
    selection = f"results {{ index {part} }} {shown}" if mutation.endswith("Bulk") else part
    document = f"mutation($input: {title}Input!) {{ {mutation}(input: $input) {{ {selection} }} }}"
    return await change(store, caller, document, {"input": {"idempotencyKey": new_key(), **given}})


def codes(payload: Any) -> list[str]:
    """The codes of a payload's errors."""
    return [error["code"] for error in payload["userErrors"]]


async def rows_of(store: Store, model: type[SQLModel]) -> list[Row]:
    """All rows of a table, by its primary key; a column `noun`, which every row has of its own, is called `of`."""
    async with store.unfiltered("a test looks") as db:
        return await db.rows(_all_of(model))


@cache
def _all_of(model: type[SQLModel]) -> Statement:
    table = table_of(model)
    columns = [column.label("of") if column.name == "noun" else column for column in table.c]
    return Statement(select(*columns).order_by(*table.primary_key))


async def account_row(store: Store, account_id: int) -> Row:
    """One account."""
    (row,) = [row for row in await rows_of(store, Account) if row.id == account_id]
    return row


@dataclass(frozen=True, slots=True)
class Traces:
    """What operations leave behind beside what they change, as numbers of rows."""

    answers: int
    changes: int
    events: int


async def traces(store: Store) -> Traces:
    """How many there are now."""
    return Traces(*[len(await rows_of(store, model)) for model in (Idempotency, Audit, Event)])


async def logged(store: Store, before: Traces) -> list[tuple[str, int, dict[str, Any]]]:
    """The change log from then on: table, object, and for each column its old and new value."""
    rows = sorted(await rows_of(store, Audit), key=lambda row: (str(row.at), row.id))[before.changes :]
    return [(row.of, row.object_id, _differences(row)) for row in rows]


def _differences(row: Row) -> dict[str, tuple[Any, Any]]:
    before, after = orjson.loads(row.before), orjson.loads(row.after)
    return {name: (before.get(name), after.get(name)) for name in before | after}


async def set_account(store: Store, account_id: int, what: str) -> None:
    """Change a row of an account behind everybody's back; `what` is SQL."""
    await people.change(store, f"UPDATE account SET {what} WHERE id = {account_id}")
