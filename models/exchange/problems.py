"""What is wrong with files: each finding with its place, as many as asked for, and how many there are in all."""

from collections.abc import Callable
from dataclasses import dataclass, field

_SHOWN = 120
_LINE_BITS = 40
"""A row's place is one number: the source in the high bits, the line in these."""


@dataclass(frozen=True)
class Problem:
    """One reason why files are refused.

    Args:
        file: its name, without the directory.
        line: where the row begins; the header is line 1. Rows from memory count as if they stood in a file.
        column: its name; empty when the whole line is meant.
        value: what stands there, cut when long.
        reason: the rest of the sentence: 'is required', 'is no account that exists or is imported'.
    """

    file: str
    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}, line {self.line}" + (f", {self.column}" if self.column else "")
        return f"{where}: {self.value!r} {self.reason}" if self.value else f"{where}: {self.reason}"


class ImportRefusedError(Exception):
    """The files were refused as a whole; the database is as it was.

    Args:
        problems: those that were found first, in order of files and lines.
        total: how many there are.
    """

    def __init__(self, problems: list[Problem], total: int) -> None:
        further = f" (and {total - len(problems)} more)" if total > len(problems) else ""
        super().__init__("\n".join(map(str, problems)) + further)
        self.problems = problems
        self.total = total


@dataclass
class Source:
    """A file that rows come from; `columns` translates the contract's names where the file has others."""

    file: str
    columns: dict[str, str] = field(default_factory=dict)


class Problems:
    """Collects problems up to a limit and counts the others."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.total = 0
        self._sources: list[Source] = []
        self._found: list[tuple[int, Problem]] = []

    def add_source(self, source: Source) -> int:
        """Make a file known. Returns what to add to its line numbers so that they name places."""
        self._sources.append(source)
        return (len(self._sources) - 1) << _LINE_BITS

    def add(self, place: int, column: str, value: str, reason: str) -> None:
        """Note one problem of the row at the place."""
        self.total += 1
        if len(self._found) < self.limit:
            source, line = self._locate(place)
            shown = value if len(value) <= _SHOWN else value[:_SHOWN] + "…"
            self._found.append((place, Problem(source.file, line, source.columns.get(column, column), shown, reason)))

    def count(self, further: int) -> None:
        """Note problems that needn't be shown."""
        self.total += further

    def describe(self, place: int, seen_from: int) -> str:
        """Another row's place in words, for the reason of a problem at `seen_from`."""
        source, line = self._locate(place)
        return f"line {line}" if self._locate(seen_from)[0] is source else f"line {line} of {source.file}"

    def _locate(self, place: int) -> tuple[Source, int]:
        return self._sources[place >> _LINE_BITS], place & ((1 << _LINE_BITS) - 1)

    def raise_if_any(self) -> None:
        """Refuse the import if anything was found.

        Raises:
            ImportRefusedError: with the problems in order of files and lines.
        """
        if self.total:
            by_place: Callable[[tuple[int, Problem]], int] = lambda found: found[0]  # noqa: E731  # typed for sort
            raise ImportRefusedError([problem for _, problem in sorted(self._found, key=by_place)], self.total)
