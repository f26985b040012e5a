"""Starts `canopy` processes at once: forked by a process that has all of it imported, with the environment asked for.

Read by `Nursery` below: one JSON object a line, and one JSON answer for each.
"""

import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
_RUN_BY_BEING_IMPORTED = ("models.migrations.",)


class Nursery:
    """Has `canopy` commands run, as an operator would type them.

    Args:
        process: runs `_obey`.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def start(self, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
        """Begin a command, its output added to a file; returns its process id."""
        return int(self._ask(arguments=list(arguments), environment=dict(environment), output=str(log)))

    def serve(self, environment: Mapping[str, str], log: Path) -> "Server":
        """Begin a server process."""
        return Server(self, self.start(["serve"], environment, log))

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], log: Path, errors: Path | None = None
    ) -> int:
        """Begin a command and wait for its end; returns its exit code."""
        asked = {"arguments": list(arguments), "environment": dict(environment), "output": str(log)}
        return int(self._ask(**asked, errors=str(errors or log), waits=True))

    def canopy(self, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """A command that has ended, with what it said."""
        with tempfile.TemporaryDirectory() as folder:
            output, errors = Path(folder) / "output", Path(folder) / "errors"
            code = self.run(arguments, environment, output, errors)
            return subprocess.CompletedProcess(arguments, code, output.read_text(), errors.read_text())

    def code(self, process: int) -> int | None:
        """The exit code of a command that was begun; None while it runs."""
        found: int | None = self._ask(of=process)
        return found

    def _ask(self, **asked: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@dataclass(frozen=True)
class Server:
    """A server process.

    Args:
        nursery: has started it.
        process: its id.
    """

    nursery: Nursery
    process: int

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self.nursery.code(self.process)

    def end(self, by: signal.Signals = signal.SIGTERM) -> None:
        """End it."""
        deadline = time.monotonic() + 10
        if self.poll() is None:
            os.kill(self.process, by)
        while self.poll() is None:
            assert time.monotonic() < deadline, "the server does not end"
            time.sleep(0.01)


@contextmanager
def nursery() -> Iterator[Nursery]:
    """A nursery for as long as the block lasts; what it started ends with it."""
    command = [sys.executable, "-c", "from tests.nursery import _obey; _obey()"]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Nursery(process)
    finally:
        process.communicate()


def _obey() -> None:
    from commands import canopy

    _import_all()
    gc.freeze()
    ended: dict[int, int | None] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        child = asked.get("of") or os.fork()
        if child == 0:
            _become(asked["environment"], Path(asked["output"]), Path(asked.get("errors") or asked["output"]))
            _end(canopy, asked["arguments"])
        answer = child
        if asked.get("waits"):
            answer = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        elif "of" not in asked:
            ended[child] = None
        _reap(ended)
        sys.stdout.write(json.dumps(ended[child] if "of" in asked else answer) + "\n")
        sys.stdout.flush()
    for child in ended:
        if ended[child] is None:
            os.kill(child, signal.SIGKILL)
    while None in ended.values():
        _reap(ended)


def _import_all() -> None:
    """Import, once for all that are forked, whatever a command imports when it is run."""
    for package in ("gateway", "edge", "schema", "resolvers", "models", "uvicorn", "alembic.command"):
        __import__(package)
        for module in pkgutil.walk_packages(getattr(sys.modules[package], "__path__", ()), f"{package}."):
            if not module.name.startswith((*_RUN_BY_BEING_IMPORTED, "uvicorn.")):
                importlib.import_module(module.name)


def _end(command: Callable[[list[str]], object], arguments: list[str]) -> None:
    """Run the command and end by the exit code that an operator sees, without taking apart all that was imported."""
    code: Any = 1
    try:
        command(arguments)
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # as the interpreter would
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(bool(code)))


def _reap(ended: dict[int, int | None]) -> None:
    """Take note of whoever has ended, so that it is gone for others too."""
    for child in [child for child, code in ended.items() if code is None]:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            ended[child] = os.waitstatus_to_exitcode(status)


def _become(environment: Mapping[str, str], output: Path, errors: Path) -> None:
    """The process of a command: its environment, its output, nobody's input, its own group."""
    os.setsid()
    for name in [name for name in os.environ if name.startswith("CANOPY_")]:
        del os.environ[name]
    os.environ.update(environment)
    for number, path in ((1, output), (2, errors)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
