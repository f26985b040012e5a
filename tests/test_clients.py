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
NAMES = sorted(path.parent.name for path in CLIENTS.glob("*/package.json") if path.parent.name != "node_modules")
SECONDS = 180
LOGIN, PASSWORD = "admin@reseller.example", "canopy-demo"

pytestmark = pytest.mark.deep


@pytest.fixture(scope="module")
def installed() -> None:
    """The clients, as the lock file has them."""
    npm = shutil.which("npm")
    assert npm, "Node.js 20.19 or newer is needed"
    stamp, lock = CLIENTS / "node_modules/.package-lock.json", CLIENTS / "package-lock.json"
    if not stamp.exists() or stamp.stat().st_mtime < lock.stat().st_mtime:
        subprocess.run([npm, "ci", "--no-audit", "--no-fund"], cwd=CLIENTS, check=True, timeout=SECONDS * 2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("installed")
def test_a_client_of_others_works(live_server: str, name: str) -> None:
    form = {"grant_type": "password", "username": LOGIN, "password": PASSWORD}
    token = httpx.post(f"{live_server}/auth/token", data=form).json()["access_token"]
    environment = os.environ | {"CANOPY_URL": live_server, "CANOPY_TOKEN": token}
    command = ["node", "--test", "--test-reporter=spec", f"{name}/"]
    done = subprocess.run(
        command, cwd=CLIENTS, env=environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "tests 0" not in done.stdout, done.stdout
