"""Errors as callers see them: an allow-list with stable codes; everything else is masked and logged."""

import logging
import re
from uuid import uuid4

from graphql import GraphQLError

from models.store import StoreAwayError
from resolvers.errors import CanopyError, UnavailableError
from resolvers.request_id import REQUEST_ID

log = logging.getLogger("canopy.errors")

AWAY = "The database does not answer. Try again in a moment."
DEFECT = "Something went wrong on our side. Tell support the request id."

_TOLD = ("code", "limit", "value", "maximum", "retryAfter")
"""Of an error of GraphQL's, the extensions that callers are told: those that are made by us."""
_WHILE_EXECUTING = re.compile(
    r"Argument '|Variable '\$|Directive '"  # the caller's
    r"|Cannot return null for non-nullable field [\w.]+\.$"
    r"|Expected Iterable, but did not find one for field '[\w.]+'\.$"
)
"""What GraphQL may say of a field that failed. It has more to say, in which values stand that nobody meant to tell."""


def public(error: GraphQLError) -> GraphQLError:
    """The error as the caller may see it.

    Refusals of ours keep their words and get their code; errors of the document (syntax, validation, variables)
    keep their words. A database that went away is told as that; anything else is logged under the request's id, and
    only the id is told.
    """
    original = error.original_error
    if isinstance(original, CanopyError):
        return _with(error, str(original), {"code": original.code})
    if isinstance(original, StoreAwayError):
        log.error("the database went away at %s: %s", error.path, original)
        return _with(error, AWAY, {"code": UnavailableError.code})
    if _is_of_the_document(error):
        extensions = {name: value for name, value in (error.extensions or {}).items() if name in _TOLD}
        return _with(error, error.message, {"code": "BAD_USER_INPUT"} | extensions)
    request_id = REQUEST_ID.get() or uuid4().hex
    log.error("defect at %s in request %s", error.path, request_id, exc_info=original or error)
    return _with(error, DEFECT, {"code": "INTERNAL", "requestId": request_id})


def _is_of_the_document(error: GraphQLError) -> bool:
    """Whether GraphQL itself says it, of what the caller has written."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    return cause is None and (not error.path or _WHILE_EXECUTING.match(error.message) is not None)


def _with(error: GraphQLError, message: str, extensions: dict[str, object]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )
