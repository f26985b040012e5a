"""What leaves the gateway of an answer or an error: the one place where errors become text."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import ExecutionResult, GraphQLError, InitialIncrementalExecutionResult

from edge.telemetry.metrics import REFUSALS
from models.store import StoreError
from resolvers.errors import CanopyError, UnavailableError
from schema.errors import public
from schema.execution.documents import Answer
from schema.execution.parts import Part

log = logging.getLogger("canopy")


@dataclass(frozen=True, slots=True)
class Payload:
    """An answer, or a part of one, ready to be written.

    Args:
        body: `data`, `errors` and `extensions`, as far as there are any.
        has_next: whether more will follow.
    """

    body: Mapping[str, Any]
    has_next: bool = False


class Refusal(Exception):  # noqa: N818  # no error of ours: an answer, given before anything ran
    """An operation that is not run.

    Args:
        errors: why.
        status: of HTTP; None where the request was understood and GraphQL refuses, which media types tell differently.
        headers: of HTTP.
    """

    def __init__(
        self, errors: Iterable[GraphQLError], status: int | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.errors = [public(error).formatted for error in errors]
        self.status = status
        self.headers = dict(headers or {})
        REFUSALS.labels(self.code or "INTERNAL").inc()
        super().__init__("; ".join(error["message"] for error in self.errors))

    @property
    def body(self) -> Mapping[str, Any]:
        """The answer in its stead: without `data`, for nothing was executed."""
        return {"errors": self.errors}

    @property
    def code(self) -> str:
        """Of the first reason."""
        return str(self.errors[0].get("extensions", {}).get("code", ""))


def payload(answer: Answer, *, has_next: bool = False) -> Payload:
    """An answer as its caller may see it."""
    body: dict[str, Any] = {}
    if answer.errors:
        body["errors"] = [public(error).formatted for error in answer.errors]
    body["data"] = answer.data
    return Payload(body, has_next)


def part(found: Part) -> Payload:
    """A part of an answer as its caller may see it, in the form of the newest draft.

    Source: the incremental delivery RFC of GraphQL over HTTP: `pending`, `incremental`, `completed`.
    """
    if isinstance(found, ExecutionResult):
        return payload(Answer(found.data, list(found.errors or ())))
    body: dict[str, Any] = {}
    if isinstance(found, InitialIncrementalExecutionResult):
        body = {**payload(Answer(found.data, list(found.errors or ()))).body}
    else:
        incremental = [_with_errors(each.formatted, each.errors) for each in found.incremental or ()]
        completed = [_with_errors(each.formatted, each.errors) for each in found.completed or ()]
        body = {name: value for name, value in (("incremental", incremental), ("completed", completed)) if value}
    if found.pending:
        body["pending"] = [each.formatted for each in found.pending]
    return Payload({**body, "hasNext": found.has_next}, found.has_next)


def _with_errors(formatted: Mapping[str, Any], errors: Iterable[GraphQLError] | None) -> dict[str, Any]:
    """The same, with its errors as its caller may see them."""
    told = {name: value for name, value in formatted.items() if name not in {"errors", "extensions"}}
    return {**told, "errors": [public(error).formatted for error in errors]} if errors else told


def refused(error: CanopyError, status: int | None = None, **headers: str) -> Refusal:
    """A refusal of ours; a header's name is given with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Refusal([GraphQLError(str(error), original_error=error)], status, named)


def refusal_of(error: Exception) -> Refusal:
    """What a caller is told of whatever was raised; a defect is logged, and masked."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, (StoreError, OSError)):
        log.error("an operation can't be answered: %s", error)
        away = UnavailableError("The database does not answer. Try again in a moment.")
        return refused(away, 503, retry_after="1")
    if isinstance(error, CanopyError):
        return refused(error)
    return Refusal([GraphQLError(str(error), original_error=error)], 500)
