"""Optimizing: a collection's rows in the order of their taxa, in one segment, with an index.

What was removed is left out. Everything is written beside what is there and counts from one commit
on; memory holds a few thousand rows at a time.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from indexer.backends import Rows
from indexer.backends.exact import CHUNK, Exact
from indexer.backends.index_file import FROM, Told, make_index
from indexer.backends.tuning import Sample, floor_of, samples_of
from indexer.catalog.catalog_file import write_catalog
from indexer.catalog.snapshot import Snapshot, open_snapshot
from indexer.ingest.rewritten import check_rewritten
from indexer.store.durable import write_durably
from indexer.store.manifest import FloorEntry, Manifest, commit, read_manifest
from indexer.store.segment import INPUTS, LABELS, ROWS, SCHEMAS, read_batches, write_batches
from indexer.store.writer_lock import only_writer
from model.encoder import Encoder
from model.errors import CollectionError
from model.taxon import Taxon
from model.text_types import free_text_prompt

_REWRITTEN = ("segments", "inputs", "labels")
_TEXTS = 300  # taxa whose names measure what texts find
_SPARE = 1.3  # disk: the vectors again, their codes, the tables


def optimize(
    collection: Path,
    encoder: Encoder | None = None,
    told: Told = lambda step, share: None,
    index_from: int = FROM,
) -> Manifest:
    """Rewrite a collection in the order of its taxa and index it; return its new generation.

    `encoder` embeds names of taxa, to measure what texts find; without one that is not measured.
    From `index_from` rows on there is an index. The files of the generation before stay for those
    who read it; older ones go. Raises CollectionError for a collection in use, or a disk without
    room.
    """
    read_manifest(collection)
    with only_writer(collection), open_snapshot(collection) as snapshot:
        before = snapshot.manifest
        order = _order(snapshot)
        _check_room(collection, len(order) * before.encoder.dim * 2)
        name = before.next_name
        paths = [f"{table}/{name}.parquet" for table in _REWRITTEN]
        write_batches(collection / paths[0], _batches(snapshot, _ROWS_SQL), ROWS)
        write_batches(collection / paths[1], _batches(snapshot, _INPUTS_SQL), INPUTS)
        write_batches(collection / paths[2], _labels(snapshot), LABELS)
        check_rewritten(collection, before, order, inputs=paths[1], segment=paths[0])
        manifest = replace(before, index=None, floor=None)
        if len(order):
            paths.append(f"segments/{name}.npy")
            _write_vectors(collection / paths[-1], Exact(snapshot.vectors()), order, told)
            exact = Exact([np.load(collection / paths[-1], mmap_mode="r")])
            told("measuring what is near what", 0.0)
            names = dict(_called(snapshot))
            texts = encoder.encode_texts(list(names.values())) if encoder and names else None
            samples = samples_of(exact, texts)
            if len(order) >= index_from:
                manifest = make_index(collection, manifest, exact, samples, told)
            manifest = replace(manifest, floor=_floor(snapshot, order, exact, list(names), samples))
        dropped = [path for table in _REWRITTEN for path in before.paths(table)]
        manifest = commit(collection, manifest, paths, dropped)
        _sweep(collection, before, manifest)
        write_catalog(collection, manifest)
    return manifest


def _order(snapshot: Snapshot) -> Rows:
    """Return the rows that count, by taxon; those without one last."""
    found = snapshot.cursor().execute(f'SELECT "row" FROM images {_ORDER}').fetchnumpy()
    return np.asarray(found["row"], np.int64)


def _batches(snapshot: Snapshot, sql: str) -> Iterator[pa.RecordBatch]:
    reader: pa.RecordBatchReader = snapshot.cursor().sql(sql).to_arrow_reader(CHUNK)
    yield from reader


def _labels(snapshot: Snapshot) -> Iterator[pa.RecordBatch]:
    """Yield all that was ever said of images, in its order."""
    for path in snapshot.manifest.paths("labels"):
        yield from read_batches(snapshot.folder, "labels", path)


def _write_vectors(path: Path, exact: Exact, order: Rows, told: Told) -> None:
    def fill(temporary: Path) -> None:
        dim = exact.vectors[0].shape[1]
        header = {"descr": "<f2", "fortran_order": False, "shape": (len(order), dim)}
        with temporary.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for start in range(0, len(order), CHUNK):
                exact.gather(order[start : start + CHUNK]).tofile(file)
                told("vectors in the order of taxa", min(1.0, (start + CHUNK) / len(order)))

    write_durably(path, fill)


def _called(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield keys of taxa that occur, and what one would ask for: as they are called here."""
    for key, label, common in snapshot.query(_CALLED, _TEXTS):
        name = Taxon.from_key(key).name
        own = label.replace("_", " ").strip(" .")
        yield key, free_text_prompt(common or (own if own not in ("", name) else name))


def _floor(
    snapshot: Snapshot, order: Rows, exact: Exact, keys: list[str], samples: list[Sample]
) -> FloorEntry:
    """Measure below what a best hit is like nothing here; of names, those that find their taxon.

    The others are names that the encoder does not know, and tell nothing of what it finds.
    """
    image = floor_of(exact, samples[0])
    if len(samples) < 2:
        return FloorEntry(image)
    text = samples[1]
    best = order[text.truth[:, 0]]
    found = dict(snapshot.query(_KEYS_OF, best.tolist()))
    known = np.array([found[row] == key for row, key in zip(best.tolist(), keys, strict=True)])
    return FloorEntry(image, floor_of(exact, Sample(text.queries[known], text.truth[known])))


def _check_room(collection: Path, vectors: int) -> None:
    free = shutil.disk_usage(collection).free
    if free < vectors * _SPARE:
        raise CollectionError(
            f"{collection} needs {vectors * _SPARE / 1e9:,.1f} GB of free disk to be optimized, "
            f"and there are {free / 1e9:,.1f} GB: make room, or move it to a larger disk."
        )


def _sweep(collection: Path, *kept: Manifest) -> None:
    """Remove files of generations before these."""
    wanted = {path for manifest in kept for path in manifest.files}
    wanted |= {manifest.index.path for manifest in kept if manifest.index}
    for file in (
        *(file for table in SCHEMAS for file in (collection / table).glob("*")),
        *collection.glob("index-*.faiss"),
    ):
        if file.relative_to(collection).as_posix() not in wanted:
            with suppress(OSError):  # it takes room and harms nothing
                file.unlink()


_CALLED = """
SELECT taxon_key, any_value(label), max(common_name) FROM images
WHERE taxon_key IS NOT NULL GROUP BY 1 ORDER BY hash(taxon_key) LIMIT ?
"""
_KEYS_OF = 'SELECT "row", taxon_key FROM images JOIN (SELECT unnest(?) AS "row") USING ("row")'
_ORDER = 'ORDER BY lo NULLS LAST, "row"'
_ROWS_SQL = f"SELECT {', '.join(ROWS.names)} FROM images {_ORDER}"
_INPUTS_SQL = f"SELECT {', '.join(INPUTS.names)} FROM inputs ORDER BY source_id"
