"""Trying operations without doing them: whatever an attempt changes is undone, and what came of it is told."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from models.scope import Scope
from models.statement import Row, Statement
from models.store import Reader, Store, Unfiltered
from models.writer import Writer
from resolvers.caller import Caller
from resolvers.errors import CanopyError
from resolvers.keys import KeyRing
from resolvers.operation import OPERATIONS
from resolvers.order_changes import TRIAL, TriedError
from resolvers.outcome import Outcome, read
from resolvers.passwords import Passwords
from resolvers.perform import Item, perform
from resolvers.run import Business
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Throttle, ThrottleSettings
from resolvers.tokens import AccessTokens
from tests.changes import new_key
from tests.inputs.trial import Trial
from tests.people import CHEAP

TRIALS: list[Trial] = [
    trial
    for path in sorted((Path(__file__).parent / "inputs").glob("*.py"))
    for trial in getattr(import_module(f"tests.inputs.{path.stem}"), "TRIALS", [])
]
"""All lines of all nouns."""


TRIED = OPERATIONS | dict.fromkeys(("orderEstimate", "orderValidate"), TRIAL)
"""What is tried: all that changes something, and what says beforehand what that would come to."""


class _UndoneError(Exception):
    """Ends every transaction."""


@dataclass
class _UndoingStore:
    """Writers that begin with some statements beyond the scope and end by undoing everything.

    Args:
        before: with their parameters.
        sent: gets the statements that are sent, but for those.
        told: gets the outcomes that are stored.
    """

    store: Store
    before: Sequence[tuple[Statement, dict[str, Any]]]
    sent: list[Statement] = field(default_factory=list)
    told: list[Outcome] = field(default_factory=list)

    @asynccontextmanager
    async def writer(self, scope: Scope) -> AsyncIterator[Writer]:
        async with self.store.writer(scope) as writer:
            if self.before:
                async with writer.beyond("a test") as db:
                    for statement, parameters in self.before:
                        await db.write(statement, parameters)
            run = writer._run

            async def spying(by: Any, statement: Statement, parameters: Any, **named: Any) -> list[Row]:
                self.sent.append(statement)
                if "outcome" in (parameters or {}):
                    self.told += read(parameters["outcome"])
                return await run(by, statement, parameters, **named)

            writer._run = spying  # type: ignore[method-assign]  # whatever it does goes through there
            yield writer
            raise _UndoneError

    def reader(self, scope: Scope) -> AbstractAsyncContextManager[Reader]:
        return self.store.reader(scope)

    def unfiltered(self, reason: str, *, write: bool = False) -> AbstractAsyncContextManager[Unfiltered]:
        """What is prepared before the transaction stays: only counts of failures, under a key of this attempt's."""
        return self.store.unfiltered(reason, write=write)


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of an attempt.

    Args:
        codes: of the refusal, or of the error; empty if it would have been done.
        outcome: None where there is none.
        sent: the statements that it took.
    """

    codes: frozenset[str]
    outcome: Outcome | None
    sent: list[Statement]


@cache
def _tokens() -> AccessTokens:
    return AccessTokens(KeyRing([b"k" * 32]))


def _sign_in() -> SignInSettings:
    """With which nothing that failed before is known."""
    throttle = Throttle(ThrottleSettings(), secrets.token_bytes(32))
    return SignInSettings(_tokens(), Passwords(CHEAP), throttle)


async def attempt(
    store: Store, caller: Caller, trial: Trial, values: dict[str, Any], before: Sequence[tuple[Statement, Any]] = ()
) -> Tried:
    """Try the operation with the values; nothing of it stays."""
    undoing: Any = _UndoingStore(store, before)
    item = Item(values, trial.expected_version)
    try:
        business = Business(undoing, sign_in=_sign_in())
        outcome = await perform(business, caller, TRIED[trial.operation], item, new_key())
    except TriedError as tried:
        outcome = Outcome(errors=tried.estimate.errors)
    except CanopyError as error:
        return Tried(frozenset({error.code}), None, undoing.sent)
    except _UndoneError:
        (outcome,) = undoing.told
    return Tried(frozenset(str(error.code) for error in outcome.errors), outcome, undoing.sent)
