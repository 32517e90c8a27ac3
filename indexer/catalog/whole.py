"""Whether a catalog is whole: closed, of its generation, and with all lines that it had.

The last table that is written, `counts(name, lines)`, says how many lines every table has. DuckDB
knows these numbers without reading the lines, so that asking takes milliseconds at any size.
"""

from pathlib import Path

import duckdb

from indexer.catalog.tables import VERSION
from indexer.store.database import open_locked
from indexer.store.manifest import Manifest
from indexer.store.segment import SCHEMAS

_HEADERS = 3 * 4096  # bytes of a DuckDB file before its blocks
_COUNTED = (
    *("images", "inputs", "meanings", "identifications", "thumbs", "hashes", "metadata", "parts"),
    *("taxa", "names", "endings", "labels"),
)


class NotWhole(Exception):
    """A catalog is not what the files of its collection say; the text says why."""


def open_whole(path: Path, manifest: Manifest) -> duckdb.DuckDBPyConnection:
    """Open the catalog of a generation read-only; raises NotWhole, or duckdb.Error."""
    connection = open_closed(path)
    try:
        parts = connection.execute("SELECT path, sha256, version FROM parts").fetchall()
        if set(parts) != _parts(manifest) or len(parts) != len(set(parts)):
            raise NotWhole("it is of other files than the manifest names")
    except BaseException:
        connection.close()
        raise
    return connection


def open_closed(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a catalog of any generation read-only; raises NotWhole where it was not closed whole."""
    wal = path.with_name(f"{path.name}.wal")
    if wal.exists():
        raise NotWhole(f"{wal.name} lies beside it: it was not closed")
    connection = open_locked(path)
    try:
        sql = "SELECT total_blocks * block_size FROM pragma_database_size()"
        ((blocks,),) = connection.execute(sql).fetchall()
        if path.stat().st_size < _HEADERS + blocks:
            raise NotWhole("its end is missing")
        if _stored(connection) != _counts(connection):
            raise NotWhole("it has not the lines that it was closed with")
    except BaseException:
        connection.close()
        raise
    return connection


def seal(connection: duckdb.DuckDBPyConnection) -> None:
    """Note how many lines each table has."""
    counts = _counts(connection)
    connection.execute("CREATE OR REPLACE TABLE counts (name VARCHAR, lines BIGINT)")
    connection.executemany("INSERT INTO counts VALUES (?, ?)", [*counts.items()])


def check_lines(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise NotWhole where a line is there twice, or an input lacks its image.

    A catalog that was made from the beginning cannot be so, unless the collection itself is.
    """
    for problem, sql in _WRONG.items():
        ((is_wrong,),) = connection.execute(f"SELECT {sql}").fetchall()
        if is_wrong:
            raise NotWhole(problem)


def check_blocks(connection: duckdb.DuckDBPyConnection) -> None:
    """Read all lines, and with them the checksums of all blocks; raises duckdb.Error."""
    for table in _COUNTED:
        connection.execute(f"SELECT bit_xor(hash({table})) FROM {table}").fetchall()


def _parts(manifest: Manifest) -> set[tuple[str, str, int]]:
    return {
        (path, entry.sha256, VERSION)
        for path, entry in manifest.files.items()
        if path.endswith(".parquet") and path.partition("/")[0] in SCHEMAS
    }


def _stored(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(connection.execute("FROM counts").fetchall())


def _counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    sql = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in _COUNTED)
    return dict(connection.execute(sql).fetchall())


_WRONG = {
    "it has an input twice": "count(*) <> count(DISTINCT source_id) FROM inputs",
    "it has a row twice": 'count(*) <> count(DISTINCT "row") FROM images',
    "it has an identification twice": ("count(*) <> count(DISTINCT image_id) FROM identifications"),
    "it has other images than inputs": (
        "(SELECT count(*) FROM images) <> count(*) FROM inputs WHERE image_id IS NOT NULL"
    ),
    "it has other metadata than images": (
        "(SELECT count(*) FROM images) <> count(*) FROM metadata"
    ),
}
