"""Canopy's gateway: the application, from its routes to its end. What they lead to is in `edge`."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from edge import auth, pages
from edge.pages import WEB
from edge.protocols.http import GraphQL
from edge.protocols.sockets import Sockets
from edge.protocols.unrouted import unrouted
from edge.service import Service, working
from edge.settings import Settings
from edge.telemetry import health
from edge.telemetry.metrics import metrics
from edge.telemetry.request_id import RequestId, leave_to_request_id

_OBJECTS_OF_ANSWERS = 50_000


def create_app(settings: Settings) -> ASGIApp:
    """The ASGI application."""
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        _collect_rarely()
        await service.clock.look()
        following = asyncio.create_task(service.clock.follow())
        async with service.documents.counting.going_on(), working(service):
            yield
        following.cancel()
        await asyncio.wait({following})
        await service.store.close()

    routes: list[Any] = [
        Route("/graphql", GraphQL(), methods=["GET", "OPTIONS", "POST"]),
        Route("/graphql/{document_id}", GraphQL(), methods=["GET", "OPTIONS", "POST"]),
        Route("/graphql/{document_id}/{operation}", GraphQL(), methods=["GET", "OPTIONS", "POST"]),
        WebSocketRoute("/graphql", Sockets(service).serve),
        *auth.ROUTES,
        Route("/graphiql", pages.graphiql),
        Route("/link", pages.link),
        Route("/forgotten", pages.forgotten),
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
        Route("/metrics", metrics),
    ]
    if (WEB / "graphiql/assets").is_dir():
        routes.append(Mount("/graphiql/assets", StaticFiles(directory=WEB / "graphiql/assets")))
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={Exception: leave_to_request_id, HTTPException: unrouted})
    app.state.service = service
    return RequestId(app)


def _collect_rarely() -> None:
    """Let the garbage collector leave alone what stays, and wait until an answer of usual size has been made.

    An answer is thousands of objects without a cycle among them; by default the collector looks through all of them,
    and through all that was ever imported, several times while they are made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_OF_ANSWERS, 10, 10)
