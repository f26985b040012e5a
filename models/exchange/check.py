"""Rules that need more than one row to be seen: each is a query that finds the rows which break it."""

# ruff: noqa: S608  # SQL is put together from names of this package only; values never stand in a text

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from models.exchange.problems import Problems
from models.exchange.stage import Stage


@dataclass(frozen=True)
class Check:
    """One rule.

    Args:
        column: the column that is wrong, by its name in the contract.
        reason: the rest of the sentence after the value. `{}` stands for the query's `detail`: text, or a number,
            which is another row's place.
        sql: selects `place`, `value` and `detail` of each row that breaks the rule.
    """

    column: str
    reason: str
    sql: str


def unknown(table: str, column: str, found: str, reason: str) -> Check:
    """Whatever the column names was found: the resolved column isn't null."""
    return Check(
        column,
        reason,
        f'SELECT place, "{column}" AS value, NULL AS detail FROM {table}'
        f' WHERE "{column}" IS NOT NULL AND {found} IS NULL',
    )


def when(table: str, column: str, condition: str, reason: str) -> Check:
    """The resolved rows `r` for which the condition holds break the rule."""
    return Check(
        column, reason, f'SELECT place, "{column}" AS value, NULL AS detail FROM {table} AS r WHERE {condition}'
    )


async def run_checks(stage: Stage, problems: Problems, checks: Iterable[Check]) -> None:
    """Report what breaks the rules. Rows with cells that could not be read have been reported already."""
    for check in checks:
        await _run(stage, problems, check)


async def refuse_repeats(stage: Stage, problems: Problems, table: str, column: str, *key: str) -> None:
    """Report rows whose key stands in an earlier row too, and go on without them."""
    same = ", ".join(f'"{name}"' for name in key or (column,))
    if not await stage.rows(
        f'SELECT 1 FROM {table} WHERE "{column}" IS NOT NULL GROUP BY {same} HAVING count(*) > 1 LIMIT 1'
    ):
        return
    repeats = (
        f'SELECT place, "{column}" AS value, first_place AS detail FROM'
        f" (SELECT *, min(place) OVER (PARTITION BY {same}) AS first_place FROM {table}) r"
        f' WHERE place > first_place AND "{column}" IS NOT NULL'
    )
    await _run(stage, problems, Check(column, "is there already, on {}", repeats))
    await stage.run(f"DELETE FROM {table} WHERE place IN (SELECT place FROM ({repeats}) r)")


async def _run(stage: Stage, problems: Problems, check: Check) -> None:
    source = f"({check.sql}) broken WHERE NOT EXISTS (SELECT 1 FROM flawed WHERE flawed.place = broken.place)"
    wanted = problems.limit
    found = await stage.rows(f"SELECT place, value, detail FROM {source} ORDER BY place LIMIT {wanted + 1}")
    for row in found[:wanted]:
        _report(problems, check, row)
    if len(found) > wanted:
        problems.count(await stage.value(f"SELECT count(*) FROM {source}") - wanted)


def _report(problems: Problems, check: Check, row: Sequence[object]) -> None:
    place, value, detail = row
    at = int(str(place))
    shown = problems.describe(detail, at) if isinstance(detail, int) else str(detail)
    problems.add(at, check.column, "" if value is None else str(value), check.reason.replace("{}", shown))
