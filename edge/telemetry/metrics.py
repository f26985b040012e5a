"""What the process counts, for Prometheus."""

from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from starlette.requests import Request
from starlette.responses import Response

EXECUTED = Counter("canopy_operations", "Operations by executor, and why it wasn't the plan.", ["executor", "reason"])


async def metrics(_request: Request) -> Response:
    """Tell what was counted."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
