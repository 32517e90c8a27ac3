"""Text that a spreadsheet cannot run: CSV as it is written, and understood again.

A cell that begins with = + - @, a tab or a line break is a formula to a spreadsheet; an apostrophe
in front makes it text. Source: OWASP, "CSV Injection".
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def harmless(value: object) -> object:
    """Return a value as a cell: text that would be run has an apostrophe in front.

    A number stays a number, "-33.9" too.
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def as_said(cell: str) -> str:
    """Return what was said before `harmless` made a cell of it."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


class RowWriter:
    """Writes rows of CSV that end in a line feed; every cell with a line end in it is quoted.

    Python's csv quotes a cell only for the line ends that it writes itself: it writes CR LF here,
    and `write` removes the CR.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._writer = csv.writer(self, lineterminator="\r\n")

    def __call__(self, cells: Iterable[object]) -> None:
        """Write a row, its cells `harmless`."""
        self._writer.writerow(map(harmless, cells))

    def write(self, line: str) -> None:
        """Take a line from csv."""
        self._file.write(f"{line[:-2]}\n")


@contextmanager
def sheet(path: Path, columns: Sequence[str]) -> Iterator[Callable[[Mapping[str, object]], None]]:
    """Open a CSV file in UTF-8, with a header; yields what writes a row, of what it has of it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        write = RowWriter(file)
        write(columns)
        yield lambda row: write([row.get(name, "") for name in columns])
