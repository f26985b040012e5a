"""What is turned away before it gets to anything that answers, and how its headers are looked at."""

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from edge.exposure.masking import refused
from resolvers.errors import CanopyError


def header(scope: Scope, name: bytes) -> str:
    """The value of a header, without blanks around it; empty if there is none."""
    return next((value for each, value in scope["headers"] if each == name), b"").decode("latin-1").strip()


async def turn_away(error: CanopyError, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    """Tell who sent a request why it isn't looked at; a WebSocket is refused at its handshake, with 403."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": ""})
        return
    await JSONResponse(refused(error).body, status)(scope, receive, send)
