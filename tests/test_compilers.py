"""Relay's compiler, graphql-codegen and Apollo's manifest: what they make runs by its ids, on a gateway with a socket.

`npm ci` in `tests/clients` gets them.
"""

import asyncio
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import commands
from tests.databases import Databases
from tests.templates import seeded_template
from tests.test_clients import CLIENTS, SECONDS, run_tests, served
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
async def test_what_a_compiler_persists_is_registered_and_runs_by_its_ids_on_either_engine(
    compiled: Callable[[], Path], sqlite_databases: Databases, postgresql_databases: Databases, tmp_path: Path
) -> None:
    made = await asyncio.to_thread(compiled)
    for databases in (sqlite_databases, postgresql_databases):
        with databases.copied(seeded_template(databases)) as url:
            assert "of them new" in await asyncio.to_thread(registered, url, made)
            async with served(url, tmp_path) as environment:
                await run_tests(compiled.__name__, environment)
