"""Ids by which an answer and what was logged about it find each other; a request ends where it gets its id."""

import logging
import re
from collections.abc import Callable, Mapping
from time import perf_counter_ns
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.exposure.headers import SECURITY_HEADERS
from edge.telemetry.metrics import REFUSALS
from edge.telemetry.requested import REQUESTED, Requested
from edge.telemetry.seen import TRACE_PARENT
from resolvers.request_id import REQUEST_ID
from schema.errors import DEFECT

log = logging.getLogger("canopy")

_ANSWERS = {"http": "http.response.start", "websocket": "websocket.accept"}
"""The messages in whose headers the id is told, by what they answer."""
_SWITCHED = 101
_GOOD = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestId:
    """Gives every request and every socket an id, in the answer's headers, in the log, and with what they change.

    It is the client's own, if that sends a good one as `X-Request-Id`: letters, digits and `._-`, at most 64.

    Args:
        app: answers.
        is_over: called when a request of HTTP is over.
        continues_traces: whether the header `traceparent` is believed.
        headers: of what it answers itself, where nobody else could.
    """

    def __init__(
        self,
        app: ASGIApp,
        is_over: Callable[[Requested], None],
        *,
        continues_traces: bool = False,
        headers: Mapping[str, str] = SECURITY_HEADERS,
    ) -> None:
        self.app = app
        self._is_over = is_over
        self._continues_traces = continues_traces
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] not in _ANSWERS:
            await self.app(scope, receive, send)
            return
        request_id = _given(scope) or uuid4().hex
        parent = _header(scope, b"traceparent") if self._continues_traces else ""
        requested = Requested(scope.get("method", ""), request_id, parent)

        async def numbered(message: Message) -> None:
            if message["type"] == _ANSWERS[scope["type"]]:
                requested.status = message.get("status", _SWITCHED)
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
            await send(message)

        before = REQUEST_ID.set(request_id)
        TRACE_PARENT.set(parent)
        REQUESTED.set(requested if scope["type"] == "http" else None)
        try:
            await self.app(scope, receive, numbered)
        except Exception:
            log.exception("request %s failed", request_id)
            REFUSALS.labels("INTERNAL").inc()
            if scope["type"] == "websocket":
                raise
            if not requested.status:
                error = {"message": DEFECT, "extensions": {"code": "INTERNAL", "requestId": request_id}}
                await JSONResponse({"errors": [error]}, 500, self._headers)(scope, receive, numbered)
        finally:
            if scope["type"] == "http":
                self._end(requested, scope)
            REQUEST_ID.reset(before)

    def _end(self, requested: Requested, scope: Scope) -> None:
        requested.ended = perf_counter_ns()
        requested.route = getattr(scope.get("route"), "path", "")
        self._is_over(requested)


def _given(scope: Scope) -> str:
    """The id that the client has chosen; empty if it has none, or none that can stand in a log."""
    given = _header(scope, b"x-request-id")
    return given if _GOOD.fullmatch(given) else ""


def _header(scope: Scope, wanted: bytes) -> str:
    return bytes(next((value for name, value in scope["headers"] if name == wanted), b"")).decode("latin-1")


async def leave_to_request_id(_request: Request, error: Exception) -> Response:
    """Leave a defect to `RequestId`, which knows under which id to log it."""
    raise error
