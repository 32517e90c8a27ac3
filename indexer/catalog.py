"""The catalog: what DuckDB knows of one generation, derived from its Parquet files alone."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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
# row = place of the vector in the segments, which is also its id in an index.
_TABLES = """
CREATE TABLE inputs AS
    SELECT * EXCLUDE place FROM inputs_in
    QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY place DESC) = 1
    ORDER BY source_id;
CREATE TABLE images AS
    WITH current AS (
            SELECT segments_in.* FROM segments_in JOIN inputs USING (source_id, image_id)
            QUALIFY row_number() OVER (PARTITION BY source_id ORDER BY place DESC) = 1),
        said AS (
            SELECT * FROM labels_in
            QUALIFY row_number() OVER (PARTITION BY image_id ORDER BY place DESC) = 1)
    SELECT current.place AS "row", image_id, source_id, sha256, width, height, label, taxon_key,
        lo, said.common_name, metadata
    FROM current JOIN said USING (image_id) LEFT JOIN clades_in USING (taxon_key)
    ORDER BY current.place;
CREATE TABLE taxa AS SELECT * FROM clades_in;
CREATE TABLE names AS SELECT * FROM names_in;
"""


def catalog_path(collection: Path, manifest: Manifest) -> Path:
    """Return where the catalog of a generation lies."""
    return collection / f"catalog-{manifest.generation}.duckdb"


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
    clades, names = _clades_and_names(read_table(collection, "taxa", manifest.paths("taxa")))
    labels = connection.sql("SELECT DISTINCT label FROM labels_in WHERE taxon_key IS NULL")
    names = pa.concat_tables([names, _label_names([label for (label,) in labels.fetchall()])])
    connection.register("clades_in", clades)
    connection.register("names_in", names)
    connection.execute(_TABLES)
    for view in (*(f"{table}_in" for table in SCHEMAS), "clades_in", "names_in"):
        connection.unregister(view)


def fold(name: str) -> str:
    """Return a name as it is compared: no case, no diacritics, single spaces for underscores."""
    plain = unicodedata.normalize("NFKD", name.casefold().replace("_", " "))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def _clades_and_names(lines: pa.Table) -> tuple[pa.Table, pa.Table]:
    taxa = [
        Taxon(tuple(line[rank] for rank in RANKS), line["common_name"])
        for line in lines.to_pylist()
    ]
    clades = preorder(taxa)
    scientific = [("scientific", clade.taxon.name, clade.taxon.key) for clade in clades]
    common = [("common", taxon.common_name, taxon.key) for taxon in taxa if taxon.common_name]
    names = [
        {"folded": fold(name), "name": name, "kind": kind, "taxon_key": key}
        for kind, name, key in dict.fromkeys(scientific + common)
    ]
    return (
        pa.Table.from_pylist([_clade_line(clade) for clade in clades], schema=_CLADES),
        pa.Table.from_pylist(names, schema=_NAMES),
    )


def _label_names(labels: Iterable[str]) -> pa.Table:
    """The labels that are no taxa: they are found by name all the same."""
    lines = [
        {"folded": fold(label), "name": label, "kind": "label", "taxon_key": None}
        for label in labels
        if label
    ]
    return pa.Table.from_pylist(lines, schema=_NAMES)


def _clade_line(clade: Clade) -> dict[str, Any]:
    taxon = clade.taxon
    return {
        "taxon_key": taxon.key,
        "parent_key": clade.parent,
        "lo": clade.lo,
        "hi": clade.hi,
        "rank": str(taxon.rank),
        "name": taxon.name,
        "common_name": taxon.common_name,
        **{str(rank): taxon.at(rank) for rank in RANKS},
    }


_NAMES = pa.schema([(column, pa.string()) for column in ("folded", "name", "kind", "taxon_key")])
_CLADES = pa.schema(
    [("taxon_key", pa.string()), ("parent_key", pa.string())]
    + [("lo", pa.int64()), ("hi", pa.int64())]
    + [(column, pa.string()) for column in ("rank", "name", "common_name", *map(str, RANKS))]
)
