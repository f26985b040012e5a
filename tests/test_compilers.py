"""Relay's compiler, graphql-codegen and Apollo's manifest, against a real server: what they make runs by its ids.

`npm ci` in `tests/clients` gets them.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

import commands
from tests.databases import Databases
from tests.live import serving
from tests.templates import seeded_template
from tests.test_clients import CLIENTS, LIMITED_LOGIN, LOGIN, PASSWORD, SECONDS
from tests.test_clients import installed as installed  # a fixture

pytestmark = [pytest.mark.deep, pytest.mark.usefixtures("installed")]

RELAY, CODEGEN, APOLLO = CLIENTS / "relay", CLIENTS / "codegen", CLIENTS / "manifest"
TOOLS = CLIENTS / "node_modules/.bin"


def relay() -> Path:
    """Compile with Relay's compiler; returns the manifest."""
    artifacts, manifest = RELAY / "__generated__", RELAY / "persisted.json"
    shutil.rmtree(artifacts, ignore_errors=True)
    artifacts.mkdir()
    manifest.write_text("{}")
    run(RELAY, "relay-compiler")
    return manifest


def codegen() -> Path:
    """Generate types, and compile what uses them with TypeScript at its strictest; returns the manifest."""
    for made in ("src/gql", "build"):
        shutil.rmtree(CODEGEN / made, ignore_errors=True)
    run(CODEGEN, "graphql-codegen", "--config", "codegen.json")
    run(CODEGEN, "tsc", "--project", ".")
    return CODEGEN / "src/gql/persisted-documents.json"


def manifest() -> Path:
    """Have Apollo's tool list the operations; returns the manifest."""
    made = APOLLO / "persisted-query-manifest.json"
    made.unlink(missing_ok=True)
    run(APOLLO, "generate-persisted-query-manifest")
    return made


def run(folder: Path, tool: str, *arguments: str) -> None:
    done = subprocess.run(
        [TOOLS / tool, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr


def registered(url: str, manifest: Path) -> str:
    """What `canopy documents import` says."""
    done = CliRunner().invoke(commands.canopy, ["documents", "import", str(manifest)], env={"CANOPY_DATABASE_URL": url})
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.parametrize("compiled", [relay, codegen, manifest], ids=["relay", "codegen", "apollo"])
async def test_what_a_compiler_persists_is_registered_and_runs_by_its_ids(
    compiled: Callable[[], Path], sqlite_databases: Databases, tmp_path: Path
) -> None:
    made = await asyncio.to_thread(compiled)
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as url:
        assert "of them new" in await asyncio.to_thread(registered, url, made)
        async with serving(url, tmp_path) as served:
            environment = {"CANOPY_URL": f"http://{served.url}"}
            for variable, login in (("CANOPY_TOKEN", LOGIN), ("CANOPY_LIMITED_TOKEN", LIMITED_LOGIN)):
                environment[variable] = await granted(served.url, login)
            code, told = await node(["--test", "--test-reporter=spec", f"{compiled.__name__}/"], environment)

    assert code == 0, told[-8000:]
    assert "tests 0" not in told


async def granted(server: str, login: str) -> str:
    form = {"grant_type": "password", "username": login, "password": PASSWORD}
    async with httpx.AsyncClient() as client:
        return str((await client.post(f"http://{server}/auth/token", data=form)).json()["access_token"])


async def node(arguments: Sequence[str], environment: dict[str, str]) -> tuple[int, str]:
    """What Node says that runs beside the server, and its exit code."""
    process = await asyncio.create_subprocess_exec(
        "node", *arguments, cwd=CLIENTS, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    async with asyncio.timeout(SECONDS):
        told, _ = await process.communicate()
    return process.returncode or 0, told.decode()
