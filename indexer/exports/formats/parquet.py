"""Vectors and labels in Parquet, as emb-explorer reads them, and as taxalens does."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.exports.account import Account
from indexer.exports.flat_rows import LABEL, MACHINE, label_of, machine_of, metadata_columns
from indexer.exports.image_rows import Images
from indexer.readers.embeddings import KEY, VECTOR

NOUN = "vectors, labels and metadata, as emb-explorer reads them"
SUFFIX = ".parquet"
_BEFORE = ("identifier", "file_name", "source_id")
_OWN = (KEY, VECTOR, *_BEFORE, *LABEL, *MACHINE)


def write(images: Images, target: Path, account: Account) -> Iterator[None]:
    """Write a row an image: its id, its unit vector (float32), URL, path, label and metadata.

    Source of `uuid`, `emb`, `identifier` and the ranks: emb-explorer 1.0.
    """
    keys, lost = metadata_columns(images.metadata_keys, _OWN)
    if lost:
        account.notes.append(f"metadata called as a column of ours are left out: {', '.join(lost)}")
    text = [*_BEFORE, *LABEL, *MACHINE, *keys]
    kinds = {"machine_confidence": pa.float64()}
    schema = pa.schema(
        [(KEY, pa.string()), (VECTOR, pa.list_(pa.float32()))]
        + [(name, kinds.get(name, pa.string())) for name in text]
    )
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for batch in images.batches():
            vectors = images.vectors(batch).astype(np.float32)
            ends = np.arange(len(vectors) + 1, dtype=np.int32) * vectors.shape[1]
            columns = [
                pa.array([image.image_id for image in batch]),
                pa.ListArray.from_arrays(ends, vectors.ravel()),
            ]
            lines = [
                {
                    **image.metadata,
                    "identifier": image.url or None,
                    "file_name": image.file,
                    "source_id": image.source_id,
                    **label_of(image),
                    **machine_of(image),
                }
                for image in batch
            ]
            columns += [
                pa.array([line.get(name) for line in lines], schema.field(name).type)
                for name in text
            ]
            writer.write_table(pa.table(columns, schema=schema))
            account.images += len(batch)
            account.written["images"] += len(batch)
            yield
