"""Worker processes to be killed: forked by one process that has everything imported, so that they start at once."""

import asyncio
import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path

from models.store import open_store
from resolvers.mail.mail_url import open_transport
from resolvers.work.handler import Workplace
from resolvers.work.handlers import handlers
from resolvers.work.worker import Worker, WorkSettings
from tests.jobs import KIND, Dawdle

ROOT = Path(__file__).parent.parent
SETTINGS = WorkSettings(at_once=3, poll_seconds=0.02, lease=timedelta(seconds=0.4))


async def _work(database_url: str, mail_url: str, nursery: int) -> None:
    store = open_store(database_url)
    place = Workplace(store, open_transport(mail_url), "canopy@localhost")
    work = asyncio.ensure_future(Worker(store, dict(handlers(place)) | {KIND: Dawdle(place)}, SETTINGS).run())
    while os.getppid() == nursery:  # a test that is killed can't end its workers
        await asyncio.wait({work}, timeout=0.5)
    os._exit(1)


def _fork_on_demand() -> None:
    """For each line of input, which names a database and where mail goes, a worker process; its id is printed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    nursery = os.getpid()
    for line in sys.stdin:
        database_url, mail_url = line.split()
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asyncio.run(_work(database_url, mail_url, nursery))
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


@cache
def _nursery() -> "subprocess.Popen[str]":
    """The process that forks workers, started when the first is wanted; it ends when the tests have."""
    command = [sys.executable, "-c", f"import tests.{Path(__file__).stem} as t; t._fork_on_demand()"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(process.communicate)
    return process


class WorkerProcesses:
    """Starts worker processes and kills them.

    Args:
        database_url: where they find their work.
        mail_url: where mail goes.
    """

    def __init__(self, database_url: str, mail_url: str) -> None:
        self._wanted = f"{database_url} {mail_url}\n"
        self._alive: list[int] = []

    def start(self) -> None:
        """One more worker."""
        nursery = _nursery()
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        nursery.stdin.write(self._wanted)
        nursery.stdin.flush()
        self._alive.append(int(nursery.stdout.readline()))

    def kill_oldest(self) -> None:
        """End the one that has lived longest, without a word."""
        os.kill(self._alive.pop(0), signal.SIGKILL)

    def kill_all(self) -> None:
        while self._alive:
            self.kill_oldest()


@contextmanager
def worker_processes(database_url: str, mail_url: str = "file:var/none") -> Iterator[WorkerProcesses]:
    """Worker processes on a database, with a worker in them for mail and for `tests.jobs.KIND`; none outlives it."""
    processes = WorkerProcesses(database_url, mail_url)
    try:
        yield processes
    finally:
        processes.kill_all()
