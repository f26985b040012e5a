"""Whether the gateway can do its work."""

import logging

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from edge.service import service_of
from models.migrations import is_current
from models.store import StoreError

log = logging.getLogger("canopy")


async def live(_request: Request) -> Response:
    """Whether the process answers."""
    return PlainTextResponse("ok\n")


async def ready(request: Request) -> Response:
    """Whether the database answers and is of this version."""
    try:
        async with service_of(request).store.unfiltered("readiness") as db:
            current = await is_current(db)
    except (StoreError, OSError) as error:
        log.warning("not ready: %s", error)
        return PlainTextResponse("the database does not answer\n", 503)
    return PlainTextResponse("ready\n") if current else PlainTextResponse("run `canopy migrate`\n", 503)
