"""The log of operations: what a slow one did, step by step, without a word of what it was asked or answered."""

import logging
from typing import Any

from edge.telemetry.seen import Seen
from models.statement import Engine
from resolvers.record import Named
from schema.execution.plan import Group

log = logging.getLogger("canopy.operations")

_MOST = 20
"""Statements and steps that are told of one operation, the longest."""
_LONGEST_TEXT = 2_000


def log_operation(seen: Seen, engine: Engine, *, is_slow: bool) -> None:
    """Log an operation that is over; of a slow one also its plan and its statements."""
    told: dict[str, Any] = {
        "seconds": round(seen.seconds, 4),
        "kind": seen.kind,
        "transport": seen.transport,
        "executor": seen.executor,
        "outcome": seen.outcome,
        "code": seen.code,
        "estimate": seen.estimate,
        "cost": seen.cost,
    }
    if is_slow:
        told |= did(seen, engine)
    level = logging.WARNING if is_slow else logging.INFO
    log.log(level, "slow operation" if is_slow else "operation", extra={"told": _present(told)})


def did(seen: Seen, engine: Engine) -> dict[str, Any]:
    """What an operation did: its steps in their order, its statements, and what of its time was neither."""
    record = seen.record
    statements = sorted(record.statements, key=lambda each: each[2], reverse=True)[:_MOST]
    steps = sorted(sorted(record.steps, key=lambda each: each[3], reverse=True)[:_MOST], key=lambda each: each[2])
    in_statements = sum(length for *_, length, _rows in record.statements)
    return {
        "plan": [
            {"step": name_of(what), "keys": keys, "seconds": round(length / 1e9, 4)}
            for what, keys, _started, length in steps
        ],
        "statements": [
            {"sql": statement.text(engine)[0][:_LONGEST_TEXT], "seconds": round(length / 1e9, 4), "rows": rows}
            for statement, _started, length, rows in statements
        ],
        "statement_count": len(record.statements),
        "statement_seconds": round(in_statements / 1e9, 4),
        "other_seconds": round(max(0.0, seen.seconds - in_statements / 1e9), 4),
    }


def name_of(what: Named) -> str:
    """A step for people: where in the answer it stands, by the schema's names, and the source that it asks."""
    if isinstance(what, Group):
        places = dict.fromkeys(step.place for step in what.steps)
        return f"{', '.join(places)}: {what.part} of {what.name}"[:_LONGEST_TEXT]
    return what.name


def _present(told: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value not in ("", None, [])}
