"""Starts gateway processes at once: forked by a process that has all of it imported, with the environment asked for.

Read by `Nursery` below: one JSON object a line, and one JSON answer for each.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent


class Nursery:
    """Has `canopy` commands run, as an operator would type them.

    Args:
        process: runs `_obey`.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def start(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> int:
        """Begin a command, its output added to a file; returns its process id."""
        return int(self._ask({"arguments": arguments, "environment": dict(environment), "log": str(log)}))

    def run(self, arguments: list[str], environment: Mapping[str, str], log: Path) -> int:
        """Begin a command and wait for its end; returns its exit code."""
        asked = {"arguments": arguments, "environment": dict(environment), "log": str(log), "waits": True}
        return int(self._ask(asked))

    def _ask(self, asked: dict[str, Any]) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline()


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery for as long as the block lasts; what it started ends with it."""
    command = [sys.executable, "-c", "from tests.day.nursery import _obey; _obey()"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Nursery(process)
    finally:
        process.communicate()


def _obey() -> None:
    import gateway  # noqa: F401  # imported once, for all that are forked
    from commands import canopy

    started: set[int] = set()
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(asked["environment"], Path(asked["log"]))
            canopy(asked["arguments"])  # ends the process, by the exit code that an operator sees
        answer = child
        if asked.get("waits"):
            answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        else:
            started.add(child)
        _reap(started)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    for child in started:
        os.kill(child, signal.SIGKILL)
    while started:
        _reap(started)


def _reap(started: set[int]) -> None:
    """Take note of whoever has ended, so that it is gone for others too."""
    for child in list(started):
        if os.waitpid(child, os.WNOHANG)[0]:
            started.discard(child)


def _become(environment: Mapping[str, str], log: Path) -> None:
    """The process of a command: its environment, its output, nobody's input, its own group."""
    os.setsid()
    for name in [name for name in os.environ if name.startswith("CANOPY_")]:
        del os.environ[name]
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
