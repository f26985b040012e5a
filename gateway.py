"""Canopy's gateway: the application, from its routes to its end. What they lead to is in `edge`."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from edge import auth, keys, pages, sso
from edge.exposure.headers import SecurityHeaders, headers
from edge.exposure.hosts import TrustedHosts, names_of
from edge.exposure.secrets import keep_secrets_out_of_logs
from edge.exposure.sites import Cors, Csrf, origins_of, own_origin
from edge.limits.connections import STATE
from edge.pages import WEB
from edge.protocols.http import GraphQL
from edge.protocols.sockets import Sockets
from edge.protocols.unrouted import unrouted
from edge.rest.api import API
from edge.service import Service, working
from edge.settings import Settings
from edge.telemetry import health
from edge.telemetry.logs import configure
from edge.telemetry.looking import noting
from edge.telemetry.request_id import RequestId, leave_to_request_id
from edge.telemetry.scrape import scrape

_OBJECTS_OF_ANSWERS = 50_000


def create_app(settings: Settings) -> ASGIApp:
    """The ASGI application."""
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, Any]]:
        _collect_rarely()
        await service.clock.look()
        following = asyncio.create_task(service.clock.follow())
        async with service.documents.counting.going_on(), service.telemetry.going_on(), working(service):
            with health.draining(settings.telemetry.drain_seconds):
                async with noting(service):
                    yield {STATE: service.connections}
        following.cancel()
        await asyncio.wait({following})
        await service.budget.buckets.close()
        await service.documents.automatic.close()
        await service.store.close()

    routes: list[Any] = [
        Route("/graphql", GraphQL(), methods=["GET", "OPTIONS", "POST"]),
        Route("/graphql/{document_id}", GraphQL(), methods=["GET", "OPTIONS", "POST"]),
        Route("/graphql/{document_id}/{operation}", GraphQL(), methods=["GET", "OPTIONS", "POST"]),
        WebSocketRoute("/graphql", Sockets(service).serve),
        Route("/api", API()),
        Route("/api/{path:path}", API()),
        *auth.ROUTES,
        *sso.ROUTES,
        *keys.ROUTES,
        Route("/graphiql", pages.graphiql),
        Route("/link", pages.link),
        Route("/forgotten", pages.forgotten),
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
        Route("/metrics", scrape),
    ]
    if (WEB / "graphiql/assets").is_dir():
        routes.append(Mount("/graphiql/assets", StaticFiles(directory=WEB / "graphiql/assets")))
    handlers = {Exception: leave_to_request_id, HTTPException: unrouted}
    app = Starlette(routes=routes, middleware=_walls(settings), lifespan=lifespan, exception_handlers=handlers)
    app.router.redirect_slashes = False  # to an address that the request names, perhaps without TLS, token and all
    app.state.service = service
    return RequestId(
        app,
        service.telemetry.requested,
        continues_traces=settings.telemetry.trace_parents,
        headers=headers(is_https=_is_https(settings)),
    )


def application() -> ASGIApp:
    """The application of a process that is one of several, with the settings of its environment."""
    settings = Settings.from_environment()
    configure(settings.log_level, settings.telemetry.log_format)
    keep_secrets_out_of_logs()
    return create_app(settings)


def _walls(settings: Settings) -> list[Middleware]:
    """What a request passes before it is answered, outermost first."""
    listed = origins_of(settings)
    return [
        Middleware(SecurityHeaders, is_https=_is_https(settings)),
        Middleware(TrustedHosts, names_of(settings)),
        Middleware(Cors, listed),
        Middleware(Csrf, listed | own_origin(settings)),
    ]


def _is_https(settings: Settings) -> bool:
    return settings.address.startswith("https:")


def _collect_rarely() -> None:
    """Let the garbage collector leave alone what stays, and wait until an answer of usual size has been made.

    An answer is thousands of objects without a cycle among them; by default the collector looks through all of them,
    and through all that was ever imported, several times while they are made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_OF_ANSWERS, 10, 10)
