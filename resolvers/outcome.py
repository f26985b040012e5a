"""What operations come to: which objects, and why not. Never the objects, which each caller reads for itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from resolvers.errors import Candidate, UserError, UserErrorCode


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one operation came to.

    Args:
        ids: row ids of the objects that it gives, by noun. A refusal gives the target, if the caller can see it.
        errors: why it was refused; empty if it was done.
        warnings: what whoever asked for it should know, though it was done.
    """

    ids: Mapping[str, int] = field(default_factory=dict)
    errors: tuple[UserError, ...] = ()
    warnings: tuple[UserError, ...] = ()


@dataclass(frozen=True, slots=True)
class BulkOutcome:
    """What an operation on many things came to.

    Args:
        items: an outcome for each item, in their order; empty if nothing was tried.
        errors: why nothing was tried.
    """

    items: tuple[Outcome, ...] = ()
    errors: tuple[UserError, ...] = ()


def written(*outcomes: Outcome) -> str:
    """The outcomes as JSON, for answering the same again."""
    return orjson.dumps(
        [{"ids": dict(each.ids), "errors": each.errors, "warnings": each.warnings} for each in outcomes]
    ).decode()


def read(text: str) -> tuple[Outcome, ...]:
    """The outcomes behind what `written` gave."""
    return tuple(
        Outcome(each["ids"], *(tuple(map(_error, each.get(kind, ()))) for kind in ("errors", "warnings")))
        for each in orjson.loads(text)
    )


def _error(error: Mapping[str, Any]) -> UserError:
    candidates = tuple(Candidate(**each) for each in error.get("candidates", ()))
    return UserError(UserErrorCode(error["code"]), error["message"], tuple(error["path"]), candidates)
