"""The command line, as an operator types it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.store import Store


def canopy(url: str, *arguments: str, home: Path) -> "subprocess.CompletedProcess[str]":
    environment = os.environ | {"CANOPY_DATABASE_URL": url, "CANOPY_KEY_FILE": str(home / "canopy.key")}
    return subprocess.run(
        [sys.executable, "-c", "from commands import canopy; canopy()", *arguments],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip  # the call on two lines


def test_a_new_database_is_migrated_seeded_checked_and_gives_tokens(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/canopy.db"

    migrated = canopy(url, "migrate", home=tmp_path)
    seeded = canopy(url, "seed", "--accounts", "30", home=tmp_path)
    again = canopy(url, "seed", "--accounts", "30", home=tmp_path)
    checked = canopy(url, "check", home=tmp_path)
    token = canopy(url, "token", "admin@provider.example", home=tmp_path)

    assert [step.returncode for step in (migrated, seeded, again, checked, token)] == [0, 0, 0, 0, 0], seeded.stderr
    assert "was empty" in migrated.stdout
    assert checked.stdout == "Sound.\n"
    assert token.stdout.count(".") == 2


def test_a_database_that_was_not_migrated_is_told_what_to_do(tmp_path: Path) -> None:
    refused = canopy(f"sqlite:///{tmp_path}/none.db", "check", home=tmp_path)

    assert refused.returncode == 1
    assert "canopy migrate" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("url", ["mysql://x", "sqlite://", ""])
def test_a_database_url_that_makes_no_sense_is_told_what_would(tmp_path: Path, url: str) -> None:
    refused = canopy(url or "nonsense", "migrate", home=tmp_path)

    assert refused.returncode == 1
    assert "sqlite:///path" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_database_server_that_is_away_is_a_sentence(tmp_path: Path) -> None:
    refused = canopy("postgresql://nobody:secret@127.0.0.1:1/none", "migrate", home=tmp_path)

    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "secret" not in refused.stderr


def test_a_token_for_nobody_is_refused(seeded_url: str, tmp_path: Path) -> None:
    refused = canopy(seeded_url, "token", "nobody@nowhere.example", home=tmp_path)

    assert refused.returncode == 1
    assert "Nobody has that login" in refused.stderr


def test_wrong_usage_has_exit_code_2(tmp_path: Path) -> None:
    assert canopy("sqlite:///x", "import", home=tmp_path).returncode == 2
    assert canopy("sqlite:///x", "nonsense", home=tmp_path).returncode == 2
    assert canopy("sqlite:///x", "import", str(tmp_path / "missing"), home=tmp_path).returncode == 2


async def test_check_names_what_is_wrong(own_hierarchy: Store, tmp_path: Path) -> None:
    async with own_hierarchy.unfiltered("a test breaks something", write=True) as db:
        await db.sql("UPDATE app_user SET path = '000001' WHERE account_id = (SELECT max(account_id) FROM app_user)")

    found = canopy(own_hierarchy.url, "check", home=tmp_path)

    assert found.returncode == 1
    assert "rows of app_user with another path or shard than their account" in found.stdout


def test_schema_prints_the_committed_schema(tmp_path: Path) -> None:
    printed = canopy("sqlite:///x", "schema", home=tmp_path)

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
    ],
)
def test_a_command_imports_what_it_needs(seeded_url: str, arguments: list[str], imported: str) -> None:
    environment = os.environ | {"CANOPY_DATABASE_URL": seeded_url}
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip  # the call on two lines

    assert done.stdout.splitlines()[-1:] == [imported], done.stderr
