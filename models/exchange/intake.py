"""From cells to staged rows: every cell is read by its column's kind, a column at a time, and problems are noted."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import orjson

from models.exchange import files
from models.exchange.files import Column, File, Row
from models.exchange.problems import Problems, Source
from models.exchange.stage import Stage
from models.exchange.table import BATCH, Batch, Table
from models.exchange.values import Memory, Value
from models.text import fold, terms


@dataclass(frozen=True)
class Derived:
    """A staged column that is worked out from others, derived ones before it too; null where one of them is."""

    name: str
    of: tuple[str, ...]
    make: Callable[..., Value]


def _terms(name_key: str) -> str:
    return orjson.dumps(terms(name_key)).decode()


_NAME_KEY = Derived("name_key", ("name",), fold)
_TERMS = Derived("terms", ("name_key",), _terms)
_EMAIL_KEY = Derived("email_key", ("email",), fold)
DERIVED: dict[File, tuple[Derived, ...]] = {
    files.MARKETPLACES: (_NAME_KEY,),
    files.PLANS: (_NAME_KEY,),
    files.PRODUCTS: (_NAME_KEY,),
    files.ACCOUNTS: (_NAME_KEY, _TERMS),
    files.CONTACTS: (_EMAIL_KEY,),
    files.USERS: (
        Derived("name_key", ("last_name", "first_name"), lambda last, first: fold(f"{last} {first}")),
        _TERMS,
        _EMAIL_KEY,
    ),
    files.SUBSCRIPTIONS: (_NAME_KEY,),
}


def staged_columns(file: File) -> dict[str, bool]:
    """The columns of the staged table of the file, and whether they hold numbers."""
    columns = {"place": True, "is_flawed": True} | {column.name: column.kind.is_number for column in file.columns}
    return columns | {derived.name: False for derived in DERIVED.get(file, ())}


def _reader(column: Column) -> Callable[[str], Value]:
    read = column.kind.read

    def required(cell: str) -> Value:
        if not cell or cell.isspace():
            raise ValueError("is required")
        return read(cell)  # type: ignore[no-any-return]  # kinds read values

    def optional(cell: str) -> Value:
        return read(cell) if cell else None

    whole = required if column.required else optional
    return Memory(whole).__getitem__ if column.kind.repeats else whole


_Flaw = tuple[int, str, str, str]
"""Place, column, value and reason."""


class Intake:
    """Turns rows of one file into records of its staged table.

    Args:
        file: which kind of rows.
        names: the columns that the rows have, in their order.
        problems: told of cells that can't be read.
    """

    def __init__(self, file: File, names: Sequence[str], problems: Problems) -> None:
        self._problems = problems
        positions = {name: at for at, name in enumerate(names)}
        self._columns = [(column.name, positions.get(column.name), _reader(column)) for column in file.columns]
        self._derived = DERIVED.get(file, ())

    def records(self, batch: Batch) -> list[tuple[Value, ...]]:
        """The batch as records. A cell that can't be read is null in a record that is marked as flawed."""
        places, rows = batch
        cells = list(zip(*rows, strict=True))
        flaws: list[_Flaw] = []
        found: dict[str, Sequence[Value]] = {}
        for name, at, read in self._columns:
            found[name] = [None] * len(rows) if at is None else _read(name, read, cells[at], places, flaws)
        for derived in self._derived:
            found[derived.name] = _derive(derived, [found[name] for name in derived.of])
        for flaw in sorted(flaws, key=lambda flaw: flaw[0]):
            self._problems.add(*flaw)
        flawed = {place for place, *_ in flaws}
        marks = [int(place in flawed) for place in places] if flawed else [0] * len(places)
        return list(zip(places, marks, *found.values(), strict=True))


def _read(
    name: str, read: Callable[[str], Value], cells: Sequence[str], places: list[int], flaws: list[_Flaw]
) -> list[Value]:
    """A column's values; the quick way first, as there is hardly ever a flaw."""
    try:
        return list(map(read, cells))
    except ValueError:
        return [_read_one(name, read, cell, place, flaws) for cell, place in zip(cells, places, strict=True)]


def _read_one(name: str, read: Callable[[str], Value], cell: str, place: int, flaws: list[_Flaw]) -> Value:
    try:
        return read(cell)
    except ValueError as error:
        flaws.append((place, name, cell, str(error)))
        return None


def _derive(derived: Derived, sources: list[Sequence[Value]]) -> list[Value]:
    return [None if None in values else derived.make(*values) for values in zip(*sources, strict=True)]


async def take_rows(
    stage: Stage, file: File, rows: Iterable[Row], problems: Problems, told: Callable[[int], None]
) -> int:
    """Stage rows from memory, all columns in the contract's order.

    Args:
        stage: gets them.
        file: which kind of rows.
        rows: taken one by one.
        problems: told of what is wrong; lines count as if there were a header.
        told: called with the number of rows so far.

    Returns:
        How many rows there were.
    """
    first = problems.add_source(Source(file.name)) + 2
    intake, count, width = Intake(file, file.names, problems), 0, len(staged_columns(file))
    remaining = iter(rows)
    while chunk := list(islice(remaining, BATCH)):
        places = list(range(first + count, first + count + len(chunk)))
        await stage.load(f"in_{file.stem}", width, intake.records((places, chunk)))
        count += len(chunk)
        told(count)
    return count


async def take_file(
    stage: Stage, file: File, path: Path, problems: Problems, told: Callable[[int], None]
) -> tuple[int, frozenset[str]]:
    """Stage a CSV file.

    Args:
        stage: gets its rows.
        file: which kind of rows.
        path: of the file.
        problems: told of what is wrong.
        told: called with the number of bytes so far.

    Returns:
        How many rows there were, and which columns.
    """
    table = Table(path, problems, Source(file.name))
    rows = table.rows()
    names = _header(file, table, next(rows, None))
    if names is None:
        return 0, frozenset()
    intake, count, width = Intake(file, names, problems), 0, len(staged_columns(file))
    for batch in table.batches(len(names), rows):
        await stage.load(f"in_{file.stem}", width, intake.records(batch))
        count += len(batch[0])
        told(table.bytes_read)
    return count, frozenset(names)


def _header(file: File, table: Table, first: tuple[int, list[str]] | None) -> list[str] | None:
    """The names of the columns, or None when the file can't be read with this header."""
    number, cells = first or (1, [])
    names = [cell.strip().lower() for cell in cells]
    wrong = [
        (name, f"is no column of {file.name}, whose columns are {', '.join(file.names)}")
        for name in names
        if name not in file.names
    ]
    wrong += [(name, "is there twice") for name in sorted(set(names)) if names.count(name) > 1]
    missing = [column.name for column in file.columns if column.required and column.name not in names]
    for name, reason in wrong:
        table.report(number, name, name, reason)
    if missing and not table.is_broken:
        table.report(number, "", "", f"the header lacks {', '.join(missing)}" if names else "there is no header line")
    return None if wrong or missing else names
