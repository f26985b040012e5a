"""`/metrics`: what Prometheus reads, with what is only worth looking at when it does."""

import asyncio
import hmac
from ipaddress import ip_address

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.service import service_of
from edge.telemetry.folder import folder
from edge.telemetry.looking import note_jobs, note_own
from edge.telemetry.together import registry_of_all

_PROXIED = ("x-forwarded-for", "forwarded", "x-real-ip")


async def scrape(request: Request) -> Response:
    """Tell what was counted, to whom it may be told."""
    service = service_of(request)
    token = service.settings.telemetry.metrics_token
    if token and not _has_token(request, token):
        return _refusal(401, "UNAUTHENTICATED", "Send CANOPY_METRICS_TOKEN as `Authorization: Bearer`.")
    if not token and not _is_local(request):
        return _refusal(403, "FORBIDDEN", "Set CANOPY_METRICS_TOKEN to read this from another machine.")
    note_own(service)
    await note_jobs(service)
    # Many operations of many clients are megabytes, for which nobody else shall wait.
    return Response(await asyncio.to_thread(_written), media_type=CONTENT_TYPE_LATEST)


def _written() -> bytes:
    shared = folder()
    return generate_latest(registry_of_all(shared) if shared else REGISTRY)


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
