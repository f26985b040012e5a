"""Connections: how many there may be, of one address and in all, and in what time they say what they want.

A connection that says nothing costs memory and a file; who opens thousands of them, or sends a header one letter at a
time, would have the server for itself.
"""

import asyncio
from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from edge.limits.sharing import SharingSettings
from edge.setting import EVERYBODY, names
from resolvers.throttle import network

STATE = "connections"
"""Where the application's lifespan puts its `Connections`."""


class Connections:
    """The connections of a process.

    Args:
        settings: how many there may be.
        trusted: addresses and networks of proxies, through which anybody comes.
        take_seconds: in which a client takes some of an answer that waits for it.
    """

    def __init__(self, settings: SharingSettings, trusted: str = "", take_seconds: float = 30.0) -> None:
        self.open = 0
        self.refused = 0
        self.is_ending = asyncio.Event()
        """Set when the server stops: what lasts as long as its client wants has to end."""
        self.head_seconds = settings.head_seconds
        self.max_head = settings.max_head
        self.take_seconds = take_seconds
        self._most = settings.connections
        self._most_of_address = settings.connections_of_address
        self._trusted = [ip_network(each) for each in names(trusted) if each != EVERYBODY]
        self._trusts_everybody = EVERYBODY in names(trusted)
        self._of: Counter[str] = Counter()

    def enter(self, address: str) -> str | None:
        """One more.

        Args:
            address: from which it comes.

        Returns:
            Whose it is, for `leave`; None if there are too many.
        """
        source = network(address)
        is_bounded = self._most_of_address and not self._is_proxy(address)
        if (self._most and self.open >= self._most) or (is_bounded and self._of[source] >= self._most_of_address):
            self.refused += 1
            return None
        self.open += 1
        self._of[source] += 1
        return source

    def _is_proxy(self, address: str) -> bool:
        try:
            return self._trusts_everybody or any(ip_address(address) in each for each in self._trusted)
        except ValueError:
            return False

    def leave(self, source: str) -> None:
        """One less."""
        self.open -= 1
        self._of[source] -= 1
        if not self._of[source]:
            del self._of[source]


class BoundedProtocol(HttpToolsProtocol):
    """HTTP over one connection, closed at once where there are too many, and after a while where no head comes."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._bounds: Connections = app_state[STATE]
        self._source: str | None = None
        self._waiting: asyncio.TimerHandle | None = None
        """For a head."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take a place, or close."""
        super().connection_made(transport)
        self._source = self._bounds.enter(self.client[0] if self.client else "")
        if self._source is None:
            transport.abort()
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        super().connection_lost(exc)
        self._leave()

    def data_received(self, data: bytes) -> None:
        """What comes while nothing is being answered is a head, or the beginning of one."""
        super().data_received(data)
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if not (is_answering or self._source is None or self.transport.is_closing()):
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """The head is there."""
        super().on_headers_complete()
        self._stop_waiting()

    def handle_websocket_upgrade(self) -> None:
        """From here on the connection is another protocol's, which takes the place over."""
        self._leave()
        super().handle_websocket_upgrade()
        # They know each other; what does waits for the garbage collector.
        self.parser = None  # type: ignore[assignment]  # as uvicorn does where a connection is lost

    def shutdown(self) -> None:
        """The server stops."""
        self._bounds.is_ending.set()
        super().shutdown()

    def _leave(self) -> None:
        self._stop_waiting()
        source, self._source = self._source, None
        if source is not None:
            self._bounds.leave(source)

    def _wait_for_head(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(self._bounds.head_seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.cancel()


class BoundedSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket over one connection, whose place it holds.

    It leaves nothing for the garbage collector when it ends: else who opens sockets and closes them has the collector
    stop the process for hundredths of a second, again and again.
    """

    _source: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the place that the connection had until now."""
        super().connection_made(transport)
        self._bounds: Connections = self.app_state[STATE]
        self._source = self._bounds.enter(self.client[0] if self.client else "")

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        super().connection_lost(exc)
        self.conn.parser.close()  # a generator that waits for bytes, and knows who does
        if self._source is not None:
            self._bounds.leave(self._source)
