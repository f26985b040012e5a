"""`canopy serve --workers`: several processes at one port, which share budgets where there is a Redis."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

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


@dataclass(frozen=True, slots=True)
class Scraped:
    """What whoever is asked says of all: queries that are over, processes that live, and their connections."""

    operations: float
    workers: set[int]
    connections: float


def _scraped(process: Process) -> Scraped:
    text = httpx.get(f"{process.url}/metrics").raise_for_status().text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return Scraped(
        sum(each.value for each in samples if each.name == "canopy_operations_total"),
        {int(each.labels["pid"]) for each in samples if each.name == "process_resident_memory_bytes"},
        sum(each.value for each in samples if each.name == "canopy_pool"),
    )


@pytest.mark.deep
def test_any_process_tells_what_all_have_counted_also_one_that_was_killed(
    nursery: Nursery, tmp_path: Path, postgresql_databases: Databases
) -> None:
    with (
        postgresql_databases.copied(seeded_template(postgresql_databases)) as url,
        running(nursery, url, tmp_path, "--workers", "2") as process,
    ):
        headers = {"authorization": f"Bearer {process.token(LOGIN)}"}
        for _ in range(20):
            httpx.post(f"{process.url}/graphql", json={"query": "{ viewer { reach } }"}, headers=headers)
        assert {_scraped(process).operations for _ in range(8)} == {20}
        before = _scraped(process)
        (killed, other) = sorted(before.workers)
        os.kill(killed, signal.SIGKILL)
        deadline = time.monotonic() + 30
        while len((after := _scraped(process)).workers) < 2 or killed in after.workers:
            assert time.monotonic() < deadline, after
            time.sleep(0.2)

    assert other in after.workers
    assert after.operations == 20
    assert 0 < after.connections <= before.connections + 4
