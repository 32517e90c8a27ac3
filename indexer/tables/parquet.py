"""Rows of Parquet as strings, a few at a time, and nothing that unpacks to gigabytes."""

import glob
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from indexer.tables.delimited import Row
from model.errors import BadInput

MOST_CELL = 1 << 20  # characters; a longer one is no word about a picture
_MOST_GROUP = 4 << 30  # bytes of a column in a row group, unpacked
_ROWS = 256
_LARGEST = """
    SELECT path_in_schema, total_uncompressed_size FROM parquet_metadata(?)
    ORDER BY total_uncompressed_size DESC LIMIT 1
"""


def columns_in(path: Path) -> list[str]:
    """Return the names of its columns; raises OSError and ArrowException."""
    return list(pq.read_schema(path).names)


def check_size(path: Path) -> None:
    """Refuse a file with a column that unpacks to gigabytes out of little, or with a damaged end.

    DuckDB reads the sizes: of damaged ones, pyarrow 26 ends the process.
    """
    size = path.stat().st_size
    try:
        with duckdb.connect() as connection:
            found = connection.execute(_LARGEST, [glob.escape(str(path))]).fetchone()
    except duckdb.Error as error:
        raise BadInput(f"{path} cannot be read as Parquet: {error}") from error
    column, unpacked = found or ("", 0)
    if unpacked > _MOST_GROUP or (unpacked > 1 << 28 and unpacked > 1000 * size):
        raise BadInput(
            f"{path} has {size:,} bytes, and its column {column} would unpack to {unpacked:,}; "
            "such a file is not read."
        )


def parquet_rows(path: Path) -> Iterator[Row]:
    """Yield its rows, the first is 1; a row with a cell of more than MOST_CELL is `wrong`.

    Raises BadInput for a file that would not fit in memory, OSError and ArrowException for one
    that is damaged.
    """
    check_size(path)
    with pq.ParquetFile(path) as file:
        line = 0
        for batch in file.iter_batches(_ROWS):
            columns = [_texts(column) for column in batch.columns]
            for cells in zip(*columns, strict=True):
                line += 1
                if long := next((len(cell) for cell in cells if len(cell) > MOST_CELL), 0):
                    shown = [cell[:20] for cell in cells]
                    yield Row(line, shown, f"has a cell of {long:,} characters; shorten it")
                elif any(cells):
                    yield Row(line, list(cells))


def _texts(column: pa.Array) -> list[str]:
    """Return values as strings, "" for null; lists, structs and bytes as Python shows them."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        column = column.dictionary_encode()  # so that equal texts are one in memory
    if pa.types.is_dictionary(column.type):
        values = [str(value) for value in column.dictionary.to_pylist()]
        return ["" if at is None else values[at] or "" for at in column.indices.to_pylist()]
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return ["" if value is None else _shown(value) for value in column.to_pylist()]
    if pa.types.is_floating(kind):
        return ["" if value is None else _number(value) for value in column.to_pylist()]
    texts: list[Any] = pc.cast(column, pa.string()).to_pylist()
    return ["" if value is None else str(value) for value in texts]


def _number(value: float) -> str:
    return "" if value != value else str(value)  # NaN is pandas' word for nothing


def _shown(value: object) -> str:
    return str(value.get("path") or "") if isinstance(value, dict) else str(value)
