"""What processes take: CPU to the nanosecond and memory, as Linux counts them."""

import os
from collections.abc import Iterable
from pathlib import Path

import asyncpg

_MIB = 2**20


def cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    """CPU that each process has used so far, all its threads together. One that has ended is left out."""
    found = {}
    for pid in pids:
        try:
            threads = [int(each.read_text().split()[0]) for each in Path(f"/proc/{pid}/task").glob("*/schedstat")]
        except OSError:
            continue
        if threads:
            found[pid] = sum(threads) / 1e9
    return found


def cpu_since(before: dict[int, float]) -> float:
    """CPU that the processes have used since."""
    return sum(now - before[pid] for pid, now in cpu_seconds(before).items())


def resident_mib(pid: int) -> float:
    """Memory that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MIB


async def postgresql_pids(url: str, application: str) -> list[int]:
    """The processes of PostgreSQL that serve the connections of that name.

    Raises:
        LookupError: they run on another machine, where their CPU can't be seen.
    """
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch("SELECT pid FROM pg_stat_activity WHERE application_name = $1", application)
    finally:
        await connection.close()
    pids = [row[0] for row in found]
    if not pids or not all(_is_postgresql(pid) for pid in pids):
        raise LookupError("PostgreSQL has to run on this machine: its CPU is part of what is measured")
    return pids


def _is_postgresql(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().startswith("postgres")
    except OSError:
        return False
