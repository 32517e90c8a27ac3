"""Collections of vectors that need no encoder, and what their files say, read by hand."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.ingest.run import index_source
from indexer.store.manifest import read_manifest

DIM = 8


def write_vectors(path: Path, first: int, count: int) -> Path:
    """Write a table of vectors, each with a label, metadata and an id of its own."""
    numbers = range(first, first + count)
    columns = {
        "uuid": [f"id-{number}" for number in numbers],
        "emb": np.random.default_rng(first).normal(size=(count, DIM)).tolist(),
        "species": [f"Genus{number % 40} species{number % 200}" for number in numbers],
        "note": [f"note {number}" for number in numbers],
    }
    pq.write_table(pa.table(columns), path)
    return path


def index_vectors(source: Path, collection: Path) -> None:
    """Index a table of vectors."""
    for _ in index_source(source, collection, "bioclip-2"):
        pass


def truth(collection: Path) -> dict[str, tuple[str, bytes]]:
    """Return status and vector (b"" for none) of every input, by the files of the manifest."""
    manifest = read_manifest(collection)
    last: dict[str, tuple[str, str | None]] = {}
    for path in manifest.paths("inputs"):
        for line in pq.read_table(collection / path).to_pylist():
            last[line["source_id"]] = (line["status"], line["image_id"])
    vectors = {}
    for path in manifest.paths("segments"):
        if path.endswith(".parquet"):
            rows = pq.read_table(collection / path).to_pylist()
            numbers = np.load((collection / path).with_suffix(".npy"))
            for row, vector in zip(rows, numbers, strict=True):
                vectors[row["source_id"], row["image_id"]] = vector.tobytes()
    return {
        source_id: (status, vectors[source_id, image_id] if image_id else b"")
        for source_id, (status, image_id) in last.items()
    }
