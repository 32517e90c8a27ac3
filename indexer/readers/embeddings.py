"""Reads vectors that were computed elsewhere: Parquet in the form of emb-explorer."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.inputs.records import Record, is_address
from indexer.labels.label_files import label_from
from indexer.readers import Fetch
from indexer.tables.parquet import check_size
from model.errors import BadInput

NOUN = "vectors (Parquet with uuid and emb)"
KEY, VECTOR = "uuid", "emb"
_URLS = ("identifier", "image_url", "url", "source_url", "accessuri")
_ROWS = 256  # at a time in memory


def claims(source: str) -> bool:
    """Tell whether it is Parquet with the columns uuid and emb."""
    if not source.lower().endswith(".parquet"):
        return False
    try:
        return {KEY, VECTOR} <= set(pq.read_schema(source).names)
    except (OSError, pa.ArrowException):
        return False


def base(source: str) -> str:
    """Return the file itself."""
    return source


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per row: its vector, a URL if there is one, its label; the rest is metadata.

    Raises BadInput for a file that is damaged, or whose emb is no list of numbers.
    """
    try:
        with pq.ParquetFile(source) as file:
            check_size(Path(source), file)
            kind = file.schema_arrow.field(VECTOR).type
            if not _is_list_of_numbers(kind):
                raise BadInput(f"{source} has a column emb of {kind}, which is no list of numbers.")
            size, modified = Path(source).stat().st_size, Path(source).stat().st_mtime_ns
            seen: set[str] = set()
            for batch in file.iter_batches(_ROWS):
                vectors = batch.column(VECTOR)
                for row, said in enumerate(batch.drop_columns([VECTOR]).to_pylist()):
                    record = _record(said, vectors[row], size, modified)
                    if record.source_id and record.source_id not in seen:
                        seen.add(record.source_id)
                        yield record
    except (OSError, pa.ArrowException) as error:
        raise BadInput(f"{source} cannot be read as Parquet: {error}") from error


def _is_list_of_numbers(kind: pa.DataType) -> bool:
    types = pa.types
    if not (types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)):
        return False
    return bool(types.is_floating(kind.value_type) or types.is_integer(kind.value_type))


def _record(row: Mapping[str, Any], vector: pa.Scalar, size: int, modified: int) -> Record:
    said = {name: str(value).strip() for name, value in row.items() if value is not None}
    source_id = said.pop(KEY, "")
    url = next((said[name] for name in _URLS if is_address(said.get(name, ""))), "")
    said = {name: value for name, value in said.items() if value and value != url}
    label = label_from(said.pop("label", ""), said)
    numbers = vector.values.to_numpy(zero_copy_only=False) if vector.is_valid else np.empty(0)
    return Record(
        source_id=source_id,
        url=url,
        vector=numbers.astype(np.float32),
        label=label.text,
        taxon=label.taxon,
        metadata=label.metadata,
        bytes=size,
        modified=modified,
        from_table=True,
    )
