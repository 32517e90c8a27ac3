"""Rows of delimited text: Python's csv by the standard (RFC 4180), each row checked against it."""

import csv
import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TextIO

from indexer.tables.dialect import Dialect
from indexer.tables.encodings import MOST_LINE, mended

if TYPE_CHECKING:
    from _csv import Reader

_LOG = logging.getLogger("taxalens")
_limit = threading.Lock()  # of Python's csv, which has one for the whole process
_SHOWN = 80  # characters of a row
_UNCLOSED = (
    "has a quotation mark that does not close at the end of its cell; write it twice, or remove it"
)


class Row(NamedTuple):
    """A row of a table."""

    line: int
    """where it begins, from 1"""
    cells: list[str]
    """as many as there are columns; of a row that cannot be used those that there are"""
    wrong: str = ""
    """a sentence where it cannot be used"""

    @property
    def shown(self) -> str:
        """Its beginning, for people."""
        text = " | ".join(self.cells)
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def rows_of(path: Path, dialect: Dialect, width: int) -> Iterator[Row]:
    """Yield the rows of a text, without empty ones, each of `width` cells.

    Missing cells at the end are "", empty ones more than `width` are cut. A row that has more, or
    whose quotes do not close, is `wrong`, and reading goes on in the next line. Raises OSError and
    UnicodeError.
    """
    short = _Seen()
    encoding = dialect.encoding
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as file:
        for row in _parsed(file, dialect, width):
            cells = row.cells
            if encoding.mixed:
                cells = [mended(cell) for cell in cells]
            if len(cells) > width and not row.wrong and not any(map(str.strip, cells[width:])):
                cells = cells[:width]
            if row.wrong:
                yield Row(row.line, cells, row.wrong)
            elif len(cells) > width:
                yield Row(row.line, cells, _too_many(len(cells), width))
            elif any(cells) and not (len(cells) == 1 and cells[0].isspace()):
                if len(cells) < width:
                    short.note(row.line)
                    cells = cells + [""] * (width - len(cells))
                yield Row(row.line, cells)
    if short.count:
        _LOG.warning(
            "%s: %d rows have fewer cells than the header, the first in line %d; what they lack "
            "is taken as empty.",
            *(path, short.count, short.first),
        )


class _Seen:
    """Counts rows and knows the first."""

    def __init__(self) -> None:
        self.count = self.first = 0

    def note(self, line: int) -> None:
        """Count one."""
        self.count += 1
        self.first = self.first or line


def _too_many(cells: int, width: int) -> str:
    return (
        f"has {cells} cells and the header {width}; put quotes around a cell that has the "
        "delimiter in it, or name the column"
    )


def _parsed(file: TextIO, dialect: Dialect, width: int) -> Iterator[Row]:
    """Yield rows as the standard has them, of any number of cells."""
    for _ in range(dialect.skip):
        file.readline()
    line = dialect.skip + 1
    taken: list[str] = []
    back: deque[str] = deque()
    reader = _reader(_taking(file, taken, back), dialect)
    while True:
        taken.clear()
        try:
            cells = next(reader)
            odd = len(taken) > 1 or (len(cells) != width and dialect.quote in taken[0][:-1])
        except StopIteration:
            return
        except csv.Error as error:
            cells, odd = [], True
            if "field limit" in str(error):
                cells, odd = _long(file, taken, back, dialect)
                reader = _reader(_taking(file, taken, back), dialect)
        wrong = ""
        if odd and dialect.quote and (found := _doubtful(cells, taken, dialect, width)):
            cells, wrong = found
            back.extendleft(reversed(taken[1:]))
            del taken[1:]
            reader = _reader(_taking(file, taken, back), dialect)
        if len(cells) == width and not wrong and (' "' in taken[0] or '\t"' in taken[0]):
            cells = _unspaced(cells, taken, dialect)
        yield Row(line, cells, wrong)
        line += len(taken)


def _reader(
    lines: Iterable[str], dialect: Dialect, *, strict: bool = True, space: bool = False
) -> "Reader":
    return csv.reader(
        lines,
        delimiter=dialect.delimiter,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        strict=strict,
        skipinitialspace=space,
    )


def _taking(file: TextIO, taken: list[str], back: deque[str]) -> Iterator[str]:
    """Yield lines, first those that were given back, and note each as taken."""
    while back:
        taken.append(back.popleft())
        yield taken[-1]
    for line in file:
        taken.append(line)
        yield line


def _doubtful(
    cells: list[str], taken: list[str], dialect: Dialect, width: int
) -> tuple[list[str], str] | None:
    """Return the first line read otherwise, where quotes do not say what they should, else None.

    In tab-separated text a quote is a letter where lines without it have the right cells; in other
    text a quote inside of a cell is, and one that never closes ends at its line.
    """
    plain = [line.rstrip("\r\n").split(dialect.delimiter) for line in taken]
    if dialect.delimiter == "\t":
        if all(len(each) == width for each in plain) and (len(taken) > 1 or not cells):
            return plain[0], ""
        if not cells and len(plain[0]) <= width:
            return plain[0], ""
    if cells and (len(cells) == width or len(taken) == 1):
        return None
    if cells and not any(len(each) == width for each in plain[1:]):
        return None
    if len(taken) == 1 and not cells:
        loose = next(_reader(taken, dialect, strict=False), [])
        if len(loose) == width and taken[0].count(dialect.quote) % 2 == 0:
            return loose, ""
    return plain[0], _UNCLOSED


def _unspaced(cells: list[str], taken: list[str], dialect: Dialect) -> list[str]:
    """Take quotes for quotes where blanks stand before them: `a, "b"`."""
    if not any(cell[:1].isspace() and cell.lstrip()[:1] == dialect.quote for cell in cells):
        return cells
    try:
        other = next(_reader(taken, dialect, space=True))
    except csv.Error:
        return cells
    if len(other) != len(cells):
        return cells
    return [
        after if before[:1].isspace() and before.lstrip()[:1] == dialect.quote else before
        for before, after in zip(cells, other, strict=True)
    ]


def _long(
    file: TextIO, taken: list[str], back: deque[str], dialect: Dialect
) -> tuple[list[str], bool]:
    """Read a row with a cell that is longer than csv takes by itself; False where it is whole."""
    more, step = _taking(file, [], back), 1
    while True:
        try:
            with _limit:
                before = csv.field_size_limit(MOST_LINE)
                try:
                    reader = _reader(taken, dialect)
                    cells = next(reader)
                finally:
                    csv.field_size_limit(before)
        except csv.Error as error:
            lines = [line for _, line in zip(range(step), more, strict=False)]
            if "unexpected end" not in str(error) or not lines:
                return [], True
            taken += lines
            step *= 2
            if sum(map(len, taken)) > MOST_LINE:
                return [], True
            continue
        back.extendleft(reversed(taken[reader.line_num :]))
        del taken[reader.line_num :]
        return cells, False
