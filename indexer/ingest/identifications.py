"""Identifications: what machines say that images show, kept beside what people say, never instead.

Like labels they are kept as they were said and appended; their meanings in the collection's
taxonomy are derived (indexer/labels/label_resolution.py). The catalog's table `identifications`
has the last one of each image: the columns of `segment.IDENTIFICATIONS`, where taxon_key is its
meaning now and `said_key` the key as it was said.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from indexer.catalog.catalog_file import deriving, write_catalog
from indexer.labels.label_resolution import resolve_labels
from indexer.store.manifest import commit, read_manifest
from indexer.store.segment import IDENTIFICATIONS, write_batches
from indexer.store.writer_lock import only_writer
from model.times import utc_now


def write_identifications(collection: Path, batches: Iterable[pa.RecordBatch]) -> int:
    """Append batches of `segment.IDENTIFICATIONS` in one commit; return how many lines that is.

    One whose label is "" takes back what was said of its image before. Raises CollectionError for
    a collection in use, or one whose taxonomy is needed to understand new labels and not here.
    """
    lines = 0

    def counted() -> Iterable[pa.RecordBatch]:
        nonlocal lines
        for batch in batches:
            lines += len(batch)
            yield batch

    read_manifest(collection)
    with only_writer(collection):
        manifest = read_manifest(collection)
        path = f"identifications/{manifest.next_name}.parquet"
        write_batches(collection / path, counted(), IDENTIFICATIONS)
        manifest = commit(collection, manifest, [path])
        with deriving("the meaning of its labels", collection, manifest):
            manifest = resolve_labels(collection, manifest, None)
        write_catalog(collection, manifest)
    return lines


def identify_as(
    collection: Path,
    image_ids: Sequence[str],
    label: str,
    *,
    by: str,
    method: str,
    confidence: float | None = None,
    remarks: str = "",
) -> int:
    """Append that a machine gives some images a label; return how many lines that is.

    `by` names the machine, `confidence` is 0 to 1 or None where it states none; a label of ""
    takes back what was said before. Raises CollectionError as `write_identifications`.
    """
    now = utc_now()
    said = {"label": label, "confidence": confidence, "method": method, "remarks": remarks}
    said |= {"identified_by": by, "date_identified": now}
    lines = [{"image_id": each, **said} for each in image_ids]
    return write_identifications(
        collection, [pa.RecordBatch.from_pylist(lines, schema=IDENTIFICATIONS)]
    )
