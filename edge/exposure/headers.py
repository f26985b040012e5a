"""Headers that tell browsers what not to do, on every answer."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'; font-src 'self' data:;"
    " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
"""What a page of ours may load."""
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
"""What is said unless something else is: nothing of an answer may be loaded from, shown within, or kept."""

_ASSETS = "/graphiql/assets/"
_OF_ASSETS = {  # a worker goes by the policy of its own script; names hold hashes of what is in them
    "content-security-policy": PAGE_POLICY,
    "cache-control": "public, max-age=31536000, immutable",
}
_TWO_YEARS = "max-age=63072000"
_STARTS = frozenset({"http.response.start", "websocket.http.response.start"})


def headers(*, is_https: bool) -> dict[str, str]:
    """What is said with every answer.

    Args:
        is_https: whether browsers reach the gateway over TLS alone, and are told to remember that.
    """
    return SECURITY_HEADERS | ({"strict-transport-security": _TWO_YEARS} if is_https else {})


class SecurityHeaders:
    """Sends them with each answer that doesn't say something else.

    Args:
        app: what answers.
        is_https: see `headers`.
    """

    def __init__(self, app: ASGIApp, *, is_https: bool) -> None:
        self.app = app
        always = headers(is_https=is_https)
        self._headers = _encoded(always)
        self._of_assets = _encoded(always | _OF_ASSETS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        is_asset = scope["path"].startswith(_ASSETS)

        async def with_headers(message: Message) -> None:
            if message["type"] in _STARTS:
                given = message.setdefault("headers", [])
                said = {name.lower() for name, _ in given}
                further = self._of_assets if is_asset and message["status"] < 400 else self._headers
                message["headers"] = [*given, *(each for each in further if each[0] not in said)]
            await send(message)

        await self.app(scope, receive, with_headers)


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]
