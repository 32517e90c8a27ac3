"""Metadata as typed columns, so that it can be asked in SQL: `elevation > 500`."""

import duckdb

from model.taxon import RANKS

OWN = (
    *("image_id", "source_id", "label", "width", "height", "rank", "common_name"),
    *map(str, RANKS),
)
"""What every image has; metadata of the same name stays in the hits but cannot be asked for."""


def _text(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"


def _identifier(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


_MOST_COLUMNS = 500
_KEYS = """
SELECT list(key ORDER BY place, key) FROM (
    SELECT unnest(map_keys(metadata)) AS key, min("row") AS place FROM images GROUP BY key
) GROUP BY lower(key) ORDER BY min(place), 1 LIMIT ?
"""
# "007" is a name, not a number; a float holds 15 digits.
_TYPE = """
SELECT CASE
    WHEN bool_and(regexp_full_match(value, '[+-]?(0|[1-9][0-9]{{0,17}})')) THEN 'BIGINT'
    WHEN bool_and(
        regexp_full_match(value, '[+-]?(0|[1-9][0-9]{{0,14}})?([.][0-9]*)?([eE][+-]?[0-9]+)?')
        AND TRY_CAST(value AS DOUBLE) IS NOT NULL
    ) THEN 'DOUBLE'
    WHEN bool_and(
        length(value) = 10 AND TRY_CAST(value AS DATE) IS NOT NULL
    ) THEN 'DATE'
    WHEN bool_and(TRY_CAST(value AS TIMESTAMP) IS NOT NULL) THEN 'TIMESTAMP'
    ELSE 'VARCHAR'
END FROM (SELECT {value} AS value FROM images) WHERE value <> ''
"""
_RANKS = ", ".join(f"coalesce(taxa.{rank}, '') AS {rank}" for rank in map(_identifier, RANKS))
_SEARCHABLE = f"""
CREATE VIEW searchable AS
    SELECT images."row", image_id, source_id, label, width, height, "rank",
        coalesce(nullif(images.common_name, ''), taxa.common_name, '') AS common_name,
        {_RANKS},
        metadata.* EXCLUDE ("row")
    FROM images LEFT JOIN taxa USING (taxon_key) JOIN metadata USING ("row")
"""


def write_metadata(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the table `metadata`, a column a key, and the view `searchable` over all there is."""
    columns = ['"row"']
    for (spellings,) in connection.execute(_KEYS, [_MOST_COLUMNS]).fetchall():
        key = spellings[0]  # "Site" and "site" are one column
        if key and key.lower() not in (*OWN, "row"):
            value = f"coalesce({', '.join(f'metadata[{_text(each)}]' for each in spellings)})"
            ((type_,),) = connection.execute(_TYPE.format(value=value)).fetchall()
            columns.append(f"TRY_CAST(nullif({value}, '') AS {type_}) AS {_identifier(key)}")
    connection.execute(f"CREATE TABLE metadata AS SELECT {', '.join(columns)} FROM images")
    connection.execute(_SEARCHABLE)
