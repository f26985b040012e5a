"""The parameters of an operation, from wherever they come: of each the type is looked at."""

from collections.abc import Mapping
from typing import Any

from edge.documents.forms import form
from edge.operations import Asked
from resolvers.errors import CanopyError


class BadRequestError(CanopyError):
    """The request can be read, but isn't one for an operation."""

    code = "BAD_REQUEST"


def asked(given: object, path_id: str | None = None, path_operation: str | None = None) -> Asked:
    """What a JSON value asks for.

    Args:
        given: the parameters.
        path_id: the document in a path.
        path_operation: likewise, the operation.

    Raises:
        BadRequestError: it asks for nothing; the message says what is wrong.
        FormError: it does, but for a document that nothing can be called, or for two.
    """
    if not isinstance(given, dict):
        raise BadRequestError('It takes a JSON object with a "query".')
    query, name = _text(given, "query"), _text(given, "operationName") or path_operation
    variables, _extensions = _object(given, "variables"), _object(given, "extensions")
    if path_operation not in (None, name):
        raise BadRequestError("The request names two operations.")
    document_id, registers = form(given, path_id)
    if not query and document_id is not None:
        query = None  # where a client can't leave it out, as that of graphql-ws
    if query is None and document_id is None:
        raise BadRequestError('It takes a "query" or a "documentId".')
    return Asked(query, variables, name or None, document_id, registers)


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if not isinstance(value, str | None):
        raise BadRequestError(f'"{name}" takes a text.')
    return value


def _object(given: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = given.get(name)
    if value is not None and not isinstance(value, dict):
        raise BadRequestError(f'"{name}" takes a JSON object.')
    return value
