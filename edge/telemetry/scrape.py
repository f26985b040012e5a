"""`/metrics`: what Prometheus reads, with what is only worth looking at when it does."""

import asyncio
import hmac
import logging
import os
from ipaddress import ip_address

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.service import Service, service_of
from edge.telemetry import metrics
from models.store import StoreError
from resolvers.work.backlog import backlog
from schema import executor

log = logging.getLogger("canopy.metrics")

_SECONDS_TO_COUNT = 3.0
_jobs: dict[tuple[str, str], int] = {}
"""As last looked at; where none wait any more there is a 0."""
_PROXIED = ("x-forwarded-for", "forwarded", "x-real-ip")


async def scrape(request: Request) -> Response:
    """Tell what was counted, to whom it may be told."""
    service = service_of(request)
    token = service.settings.telemetry.metrics_token
    if token and not _has_token(request, token):
        return _refusal(401, "UNAUTHENTICATED", "Send CANOPY_METRICS_TOKEN as `Authorization: Bearer`.")
    if not token and not _is_local(request):
        return _refusal(403, "FORBIDDEN", "Set CANOPY_METRICS_TOKEN to read this from another machine.")
    await look(service)
    return Response(generate_latest(_registry()), media_type=CONTENT_TYPE_LATEST)


async def look(service: Service) -> None:
    """Note what isn't counted as it happens."""
    metrics.OUTBOX_LAG.set(service.hub.lag)
    try:
        async with asyncio.timeout(_SECONDS_TO_COUNT):
            waiting = await backlog(service.store, service.clock.now())
    except (StoreError, OSError) as error:
        log.warning("jobs can't be counted: %s", error)
    else:
        _jobs.update(dict.fromkeys(_jobs, 0))
        _jobs.update(waiting)
        for (kind, state), count in _jobs.items():
            metrics.JOBS.labels(kind, state).set(count)
    for pool, states in service.store.state().items():
        for state, count in states.items():
            metrics.POOL.labels(pool, state).set(count)
    metrics.DOCUMENTS.labels("kept").set(executor.count)
    metrics.DOCUMENTS.labels("registered").set(service.documents.registry.count)
    metrics.BUDGET_BACKEND.set(service.budget.buckets.is_up)
    metrics.LOOP_LAG.set(service.telemetry.lag.worst())


def _registry() -> CollectorRegistry:
    """The counts of this process, or of all that share a folder for them."""
    if metrics.COUNTS_FOLDER not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # so prometheus-client has it
    return registry


def _has_token(request: Request, token: str) -> bool:
    given = request.headers.get("authorization", "").encode()
    return hmac.compare_digest(given, f"Bearer {token}".encode())


def _is_local(request: Request) -> bool:
    """Whether it comes from this machine, and for nobody else: a proxy here speaks for others."""
    if request.client is None or any(name in request.headers for name in _PROXIED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _refusal(status: int, code: str, message: str) -> Response:
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse({"errors": [{"message": message, "extensions": {"code": code}}]}, status, headers)
