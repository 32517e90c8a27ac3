"""Optimizing: a collection's rows in the order of their taxa, in one segment, with an index.

What was removed is left out. Everything is written beside what is there and counts from one commit
on; memory holds a few thousand rows at a time.
"""

import logging
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from indexer.backends import Rows
from indexer.backends.exact import CHUNK, Exact
from indexer.backends.floor import measure_floor, names_of_taxa
from indexer.backends.index_file import FROM, Told, make_index
from indexer.backends.tuning import samples_of
from indexer.catalog.catalog_file import write_catalog
from indexer.catalog.snapshot import Snapshot, open_snapshot
from indexer.ingest.journal import fold
from indexer.ingest.rewritten import check_rewritten
from indexer.store.durable import write_durably
from indexer.store.manifest import Manifest, commit, read_manifest
from indexer.store.segment import (
    INPUTS,
    LABELS,
    ROWS,
    SCHEMAS,
    open_vectors,
    read_batches,
    write_batches,
)
from indexer.store.writer_lock import only_writer
from model.encoder import Encoder, load
from model.errors import CollectionError, Error
from model.progress import OnStep, share_reporter

_LOG = logging.getLogger("taxalens")
_REWRITTEN = ("segments", "inputs", "labels")
_TEXTS = 300  # taxa whose names measure what texts find
_SPARE = 1.3  # disk: the vectors again, their codes, the tables


def optimize(
    collection: Path | str = "taxalens.collection",
    encoder: Encoder | None = None,
    progress: OnStep | None = None,
    index_from: int = FROM,
) -> Manifest:
    """Rewrite a collection in the order of its taxa and index it; return its new generation.

    `encoder` embeds names of taxa, to measure the recall of texts: by default the collection's
    own; where that cannot be loaded, a warning says so. From `index_from` rows on there is an
    index. The files of the generation before stay for those
    who read it; older ones go. Raises CollectionError for a collection in use, or a disk without
    room.
    """
    collection, told = Path(collection), share_reporter(progress)
    read_manifest(collection)
    fold(collection)
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
            exact = Exact([open_vectors(collection / paths[-1])])
            told("true neighbours of samples", 0.0)
            names = names_of_taxa(snapshot, _TEXTS)
            encoder = encoder or (_own_encoder(before) if names else None)
            texts = encoder.encode_texts(list(names.values())) if encoder and names else None
            samples = samples_of(exact, texts)
            told("true neighbours of samples", 1.0)
            if len(order) >= index_from:
                manifest = make_index(collection, manifest, exact, samples, told)
            floor = measure_floor(snapshot, order, exact, names, samples, encoder)
            manifest = replace(manifest, floor=floor)
        dropped = [path for table in _REWRITTEN for path in before.paths(table)]
        manifest = commit(collection, manifest, paths, dropped)
        _sweep(collection, before, manifest)
        write_catalog(collection, manifest)
    return manifest


def _own_encoder(manifest: Manifest) -> Encoder | None:
    entry = manifest.encoder
    try:
        return load(entry.spec, fingerprint=entry.fingerprint)
    except Error as error:
        _LOG.warning("The recall of texts is not measured: %s", error)
        return None


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


def _check_room(collection: Path, vectors: int) -> None:
    free = shutil.disk_usage(collection).free
    if free < vectors * _SPARE:
        raise CollectionError(
            f"{collection} needs {vectors * _SPARE / 1e9:,.1f} GB of free disk to be optimized, "
            f"and there are {free / 1e9:,.1f} GB: make room, or move it to a larger disk."
        )


def _sweep(collection: Path, *kept: Manifest) -> None:
    """Remove files of generations before these."""
    wanted = {path for manifest in kept for path in manifest.entries}
    for file in (
        *(file for table in SCHEMAS for file in (collection / table).glob("*")),
        *collection.glob("index-*.faiss"),
    ):
        if file.relative_to(collection).as_posix() not in wanted:
            with suppress(OSError):  # it takes room and harms nothing
                file.unlink()


_ORDER = 'ORDER BY lo NULLS LAST, "row"'
_ROWS_SQL = f"SELECT {', '.join(ROWS.names)} FROM images {_ORDER}"
_INPUTS_SQL = f"SELECT {', '.join(INPUTS.names)} FROM inputs ORDER BY source_id"
