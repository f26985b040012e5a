"""Codes of errors: `docs/errors.md` has all that there are, and no other."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import edge
import resolvers
from edge.limits.budget import RATE_LIMITED
from resolvers.errors import CanopyError
from schema.execution.documents import BAD_INPUT, NO_OPERATION, PARSE_FAILED, VALIDATION_FAILED
from schema.limits.bounds import LIMIT_EXCEEDED

DOCUMENT = Path(__file__).parent.parent / "docs/errors.md"
OF_GRAPHQL = {BAD_INPUT, NO_OPERATION, PARSE_FAILED, VALIDATION_FAILED, LIMIT_EXCEEDED, RATE_LIMITED, "INTERNAL"}
"""Codes that no class of ours has."""


def refusals(of: type[CanopyError] = CanopyError) -> Iterator[type[CanopyError]]:
    for each in of.__subclasses__():
        yield each
        yield from refusals(each)


def test_the_document_has_every_code_once_and_no_other() -> None:
    for package in (edge, resolvers):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    ours = {each.code for each in refusals() if each.__module__.startswith(("edge.", "resolvers."))}
    documented = re.findall(r"^\| `([A-Z_]+)` \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)

    assert sorted(documented) == sorted(ours | OF_GRAPHQL)
