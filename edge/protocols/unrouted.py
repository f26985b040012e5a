"""What is told where there is nothing, or nothing for such a method."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.exposure.headers import SECURITY_HEADERS

_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}


async def unrouted(_request: Request, error: Exception) -> Response:
    """An answer of the router's own, as JSON."""
    status, allowed = getattr(error, "status_code", 404), getattr(error, "headers", None) or {}
    told = {"message": f"{getattr(error, 'detail', '')}.", "extensions": {"code": _CODES.get(status, "BAD_REQUEST")}}
    headers = {name: ", ".join(sorted(value.split(", "))) for name, value in allowed.items()}
    return JSONResponse({"errors": [told]}, status, {**SECURITY_HEADERS, **headers})
