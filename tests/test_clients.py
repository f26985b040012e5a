"""Clients as others wrote them, against a real server: each folder of `tests/clients` is one, its tests run by Node.

`npm ci` in `tests/clients` gets them.
"""

import os
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

CLIENTS = Path(__file__).parent / "clients"
COMPILED = frozenset({"codegen", "manifest", "relay"})  # test_compilers.py
NAMES = sorted({path.parent.name for path in CLIENTS.glob("*/package.json")} - COMPILED - {"node_modules"})
SECONDS = 180
LOGIN, LIMITED_LOGIN, PASSWORD = "admin@reseller.example", "limited@customer.example", "canopy-demo"

pytestmark = pytest.mark.deep


@pytest.fixture(scope="module")
def installed() -> None:
    """The clients, as the lock file has them."""
    npm = shutil.which("npm")
    assert npm, "Node.js 20.19 or newer is needed"
    stamp, lock = CLIENTS / "node_modules/.package-lock.json", CLIENTS / "package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=CLIENTS, check=True, timeout=SECONDS * 2)


def granted(server: str, login: str) -> str:
    form = {"grant_type": "password", "username": login, "password": PASSWORD}
    return str(httpx.post(f"{server}/auth/token", data=form).json()["access_token"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("installed")
def test_a_client_of_others_works(live_server: str, name: str) -> None:
    tokens = {
        "CANOPY_TOKEN": granted(live_server, LOGIN),
        "CANOPY_LIMITED_TOKEN": granted(live_server, LIMITED_LOGIN),
    }
    environment = os.environ | {"CANOPY_URL": live_server} | tokens
    command = ["node", "--test", "--test-reporter=spec", f"{name}/"]
    done = subprocess.run(
        command, cwd=CLIENTS, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "tests 0" not in done.stdout, done.stdout
