"""Gateways that run as processes of their own, as operators start them."""

import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.nursery import Nursery, Server

PASSWORD = "canopy-demo"
_SECONDS_TO_SERVE = 30


@dataclass(frozen=True, slots=True)
class Process:
    """A running gateway.

    Args:
        url: where it listens.
        server: its process.
        log: what it has said.
    """

    url: str
    server: Server
    log: Path

    def token(self, login: str) -> str:
        """An access token of a demo login."""
        form = {"grant_type": "password", "username": login, "password": PASSWORD}
        return str(httpx.post(f"{self.url}/auth/token", data=form).json()["access_token"])

    def memory(self) -> int:
        """Bytes that the process holds by itself."""
        status = Path(f"/proc/{self.server.process}/status").read_text()
        return 1024 * int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")))


@contextmanager
def running(nursery: Nursery, database_url: str, folder: Path, *arguments: str, **own: str) -> Iterator[Process]:
    """A gateway with the settings that an operator has unless others are given."""
    port, log = free_port(), folder / "log"
    environment = {
        "CANOPY_HOST": "127.0.0.1",
        "CANOPY_PORT": str(port),
        "CANOPY_DATABASE_URL": database_url,
        "CANOPY_KEY_FILE": str(folder / "canopy.key"),
    }
    process = nursery.start(["serve", *arguments], environment | own, log)
    server = Server(nursery, process)
    try:
        wait_until_healthy(f"http://127.0.0.1:{port}", server, log)
        yield Process(f"http://127.0.0.1:{port}", server, log)
    finally:
        server.end()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until_healthy(url: str, server: Server, log: Path) -> None:
    """Wait until a process answers."""
    deadline = time.monotonic() + _SECONDS_TO_SERVE
    while True:
        try:
            urllib.request.urlopen(f"{url}/health/live", timeout=1).close()  # noqa: S310  # our own http address
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start: {log.read_text()[-4000:]}")
            time.sleep(0.05)
        else:
            return
