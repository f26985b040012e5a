"""Whatever the schema lets be asked, by whomever: an answer with codes, no defect, nothing of anybody else's.

Source: schemathesis' examples, for GraphQL and for the OpenAPI description. `make fuzz` makes 500 of each operation.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.demo import LOGINS, PASSWORD
from tests.canary import assert_silent
from tests.databases import Databases
from tests.fuzzing import EXAMPLES, documents, endpoints, operations, requests
from tests.nursery import Nursery
from tests.process import free_port, wait_until_healthy
from tests.sharing import WIDE_ENVIRONMENT
from tests.templates import opened, seeded_template

_PARTS = 8
_ROW = "canary-row-2f9c"
_OTHERS = """UPDATE account SET name = 'canary-row-2f9c ' || id WHERE id IN (
    SELECT below.id FROM account AS below JOIN account AS top ON below.path >= top.path AND below.path < top.path || '~'
    WHERE top.id = (SELECT max(id) FROM account WHERE length(path) = 12 AND type = 'RESELLER'))"""
_SEES_ALL = {"admin@provider.example", "support@provider.example"}


@dataclass
class Target:
    """A server that is asked, and those who ask."""

    url: str
    client: httpx.Client
    log: Path
    ids: list[str]

    def headers(self, login: str) -> dict[str, str]:
        form = {"grant_type": "password", "username": login, "password": PASSWORD}
        granted = self.client.post("/auth/token", data=form)
        return {"authorization": f"Bearer {granted.json()['access_token']}"} if granted.status_code == 200 else {}


@pytest.fixture
def target(databases: Databases, nursery: Nursery, tmp_path: Path) -> Iterator[Target]:
    with databases.copied(seeded_template(databases)) as url:
        ids = asyncio.run(_plant(url))
        port, log = free_port(), tmp_path / "log"
        environment = {
            "CANOPY_HOST": "127.0.0.1",
            "CANOPY_PORT": str(port),
            "CANOPY_DATABASE_URL": url,
            "CANOPY_KEY_FILE": str(tmp_path / "key"),
            "CANOPY_MAIL_URL": f"file:{tmp_path}/mail",
            "CANOPY_MAX_COST": "100000",
            **WIDE_ENVIRONMENT,
        }
        server = nursery.serve(environment, log)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", server, log)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                yield Target(f"http://127.0.0.1:{port}", client, log, ids)
        finally:
            server.end()


async def _plant(url: str) -> list[str]:
    """Mark a part of the tree in which none of the logins but the provider's sees anything; ids of all kinds."""
    async with opened(url) as store:
        async with store.unfiltered("mark what is others'", write=True) as db:
            await db.sql(_OTHERS)
            marked = await db.sql("SELECT count(*) FROM account WHERE name LIKE 'canary-row%'")
        assert marked[0][0] > 1
        async with store.unfiltered("ids") as db:
            tables = {"account": "acc", "app_user": "usr", "subscription": "sub", "orders": "ord", "product": "prd"}
            return [
                f"{prefix}_{row[0]}"
                for table, prefix in tables.items()
                for row in await db.sql(f"SELECT id FROM {table} ORDER BY id LIMIT 12")
            ]


def _asked(target: Target, examples: int, part: range, logins: list[str]) -> int:
    """Ask everything of a part of the operations, as everybody; how often there was data."""
    who = {login: target.headers(login) for login in logins} | {"": {}}
    answered = 0
    for operation in operations()[part.start :: part.step]:
        for document in documents(operation, examples, target.ids):
            for login, headers in who.items():
                answer = target.client.post("/graphql", json={"query": document}, headers=headers)
                if answer.status_code == 401 and headers:  # the token's time was over, or its login's
                    headers = who[login] = target.headers(login)
                    answer = target.client.post("/graphql", json={"query": document}, headers=headers)
                answered += _is_fine(answer, login, document)
    return answered


def _is_fine(answer: httpx.Response, login: str, document: str) -> bool:
    about = f"{login or 'a stranger'} asked {document}\nand was told {answer.status_code} {answer.text[:1000]}"
    assert answer.status_code < 500, about
    assert answer.headers["content-type"].startswith("application/json"), about
    assert_silent(answer.content)
    assert login in _SEES_ALL or _ROW not in answer.text, about
    told: Any = answer.json()
    codes = [error["extensions"]["code"] for error in told.get("errors", [])]
    assert "INTERNAL" not in codes, about
    assert login or codes == ["UNAUTHENTICATED"], about
    return told.get("data") is not None


@pytest.mark.deep
@pytest.mark.parametrize("part", range(_PARTS))
def test_whatever_is_asked_is_answered_without_a_defect(target: Target, part: int) -> None:
    assert _asked(target, EXAMPLES, range(part, len(operations()), _PARTS), list(LOGINS)) > 100
    assert "defect" not in target.log.read_text()


def test_a_little_of_everything_is_answered_without_a_defect(target: Target) -> None:
    assert _asked(target, 1, range(0, len(operations()), 1), ["admin@reseller.example"]) > 20
    assert "defect" not in target.log.read_text()


@pytest.mark.deep
def test_whatever_is_sent_to_an_endpoint_is_answered_without_a_defect(target: Target) -> None:
    found = target.client.get("/api/openapi.json", headers=target.headers("admin@provider.example")).json()
    who = {login: target.headers(login) for login in LOGINS} | {"": {}}
    answered = 0
    for operation in endpoints(found):
        for case in requests(operation, EXAMPLES):
            for login, headers in who.items():
                answer = case.call(base_url=f"{target.url}/api", headers=headers)
                asked = f"{login or 'a stranger'} asked {case.method} {case.formatted_path}"
                about = f"{asked} and was told {answer.status_code} {answer.text[:500]}"
                assert answer.status_code < 500, about
                assert_silent(answer.content)
                assert login in _SEES_ALL or _ROW not in answer.text, about
                assert login or answer.status_code == 401, about
                answered += answer.status_code == 200
    assert answered > 50
    assert "defect" not in target.log.read_text()
