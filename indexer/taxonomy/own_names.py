"""Names of one's own: a table of common names and synonyms, added to a taxonomy."""

from pathlib import Path

import duckdb
import pyarrow as pa

from indexer.taxonomy.draft import COMMON, SYNONYM, Problem
from indexer.taxonomy.resolver import Resolution, resolve_all
from indexer.taxonomy.table import load, scratch, table_at
from indexer.taxonomy.tables import add_names
from model.errors import BadInput

COLUMNS = ("name", "taxon", "kind", "language")


def add_own_names(connection: duckdb.DuckDBPyConnection, path: Path) -> list[Problem]:
    """Add the names of a CSV, TSV or Parquet table to the taxa that it gives them.

    `taxon` is a scientific name, with its context where there are several ("Ficus (Plantae)"), or
    a taxon key; `kind` common (or empty) or synonym; `language` an ISO code, "en". Returns the
    rows that name no taxon, several taxa or nothing. Raises BadInput for another table.
    """
    table = table_at(path)
    if not (table.has("name") and table.has("taxon")):
        raise BadInput(
            f"{path} has the columns {', '.join(table.fields) or '(none)'}; names need the columns "
            "name and taxon, and may have kind and language."
        )
    with scratch() as copy:
        problems = load(copy, "own", table, COLUMNS)
        rows = copy.execute('SELECT "row", name, taxon, lower(kind), language FROM own').fetchall()
    found = resolve_all(connection, [taxon for _, _, taxon, _, _ in rows])
    names = []
    for (row, name, _, kind, language), meaning in zip(rows, found, strict=True):
        if wrong := _wrong(name, kind, meaning):
            problems.append(Problem(row, name, f"{wrong}: left out"))
            continue
        said = {"name": name, "kind": kind or COMMON, "language": language}
        names += [{**said, "lo": clade.lo} for clade in meaning.clades]
    add_names(connection, pa.Table.from_pylist(names, schema=_NAMES))
    return problems


def _wrong(name: str, kind: str, meaning: Resolution) -> str:
    if not name:
        return "it is empty"
    if kind not in ("", COMMON, SYNONYM):
        return f"its kind {kind!r} is neither {COMMON} nor {SYNONYM}"
    if meaning.candidates:
        keys = ", ".join(f'"{clade.key}"' for clade in meaning.candidates)
        return f"{meaning.written} is several taxa, {keys}"
    if not (meaning.clades and meaning.whole):
        return f"its taxon {meaning.written} is not in the taxonomy"
    return ""


_NAMES = pa.schema([(column, pa.string()) for column in ("name", "kind", "language")]).append(
    pa.field("lo", pa.int64())
)
