"""What the function of an operation works with: it reads, changes, announces and refuses by this and nothing else.

Whatever is changed here is written to the change log and told to listeners in the same transaction; no function of an
operation can forget it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from time import perf_counter_ns
from typing import Any, NoReturn

import orjson
from sqlalchemy import Boolean, Table, bindparam, delete, insert, update
from sqlmodel import SQLModel

from models import EventKind, JobKind, Topic
from models import path as paths
from models.audit import NOUNS
from models.base import iso, table_of
from models.beyond import announce
from models.statement import Row, Statement
from models.store import StoreError
from models.writer import Writer
from resolvers.caller import Caller
from resolvers.errors import Candidate, RefusedError, UserError, UserErrorCode
from resolvers.operation import Operation
from resolvers.record import RECORD, Record
from resolvers.request_id import REQUEST_ID

_TOPICS = {"account": Topic.ACCOUNT, "orders": Topic.ORDER, "subscription": Topic.SUBSCRIPTION}
"""The tables whose rows listeners hear of."""

_NOT_LOGGED = {"id", "account_id", "path", "shard_id", "version", "created_at", "updated_at", "status_since"} | {
    "holder_id",
    "holder_before_id",
    "stoppable_until",
}
"""Columns that the change log tells in other ways, or not at all; nor does it tell keys, which follow from others.

Who holds an account may stand above whoever reads its change log. Until when an order can be stopped is noted by the
worker for itself; a change of nothing else is not worth a line.
"""

_SILENT = {"stoppable_until"}
"""Columns whose change alone leaves no line in the change log."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who really acts, as the change log names them."""

    name: str
    user_id: int | None
    client_id: int | None


class Act:
    """One run of an operation, within its transaction.

    Args:
        caller: for whom.
        writer: the transaction, seen through the caller's scope.
        operation: what is done.
        actor: who does it.
        target: the operation's, locked; None where it has none.
        now: the instant at which it happens.
        prepared: what was prepared before the transaction began, if anything.
    """

    def __init__(
        self,
        caller: Caller,
        writer: Writer,
        operation: Operation,
        actor: Actor,
        target: Row,
        now: datetime,
        prepared: Any = None,
    ) -> None:
        self.caller = caller
        self.writer = writer
        self.operation = operation
        self.target = target
        self.now = now
        self.prepared = prepared
        self.ids: dict[str, int] = {}
        self.warnings: list[UserError] = []
        self._actor = actor
        self._faults: list[UserError] = []
        self._announced: set[tuple[Topic, int]] = set()
        self._attempts: list[tuple[Table, Row, Mapping[str, Any]]] = []
        self._record = RECORD.get() or Record()

    async def rows(self, statement: Statement, parameters: Mapping[str, Any]) -> list[Row]:
        """What the caller sees, with what this transaction has changed."""
        started = perf_counter_ns()
        rows = await self.writer.rows(statement, parameters)
        self._record.statement(statement, started, len(rows))
        return rows

    def gives(self, **ids: int) -> None:
        """Name the objects that the answer shows, by noun; the target is shown without being named."""
        self.ids.update(ids)

    def tells(self, **facts: bool) -> None:
        """Say what the operation tells besides its object."""
        self.ids.update({name: int(fact) for name, fact in facts.items()})

    def warn(self, code: UserErrorCode, message: str, *path: str) -> None:
        """Tell something that whoever asked should know, though it is done; for operations that are declared to warn.

        The arguments are those of `refuse`.
        """
        self.warnings.append(UserError(code, message, path))

    # Refusing

    def refuse(self, code: UserErrorCode, message: str, *path: str, candidates: tuple[Candidate, ...] = ()) -> NoReturn:
        """Undo everything and tell why.

        Args:
            code: for programs.
            message: a sentence for people.
            path: names of the input's fields, from its top to where it is wrong.
            candidates: what could be meant, where that isn't clear.

        Raises:
            RefusedError: always, with the faults that were found before.
        """
        self.fault(code, message, *path, candidates=candidates)
        raise RefusedError(*self._faults)

    def fault(self, code: UserErrorCode, message: str, *path: str, candidates: tuple[Candidate, ...] = ()) -> None:
        """Note a reason to refuse and go on, so that all of them are told at once; `check` refuses."""
        self._faults.append(UserError(code, message, path, candidates))

    def check(self) -> None:
        """Refuse if any fault was found.

        Raises:
            RefusedError: with all of them.
        """
        if self._faults:
            raise RefusedError(*self._faults)

    # Changing

    async def add(self, row: SQLModel) -> None:
        """Store a new row."""
        table, values = table_of(type(row)), row.model_dump()
        await self._write(_insert(table), {f"new_{name}": value for name, value in values.items()}, table)
        row_id = values["id"] if "id" in values else values["account_id"]
        await self.record(table, row_id, {}, _plain(table, values), self._place(row))
        await self._announce(table, row_id, self._place(row), EventKind.CREATED)

    async def change(self, table: Table, row: Row, **values: Any) -> bool:
        """Give columns of a row new values; nothing happens where they have them already.

        Args:
            table: the row's.
            row: as it was read, locked, in this transaction; with its id and, if it has one, its path.
            values: by column.

        Returns:
            Whether anything was different.
        """
        before = _plain(table, {name: getattr(row, name) for name in values})
        after = _plain(table, values)
        names = tuple(sorted(name for name in values if before[name] != after[name]))
        if not names:
            return False
        await self._update(table, row, {name: values[name] for name in names})
        if not _SILENT.issuperset(names):
            await self.note(table, row, _only(names, before), _only(names, after))
        return True

    async def remove(self, table: Table, row: Row) -> None:
        """Remove a row that was read whole."""
        await self._write(_delete(table), {"row_id": row.id}, table)
        await self.note(table, row, _plain(table, row._asdict()), {})

    async def touch(self, table: Table, row: Row) -> None:
        """Count a row's version up because something that belongs to it has changed."""
        await self._update(table, row, {})

    async def note(self, table: Table, row: Row, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Write into the change log what happened to a row otherwise than in its columns.

        Args:
            table: the row's.
            row: with its id and path.
            before: names and values, as people know them.
            after: likewise; both may be empty where only the fact counts.
        """
        await self.record(table, row.id, before, after, self._place(row))

    async def record(
        self, table: Table, row_id: int, before: Mapping[str, Any], after: Mapping[str, Any], path: str = ""
    ) -> None:
        """As `note`, of a row that isn't at hand.

        Args:
            table: the row's.
            row_id: the row's.
            before: as there.
            after: as there.
            path: where the change log has it; empty: where the caller stands.

        Raises:
            StoreError: the change log has no words for such rows.
        """
        if table.name not in NOUNS:
            raise StoreError(f"the change log knows no {table.name}")
        acts = self.caller.actor
        place = path or self.caller.path
        change = announce.Change(
            path=place,
            shard_id=paths.shard_id(place),
            at=self.now,
            operation=self.operation.name,
            actor_user_id=self._actor.user_id,
            actor_client_id=self._actor.client_id,
            actor_path=acts.path if acts else self.caller.path,
            actor_name=self._actor.name,
            acting_path=self.caller.path if acts else None,
            noun=table.name,
            object_id=row_id,
            before=_logged(before),
            after=_logged(after),
            request_id=REQUEST_ID.get(),
        )
        await announce.audit(self.writer, change)

    def attempt(self, table: Table, row: Row, after: Mapping[str, Any]) -> None:
        """Have the change log say what was tried, if it comes to be refused; see `note`."""
        self._attempts.append((table, row, after))

    async def note_attempts(self) -> None:
        """Write down what was tried, after the refusal and with nothing else of it."""
        for table, row, after in self._attempts:
            await self.note(table, row, {}, after)

    async def work_out(self, table: Table, by: str, key: Any, rows: list[dict[str, Any]]) -> None:
        """Replace rows that follow from others, as an index does, and so aren't part of the change log.

        Args:
            table: theirs.
            by: the column that tells which are replaced.
            key: its value.
            rows: the new ones, all columns.
        """
        await self.writer.write(_delete_all(table, by), {"key": key})
        for row in rows:
            await self._write(_insert(table), {f"new_{name}": value for name, value in row.items()}, table)

    async def enqueue(self, kind: JobKind, subject_id: int, path: str, *, key: str, at: datetime | None = None) -> None:
        """Leave work to the worker, to be done once for the key, after the commit and not before `at`."""
        await announce.enqueue(self.writer, kind, key, subject_id, path, at or self.now)

    def _place(self, row: Any) -> str:
        """Where the change log has a row: with its account or seller; what has neither, where the caller stands."""
        return getattr(row, "path", "") or getattr(row, "seller_path", "") or self.caller.path

    async def _update(self, table: Table, row: Row, values: Mapping[str, Any]) -> None:
        parameters = {f"new_{name}": value for name, value in values.items()} | {"row_id": row.id, "now": self.now}
        await self._write(_update(table, tuple(values)), parameters, table)
        await self._announce(table, row.id, self._place(row), EventKind.CHANGED)

    async def _write(self, statement: Statement, parameters: Mapping[str, Any], table: Table) -> None:
        started = perf_counter_ns()
        rows = await self.writer.write(statement, parameters)
        self._record.statement(statement, started, len(rows))
        if len(rows) != 1:
            raise StoreError(f"{self.operation.name} may not write this row of {table.name}")

    async def _announce(self, table: Table, row_id: int, path: str, kind: EventKind) -> None:
        topic = _TOPICS.get(table.name)
        if topic is None or (topic, row_id) in self._announced:
            return
        self._announced.add((topic, row_id))
        await announce.event(self.writer, topic, kind, row_id, path, self.now)


def _only(names: tuple[str, ...], values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values[name] for name in names}


def _logged(values: Mapping[str, Any]) -> str:
    """The values as the change log has them: JSON."""
    told = {name: value for name, value in values.items() if name not in _NOT_LOGGED and not name.endswith("_key")}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()


def _plain(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of columns alike on each engine: instants as text, truth values as such."""
    return {name: _plain_value(table, name, value) for name, value in values.items()}


def _plain_value(table: Table, name: str, value: Any) -> Any:
    if value is not None and isinstance(table.c[name].type, Boolean):
        return bool(value)
    return iso(value) if isinstance(value, datetime) else value


@lru_cache(1000)
def _update(table: Table, names: tuple[str, ...]) -> Statement:
    values: dict[str, Any] = {name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    if "version" in table.c:
        values |= {"version": table.c.version + 1, "updated_at": bindparam("now", type_=table.c.updated_at.type)}
    changed = update(table).where(table.c.id == bindparam("row_id")).values(values)
    return Statement(changed.returning(table.c.id), table.name)


@lru_cache(100)
def _insert(table: Table) -> Statement:
    values = {column.name: bindparam(f"new_{column.name}", type_=column.type) for column in table.c}
    return Statement(insert(table).values(values).returning(*table.primary_key), table.name)


@lru_cache(100)
def _delete(table: Table) -> Statement:
    return Statement(delete(table).where(table.c.id == bindparam("row_id")).returning(table.c.id), table.name)


@lru_cache(100)
def _delete_all(table: Table, by: str) -> Statement:
    return Statement(delete(table).where(table.c[by] == bindparam("key")), table.name)
