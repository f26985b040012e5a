"""Ids by which an answer and what was logged about it find each other."""

import logging
import re
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.exposure.headers import SECURITY_HEADERS
from edge.telemetry.metrics import REFUSALS
from edge.telemetry.seen import TRACE_PARENT
from resolvers.request_id import REQUEST_ID
from schema.errors import DEFECT

log = logging.getLogger("canopy")

_ANSWERS = {"http": "http.response.start", "websocket": "websocket.accept"}
"""The messages in whose headers the id is told, by what they answer."""
_GOOD = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Gives every request and every socket an id, in the answer's headers, in the log, and with what they change.

    It is the client's own, if that sends a good one as `X-Request-Id`: letters, digits and `._-`, at most 64.

    Args:
        app: answers.
        continues_traces: whether the header `traceparent` is believed.
    """

    def __init__(self, app: ASGIApp, *, continues_traces: bool = False) -> None:
        self.app = app
        self._continues_traces = continues_traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in _ANSWERS:
            await self.app(scope, receive, send)
            return
        request_id = _given(scope) or uuid4().hex
        started = False

        async def numbered(message: Message) -> None:
            nonlocal started
            if message["type"] == _ANSWERS[scope["type"]]:
                started = True
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        before = REQUEST_ID.set(request_id)
        if self._continues_traces:
            TRACE_PARENT.set(_header(scope, b"traceparent"))
        try:
            await self.app(scope, receive, numbered)
        except Exception:
            log.exception("request %s failed", request_id)
            REFUSALS.labels("INTERNAL").inc()
            if scope["type"] == "websocket":
                raise
            if not started:
                error = {"message": DEFECT, "extensions": {"code": "INTERNAL", "requestId": request_id}}
                await JSONResponse({"errors": [error]}, 500, SECURITY_HEADERS)(scope, receive, numbered)
        finally:
            REQUEST_ID.reset(before)


def _given(scope: Scope) -> str:
    """The id that the client has chosen; empty if it has none, or none that can stand in a log."""
    given = _header(scope, b"x-request-id")
    return given if _GOOD.fullmatch(given) else ""


def _header(scope: Scope, wanted: bytes) -> str:
    return bytes(next((value for name, value in scope["headers"] if name == wanted), b"")).decode("latin-1")


async def leave_to_request_id(_request: Request, error: Exception) -> Response:
    """Leave a defect to `RequestId`, which knows under which id to log it."""
    raise error
