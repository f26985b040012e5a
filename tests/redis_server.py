"""A Redis server of a test run's own, on a socket in a folder; `CANOPY_TEST_REDIS_URL` names another."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

GIVEN = "CANOPY_TEST_REDIS_URL"
_SECONDS_TO_START = 10


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    """The URL of a Redis that keeps nothing, for as long as the block lasts."""
    given = os.environ.get(GIVEN)
    if given:
        yield given
        return
    program = shutil.which("redis-server")
    if program is None:
        pytest.fail(f"there is no redis-server; install it (Debian: apt-get install redis-server) or set {GIVEN}")
    socket = folder / "redis.sock"
    options = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", str(folder))
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _SECONDS_TO_START
        while not socket.exists():
            assert process.poll() is None, "redis-server has ended"
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.01)
        yield f"unix://{socket}"
    finally:
        process.terminate()
        process.wait()
