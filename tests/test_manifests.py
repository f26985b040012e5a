"""`canopy documents`: manifests as clients' tools write them, all registered or none; listing, removing, levels."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from hashlib import md5, sha1
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner, Result

import commands
from edge.documents.manifests import ManifestError, documents_in
from models.base import iso, now
from models.store import Store
from resolvers import documents
from resolvers.documents import Noted, Registered
from tests.databases import Databases
from tests.registering import id_of
from tests.templates import migrated_template, opened

REACH = "query Reach { viewer { reach } }"
LOGIN = "query Login {\n  viewer {\n    user {\n      login\n    }\n  }\n}"
MD5 = md5(REACH.encode(), usedforsecurity=False).hexdigest()
SHA1 = sha1(REACH.encode(), usedforsecurity=False).hexdigest()

Canopy = Callable[..., Result]
T = TypeVar("T")


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    with databases.copied(migrated_template(databases)) as url:
        yield url


@pytest.fixture
def canopy(url: str) -> Canopy:
    """Runs `canopy documents` on a database of the test's own."""

    def run(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(
            commands.canopy, ["documents", *arguments], env={"CANOPY_DATABASE_URL": url, **environment}
        )

    return run


def on(url: str, work: Callable[[Store], Awaitable[T]]) -> T:
    """What some work with the database comes to."""

    async def run() -> T:
        async with opened(url) as store:
            return await work(store)

    return asyncio.run(run())


def known(url: str) -> Registered:
    """What is registered in a database."""
    return on(url, lambda store: documents.registered(store, Registered()))


def written(folder: Path, name: str, content: Any) -> Path:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def apollo(*operations: tuple[str, str]) -> dict[str, Any]:
    listed = [{"id": id_, "name": "It", "type": "query", "body": body} for id_, body in operations]
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": listed}


@pytest.mark.parametrize(
    ("name", "content", "aliases"),
    [
        ("relay.json", {MD5: REACH, id_of(LOGIN): LOGIN}, {MD5}),
        ("relay-sha256.json", {id_of(REACH): REACH, id_of(LOGIN): LOGIN}, set()),
        ("codegen.json", {SHA1: REACH, f"sha256:{id_of(LOGIN)}": LOGIN}, {SHA1}),
        ("apollo.json", apollo((id_of(REACH), REACH), ("x-shop:login", LOGIN)), {"x-shop:login"}),
    ],
)
def test_the_manifests_of_each_tool_are_known_by_their_shape(
    tmp_path: Path, name: str, content: Any, aliases: set[str]
) -> None:
    found = documents_in(written(tmp_path, name, content))

    assert {each.id: each.text for each in found} == {id_of(REACH): REACH, id_of(LOGIN): LOGIN}
    assert {alias for each in found for alias in each.aliases} == aliases


def test_a_folder_of_documents_is_a_manifest_too(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    written(tmp_path, "reach.graphql", REACH)
    written(tmp_path / "more", "login.gql", LOGIN)
    written(tmp_path, "notes.txt", "nothing")

    assert {each.text for each in documents_in(tmp_path)} == {REACH, LOGIN}
    assert [each.text for each in documents_in(tmp_path / "reach.graphql")] == [REACH]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "Expecting property name"),
        ([REACH], "none of the manifests"),
        ({"a": 5}, "none of the manifests"),
        ({id_of(LOGIN): REACH}, f"which is {id_of(REACH)}"),
        ({"no id at all": REACH}, "can't be an id"),
        ({"md5:" + MD5: REACH}, "can't be an id"),
        (apollo() | {"version": 2}, "version 2"),
        (apollo() | {"format": "another"}, "format 'another'"),
        (apollo() | {"operations": {}}, '"operations" takes a list'),
        (apollo() | {"operations": [{"id": "a"}]}, "operation 0"),
        ("[" * 100_000, "recursion"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_no_manifest_is_told_with_its_file(tmp_path: Path, content: Any, says: str) -> None:
    path = written(tmp_path, "manifest.json", content)

    with pytest.raises(ManifestError) as raised:
        documents_in(path)
    assert str(path) in str(raised.value)
    assert says in str(raised.value)


def test_an_import_registers_all_and_says_what_they_come_to(canopy: Canopy, url: str, tmp_path: Path) -> None:
    manifest = written(tmp_path, "manifest.json", {MD5: REACH, id_of(LOGIN): LOGIN})

    tried = canopy("import", str(manifest), "--dry-run")
    assert (known(url)).clients == {}
    done = canopy("import", str(manifest), "--client", "web")
    again = canopy("import", str(manifest), "--client", "web")

    assert (tried.exit_code, done.exit_code, again.exit_code) == (0, 0, 0), done.stderr
    assert "2 documents could be registered." in tried.stdout
    assert "2 documents, 2 of them new for web." in done.stdout
    assert "2 documents, 0 of them new for web." in again.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["id", "operation", "kind", "depth", "selections", "cost"]
    assert [id_of(LOGIN)[:12], "Login", "query", "3", "3"] in [row[:5] for row in rows]
    found = known(url)
    assert found.clients == {id_of(REACH): frozenset({"web"}), id_of(LOGIN): frozenset({"web"})}
    assert found.aliases == {MD5: id_of(REACH)}


def test_an_import_tells_what_operations_may_cost(canopy: Canopy, tmp_path: Path) -> None:
    text = "query Pages($first: Int = 7, $of: ID!) { accounts(first: $first, filter: {below: $of}) { nodes { id } } }"

    told = canopy("import", str(written(tmp_path, "pages.graphql", text)), "--dry-run").stdout
    assert told.splitlines()[1].split() == [id_of(text)[:12], "Pages", "query", "3", "3", "7"]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ("{ nonsense }", "Cannot query field 'nonsense'"),
        ("{", "Syntax Error"),
        ("fragment A on Account { id }", "line 1, column 1"),
        ("{ " + "viewer { account { " + "parent { " * 30 + "id" + " }" * 32 + " }", "fields deep"),
    ],
    ids=["validation", "syntax", "no operation", "too deep"],
)
def test_an_import_registers_nothing_if_one_document_can_not_be_run(
    canopy: Canopy, url: str, tmp_path: Path, bad: str, says: str
) -> None:
    manifest = written(tmp_path, "manifest.json", {id_of(REACH): REACH, id_of(bad): bad})

    done = canopy("import", str(manifest))

    assert done.exit_code == 1
    assert says in done.stderr
    assert id_of(bad) in done.stderr
    assert "Nothing is registered" in done.stderr
    assert (known(url)).clients == {}


def test_documents_are_listed_shown_and_removed(canopy: Canopy, url: str, tmp_path: Path) -> None:
    manifest = written(tmp_path, "reach.graphql", REACH)
    canopy("import", str(manifest))
    canopy("import", str(manifest), "--client", "web")
    on(url, lambda store: documents.count(store, {(id_of(REACH), "web"): 7}, {}, now()))
    on(url, long_ago)

    listed = canopy("list").stdout
    unused = canopy("list", "--unused", "90d").stdout
    assert [line.split()[1:3] for line in listed.splitlines()[:2]] == [["all", "0"], ["web", "7"]]
    assert "2 registrations." in listed
    assert [line.split()[1] for line in unused.splitlines()[:-1]] == ["all"]
    assert canopy("show", id_of(REACH)[:8]).stdout == REACH + "\n"

    assert canopy("remove", id_of(REACH), "--client", "web").exit_code == 0
    assert canopy("remove", id_of(REACH), "--client", "web").exit_code == 1
    assert (known(url)).clients == {id_of(REACH): frozenset({""})}
    assert canopy("remove", f"sha256:{id_of(REACH)}").exit_code == 0
    assert (known(url)).clients == {}
    assert "No document has that id." in canopy("show", id_of(REACH)).stderr


async def long_ago(store: Store) -> None:
    """Let all have been registered in another year."""
    async with store.unfiltered("a test sets the date", write=True) as db:
        await db.sql(f"UPDATE document SET registered_at = '{iso(now()).replace('2026', '2020')}'")


def test_unknown_documents_are_listed_with_their_clients(canopy: Canopy, url: str) -> None:
    noted = {(id_of(LOGIN), "web"): Noted(3, LOGIN), (id_of(REACH), ""): Noted(5, None)}
    on(url, lambda store: documents.count(store, {}, noted, now()))

    first, second, last = canopy("list", "--unknown").stdout.splitlines()
    assert first.split()[:4] == [id_of(REACH)[:12], "no", "name", "5"]
    assert first.endswith("(long)")
    assert second.split()[:3] == [id_of(LOGIN)[:12], "web", "3"]
    assert second.endswith("query Login { viewer { user { login } } }")
    assert last == "2 unknown documents."
    assert canopy("forget").stdout == "2 unknown documents forgotten.\n"
    assert canopy("list", "--unknown").stdout == "0 unknown documents.\n"


def test_a_client_has_the_level_that_was_set_or_the_default(canopy: Canopy) -> None:
    assert canopy("client", "web").stdout == "web: default (performance)\n"
    assert canopy("client", "web", "--level", "ids").stdout == "web: ids\n"
    assert canopy("client", "web").stdout == "web: ids\n"
    assert canopy("client", "web", "--level", "default", CANOPY_SAFELIST="audit").stdout == "web: default (audit)\n"
    assert canopy("client", "web", "--level", "strict").exit_code == 2
    assert canopy("client", "what?!").exit_code == 2


def test_an_operation_is_exposed_under_an_address_and_hidden_again(canopy: Canopy, url: str, tmp_path: Path) -> None:
    two = "query One($id: ID!) { account(id: $id) { id } } query Two { viewer { reach } }"
    canopy("import", str(written(tmp_path, "two.graphql", two)))
    given = [id_of(two)[:10], "get", "/one/{id}"]

    unclear = canopy("expose", *given)
    done = canopy("expose", *given, "--operation", "One", "--title", "One account.", "--max-age", "60")
    told = known(url).endpoints

    assert (unclear.exit_code, done.exit_code) == (1, 0), done.output
    assert "Say which of the document's operations." in unclear.stderr
    assert done.stdout == "GET /api/one/{id}: One account.\n"
    assert [(each.path, each.document_id, each.operation, each.max_age) for each in told] == [
        ("/one/{id}", id_of(two), "One", 60)
    ]
    canopy("expose", id_of(two), "GET", "/one/{id}", "--operation", "One")
    assert [each.title for each in known(url).endpoints] == ["One"]
    assert canopy("hide", "GET", "/one/{id}").exit_code == 0
    assert canopy("hide", "GET", "/one/{id}").exit_code == 1
    assert known(url).endpoints == ()


def test_with_a_document_its_endpoints_go(canopy: Canopy, url: str, tmp_path: Path) -> None:
    canopy("import", str(written(tmp_path, "reach.graphql", REACH)))
    canopy("expose", id_of(REACH), "GET", "/reach")

    assert len(known(url).endpoints) == 1
    assert canopy("remove", id_of(REACH)).exit_code == 0
    assert known(url).endpoints == ()
