"""One operation in one transaction: what was answered before, who acts, the target, the function, the outcome.

The order of the steps is what makes a hidden target look like an absent one: nothing depends on the target before it
has been looked up through the caller's scope, and what follows then is the same for both.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import bindparam, case, select

from models import ApiClient, User, UserStatus
from models.base import now, table_of
from models.beyond import announce, people
from models.statement import Row, Statement
from models.store import Store, StoreTimeoutError
from models.writer import TakenError, TryAgainError, Writer
from resolvers.act import Act, Actor
from resolvers.caller import Caller
from resolvers.errors import RefusedError, UnauthenticatedError, UnavailableError, UserError, UserErrorCode
from resolvers.input_hash import InputHash
from resolvers.inputs import Input
from resolvers.keys import Keys
from resolvers.operation import Operation, Target
from resolvers.outcome import Outcome, read, written
from resolvers.sign_in import SignInSettings

T = TypeVar("T")

_WAITS = (0.020, 0.080, 0.320)
"""Seconds before an operation that lost to another is run again."""

_USERS, _CLIENTS = table_of(User).c, table_of(ApiClient).c
_USER = Statement(
    select(
        (_USERS.first_name + " " + _USERS.last_name).label("name"),
        case((_USERS.status == UserStatus.ACTIVE, 1), else_=0).label("is_active"),
    ).where(_USERS.id == bindparam("row_id")),
    is_lookup=True,
)
_CLIENT = Statement(
    select(_CLIENTS.name, case((_CLIENTS.is_active, 1), else_=0).label("is_active")).where(
        _CLIENTS.id == bindparam("row_id")
    ),
    is_lookup=True,
)

_REUSED = UserError(
    UserErrorCode.IDEMPOTENCY_KEY_REUSED,
    "The key was used before, with another input. Use a new key for each change.",
    ("idempotency_key",),
)


@dataclass(frozen=True, slots=True)
class Business:
    """What operations work with.

    Args:
        store: where everything is.
        clock: the instant at which things happen.
        sleep: waits so many seconds.
        sign_in: with which passwords are hashed and failures counted, for the operations about them.
        input_key: under which inputs are hashed, for some hold secrets that a bare hash would let be guessed.
    """

    store: Store
    clock: Callable[[], datetime] = now
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    sign_in: SignInSettings | None = None
    input_key: Keys = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Run:
    """An operation by a caller."""

    business: Business
    caller: Caller
    operation: Operation

    async def alone(
        self,
        given: Input,
        expected_version: int | None,
        key: announce.Key,
        input_hash: InputHash,
        prepared: Any = None,
    ) -> Outcome:
        """Do it in a transaction of its own, unless it was done before.

        Raises:
            RefusedError: the key was used with another input.
        """

        async def attempt(writer: Writer) -> Outcome:
            stored = await self.begin(writer, key, input_hash)
            if stored is not None:
                return stored[0]
            outcome = await self.once(writer, await self.actor(writer), given, expected_version, prepared)
            await announce.finish(writer, key, written(outcome))
            return outcome

        return await self.again(attempt)

    async def again(self, attempt: Callable[[Writer], Awaitable[T]]) -> T:
        """What an attempt gives in a transaction of its own, made anew a few times if it loses to another.

        Raises:
            UnavailableError: it always lost, or took too long.
        """
        waits = iter(_WAITS)
        while True:
            try:
                async with self.business.store.writer(self.caller.scope()) as writer:
                    return await attempt(writer)
            except StoreTimeoutError as error:
                raise UnavailableError("The change took too long; nothing was done. Try again in a moment.") from error
            except TryAgainError as error:
                seconds = next(waits, None)
                if seconds is None:
                    raise UnavailableError("Too much is going on; nothing was done. Try again in a moment.") from error
            await self.business.sleep(seconds * random.uniform(0.5, 1.5))  # noqa: S311  # a delay is no secret

    def key(self, name: str, text: str) -> announce.Key:
        """Under which the outcome is stored: the caller's own text, for this operation of its."""
        return announce.Key(self.caller.account_id, self.caller.subject, name, text)

    async def begin(self, writer: Writer, key: announce.Key, input_hash: InputHash) -> tuple[Outcome, ...] | None:
        """What was stored under the key; None if this is the first time.

        Whoever uses the key at the same time waits here until it is known what comes of this.

        Raises:
            RefusedError: the key was used with another input.
        """
        stored = await announce.begin(writer, key, str(input_hash), self.business.clock())
        if stored is None:
            return None
        if not input_hash.is_stored_as(stored.input_hash):
            raise RefusedError(_REUSED)
        return read(stored.outcome)

    async def actor(self, writer: Writer) -> Actor:
        """Who acts, as things stand in this transaction.

        Raises:
            UnauthenticatedError: deactivated or gone since the caller was last looked up.
        """
        caller = self.caller
        if caller.actor is not None:
            # Whoever acts as another is out of the other's sight.
            if not await people.is_active(writer, caller.actor.user_id):
                raise UnauthenticatedError("Whom the access token stands for is not active any more.")
            return Actor(caller.actor.name, caller.actor.user_id, None)
        statement, row_id = (_CLIENT, caller.client_id) if caller.user_id is None else (_USER, caller.user_id)
        rows = await writer.rows(statement, {"row_id": row_id})
        if not rows or not rows[0].is_active:
            raise UnauthenticatedError("Whom the access token stands for is not active any more.")
        return Actor(rows[0].name, caller.user_id, caller.client_id)

    async def once(
        self,
        writer: Writer,
        actor: Actor,
        given: Input,
        expected_version: int | None,
        prepared: Any = None,
        refused: list[Act] | None = None,
    ) -> Outcome:
        """What becomes of one input. A refusal leaves nothing behind but what it notes of the attempt.

        Args:
            writer: the transaction.
            actor: who acts.
            given: the input.
            expected_version: of the target, as the client knows it.
            prepared: what was prepared before the transaction.
            refused: gets what was refused, for whoever undoes more than this: it may have its attempt noted again.
        """
        ids: dict[str, int] = {}
        act: Act | None = None
        try:
            async with writer.savepoint():
                row = None
                if self.operation.target is not None:
                    row = await self._target(writer, self.operation.target, given)
                    ids[self.operation.target.by] = row.id
                    _check_target(self.operation.target, self.caller, row, expected_version)
                act = Act(self.caller, writer, self.operation, actor, row, self.business.clock(), prepared)
                await self.operation.function(act, given)
                act.check()
        except RefusedError as refusal:
            if act is not None:
                await act.note_attempts()
                if refused is not None:
                    refused.append(act)
            return Outcome(ids, refusal.errors)
        except TakenError as error:
            if error.constraint not in self.operation.taken:
                raise
            path = (self.operation.taken[error.constraint],)
            message = f"Another {self.operation.gives.replace('_', ' ')} has it already. Give another."
            return Outcome(ids, (UserError(UserErrorCode.TAKEN, message, path),))
        return Outcome(ids | act.ids, warnings=tuple(act.warnings))

    async def _target(self, writer: Writer, target: Target, given: Input) -> Row:
        row_id = getattr(given, target.by)
        rows = await writer.rows(target.statement, {"row_id": self.caller.account_id if row_id is None else row_id})
        # What was bought of a former vendor is still seen, but not changed any more.
        if not rows or (target.is_changed and not writer.scope.holds(getattr(rows[0], "path", self.caller.path))):
            message = f"There is no such {target.by.replace('_', ' ')}."
            raise RefusedError(UserError(UserErrorCode.NOT_FOUND, message, (target.by,)))
        return rows[0]


def _check_target(target: Target, caller: Caller, row: Row, expected_version: int | None) -> None:
    """Refuse what can be refused without knowing what is to be done.

    Raises:
        RefusedError: it is the caller's own account, or was changed by someone else.
    """
    if target.below and row.id == caller.account_id:
        message = "It is the caller's own account; this is done to accounts below."
        raise RefusedError(UserError(UserErrorCode.OWN_ACCOUNT, message, (target.by,)))
    if target.is_changed and row.version != expected_version:
        message = f"It has changed meanwhile: its version is {row.version}."
        raise RefusedError(UserError(UserErrorCode.CONFLICT, message, ("expected_version",)))
