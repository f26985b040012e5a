"""The platform of a day: the processes that an operator runs on one database, and the commands they type."""

import asyncio
import random
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from os import kill
from pathlib import Path

import httpx
from sqlalchemy import bindparam, func, select

from models import Job
from models.base import table_of
from models.statement import Statement
from models.store import Store
from resolvers import clock
from tests.nursery import Nursery
from tests.sharing import WIDE_ENVIRONMENT
from tests.templates import opened

SECONDS_TO_SERVE = 30
_MOST_SECONDS_BEHIND = 1.3
"""For how long, at most, a process goes by the platform's clock as it was."""
_SECONDS_TO_WORK = 60
_SOON = timedelta(seconds=10)
"""Within that time comes again what an attempt has put off."""

_JOB = table_of(Job).c
_DUE = Statement(select(func.count().label("number")).where(_JOB.done_at.is_(None), _JOB.run_at <= bindparam("by")))


class Platform:
    """The processes on a database: `serve`, and where it doesn't do the work itself, `work`.

    Args:
        nursery: starts processes.
        database_url: a migrated database with the demo tree and its logins.
        folder: a folder of its own, for keys, mail and logs.
    """

    def __init__(self, nursery: Nursery, database_url: str, folder: Path) -> None:
        self._nursery = nursery
        self._database_url = database_url
        self._log = folder / "log"
        self.mail = folder / "mail"
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            "CANOPY_DATABASE_URL": database_url,
            "CANOPY_DEMO": "1",
            **WIDE_ENVIRONMENT,
            "CANOPY_KEY_FILE": str(folder / "canopy.key"),
            "CANOPY_LEASE_SECONDS": "1",
            "CANOPY_CALLER_SECONDS": "0",  # who was moved is seen at its new place at once
            "CANOPY_MAIL_URL": f"file:{self.mail}",
            "CANOPY_PORT": str(port),
        }
        self._kinds = ("serve",) if database_url.startswith("sqlite") else ("serve", "work")
        self._running: dict[str, int] = {}
        self._http = httpx.Client(base_url=self.url, headers={"connection": "close"})
        self._changing = threading.Lock()
        self._steps = threading.Semaphore(0)
        self.killed = 0

    def start(self) -> None:
        """Start whatever isn't running, and wait until it answers.

        Raises:
            TimeoutError: it doesn't; the message is what it logged last.
        """
        with self._changing:
            for kind in self._kinds:
                if kind not in self._running:
                    self._running[kind] = self._nursery.start([kind], self._environment, self._log)
        self._wait_until_it_answers()

    def kill(self, kind: str) -> None:
        """End a process without a word, in whatever it is doing, and start it again."""
        with self._changing:
            kill(self._running.pop(kind), signal.SIGKILL)
            self.killed += 1
            self._running[kind] = self._nursery.start([kind], self._environment, self._log)

    def stop(self) -> None:
        """End all processes in good order."""
        with self._changing:
            for pid in self._running.values():
                kill(pid, signal.SIGTERM)
            self._running.clear()
        self._http.close()

    def command(self, *arguments: str) -> tuple[int, str]:
        """Run a `canopy` command; returns its exit code and what it printed."""
        output = self._log.with_name("printed")
        output.unlink(missing_ok=True)
        with self._changing:
            code = self._nursery.run(list(arguments), self._environment, output)
        return code, output.read_text()

    def now(self) -> datetime:
        """The platform's time."""
        return datetime.fromisoformat(self._told("clock").strip())

    def advance(self, by: timedelta) -> None:
        """Set the platform's clock ahead when all that is due is done, and wait until every process goes by it."""
        self.rest()
        self._told("clock", "--advance", f"{int(by.total_seconds())}s")
        time.sleep(_MOST_SECONDS_BEHIND)

    def rest(self) -> None:
        """Wait until nothing is due any more, of whomever.

        Raises:
            TimeoutError: there is always something.
        """
        asyncio.run(self._rest())

    async def _rest(self) -> None:
        deadline = time.monotonic() + _SECONDS_TO_WORK
        async with opened(self._database_url) as store:
            while await _due(store):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"there is always work: {self._log.read_text()[-4000:]}")
                await asyncio.sleep(0.1)

    def _told(self, *arguments: str) -> str:
        code, printed = self.command(*arguments)
        if code:
            raise RuntimeError(f"canopy {' '.join(arguments)} gave {code}: {printed}")
        return printed

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + SECONDS_TO_SERVE
        while True:
            try:
                self._http.get("/health/ready").raise_for_status()
            except httpx.HTTPError as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the server did not start: {self._log.read_text()[-4000:]}") from error
                time.sleep(0.05)
            else:
                return

    def defects(self) -> list[str]:
        """What the processes logged that nobody should ever see: errors and tracebacks."""
        log = self._log.read_text() if self._log.exists() else ""
        return [line for line in log.splitlines() if re.search(r" (ERROR|CRITICAL) |^Traceback", line)]

    def goes_on(self) -> None:
        """The next step begins; while processes are dying, that is when the next may die."""
        self._steps.release()

    @contextmanager
    def dying(self, seed: int) -> Iterator[None]:
        """While the block lasts, processes are killed soon after steps begin, and started again.

        Args:
            seed: of who dies, in which steps, and how soon.
        """
        over, dice = threading.Event(), random.Random(seed)

        def reap() -> None:
            while self._steps.acquire() and not over.is_set():
                for _ in range(dice.choice((0, 1, 1))):
                    over.wait(dice.uniform(0, 0.6))
                    self.kill(dice.choice(self._kinds))
                    self._wait_until_it_answers()  # whoever never gets up does nothing that could be interrupted

        reaper = threading.Thread(target=reap, name="reaper")
        reaper.start()
        try:
            yield
        finally:
            over.set()
            self._steps.release()
            reaper.join()


async def _due(store: Store) -> int:
    """How many jobs are due at this moment, or in the hands of a worker."""
    async with store.unfiltered("a test waits for the work to be done") as db:
        ((number,),) = await db.rows(_DUE, {"by": await clock.now(db) + _SOON})
    return int(number)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
