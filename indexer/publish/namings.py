"""Namings: labels and taxa as a small catalog, which decides what a name means and what it matches.

Images with the same label and the same machine label answer the same names and filters. Each such
pair is a naming, numbered in the pre-order of taxa, so that a clade is one range of numbers. A
catalog whose table `images` has a naming a line, not an image, is understood by the same code as a
collection's own, and its rows are numbers of namings. It has the tables of `catalog.tables` that
names and conditions are asked of; `counted` is the number of images of a naming.
"""

from collections.abc import Mapping, Sequence

import duckdb
import pyarrow as pa

from indexer.catalog.snapshot import Snapshot
from indexer.store.database import lock

_PART = ("lo", "taxon_key", "label", "common_name", "machine_label", "machine_key")


class Namings:
    """The namings of a snapshot, and which one each image has."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._cursor = snapshot.cursor()
        self._cursor.execute(_NAMINGS)

    @property
    def total(self) -> int:
        """The number of namings."""
        return int(self._cursor.execute("SELECT count(*) FROM namings").fetchall()[0][0])

    def tables(self) -> dict[str, pa.Table]:
        """Return the tables of the small catalog."""
        return {name: self._cursor.sql(sql).to_arrow_table() for name, sql in _TABLES.items()}

    def of(self, rows: Sequence[int]) -> list[tuple[int, float]]:
        """Return the naming of each of some rows, ascending, and the machine's confidence.

        The confidence is -1 where a machine states none.
        """
        return self._cursor.execute(_OF_ROWS, [list(rows)]).fetchall()

    def between(self, lo: int, hi: int) -> range:
        """Return the namings of the taxa from one place in the pre-order up to another."""
        ((first, last),) = self._cursor.execute(_BETWEEN, [lo, lo, hi]).fetchall()
        return range(first, first + last)


def open_namings(tables: Mapping[str, pa.Table]) -> duckdb.DuckDBPyConnection:
    """Return the small catalog in memory, which can neither write files nor read others."""
    connection = duckdb.connect()
    for name, table in tables.items():
        connection.register("table_in", table)
        connection.execute(f"CREATE TABLE {name} AS FROM table_in")
        connection.unregister("table_in")
    connection.execute(_ENDINGS)
    lock(connection)
    return connection


_SAME = " AND ".join(f"namings.{each} IS NOT DISTINCT FROM each.{each}" for each in _PART)
_EACH = """
SELECT "row", lo, images.taxon_key, images.label, coalesce(common_name, '') AS common_name,
    machine.label AS machine_label, machine.taxon_key AS machine_key
FROM images LEFT JOIN identifications AS machine USING (image_id)
"""
_NAMINGS = f"""
CREATE OR REPLACE TEMP TABLE namings AS
    SELECT row_number() OVER (ORDER BY {", ".join(f"{each} NULLS LAST" for each in _PART)}) - 1
        AS naming, *
    FROM (SELECT * EXCLUDE "row", count(*) AS counted FROM ({_EACH}) GROUP BY ALL)
    ORDER BY naming;
CREATE OR REPLACE TEMP TABLE named AS
    SELECT "row", naming FROM ({_EACH}) AS each JOIN namings ON {_SAME} ORDER BY "row"
"""
_OF_ROWS = """
SELECT naming, coalesce(confidence, -1)
FROM named JOIN (SELECT unnest(?) AS "row") USING ("row") JOIN images USING ("row")
LEFT JOIN identifications USING (image_id) ORDER BY "row"
"""
_BETWEEN = """
SELECT count(*) FILTER (lo < ?), count(*) FILTER (? <= lo AND lo < ?) FROM namings
"""
_TABLES = {
    "images": """
        SELECT naming AS "row", 'naming ' || naming AS image_id, label, taxon_key, lo,
            common_name, counted
        FROM namings ORDER BY naming
    """,
    "identifications": """
        SELECT 'naming ' || naming AS image_id, machine_label AS label, machine_key AS taxon_key
        FROM namings WHERE machine_label IS NOT NULL ORDER BY naming
    """,
    "taxa": "FROM taxa ORDER BY lo",
    "names": "FROM names",
    "labels": "FROM labels",
}
_ENDINGS = """
CREATE TABLE endings AS SELECT DISTINCT reverse(folded) AS reversed FROM names ORDER BY reversed
"""
