"""The documents are true: what they name exists, what they show runs."""

import re
from pathlib import Path

import click
import pytest

from commands import canopy

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_and_file_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    for command in re.findall(r"`(?:\.venv/bin/)?canopy ([a-z]+)", text):
        assert command in canopy.commands, command
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert target in targets, target
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (document.parent / link).exists(), link


@pytest.mark.parametrize("name", sorted(canopy.commands))
def test_every_command_has_help(name: str) -> None:
    command = canopy.commands[name]

    assert isinstance(command, click.Command)
    assert command.help
