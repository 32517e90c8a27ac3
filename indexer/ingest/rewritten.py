"""Whether rewritten tables say what the committed ones do: asked before they take their place.

A catalog is derived, so what is rewritten by it is compared with the files that it came from.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from indexer.backends import Rows
from indexer.store.database import run_on_lines
from indexer.store.manifest import Manifest
from indexer.store.segment import SCHEMAS, read_batches
from model.errors import CollectionError


@dataclass(frozen=True, slots=True)
class _Sums:
    """Numbers of lines, and sums of their hashes, which no order changes."""

    inputs: tuple[int, int]
    images: tuple[int, int]


def check_rewritten(
    collection: Path, before: Manifest, order: Rows, inputs: str, segment: str
) -> None:
    """Raise CollectionError unless two new files hold the inputs and images of a generation.

    `order` are the old rows of the new ones, `inputs` and `segment` the paths of the new tables.
    """
    with duckdb.connect(config={"memory_limit": "4GB"}) as connection:
        _load(connection, collection, "inputs", before.paths("inputs"))
        _load(connection, collection, "segments", before.paths("segments"))
        # The rows of the former segments are numbered from 0, as in the catalog.
        connection.execute(_LAST)
        truth = _sums(connection, "last_inputs", "last_images")
        _load(connection, collection, "inputs", [inputs])
        _load(connection, collection, "segments", [segment], order)
        written = _sums(connection, "inputs", "segments")
    if truth != written:
        raise CollectionError(
            f"{collection} was not optimized and is as it was: by its files it has "
            f"{truth.inputs[0]:,} inputs and {truth.images[0]:,} images, its catalog gave "
            f"{written.inputs[0]:,} and {written.images[0]:,}, or others. Delete its "
            f"catalog-*.duckdb and run taxalens verify -c {collection}."
        )


def _load(
    connection: duckdb.DuckDBPyConnection,
    collection: Path,
    table: str,
    paths: Sequence[str],
    places: Rows | None = None,
) -> None:
    """Make a table of files; each line has its place among all, or one of `places`."""
    schema = SCHEMAS[table].append(pa.field("place", pa.int64()))

    def batches() -> Iterator[pa.RecordBatch]:
        start = 0
        for path in paths:
            for batch in read_batches(collection, table, path):
                numbers = np.arange(start, start + len(batch))
                start += len(batch)
                column = pa.array(numbers if places is None else places[numbers])
                yield batch.append_column("place", column)

    sql = f"CREATE OR REPLACE TABLE {table} AS FROM lines_in"
    run_on_lines(connection, sql, schema, batches())


def _sums(connection: duckdb.DuckDBPyConnection, inputs: str, images: str) -> _Sums:
    def of(table: str, line: str) -> tuple[int, int]:
        sql = f"SELECT count(*), coalesce(sum(hash({line})), 0) FROM {table}"
        ((lines, sum_),) = connection.execute(sql).fetchall()
        return lines, sum_

    return _Sums(of(inputs, _INPUT), of(images, _IMAGE))


_INPUT = "source_id, status, reason, image_id, bytes, modified"
_IMAGE = "place, image_id, source_id, sha256, width, height, coalesce(url, '')"
_LAST = """
CREATE TABLE last_inputs AS FROM inputs
    WHERE place IN (SELECT max(place) FROM inputs GROUP BY source_id);
CREATE TABLE last_images AS
    SELECT segments.* FROM segments JOIN last_inputs USING (source_id, image_id);
DELETE FROM last_images WHERE place NOT IN (SELECT max(place) FROM last_images GROUP BY source_id)
"""
