"""CSV files as rows: decoding, quoting, headers; whatever is wrong with a file as such is found here."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from models.exchange.problems import Problems, Source

BATCH = 5_000
_LONGEST_LINE = 1 << 20
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_UTF8_MARK = "\ufeff"

Batch = tuple[list[int], list[Sequence[str]]]
"""Places of rows and the rows themselves."""


class Table:
    """One CSV file, read once from the beginning to the end.

    Args:
        path: of the file.
        problems: told of what is wrong.
        source: by what name problems know the file.
    """

    def __init__(self, path: Path, problems: Problems, source: Source) -> None:
        self.path = path
        self.source = source
        self.bytes_read = 0
        self._problems = problems
        self._first_place = problems.add_source(source)
        self.is_broken = False
        """Whether the rest of the file could not be read."""

    def lines(self, file: BinaryIO) -> Iterator[str]:
        """The physical lines as text, what can't be decoded replaced and reported."""
        number = 0
        while raw := file.readline(_LONGEST_LINE):
            number += 1
            self.bytes_read += len(raw)
            if number == 1 and raw.startswith(_UTF16):
                self._give_up(number, "the file is UTF-16; save it as UTF-8")
                return
            if len(raw) == _LONGEST_LINE and not raw.endswith(b"\n"):
                self._give_up(number, f"the line is longer than {_LONGEST_LINE:,} bytes; the rest was not read")
                return
            yield self._decode(number, raw)

    def _decode(self, number: int, raw: bytes) -> str:
        try:
            line = raw.decode()
        except UnicodeDecodeError as error:
            shown = raw[max(0, error.start - 20) : error.start + 20].decode(errors="backslashreplace").strip()
            self.report(number, "", shown, "is not UTF-8")
            line = raw.decode(errors="replace")
        if "\0" in line:
            self.report(number, "", "", "there is a NUL character")
            line = line.replace("\0", "\ufffd")
        return line.removeprefix(_UTF8_MARK) if number == 1 else line

    def report(self, number: int, column: str, value: str, reason: str) -> None:
        """Note a problem at a line."""
        self._problems.add(self._first_place + number, column, value, reason)

    def _give_up(self, number: int, reason: str) -> None:
        self.report(number, "", "", reason)
        self.is_broken = True

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each row that isn't blank with the line where it begins, the header first."""
        with self.path.open("rb") as file:
            reader = csv.reader(self.lines(file), strict=True)
            while not self.is_broken:
                begin = reader.line_num + 1
                try:
                    row = next(reader, None)
                except csv.Error as error:
                    self._refuse(begin, str(error))
                    continue
                if row is None:
                    return
                if row:
                    yield begin, row

    def _refuse(self, begin: int, message: str) -> None:
        if "field larger than" in message:
            self._give_up(begin, "a cell is longer than 131,072 characters (a quote that is never closed?)")
        elif "unexpected end of data" in message:
            self._give_up(begin, "a quote is opened here and never closed")
        else:
            self.report(begin, "", "", f"the quoting is wrong: {message}")

    def batches(self, width: int, rows: Iterable[tuple[int, list[str]]]) -> Iterator[Batch]:
        """The rows after the header, some thousands at a time; those of another width are reported and left out."""
        remaining = iter(rows)
        while chunk := list(islice(remaining, BATCH)):
            places: list[int] = []
            kept: list[Sequence[str]] = []
            for number, row in chunk:
                if len(row) == width:
                    places.append(self._first_place + number)
                    kept.append(row)
                else:
                    self.report(number, "", "", f"there are {len(row)} cells where the header has {width}")
            if kept:
                yield places, kept
