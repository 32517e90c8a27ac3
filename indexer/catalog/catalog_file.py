"""The catalog: what DuckDB knows of one generation, derived from the collection's tables alone.

Writing a new generation's begins with a copy of the one before, where that is most of it, so that
adding a few images to many does not go through all of them again.
"""

import hashlib
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from indexer.catalog.tables import VERSION, bring_up, covers
from indexer.labels.label_resolution import DERIVED
from indexer.store.database import lock, open_locked
from indexer.store.manifest import Manifest
from indexer.store.segment import SCHEMAS

_SETTINGS = {"memory_limit": "4GB", "preserve_insertion_order": "true"}
_MOST = 0.9  # of a collection: where less is known, its catalog is made from the beginning


def catalog_path(collection: Path, manifest: Manifest) -> Path:
    """Return where the catalog of a generation lies."""
    # DuckDB hands out one instance per path in a process, so a name must mean one content.
    told = repr((VERSION, sorted(manifest.files.items())))
    contents = hashlib.sha256(told.encode()).hexdigest()
    return collection / f"catalog-{manifest.generation}-{contents[:8]}.duckdb"


def write_catalog(collection: Path, manifest: Manifest) -> None:
    """Write the catalog of a generation, unless it is there, and remove those of earlier ones."""
    target = catalog_path(collection, manifest)
    if target.exists():
        return
    temporary = target.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    earlier = list(collection.glob("catalog-*.duckdb"))
    if before := _most_of(collection, manifest, earlier):
        shutil.copyfile(before, temporary)
    with duckdb.connect(str(temporary), config=dict(_SETTINGS)) as connection:
        bring_up(connection, collection, manifest)
    temporary.replace(target)
    for old in earlier:
        old.unlink(missing_ok=True)


def open_catalog(collection: Path, manifest: Manifest) -> duckdb.DuckDBPyConnection:
    """Open a generation's catalog read-only; where it is missing or damaged, build it in memory."""
    try:
        return open_locked(catalog_path(collection, manifest))
    except duckdb.Error:
        connection = duckdb.connect()
    bring_up(connection, collection, manifest)
    lock(connection)
    return connection


def _most_of(collection: Path, manifest: Manifest, earlier: Iterable[Path]) -> Path | None:
    """Return an earlier catalog that has most of a generation, and nothing that was dropped."""
    for path in earlier:
        with suppress(duckdb.Error), open_locked(path) as connection:
            if covers(connection, manifest) >= _MOST * _lines(collection, manifest):
                return path
    return None


def _lines(collection: Path, manifest: Manifest) -> int:
    tables = (table for table in SCHEMAS if table not in DERIVED)
    paths = (path for table in tables for path in manifest.paths(table))
    return sum(
        pq.read_metadata(collection / path).num_rows for path in paths if path.endswith(".parquet")
    )
