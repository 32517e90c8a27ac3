"""Loads tables as people publish them into DuckDB, as clean strings."""

import csv
import re
import tempfile
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from indexer.inputs.spreadsheet_cells import as_said
from indexer.store.database import writing_database
from indexer.tables.columns import nothing_words
from indexer.tables.delimited import rows_of
from indexer.tables.dialect import Dialect
from indexer.tables.encodings import Encoding, survey
from indexer.tables.table import SUFFIXES, header_of, open_table, unreadable
from indexer.taxonomy.draft import Problem
from model.errors import BadInput

_LIMITS = {"memory_limit": "1500MB", "threads": "4"}  # every thread needs some of it
_TOGETHER = 4096  # rows as Python values
_BLOCK = 4 << 20  # bytes of plain text at once; no line may be longer
_ERRORS = (duckdb.Error, OSError, UnicodeError, csv.Error, TypeError)
_MACRO = """
CREATE MACRO without_author(name, author) AS CASE
    WHEN author <> '' AND ends_with(name, ' ' || author)
    THEN rtrim(left(name, length(name) - length(author)))
    ELSE name
END
"""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of strings in a file, or in several of the same form."""

    paths: Sequence[Path]
    fields: Mapping[str, int]
    """the place of a column, from 0, by the name of its field in lower case"""
    defaults: Mapping[str, str] = field(default_factory=dict)
    described: "Described | None" = None
    """how an archive says that its files are written; None: their headers decide"""
    terms: Mapping[str, str] = field(default_factory=dict)
    """of an archive: its fields' names in their own case, by their names in lower case"""

    def has(self, name: str) -> bool:
        """Tell whether it says anything in a field."""
        return name.lower() in {*self.fields, *self.defaults}


@dataclass(frozen=True, slots=True)
class Described:
    """How the meta.xml of an archive says that its files are written."""

    delimiter: str
    quote: str
    skip: int
    """lines before the first row"""
    encoding: str


def table_at(path: Path) -> Table:
    """Describe a table by its header; raises BadInput where it has none.

    Fields lose what stands before a colon ("dwc:taxonID").
    """
    if not path.is_file():
        raise BadInput(f"{path} cannot be read as a table: there is no such file.")
    return Table((path,), _places(open_table(path).header))


def fields_of(path: Path) -> set[str]:
    """Return the fields of a table in lower case; none where it is no table."""
    if path.suffix.lower() not in SUFFIXES:
        return set()
    return set(_places(header_of(path)))


@contextmanager
def scratch() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database that is gone when the block ends; what does not fit in memory is on disk.

    Raises NotWritten where that disk, which TMPDIR chooses, has no room.
    """
    with (
        tempfile.TemporaryDirectory(prefix="taxalens-") as folder,
        writing_database(Path(folder, "scratch.duckdb")),
    ):
        connection = duckdb.connect(f"{folder}/scratch.duckdb", config={**_LIMITS})
        try:
            connection.execute(_MACRO)
            yield connection
        finally:
            connection.close()


def load(
    connection: duckdb.DuckDBPyConnection, name: str, table: Table, fields: Sequence[str]
) -> list[Problem]:
    """Create a table of a `row` and the named fields, trimmed, "" where the source says nothing.

    `row` counts the rows of the source from 1, without its header and without empty lines.
    Returns a problem for every row that cannot be read.
    """
    columns = ", ".join(f'"{each}" VARCHAR' for each in fields)
    connection.execute(f'CREATE TABLE {name} ("row" BIGINT, {columns})')
    lower = map(str.lower, fields)
    names = {table.fields[name]: name for name in lower if name in table.fields}
    values = ", ".join(_value(table, each) for each in fields)
    insert = f'INSERT INTO {name} SELECT "row", {values} FROM rows'
    problems: list[Problem] = []
    row = 0
    connection.execute("BEGIN")  # one commit, not one for every few thousand rows
    for path in table.paths:
        try:
            for batch, wrong in _batches(table, path, names, row):
                row += len(batch) + len(wrong)
                problems += wrong
                connection.register("rows", batch)
                connection.execute(insert)
        except (duckdb.IOException, duckdb.TransactionException):
            raise  # of the database: the source is read by others
        except (
            duckdb.Error,
            OSError,
            UnicodeError,
            csv.Error,
            TypeError,
            pa.ArrowException,
        ) as error:
            raise unreadable(path, error) from error
    connection.execute("COMMIT; DROP VIEW IF EXISTS rows")
    return problems


def count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Return how many rows a table has, or a part of it: `name` may go on with WHERE."""
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {name}").fetchall()
    return int(rows)


def _batches(
    table: Table, path: Path, names: Mapping[int, str], before: int
) -> Iterator[tuple[pa.Table, list[Problem]]]:
    """Yield the rows of a file as columns of the named places, and the problems among them."""
    dialect, header, width = _form(table, path)
    if dialect and _is_plain(dialect) and _is_rectangular(path, dialect, header, width):
        for columns in _split(path, dialect, header, width):
            rows = pa.array(range(before + 1, before + 1 + len(columns)), pa.int64())
            yield _table(rows, {place: columns.column(place) for place in names}, names), []
            before += len(columns)
        return
    rows_in = rows_of(path, dialect, width) if table.described and dialect else None
    left = iter(rows_in or open_table(path).rows())
    while part := list(islice(left, _TOGETHER)):
        good = [(before + at, row.cells) for at, row in enumerate(part, 1) if not row.wrong]
        wrong = [
            Problem(before + at, row.shown, f"line {row.line} {row.wrong}: left out")
            for at, row in enumerate(part, 1)
            if row.wrong
        ]
        before += len(part)
        numbers = pa.array([row for row, _ in good], pa.int64())
        texts = {
            place: pa.array([cells[place] for _, cells in good], pa.string()) for place in names
        }
        yield _table(numbers, texts, names), wrong


def _form(table: Table, path: Path) -> tuple[Dialect | None, int, int]:
    """Return a text's dialect, its lines above the first row, and its number of columns."""
    if (how := table.described) is None:
        opened = open_table(path)
        skip = opened.dialect.skip + 1 if opened.dialect else 0
        return opened.dialect, skip, len(opened.columns)
    encoding = survey(path) if how.encoding == "utf-8" else Encoding(how.encoding)
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as file:
        first = file.readline(1 << 16)
    # An archive does not say how many columns its rows have: as many as the first, or as it names.
    width = max(first.count(how.delimiter), *table.fields.values(), 0) + 1
    return Dialect(how.delimiter, how.quote, encoding, how.skip), how.skip, width


def _is_plain(dialect: Dialect) -> bool:
    """Tell whether cells are what lies between delimiters, and nothing else."""
    has_quotes = dialect.quote not in ("", '"') or (dialect.quote and dialect.encoding.quotes)
    return dialect.encoding.plain and not has_quotes


def _is_rectangular(path: Path, dialect: Dialect, skip: int, width: int) -> bool:
    """Tell whether every row has every cell, so that columns can be split without looking twice."""
    try:
        deque(_split(path, dialect, skip, width), maxlen=0)
    except pa.ArrowInvalid:
        return False
    return True


def _split(path: Path, dialect: Dialect, skip: int, width: int) -> Iterator[pa.RecordBatch]:
    """Yield the columns of a plain text, empty lines left out; raises ArrowInvalid for others."""
    names = [str(place) for place in range(width)]
    yield from pa_csv.open_csv(
        path,
        pa_csv.ReadOptions(block_size=_BLOCK, skip_rows=skip, column_names=names),
        pa_csv.ParseOptions(delimiter=dialect.delimiter, quote_char=False),
        pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
        ),
    )


def _table(rows: pa.Array, columns: Mapping[int, pa.Array], names: Mapping[int, str]) -> pa.Table:
    """Return columns trimmed, without words for nothing and a spreadsheet's apostrophes."""
    clean = {"row": rows}
    for place, cells in columns.items():
        if pc.any(pc.starts_with(cells, "'")).as_py():
            cells = pa.array(map(as_said, cells.to_pylist()), pa.string())
        cells = pc.utf8_trim_whitespace(cells)
        if names[place] != "language":  # "na" is Nauruan
            cells = pc.if_else(pc.is_in(pc.utf8_lower(cells), _nothing()), "", cells)
        clean[f"c{place}"] = cells
    return pa.table(clean)


def _value(table: Table, name: str) -> str:
    default = table.defaults.get(name.lower(), "").replace("'", "''")
    place = table.fields.get(name.lower())
    if place is None:
        return f"'{default}'"
    return f"coalesce(nullif(c{place}, ''), '{default}')" if default else f"c{place}"


def _places(names: Sequence[str]) -> dict[str, int]:
    fields = [re.sub(r"^.*[:/#]", "", name.strip()).lower().replace(" ", "_") for name in names]
    return {name: place for place, name in reversed(list(enumerate(fields)))}


@cache
def _nothing() -> pa.Array:
    return pa.array(nothing_words())  # which imports pandas
