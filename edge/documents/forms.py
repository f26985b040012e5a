"""The forms in which a request names a persisted document instead of sending its text.

Sources: GraphQL over HTTP, appendix A (`documentId`) and its form in the path; Apollo's automatic persisted queries.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from resolvers.errors import CanopyError

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ALIAS = re.compile(r"(?:x-[A-Za-z0-9._~-]{1,32}:)?[A-Za-z0-9._~=+-]{1,128}")


class FormError(CanopyError):
    """A request that names no document, or two."""

    code = "BAD_REQUEST"


def form(body: Mapping[str, Any], path_id: str | None = None) -> tuple[str | None, bool]:
    """Which document a request names.

    Args:
        body: its parameters; of these `query`, `documentId` and `extensions` are looked at.
        path_id: the id in its path.

    Returns:
        The id, None where none is named: 64 hexadecimal digits, or an alias; and whether the text beside it is to be
        remembered under it.

    Raises:
        FormError: it is none of the forms, or two documents are named.
    """
    automatic = _automatic(body.get("extensions"))
    given = {each for each in (_id(path_id), _id(body.get("documentId")), automatic) if each is not None}
    if not given:
        return None, False
    if len(given) > 1:
        raise FormError("The request names two documents.")
    (document_id,) = given
    return document_id, automatic is not None and bool(body.get("query"))


def id_of(text: str) -> str:
    """The id of a text: its SHA-256, hexadecimal."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_id(text: str) -> bool:
    """Whether a document can be named so: by letters and digits, also behind a prefix of one's own such as `x-app:`."""
    return bool(_ALIAS.fullmatch(text))


def _id(given: object) -> str | None:
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise FormError('"documentId" takes a text.')
    prefix, _, digits = given.partition(":")
    if prefix == "sha256":
        if not _SHA256.fullmatch(digits):
            raise FormError("`sha256:` takes 64 hexadecimal digits in lower case.")
        return digits
    if not is_id(given):
        raise FormError("A document's id is `sha256:` and 64 hexadecimal digits, or one under which it was registered.")
    return given


def _automatic(extensions: object) -> str | None:
    """The id in Apollo's extension."""
    given = extensions.get("persistedQuery") if isinstance(extensions, Mapping) else None
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise FormError('"persistedQuery" takes an object.')
    version, digits = given.get("version"), given.get("sha256Hash")
    if version != 1 or isinstance(version, bool):
        raise FormError('"persistedQuery" takes version 1.')
    if not isinstance(digits, str) or not _SHA256.fullmatch(digits):
        raise FormError('"sha256Hash" takes 64 hexadecimal digits in lower case.')
    return digits
