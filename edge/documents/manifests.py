"""Manifests of documents, as the tools of clients write them: known by their shape.

* Relay's compiler, `persistConfig`: `{"<md5 or sha256>": "<text>", ...}`.
* graphql-codegen's client preset, `persistedDocuments`: `{"<sha1 or sha256>": "<text>", ...}`.
* Apollo's `generate-persisted-query-manifest`: `{"format": "apollo-persisted-query-manifest", "operations": [...]}`.
* A `.graphql` file, or a folder of them: each is a document.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.documents.forms import id_of, is_id
from resolvers.documents import NewDocument

APOLLO = "apollo-persisted-query-manifest"
_SUFFIXES = frozenset({".graphql", ".gql"})
_SHA256 = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class ManifestError(Exception):
    """A file isn't a manifest, or says of a document what is not so."""


def documents_in(path: Path) -> list[NewDocument]:
    """The documents of a file or a folder.

    Raises:
        ManifestError: it holds something else; the message says where.
    """
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.suffix in _SUFFIXES)
        if not files:
            raise ManifestError(f"{path}: there is no .graphql file in it.")
        return [_document(_read(each)) for each in files]
    text = _read(path)
    if path.suffix in _SUFFIXES:
        return [_document(text)]
    try:
        found = json.loads(text)
        return list(_of_apollo(found) if _is_apollo(found) else _of_pairs(found))
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: {error}") from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ManifestError(f"{path}: {error}") from error


def _is_apollo(found: Any) -> bool:
    return isinstance(found, dict) and ("format" in found or isinstance(found.get("operations"), list))


def _of_apollo(found: dict[str, Any]) -> Iterator[NewDocument]:
    if found.get("format") != APOLLO or found.get("version") != 1:
        raise ValueError(f"it says it is of format {found.get('format')!r}, version {found.get('version')!r}.")
    operations = found.get("operations")
    if not isinstance(operations, list):
        raise ValueError('"operations" takes a list.')
    for number, each in enumerate(operations):
        if not isinstance(each, dict) or not isinstance(each.get("id"), str) or not isinstance(each.get("body"), str):
            raise ValueError(f'operation {number} has no "id" and "body".')
        yield _document(each["body"], each["id"])


def _of_pairs(found: Any) -> Iterator[NewDocument]:
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise ValueError("it is none of the manifests that are known: an object of texts by their ids, or Apollo's.")
    for given, text in found.items():
        yield _document(text, given)


def _document(text: str, given: str | None = None) -> NewDocument:
    """A document under its SHA-256; another id that was given to it becomes an alias."""
    document_id = id_of(text)
    hashed = _SHA256.fullmatch(given) if given is not None else None
    if given is None or (hashed is not None and hashed[1] == document_id):
        return NewDocument(document_id, text)
    if hashed is not None:
        raise ValueError(f"{given} is not the SHA-256 of the text that it stands for, which is {document_id}.")
    if not is_id(given):
        raise ValueError(f"{given!r} can't be an id: it takes up to 128 letters, digits and _ . = + -")
    return NewDocument(document_id, text, (given,))
