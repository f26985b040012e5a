"""The documents are true: what they name exists, what they show runs."""

import json
import os
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import click
import httpx
import pytest

from commands import canopy
from gateway import Settings

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]


def test_every_setting_is_documented_and_every_documented_setting_exists() -> None:
    documented = set(re.findall(r"^\| `(CANOPY_[A-Z_]+)`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))

    assert documented == {f"CANOPY_{field.name.upper()}" for field in fields(Settings)}


def test_the_documented_defaults_are_the_defaults() -> None:
    rows = re.findall(r"^\| `(CANOPY_[A-Z_]+)` \| `([^`]+)` \|", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)

    assert rows
    for name, default in rows:
        assert str(getattr(Settings.from_environment({}), name.removeprefix("CANOPY_").lower())) == default


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


def test_the_query_in_the_readme_gives_the_answer_in_the_readme(live_server: str) -> None:
    readme = (ROOT / "README.md").read_text()
    (query,) = re.findall(r"```graphql\n(.*?)```", readme, re.DOTALL)
    (answer,) = re.findall(r"```json\n(.*?)```", readme, re.DOTALL)
    form = {"grant_type": "password", "username": "admin@reseller.example", "password": "canopy-demo"}
    token = httpx.post(f"{live_server}/auth/token", data=form).json()["access_token"]

    got = httpx.post(f"{live_server}/graphql", json={"query": query}, headers={"authorization": f"Bearer {token}"})

    assert got.json() == json.loads(answer)


def test_the_change_in_the_documents_is_answered_as_they_say(live_server: str) -> None:
    text = (ROOT / "docs/mutations.md").read_text()
    (command,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (answer,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    form = {"grant_type": "password", "username": "admin@reseller.example", "password": "canopy-demo"}
    token = httpx.post(f"{live_server}/auth/token", data=form).json()["access_token"]

    shell = command.replace("http://127.0.0.1:8000", live_server)
    ran = subprocess.run(["sh", "-c", shell], env=os.environ | {"token": token}, capture_output=True, check=True)

    assert json.loads(ran.stdout) == json.loads(answer)
