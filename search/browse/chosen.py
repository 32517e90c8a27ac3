"""A selection as a condition in SQL."""

import duckdb

from indexer.backends.selection import Selection
from indexer.catalog.snapshot import Snapshot


def cursor_over(snapshot: Snapshot, among: Selection) -> tuple[duckdb.DuckDBPyConnection, str]:
    """Return a cursor, and the condition on "row" that chooses a selection there.

    The rows are registered with the cursor: as a list, a million of them take a second.
    """
    cursor = snapshot.cursor()
    ((images,),) = cursor.execute("SELECT count(*) FROM images").fetchall()
    if len(among) == images:
        return cursor, "true"
    cursor.register("chosen", {"row": among.array})
    return cursor, '"row" IN (SELECT "row" FROM chosen)'
