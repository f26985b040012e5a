"""Whoever does what the documents show gets what they say."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolvers.operation import OPERATIONS
from tests import following
from tests.databases import Databases
from tests.nursery import Nursery
from tests.process import free_port, wait_until_healthy
from tests.templates import seeded_template

ROOT = Path(__file__).parent.parent
IN_THEIR_ORDER = ["docs/signing-in.md", "docs/mutations.md", "README.md"]
"""The last has a month go by."""


@pytest.fixture(scope="module")
def reader(
    sqlite_databases: Databases, nursery: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[following.Reader]:
    """Someone at a demo platform of their own."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / ".venv").symlink_to(Path(sys.prefix))
    url = f"http://127.0.0.1:{free_port()}"
    with sqlite_databases.copied(seeded_template(sqlite_databases)) as database_url:
        environment = following.environment(url, folder, database_url)
        server = nursery.serve(environment, folder / "log")
        try:
            wait_until_healthy(url, server, folder / "log")
            yield following.Reader(url, folder, environment)
        finally:
            server.end()


@pytest.mark.parametrize("name", IN_THEIR_ORDER)
def test_what_a_document_shows_gives_what_it_says(reader: following.Reader, name: str) -> None:
    assert reader.read((ROOT / name).read_text()) > 2


def test_every_mutation_is_named_where_mutations_are_explained() -> None:
    text = (ROOT / "docs/mutations.md").read_text()

    assert [name for name in OPERATIONS if f"`{name}`" not in text and name != "actAs"] == []
