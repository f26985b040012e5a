"""What an operation leaves behind besides its rows: its answer, the change log, events and jobs."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Table, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from models.audit import Audit
from models.base import table_of
from models.idempotency import Idempotency
from models.job import Job, JobKind
from models.outbox import Event, EventKind, Topic
from models.scope import Scope
from models.statement import Row, Statement
from models.store import StoreError
from models.transaction import ThisTransaction
from models.writer import TryAgainError, Writer


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two requests the same.

    Args:
        account_id: the account whose eyes are used; that of the writer's scope.
        subject: who acts: `user:7`, `client:7`.
        operation: as in GraphQL.
        key: as the client chose it.
    """

    account_id: int
    subject: str
    operation: str
    key: str


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the change log; see `models.audit.Audit`."""

    path: str
    shard_id: int
    at: datetime
    operation: str
    actor_user_id: int | None
    actor_client_id: int | None
    actor_path: str
    actor_name: str
    acting_path: str | None
    noun: str
    object_id: int
    before: str
    after: str
    request_id: str | None


def _values(table: Table, *left_out: str) -> dict[str, BindParameter[Any]]:
    return {column.name: bindparam(column.name) for column in table.c if column.name not in left_out}


_IDEMPOTENCY, _AUDIT, _EVENT, _JOB = (table_of(model) for model in (Idempotency, Audit, Event, Job))
_OF_KEY = [column == bindparam(f"of_{column.name}") for column in _IDEMPOTENCY.primary_key]

# SQLite's dialect compiles PostgreSQL's ON CONFLICT DO NOTHING to the same words.
_claim = Statement(
    insert(_IDEMPOTENCY).values(_values(_IDEMPOTENCY, "outcome")).on_conflict_do_nothing().returning(_IDEMPOTENCY.c.key)
)
_stored = Statement(select(_IDEMPOTENCY.c.input_hash, _IDEMPOTENCY.c.outcome).where(*_OF_KEY), is_lookup=True)
_finish = Statement(update(_IDEMPOTENCY).where(*_OF_KEY).values(outcome=bindparam("outcome")))
_log = Statement(insert(_AUDIT).values(_values(_AUDIT, "id")))
_announce = Statement(
    insert(_EVENT).values(_values(_EVENT, "id", "transaction_id") | {"transaction_id": ThisTransaction()})
)
_enqueue = Statement(
    insert(_JOB)
    .values(_values(_JOB, "id", "attempts", "claimed_by", "claimed_until", "last_error", "done_at") | {"attempts": 0})
    .on_conflict_do_nothing()
)


async def begin(writer: Writer, key: Key, input_hash: str, at: datetime) -> Row | None:
    """Claim a key before anything else is done: whoever uses it at the same time waits for this transaction's end.

    Returns:
        `(input_hash, outcome)` of the operation that was done under the key before; None if there was none.

    Raises:
        TryAgainError: the other took too long, or what it stored was just forgotten.
        StoreError: the key is another account's.
    """
    if key.account_id != writer.scope.account_id:
        raise StoreError("a key belongs to the account whose eyes are used")
    async with writer.beyond("claiming an idempotency key") as db:
        if await db.write(_claim, asdict(key) | {"input_hash": input_hash, "created_at": at}):
            return None
        found = await db.rows(_stored, _of(key))
    if not found:
        raise TryAgainError("what was stored under the key is gone")
    return found[0]


async def finish(writer: Writer, key: Key, outcome: str) -> None:
    """Store what came of the operation that claimed the key, as JSON."""
    async with writer.beyond("storing an outcome") as db:
        await db.write(_finish, _of(key) | {"outcome": outcome})


async def audit(writer: Writer, change: Change) -> None:
    """Write one object's change into the change log.

    Raises:
        StoreError: the object is out of scope.
    """
    _require(writer.scope, change.path)
    async with writer.beyond("writing the change log") as db:
        await db.write(_log, asdict(change))


async def event(
    writer: Writer,
    topic: Topic,
    kind: EventKind,
    object_id: int,
    path: str,
    at: datetime,
    *,
    former_path: str | None = None,
) -> None:
    """Announce what happened to an object, for listeners to hear of once it is committed.

    Raises:
        StoreError: the object is out of scope, and was before, too.
    """
    _require(writer.scope, path, former_path)
    values = {"topic": topic, "kind": kind, "object_id": object_id, "path": path, "former_path": former_path, "at": at}
    async with writer.beyond("announcing an event") as db:
        await db.write(_announce, values)


async def enqueue(writer: Writer, kind: JobKind, key: str, subject_id: int, path: str, run_at: datetime) -> None:
    """Leave work to the worker; nothing happens if a job of that kind and key is or was there.

    Raises:
        StoreError: its object is out of scope.
    """
    _require(writer.scope, path)
    values = {"kind": kind, "key": key, "subject_id": subject_id, "path": path, "run_at": run_at}
    async with writer.beyond("leaving work to the worker") as db:
        await db.write(_enqueue, values)


def _of(key: Key) -> dict[str, Any]:
    return {f"of_{name}": value for name, value in asdict(key).items()}


def _require(scope: Scope, *paths: str | None) -> None:
    """Refuse a place none of whose paths is in scope."""
    if not any(path is not None and scope.holds(path) for path in paths):
        raise StoreError(f"{paths} is out of scope")
