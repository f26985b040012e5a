"""What isn't counted as it happens, and is looked at instead: when Prometheus asks, and now and then.

Of several processes one is asked, and tells what all have noted; so each notes its own state every few seconds.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product

from edge.service import Service
from edge.telemetry import metrics
from edge.telemetry.folder import folder
from models import JobKind
from models.store import StoreError
from resolvers.work.backlog import backlog
from schema import executor

log = logging.getLogger("canopy.metrics")

_STATES = ("running", "due", "again", "later")
_SECONDS_BETWEEN = 5.0
_SECONDS_TO_COUNT = 3.0


@asynccontextmanager
async def noting(service: Service) -> AsyncIterator[None]:
    """Note the process's own state now and then while the block lasts, if others tell of it."""
    task = asyncio.create_task(_now_and_then(service), name="noting") if folder() else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.wait({task})


async def _now_and_then(service: Service) -> None:
    while True:
        note_own(service)
        await asyncio.sleep(_SECONDS_BETWEEN)


def note_own(service: Service) -> None:
    """Note the state of this process."""
    metrics.OUTBOX_LAG.set(service.hub.lag)
    for pool, states in service.store.state().items():
        for state, count in states.items():
            metrics.POOL.labels(pool, state).set(count)
    metrics.DOCUMENTS.labels("kept").set(executor.count)
    metrics.DOCUMENTS.labels("registered").set(service.documents.registry.count)
    metrics.BUDGET_BACKEND.set(service.budget.buckets.is_up)
    metrics.LOOP_LAG.set(service.telemetry.lag.worst())


async def note_jobs(service: Service) -> None:
    """Note how many jobs wait, of each kind there is, also where it is none."""
    try:
        async with asyncio.timeout(_SECONDS_TO_COUNT):
            waiting = await backlog(service.store, service.clock.now())
    except (StoreError, OSError) as error:
        log.warning("jobs can't be counted: %s", error)
        return
    for kind, state in {*product(JobKind, _STATES), *waiting}:
        metrics.JOBS.labels(kind, state).set(waiting.get((kind, state), 0))
