"""The catalog: what DuckDB knows of one generation, derived from its Parquet files alone.

images(row, image_id, source_id, sha256, width, height, url, label, said_key, taxon_key, lo, …)
inputs, labels, meanings                      as in the collection, the last word of each
identifications                               the last of each image, its said_key too
thumbs(image_id, file)                        where the thumbnail of an image is
taxa, names, endings                          a taxonomy of what occurs, as any other
metadata(row, …), searchable                  what is said of an image, as typed columns
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.database import lock, open_locked
from indexer.manifest import Manifest
from indexer.segment import SCHEMAS, read_table
from indexer.taxonomy.draft import COMMON, NAMES, TAXA, Draft, Line, taxa_of_lines
from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.tables import write_tables
from indexer.typed_metadata import write_metadata
from model.taxon import Taxon

# A label that its taxonomy was not asked for yet, since a run was killed, means what it says.
_CURRENT = """
CREATE TABLE inputs AS
    SELECT * EXCLUDE place FROM inputs_in
    QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY place DESC) = 1
    ORDER BY source_id;
CREATE TEMP TABLE rows AS
    SELECT segments_in.* FROM segments_in JOIN inputs USING (source_id, image_id)
    QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY place DESC) = 1;
CREATE TABLE meanings AS SELECT * EXCLUDE place FROM meanings_in;
CREATE TEMP TABLE said AS
    SELECT image_id, said.label, said.taxon_key AS said_key, common_name, metadata,
        CASE WHEN meanings.label IS NULL THEN said.taxon_key ELSE meanings.taxon_key END
            AS taxon_key
    FROM (
        SELECT labels_in.* FROM labels_in JOIN rows USING (image_id)
        QUALIFY row_number() OVER (PARTITION BY image_id ORDER BY labels_in.place DESC) = 1
    ) AS said
    LEFT JOIN meanings
        ON said.label = meanings.label AND said.taxon_key IS NOT DISTINCT FROM meanings.said_key;
"""
_IDENTIFICATIONS = """
CREATE TABLE identifications AS
    SELECT last.* EXCLUDE (place, taxon_key), last.taxon_key AS said_key,
        CASE WHEN meanings.label IS NULL THEN last.taxon_key ELSE meanings.taxon_key END
            AS taxon_key
    FROM (
        SELECT identifications_in.* FROM identifications_in JOIN rows USING (image_id)
        QUALIFY row_number()
            OVER (PARTITION BY image_id ORDER BY identifications_in.place DESC) = 1
    ) AS last
    LEFT JOIN meanings
        ON last.label = meanings.label AND last.taxon_key IS NOT DISTINCT FROM meanings.said_key
    WHERE last.label <> ''
    ORDER BY image_id;
"""
# row = place of the vector in the segments, which is also its id in an index.
_IMAGES = """
CREATE TABLE images AS
    SELECT rows.place AS "row", image_id, source_id, sha256, width, height,
        coalesce(url, '') AS url, label, said_key, taxon_key, lo, said.common_name, metadata
    FROM rows JOIN said USING (image_id) LEFT JOIN taxa USING (taxon_key)
    ORDER BY rows.place;
CREATE TABLE labels AS SELECT * FROM raw_labels_in;
CREATE TABLE thumbs AS SELECT * FROM thumbs_in ORDER BY image_id;
"""
_LABELS = """
SELECT DISTINCT label FROM (
    SELECT label, taxon_key FROM said UNION SELECT label, taxon_key FROM identifications
) AS said
WHERE label <> '' AND NOT EXISTS (
    FROM names JOIN taxa USING (lo) WHERE names.name = label AND taxa.taxon_key = said.taxon_key
) ORDER BY label
"""


def catalog_path(collection: Path, manifest: Manifest) -> Path:
    """Return where the catalog of a generation lies."""
    # DuckDB hands out one instance per path in a process, so a name must mean one content.
    told = repr((_VERSION, sorted(manifest.files.items())))
    contents = hashlib.sha256(told.encode()).hexdigest()
    return collection / f"catalog-{manifest.generation}-{contents[:8]}.duckdb"


def write_catalog(collection: Path, manifest: Manifest) -> None:
    """Write the catalog of a generation, unless it is there, and remove those of earlier ones."""
    target = catalog_path(collection, manifest)
    if target.exists():
        return
    temporary = target.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    with duckdb.connect(str(temporary)) as connection:
        fill(connection, collection, manifest)
    temporary.replace(target)
    for old in collection.glob("catalog-*.duckdb"):
        if old != target:
            old.unlink(missing_ok=True)


def open_catalog(collection: Path, manifest: Manifest) -> duckdb.DuckDBPyConnection:
    """Open a generation's catalog read-only; where it is missing or damaged, build it in memory."""
    try:
        return open_locked(catalog_path(collection, manifest))
    except duckdb.Error:
        connection = duckdb.connect()
    fill(connection, collection, manifest)
    lock(connection)
    return connection


def fill(connection: duckdb.DuckDBPyConnection, collection: Path, manifest: Manifest) -> None:
    """Create the tables of a catalog in an empty database."""
    tables = {table: read_table(collection, table, manifest.paths(table)) for table in _TABLES}
    connection.register("thumbs_in", _thumbs(collection, manifest))
    for table, lines in tables.items():
        place = pa.array(range(len(lines)), pa.int64())
        connection.register(f"{table}_in", lines.append_column("place", place))
    connection.execute(_CURRENT)
    connection.execute(_IDENTIFICATIONS)
    write_tables(connection, _taxonomy(connection, tables["clades"], tables["names"]))
    labels = [label for (label,) in connection.execute(_LABELS).fetchall()]
    raw = pa.table(
        {"folded": pa.array(map(fold, labels), pa.string()), "label": pa.array(labels, pa.string())}
    )
    connection.register("raw_labels_in", raw)
    connection.execute(_IMAGES)
    write_metadata(connection)
    for view in (*(f"{table}_in" for table in SCHEMAS), "raw_labels_in"):
        connection.unregister(view)


def _thumbs(collection: Path, manifest: Manifest) -> pa.Table:
    """Return which file has the thumbnail of an image; the thumbnails themselves stay there."""
    parts = []
    for path in manifest.paths("thumbs"):
        ids = pq.read_table(collection / path, columns=["image_id"])["image_id"]
        parts.append(pa.table({"image_id": ids, "file": pa.repeat(path, len(ids))}))
    empty = pa.schema([("image_id", pa.string()), ("file", pa.string())]).empty_table()
    return pa.concat_tables([empty, *parts])


def _taxonomy(connection: duckdb.DuckDBPyConnection, clades: pa.Table, names: pa.Table) -> Draft:
    """Return the taxa that occur: those of the taxonomy, and those that labels say themselves."""
    row = pa.repeat(0, len(clades))
    columns = (clades[column] for column in ("taxon_key", "parent_key", "rank", "name"))
    resolved = pa.table([row, *columns], schema=TAXA)
    known = set(clades["taxon_key"].to_pylist())
    said = connection.execute(_TAXA_SAID).fetchall()
    lines = [Line(0, Taxon.from_key(key)) for (key,) in said if key not in known]
    own = taxa_of_lines(lines)
    own = own.filter(pa.array((id_ not in known for id_ in own["id"].to_pylist()), pa.bool_()))
    common = connection.execute(_COMMON_NAMES).fetchall()
    return Draft(pa.concat_tables([resolved, own]), _names(common, names))


def _names(common: Sequence[tuple[str, str]], names: pa.Table) -> pa.Table:
    """Common names that labels say first, then those of the taxonomy."""
    keys, words = zip(*common, strict=True) if common else ((), ())
    count = len(common)
    said = pa.table([[0] * count, keys, words, [COMMON] * count, [""] * count], schema=NAMES)
    columns = (names[column] for column in ("taxon_key", "name", "kind", "language"))
    return pa.concat_tables([said, pa.table([pa.repeat(0, len(names)), *columns], schema=NAMES)])


_TABLES = [table for table in SCHEMAS if table != "thumbs"]
_VERSION = 5  # of these tables: a catalog that an earlier taxalens left is built anew
_TAXA_SAID = """
SELECT taxon_key FROM said WHERE taxon_key IS NOT NULL
UNION SELECT taxon_key FROM identifications WHERE taxon_key IS NOT NULL ORDER BY 1
"""
_COMMON_NAMES = """
SELECT taxon_key, common_name FROM said JOIN rows USING (image_id)
WHERE taxon_key IS NOT NULL AND common_name <> ''
GROUP BY ALL ORDER BY min(rows.place)
"""
