"""What the platform does by itself, within the transaction in which a worker holds its job."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from models import path as paths
from models.beyond.queue import queue
from models.scope import Scope
from models.store import Store
from resolvers import clock
from resolvers.act import Act, Actor
from resolvers.caller import Caller
from resolvers.inputs import Input
from resolvers.operation import Operation
from resolvers.privileges import Privilege
from resolvers.work.claims import Claim, end, hold

_NOBODY = Actor("", None, None)
_PLATFORM = Caller("", frozenset({Privilege.FINANCES_VIEW, Privilege.PRICES_VIEW}))


class ByItself(Input):
    """Nobody asks for it."""


async def _by_itself(act: Act, _given: ByItself) -> None:
    """What the worker does is not asked for by anybody."""


def by_itself(name: str, gives: str) -> Operation:
    """What the change log calls something that the platform does by itself."""
    return Operation(name, _by_itself, ByItself, Privilege.SUBSCRIPTIONS_MANAGE, gives=gives)


@asynccontextmanager
async def holding(store: Store, job: Claim, operation: Operation) -> AsyncIterator[Act]:
    """A transaction over the whole platform, for the object may have been moved since the job was written.

    Raises:
        LostClaimError: another worker has the job.
    """
    async with store.writer(Scope(job.path[: paths.WIDTH], finances=True)) as writer:
        async with queue(writer) as db:
            await hold(db, job)
            now = await clock.now(db)
        yield Act(_PLATFORM, writer, operation, _NOBODY, None, now)


def anew(act: Act) -> Act:
    """The same transaction, with nothing refused or announced in it yet: for what follows a part that was undone."""
    return Act(act.caller, act.writer, act.operation, _NOBODY, None, act.now)


async def finish(act: Act, job: Claim, *, failed: str | None = None) -> None:
    """Record that the job is done, or why it was given up, together with what this transaction changes."""
    async with queue(act.writer) as db:
        await end(db, job, failed=failed)
