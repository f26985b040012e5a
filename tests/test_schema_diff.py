"""`canopy schema diff`: a change is refused if it breaks a client that is known, and told otherwise."""

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from graphql import build_schema, print_schema

import commands
from models.store import Store
from resolvers import usage
from resolvers.documents import NewDocument, register
from schema import schema_text
from schema.breaking import changes
from tests.databases import Databases
from tests.templates import migrated_template, opened

TODAY = datetime.now(UTC).date()
TEXT = schema_text()
OLD = build_schema(
    """
    type Query { a(x: Int, f: F): A b: String u: U n: N }
    type A implements N { id: ID name: String kind: K }
    type B { id: ID }
    interface N { id: ID }
    union U = A | B
    enum K { ONE TWO }
    input F { kind: K text: String }
    """
)


def broken_by(new: str, *used: str) -> dict[str, set[str]]:
    """By change, what of that which is used it breaks."""
    return {each.what: set(each.broken_by) for each in changes(OLD, build_schema(new), used) if each.breaks}


@pytest.mark.parametrize(
    ("old", "new", "used", "unused"),
    [
        ("name: String kind", "kind", "A.name", "A.id"),
        ("name: String", "name: Int", "A.name", "A.kind"),
        ("a(x: Int, f", "a(f", "Query.a(x:)", "Query.a"),
        ("a(x: Int,", "a(x: Int, y: Int!,", "Query.a", "Query.b"),
        ("a(x: Int,", "a(x: Int!,", "Query.a(x:)", "Query.b"),
        ("ONE TWO", "ONE", "K.TWO", "K.ONE"),
        ("ONE TWO", "ONE", "K", "F.text"),
        ("kind: K text: String }\n    ", "kind: K }\n    ", "F.text", "F.kind"),
        ("kind: K text: String }\n    ", "kind: K }\n    ", "F", "A.kind"),
        ("text: String }", "text: String new: Int! }", "F.kind", "Query.b"),
        ("= A | B", "= A", "B.id", "A.id"),
        ("A implements N", "A", "A.name", "B.id"),
    ],
)
def test_a_change_breaks_whoever_uses_what_it_is_about_and_nobody_else(
    old: str, new: str, used: str, unused: str
) -> None:
    text = (
        """
    type Query { a(x: Int, f: F): A b: String u: U n: N }
    type A implements N { id: ID name: String kind: K }
    type B { id: ID }
    interface N { id: ID }
    union U = A | B
    enum K { ONE TWO }
    input F { kind: K text: String }
    """
    ).replace(old, new, 1)
    assert print_schema(build_schema(text)) != print_schema(OLD)
    found = broken_by(text, used, unused)

    assert set().union(*found.values()) == {used}, found


def test_what_is_only_added_breaks_nobody() -> None:
    assert broken_by("""
        type Query { a(x: Int, f: F, new: Int): A b: String u: U n: N new: Int }
        type A implements N { id: ID name: String kind: K }
        type B { id: ID }
        interface N { id: ID }
        union U = A | B
        enum K { ONE TWO THREE }
        input F { kind: K text: String new: Int }
        """, "A.name", "F", "K", "Query.a") == {}  # fmt: skip  # one call


@pytest.fixture
def url(sqlite_databases: Databases) -> Iterator[str]:
    with sqlite_databases.copied(migrated_template(sqlite_databases)) as url:
        yield url


@pytest.fixture
def canopy(url: str) -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(commands.canopy, arguments, env={"CANOPY_DATABASE_URL": url})


def on(url: str, *work: Callable[[Store], object]) -> None:
    async def run() -> None:
        async with opened(url) as store:
            for each in work:
                await each(store)  # type: ignore[misc]  # each is a coroutine function

    asyncio.run(run())


def earlier(tmp_path: Path) -> Path:
    """A schema that had a field more."""
    file = tmp_path / "earlier.graphql"
    text, count = re.subn(r"^type Viewer [^{]*\{", r"\g<0>\n  shoeSize: Int\n", TEXT, count=1, flags=re.MULTILINE)
    assert count == 1
    file.write_text(text, encoding="utf-8")
    return file


def test_a_schema_that_has_not_changed_breaks_nobody(url: str, canopy: Callable[..., Result]) -> None:
    on(url, lambda store: usage.served(store, TEXT))
    told = canopy("schema", "diff")

    assert told.exit_code == 0, told.output
    assert told.output.startswith(f"0 changes since {sha256(TEXT.encode()).hexdigest()[:12]}, served until")


def test_a_field_that_nobody_uses_may_go(tmp_path: Path, canopy: Callable[..., Result]) -> None:
    told = canopy("schema", "diff", str(earlier(tmp_path)))

    assert told.exit_code == 0, told.output
    assert told.output.splitlines()[0] == "unused  Field Viewer.shoeSize was removed."


def test_a_field_that_a_client_has_used_lately_may_not_go(
    tmp_path: Path, url: str, canopy: Callable[..., Result]
) -> None:
    on(url, lambda store: usage.add(store, {("Viewer.shoeSize", "panel"): 12}, TODAY - timedelta(10)))
    told, with_less = (canopy("schema", "diff", str(earlier(tmp_path)), *more) for more in ((), ("--days", "5")))

    assert told.exit_code == 1
    assert told.output.splitlines()[:2] == [
        "breaks  Field Viewer.shoeSize was removed.",
        f"        Viewer.shoeSize: client panel, 12 times, last on {TODAY - timedelta(10)}",
    ]
    assert with_less.exit_code == 0


def test_a_field_that_a_registered_document_needs_may_not_go(
    tmp_path: Path, url: str, canopy: Callable[..., Result]
) -> None:
    text = "query Shoes { viewer { shoeSize } }"
    document = NewDocument(sha256(text.encode()).hexdigest(), text)
    on(url, lambda store: register(store, [document], "panel", "a test"))
    told = canopy("schema", "diff", str(earlier(tmp_path)))

    assert told.exit_code == 1
    assert f"document {document.id[:12]} of panel (never used)" in told.output
    assert "Cannot query field 'shoeSize' on type 'Viewer'." in told.output


def test_printing_the_schema_is_as_it_was(canopy: Callable[..., Result]) -> None:
    assert canopy("schema").output == TEXT + "\n"
