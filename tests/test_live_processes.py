"""Live updates between server processes: what one commits, those who are connected to another hear."""

import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tests.changes import new_key
from tests.databases import Databases
from tests.live import Client, client
from tests.nursery import Nursery, Server
from tests.process import free_port
from tests.sharing import WIDE_ENVIRONMENT
from tests.templates import seeded_template
from tests.test_gateway import ask, granted

ROOT = Path(__file__).parent.parent
SECONDS_TO_SERVE = 60
QUERY = (
    "subscription($id: ID, $after: String)"
    " { accountChanged(id: $id, after: $after) { eventId account { externalId } } }"
)
UPDATE = "mutation($input: AccountUpdateInput!) { accountUpdate(input: $input) { currentVersion userErrors { code } } }"
NEWEST = "{ accounts(last: 1, filter: {type: [CUSTOMER]}, orderBy: {field: CREATED_AT}) { nodes { id version } } }"


@contextmanager
def process(nursery: Nursery, database_url: str, directory: Path, log: Path) -> Iterator[tuple[str, Server]]:
    """A server process on a database; it is killed in the end."""
    port = free_port()
    own = {
        "CANOPY_PORT": str(port),
        "CANOPY_DATABASE_URL": database_url,
        "CANOPY_KEY_FILE": str(directory / "canopy.key"),
        "CANOPY_WORKER": "off",
        **WIDE_ENVIRONMENT,
    }
    server = nursery.serve(own, log)
    try:
        yield f"127.0.0.1:{port}", server
    finally:
        server.end(signal.SIGKILL)


def wait_until_it_serves(address: str, server: Server, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_SERVE
    while True:
        try:
            urllib.request.urlopen(f"http://{address}/health/live", timeout=1).close()  # our own address
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the server did not start: {log.read_text()[-4000:]}")
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def processes(databases: Databases, nursery: Nursery, tmp_path: Path) -> Iterator[list[tuple[str, Server]]]:
    """Two server processes on one copy of the demo tree, as they share it in production."""
    with databases.copied(seeded_template(databases)) as url, ExitStack() as stack:
        logs = [tmp_path / f"log{number}" for number in range(2)]
        started = [stack.enter_context(process(nursery, url, tmp_path, log)) for log in logs]
        for (address, server), log in zip(started, logs, strict=True):
            wait_until_it_serves(address, server, log)
        yield started


async def test_what_one_process_commits_is_heard_at_another_and_after_it_died_at_the_first(
    processes: list[tuple[str, Server]],
) -> None:
    (one, _), (two, dying) = processes
    with httpx.Client(base_url=f"http://{one}", timeout=20) as http:
        token = granted(http, "admin@provider.example")["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        (customer,) = ask(http, bearer, NEWEST).json()["data"]["accounts"]["nodes"]
        versions = iter(range(customer["version"], 1000))

        def change(external_id: str) -> None:
            given = {"account": customer["id"], "expectedVersion": next(versions), "externalId": external_id}
            variables = {"input": given | {"idempotencyKey": new_key() + external_id}}
            answer = ask(http, bearer, UPDATE, variables=variables).json()
            assert answer["data"]["accountUpdate"]["userErrors"] == [], answer

        async def told(listener: Client) -> list[str]:
            return [(await listener.data())["account"]["externalId"] for _ in range(2)]

        async with client(at(two), token) as listener:
            await listener.subscribe(QUERY, variables={"id": customer["id"]})
            change("first")
            heard = await listener.data()
            assert heard["account"] == {"externalId": "first"}
            dying.end(signal.SIGKILL)
            await listener.closed()
        change("second")
        change("third")
        async with client(at(one), token) as listener:
            payload = {"query": QUERY, "variables": {"id": customer["id"], "after": heard["eventId"]}}
            await listener.send(type="subscribe", id="1", payload=payload)
            assert await told(listener) == ["third", "third"]  # twice as it is now: an event holds no state
            change("fourth")
            assert (await listener.data())["account"] == {"externalId": "fourth"}


def at(address: str) -> Any:
    """As much of a served gateway as a client looks at."""
    return SimpleNamespace(url=address)


def test_the_documented_example_hears_what_happens(live_server: str) -> None:
    text = (ROOT / "docs/live.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    script = example.replace("ws://127.0.0.1:8000", live_server.replace("http", "ws"))
    with httpx.Client(base_url=live_server, timeout=20) as http:
        token = granted(http)["access_token"]
        bearer = {"authorization": f"Bearer {token}"}
        (customer,) = ask(http, bearer, NEWEST).json()["data"]["accounts"]["nodes"]
        command = [sys.executable, "-c", script]
        with subprocess.Popen(command, env=os.environ | {"TOKEN": token}, stdout=subprocess.PIPE) as listening:
            assert listening.stdout is not None
            assert listening.stdout.readline() == b"connection_ack\n"
            version = customer["version"]
            while not select.select([listening.stdout], [], [], 1)[0]:  # the first may come before it listens
                given = {"account": customer["id"], "expectedVersion": version, "externalId": f"heard {version}"}
                ask(http, bearer, UPDATE, variables={"input": given | {"idempotencyKey": new_key() + " heard"}})
                version += 1
            line = listening.stdout.readline().decode()
            listening.kill()

    assert "'externalId': 'heard" in line
