"""Clients as others wrote them, against a gateway on a socket: each folder of `tests/clients` is one, run by Node.

`npm ci` in `tests/clients` gets them.
"""

import asyncio
import fcntl
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from edge.limits.sharing import SharingSettings
from tests.databases import Databases
from tests.live import serving
from tests.templates import seeded_template

CLIENTS = Path(__file__).parent / "clients"
COMPILED = frozenset({"codegen", "manifest", "relay"})  # test_compilers.py
NAMES = sorted({path.parent.name for path in CLIENTS.glob("*/package.json")} - COMPILED - {"node_modules"})
SECONDS, SECONDS_OF_TEST = 180, 40
LOGIN, LIMITED_LOGIN, PASSWORD = "admin@reseller.example", "limited@customer.example", "canopy-demo"
NARROW = SharingSettings(budget=10, budget_refill=0.01, strangers=0)
"""A budget that one large answer spends."""

pytestmark = pytest.mark.deep


@pytest.fixture(scope="module")
def installed() -> None:
    """The clients, as the lock file has them."""
    npm = shutil.which("npm")
    assert npm, "Node.js 20.19 or newer is needed"
    stamp, lock = CLIENTS / "node_modules/.package-lock.json", CLIENTS / "package-lock.json"
    with lock.open() as held:  # another process of this run may be about to install them
        fcntl.flock(held, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
            subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=CLIENTS, check=True, timeout=SECONDS * 2)


@asynccontextmanager
async def served(database_url: str, directory: Path) -> AsyncIterator[Mapping[str, str]]:
    """A gateway, and another on the same database whose budgets are narrow; gives what Node has to know of them."""
    async with serving(database_url, directory) as wide, serving(database_url, directory, sharing=NARROW) as narrow:
        yield {
            "CANOPY_URL": f"http://{wide.url}",
            "CANOPY_NARROW_URL": f"http://{narrow.url}",
            "CANOPY_TOKEN": await granted(wide.url, LOGIN),
            "CANOPY_LIMITED_TOKEN": await granted(wide.url, LIMITED_LOGIN),
        }


async def granted(server: str, login: str) -> str:
    form = {"grant_type": "password", "username": login, "password": PASSWORD}
    async with httpx.AsyncClient() as client:
        return str((await client.post(f"http://{server}/auth/token", data=form)).json()["access_token"])


async def run_tests(folder: str, environment: Mapping[str, str]) -> None:
    """Have Node run the tests of a folder, beside the gateways."""
    process = await asyncio.create_subprocess_exec(
        "node", "--test", "--test-reporter=spec", f"--test-timeout={SECONDS_OF_TEST * 1000}", f"{folder}/",
        cwd=CLIENTS, env=os.environ | dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip  # shorter
    try:
        async with asyncio.timeout(SECONDS):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()

    assert process.returncode == 0, told.decode()[-8000:]
    assert b"tests 0" not in told, told


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("installed")
async def test_a_client_of_others_works(databases: Databases, tmp_path: Path, name: str) -> None:
    with databases.copied(seeded_template(databases)) as url:
        async with served(url, tmp_path) as environment:
            await run_tests(name, environment)
