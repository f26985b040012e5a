"""Worker processes to be killed: forked by one process that has everything imported, so that they start at once."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
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


def _fork_on_demand(database_url: str, mail_url: str) -> None:
    """For each line of input a worker process; its id is printed."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    nursery = os.getpid()
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asyncio.run(_work(database_url, mail_url, nursery))
            os._exit(0)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()


class WorkerProcesses:
    """Starts worker processes and kills them."""

    def __init__(self, nursery: "subprocess.Popen[str]") -> None:
        self._nursery = nursery
        self._alive: list[int] = []

    def start(self) -> None:
        """One more worker."""
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write("one more\n")
        self._nursery.stdin.flush()
        self._alive.append(int(self._nursery.stdout.readline()))

    def kill_oldest(self) -> None:
        """End the one that has lived longest, without a word."""
        os.kill(self._alive.pop(0), signal.SIGKILL)

    def kill_all(self) -> None:
        while self._alive:
            self.kill_oldest()


@contextmanager
def worker_processes(database_url: str, mail_url: str = "file:var/none") -> Iterator[WorkerProcesses]:
    """Worker processes on a database, with a worker in them for mail and for `tests.jobs.KIND`; none outlives it."""
    command = [sys.executable, "-c", f"import tests.{Path(__file__).stem} as t, sys; t._fork_on_demand(*sys.argv[1:])"]
    nursery = subprocess.Popen(
        [*command, database_url, mail_url], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    processes = WorkerProcesses(nursery)
    try:
        yield processes
    finally:
        processes.kill_all()
        nursery.communicate()
