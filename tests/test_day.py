"""A whole day of business, through the API alone, on real processes: `tests/day` has the script.

`pytest tests/test_day.py --update` rewrites `tests/snapshots/day.txt`; read the diff.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.day.day import run
from tests.day.platform import Platform
from tests.day.steps import STEPS
from tests.nursery import Nursery
from tests.templates import seeded_template

SNAPSHOT = Path(__file__).parent / "snapshots" / "day.txt"
SEED = 20


@contextmanager
def demo_platform(databases: Databases, processes: Nursery, folder: Path) -> Iterator[Platform]:
    """Processes on a copy of the demo tree."""
    with databases.copied(seeded_template(databases)) as database_url:
        platform = Platform(processes, database_url, folder)
        try:
            platform.start()
            yield platform
        finally:
            platform.stop()


def test_the_day_goes_by_as_it_is_written_down(
    databases: Databases, nursery: Nursery, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with demo_platform(databases, nursery, tmp_path) as platform:
        happened = run(platform, STEPS)
        defects = platform.defects()

    if request.config.getoption("--update") and "sqlite" in request.node.name:
        SNAPSHOT.write_text(happened)
    assert happened == SNAPSHOT.read_text()
    assert defects == []


def _kills(databases: Databases, nursery: Nursery, folder: Path) -> None:
    with demo_platform(databases, nursery, folder) as platform, platform.dying(SEED):
        happened = run(platform, STEPS)

    assert happened == SNAPSHOT.read_text()
    assert platform.killed > len(STEPS) // 2


def test_the_day_goes_by_in_the_same_way_while_server_and_worker_are_killed(
    postgresql_databases: Databases, nursery: Nursery, tmp_path: Path
) -> None:
    _kills(postgresql_databases, nursery, tmp_path)


@pytest.mark.deep  # half a minute; on PostgreSQL there are two processes that can die, and one of them alone
def test_the_day_goes_by_in_the_same_way_while_the_server_is_killed_that_also_works(
    sqlite_databases: Databases, nursery: Nursery, tmp_path: Path
) -> None:
    _kills(sqlite_databases, nursery, tmp_path)
