"""The tables of a catalog, and how they are brought up to date.

images(row, image_id, source_id, sha256, width, height, url, label, said_key, taxon_key, lo, …)
inputs, meanings                              as in the collection, the last word of each
labels(folded, label)                         labels that are no names of their taxon
identifications                               what machines say, the last of each image
thumbs(image_id, file)                        where the thumbnail of an image is
hashes(image_id, hash)                        perceptual hashes of pictures
taxa, names, endings                          a taxonomy of what occurs, as any other
metadata(row, …), searchable                  what is said of an image, as typed columns
parts(path, sha256, lines)                    the files of the collection that all this is of
counts(name, lines)                           of all these tables: see whole.py

A catalog of everything is an empty one brought up to date. In between, `touched` are images as they
were before something was said of them, `fresh` the same and new ones as they are now.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.catalog.taxa import has_other_taxa, list_labels, replace_taxa
from indexer.catalog.typed_metadata import EMPTY as NO_METADATA
from indexer.catalog.typed_metadata import add_metadata, make_searchable
from indexer.labels.label_resolution import DERIVED
from indexer.store.database import run_on_lines
from indexer.store.manifest import Manifest
from indexer.store.segment import SCHEMAS, read_batches, read_table

VERSION = 11  # of these tables: a catalog that an earlier taxalens left is made anew
_SAID = ("segments", "inputs", "labels", "identifications")


def bring_up(connection: duckdb.DuckDBPyConnection, collection: Path, manifest: Manifest) -> None:
    """Add what a catalog, or an empty database, lacks of a generation; see `covers`."""
    is_new = not covers(connection, manifest)
    if is_new:
        connection.execute(f"{_EMPTY}; {NO_METADATA}")
    known = dict(connection.execute("SELECT path, sha256 FROM parts").fetchall())
    for table in _SAID:
        _load(
            connection, collection, table, [p for p in _parquet(manifest, table) if p not in known]
        )
    meanings = read_table(collection, "meanings", manifest.paths("meanings"))
    connection.register("meanings_in", meanings)
    connection.execute(_CHANGES)
    connection.execute(";".join(map(_MEANT.format, ("images", "identifications"))))
    connection.execute("CREATE OR REPLACE TABLE meanings AS FROM meanings_in")
    other_names = is_new or _derived(known) != _derived(manifest.files)
    if other_names or has_other_taxa(connection):
        replace_taxa(connection, collection, manifest)
        other_names = True
    connection.execute(_INSERT)
    add_metadata(connection, "fresh")
    make_searchable(connection)
    ((lost,),) = connection.execute("SELECT count(*) FROM gone").fetchall()
    list_labels(connection, anew=other_names or bool(lost))
    _add_thumbnails(connection, collection, [p for p in manifest.paths("thumbs") if p not in known])
    _add_hashes(connection, collection, [p for p in manifest.paths("hashes") if p not in known])
    _note_parts(connection, collection, manifest)
    connection.unregister("meanings_in")


def covers(connection: duckdb.DuckDBPyConnection, manifest: Manifest) -> int:
    """Return how many lines of a generation's files a catalog has; 0 where it has others, too.

    What labels mean is not counted: it is replaced as a whole.
    """
    try:
        parts = connection.execute("SELECT path, sha256, lines, version FROM parts").fetchall()
    except duckdb.CatalogException:
        return 0
    lines = 0
    for path, sha256, count, version in parts:
        if version != VERSION:
            return 0
        if path.partition("/")[0] not in DERIVED:
            entry = manifest.files.get(path)
            if entry is None or entry.sha256 != sha256:
                return 0
            lines += count
    return lines


def _derived(paths: Iterable[str]) -> set[str]:
    """Return those that say what labels mean; whenever that is other, their names are."""
    return {path for path in paths if path.partition("/")[0] in DERIVED}


def _parquet(manifest: Manifest, table: str) -> list[str]:
    return [path for path in manifest.paths(table) if path.endswith(".parquet")]


def _load(
    connection: duckdb.DuckDBPyConnection, collection: Path, table: str, paths: list[str]
) -> None:
    """Make a temporary table of files, with the place of each line among all of the table."""
    ((start,),) = connection.execute(_LINES, [f"{table}/"]).fetchall()
    schema = SCHEMAS[table].append(pa.field("place", pa.int64()))

    def batches() -> Iterator[pa.RecordBatch]:
        place = start
        for path in paths:
            for batch in read_batches(collection, table, path):
                numbers = pa.array(np.arange(place, place + len(batch)))
                yield batch.append_column("place", numbers)
                place += len(batch)

    sql = f"CREATE OR REPLACE TEMP TABLE new_{table} AS FROM lines_in"
    run_on_lines(connection, sql, schema, batches())


def _add_thumbnails(
    connection: duckdb.DuckDBPyConnection, collection: Path, paths: list[str]
) -> None:
    """Note which file has the thumbnail of an image; the thumbnails themselves stay there."""
    for path in paths:
        ids = pq.read_table(collection / path, columns=["image_id"])["image_id"].to_pylist()
        connection.execute("INSERT INTO thumbs SELECT unnest(?), ?", [ids, path])


def _add_hashes(connection: duckdb.DuckDBPyConnection, collection: Path, paths: list[str]) -> None:
    connection.register("hashes_in", read_table(collection, "hashes", paths))
    connection.execute("INSERT INTO hashes FROM hashes_in")
    connection.unregister("hashes_in")


def _note_parts(
    connection: duckdb.DuckDBPyConnection, collection: Path, manifest: Manifest
) -> None:
    lines = [
        (path, manifest.files[path].sha256, pq.read_metadata(collection / path).num_rows, VERSION)
        for table in SCHEMAS
        for path in _parquet(manifest, table)
    ]
    connection.execute("DELETE FROM parts")
    if lines:
        connection.executemany("INSERT INTO parts VALUES (?, ?, ?, ?)", lines)


_EMPTY = """
CREATE OR REPLACE TABLE parts (path VARCHAR, sha256 VARCHAR, lines BIGINT, version BIGINT);
CREATE OR REPLACE TABLE inputs (source_id VARCHAR, status VARCHAR, reason VARCHAR,
    image_id VARCHAR, bytes BIGINT, modified BIGINT);
CREATE OR REPLACE TABLE images ("row" BIGINT, image_id VARCHAR, source_id VARCHAR, sha256 VARCHAR,
    width INTEGER, height INTEGER, url VARCHAR, label VARCHAR, said_key VARCHAR, taxon_key VARCHAR,
    lo BIGINT, common_name VARCHAR, metadata MAP(VARCHAR, VARCHAR), labelled_by VARCHAR,
    date_labelled VARCHAR);
CREATE OR REPLACE TABLE meanings (label VARCHAR, said_key VARCHAR, taxon_key VARCHAR,
    reason VARCHAR);
CREATE OR REPLACE TABLE identifications (image_id VARCHAR, label VARCHAR, confidence DOUBLE,
    identified_by VARCHAR, date_identified VARCHAR, method VARCHAR, remarks VARCHAR,
    evidence VARCHAR[], said_key VARCHAR, taxon_key VARCHAR);
CREATE OR REPLACE TABLE thumbs (image_id VARCHAR, file VARCHAR);
CREATE OR REPLACE TABLE hashes (image_id VARCHAR, hash BIGINT)
"""
_LINES = "SELECT coalesce(sum(lines), 0)::BIGINT FROM parts WHERE starts_with(path, ?)"
_SAME = "meanings_in.label = {0}.label AND meanings_in.said_key IS NOT DISTINCT FROM {0}.said_key"
_LINE = """{'label': label, 'said_key': said_key, 'common_name': common_name,
    'labelled_by': labelled_by, 'date_labelled': date_labelled, 'metadata': metadata} AS line"""
# row = place of the vector in the segments, which is also its id in an index. The last line about
# an input, an image's label counts, but an act of a person (one with a date) goes before lines of
# files, until another act takes it back (one by nobody); a label that its taxonomy was not asked
# for yet, since a run was killed, means what it says.
_CHANGES = f"""
CREATE OR REPLACE TEMP TABLE touched AS FROM images
    WHERE source_id IN (SELECT source_id FROM new_inputs)
    OR image_id IN (SELECT image_id FROM new_labels);
DELETE FROM images WHERE "row" IN (SELECT "row" FROM touched);
DELETE FROM metadata WHERE "row" IN (SELECT "row" FROM touched);

DELETE FROM inputs WHERE source_id IN (SELECT source_id FROM new_inputs);
INSERT INTO inputs SELECT * EXCLUDE place FROM new_inputs
    WHERE place IN (SELECT max(place) FROM new_inputs GROUP BY source_id) ORDER BY source_id;

CREATE OR REPLACE TEMP TABLE said AS
    WITH lines AS (
        SELECT image_id, place, {_LINE} FROM (
            SELECT * RENAME taxon_key AS said_key FROM new_labels
            UNION ALL BY NAME SELECT *, -1 AS place FROM touched)
    ), chosen AS (
        SELECT image_id, arg_max(line, place) AS last,
            arg_max(line, place) FILTER (line.date_labelled IS NOT NULL) AS act
        FROM lines GROUP BY image_id
    )
    SELECT image_id, said.* EXCLUDE metadata, last.metadata AS metadata FROM (
        SELECT image_id, last, CASE WHEN act.labelled_by <> '' THEN act ELSE last END AS said
        FROM chosen
    );

CREATE OR REPLACE TEMP TABLE fresh AS
    SELECT * FROM (
        SELECT "row", image_id, source_id, sha256, width, height, url FROM touched
        UNION ALL
        SELECT place, image_id, source_id, sha256, width, height, coalesce(url, '')
        FROM new_segments
    ) JOIN inputs USING (source_id, image_id);
DELETE FROM fresh WHERE "row" NOT IN (SELECT max("row") FROM fresh GROUP BY source_id);
CREATE OR REPLACE TEMP TABLE fresh AS
    SELECT "row", image_id, source_id, sha256, width, height, url, said.label, said.said_key,
        CASE WHEN reason IS NULL THEN said.said_key ELSE meanings_in.taxon_key END AS taxon_key,
        common_name, metadata, labelled_by, date_labelled
    FROM (SELECT * EXCLUDE (status, reason, bytes, modified) FROM fresh)
    JOIN said USING (image_id) LEFT JOIN meanings_in ON {_SAME.format("said")}
    ORDER BY "row";

CREATE OR REPLACE TEMP TABLE gone AS
    SELECT taxon_key FROM touched
    UNION SELECT taxon_key FROM identifications
    WHERE image_id IN (SELECT image_id FROM new_identifications);
DELETE FROM identifications WHERE image_id IN (SELECT image_id FROM new_identifications);
INSERT INTO identifications BY NAME
    SELECT new_identifications.* EXCLUDE (place, taxon_key),
        new_identifications.taxon_key AS said_key,
        CASE WHEN reason IS NULL THEN new_identifications.taxon_key ELSE meanings_in.taxon_key END
            AS taxon_key
    FROM new_identifications LEFT JOIN meanings_in ON meanings_in.label = new_identifications.label
        AND meanings_in.said_key IS NOT DISTINCT FROM new_identifications.taxon_key
    WHERE new_identifications.label <> ''
        AND place IN (SELECT max(place) FROM new_identifications GROUP BY image_id)
    ORDER BY image_id;
"""
_MEANT = f"""
UPDATE {{0}} SET taxon_key = {{0}}.said_key FROM meanings WHERE {{0}}.label = meanings.label
    AND {{0}}.said_key IS NOT DISTINCT FROM meanings.said_key
    AND NOT EXISTS (FROM meanings_in WHERE {_SAME.format("meanings")});
UPDATE {{0}} SET taxon_key = meanings_in.taxon_key FROM meanings_in
    WHERE {_SAME.format("{0}")} AND {{0}}.taxon_key IS DISTINCT FROM meanings_in.taxon_key
"""
_INSERT = """
INSERT INTO images BY NAME
    SELECT fresh.*, lo FROM fresh LEFT JOIN taxa USING (taxon_key) ORDER BY "row"
"""
