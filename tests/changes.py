"""Changes of a collection `c` of `a.parquet`, in a folder with `b.parquet` and `moved.parquet`."""

import shutil
from pathlib import Path

import pyarrow as pa
from vectors import index_vectors, write_vectors

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.identifications import write_identifications
from indexer.ingest.remove_relocate import relocate, remove
from indexer.store.segment import IDENTIFICATIONS


def make(folder: Path, first: int, more: int) -> Path:
    """Make that folder: so many vectors in `a.parquet`, and as many as `more` in the other."""
    write_vectors(folder / "a.parquet", 0, first)
    write_vectors(folder / "b.parquet", first, more)
    shutil.copy(folder / "a.parquet", folder / "moved.parquet")
    index_vectors(folder / "a.parquet", folder / "c")
    return folder


def add(folder: Path, collection: Path) -> None:
    index_vectors(folder / "b.parquet", collection)


def take_out(folder: Path, collection: Path) -> None:
    remove(collection, ["a.parquet/id-1?"])


def label(folder: Path, collection: Path) -> None:
    with open_snapshot(collection) as snapshot:
        ids = snapshot.query("SELECT image_id FROM images ORDER BY 1")
    lines = [{"image_id": each, "label": f"label {n}"} for n, (each,) in enumerate(ids)]
    batches = pa.Table.from_pylist(lines, schema=IDENTIFICATIONS).to_batches()
    write_identifications(collection, batches)


def move(folder: Path, collection: Path) -> None:
    relocate(collection, str(folder / "a.parquet"), folder / "moved.parquet")
