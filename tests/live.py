"""Listening to a gateway over real sockets: a server on the test's own database, and clients of the protocol."""

import asyncio
import socket as plain
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
import uvicorn
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from edge.limits.connections import BoundedSocketProtocol
from edge.limits.exchange import MeasuredProtocol
from edge.protocols.sockets import Sockets, SocketSettings
from edge.service import Service
from edge.settings import Settings
from models import SubjectType
from resolvers.keys import open_key_ring
from resolvers.live import LiveSettings
from resolvers.tokens import AccessTokens, Subject
from tests.gateways import create_app
from tests.sharing import WIDE

PROTOCOL = Subprotocol("graphql-transport-ws")
SECONDS = 10.0
"""After which a test fails that waits for what doesn't come."""
SOON = 0.5
"""Longer than anything takes that is told at all: after that nothing comes."""


@dataclass(frozen=True, slots=True)
class Served:
    """A running gateway."""

    url: str
    service: Service
    tokens: AccessTokens

    def token(self, user_id: int, account_id: int) -> str:
        """An access token of a user."""
        return self.tokens.sign(Subject(SubjectType.USER, user_id), account_id)


@asynccontextmanager
async def serving(
    database_url: str,
    directory: Path,
    sockets: SocketSettings | None = None,
    live: LiveSettings | None = None,
    **settings: Any,
) -> AsyncIterator[Served]:
    """A gateway that listens on a port of its own, in this process."""
    key_file = directory / "canopy.key"
    made: Any = create_app(
        Settings(database_url=database_url, key_file=key_file, worker=False, **{"sharing": WIDE} | settings)
    )
    service: Service = made.app.state.service
    service.hub.settings = live or LiveSettings(poll_seconds=0.02)
    if sockets is not None:
        endpoint = Sockets(service, sockets)
        made.app.router.routes.insert(0, WebSocketRoute("/graphql", endpoint.serve))
    config = uvicorn.Config(
        made, port=0, http=MeasuredProtocol, ws=BoundedSocketProtocol, log_level="warning", ws_ping_interval=None
    )
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    try:
        while not server.started:
            await asyncio.sleep(0.01)
            assert not running.done(), running
        # So that a client that takes nothing is noticed soon; connections inherit it.
        server.servers[0].sockets[0].setsockopt(plain.SOL_SOCKET, plain.SO_SNDBUF, 16_384)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"127.0.0.1:{port}", service, AccessTokens(open_key_ring(key_file)))
    finally:
        server.should_exit = True
        await running


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come to be."""
    for _ in range(int(SECONDS * 100)):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come to be")


class Client:
    """One socket, as a client of the protocol has it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.event_id = ""
        """Up to which all had happened before it was let in."""
        self.early: list[dict[str, Any]] = []
        """What came while something else was waited for."""

    async def send(self, **message: Any) -> None:
        await self.socket.send(orjson.dumps(message).decode())

    async def next(self) -> dict[str, Any]:
        """The next message, which must come."""
        if self.early:
            return self.early.pop(0)
        async with asyncio.timeout(SECONDS):
            return dict(orjson.loads(await self.socket.recv()))

    async def nothing(self) -> None:
        """Nothing comes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SOON):
                raise AssertionError(f"heard {await self.socket.recv()!r}")

    async def closed(self) -> tuple[int, str]:
        """The code and reason with which the server closes, whatever it says before."""
        async with asyncio.timeout(SECONDS):
            with suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        return self.socket.close_code or 0, self.socket.close_reason or ""

    async def begin(self, token: str) -> None:
        """Be let in."""
        await self.send(type="connection_init", payload={"authorization": f"Bearer {token}"})
        told = await self.next()
        assert told["type"] == "connection_ack"
        self.event_id = told["payload"]["eventId"]

    async def subscribe(self, query: str, operation_id: str = "1", **payload: Any) -> None:
        """Start an operation; when this returns, the server has begun to listen."""
        await self.send(type="subscribe", id=operation_id, payload={"query": query} | payload)
        await self.send(type="ping")
        early = []
        while (message := await self.next()) != {"type": "pong"}:
            early.append(message)  # it was answered at once
        self.early = early

    async def data(self, operation_id: str = "1") -> Any:
        """What an operation is told next, without errors; its one field."""
        message = await self.next()
        assert (message["type"], message["id"]) == ("next", operation_id), message
        assert message["payload"].keys() == {"data"}, message
        (value,) = message["payload"]["data"].values()
        return value

    async def code(self, operation_id: str = "1") -> str:
        """The code of the error with which an operation ends."""
        message = await self.next()
        assert (message["type"], message["id"]) == ("error", operation_id), message
        return str(message["payload"][0]["extensions"]["code"])


@asynccontextmanager
async def client(served: Served, token: str | None = None, **more: Any) -> AsyncIterator[Client]:
    """A socket to a gateway; let in, if a token is given."""
    given: Mapping[str, Any] = {"subprotocols": [PROTOCOL], "ping_interval": None, "proxy": None} | more
    async with connect(f"ws://{served.url}/graphql", **given) as socket:
        made = Client(socket)
        if token is not None:
            await made.begin(token)
        yield made
