"""Asking the schema a question as some caller, and looking over the reader's shoulder while it answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import orjson
from graphql import GraphQLError

from models import RoleCode
from models.scope import Reach
from models.statement import Engine, Row, Statement
from models.store import Reader, Store
from resolvers.allowance import Allowance
from resolvers.caller import Caller
from resolvers.context import Context
from resolvers.privileges import ROLES, Privilege
from schema import executor
from schema.errors import public
from schema.execution.documents import Answer as Found
from schema.execution.plan import NotCoveredError
from tests.hierarchy import path_of

CURSOR_KEY = b"a key for the cursors of tests"
TODAY = date(2026, 11, 15)
EVERYTHING = frozenset(Privilege)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        data: of the response.
        errors: of the response, as a client reads them.
        sent: the statements that it took, in their order.
    """

    data: Any
    errors: list[Mapping[str, Any]]
    sent: list[Statement] = field(default_factory=list)

    @property
    def statements(self) -> int:
        """How many statements it took."""
        return len(self.sent)

    @property
    def codes(self) -> list[str]:
        """The code of each error."""
        return [error["extensions"]["code"] for error in self.errors]

    @property
    def bytes(self) -> bytes:
        """The response as a client gets it."""
        return orjson.dumps({"data": self.data, "errors": self.errors})


class SpyingReader:
    """Reads through another reader and remembers the statements."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.engine: Engine = reader.engine
        self.scope = reader.scope
        self.sent: list[Statement] = []

    async def rows(self, statement: Statement, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        self.sent.append(statement)
        return await self.reader.rows(statement, parameters)


def caller_at(
    account_id: int,
    reach: Reach = Reach.SUBTREE,
    *roles: RoleCode,
    path: str = "",
    user_id: int | None = None,
    privileges: frozenset[Privilege] | None = None,
    is_service_user: bool = False,
    size_class: int = 0,
) -> Caller:
    """A caller at an account of the hand-made hierarchy (or at a path), with roles, or with every privilege."""
    granted = frozenset[Privilege]().union(*(ROLES[role] for role in roles)) if roles else EVERYTHING
    return Caller(
        path=path or path_of(account_id),
        privileges=granted if privileges is None else privileges,
        user_id=user_id,
        reach=reach,
        is_service_user=is_service_user,
        size_class=size_class,
        memberships=((account_id, f"Account {account_id}"),) if user_id is not None else (),
    )


def context_of(caller: Caller, reader: Reader) -> Context:
    """What an operation is answered from, with something left of a budget."""
    context = Context(caller, reader, CURSOR_KEY, TODAY)
    context.allowance = Allowance("caller", 1_000, 50.0, 900.0, datetime(2026, 11, 20, tzinfo=UTC))
    return context


async def ask(store: Store, caller: Caller, query: str, variables: Mapping[str, Any] | None = None) -> Answer:
    """The answer to one operation, in a snapshot of its own: by a plan, unless none covers it."""
    async with store.reader(caller.scope()) as reader:
        spy = SpyingReader(reader)
        document = executor.document(query)
        if document.errors:
            return _answer(None, document.errors, spy)
        try:
            found = await executor.execute(document, None, dict(variables or {}), context_of(caller, spy))
        except NotCoveredError:
            return await _by_graphql_core(spy, caller, query, variables)
        return _answer(found.data, found.errors, spy)


async def ask_graphql_core(
    store: Store, caller: Caller, query: str, variables: Mapping[str, Any] | None = None
) -> Answer:
    """The same by graphql-core, a field at a time."""
    async with store.reader(caller.scope()) as reader:
        return await _by_graphql_core(SpyingReader(reader), caller, query, variables)


async def _by_graphql_core(
    spy: SpyingReader, caller: Caller, query: str, variables: Mapping[str, Any] | None
) -> Answer:
    found = await by_graphql_core(query, variables, context_of(caller, spy))
    return _answer(found.data, found.errors, spy)


async def by_graphql_core(query: str, variables: Mapping[str, Any] | None, context: Context) -> Found:
    """What graphql-core finds, or what is wrong with the document."""
    document = executor.document(query)
    if document.errors:
        return Found(None, document.errors, is_request_error=True)
    return await executor.execute_by_core(document, None, variables, context)


def _answer(data: Any, errors: Sequence[GraphQLError], spy: SpyingReader) -> Answer:
    return Answer(data, [public(error).formatted for error in errors], spy.sent)
