"""CONTRIBUTING's recipes, followed to the letter in a copy of the project."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.hierarchy import World
from tests.worlds import holding

ROOT = Path(__file__).parent.parent
LAYERS = ("models", "resolvers", "schema")
OF_FIELD = {"resolvers/subscriptions.py", "schema/subscription.py"}
OF_TYPE = {"resolvers/people.py", "schema/person.py", "schema/__init__.py"}
ALL = OF_FIELD | OF_TYPE
BLOCK = re.compile(r"^```(python|diff)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NEW = re.compile(r"# ([\w/.]+\.py)(, at the end)?\n(.*)", re.DOTALL)

ASK = """
import asyncio, json, sys
from models.store import open_store
from resolvers.caller import Caller
from resolvers.context import Context
from resolvers.privileges import Privilege
from schema import executor

async def ask(url, query, privileges):
    store = open_store(url)
    caller = Caller(path="000001000002", privileges=frozenset(privileges))
    answers = []
    async with store.reader(caller.scope()) as reader:
        answer = await executor.execute_by_core(executor.document(query), None, {}, Context(caller, reader, b"key"))
        answers.append({"data": answer.data, "errors": [str(error) for error in answer.errors]})
    async with store.reader(caller.scope()) as reader:
        answer = await executor.execute(executor.document(query), None, {}, Context(caller, reader, b"key"))
        answers.append({"data": answer.data, "errors": [str(error) for error in answer.errors]})
    await store.close()
    return answers

url, *queries = sys.argv[1:]
everything = set(Privilege)
print(json.dumps([asyncio.run(ask(url, query, everything)) for query in queries]))
"""


def recipe(title: str) -> Iterator[tuple[str, str]]:
    """The blocks of code under a title: their kind and their text."""
    (part,) = [part for part in (ROOT / "CONTRIBUTING.md").read_text().split("\n## ") if part.startswith(title)]
    yield from ((match[1], match[2]) for match in BLOCK.finditer(part))


def follow(title: str, copy: Path) -> set[str]:
    """Do what the blocks under a title say; returns the files that it took."""
    touched = set()
    for kind, text in recipe(title):
        if kind == "python":
            name, at_the_end, body = NEW.fullmatch(text).groups()  # type: ignore[union-attr]  # or the recipe is wrong
            path = copy / name
            assert path.exists() is bool(at_the_end)
            path.write_text(f"{path.read_text()}\n\n{body}" if at_the_end else body)
        else:
            name, _, body = text.removeprefix("--- ").partition("\n")
            path = copy / name
            lines = body.splitlines(keepends=True)
            before = "".join(line[1:] for line in lines if line[0] in " -")
            after = "".join(line[1:] for line in lines if line[0] in " +")
            assert path.read_text().count(before) == 1, f"{name} has changed: {before}"
            path.write_text(path.read_text().replace(before, after))
        touched.add(name)
    return touched


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which both recipes have been followed."""
    copy = tmp_path_factory.mktemp("project")
    for layer in LAYERS:
        shutil.copytree(ROOT / layer, copy / layer, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    assert follow("Add a field", copy) == OF_FIELD
    assert follow("Add a type", copy) == OF_TYPE
    return copy


async def test_the_recipes_lead_to_a_field_and_a_type_that_answer(
    copy: Path, sqlite_databases: Databases, market_world: World
) -> None:
    seats = market_world["seat"]
    people = [row for row in market_world["account_contact"] if row["path"].startswith("000001000002")]
    queries = [
        "{ subscriptions(first: 100) { nodes { id seatsTaken } } }",
        "{ people(first: 2, filter: {below: null}) { totalCount nodes { email account { id } } } }",
        f'{{ node(id: "per_{people[0]["id"]}") {{ __typename id ... on Person {{ email }} }} }}',
        '{ node(id: "per_1") { id } people(filter: {below: "acc_1"}) { totalCount } }',
    ]
    async with holding(sqlite_databases, "market", market_world) as store:
        command = [sys.executable, "-c", ASK, store.url, *queries]
        ran = await asyncio.to_thread(subprocess.run, command, cwd=copy, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    answers = json.loads(ran.stdout)

    for by_graphql_core, by_plan in answers:
        assert by_graphql_core == by_plan
        assert by_plan["errors"] == []
    taken, listed, one, none = [answer["data"] for answer, _ in answers]
    assert any(node["seatsTaken"] for node in taken["subscriptions"]["nodes"])
    for node in taken["subscriptions"]["nodes"]:
        assert node["seatsTaken"] == sum(f"sub_{seat['subscription_id']}" == node["id"] for seat in seats)
    assert listed["people"]["totalCount"] == len(people)
    assert listed["people"]["nodes"][0]["email"].casefold() == min(row["email_key"] for row in people)
    assert one["node"] == {"__typename": "Person", "id": f"per_{people[0]['id']}", "email": people[0]["email"]}
    assert none == {"node": None, "people": {"totalCount": 0}}


def test_what_the_recipes_show_is_in_style(copy: Path) -> None:
    ruff = Path(sys.executable).parent / "ruff"
    for command in (["check"], ["format", "--check"]):
        ran = subprocess.run([ruff, *command, *sorted(ALL)], cwd=copy, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout
