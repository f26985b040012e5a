"""Canopy's gateway: settings, routes, and what happens between. Speaks HTTP, like `gateway_auth.py`, `sockets.py`."""

import asyncio
import gc
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from html import escape
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import orjson
from prometheus_client import CONTENT_TYPE_LATEST, Counter, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway_auth import MAX_BODY, ROUTES, SECURITY_HEADERS, BodyTooLargeError, read_body
from models.demo import LOGINS, PASSWORD
from models.migrations import is_current
from models.store import Store, StoreError, open_store
from resolvers.caller import Caller
from resolvers.callers import Callers
from resolvers.changing import changing
from resolvers.clock import PlatformClock
from resolvers.context import Context
from resolvers.errors import UnauthenticatedError, UnavailableError
from resolvers.keys import open_key_ring
from resolvers.links import makers
from resolvers.live import Hub
from resolvers.mail.mail_url import InvalidMailURLError, open_transport
from resolvers.mail.message import AddressError, address
from resolvers.passwords import HashSettings, Passwords
from resolvers.run import Business
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Throttle, ThrottleSettings
from resolvers.tokens import AccessTokens
from resolvers.work.connector import Connectors, ConnectorSettingError, parsed
from resolvers.work.handler import Workplace
from resolvers.work.handlers import handlers
from resolvers.work.worker import Worker, WorkSettings
from schema import executor, schema
from schema.errors import public
from schema.execution.documents import Answer, Document
from schema.execution.plan import NotCoveredError
from schema.listening import is_live
from schema.mutation import is_mutation
from sockets import Sockets

log = logging.getLogger("canopy")
EXECUTED = Counter("canopy_operations", "Operations by executor, and why it wasn't the plan.", ["executor", "reason"])

WEB = Path(__file__).parent / "web" / "dist"
REQUEST_SECONDS = 10
_OBJECTS_OF_ANSWERS = 50_000
GRAPHQL_JSON = "application/graphql-response+json"
_OFF = frozenset({"0", "false", "no", "off"})
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
        worker: whether `serve` also does the jobs that operations leave; None: on SQLite it does.
        lease_seconds: how soon another worker takes over the jobs of one that was killed.
        mail_url: how mail leaves, as `resolvers.mail.mail_url.open_transport` takes it.
        mail_from: the address that mail comes from.
        public_url: under which browsers reach the gateway, for links in mails; where it listens unless given.
        connectors: what provisions for which manufacturer, as `resolvers.work.connector.parsed` takes it.
        simulator: whether orders may tell the built-in simulator to be slow or to fail; in a demonstration they may.
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
    worker: bool | None = None
    lease_seconds: float = 30.0
    mail_url: str = field(default="file:var/mail", repr=False)
    mail_from: str = "canopy@localhost"
    public_url: str = ""
    connectors: str = ""
    simulator: bool = False

    @property
    def address(self) -> str:
        """The gateway's own, as links begin."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

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
        lease = given.get("lease_seconds", "30")
        if not lease.replace(".", "", 1).isdecimal() or not 1 <= float(lease) <= 3600:
            raise click.UsageError(f"CANOPY_LEASE_SECONDS is {lease!r}; it takes a number of seconds from 1 to 3600.")
        level = given.get("log_level", "INFO").upper()
        if level not in logging.getLevelNamesMapping():
            raise click.UsageError(f"CANOPY_LOG_LEVEL is {level!r}; it takes DEBUG, INFO, WARNING or ERROR.")
        mail_url, mail_from = given.get("mail_url", cls().mail_url), given.get("mail_from", cls().mail_from)
        try:
            open_transport(mail_url)
            address(mail_from)
        except InvalidMailURLError as error:
            raise click.UsageError(str(error)) from error
        except AddressError as error:
            raise click.UsageError(f"CANOPY_MAIL_FROM is {mail_from!r}; it takes an address.") from error
        return cls(
            database_url=given.get("database_url", cls().database_url),
            host=given.get("host", "127.0.0.1"),
            port=int(port),
            key_file=Path(given.get("key_file", "var/canopy.key")),
            log_level=level,
            demo=given.get("demo", "").lower() in {"1", "true", "yes"},
            trusted_proxies=given.get("trusted_proxies", ""),
            caller_seconds=float(seconds),
            plans=given.get("plans", "on").lower() not in _OFF,
            worker=given["worker"].lower() not in _OFF if "worker" in given else None,
            lease_seconds=float(lease),
            mail_url=mail_url,
            mail_from=mail_from,
            public_url=_public_url(given.get("public_url", "")),
            connectors=_connectors(given.get("connectors", "")),
            simulator=given.get("simulator", "").lower() in {"1", "true", "yes"},
        )


def _connectors(given: str) -> str:
    try:
        parsed(given)
    except ConnectorSettingError as error:
        raise click.UsageError(f"CANOPY_CONNECTORS: {error}") from error
    return given


def _public_url(given: str) -> str:
    if given and not given.startswith(("https://", "http://")):
        raise click.UsageError(f"CANOPY_PUBLIC_URL is {given!r}; it takes https://host, with a path if there is one.")
    return given


class Service:
    """What every request works with: the store and the keys, opened once for a process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store: Store = open_store(settings.database_url)
        keys = open_key_ring(settings.key_file)
        self.clock = PlatformClock(self.store)
        self.worker: Worker | None = None
        self.cursor_key = keys.cursor_key()
        tokens = AccessTokens(keys)
        self.callers = Callers(self.store, tokens, settings.caller_seconds)
        self.hub = Hub(self.store, Callers(self.store, tokens, 0), self.cursor_key)
        self.sign_in = SignInSettings(
            tokens,
            Passwords(HashSettings()),
            Throttle(ThrottleSettings(), keys.source_key()),
            platform_clock=self.clock.now,
        )
        self.business = Business(self.store, self.clock.now, sign_in=self.sign_in, input_key=keys.input_key())


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


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
        asked = _operation(await read_body(request))
        document = executor.document(asked.query)
        if is_mutation(document, asked.name):
            caller = await service.callers.behind(_bearer(request), is_fresh=True)
    except UnauthenticatedError as error:
        return _refusal(request, 401, error.code, str(error), **{"www-authenticate": "Bearer"})
    except BodyTooLargeError:
        return _refusal(request, 413, "BODY_TOO_LARGE", f"The body is larger than {MAX_BODY} bytes.")
    except ValueError as error:
        return _refusal(request, 400, "BAD_REQUEST", str(error))
    except StoreError as error:
        log.error("no caller: %s", error)
        return _refusal(request, 503, UnavailableError.code, "The database does not answer. Try again in a moment.")
    if document.errors:
        return _answered(request, Answer(None, document.errors, is_request_error=True), "none")
    if is_live(document, asked.name):
        return _refusal(request, 406, "NOT_ACCEPTABLE", "Listen over a WebSocket: graphql-transport-ws, same address.")
    try:
        async with asyncio.timeout(REQUEST_SECONDS), _context(service, caller, document, asked) as context:
            answer, by = await _execute(service, document, asked, context)
    except TimeoutError:
        return _refusal(request, 503, UnavailableError.code, _too_long(document, asked))
    return _answered(request, answer, by)


@asynccontextmanager
async def _context(service: Service, caller: Caller, document: Document, asked: Asked) -> AsyncIterator[Context]:
    """What an operation is answered from: one snapshot, or one after each change."""
    if is_mutation(document, asked.name):
        async with changing(service.business, caller, service.cursor_key) as context:
            yield context
        service.hub.poke()
        if service.worker:
            service.worker.wake()  # for the jobs that were left
    else:
        async with service.store.reader(caller.scope()) as reader:
            yield Context(caller, reader, service.cursor_key)


async def _answer_over_socket(service: Service, caller: Caller, document: Document, payload: dict[str, Any]) -> Answer:
    asked = Asked(payload["query"], payload.get("variables"), payload.get("operationName") or None)
    try:
        async with asyncio.timeout(REQUEST_SECONDS), _context(service, caller, document, asked) as context:
            answer, _ = await _execute(service, document, asked, context)
    except TimeoutError:
        raise UnavailableError(_too_long(document, asked)) from None
    return answer


def _too_long(document: Document, asked: Asked) -> str:
    if is_mutation(document, asked.name):
        return "It took too long. Send it again with the same idempotency keys: what was done is not done twice."
    return "The answer took too long. Ask for less."


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


# Pages and health


async def graphiql(request: Request) -> Response:
    """The bundled GraphiQL."""
    meta = ""
    if _service(request).settings.demo:
        meta = (
            f'<meta name="canopy-demo" content="{escape(",".join(LOGINS))}">'
            f'<meta name="canopy-demo-password" content="{escape(PASSWORD)}">'
        )
    return _page("graphiql.html", meta)


async def link(_request: Request) -> Response:
    """The page that links in mails open; what stands behind their `#` is its script's to send."""
    return _page("link.html")


def _page(name: str, meta: str = "") -> Response:
    page = WEB / name
    if not page.exists():
        return PlainTextResponse(
            "This page is not built. Install Node.js 20.19 or newer, then run `make web`. /graphql works without it.\n",
            503,
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


def open_worker(store: Store, settings: Settings) -> Worker:
    """A worker for all kinds of jobs."""
    connectors = Connectors(store, settings.connectors, is_told=settings.simulator or settings.demo)
    place = Workplace(
        store, open_transport(settings.mail_url), settings.mail_from, makers(settings.address), connectors
    )
    return Worker(store, handlers(place), WorkSettings(lease=timedelta(seconds=settings.lease_seconds)))


@asynccontextmanager
async def _working(service: Service) -> AsyncIterator[None]:
    """Does the jobs beside the requests, where that is wanted; when the block ends, running jobs come to their end."""
    wanted = service.settings.worker
    if not (service.store.engine == "sqlite" if wanted is None else wanted):
        yield
        return
    service.worker = open_worker(service.store, service.settings)
    work = asyncio.create_task(service.worker.run())
    try:
        yield
    finally:
        service.worker.stop()
        await work


def create_app(settings: Settings) -> ASGIApp:
    """The ASGI application."""
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        _collect_rarely()
        await service.clock.look()
        following = asyncio.create_task(service.clock.follow())
        async with _working(service):
            yield
        following.cancel()
        await asyncio.wait({following})
        await service.store.close()

    routes: list[Any] = [
        Route("/graphql", graphql, methods=["POST"]),
        WebSocketRoute("/graphql", Sockets(service, partial(_answer_over_socket, service)).serve),
        *ROUTES,
        Route("/graphiql", graphiql),
        Route("/link", link),
        Route("/health/live", live),
        Route("/health/ready", ready),
        Route("/metrics", metrics),
    ]
    if (WEB / "graphiql/assets").is_dir():
        routes.append(Mount("/graphiql/assets", StaticFiles(directory=WEB / "graphiql/assets")))
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={Exception: _raise})
    app.state.service = service
    return RequestId(app)


def main() -> None:
    """The `canopy` command."""
    from commands import canopy  # the command line imports this module

    canopy()
