"""Writes rows as they pass by, where there may be too many to keep."""

import json
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from indexer.inputs.spreadsheet_cells import RowWriter
from model.errors import Error
from search.text_table import Row, text_table
from ui.tables import NEEDS_FILE

Batches = Iterable[pa.RecordBatch]
Written = Generator[pa.RecordBatch, None, None]


@dataclass(frozen=True, slots=True)
class Stream:
    """How batches of a schema are shown.

    Parquet has them as they are; CSV and JSON the `columns` of their `rows`, a text table those
    that are `shown`, each part as wide as it needs.
    """

    schema: pa.Schema
    rows: Callable[[pa.RecordBatch], list[Row]]
    columns: Sequence[str]
    shown: Sequence[str]

    def through(self, batches: Batches, format_: str, output: Path | None) -> Batches:
        """Yield batches on, each when it is written to a file, or to stdout.

        What was written is whole when no more comes, whatever ends it; only of Parquet a process
        that is killed leaves nothing.
        """
        if format_ == "parquet":
            yield from self._parquet(batches, output)
            return
        way = {"csv": self._csv, "json": self._json}.get(format_, self._table)
        target = output.open("w", encoding="utf-8") if output else nullcontext(sys.stdout)
        with target as file, closing(way(batches, file)) as written:
            for batch in written:
                file.flush()
                yield batch

    def _parquet(self, batches: Batches, output: Path | None) -> Iterator[pa.RecordBatch]:
        if output is None:
            raise Error(NEEDS_FILE)
        with pq.ParquetWriter(output, self.schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
                yield batch

    def _csv(self, batches: Batches, file: TextIO) -> Written:
        write = RowWriter(file)
        write(self.columns)
        for batch in batches:
            for row in self.rows(batch):
                write([_cell(row[column]) for column in self.columns])
            yield batch

    def _json(self, batches: Batches, file: TextIO) -> Written:
        before = "[\n "
        try:
            for batch in batches:
                for row in self.rows(batch):
                    line = {column: row[column] for column in self.columns}
                    file.write(before + json.dumps(line, ensure_ascii=False))
                    before = ",\n "
                yield batch
        finally:
            file.write("[]\n" if before.startswith("[") else "\n]\n")

    def _table(self, batches: Batches, file: TextIO) -> Written:
        head = True
        for batch in batches:
            lines = text_table(self.shown, self.rows(batch)).splitlines(keepends=True)
            file.writelines(lines if head else lines[1:])
            head = False
            yield batch


def write_stream(
    schema: pa.Schema,
    rows: Iterable[Row],
    format_: str,
    output: Path | None,
    *,
    together: int,
    shown: Sequence[str] = (),
) -> None:
    """Write rows of a schema as they are made, so many at a time; a text table those `shown`."""
    stream = Stream(schema, pa.RecordBatch.to_pylist, schema.names, shown or schema.names)
    deque(stream.through(_batches(schema, iter(rows), together), format_, output), maxlen=0)


def _batches(schema: pa.Schema, rows: Iterator[Row], together: int) -> Iterator[pa.RecordBatch]:
    while some := list(islice(rows, together)):
        yield pa.RecordBatch.from_pylist(some, schema=schema)


def _cell(value: Any) -> object:
    """Return a list as words, and any other value as it is."""
    return " ".join(map(str, value)) if isinstance(value, list) else value
