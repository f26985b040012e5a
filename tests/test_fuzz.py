"""Whatever the schema lets be asked, by whomever: an answer with codes, no defect, nothing of anybody else's.

Source: schemathesis' examples, for GraphQL and for the OpenAPI description. `make fuzz` makes 500 of each operation.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import httpx
import orjson
import pytest

from models.demo import LOGINS, PASSWORD
from tests.canary import assert_silent
from tests.databases import Databases
from tests.fuzzing import EXAMPLES, documents, endpoints, operations, requests
from tests.nursery import Nursery
from tests.process import free_port, wait_until_healthy
from tests.sharing import WIDE_ENVIRONMENT
from tests.templates import opened, seeded_template

_PARTS = 16
_ROW = "canary-row-2f9c"
_OTHERS = """UPDATE account SET name = 'canary-row-2f9c ' || id WHERE id IN (
    SELECT below.id FROM account AS below JOIN account AS top ON below.path >= top.path AND below.path < top.path || '~'
    WHERE top.id = (SELECT max(id) FROM account WHERE length(path) = 12 AND type = 'RESELLER'))"""
_SEES_ALL = {"admin@provider.example", "support@provider.example"}


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was answered."""

    status: int
    kind: str
    body: bytes


@dataclass
class Target:
    """A server that is asked, and those who ask."""

    url: str
    log: Path
    ids: list[str]
    line: HTTPConnection
    """A plain one: a million requests are sent, and a client with more to it takes longer than the server."""

    def headers(self, login: str) -> dict[str, str]:
        form = {"grant_type": "password", "username": login, "password": PASSWORD}
        granted = httpx.post(f"{self.url}/auth/token", data=form, timeout=30)
        return {"authorization": f"Bearer {granted.json()['access_token']}"} if granted.status_code == 200 else {}

    def ask(self, body: bytes, headers: dict[str, str]) -> Told:
        self.line.request("POST", "/graphql", body, {"content-type": "application/json"} | headers)
        answer = self.line.getresponse()
        return Told(answer.status, answer.headers["content-type"], answer.read())


@pytest.fixture
def target(databases: Databases, nursery: Nursery, tmp_path: Path) -> Iterator[Target]:
    with _target(databases, nursery, tmp_path) as made:
        yield made


@pytest.fixture
def targets(
    sqlite_databases: Databases, postgresql_databases: Databases, nursery: Nursery, tmp_path: Path
) -> Iterator[list[Target]]:
    """One on each engine, for what takes longer to be made up than to be asked."""
    with ExitStack() as stack:
        made: list[Target] = []
        for databases in (sqlite_databases, postgresql_databases):
            folder = tmp_path / str(len(made))
            folder.mkdir()
            made.append(stack.enter_context(_target(databases, nursery, folder)))
        yield made


@contextmanager
def _target(databases: Databases, nursery: Nursery, folder: Path) -> Iterator[Target]:
    with databases.copied(seeded_template(databases)) as url:
        ids = asyncio.run(_plant(url))
        port, log = free_port(), folder / "log"
        environment = {
            "CANOPY_HOST": "127.0.0.1",
            "CANOPY_PORT": str(port),
            "CANOPY_DATABASE_URL": url,
            "CANOPY_KEY_FILE": str(folder / "key"),
            "CANOPY_MAIL_URL": f"file:{folder}/mail",
            "CANOPY_MAX_COST": "100000",
            **WIDE_ENVIRONMENT,
        }
        server = nursery.serve(environment, log)
        try:
            wait_until_healthy(f"http://127.0.0.1:{port}", server, log)
            with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as line:
                yield Target(f"http://127.0.0.1:{port}", log, ids, line)
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


def _asked(targets: Sequence[Target], examples: int, part: range, logins: list[str]) -> int:
    """Ask everything of a part of the operations, as everybody; how often there was data."""
    who = [{login: target.headers(login) for login in logins} | {"": {}} for target in targets]
    answered = 0
    for operation in operations()[part.start :: part.step]:
        made = list(documents(operation, examples, targets[0].ids))
        for target, askers in zip(targets, who, strict=True):
            target.line.close()  # it was quiet for too long; the next request opens it again
            for document in made:
                answered += _answered(target, document, askers)
    return answered


def _answered(target: Target, document: str, askers: dict[str, dict[str, str]]) -> int:
    body = orjson.dumps({"query": document})
    answered = 0
    for login, headers in askers.items():
        told = target.ask(body, headers)
        if told.status == 401 and headers:  # the token's time was over, or its login's
            headers = askers[login] = target.headers(login)
            told = target.ask(body, headers)
        answered += _is_fine(told, login, document)
    return answered


def _is_fine(told: Told, login: str, document: str) -> bool:
    text = told.body.decode()
    about = f"{login or 'a stranger'} asked {document}\nand was told {told.status} {text[:1000]}"
    assert told.status < 500, about
    assert told.kind.startswith("application/json"), about
    assert_silent(text)
    assert login in _SEES_ALL or _ROW not in text, about
    answer = json.loads(text)
    codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
    assert "INTERNAL" not in codes, about
    assert login or codes == ["UNAUTHENTICATED"], about
    return answer.get("data") is not None


def _assert_no_defect(target: Target) -> None:
    assert "defect" not in target.log.read_text()


@pytest.mark.deep
@pytest.mark.parametrize("part", range(_PARTS))
def test_whatever_is_asked_is_answered_without_a_defect(targets: list[Target], part: int) -> None:
    assert _asked(targets, EXAMPLES, range(part, len(operations()), _PARTS), list(LOGINS)) > 100
    for target in targets:
        _assert_no_defect(target)


def test_a_little_of_everything_is_answered_without_a_defect(target: Target) -> None:
    assert _asked([target], 1, range(0, len(operations()), 1), ["admin@reseller.example"]) > 20
    _assert_no_defect(target)


@pytest.mark.deep
def test_whatever_is_sent_to_an_endpoint_is_answered_without_a_defect(target: Target) -> None:
    found = httpx.get(f"{target.url}/api/openapi.json", headers=target.headers("admin@provider.example")).json()
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
    _assert_no_defect(target)
