"""Price sheets in memory: their rows, and what is wrong with them by line and column."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, BinaryIO, cast

from models.exchange.problems import ImportRefusedError, Problem, Problems, Source
from models.exchange.sheet import COLUMNS, Sheet
from models.exchange.table import Table

_MOST_PROBLEMS = 100
_LINE = (1 << 40) - 1
"""The bits of a row's place that tell its line."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: with a cell, with a line (then the column is empty) or with all (then the line is 0)."""

    line: int
    column: str
    reason: str


@dataclass(slots=True)
class SheetText:
    """A price sheet that was read.

    Args:
        rows: the sound ones.
        faults: the first of what is wrong with the others.
        fault_count: how many there are.
        refused: the lines of sound rows that can't be taken all the same.
    """

    rows: list["SheetRow"] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    fault_count: int = 0
    refused: set[int] = field(default_factory=set)

    def copy(self) -> "SheetText":
        """The same, to be found wrong once more: whoever loses to another begins again."""
        return replace(self, faults=list(self.faults), refused=set())

    def refuse(self, row: "SheetRow", column: str, reason: str) -> None:
        """Note what is wrong with a cell."""
        self.fault_count += 1
        self.refused.add(row.line)
        if len(self.faults) < _MOST_PROBLEMS:
            self.faults.append(Fault(row.line, column, reason))


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row: what an import makes of it (`models/exchange/sheet.py`), by its names.

    Args:
        line: in the text; the header is 1.
        cells: by the names of `COLUMNS`.
    """

    line: int
    cells: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.cells[name]

    @property
    def first_day(self) -> date:
        """From when it holds."""
        return date.fromisoformat(self["valid_from"])

    @property
    def end(self) -> date | None:
        """When it holds no longer."""
        return date.fromisoformat(self["valid_until"]) if self["valid_until"] else None


def read(text: str) -> SheetText:
    """The rows of a sheet as Microsoft's partners download it, in CSV with a header."""
    problems = Problems(_MOST_PROBLEMS)
    table = Table(cast(Path, _Memory(text)), problems, Source(""))
    sheet, rows = Sheet(table, problems, None), table.rows()
    found = SheetText()
    header = next(rows, None)
    if sheet.has_header(header) and header is not None:
        for batch in table.batches(len(header[1]), rows):
            found.rows += _sound(sheet.records(batch))
    try:
        problems.raise_if_any()
    except ImportRefusedError as refusal:
        found.faults = [_fault(each) for each in refusal.problems]
        found.fault_count = refusal.total
    return found


def _fault(problem: Problem) -> Fault:
    told = f"{problem.value!r} {problem.reason}" if problem.value else problem.reason
    return Fault(problem.line, problem.column, f"{told[:1].upper()}{told[1:]}.")


def _sound(records: Sequence[Sequence[Any]]) -> list[SheetRow]:
    named = (dict(zip(COLUMNS, record, strict=True)) for record in records)
    return [SheetRow(cells["place"] & _LINE, cells) for cells in named if not cells["is_flawed"]]


class _Memory:
    """Text that is opened as a file is."""

    def __init__(self, text: str) -> None:
        self._bytes = text.encode(errors="replace")

    def open(self, _mode: str) -> BinaryIO:
        return io.BytesIO(self._bytes)
