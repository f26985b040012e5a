"""Follows a document as its reader would: sends what it shows, and compares what comes back with what it says.

* A block of `graphql` is sent as whoever its first line names (`# login`), or as the reseller's administrator. If it
  takes variables, they are the block of `json` behind it.
* A block of `sh` is typed into a shell, which remembers variables and functions. Where it says `make`, it is left out.
* The block of `json` that follows is the answer. Ids and numbers may be others, if each stands for the same thing
  throughout; instants and days may be others, too; and `…` is any text.
"""

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.sharing import WIDE_ENVIRONMENT

_BLOCK = re.compile(r"^```(graphql|json|sh)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_WRITER = "admin@reseller.example"
_PASSWORD = "canopy-demo"
_OTHERS_ELSEWHERE = (re.compile(r"[a-z]{3}_\d+"), re.compile(r"[A-Z]{2}\d+(-\d+)?"))
_OTHERS_LATER = (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), re.compile(r"\d{4}-\d\d-\d\d"))
_LOOKS = re.compile(r"\A(?!.*\bmutation\b)(?!.*/auth/token)|link#", re.DOTALL)
"""Says of a step that it changes nothing, or waits for a mail: it may be done again."""
_PATIENCE = 20.0
"""Seconds until what happens afterwards has to have happened."""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that the document shows, and what it says comes of it; `answer` is None where it says nothing."""

    kind: str
    text: str
    variables: dict[str, Any] = field(default_factory=dict)
    answer: Any = None


def steps(document: str) -> Iterator[Step]:
    """What a document shows, in its order."""
    blocks = [(match[1], match[2]) for match in _BLOCK.finditer(document)]
    while blocks:
        kind, text = blocks.pop(0)
        if kind == "json" or re.search(r"^make ", text, re.MULTILINE):
            continue
        variables = json.loads(blocks.pop(0)[1]) if kind == "graphql" and re.search(r"\(\$", text) else {}
        answer = json.loads(blocks.pop(0)[1]) if blocks and blocks[0][0] == "json" else None
        yield Step(kind, text, variables, answer)


class Reader:
    """Someone at a demo platform who does as documents say.

    Args:
        url: of the gateway.
        folder: where commands are run: it has the mail and `.venv`.
        environment: of commands.
    """

    def __init__(self, url: str, folder: Path, environment: Mapping[str, str]) -> None:
        self._url = url
        self._folder = folder
        self._environment = environment
        self._typed = ""
        self._tokens: dict[str, str] = {}
        self._known: dict[str, str] = {}

    def read(self, document: str) -> int:
        """Follow a whole document; returns how many of its steps have an answer."""
        self._known = {}
        found = list(steps(document))
        for step in found:
            self._follow(step)
        return sum(step.answer is not None for step in found)

    def _follow(self, step: Step) -> None:
        """Do one step, again and again where it only looks and what it looks for comes by and by.

        Raises:
            AssertionError: something else comes of it than the document says.
        """
        until = time.monotonic() + (_PATIENCE if _LOOKS.search(step.text) else 0)
        while True:
            got = self._ask(step) if step.kind == "graphql" else self._type(step.text)
            found = dict(self._known)
            if step.answer is None or _agree(step.answer, got, found):
                self._known = found
                return
            if time.monotonic() > until:
                raise AssertionError(f"{step.text}\ngave\n{json.dumps(got, indent=2)}\nand not\n{step.answer}")
            time.sleep(0.2)

    def _ask(self, step: Step) -> Any:
        named = re.match(r"# (\S+@\S+)\n", step.text)
        request = {
            "query": self._renamed(step.text),
            "variables": json.loads(self._renamed(json.dumps(step.variables))),
        }
        headers = {"authorization": f"Bearer {self._token(named[1] if named else _WRITER)}"}
        return httpx.post(f"{self._url}/graphql", json=request, headers=headers).json()

    def _renamed(self, text: str) -> str:
        """The text with the ids of this platform."""
        for theirs, ours in self._known.items():
            text = text.replace(f'"{theirs}"', f'"{ours}"')
        return text

    def _token(self, login: str) -> str:
        """An access token; a password that isn't the demo's was chosen in the shell."""
        chosen = re.findall(r"password='([^']+)'", self._typed)
        for password in (_PASSWORD, *chosen):
            if login not in self._tokens:
                form = {"grant_type": "password", "username": login, "password": password}
                answer = httpx.post(f"{self._url}/auth/token", data=form).json()
                self._tokens |= {login: answer["access_token"]} if "access_token" in answer else {}
        return self._tokens[login]

    def _type(self, text: str) -> Any:
        """What the last line of a shell prints, after all that was typed into it before without printing."""
        line = self._renamed(text).replace("http://127.0.0.1:8000", self._url)
        script = f"set -a\n[ -f .typed ] && . ./.typed\n{line}\n{{ export -p; declare -f; }} > .typed"
        ran = subprocess.run(
            ["bash", "-c", script], cwd=self._folder, env=dict(self._environment), capture_output=True, text=True
        )
        assert ran.returncode == 0, f"{text}\n{ran.stdout}\n{ran.stderr}"
        self._typed += text
        try:
            return json.loads(ran.stdout)
        except ValueError:
            return ran.stdout


def _agree(said: Any, got: Any, known: dict[str, str]) -> bool:
    """Whether an answer is what the document says; what stands for what is noted in `known`."""
    if isinstance(said, dict) and isinstance(got, dict):
        return said.keys() == got.keys() and all(_agree(said[name], got[name], known) for name in said)
    if isinstance(said, list) and isinstance(got, list):
        return len(said) == len(got) and all(
            _agree(ours, theirs, known) for ours, theirs in zip(said, got, strict=True)
        )
    if isinstance(said, str) and isinstance(got, str):
        return _texts_agree(said, got, known)
    return bool(said == got)


def _texts_agree(said: str, got: str, known: dict[str, str]) -> bool:
    if said == "…" or any(form.fullmatch(said) and form.fullmatch(got) for form in _OTHERS_LATER):
        return True
    if any(form.fullmatch(said) and form.fullmatch(got) for form in _OTHERS_ELSEWHERE):
        return known.setdefault(said, got) == got
    return said == got


def environment(url: str, folder: Path, database_url: str) -> dict[str, str]:
    """The settings of a demo platform that keeps everything in a folder."""
    own = {
        "CANOPY_DATABASE_URL": database_url,
        "CANOPY_DEMO": "1",
        **WIDE_ENVIRONMENT,
        "CANOPY_KEY_FILE": str(folder / "canopy.key"),
        "CANOPY_MAIL_URL": f"file:{folder / 'var/mail'}",
        "CANOPY_PORT": url.rpartition(":")[2],
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("CANOPY_")} | own
