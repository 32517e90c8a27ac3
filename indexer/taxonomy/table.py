"""Loads tables as people publish them into DuckDB, as clean strings."""

import csv
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa

from indexer.tables.columns import nothing_words
from indexer.tables.delimited import Row, rows_of
from indexer.tables.dialect import Dialect
from indexer.tables.encodings import Encoding, survey
from indexer.tables.table import SUFFIXES, header_of, open_table, unreadable
from indexer.taxonomy.draft import Problem
from model.errors import BadInput

_LIMITS = {"memory_limit": "1500MB", "threads": "4"}  # every thread needs some of it
_TOGETHER = 4096  # rows as Python values
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
    """Open a database that is gone when the block ends; what does not fit in memory is on disk."""
    with tempfile.TemporaryDirectory(prefix="taxalens-") as folder:
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
    problems: list[Problem] = []
    places = sorted({table.fields[each.lower()] for each in fields if each.lower() in table.fields})
    values = ", ".join(_value(table, each) for each in fields)
    insert = f'INSERT INTO {name} SELECT "row", {values} FROM rows'
    row = 0
    for path in table.paths:
        try:
            for part in _parts(_rows(table, path)):
                good = [(row + at, each.cells) for at, each in enumerate(part, 1) if not each.wrong]
                problems += [
                    Problem(row + at, each.shown, f"line {each.line} {each.wrong}: left out")
                    for at, each in enumerate(part, 1)
                    if each.wrong
                ]
                row += len(part)
                connection.register("rows", _batch(good, places))
                connection.execute(insert)
        except (duckdb.Error, OSError, UnicodeError, csv.Error, TypeError) as error:
            raise unreadable(path, error) from error
    connection.execute("DROP VIEW IF EXISTS rows")
    return problems


def count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Return how many rows a table has, or a part of it: `name` may go on with WHERE."""
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {name}").fetchall()
    return int(rows)


def _rows(table: Table, path: Path) -> Iterator[Row]:
    if (how := table.described) is None:
        return open_table(path).rows()
    encoding = Encoding(how.encoding)
    if how.encoding == "utf-8":
        encoding = survey(path)
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as file:
        first = file.readline(1 << 16)
    # An archive does not say how many columns its rows have: as many as the first, or as it names.
    width = max(first.count(how.delimiter), *table.fields.values(), 0) + 1
    return rows_of(path, Dialect(how.delimiter, how.quote, encoding, how.skip), width)


def _parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while part := list(islice(left, _TOGETHER)):
        yield part


def _batch(rows: Sequence[tuple[int, list[str]]], places: Sequence[int]) -> pa.Table:
    columns = [pa.array([row for row, _ in rows], pa.int64())]
    columns += [pa.array([cells[place] for _, cells in rows], pa.string()) for place in places]
    return pa.table(columns, names=["row", *(f"c{place}" for place in places)])


def _value(table: Table, name: str) -> str:
    default = table.defaults.get(name.lower(), "").replace("'", "''")
    place = table.fields.get(name.lower())
    if place is None:
        return f"'{default}'"
    if name.lower() == "language":  # "na" is Nauruan
        return f"coalesce(nullif(trim(c{place}), ''), '{default}')"
    return (
        f"CASE WHEN lower(trim(c{place})) IN ({_NOTHING}) THEN '{default}' ELSE trim(c{place}) END"
    )


def _places(names: Sequence[str]) -> dict[str, int]:
    fields = [re.sub(r"^.*[:/#]", "", name.strip()).lower().replace(" ", "_") for name in names]
    return {name: place for place, name in reversed(list(enumerate(fields)))}


_NOTHING = ", ".join("'" + word + "'" for word in ("", *nothing_words()))
