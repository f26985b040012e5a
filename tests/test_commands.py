"""The command line, as an operator types it."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import commands
from edge.settings import Settings
from models.demo import CLIENT_ID, CLIENT_SECRET, LOGINS, PASSWORD
from models.store import Store
from tests.nursery import Nursery

Canopy = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def canopy(nursery: Nursery, tmp_path: Path) -> Canopy:
    """Runs a command on a database."""

    def run(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return nursery.canopy(*arguments, CANOPY_DATABASE_URL=url, CANOPY_KEY_FILE=str(tmp_path / "canopy.key"))

    return run


def test_a_new_database_is_migrated_seeded_checked_and_gives_tokens(canopy: Canopy, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/canopy.db"

    migrated = canopy(url, "migrate")
    seeded = canopy(url, "seed", "--accounts", "30")
    again = canopy(url, "seed", "--accounts", "30")
    checked = canopy(url, "check")
    token = canopy(url, "token", "admin@provider.example")

    assert [step.returncode for step in (migrated, seeded, again, checked, token)] == [0, 0, 0, 0, 0], seeded.stderr
    assert "was empty" in migrated.stdout
    assert checked.stdout == "Sound.\n"
    assert token.stdout.count(".") == 2


def test_a_database_that_was_not_migrated_is_told_what_to_do(canopy: Canopy, tmp_path: Path) -> None:
    refused = canopy(f"sqlite:///{tmp_path}/none.db", "check")

    assert refused.returncode == 1
    assert "canopy migrate" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("url", ["mysql://x", "sqlite://", ""])
def test_a_database_url_that_makes_no_sense_is_told_what_would(canopy: Canopy, url: str) -> None:
    refused = canopy(url or "nonsense", "migrate")

    assert refused.returncode == 1
    assert "sqlite:///path" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_server_that_is_away_is_a_sentence(canopy: Canopy) -> None:
    refused = canopy("postgresql://nobody:secret@127.0.0.1:1/none", "migrate")

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "secret" not in refused.stderr


def test_a_token_for_nobody_is_refused(canopy: Canopy, seeded_url: str) -> None:
    refused = canopy(seeded_url, "token", "nobody@nowhere.example")

    assert refused.returncode == 1
    assert "Nobody has that login" in refused.stderr


def test_wrong_usage_has_exit_code_2(canopy: Canopy, tmp_path: Path) -> None:
    assert canopy("sqlite:///x", "import").returncode == 2
    assert canopy("sqlite:///x", "nonsense").returncode == 2
    assert canopy("sqlite:///x", "import", str(tmp_path / "missing")).returncode == 2


async def test_check_names_what_is_wrong(canopy: Canopy, own_hierarchy: Store) -> None:
    async with own_hierarchy.unfiltered("a test breaks something", write=True) as db:
        await db.sql("UPDATE app_user SET path = '000001' WHERE account_id = (SELECT max(account_id) FROM app_user)")

    found = canopy(own_hierarchy.url, "check")

    assert found.returncode == 1
    assert "rows of app_user with another path or shard than their account" in found.stdout


def test_schema_prints_the_committed_schema(canopy: Canopy) -> None:
    printed = canopy("sqlite:///x", "schema")

    assert printed.stdout.strip() == (Path(__file__).parent.parent / "schema/schema.graphql").read_text().strip()


IMPORTED = """
import sys
from commands import canopy
try:
    canopy()
except SystemExit:
    print(*sorted({"alembic", "graphql", "sqlalchemy", "starlette", "strawberry"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("arguments", "imported"),
    [
        (["--help"], ""),
        (["serve", "--help"], ""),
        (["nonsense"], ""),
        (["check"], "sqlalchemy"),
        (["clock"], "sqlalchemy"),
        (["token", "nobody@example.com"], "sqlalchemy"),
    ],
)
def test_a_command_imports_what_it_needs(
    sqlite_hierarchy: Store, tmp_path: Path, arguments: list[str], imported: str
) -> None:
    own = {"CANOPY_DATABASE_URL": sqlite_hierarchy.url, "CANOPY_KEY_FILE": str(tmp_path / "key")}
    environment = os.environ | own
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip  # the call on two lines

    assert done.stdout.splitlines()[-1:] == [imported], done.stderr


def test_help_says_where_the_settings_are_told() -> None:
    assert "docs/settings.md" in CliRunner().invoke(commands.canopy, ["--help"]).output


def test_who_starts_the_demo_is_told_what_to_sign_in_with(capsys: pytest.CaptureFixture[str]) -> None:
    commands._greet(replace(Settings.from_environment(), demo=True))
    told = capsys.readouterr().out

    assert all(each in told for each in (*LOGINS, PASSWORD, CLIENT_ID, CLIENT_SECRET))
