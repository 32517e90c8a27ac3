"""Metadata as typed columns, so that it can be asked in SQL: `elevation > 500`."""

import duckdb

from model.taxon import RANKS

OWN = (
    *("image_id", "source_id", "label", "width", "height", "rank", "common_name"),
    *map(str, RANKS),
)
"""What every image has; metadata of the same name stays in the hits but cannot be asked for."""


def add_metadata(connection: duckdb.DuckDBPyConnection, images: str) -> None:
    """Add what is said of the images of a table to the table `metadata`, a column a key.

    A column that was of numbers or dates becomes text where a value is none.
    """
    described = connection.execute("DESCRIBE metadata").fetchall()[1:]
    types = {name.lower(): (name, type_) for name, type_, *_ in described}
    values: dict[str, str] = {}
    for (spellings,) in connection.execute(_KEYS.format(images=images)).fetchall():
        key = spellings[0]  # "Site" and "site" are one column
        if not key or key.lower() in (*OWN, "row"):
            continue
        value = f"coalesce({', '.join(f'metadata[{sql_text(each)}]' for each in spellings)})"
        fits = ", ".join(f"bool_and({condition})" for condition in _TYPES.values())
        sql = f"SELECT {fits} FROM (SELECT {value} AS value FROM {images}) WHERE value <> ''"
        fitting = dict(zip(_TYPES, connection.execute(sql).fetchall()[0], strict=True))
        name, type_ = types.get(key.lower(), (key, ""))
        column = sql_identifier(name)
        if not type_ and len(types) + len(values) < _MOST_COLUMNS:
            type_ = next((each for each, fits in fitting.items() if fits), "VARCHAR")
            connection.execute(f"ALTER TABLE metadata ADD COLUMN {column} {type_}")
        elif fitting.get(type_) is False:
            return _again(connection)
        if type_:
            values[column] = f"TRY_CAST(nullif({value}, '') AS {type_}) AS {column}"
    columns = ", ".join(('"row"', *values.values()))
    connection.execute(f"INSERT INTO metadata BY NAME SELECT {columns} FROM {images}")


def _again(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the table anew, from all images."""
    connection.execute(EMPTY)
    add_metadata(connection, "images")


def sql_text(word: str) -> str:
    """Return a word as SQL writes a text."""
    return "'" + word.replace("'", "''") + "'"


def sql_identifier(word: str) -> str:
    """Return a word as SQL writes the name of a column."""
    return '"' + word.replace('"', '""') + '"'


EMPTY = 'CREATE OR REPLACE TABLE metadata ("row" BIGINT)'
_MOST_COLUMNS = 500
_KEYS = """
SELECT list(key ORDER BY place, key) FROM (
    SELECT unnest(map_keys(metadata)) AS key, min("row") AS place FROM {images} GROUP BY key
) GROUP BY lower(key) ORDER BY min(place), 1
"""
# "007" is a name, not a number; a float holds 15 digits.
_TYPES = {
    "BIGINT": "regexp_full_match(value, '[+-]?(0|[1-9][0-9]{0,17})')",
    "DOUBLE": (
        "regexp_full_match(value, '[+-]?(0|[1-9][0-9]{0,14})?([.][0-9]*)?([eE][+-]?[0-9]+)?') "
        "AND TRY_CAST(value AS DOUBLE) IS NOT NULL"
    ),
    "DATE": "length(value) = 10 AND TRY_CAST(value AS DATE) IS NOT NULL",
    "TIMESTAMP": "TRY_CAST(value AS TIMESTAMP) IS NOT NULL",
}
_RANKS = ", ".join(f"coalesce(taxa.{rank}, '') AS {rank}" for rank in map(sql_identifier, RANKS))
_PATH = "split_part(substr(source_id, strpos(source_id, '/') + 1), '#xywh', 1)"  # below its root
_SHOWN = {
    "file_name": _PATH,
    "folder": f"regexp_replace({_PATH}, '/?[^/]*$', '')",
    "labelled_by": "coalesce(images.labelled_by, '')",
    "date_labelled": "coalesce(images.date_labelled, '')",
    "machine_label": "coalesce(machine.label, '')",
    "machine_confidence": "machine.confidence",
}
"""Columns that tables show, unless the metadata have one of that name."""
_SEARCHABLE = f"""
CREATE OR REPLACE VIEW searchable AS
    SELECT images."row", images.image_id, source_id, images.label, width, height, "rank",
        coalesce(nullif(images.common_name, ''), taxa.common_name, '') AS common_name,
        {_RANKS}, {{shown}}
        metadata.* EXCLUDE ("row")
    FROM images LEFT JOIN taxa USING (taxon_key) JOIN metadata USING ("row")
    LEFT JOIN (SELECT image_id, label, confidence FROM identifications) AS machine
        ON machine.image_id = images.image_id
"""


def make_searchable(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the view of every column that a condition may name.

    Needs the tables images, taxa, identifications and metadata.
    """
    known = {name.lower() for name, *_ in connection.execute("DESCRIBE metadata").fetchall()}
    shown = (f"{sql} AS {name}, " for name, sql in _SHOWN.items() if name not in known)
    connection.execute(_SEARCHABLE.format(shown="".join(shown)))
