"""The catalog: what DuckDB knows of one generation, derived from its Parquet files alone."""

import hashlib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa

from indexer.clades import Clade, preorder
from indexer.manifest import Manifest
from indexer.segment import SCHEMAS, read_table
from model.taxon import RANKS, Taxon

# No query on a catalog reads another file, whatever it says.
_LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "lock_configuration": "true",
}
_CURRENT = """
CREATE TABLE inputs AS
    SELECT * EXCLUDE place FROM inputs_in
    QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY place DESC) = 1
    ORDER BY source_id;
CREATE TEMP TABLE rows AS
    SELECT segments_in.* FROM segments_in JOIN inputs USING (source_id, image_id)
    QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY place DESC) = 1;
CREATE TEMP TABLE said AS
    SELECT labels_in.* EXCLUDE place FROM labels_in JOIN rows USING (image_id)
    QUALIFY row_number() OVER (PARTITION BY image_id ORDER BY labels_in.place DESC) = 1;
"""
_TAXA = f"""
SELECT {", ".join(f'taxa_in."{rank}"' for rank in RANKS)}, common_name
FROM taxa_in JOIN (SELECT DISTINCT taxon_key, common_name FROM said) USING (taxon_key, common_name)
ORDER BY place
"""
_LABELS = "SELECT DISTINCT label FROM said WHERE taxon_key IS NULL AND label <> '' ORDER BY label"
# row = place of the vector in the segments, which is also its id in an index.
_TABLES = """
CREATE TABLE images AS
    SELECT rows.place AS "row", image_id, source_id, sha256, width, height, label, taxon_key, lo,
        said.common_name, metadata
    FROM rows JOIN said USING (image_id) LEFT JOIN clades_in USING (taxon_key)
    ORDER BY rows.place;
CREATE TABLE taxa AS SELECT * FROM clades_in;
CREATE TABLE names AS SELECT * FROM names_in;
"""


def catalog_path(collection: Path, manifest: Manifest) -> Path:
    """Return where the catalog of a generation lies."""
    # DuckDB hands out one instance per path in a process, so a name must mean one content.
    contents = hashlib.sha256(repr(sorted(manifest.files.items())).encode()).hexdigest()
    return collection / f"catalog-{manifest.generation}-{contents[:8]}.duckdb"


def write_catalog(collection: Path, manifest: Manifest) -> None:
    """Write the catalog of a generation and remove those of earlier ones."""
    target = catalog_path(collection, manifest)
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
    target = catalog_path(collection, manifest)
    try:
        return duckdb.connect(str(target), read_only=True, config=_LOCKED)
    except duckdb.Error:
        connection = duckdb.connect()
    fill(connection, collection, manifest)
    for setting, value in _LOCKED.items():
        connection.execute(f"SET {setting} = {value}")
    return connection


def fill(connection: duckdb.DuckDBPyConnection, collection: Path, manifest: Manifest) -> None:
    """Create the tables images, inputs, taxa and names in an empty database."""
    for table in SCHEMAS:
        lines = read_table(collection, table, manifest.paths(table))
        place = pa.array(range(len(lines)), pa.int64())
        connection.register(f"{table}_in", lines.append_column("place", place))
    connection.execute(_CURRENT)
    taxa = [Taxon(tuple(ranks), common) for *ranks, common in connection.sql(_TAXA).fetchall()]
    labels = [label for (label,) in connection.sql(_LABELS).fetchall()]
    clades = preorder(taxa)
    connection.register("clades_in", _clade_table(clades))
    connection.register("names_in", _name_table(clades, taxa, labels))
    connection.execute(_TABLES)
    for view in (*(f"{table}_in" for table in SCHEMAS), "clades_in", "names_in"):
        connection.unregister(view)


def fold(name: str) -> str:
    """Return a name as it is compared: no case, no diacritics, single spaces for underscores."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("_", " "))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def _name_table(clades: Iterable[Clade], taxa: Iterable[Taxon], labels: Iterable[str]) -> pa.Table:
    """Scientific and common names of taxa, and the labels that are no taxa, folded."""
    scientific = [("scientific", clade.taxon.name, clade.taxon.key) for clade in clades]
    common = [("common", taxon.common_name, taxon.key) for taxon in taxa if taxon.common_name]
    raw = [("label", label, None) for label in labels]
    lines = [
        {"folded": fold(name), "name": name, "kind": kind, "taxon_key": key}
        for kind, name, key in dict.fromkeys([*scientific, *common, *raw])
    ]
    return pa.Table.from_pylist(lines, schema=_NAMES)


def _clade_table(clades: Iterable[Clade]) -> pa.Table:
    lines = [
        {
            "taxon_key": clade.taxon.key,
            "parent_key": clade.parent,
            "lo": clade.lo,
            "hi": clade.hi,
            "rank": str(clade.taxon.rank),
            "name": clade.taxon.name,
            "common_name": clade.taxon.common_name,
            **{str(rank): clade.taxon.at(rank) for rank in RANKS},
        }
        for clade in clades
    ]
    return pa.Table.from_pylist(lines, schema=_CLADES)


_NAMES = pa.schema([(column, pa.string()) for column in ("folded", "name", "kind", "taxon_key")])
_CLADES = pa.schema(
    [("taxon_key", pa.string()), ("parent_key", pa.string())]
    + [("lo", pa.int64()), ("hi", pa.int64())]
    + [(column, pa.string()) for column in ("rank", "name", "common_name", *map(str, RANKS))]
)
