"""Whether the process answers, and whether work should be sent to it."""

import asyncio
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.service import Service, service_of
from models.migrations import is_current
from models.store import StoreError

log = logging.getLogger("canopy")

_SECONDS_TO_ANSWER = 3.0
"""After which the database counts as away."""
_HEADERS = {"cache-control": "no-store"}


class Ending:
    """Whether the process will soon stop to listen."""

    is_near = False


_ending = Ending()


async def live(_request: Request) -> Response:
    """Whether the process answers."""
    return JSONResponse({"status": "live"}, headers=_HEADERS)


async def ready(request: Request) -> Response:
    """Whether it can do its work; if not, the names of what it lacks: no versions, no addresses."""
    failed = ["ending"] if _ending.is_near else await _lacking(service_of(request))
    if failed:
        log.warning("not ready: %s", ", ".join(failed))
        return JSONResponse({"status": "not ready", "failed": failed}, 503, _HEADERS)
    return JSONResponse({"status": "ready"}, headers=_HEADERS)


async def _lacking(service: Service) -> list[str]:
    failed = [] if os.access(service.settings.key_file, os.R_OK) else ["keys"]
    try:
        async with asyncio.timeout(_SECONDS_TO_ANSWER), service.store.unfiltered("readiness") as db:
            if not await is_current(db):
                failed.append("version")
    except (StoreError, OSError) as error:
        log.warning("the database does not answer: %s", error)
        failed.append("database")
    return failed


@contextmanager
def draining(seconds: float) -> Iterator[None]:
    """While the block lasts, a SIGTERM first makes the process say that it isn't ready, and ends it after some seconds.

    Another one ends it at once.
    """
    before = signal.getsignal(signal.SIGTERM)
    if not seconds or not callable(before):
        yield
        return
    loop = asyncio.get_running_loop()

    def end(number: int, frame: FrameType | None) -> None:
        if _ending.is_near:
            before(number, frame)
            return
        _ending.is_near = True
        loop.call_soon_threadsafe(loop.call_later, seconds, before, number, frame)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        _ending.is_near = False
        signal.signal(signal.SIGTERM, before)
