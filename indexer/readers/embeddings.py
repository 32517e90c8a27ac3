"""Reads vectors that were computed elsewhere: Parquet in the form of emb-explorer."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.inputs.decoding import SUFFIXES
from indexer.inputs.records import CROP_MARK, Record, is_address
from indexer.labels.label_files import label_from
from indexer.readers import Fetch
from indexer.tables.parquet import check_size
from model.errors import BadInput

NOUN = "vectors (Parquet with uuid and emb)"
KEY, VECTOR = "uuid", "emb"
_URLS = ("identifier", "image_url", "url", "source_url", "accessuri")
_PLACE = ("file_name", "source_id")  # of our own export
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
    """Return the folder of the pictures that our own export names, else the file itself."""
    return _folder(source) or source


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per row: its vector, a URL if there is one, its label; the rest is metadata.

    A row of our own export is called by the path of its picture, any other by its uuid.
    Raises BadInput for a file that is damaged, or whose emb is no list of numbers.
    """
    try:
        with pq.ParquetFile(source) as file:
            check_size(Path(source))
            kind = file.schema_arrow.field(VECTOR).type
            if not _is_list_of_numbers(kind):
                raise BadInput(f"{source} has a column emb of {kind}, which is no list of numbers.")
            size, modified = Path(source).stat().st_size, Path(source).stat().st_mtime_ns
            seen: set[str] = set()
            folder = _folder(source)
            for batch in file.iter_batches(_ROWS):
                vectors = batch.column(VECTOR)
                for row, said in enumerate(batch.drop_columns([VECTOR]).to_pylist()):
                    record = _record(said, vectors[row], size, modified, folder)
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


def _folder(source: str) -> str:
    """Return the folder that the pictures named by our own export lie below; "" where none does."""
    try:
        with pq.ParquetFile(source) as file:
            if not {*_PLACE} <= set(file.schema_arrow.names):
                return ""
            folders = {
                str(path)[: -len(below)]
                for batch in file.iter_batches(columns=list(_PLACE))
                for row in batch.to_pylist()
                for path, below in [_picture(row)]
                if path
            }
    except (OSError, pa.ArrowException):
        return ""
    folder = os.path.commonpath(folders) if folders else ""
    return folder if os.path.isdir(folder) else ""


def _picture(row: Mapping[str, Any]) -> tuple[Path | None, str]:
    """Return a row's picture on this machine and its path below its root; None without one.

    Only files called like pictures count, so that a table cannot show any others.
    """
    written, source_id = (str(row.get(name) or "") for name in _PLACE)
    path = Path(written.partition(CROP_MARK)[0])
    below = source_id.partition(CROP_MARK)[0].partition("/")[2]
    ours = path.is_absolute() and below and str(path).endswith(f"/{below}")
    return (path, below) if ours and path.suffix.lower() in SUFFIXES else (None, "")


def _record(
    row: Mapping[str, Any], vector: pa.Scalar, size: int, modified: int, folder: str
) -> Record:
    said = {name: str(value).strip() for name, value in row.items() if value is not None}
    source_id = said.pop(KEY, "")
    path, _ = _picture(row)
    if folder and path:
        part = said.pop("source_id").partition(CROP_MARK)
        source_id = path.relative_to(folder).as_posix() + "".join(part[1:])
        del said["file_name"]
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
