"""The catalog: what DuckDB knows of one generation, derived from the collection's tables alone.

Writing a new generation's begins with a copy of the one before, where that is most of it, so that
adding a few images to many does not go through all of them again. It is made in a folder of its own
and gets its name when it is closed and checked; opening checks it again.
"""

import hashlib
import logging
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.catalog.tables import VERSION, bring_up, covers
from indexer.catalog.whole import NotWhole, check_lines, open_closed, open_whole, seal
from indexer.labels.label_resolution import DERIVED
from indexer.store.database import lock
from indexer.store.durable import sync_file, sync_folder
from indexer.store.leftovers import ASIDE
from indexer.store.manifest import Manifest
from indexer.store.segment import SCHEMAS
from model.errors import CollectionError, NotWritten, sentence_of

_SETTINGS = {"memory_limit": "4GB", "preserve_insertion_order": "true"}
_MOST = 0.9  # of a collection: where less is known, its catalog is made from the beginning
_OURS = (NotWhole, NotWritten, CollectionError)
_LOG = logging.getLogger("taxalens")


def catalog_path(collection: Path, manifest: Manifest) -> Path:
    """Return where the catalog of a generation lies."""
    # DuckDB hands out one instance per path in a process, so a name must mean one content.
    told = repr((VERSION, sorted(manifest.files.items())))
    contents = hashlib.sha256(told.encode()).hexdigest()
    return collection / f"catalog-{manifest.generation}-{contents[:8]}.duckdb"


def write_catalog(collection: Path, manifest: Manifest) -> None:
    """Write the catalog of a generation, unless it is there, and remove those of earlier ones.

    Raises NotWritten where that fails; the generation itself stays as it was committed.
    """
    target = catalog_path(collection, manifest)
    others = [path for path in collection.glob("catalog-*.duckdb") if path != target]
    with deriving("its catalog", collection, manifest):
        if not _is_whole(target, manifest):
            with TemporaryDirectory(prefix=ASIDE, dir=collection) as folder:
                complete = Path(folder, target.name)
                _make(complete, collection, manifest, _most_of(collection, manifest, others))
                sync_file(complete)
                complete.replace(target)
            sync_folder(collection)
        for path in others:
            path.unlink(missing_ok=True)


@contextmanager
def deriving(noun: str, collection: Path, manifest: Manifest) -> Iterator[None]:
    """Say of a failure to derive something from a generation that this itself is committed."""
    try:
        yield
    except (OSError, duckdb.Error, pa.ArrowException, *_OURS) as error:
        raise NotWritten(
            f"Generation {manifest.generation} of {collection} is committed, but {noun} could not "
            f"be derived from it: {_reason(error)} Mend that and run taxalens update -c "
            f"{collection}; until then each command derives it in memory."
        ) from error


def open_catalog(collection: Path, manifest: Manifest) -> duckdb.DuckDBPyConnection:
    """Open a generation's catalog read-only; where it is not whole, derive it in memory.

    That is logged as a warning. Raises CollectionError where the collection itself is damaged.
    """
    path = catalog_path(collection, manifest)
    try:
        return open_whole(path, manifest)
    except (OSError, duckdb.Error, NotWhole) as error:
        if manifest.files:
            reason = _reason(error) if path.exists() else "it is not there."
            _LOG.warning(
                "The catalog of %s is derived again, in memory: %s taxalens update keeps a new "
                "one.",
                collection,
                reason,
            )
    connection = duckdb.connect()
    try:
        bring_up(connection, collection, manifest)
        lock(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_whole(path: Path, manifest: Manifest) -> bool:
    if not path.exists():
        return False
    try:
        open_whole(path, manifest).close()
    except (OSError, duckdb.Error, NotWhole) as error:
        _LOG.warning("%s is derived again: %s", path, _reason(error))
        return False
    return True


def _make(path: Path, collection: Path, manifest: Manifest, before: Path | None) -> None:
    """Make a whole catalog of a generation: of an earlier one, else from the beginning."""
    if before:
        try:
            shutil.copyfile(before, path)
            _bring_up(path, collection, manifest, from_earlier=True)
            return
        except (duckdb.Error, NotWhole) as error:
            _LOG.debug("%s is not built upon: %s", before, _reason(error))
            for each in path.parent.iterdir():
                each.unlink()
    _bring_up(path, collection, manifest, from_earlier=False)


def _bring_up(path: Path, collection: Path, manifest: Manifest, from_earlier: bool) -> None:
    with duckdb.connect(str(path), config=dict(_SETTINGS)) as connection:
        bring_up(connection, collection, manifest)
        if from_earlier:
            check_lines(connection)
        seal(connection)
        connection.execute("CHECKPOINT")  # which closing would do, and keep its failure to itself
    open_whole(path, manifest).close()


def _most_of(collection: Path, manifest: Manifest, earlier: Iterable[Path]) -> Path | None:
    """Return an earlier catalog that has most of a generation, and nothing that was dropped."""
    for path in earlier:
        with suppress(duckdb.Error, OSError, NotWhole), open_closed(path) as connection:
            if covers(connection, manifest) >= _MOST * _lines(collection, manifest):
                return path
    return None


def _lines(collection: Path, manifest: Manifest) -> int:
    tables = (table for table in SCHEMAS if table not in DERIVED)
    paths = (path for table in tables for path in manifest.paths(table))
    return sum(
        pq.read_metadata(collection / path).num_rows for path in paths if path.endswith(".parquet")
    )


def _reason(error: Exception) -> str:
    """Return one sentence, of which DuckDB has several lines."""
    text = sentence_of(error) if isinstance(error, OSError) else str(error)
    return f"{text.splitlines()[0].rstrip('.')}."
