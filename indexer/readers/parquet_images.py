"""Reads pictures that lie in Parquet itself, as data sets of Hugging Face and Imageomics do."""

import io
import json
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from indexer.inputs.records import Record, address, is_address
from indexer.labels.label_files import label_from
from indexer.readers import Fetch
from indexer.tables.columns import columns_of, meant
from indexer.tables.parquet import check_size
from indexer.tables.table import unreadable
from model.errors import BadInput

NOUN = "pictures in Parquet (a column of bytes)"
_SIZE = "resized_size"  # (height, width) of pixels in BGR, as Imageomics' downloader writes them
_NUMBER = "label_number"
_NAMES = ("image_id", "uuid", "id", "file_name", "path")
_URLS = ("identifier", "url", "image_url", "accessURI")
_ROWS, _KEPT = 16, 8  # pictures of a batch, batches in memory


def claims(source: str) -> bool:
    """Tell whether it is Parquet with a column of bytes, or of struct<bytes, path>."""
    if not source.lower().endswith(".parquet"):
        return False
    try:
        return bool(_pictures(pq.read_schema(source)))
    except (OSError, pa.ArrowException):
        return False


def base(source: str) -> str:
    """Return the file itself."""
    return source


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per picture, which is read from the file when it is looked at.

    It is called by the path beside its bytes, or the row's id, or the row's number; other columns
    are understood as in a label file. An integer `label` is the name that the file's own
    description of classes has for it, else the metadata `label_number`. Raises BadInput for a file
    that is damaged or would not fit in memory.
    """
    path = Path(source)
    try:
        with pq.ParquetFile(path) as file:
            check_size(path)
            schema = file.schema_arrow
            column = _pictures(schema)[0]
            stat, pictures = path.stat(), _Pictures(path, column, _starts(file))
            others = [name for name in schema.names if name not in (*_pictures(schema), _SIZE)]
            names = dict(zip(others, columns_of(others)[0], strict=True))
            classes = _classes(schema)
            seen: set[str] = set()
            for row, told in enumerate(_rows(file, column, others)):
                said = {}
                for name, value in told.items():
                    if name in classes and isinstance(value, int) and value < len(classes[name]):
                        value = classes[name][value] if value >= 0 else None
                    elif names.get(name) == "label" and isinstance(value, int | float):
                        said[_NUMBER] = str(value)  # of a class whose name the file does not know
                        continue
                    if name in names and isinstance(value, str | int | float):
                        said[names[name]] = meant(names[name], str(value))
                said = {name: value for name, value in said.items() if value}
                below = _name(told.get(column), said, row)
                below = f"{below}#row={row + 1}" if below in seen else below
                seen.add(below)
                label = label_from(said.pop("label", ""), said)
                yield Record(
                    below,
                    path=path,
                    read=partial(pictures.of, row),
                    label=label.text,
                    taxon=label.taxon,
                    metadata=label.metadata,
                    bytes=stat.st_size,
                    modified=stat.st_mtime_ns,
                    from_table=True,
                )
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, error) from error


@dataclass(slots=True)
class _Pictures:
    """The pictures of a file, read a few rows at a time as they are asked for, nearly in order.

    A damaged page costs the pictures of its row group from there on; those of others are read.
    """

    path: Path
    column: str
    starts: Sequence[int]
    """of the row groups, their first rows"""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _batches: Iterator[pa.RecordBatch] | None = None
    _kept: deque[tuple[int, pa.RecordBatch]] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _next: int = 0
    _damaged: dict[int, tuple[int, str]] = field(default_factory=dict)
    """by row group: the first row that cannot be unpacked, and why"""

    def of(self, row: int) -> bytes:
        """Return the encoded picture of a row; raises BadInput where there is none."""
        with self._lock:
            start, batch = self._batch(row)
            values = {name: batch[name][row - start].as_py() for name in batch.schema.names}
        value = values[self.column]
        value = value.get("bytes") if isinstance(value, dict) else value
        if not value:
            raise BadInput(f"row {row + 1} holds no picture")
        return _encoded(value, values[_SIZE]) if values.get(_SIZE) else bytes(value)

    def _batch(self, row: int) -> tuple[int, pa.RecordBatch]:
        for start, batch in self._kept:
            if start <= row < start + len(batch):
                return start, batch
        group = bisect_right(self.starts, row) - 1
        first, why = self._damaged.get(group, (row + 1, ""))
        if first <= row:
            raise BadInput(f"row {row + 1} cannot be unpacked: {why}")
        if self._batches is None or not self.starts[group] <= self._next <= row:
            self._batches, self._next = self._from(group), self.starts[group]
        try:
            for batch in self._batches:
                start, self._next = self._next, self._next + len(batch)
                self._kept.append((start, batch))
                if row < self._next:
                    return start, batch
        except (OSError, pa.ArrowException) as error:
            why = str(error).partition("\n")[0]
            self._batches, self._damaged[group] = None, (self._next, why)
            raise BadInput(f"row {row + 1} cannot be unpacked: {why}") from error
        raise BadInput(f"row {row + 1} is no longer in {self.path}")

    def _from(self, group: int) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(self.path) as file:
            names = [name for name in (self.column, _SIZE) if name in file.schema_arrow.names]
            for number in range(group, file.num_row_groups):
                yield from file.iter_batches(_ROWS, row_groups=[number], columns=names)


def _starts(file: pq.ParquetFile) -> list[int]:
    """Return the first row of each row group."""
    groups = range(file.num_row_groups)
    return [0, *accumulate(file.metadata.row_group(number).num_rows for number in groups)][:-1]


def _pictures(schema: pa.Schema) -> list[str]:
    """Return the columns of pictures, that called "image" first."""
    found = [each.name for each in schema if _is_struct(each.type)]
    raw = [each.name for each in schema if _is_bytes(each.type)]
    if not found:
        known = ("image", "img", "jpg", "jpeg", "png", "picture", "photo", "image_bytes", "bytes")
        found = [name for name in raw if name.lower() in known]
    return sorted(found, key=lambda name: name.lower() != "image")


def _is_struct(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind) and any(each.name == "bytes" for each in kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _rows(file: pq.ParquetFile, column: str, others: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield the rows without their bytes."""
    kind = file.schema_arrow.field(column).type
    paths = [f"{column}.path"] if _is_struct(kind) and "path" in kind.names else []
    if not (paths or others):
        yield from ({} for _ in range(file.metadata.num_rows))
        return
    for batch in file.iter_batches(256, columns=[*others, *paths]):
        yield from batch.to_pylist()


def _name(picture: object, said: Mapping[str, str], row: int) -> str:
    """Return what a picture is called: by a name that stays inside of the file."""
    path = picture.get("path") if isinstance(picture, dict) else None
    if isinstance(path, str) and path.strip():
        parts = [part for part in PurePosixPath(path.replace("\\", "/")).parts if part != ".."]
        return "/".join(parts).lstrip("/") or f"row {row + 1}"
    for name in _URLS:
        if is_address(said.get(name, "")):
            return address(said[name])
    return next((said[name] for name in _NAMES if said.get(name)), f"row {row + 1}")


def _classes(schema: pa.Schema) -> dict[str, list[str]]:
    """Return the names of classes, by column, that Hugging Face's `datasets` writes beside."""
    try:
        told = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = told["info"]["features"]
        return {
            name: [str(each) for each in about["names"]]
            for name, about in features.items()
            if isinstance(about, dict) and isinstance(about.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _encoded(pixels: bytes, size: Sequence[int]) -> bytes:
    """Return pixels in BGR as a picture file."""
    if len(size) < 2 or len(pixels) != size[0] * size[1] * 3:
        raise BadInput(f"its {len(pixels):,} bytes are not the pixels that {_SIZE} speaks of")
    picture = io.BytesIO()
    image = Image.frombytes("RGB", (int(size[1]), int(size[0])), pixels, "raw", "BGR")
    image.save(picture, "BMP")
    return picture.getvalue()
