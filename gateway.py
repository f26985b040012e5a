"""Canopy's gateway: settings, routes, and what happens between. The only file that speaks HTTP."""

import asyncio
import gc
import logging
import os
from base64 import b64decode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote_plus
from uuid import uuid4

import click
import orjson
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.demo import LOGINS, PASSWORD
from models.migrations import is_current
from models.store import Store, StoreError, open_store
from resolvers import sign_in
from resolvers.callers import Callers
from resolvers.context import Context
from resolvers.errors import UnauthenticatedError, UnavailableError
from resolvers.keys import open_key_ring
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.passwords import HashSettings, Passwords
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Throttle, ThrottleSettings
from resolvers.tokens import AccessTokens
from schema import executor, schema
from schema.errors import public
from schema.execution.documents import Answer, Document
from schema.execution.plan import NotCoveredError

log = logging.getLogger("canopy")
EXECUTED = Counter("canopy_operations", "Operations by executor, and why it wasn't the plan.", ["executor", "reason"])

WEB = Path(__file__).parent / "web" / "dist"
MAX_BODY = 256 * 1024
REQUEST_SECONDS = 10
_OBJECTS_OF_ANSWERS = 50_000
GRAPHQL_JSON = "application/graphql-response+json"
SECURITY_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cache-control": "no-store"}
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'; font-src 'self' data:;"
    " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the environment decides; `docs/settings.md` lists it.

    Args:
        database_url: `sqlite:///path` or `postgresql://user:password@host:port/database`.
        host: where to listen.
        port: where to listen.
        key_file: holds the secret behind tokens and cursors; made on first use.
        log_level: of Python's levels.
        demo: whether GraphiQL offers the demo logins.
        plans: whether operations are answered by compiled plans; graphql-core does it all if not.
        caller_seconds: how long a caller's user, roles and account are remembered between operations.
        trusted_proxies: addresses of proxies whose `X-Forwarded-For` is believed, separated by commas.
    """

    database_url: str = "sqlite:///var/canopy.db"
    host: str = "127.0.0.1"
    port: int = 8000
    key_file: Path = field(default=Path("var/canopy.key"))
    log_level: str = "INFO"
    demo: bool = False
    trusted_proxies: str = ""
    plans: bool = True
    caller_seconds: float = 1.0

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read `CANOPY_*`.

        Raises:
            click.UsageError: a value makes no sense.
        """
        given = {
            name: environment[f"CANOPY_{name.upper()}"]
            for name in cls.__slots__
            if environment.get(f"CANOPY_{name.upper()}")
        }
        port = given.get("port", "8000")
        if not port.isdecimal() or int(port) > 65535:
            raise click.UsageError(f"CANOPY_PORT is {port!r}; it takes a number up to 65535.")
        seconds = given.get("caller_seconds", "1.0")
        if not seconds.replace(".", "", 1).isdecimal():
            raise click.UsageError(f"CANOPY_CALLER_SECONDS is {seconds!r}; it takes a number of seconds, such as 0.5.")
        level = given.get("log_level", "INFO").upper()
        if level not in logging.getLevelNamesMapping():
            raise click.UsageError(f"CANOPY_LOG_LEVEL is {level!r}; it takes DEBUG, INFO, WARNING or ERROR.")
        return cls(
            database_url=given.get("database_url", cls().database_url),
            host=given.get("host", "127.0.0.1"),
            port=int(port),
            key_file=Path(given.get("key_file", "var/canopy.key")),
            log_level=level,
            demo=given.get("demo", "").lower() in {"1", "true", "yes"},
            trusted_proxies=given.get("trusted_proxies", ""),
            caller_seconds=float(seconds),
            plans=given.get("plans", "on").lower() not in {"0", "false", "no", "off"},
        )


class Service:
    """What every request works with: the store and the keys, opened once for a process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store: Store = open_store(settings.database_url)
        keys = open_key_ring(settings.key_file)
        self.cursor_key = keys.cursor_key()
        tokens = AccessTokens(keys)
        self.callers = Callers(self.store, tokens, settings.caller_seconds)
        self.sign_in = SignInSettings(
            tokens, Passwords(HashSettings()), Throttle(ThrottleSettings(), keys.source_key())
        )


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


class BodyTooLargeError(Exception):
    """The request's body is larger than `MAX_BODY`."""


async def _body(request: Request) -> bytes:
    """The body, refused as soon as it is known to be too large."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:12]) > MAX_BODY:
        raise BodyTooLargeError
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > MAX_BODY:
            raise BodyTooLargeError
    return bytes(chunks)


# GraphQL


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation as it was asked for."""

    query: str
    variables: dict[str, Any] | None
    name: str | None


def _answer(request: Request, body: Mapping[str, Any], status: int = 200, **headers: str) -> Response:
    """A GraphQL answer, under the media type that the client prefers; before that type errors had status 200."""
    accepts_type = GRAPHQL_JSON in request.headers.get("accept", "")
    media_type = GRAPHQL_JSON if accepts_type or status >= 400 else "application/json"
    return Response(
        orjson.dumps(body), status, headers={**SECURITY_HEADERS, **headers}, media_type=f"{media_type}; charset=utf-8"
    )


def _refusal(request: Request, status: int, code: str, message: str, **headers: str) -> Response:
    return _answer(request, {"errors": [{"message": message, "extensions": {"code": code}}]}, status, **headers)


async def graphql(request: Request) -> Response:
    """Answer one GraphQL operation of a signed-in caller.

    Source: GraphQL over HTTP, the POST form with a JSON body.
    """
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/json":
        return _refusal(
            request, 415, "UNSUPPORTED_MEDIA_TYPE", "Send the operation as JSON: Content-Type: application/json."
        )
    service = _service(request)
    try:
        caller = await service.callers.behind(_bearer(request))
        asked = _operation(await _body(request))
    except UnauthenticatedError as error:
        return _refusal(request, 401, error.code, str(error), **{"www-authenticate": "Bearer"})
    except BodyTooLargeError:
        return _refusal(request, 413, "BODY_TOO_LARGE", f"The body is larger than {MAX_BODY} bytes.")
    except ValueError as error:
        return _refusal(request, 400, "BAD_REQUEST", str(error))
    except StoreError as error:
        log.error("no caller: %s", error)
        return _refusal(request, 503, UnavailableError.code, "The database does not answer. Try again in a moment.")
    document = executor.document(asked.query)
    if document.errors:
        return _answered(request, Answer(None, document.errors, is_request_error=True), "none")
    try:
        async with asyncio.timeout(REQUEST_SECONDS), service.store.reader(caller.scope()) as reader:
            context = Context(caller, reader, service.cursor_key)
            answer, by = await _execute(service, document, asked, context)
    except TimeoutError:
        return _refusal(request, 503, UnavailableError.code, "The answer took too long. Ask for less.")
    return _answered(request, answer, by)


async def _execute(service: Service, document: Document, asked: Asked, context: Context) -> tuple[Answer, str]:
    """The answer of an operation, and who gave it: its plan, or graphql-core and why."""
    reason = "plans are off"
    if service.settings.plans:
        try:
            answer = await executor.execute(document, asked.name, asked.variables, context)
        except NotCoveredError as not_covered:
            reason = str(not_covered)
        else:
            EXECUTED.labels("plan", "").inc()
            return answer, "plan"
    EXECUTED.labels("graphql-core", reason).inc()
    result = await schema.execute(asked.query, asked.variables, context, operation_name=asked.name)
    errors = result.errors or []
    is_request_error = bool(errors) and result.data is None and not any(error.path for error in errors)
    return Answer(result.data, errors, is_request_error), f"graphql-core; {reason}"


def _answered(request: Request, answer: Answer, by: str) -> Response:
    body: dict[str, Any] = {}
    if answer.errors:
        body["errors"] = [public(error).formatted for error in answer.errors]
    if not answer.is_request_error:
        body["data"] = answer.data
    modern = GRAPHQL_JSON in request.headers.get("accept", "")
    return _answer(request, body, 400 if answer.is_request_error and modern else 200, **{"x-executor": by})


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError(
            "Sign in first: POST /auth/token gives an access token; send it as `Authorization: Bearer <token>`."
        )
    return token.strip()


def _operation(body: bytes) -> Asked:
    """What a body asks for.

    Raises:
        ValueError: the body is no JSON object with a query; the message says what is wrong.
    """
    try:
        asked = orjson.loads(body)
    except ValueError as error:
        raise ValueError(f"The body is not JSON: {error}") from error
    if not isinstance(asked, dict) or not isinstance(asked.get("query"), str):
        raise ValueError('The body takes a JSON object with a "query".')  # a value of the request
    variables, name = asked.get("variables"), asked.get("operationName")
    if variables is not None and not isinstance(variables, dict):
        raise ValueError('"variables" takes a JSON object.')
    if name is not None and not isinstance(name, str):
        raise ValueError('"operationName" takes a string.')
    return Asked(asked["query"], variables, name or None)


# Sign-in


def _granted(grant: Grant) -> dict[str, Any]:
    answer = {"access_token": grant.access_token, "token_type": "Bearer", "expires_in": grant.expires_in}
    return answer | ({"refresh_token": grant.refresh_token} if grant.refresh_token else {})


def _not_granted(error: SignInError) -> Response:
    """RFC 6749 §5.2, and 429 for those who have to wait."""
    status = {Refusal.INVALID_CLIENT: 401, Refusal.SLOW_DOWN: 429}.get(error.error, 400)
    headers = dict(SECURITY_HEADERS)
    if error.retry_after is not None:
        headers["retry-after"] = str(error.retry_after)
    if status == 401:
        headers["www-authenticate"] = "Basic"
    return JSONResponse({"error": str(error.error), "error_description": error.description}, status, headers)


async def _form(request: Request) -> dict[str, str]:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        raise SignInError(Refusal.INVALID_REQUEST, "Send form fields: Content-Type: application/x-www-form-urlencoded.")
    try:
        fields = parse_qsl((await _body(request)).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise SignInError(Refusal.INVALID_REQUEST, "The body is no form.") from error
    if len(dict(fields)) < len(fields):
        raise SignInError(Refusal.INVALID_REQUEST, "Give each field once.")
    return dict(fields)


def _client_credentials(request: Request, form: Mapping[str, str]) -> list[str]:
    """Client id and secret, from HTTP Basic or from the form (RFC 6749 §2.3.1)."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return _needed(form, "client_id", "client_secret")
    try:
        client_id, colon, secret = b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        colon = ""
    if not colon:
        raise SignInError(Refusal.INVALID_REQUEST, "HTTP Basic takes client id and secret: base64 of `id:secret`.")
    return [unquote_plus(client_id), unquote_plus(secret)]


def _needed(form: Mapping[str, str], *names: str) -> list[str]:
    missing = [name for name in names if not form.get(name)]
    if missing:
        raise SignInError(Refusal.INVALID_REQUEST, f"Missing: {', '.join(missing)}.")
    return [form[name] for name in names]


async def token(request: Request) -> Response:
    """Give an access token for a password, a refresh token or a client secret (RFC 6749 §3.2)."""
    service = _service(request)
    address = request.client.host if request.client else "unknown"
    try:
        form = await _form(request)
        grant_type = form.get("grant_type")
        if grant_type == "password":
            login, password = _needed(form, "username", "password")
            grant = await sign_in.sign_in_with_password(service.store, service.sign_in, login, password, address)
        elif grant_type == "refresh_token":
            (refresh_token,) = _needed(form, "refresh_token")
            grant = await sign_in.refresh(service.store, service.sign_in, refresh_token)
        elif grant_type == "client_credentials":
            client_id, secret = _client_credentials(request, form)
            grant = await sign_in.sign_in_with_client_secret(service.store, service.sign_in, client_id, secret, address)
        else:
            known = "password, refresh_token and client_credentials"
            raise SignInError(Refusal.UNSUPPORTED_GRANT_TYPE, f"`grant_type` takes {known}.")
    except SignInError as error:
        return _not_granted(error)
    except BodyTooLargeError:
        return _not_granted(SignInError(Refusal.INVALID_REQUEST, f"The body is larger than {MAX_BODY} bytes."))
    except (UnavailableError, StoreError) as error:
        log.warning("sign-in is not possible: %s", error)
        return JSONResponse(
            {"error": "temporarily_unavailable", "error_description": "Sign-in is not possible now. Try again soon."},
            503,
            {**SECURITY_HEADERS, "retry-after": "5"},
        )
    return JSONResponse(_granted(grant), headers=SECURITY_HEADERS)


async def revoke(request: Request) -> Response:
    """Sign out: take back a refresh token and its successors (RFC 7009)."""
    service = _service(request)
    try:
        (refresh_token,) = _needed(await _form(request), "token")
        await sign_in.revoke(service.store, service.sign_in, refresh_token)
    except SignInError as error:
        return _not_granted(error)
    except BodyTooLargeError:
        return _not_granted(SignInError(Refusal.INVALID_REQUEST, f"The body is larger than {MAX_BODY} bytes."))
    return Response(status_code=200, headers=SECURITY_HEADERS)


# Pages and health


async def graphiql(request: Request) -> Response:
    """The bundled GraphiQL."""
    page = WEB / "graphiql.html"
    if not page.exists():
        return PlainTextResponse(
            "GraphiQL is not built. Install Node.js 20.19 or newer, then run `make web`. /graphql works without it.\n",
            503,
        )
    meta = ""
    if _service(request).settings.demo:
        meta = (
            f'<meta name="canopy-demo" content="{escape(",".join(LOGINS))}">'
            f'<meta name="canopy-demo-password" content="{escape(PASSWORD)}">'
        )
    html = page.read_text().replace("<!-- canopy:meta -->", meta)
    return HTMLResponse(html, headers={**SECURITY_HEADERS, "content-security-policy": PAGE_POLICY})


async def live(_request: Request) -> Response:
    """Whether the process answers."""
    return PlainTextResponse("ok\n")


async def metrics(_request: Request) -> Response:
    """What the process has counted, for Prometheus."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


async def ready(request: Request) -> Response:
    """Whether the database answers and is of this version."""
    try:
        async with _service(request).store.unfiltered("readiness") as db:
            current = await is_current(db)
    except (StoreError, OSError) as error:
        log.warning("not ready: %s", error)
        return PlainTextResponse("the database does not answer\n", 503)
    return PlainTextResponse("ready\n") if current else PlainTextResponse("run `canopy migrate`\n", 503)


async def _raise(_request: Request, error: Exception) -> Response:
    """Leave a defect to `RequestId`, which knows under which id to log it."""
    raise error


class RequestId:
    """Gives every request an id, in the answer's headers and in the log of what went wrong."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid4().hex
        started = False

        async def numbered(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"].append((b"x-request-id", request_id.encode()))
            await send(message)

        try:
            await self.app(scope, receive, numbered)
        except Exception:
            log.exception("request %s failed", request_id)
            if not started:
                message = "Something went wrong on our side. Tell support the error id."
                error = {"message": message, "extensions": {"code": "INTERNAL", "errorId": request_id}}
                await JSONResponse({"errors": [error]}, 500, SECURITY_HEADERS)(scope, receive, numbered)


def _collect_rarely() -> None:
    """Let the garbage collector leave alone what stays, and wait until an answer of usual size has been made.

    An answer is thousands of objects without a cycle among them; by default the collector looks through all of them,
    and through all that was ever imported, several times while they are made.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS_OF_ANSWERS, 10, 10)


def create_app(settings: Settings) -> ASGIApp:
    """The ASGI application."""
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        _collect_rarely()
        yield
        await service.store.close()

    routes: list[Any] = [
        Route("/graphql", graphql, methods=["POST"]),
        Route("/auth/token", token, methods=["POST"]),
        Route("/auth/revoke", revoke, methods=["POST"]),
        Route("/graphiql", graphiql),
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
    ]
    if (WEB / "assets").is_dir():
        routes.append(Mount("/graphiql/assets", StaticFiles(directory=WEB / "assets")))
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={Exception: _raise})
    app.state.service = service
    return RequestId(app)


def main() -> None:
    """The `canopy` command."""
    from commands import canopy  # the command line imports this module

    canopy()
