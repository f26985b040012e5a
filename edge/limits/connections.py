"""Connections: how many there may be, of one address and in all, and in what time they say what they want.

A connection that says nothing costs memory and a file; who opens thousands of them, or sends a header one letter at a
time, would have the server for itself.
"""

import asyncio
from collections import Counter
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from edge.limits.sharing import SharingSettings
from resolvers.throttle import network

STATE = "connections"
"""Where the application's lifespan puts its `Connections`."""


class Connections:
    """The connections of a process.

    Args:
        settings: how many there may be.
        trusted: addresses of proxies, through which anybody comes.
    """

    def __init__(self, settings: SharingSettings, trusted: str = "") -> None:
        self.open = 0
        self.refused = 0
        self.is_ending = asyncio.Event()
        """Set when the server stops: what lasts as long as its client wants has to end."""
        self.head_seconds = settings.head_seconds
        self._most = settings.connections
        self._most_of_address = settings.connections_of_address
        self._trusted = {network(address.strip()) for address in trusted.split(",") if address.strip()}
        self._of: Counter[str] = Counter()

    def enter(self, address: str) -> str | None:
        """One more.

        Args:
            address: from which it comes.

        Returns:
            Whose it is, for `leave`; None if there are too many.
        """
        source = network(address)
        is_bounded = self._most_of_address and source not in self._trusted
        if (self._most and self.open >= self._most) or (is_bounded and self._of[source] >= self._most_of_address):
            self.refused += 1
            return None
        self.open += 1
        self._of[source] += 1
        return source

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
        self._is_socket = False
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
        if not (is_answering or self._is_socket or self.transport.is_closing()):
            self._wait_for_head()

    def on_headers_complete(self) -> None:
        """The head is there."""
        super().on_headers_complete()
        self._stop_waiting()

    def handle_websocket_upgrade(self) -> None:
        """From here on the connection is another protocol's, and its end is that one's to hear of."""
        self._is_socket = True
        protocol_class = self.ws_protocol_class

        def made(**given: Any) -> asyncio.Protocol:
            protocol: Any = protocol_class(**given)  # type: ignore[misc]  # there is one, or there is no upgrade
            lost = protocol.connection_lost

            def connection_lost(exc: Exception | None) -> None:
                lost(exc)
                self._leave()

            protocol.connection_lost = connection_lost
            return protocol  # type: ignore[no-any-return]  # as it says

        self.ws_protocol_class = made  # type: ignore[assignment]  # it is called, and nothing else
        super().handle_websocket_upgrade()

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
