"""Loads tables as people publish them, delimited text or Parquet, into DuckDB as clean strings."""

import csv
import glob
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from indexer.taxonomy.draft import Problem
from model.errors import BadInput

SUFFIXES = (".csv", ".tsv", ".tab", ".txt", ".parquet")
_LIMITS = {"memory_limit": "1500MB", "threads": "4"}  # every thread needs some of it
_MACRO = """
CREATE MACRO without_author(name, author) AS CASE
    WHEN author <> '' AND ends_with(name, ' ' || author)
    THEN rtrim(left(name, length(name) - length(author)))
    ELSE name
END
"""
_REJECTED = """
SELECT line - ?, coalesce(any_value(csv_line), ''), lower(any_value(error_type::VARCHAR))
FROM reject_errors GROUP BY line ORDER BY line
"""
_COUNT_REJECTED = """
UPDATE {name} SET "row" = moved.now FROM (
    SELECT {name}."row" AS old, {name}."row" + behind AS now FROM {name} ASOF JOIN (
        SELECT ? + line - ? - place AS kept, max(place) AS behind
        FROM (SELECT line, row_number() OVER (ORDER BY line) AS place FROM reject_errors)
        GROUP BY kept
    ) AS rejected ON {name}."row" > kept
) AS moved WHERE "row" = old
"""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of strings in a file, or in several of the same form."""

    paths: Sequence[Path]
    fields: Mapping[str, int]
    """the place of a column, from 0, by the name of its field in lower case"""
    defaults: Mapping[str, str] = field(default_factory=dict)
    delimiter: str = "\t"
    quote: str = ""
    skip: int = 1  # lines before the first row
    encoding: str = "utf-8"

    def has(self, name: str) -> bool:
        """Tell whether it says anything in a field."""
        return name.lower() in {*self.fields, *self.defaults}


def table_at(path: Path) -> Table:
    """Describe a table by its header; raises BadInput where it has none.

    Fields lose what stands before a colon ("dwc:taxonID"). Tabs separate values as they are;
    where something else does, or the header has quotes, values may be quoted.
    """
    try:
        if path.suffix.lower() == ".parquet":
            return Table((path,), _places(pq.read_schema(path).names))
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            header = file.readline(1 << 16).rstrip("\r\n")
        delimiter = max("\t,;|", key=header.count)
        quote = '"' if delimiter != "\t" or '"' in header else ""
        names = next(csv.reader([header], delimiter=delimiter), []) if quote else header.split("\t")
    except (OSError, ValueError, csv.Error) as error:
        raise BadInput(f"{path} cannot be read as a table ({error}); get it anew.") from error
    return Table((path,), _places(names), delimiter=delimiter, quote=quote)


def fields_of(path: Path) -> set[str]:
    """Return the fields of a table in lower case; none where it is no table."""
    try:
        return set(table_at(path).fields) if path.suffix.lower() in SUFFIXES else set()
    except BadInput:
        return set()


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
    for path in table.paths:
        before = count(connection, name) + len(problems)
        try:
            problems += _append(connection, name, table, path, fields, before)
        except (duckdb.Error, OSError, UnicodeError) as error:
            raise BadInput(
                f"{path} cannot be read as a table: {str(error).splitlines()[0]}"
            ) from error
    return problems


def count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    """Return how many rows a table has, or a part of it: `name` may go on with WHERE."""
    ((rows,),) = connection.execute(f"SELECT count(*) FROM {name}").fetchall()
    return int(rows)


def _append(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    table: Table,
    path: Path,
    fields: Sequence[str],
    before: int,
) -> list[Problem]:
    values = ", ".join(_value(table, each) for each in fields)
    reader, options = _reader(table, path)
    sql = f"INSERT INTO {name} SELECT {before} + row_number() OVER (), {values} FROM {reader}"
    connection.execute(sql, [glob.escape(str(path)), *options])  # [1] is no pattern here
    if not options:
        return []
    rejected = connection.execute(_REJECTED, [table.skip]).fetchall()
    if rejected:
        connection.execute(_COUNT_REJECTED.format(name=name), [before, table.skip])
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    return [
        Problem(before + line, text.strip()[:80], f"{wrong}: left out")
        for line, text, wrong in rejected
    ]


def _reader(table: Table, path: Path) -> tuple[str, list[object]]:
    """Return what to read from, in SQL, with columns c0, c1, …, and its parameters."""
    if path.suffix.lower() == ".parquet":
        columns = ", ".join(f"c{place}" for place in range(len(pq.read_schema(path).names)))
        return f"read_parquet(?) AS rows ({columns})", []
    width = max(_most_delimiters(table, path), *table.fields.values(), 0) + 1
    columns = ", ".join(f"'c{place}': 'VARCHAR'" for place in range(width))
    # Short rows are filled up; a row that still cannot be read is kept aside instead of ending
    # everything. Line breaks within quotes are understood by one thread only.
    return (
        f"read_csv(?, columns={{{columns}}}, auto_detect=false, header=false, null_padding=true, "
        f"strict_mode=false, store_rejects=true, nullstr='\\N', parallel={not table.quote}, "
        "delim=?, quote=?, escape=?, skip=?, encoding=?)",
        [table.delimiter, table.quote, table.quote, table.skip, table.encoding],
    )


def _value(table: Table, name: str) -> str:
    default = table.defaults.get(name.lower(), "").replace("'", "''")
    place = table.fields.get(name.lower())
    return (
        f"'{default}'"
        if place is None
        else f"coalesce(nullif(trim(c{place}::VARCHAR), ''), '{default}')"
    )


def _most_delimiters(table: Table, path: Path) -> int:
    """Look at the first lines: there may be columns that are no field."""
    with path.open(encoding=table.encoding, errors="replace") as file:
        return max((line.count(table.delimiter) for line in islice(file, 100)), default=0)


def _places(names: Sequence[str]) -> dict[str, int]:
    fields = [re.sub(r"^.*[:/#]", "", name.strip()).lower().replace(" ", "_") for name in names]
    return {name: place for place, name in reversed(list(enumerate(fields)))}
