"""What a run came to: a table and the bars as Markdown, which also reads as text."""

import os
import platform
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles

from bench.measure import CLIENTS, Case, groups
from bench.servers import SERVERS

FLOOR = next(iter(SERVERS))
_LIBRARIES = ("uvicorn", "uvloop", "httptools", "starlette", "asyncpg", "orjson", "graphql-core", "strawberry-graphql")
_BARS_OF_PLANS = ("w1", 20)
"""The workload on which plans are to take so many times less CPU than no plans."""
_MIB = 150

COLUMNS = (
    "workload", "caller", "server", "statements", "rows", "bytes", "server ms", "database ms", "CPU ms", "x floor",
    f"req/s, {CLIENTS}", "p50, 1", "p99, 1", f"p50, {CLIENTS}", f"p99, {CLIENTS}", "MiB",
)  # fmt: skip  # a list of words
_LEFT = 3
"""So many columns hold words."""


def ratio(case: Case, group: Sequence[Case]) -> float | None:
    """How many times the floor's CPU a case takes; None where the floor was left out."""
    floors = [each for each in group if each.server == FLOOR]
    return case.cpu_ms / floors[0].cpu_ms if floors else None


def _milliseconds(times: Sequence[float]) -> tuple[str, str]:
    """The 50th and 99th percentile of seconds."""
    cuts = quantiles(times, n=100, method="inclusive")
    return f"{cuts[49] * 1000:.2f}", f"{cuts[98] * 1000:.2f}"


def _line(case: Case, group: Sequence[Case]) -> tuple[str, ...]:
    above = ratio(case, group)
    return (
        case.workload.name.upper(), case.subject.name, case.server,
        f"{case.statements:,}", f"{case.rows:,}", f"{case.size:,}",
        f"{median(case.server_ms):.3f}", f"{median(case.postgresql_ms):.3f}", f"{case.cpu_ms:.3f}",
        "" if above is None else f"{above:.2f}",
        f"{median(case.per_second):,.0f}", *_milliseconds(case.alone), *_milliseconds(case.crowded), f"{case.mib:.0f}",
    )  # fmt: skip  # in the order of COLUMNS


def table(head: Sequence[str], lines: Sequence[Sequence[str]], left: int) -> str:
    """A Markdown table whose columns stand below each other; all but the first `left` hold numbers."""
    widths = [max(len(line[at]) for line in [head, *lines]) for at in range(len(head))]

    def row(cells: Sequence[str]) -> str:
        padded = (
            f"{cell:<{width}}" if at < left else f"{cell:>{width}}"
            for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = "|".join("-" * (width + 2) if at < left else "-" * (width + 1) + ":" for at, width in enumerate(widths))
    return "\n".join([row(head), f"|{rule}|", *map(row, lines)])


def bars(cases: Sequence[Case]) -> Iterator[tuple[str, str, str, str]]:
    """What was to be reached: the bar, what was measured, what was wanted, and whether it holds."""
    for group in groups(cases):
        by_server = {each.server: each for each in group}
        canopy, off = by_server.get("canopy"), by_server.get("plans-off")
        if canopy is None:
            continue
        of = f"{canopy.workload.name.upper()} {canopy.subject.name}"
        above = ratio(canopy, group)
        if above is not None:
            wanted = canopy.workload.bar
            yield f"{of}: CPU against the rows floor", f"{above:.2f} x", f"≤ {wanted:g} x", _holds(above <= wanted)
        if off is not None and canopy.workload.name == _BARS_OF_PLANS[0]:
            less = off.cpu_ms / canopy.cpu_ms
            yield (
                f"{of}: CPU without plans against with", f"{less:.1f} x", f"≥ {_BARS_OF_PLANS[1]} x",
                _holds(less >= _BARS_OF_PLANS[1]),
            )  # fmt: skip  # a line of the table
    memory = max((case.mib for case in cases if case.server == "canopy"), default=None)
    if memory is not None:
        yield "memory of Canopy after all of it", f"{memory:.0f} MiB", f"≤ {_MIB} MiB", _holds(memory <= _MIB)


def _holds(does: bool) -> str:
    return "yes" if does else "**no**"


def machine() -> str:
    """What it ran on, and when."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores of {model}, Linux {platform.release()}"


def versions(database: str) -> str:
    """What ran, in which version."""
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return f"Python {platform.python_version()}, {database}, {libraries}"


def markdown(title: str, facts: Sequence[str], cases: Sequence[Case]) -> str:
    """The whole report."""
    lines = [_line(case, group) for group in groups(cases) for case in group]
    reached = table(("bar", "measured", "wanted", "holds"), list(bars(cases)), left=4)
    return "\n\n".join(
        [f"### {title}", "\n".join(f"{fact}  " for fact in facts), table(COLUMNS, lines, _LEFT), reached]
    )
