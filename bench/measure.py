"""Measuring: rounds in which the servers take turns at every workload, so that a slow minute hits them all."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.client import load
from bench.processes import cpu_seconds, cpu_since, postgresql_pids, resident_mib
from bench.servers import Server, ServerError
from bench.workloads import Subject, Workload

CLIENTS = 16
_LEAST_ALONE = 10
"""Requests of a single client, however long they take."""


@dataclass(slots=True)
class Case:
    """One server at one workload for one caller, and what the rounds gave.

    Args:
        size: bytes of the answer's body.
        statements: that one request takes, without looking up who asks.
        rows: that they give.
        server_ms: CPU of the server for one request, of each round.
        postgresql_ms: the same of PostgreSQL.
        per_second: answers a second to 16 clients, of each round.
        alone: seconds that each request of a single client took.
        crowded: the same of 16 clients.
        mib: memory of the server afterwards.
    """

    workload: Workload
    subject: Subject
    server: str
    size: int = 0
    statements: int = 0
    rows: int = 0
    server_ms: list[float] = field(default_factory=list)
    postgresql_ms: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    crowded: list[float] = field(default_factory=list)
    mib: float = 0.0

    @property
    def cpu_ms(self) -> float:
        """CPU of server and PostgreSQL for one request: the median of the rounds."""
        return median(a + b for a, b in zip(self.server_ms, self.postgresql_ms, strict=True))


def compare_answers(servers: Sequence[Server], workloads: Sequence[Workload], subjects: Sequence[Subject]) -> None:
    """See that all servers answer the same.

    Raises:
        ServerError: one doesn't.
    """
    for workload in workloads:
        for subject in subjects:
            first = None
            for server in servers:
                answer = server.plain(workload, load(server.port, server.request(workload, subject)).body)
                if first is None:
                    first = answer
                elif answer != first:
                    raise ServerError(f"{server.name} and {servers[0].name} differ in {workload.name} {subject.name}")


def rounds(
    url: str,
    servers: Sequence[Server],
    workloads: Sequence[Workload],
    subjects: Sequence[Subject],
    *,
    count: int,
    seconds: float,
    before_each: Callable[[], None],
) -> list[Case]:
    """Measure every case in every round, in one direction and then in the other.

    Args:
        url: of the database.
        servers: which take turns.
        workloads: what is asked.
        subjects: who asks.
        count: how many rounds.
        seconds: of load by 16 clients, in each round.
        before_each: called before each round.
    """
    cases = [
        (server, Case(workload, subject, server.name))
        for workload in workloads
        for subject in subjects
        for server in servers
    ]
    for number in range(count):
        before_each()
        for server, case in cases[:: -1 if number % 2 else 1]:
            _measure(url, server, case, seconds)
    return [case for _, case in cases]


def _measure(url: str, server: Server, case: Case, seconds: float) -> None:
    request = server.request(case.workload, case.subject)
    load(server.port, request, clients=CLIENTS, seconds=seconds / 8, least=CLIENTS)
    behind = asyncio.run(postgresql_pids(url, server.application)) if url.startswith("postgresql:") else []
    server_before, postgresql_before = cpu_seconds([server.pid]), cpu_seconds(behind)
    crowded = load(server.port, request, clients=CLIENTS, seconds=seconds, least=CLIENTS)
    server_cpu, postgresql_cpu = cpu_since(server_before), cpu_since(postgresql_before)
    alone = load(server.port, request, seconds=seconds / 2, least=_LEAST_ALONE)
    answers = len(crowded.times)
    case.server_ms.append(server_cpu / answers * 1000)
    case.postgresql_ms.append(postgresql_cpu / answers * 1000)
    case.per_second.append(answers / crowded.seconds)
    case.crowded += crowded.times
    case.alone += alone.times
    case.size = len(crowded.body)
    case.mib = resident_mib(server.pid)


def groups(cases: Sequence[Case]) -> Iterator[list[Case]]:
    """The cases of each workload and caller, the first server's first."""
    found: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        found.setdefault((case.workload.name, case.subject.name), []).append(case)
    yield from found.values()
