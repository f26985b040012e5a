"""Load: requests a second and CPU a request of servers in turn, on PostgreSQL, in one run.

    python -m bench.load --database-url postgresql://... [--requests 400] [--rounds 3]

The database must be one that `canopy seed` has filled; its login must be a superuser, for the floor to read past the
filter. Servers: `canopy` (plans), `canopy-core` (plans off), `rows` (the floor of bench/floor.py). Compare figures of
one run only.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import asyncpg
import click

QUERIES = Path(__file__).parent / "queries"
WORKLOADS = {
    "w1": "dashboard",
    "w2": "customers-by-name",
    "w3": "account-by-id",
    "w4": "six-levels",
    "w5": "subscriptions-by-mpn",
}
CALLERS = {"mid": "admin@reseller.example", "top": "admin@provider.example"}
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pids: list[int]) -> float:
    """Seconds of CPU that processes have used."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident(pid: int) -> float:
    """Mebibytes of memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def backends() -> list[int]:
    """The processes of every PostgreSQL server on this machine."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "comm").read_text().startswith("postgres"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """One request on an open connection; the length of its answer's body."""
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    body = await reader.readexactly(length)
    assert b'"errors"' not in body[:10], body[:500]
    return length


async def load(port: int, request: bytes, count: int, clients: int) -> tuple[float, list[float], int]:
    """Seconds in all, seconds of each request, and the length of an answer."""
    times: list[float] = []
    length = 0

    async def client() -> None:
        nonlocal length
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while len(times) < count:
            started = time.perf_counter()
            times.append(0)
            at = len(times) - 1
            length = await exchange(reader, writer, request)
            times[at] = time.perf_counter() - started
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - started, times, length


@contextmanager
def serving(arguments: list[str], environment: dict[str, str], port: int, ready: str) -> Iterator[int]:
    """A server process."""
    process = subprocess.Popen([sys.executable, *arguments], env=os.environ | environment, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                urlopen(f"http://127.0.0.1:{port}{ready}", timeout=1).read()  # our own server
                break
            except OSError:
                time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(20)


def http(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body


def token(url: str, login: str, key: str) -> str:
    environment = os.environ | {"CANOPY_DATABASE_URL": url, "CANOPY_KEY_FILE": key}
    command = [sys.executable, "-c", "from gateway import main; main()", "token", login]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


async def facts(url: str, login: str) -> tuple[str, int]:
    """The path of a login's account, and the id of an account below it."""
    connection = await asyncpg.connect(url)
    path = await connection.fetchval("SELECT path FROM app_user WHERE login = $1", login)
    below = await connection.fetchval(
        "SELECT id FROM account WHERE path > $1 AND path < $1 || '~' ORDER BY id DESC LIMIT 1", path
    )
    await connection.close()
    return path, below


def measure(pid: int, port: int, request: bytes, count: int) -> dict[str, float]:
    """Figures of one workload on one server."""
    asyncio.run(load(port, request, 32, 16))
    postgres = backends()
    before = cpu([pid]), cpu(postgres)
    seconds, times, length = asyncio.run(load(port, request, count, 16))
    after = cpu([pid]), cpu(postgres)
    _, alone, _ = asyncio.run(load(port, request, max(count // 8, 20), 1))
    return {
        "per second": count / seconds,
        "server ms": (after[0] - before[0]) / len(times) * 1000,
        "postgres ms": (after[1] - before[1]) / len(times) * 1000,
        "p50 ms, 1": statistics.median(alone) * 1000,
        "p99 ms, 1": sorted(alone)[int(len(alone) * 0.99)] * 1000,
        "p50 ms, 16": statistics.median(times) * 1000,
        "p99 ms, 16": sorted(times)[int(len(times) * 0.99)] * 1000,
        "bytes": length,
        "MiB": resident(pid),
    }


@click.command(help=__doc__)
@click.option("--database-url", required=True)
@click.option("--requests", default=400, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--workload", "chosen", multiple=True, default=tuple(WORKLOADS))
@click.option("--server", "servers", multiple=True, default=("rows", "canopy", "canopy-core"))
def main(database_url: str, requests: int, rounds: int, chosen: tuple[str, ...], servers: tuple[str, ...]) -> None:
    """Measure servers in turn and print the medians of the rounds."""
    key = str(Path("var/bench.key").absolute())
    results: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    for caller, login in CALLERS.items():
        path, below = asyncio.run(facts(database_url, login))
        environment = {
            "CANOPY_DATABASE_URL": database_url,
            "CANOPY_KEY_FILE": key,
            "FLOOR_PATH": path,
            "CANOPY_LOG_LEVEL": "WARNING",
        }
        bearer = f"Bearer {token(database_url, login, key)}"
        for _ in range(rounds):
            for at, server in enumerate(servers):
                port = 18100 + at
                environment |= {"CANOPY_PORT": str(port), "CANOPY_PLANS": "off" if server == "canopy-core" else "on"}
                command = (
                    ["-m", "bench.floor", str(port)]
                    if server == "rows"
                    else ["-c", "from gateway import main; main()", "serve"]
                )
                ready = f"/rows/w3?id={below}" if server == "rows" else "/health/ready"
                with serving(command, environment, port, ready) as pid:
                    for workload in chosen:
                        if server == "rows":
                            request = http("GET", f"/rows/{workload}?id={below}")
                        else:
                            query = (QUERIES / f"{WORKLOADS[workload]}.graphql").read_text()
                            variables = {"id": f"acc_{below}"} if workload == "w3" else {}
                            body = json.dumps({"query": query, "variables": variables}).encode()
                            headers: dict[str, Any] = {"authorization": bearer, "content-type": "application/json"}
                            request = http("POST", "/graphql", body, **headers)
                        count = max(requests // 10, 20) if server == "canopy-core" else requests
                        results.setdefault((workload, caller, server), []).append(measure(pid, port, request, count))
    _print(results)


def _print(results: dict[tuple[str, str, str], list[dict[str, float]]]) -> None:
    medians = {
        case: {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}
        for case, rounds in results.items()
    }
    names = list(next(iter(medians.values())))
    print(f"{'':26}" + "".join(f"{name:>12}" for name in names) + f"{'CPU / floor':>14}")
    for (workload, caller, server), figures in sorted(medians.items()):
        floor = medians.get((workload, caller, "rows"))
        total = figures["server ms"] + figures["postgres ms"]
        ratio = f"{total / (floor['server ms'] + floor['postgres ms']):14.2f}" if floor else ""
        print(f"{workload} {caller} {server:18}" + "".join(f"{figures[name]:12.2f}" for name in names) + ratio)


if __name__ == "__main__":
    main()
