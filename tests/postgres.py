"""A PostgreSQL server for one run of the tests: started from the programs on this machine, gone when the run is."""

import asyncio
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

T = TypeVar("T")

GIVEN = "CANOPY_TEST_POSTGRES_URL"
"""Names a server to use instead, by a login that may create databases and roles."""

_SECONDS_TO_START = 30
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  # mkdtemp makes the name
_ROOM = 2 * 1024**3
"""Bytes that a run may come to: write-ahead log, templates, and a dozen megabytes for each database in use."""
_COPIES_BY_FILE = 150_000
"""The version from which on a database can be copied file by file instead of page by page through the log."""

# Ends with the tests however they end, killed included: the read returns when the other end of the pipe is closed.
_KEEPER = """
"$1/postgres" -D "$2/data" -k "$2" -p "$3" -c listen_addresses=127.0.0.1 -c max_connections=300 \
    -c shared_buffers=64MB -c max_wal_size=256MB -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    -c wal_level=minimal -c max_wal_senders=0 -c autovacuum=off \
    >"$2/log" 2>&1 &
server=$!
read -r _
kill -INT $server
wait $server
rm -rf "$2"
"""


class Server:
    """A running server, and a connection for managing its databases from code that isn't asynchronous.

    Args:
        url: of a database on it, for a login that may create others.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postgres-administration", daemon=True)
        self._thread.start()
        self._connection = self._run(_connect(url))
        is_asked = int(self._run(self._connection.fetchval("SHOW server_version_num"))) >= _COPIES_BY_FILE
        self._strategy = " STRATEGY file_copy" if is_asked else ""

    def execute(self, statement: str) -> None:
        """Run one statement outside a transaction."""
        self._run(self._connection.execute(statement))

    def create_database(self, name: str, template: str = "template1") -> str:
        """Make a database as a copy of the template; returns its URL."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{self._strategy}')
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Drop the database, whoever is still connected to it."""
        self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')

    def database_url(self, name: str, login: str = "") -> str:
        """The URL of a database on this server.

        Args:
            name: of the database.
            login: `user:password`, for another login than the managing one.
        """
        address = self.url.split("://", 1)[1].rpartition("/")[0]
        if login:
            address = f"{login}@{address.rpartition('@')[2]}"
        return f"postgresql://{address}/{name}"

    def close(self) -> None:
        """Give the managing connection back; the server is ended by `stop`."""
        self._run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


async def _connect(url: str) -> Any:
    """Connect as soon as the server answers."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            return await asyncpg.connect(url)
        except (OSError, asyncpg.CannotConnectNowError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)


class ThrowAwayServer(Server):
    """A server of our own in a fresh directory, reachable on the loopback interface by a password of its own."""

    def __init__(self) -> None:
        programs = server_programs()
        user = unprivileged_user()
        self._directory = Path(tempfile.mkdtemp(prefix="canopy-postgres-", dir=_directory_for(user)))
        password = secrets.token_hex(16)
        if user:
            shutil.chown(self._directory, user, pwd.getpwnam(user).pw_gid)
        as_user: dict[str, Any] = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        _initialise(programs, self._directory, password, as_user)
        port = _free_port()
        self._keeper = subprocess.Popen(
            ["sh", "-c", _KEEPER, "sh", str(programs), str(self._directory), str(port)],
            stdin=subprocess.PIPE,
            cwd=self._directory,
            start_new_session=True,  # Ctrl-C at the terminal is for pytest, which then closes the pipe
            **as_user,
        )
        try:
            super().__init__(f"postgresql://canopy:{password}@127.0.0.1:{port}/postgres")
        except BaseException:
            log = self._directory / "log"
            reason = log.read_text()[-2000:] if log.exists() else "it wrote no log"
            self._end()
            pytest.fail(f"PostgreSQL did not start: {reason}")

    def close(self) -> None:
        super().close()
        self._end()

    def _end(self) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait(30)


def _initialise(programs: Path, directory: Path, password: str, as_user: dict[str, Any]) -> None:
    """Make the data directory, readable by nobody but the server's user."""
    secret = directory / "password"
    secret.write_text(password)
    if as_user:
        shutil.chown(secret, as_user["user"])
    command = [str(programs / "initdb"), "-D", str(directory / "data"), "-U", "canopy", f"--pwfile={secret}"]
    # Sent in clear, over the loopback interface: the hashing exchange would cost asyncpg 20 ms for each connection.
    command += ["-A", "password", "-E", "UTF8", "--locale=C", "--no-sync"]
    if "--icu-locale" in subprocess.run([command[0], "--help"], check=True, capture_output=True, text=True).stdout:
        # As people sort, not as bytes do: a column that needs COLLATE "C" and lacks it shall be noticed.
        command += ["--locale-provider=icu", "--icu-locale=en-US"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=directory, check=False, **as_user)
    secret.unlink()
    if done.returncode:
        pytest.fail(f"initdb failed: {done.stderr[-2000:]}")


def _directory_for(user: str | None) -> str:
    """Where to make the server's directory: a directory for temporary files that its user can reach, whatever ours is.

    Preferably one in memory. Each database is a copy of hundreds of files: on a disk that takes ten times the work.
    """
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108  # mkdtemp makes the name
    if os.access(_IN_MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(_IN_MEMORY).free > _ROOM:
        places.insert(0, _IN_MEMORY)
    open_to_all = (place for place in places if all(p.stat().st_mode & 0o001 for p in (place, *place.parents)))
    return str(next(open_to_all, places[0]) if user else places[0])


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def unprivileged_user() -> str | None:
    """Whom to run the server as when the tests run as root, as whom it refuses to; None to run it as ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def server_programs() -> Path:
    """The directory of `initdb` and `postgres`; of several versions the newest."""
    on_path = shutil.which("initdb")
    if on_path and shutil.which("postgres", path=Path(on_path).resolve().parent):
        return Path(on_path).resolve().parent
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if not versions:
        pytest.fail(
            "PostgreSQL's server programs (initdb, postgres) are not on this machine. `.ci/system-packages` installs"
            f" them; or name a server in {GIVEN}."
        )
    return max(versions, key=lambda path: float(path.parent.name))
