"""A segment: a few hundred inputs of a run, embedded, written once and never changed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.inputs.records import Record
from indexer.store.durable import write_durably
from model.errors import CollectionError
from model.vectors import Vectors

_BATCH = 65_536  # lines in memory at once
_METADATA = pa.map_(pa.string(), pa.string())
ROWS = pa.schema(
    [
        ("image_id", pa.string()),
        ("source_id", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("url", pa.string()),  # where the picture is, if not below its root
    ]
)
THUMBS = pa.schema([("image_id", pa.string()), ("jpeg", pa.binary())])
HASHES = pa.schema([("image_id", pa.string()), ("hash", pa.int64())])
INPUTS = pa.schema(
    [
        ("source_id", pa.string()),
        ("status", pa.string()),  # indexer/inputs/status.py
        ("reason", pa.string()),
        ("image_id", pa.string()),
        ("bytes", pa.int64()),
        ("modified", pa.int64()),  # nanoseconds since 1970
    ]
)
LABELS = pa.schema(
    [
        ("image_id", pa.string()),
        ("label", pa.string()),
        ("taxon_key", pa.string()),
        ("common_name", pa.string()),
        ("metadata", _METADATA),
        ("labelled_by", pa.string()),  # a person; null where a file or a folder says so
        ("date_labelled", pa.string()),  # ISO 8601, UTC
        ("remarks", pa.string()),
    ]
)
IDENTIFICATIONS = pa.schema(  # Darwin Core: identifiedBy, dateIdentified, identificationRemarks
    [
        ("image_id", pa.string()),
        ("label", pa.string()),  # as an example said it; "" takes an earlier one back
        ("taxon_key", pa.string()),  # as an example said it; null is no taxon
        ("confidence", pa.float64()),  # that it is right, 0 to 1
        ("identified_by", pa.string()),  # taxalens and the encoder
        ("date_identified", pa.string()),  # ISO 8601, UTC
        ("method", pa.string()),
        ("remarks", pa.string()),
        ("evidence", pa.list_(pa.string())),  # ids of the images that speak for it, nearest first
    ]
)
MEANINGS = pa.schema(
    [(column, pa.string()) for column in ("label", "said_key", "taxon_key", "reason")]
)
CLADES = pa.schema(
    [(column, pa.string()) for column in ("taxon_key", "parent_key", "rank", "name")]
)
NAMES = pa.schema([(column, pa.string()) for column in ("taxon_key", "name", "kind", "language")])
SCHEMAS: Mapping[str, pa.Schema] = {
    "segments": ROWS,
    "inputs": INPUTS,
    "labels": LABELS,
    "identifications": IDENTIFICATIONS,  # of machines: indexer/ingest/identifications.py
    "meanings": MEANINGS,  # of labels in a taxonomy: indexer/labels/label_resolution.py
    "clades": CLADES,
    "names": NAMES,
    "hashes": HASHES,  # of what was decoded: indexer/inputs/perceptual_hash.py
    "thumbs": THUMBS,  # of what is no file of its own: indexer/inputs/thumbnails.py
}
"""The tables of a collection, by the folder that holds their files."""


@dataclass(slots=True)
class Segment:
    """A segment in the making: lines for each table, and a vector for each line of `segments`."""

    lines: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {table: [] for table in SCHEMAS}
    )
    vectors: list[Vectors] = field(default_factory=list)

    def input(
        self,
        source_id: str,
        status: str,
        reason: str,
        image_id: str | None,
        bytes_: int,
        modified: int,
    ) -> None:
        """Note what became of an input."""
        values = (source_id, status, reason, image_id, bytes_, modified)
        self.lines["inputs"].append(dict(zip(INPUTS.names, values, strict=True)))

    def row(
        self, image_id: str, sha256: str, size: tuple[int, int], vector: Vectors, record: Record
    ) -> None:
        """Note an image, its vector and what is said of it."""
        values = (image_id, record.source_id, sha256, *size, record.url)
        self.lines["segments"].append(dict(zip(ROWS.names, values, strict=True)))
        self.vectors.append(vector)
        self.label(image_id, record)

    def label(self, image_id: str, record: Record) -> None:
        """Note what an input says that its image shows."""
        metadata = list(record.metadata.items())  # as Arrow takes maps
        self.lines["labels"].append({"image_id": image_id, **record.said, "metadata": metadata})

    def write(self, collection: Path, name: str) -> list[str]:
        """Write the tables that have lines, and the vectors; return the paths in the collection."""
        paths = []
        for table, lines in self.lines.items():
            if lines:
                paths.append(f"{table}/{name}.parquet")
                write_table(collection / paths[-1], lines, SCHEMAS[table])
        if self.vectors:
            paths.append(f"segments/{name}.npy")
            write_durably(collection / paths[-1], self._save_vectors)
        return paths

    def _save_vectors(self, path: Path) -> None:
        with path.open("wb") as file:
            np.save(file, np.stack(self.vectors))


def merged(parts: Sequence[Segment]) -> Segment:
    """Return one segment of several, in their order."""
    whole = Segment()
    for part in parts:
        for table, lines in part.lines.items():
            whole.lines[table] += lines
        whole.vectors += part.vectors
    return whole


def read_table(
    collection: Path, table: str, paths: Sequence[str], columns: Sequence[str] | None = None
) -> pa.Table:
    """Read the files of one table, in their order, or some columns; damaged pages are refused."""
    schema = SCHEMAS[table]
    if columns is not None:
        schema = pa.schema([schema.field(name) for name in columns])
    parts = [part for path in paths for part in _batches(collection / path, schema)]
    return pa.Table.from_batches(parts, schema)


def read_batches(collection: Path, table: str, path: str) -> Iterator[pa.RecordBatch]:
    """Yield the lines of one file of a table, a few at a time; damaged pages are refused."""
    return _batches(collection / path, SCHEMAS[table])


def _batches(path: Path, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    if path.suffix != ".parquet":
        return  # the vectors of a segment
    for batch in _parquet(path, schema.names):
        # A column that an earlier taxalens did not write is null.
        whole = [schema.empty_table(), pa.Table.from_batches([batch])]
        yield from pa.concat_tables(whole, promote_options="default").cast(schema).to_batches()


def _parquet(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield those of some columns that a file has; raises CollectionError for a damaged one."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            yield from file.iter_batches(_BATCH, columns=there)
    except (OSError, pa.ArrowException) as error:
        raise CollectionError(
            f"{path} cannot be read ({error}): taxalens verify -c {path.parent.parent} tells which "
            "files are damaged, and what to do."
        ) from error


def open_vectors(path: Path) -> Vectors:
    """Map the vectors of a segment; raises CollectionError for a damaged head or a missing end."""
    try:
        vectors: Vectors = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError) as error:
        raise CollectionError(
            f"{path} cannot be read: taxalens verify -c {path.parent.parent} tells which files are "
            "damaged, and what to do."
        ) from error
    return vectors


def write_table(path: Path, lines: list[dict[str, Any]], schema: pa.Schema) -> None:
    """Write lines as a table, complete or not at all, with checksums of its pages."""
    table = pa.Table.from_pylist(lines, schema=schema)
    write_batches(path, table.to_batches(), schema)


def write_batches(path: Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> None:
    """Write a table batch by batch, complete or not at all, with checksums of its pages.

    An error of `batches` is raised as it is; only one of writing becomes NotWritten.
    """

    def made() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except OSError as error:
            raise _NotMade(error) from error

    def fill(temporary: Path) -> None:
        with pq.ParquetWriter(
            temporary, schema, compression="zstd", write_page_checksum=True
        ) as writer:
            for batch in made():
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))

    try:
        write_durably(path, fill)
    except _NotMade as error:
        raise error.reason from None


class _NotMade(Exception):
    """An OSError of whoever makes batches, on its way past those of writing."""

    def __init__(self, reason: OSError) -> None:
        super().__init__(reason)
        self.reason = reason
