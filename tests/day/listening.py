"""Who listens: a socket that is opened again whenever it breaks, with the last event that was heard."""

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.day.client import PATIENCE, Data, Person
from tests.day.mailbox import wait_for

_PROTOCOL = Subprotocol("graphql-transport-ws")
_SECONDS_BETWEEN_LOOKS = 0.2


class Listener:
    """Hears a live field's events, each once, until it is stopped.

    Args:
        url: the gateway's.
        person: who listens.
        field: of `Live`.
        gives: what to select of an event, besides its id, kind and instant.
    """

    def __init__(self, url: str, person: Person, field: str, gives: str) -> None:
        self._url = url.replace("http", "ws", 1) + "/graphql"
        self._person = person
        self._field = field
        self._document = f"subscription($after: String) {{ {field}(after: $after) {{ eventId kind at {gives} }} }}"
        self._heard: dict[str, Data] = {}
        self._over = threading.Event()
        self._failed: object = None
        self._thread = threading.Thread(target=self._listen, name=field, daemon=True)
        self._thread.start()

    @property
    def heard(self) -> list[Data]:
        """The events so far, in the order in which they came."""
        assert self._failed is None, self._failed
        return list(self._heard.values())

    def begin(self, change: Callable[[], object]) -> None:
        """Have something changed until it is heard: from then on there is an event to go on from."""

        def hears() -> bool | None:
            change()
            deadline = time.monotonic() + 1
            while not self.heard and time.monotonic() < deadline:
                time.sleep(0.02)
            return bool(self.heard) or None

        wait_for(hears, f"a first event of {self._field}")

    def wait_for(self, is_it: Callable[[Data], bool]) -> Data:
        """The first event that is so, as soon as it is heard."""
        return wait_for(lambda: next(filter(is_it, self.heard), None), f"an event of {self._field}")

    def stop(self) -> None:
        """Hear no more."""
        self._over.set()
        self._thread.join()

    def _listen(self) -> None:
        while not self._over.is_set() and self._failed is None:
            try:
                with connect(self._url, subprotocols=[_PROTOCOL]) as socket:
                    self._subscribe(socket)
                    self._hear(socket)
            except (OSError, WebSocketException):
                self._over.wait(0.05)  # the server is away; it comes back

    def _subscribe(self, socket: ClientConnection) -> None:
        bearer = {"authorization": f"Bearer {self._person.token}"}
        socket.send(json.dumps({"type": "connection_init", "payload": bearer}))
        acknowledged = json.loads(socket.recv(timeout=PATIENCE))
        assert acknowledged["type"] == "connection_ack", acknowledged
        payload = {"query": self._document, "variables": {"after": next(reversed(self._heard), None)}}
        socket.send(json.dumps({"type": "subscribe", "id": "live", "payload": payload}))

    def _hear(self, socket: ClientConnection) -> None:
        while not self._over.is_set():
            try:
                message: Any = json.loads(socket.recv(timeout=_SECONDS_BETWEEN_LOOKS))
            except TimeoutError:
                continue
            if message["type"] == "next":
                event = message["payload"]["data"][self._field]
                self._heard.setdefault(event["eventId"], event)
            elif message["type"] in {"error", "complete"}:
                self._failed = message
                return


def moment(event: Data) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(event["at"])
