"""Errors as callers see them: an allow-list with stable codes; everything else is masked and logged."""

import logging
from collections.abc import Iterator
from uuid import uuid4

from graphql import GraphQLError
from strawberry.extensions import SchemaExtension

from resolvers.errors import CanopyError

log = logging.getLogger("canopy.errors")


class ErrorCodes(SchemaExtension):
    """Gives each error its `extensions.code`, and hides the text of every error that is a defect of ours."""

    def on_operation(self) -> Iterator[None]:
        """After the operation: replace what is not for the caller's eyes."""
        yield
        result = self.execution_context.result
        if result is not None and getattr(result, "errors", None):
            result.errors = [public(error) for error in result.errors]  # type: ignore[union-attr]  # checked above
        if self.execution_context.pre_execution_errors:
            self.execution_context.pre_execution_errors = [
                public(error) for error in self.execution_context.pre_execution_errors
            ]


def public(error: GraphQLError) -> GraphQLError:
    """The error as the caller may see it.

    Refusals of ours keep their words and get their code; errors of the document (syntax, validation, variables)
    keep their words; anything else is logged under an id, and only the id is told.
    """
    original = error.original_error
    if isinstance(original, CanopyError):
        return _with(error, str(original), {"code": original.code})
    if original is None or isinstance(original, GraphQLError):
        return _with(error, error.message, {"code": "BAD_REQUEST", **(error.extensions or {})})
    defect = uuid4().hex
    log.error("defect %s at %s", defect, error.path, exc_info=original)
    return _with(
        error, "Something went wrong on our side. Tell support the error id.", {"code": "INTERNAL", "errorId": defect}
    )


def _with(error: GraphQLError, message: str, extensions: dict[str, object]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )
