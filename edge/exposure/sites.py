"""What pages of other sites may have browsers send (CSRF), and what they may read of the answers (CORS).

Nothing that a browser adds by itself lets anybody in, the one cookie (`edge/sso.py`) neither; tokens are sent by who
holds them. So this is a second wall: what a page could send without the browser asking us first is not even looked at.
"""

from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.exposure.turning_away import header, turn_away
from edge.settings import Settings
from resolvers.errors import CanopyError

_PATHS = ("/graphql", "/api", "/auth")
_FORMS = "/auth/"
"""Takes forms, as OAuth has them, and so goes by the origin alone."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PREFLIGHT = (b"graphql-require-preflight", b"apollo-require-preflight", b"x-apollo-operation-name")
_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_TAKEN = (
    "authorization, content-type, if-none-match, idempotency-key, x-request-id, traceparent, graphql-client-name,"
    " apollographql-client-name, apollographql-client-version, x-client-name, graphql-require-preflight,"
    " apollo-require-preflight, x-apollo-operation-name"
)
_SHOWN = (
    "etag, link, retry-after, ratelimit, ratelimit-policy, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset,"
    " x-request-id"
)
_SECONDS_TO_REMEMBER = "600"


class CsrfError(CanopyError):
    """Another site may have had a browser send it."""

    code = "CSRF_REFUSED"


_STRANGE = "Pages of this origin may not use the gateway. Its operator can add the origin to CANOPY_ORIGINS."
_SIMPLE = (
    "Any page could have had a browser send this. Send it as application/json, or with a header"
    " `graphql-require-preflight: 1`."
)


def origins_of(settings: Settings) -> frozenset[str]:
    """The origins that are listed, in lower case."""
    return frozenset(map(str.lower, settings.exposure.origins))


def own_origin(settings: Settings) -> frozenset[str]:
    """The origin of the public address, where there is one."""
    public = urlsplit(settings.public_url)
    return frozenset({f"{public.scheme}://{public.netloc}".lower()} if public.netloc else ())


def _is_meant(scope: Scope) -> bool:
    return scope["type"] != "lifespan" and f"{scope['path']}/".startswith(tuple(f"{path}/" for path in _PATHS))


class Csrf:
    """Turns away what a page of another site may have had a browser send.

    Args:
        app: what answers.
        origins: of pages that may; pages of ours may anyway.
    """

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        self.app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        why_not = self._why_not(scope) if _is_meant(scope) else ""
        if why_not:
            await turn_away(CsrfError(why_not), 403, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _why_not(self, scope: Scope) -> str:
        origin = header(scope, b"origin").lower()
        host = header(scope, b"host").lower()
        is_known = origin in self._origins or origin in (f"http://{host}", f"https://{host}")
        is_strange = not is_known if origin else header(scope, b"sec-fetch-site") == "cross-site"
        if is_strange:
            return _STRANGE
        is_read = scope["type"] == "websocket" or scope["method"] in _SAFE or scope["path"].startswith(_FORMS)
        return "" if is_read or _is_asked_about(scope) else _SIMPLE


def _is_asked_about(scope: Scope) -> bool:
    """Whether a browser asks us before it sends such a request for another site's page."""
    media_type = header(scope, b"content-type").split(";")[0].strip().lower()
    is_bearer = header(scope, b"authorization").lower().startswith("bearer ")
    return media_type == "application/json" or is_bearer or any(header(scope, name) for name in _PREFLIGHT)


class Cors:
    """Lets pages of listed origins read answers, and send what browsers ask about first. No cookies, no patterns.

    Args:
        app: what answers.
        origins: those listed, in lower case.
    """

    def __init__(self, app: ASGIApp, origins: frozenset[str]) -> None:
        self.app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not self._origins or not _is_meant(scope):
            await self.app(scope, receive, send)
            return
        origin = header(scope, b"origin")
        headers = {"vary": "Origin"}
        if origin.lower() in self._origins:
            headers |= {"access-control-allow-origin": origin, "access-control-expose-headers": _SHOWN}
            if scope["method"] == "OPTIONS" and header(scope, b"access-control-request-method"):
                await _may_send(headers)(scope, receive, send)
                return

        async def shared(message: Message) -> None:
            if message["type"] == "http.response.start":
                further = ((name.encode(), value.encode()) for name, value in headers.items())
                message["headers"] = [*message.get("headers", ()), *further]
            await send(message)

        await self.app(scope, receive, shared)


def _may_send(headers: dict[str, str]) -> Response:
    """The answer to a browser that asks."""
    allowed = {
        "access-control-allow-methods": _METHODS,
        "access-control-allow-headers": _TAKEN,
        "access-control-max-age": _SECONDS_TO_REMEMBER,
    }
    return Response(None, 204, headers | allowed)
