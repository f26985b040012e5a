"""`canopy serve --workers`: several processes at one port, which share budgets where there is a Redis."""

from pathlib import Path

import httpx
import pytest

from tests.databases import Databases
from tests.nursery import Nursery
from tests.process import Process, running
from tests.redis_server import redis_server
from tests.templates import seeded_template

ACCOUNTS = "{ accounts(first: 20) { nodes { id name } } }"
LOGIN = "admin@reseller.example"


def test_sqlite_takes_one_process(nursery: Nursery, tmp_path: Path, sqlite_databases: Databases) -> None:
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as url:
        done = nursery.canopy("serve", "--workers", "2", CANOPY_DATABASE_URL=url, CANOPY_KEY_FILE=str(tmp_path / "key"))

    assert done.returncode == 2
    assert "--workers takes PostgreSQL" in done.stderr


def _capacities(process: Process) -> set[int]:
    """What each of many requests, by connections of their own, is told that the caller may spend."""
    headers = {"authorization": f"Bearer {process.token(LOGIN)}"}
    answers = [httpx.post(f"{process.url}/graphql", json={"query": ACCOUNTS}, headers=headers) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [200] * 8
    return {int(answer.headers["x-ratelimit-limit"]) for answer in answers}


@pytest.mark.deep
def test_processes_without_redis_each_give_their_share(
    nursery: Nursery, tmp_path: Path, postgresql_databases: Databases
) -> None:
    with postgresql_databases.copied(seeded_template(postgresql_databases)) as url:
        with running(nursery, url, tmp_path, "--workers", "2") as process:
            assert _capacities(process) == {500}
        assert "each of the 2 processes gives its share" in process.log.read_text()


@pytest.mark.deep
def test_processes_with_redis_share_one_budget(
    nursery: Nursery, tmp_path: Path, postgresql_databases: Databases
) -> None:
    with (
        redis_server(tmp_path) as redis,
        postgresql_databases.copied(seeded_template(postgresql_databases)) as url,
        running(
            nursery, url, tmp_path, "--workers", "2", CANOPY_REDIS_URL=redis, CANOPY_BUDGET_REFILL="0.001"
        ) as process,
    ):
        assert _capacities(process) == {1000}
        headers = {"authorization": f"Bearer {process.token(LOGIN)}"}
        spent, refused = 0, 0
        for _ in range(80):
            answer = httpx.post(f"{process.url}/graphql", json={"query": ACCOUNTS}, headers=headers)
            if answer.status_code == 429:
                refused += 1
            else:
                spent += answer.json()["extensions"]["cost"]["actualQueryCost"]

    assert refused > 0
    assert spent <= 1000
