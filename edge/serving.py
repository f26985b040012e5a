"""Serving: how the server is set up, in one process or in several."""

import os
from typing import Any

import click
import uvicorn
from starlette.types import ASGIApp

from edge.limits.connections import BoundedSocketProtocol
from edge.limits.exchange import MeasuredProtocol
from edge.settings import Settings
from edge.telemetry.folder import counting_together
from models.store import engine_of

_APPLICATION = "gateway:application"
_SECONDS_KEPT = 15
"""For so long a connection is kept open between requests."""
_SECONDS_TO_ANSWER = 60
"""For so long a process of several may say nothing, before it is replaced: on a busy machine it takes long to begin."""


def serve(settings: Settings, app: ASGIApp) -> None:
    """Serve an application until the process is told to end."""
    uvicorn.run(app, **options(settings))


def serve_by_many(settings: Settings, processes: int) -> None:
    """Serve in several processes that share a port; one that dies is replaced.

    Args:
        settings: of each, read by it from the environment once more.
        processes: how many.

    Raises:
        click.UsageError: the database takes one only.
    """
    if engine_of(settings.database_url) == "sqlite":
        raise click.UsageError("--workers takes PostgreSQL: SQLite is written by one process.")
    if not settings.sharing.redis_url:
        click.echo(f"Without CANOPY_REDIS_URL each of the {processes} processes gives its share of the budgets.")
    os.environ["CANOPY_PROCESSES"] = str(processes)
    if settings.demo:
        os.environ["CANOPY_DEMO"] = "on"
    with counting_together():
        uvicorn.run(
            _APPLICATION,
            factory=True,
            workers=processes,
            timeout_worker_healthcheck=_SECONDS_TO_ANSWER,
            **options(settings),
        )


def options(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told."""
    return {
        "host": settings.host,
        "port": settings.port,
        "http": MeasuredProtocol,
        "ws": BoundedSocketProtocol,
        # What it would say beyond that are the frames of sockets, with whatever stands in them.
        "log_level": "info" if settings.log_level == "DEBUG" else settings.log_level.lower(),
        "access_log": False,
        "log_config": None,  # what is logged goes where all goes
        "server_header": False,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": settings.trusted_proxies,
        # A larger one isn't even kept; `socket_messages.py` closes earlier.
        "ws_max_size": 2 * settings.protocols.max_message,
        "ws_max_queue": 8,
        "timeout_keep_alive": _SECONDS_KEPT,
        "timeout_graceful_shutdown": 10,
    }
