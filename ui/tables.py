"""Writes rows of a fixed schema, as they come: a text table, Markdown, CSV, JSON or Parquet."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa

from indexer.inputs.spreadsheet_cells import RowWriter
from model.errors import Error
from search.answers import Answers, T
from search.text_table import Row, markdown_cell, text_table

Write = Callable[[Sequence[Row]], None]


def write_answers(
    answers: Answers[T], format_: str, output: Path | None, shown: Sequence[str] = ()
) -> None:
    """Write an answer in its own schema; a text table has the columns that are `shown`."""
    rows = [item.row() for item in answers]
    write_rows(answers.SCHEMA, rows, format_, output, shown=shown or answers.SHOWN)


def write_rows(
    schema: pa.Schema,
    rows: Iterable[Row],
    format_: str,
    output: Path | None = None,
    *,
    shown: Sequence[str] = (),
    together: int | None = None,
) -> None:
    """Write rows as `writer` does: all at once, or as they are made, so many `together`."""
    left = iter(rows)
    with writer(schema, format_, output, shown) as write:
        while some := list(islice(left, together)):
            write(some)


def text_schema(*columns: str) -> pa.Schema:
    """Return a schema of columns that all hold text."""
    return pa.schema([(column, pa.string()) for column in columns])


@contextmanager
def writer(
    schema: pa.Schema, format_: str, output: Path | None, shown: Sequence[str] = ()
) -> Iterator[Write]:
    """Write rows to a file or to stdout, each part at once, under the columns of a schema.

    A text table and Markdown have the columns `shown`, a text table each part as wide as it needs.
    The output is well-formed however the work ends, and without rows, too; a Parquet file only if
    the process is not killed.
    CSV cells that a spreadsheet would run as a formula get an apostrophe in front.
    """
    if format_ == "parquet":
        with _parquet(schema, output) as write:
            yield write
        return
    way = {"csv": _csv, "json": _json, "markdown": _markdown}.get(format_, _table)
    columns = shown or schema.names if way in (_table, _markdown) else schema.names
    target = output.open("w", encoding="utf-8") if output else nullcontext(sys.stdout)
    with target as file, way(columns, file) as write:
        yield write


@contextmanager
def _parquet(schema: pa.Schema, output: Path | None) -> Iterator[Write]:
    import pyarrow.parquet as pq

    if output is None:
        raise Error("Parquet cannot be shown on a screen; write it to a file.")
    with pq.ParquetWriter(output, schema, compression="zstd") as file:
        yield lambda rows: file.write_batch(pa.RecordBatch.from_pylist(list(rows), schema=schema))


@contextmanager
def _csv(columns: Sequence[str], file: TextIO) -> Iterator[Write]:
    write_row = RowWriter(file)
    write_row(columns)

    def write(rows: Sequence[Row]) -> None:
        for row in rows:
            write_row([_cell(row[column]) for column in columns])
        file.flush()

    yield write


@contextmanager
def _json(columns: Sequence[str], file: TextIO) -> Iterator[Write]:
    before = "[\n "

    def write(rows: Sequence[Row]) -> None:
        nonlocal before
        for row in rows:
            line = {column: row[column] for column in columns}
            file.write(before + json.dumps(line, ensure_ascii=False))
            before = ",\n "
        file.flush()

    try:
        yield write
    finally:
        file.write("[]\n" if before.startswith("[") else "\n]\n")


@contextmanager
def _table(columns: Sequence[str], file: TextIO) -> Iterator[Write]:
    is_first = True

    def write(rows: Sequence[Row]) -> None:
        nonlocal is_first
        lines = text_table(columns, rows).splitlines(keepends=True)
        file.writelines(lines if is_first else lines[1:])
        file.flush()
        is_first = False

    yield write
    if is_first:
        write([])


@contextmanager
def _markdown(columns: Sequence[str], file: TextIO) -> Iterator[Write]:
    file.write(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n")

    def write(rows: Sequence[Row]) -> None:
        for row in rows:
            cells = [markdown_cell(row[column]) for column in columns]
            file.write(f"| {' | '.join(cells)} |\n")
        file.flush()

    yield write


def _cell(value: Any) -> object:
    """Return a list as words, and any other value as it is."""
    return " ".join(map(str, value)) if isinstance(value, list) else value
