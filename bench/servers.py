"""The servers that are measured in turn: a process each, and the requests that they take."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.client import HOST, http
from bench.workloads import Subject, Workload, plain

SERVERS = {
    "rows": "hand-written statements, level by level",
    "json": "one statement builds the JSON",
    "canopy": "Canopy",
    "plans-off": "Canopy, field by field",
}
"""What is measured. The first is what everything is compared with."""
FLOORS = ("rows", "json")
_SECONDS_TO_START = 60
_CANOPY = [sys.executable, "-c", "from commands import canopy; canopy()"]


class ServerError(Exception):
    """A server did not start, or answers otherwise than the others."""


@dataclass(slots=True)
class Server:
    """A running server.

    Args:
        name: of `SERVERS`.
        pid: its process.
        port: where it listens.
        bearers: by login, the header that its callers send; empty for a floor.
    """

    name: str
    pid: int
    port: int
    bearers: dict[str, str] = field(default_factory=dict)

    @property
    def application(self) -> str:
        """What its connections call themselves to PostgreSQL."""
        return application(self.name)

    def request(self, workload: Workload, subject: Subject) -> bytes:
        """The request of a workload by a caller."""
        if self.name in FLOORS:
            return http("GET", f"/{workload.name}/{subject.path}/{subject.below}")
        variables = {"id": f"acc_{subject.below}"} if workload.name == "w3" else {}
        body = json.dumps({"query": workload.query, "variables": variables}).encode()
        return http(
            "POST", "/graphql", body, authorization=self.bearers[subject.login], content_type="application/json"
        )

    def plain(self, workload: Workload, body: bytes) -> Any:
        """What a body says, in the floors' words.

        Raises:
            ServerError: it tells of errors.
        """
        answer = json.loads(body)
        if self.name in FLOORS:
            return answer
        if answer.get("errors"):
            raise ServerError(f"{self.name} answers {workload.name} with errors: {body[:300]!r}")
        return plain(workload, answer["data"])


def application(server: str) -> str:
    """What a server's connections call themselves: of this run, for others may measure on the same database."""
    return f"bench-{os.getpid()}-{server}"


@contextmanager
def serving(names: Sequence[str], url: str, key_file: Path, subjects: Sequence[Subject]) -> Iterator[list[Server]]:
    """The servers on a database, for as long as the block lasts."""
    with ExitStack() as stack:
        servers = [stack.enter_context(_process(name, url, key_file)) for name in names]
        renew_tokens(servers, url, key_file, subjects)
        yield servers


@contextmanager
def _process(name: str, url: str, key_file: Path) -> Iterator[Server]:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port = int(listener.getsockname()[1])
    floor = [sys.executable, "-m", "bench.floors", name, str(port)]
    command = floor if name in FLOORS else [*_CANOPY, "serve"]
    given = {"CANOPY_PORT": str(port), "CANOPY_PLANS": "off" if name == "plans-off" else "on"}
    if url.startswith("postgresql:"):
        url += f"{'&' if '?' in url else '?'}application_name={application(name)}"
    process = subprocess.Popen(command, env=_environment(url, key_file) | given, stdout=subprocess.DEVNULL)
    try:
        _wait(name, process, port)
        yield Server(name, process.pid, port)
    finally:
        process.terminate()
        process.wait(20)


def _wait(name: str, process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise ServerError(f"the server {name} did not start") from error
            time.sleep(0.05)
        else:
            return


_WIDE = {
    "CANOPY_MAX_COST": "10000",  # W1 is estimated at 6,736 points, W4 at 3,906
    "CANOPY_MAX_DEPTH": "20",  # W4 is 13 fields deep
    "CANOPY_BUDGET": "0",
    "CANOPY_ACCOUNT_BUDGET": "0",
    "CANOPY_MAX_OPERATIONS": "500",
    "CANOPY_ACCOUNT_MAX_OPERATIONS": "500",
    "CANOPY_PROCESS_MAX_OPERATIONS": "500",
    "CANOPY_ACCOUNT_TURNS": "500",
    "CANOPY_TELL_COST": "header",  # answers are compared to the byte
}
"""One login that asks as fast as it can is what budgets are there to stop."""


def _environment(url: str, key_file: Path) -> dict[str, str]:
    own = {"CANOPY_DATABASE_URL": url, "CANOPY_KEY_FILE": str(key_file), "CANOPY_LOG_LEVEL": "WARNING"} | _WIDE
    return {name: value for name, value in os.environ.items() if not name.startswith("CANOPY_")} | own


def renew_tokens(servers: Sequence[Server], url: str, key_file: Path, subjects: Sequence[Subject]) -> None:
    """Give Canopy's servers fresh access tokens: those of an earlier round may run out in the next."""
    asked = [server for server in servers if server.name not in FLOORS]
    for login in {subject.login for subject in subjects} if asked else ():
        got = subprocess.run(
            [*_CANOPY, "token", login], env=_environment(url, key_file), capture_output=True, text=True, check=True
        )
        for server in asked:
            server.bearers[login] = f"Bearer {got.stdout.strip()}"
