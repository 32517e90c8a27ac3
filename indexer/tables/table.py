"""Opens a table of any kind, and reads it row by row: what it cannot use it tells."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from indexer.inputs.spreadsheet_cells import as_said
from indexer.tables import parquet, sheets
from indexer.tables.columns import columns_of, meant
from indexer.tables.delimited import Row, rows_of
from indexer.tables.dialect import Dialect, dialect_of
from indexer.tables.encodings import peek, survey
from model.errors import BadInput

SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".parquet", *sheets.SUFFIXES)
PARQUET = ".parquet"
_LOG = logging.getLogger("taxalens")
_SHOWN = 3  # rows that a message shows


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was opened: its columns by the names that they have here."""

    path: Path
    header: Sequence[str]
    """the columns as they are written"""
    columns: Sequence[str]
    """as `columns_of` calls them"""
    dialect: Dialect | None = None
    """of delimited text"""

    def rows(self) -> Iterator[Row]:
        """Yield its rows, each with a cell for every column, or a sentence about what is wrong.

        An apostrophe that keeps a spreadsheet from running a cell is no part of it. Raises
        BadInput for a file that cannot be read to its end.
        """
        try:
            if self.dialect:
                rows = rows_of(self.path, self.dialect, len(self.columns))
                next(rows, None)  # the header
                for line, cells, wrong in rows:
                    said = [as_said(each) if each[:1] == "'" else each for each in cells]
                    yield Row(line, said, wrong)
            elif self.path.suffix.lower() == PARQUET:
                yield from parquet.parquet_rows(self.path)
            else:
                yield from sheets.sheet_rows(self.path)[1]
        except (OSError, UnicodeError, pa.ArrowException) as error:
            raise unreadable(self.path, error) from error

    def used(self) -> Iterator[Row]:
        """Yield the rows that can be used; the others are told of in one warning at the end."""
        wrong: list[Row] = []
        count = 0
        for row in self.rows():
            if not row.wrong:
                yield row
                continue
            count += 1
            wrong += [row] if len(wrong) < _SHOWN else []
        if count:
            lines = "; ".join(f"line {row.line} ({row.shown}) {row.wrong}" for row in wrong)
            more = f"; and {count - len(wrong):,} more" if count > len(wrong) else ""
            _LOG.warning("%s: %d rows are left out: %s%s.", self.path, count, lines, more)

    def said(self, row: Row) -> dict[str, str]:
        """Return what a row says, by column; words for nothing say nothing."""
        said = {}
        for column, cell in zip(self.columns, row.cells, strict=True):
            if cell and (value := meant(column, cell)):
                said[column] = value
        return said


def open_table(path: Path) -> Table:
    """Open a table; raises BadInput for a file that is not there or is no table.

    An encoding that is not UTF-8, columns that come twice and sheets that are left out are told of
    in a warning.
    """
    if not path.is_file():
        raise BadInput(f"There is no table {path}.")
    suffix = path.suffix.lower()
    try:
        if suffix == PARQUET:
            header, dialect = parquet.columns_in(path), None
            return Table(path, header, columns_of(header)[0])
        if suffix in sheets.SUFFIXES:
            header, _, note = sheets.sheet_rows(path)
            dialect = None
        else:
            encoding = survey(path)
            dialect, header = dialect_of(path, encoding)
            note = encoding.note
    except (OSError, UnicodeError, pa.ArrowException) as error:
        raise unreadable(path, error) from error
    header = list(_trimmed(header))
    columns, twice = columns_of(header)
    for each in filter(None, (note, *(f"{path}: {said}; it is kept apart." for said in twice))):
        _LOG.warning("%s", each)
    return Table(path, header, columns, dialect)


def header_of(path: Path) -> tuple[str, ...]:
    """Return the columns of a table after a quick look, () where it is none; never raises."""
    suffix = path.suffix.lower()
    try:
        if suffix not in SUFFIXES or not path.is_file():
            return ()
        if suffix == PARQUET:
            header: Sequence[str] = parquet.columns_in(path)
        elif suffix in sheets.SUFFIXES:
            header = sheets.sheet_rows(path)[0]
        else:
            header = dialect_of(path, peek(path))[1]
    except (OSError, ValueError, pa.ArrowException, BadInput):
        return ()
    return columns_of(_trimmed(header))[0]


def unreadable(path: Path, error: Exception) -> BadInput:
    """Return an error with the file, the reason and the cure."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return BadInput(f"{path} cannot be read as a table: {reason}; get it anew, or save it as CSV.")


def _trimmed(header: Sequence[str]) -> Sequence[str]:
    """Return a header without the empty cells at its end, as emptied columns leave them."""
    last = max((place for place, name in enumerate(header) if name.strip()), default=-1)
    return header[: last + 1]
