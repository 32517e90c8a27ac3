"""The taxonomy of what occurs in a collection, and labels that are none of its names.

It reads the tables of `catalog_tables`, and the temporary ones that it makes on the way.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from indexer.store.manifest import Manifest
from indexer.store.segment import read_table
from indexer.taxonomy.draft import COMMON, NAMES, TAXA, Draft, Line, taxa_of_lines
from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.tables import write_tables
from model.taxon import Taxon


def has_other_taxa(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether other taxa or names occur than those that a catalog has."""
    ((has,),) = connection.execute(_OTHER_TAXA).fetchall()
    return bool(has)


def replace_taxa(
    connection: duckdb.DuckDBPyConnection, collection: Path, manifest: Manifest
) -> None:
    """Make the taxonomy of what occurs: of the collection's own, and of what labels say."""
    clades, names = (
        read_table(collection, table, manifest.paths(table)) for table in ("clades", "names")
    )
    said = [key for (key,) in connection.execute(_KEYS).fetchall()]
    parents = dict(zip(*(clades[each].to_pylist() for each in _TREE[:2]), strict=True))
    own = taxa_of_lines([_line(key) for key in said if key not in parents])
    ids = own["id"].to_pylist()
    occurring = _with_ancestors((*said, *ids), parents)
    own = own.filter(pa.array((each not in parents for each in ids), pa.bool_()))
    clades, names = (_of_taxa(table, occurring) for table in (clades, names))
    row = pa.repeat(0, len(clades))
    resolved = pa.table([row, *(clades[column] for column in _TREE)], schema=TAXA)
    common = connection.execute(_COMMON_NAMES).fetchall()
    connection.execute(_NO_TAXA)
    write_tables(connection, Draft(pa.concat_tables([resolved, own]), _names(common, names)))
    connection.execute(_PLACE)


def _line(key: str) -> Line:
    taxon = Taxon.from_key(key)
    return Line(0, Taxon(taxon.lineage), *taxon.below)


def _with_ancestors(keys: Iterable[str], parents: Mapping[str, str]) -> set[str]:
    """Return the keys that a taxonomy has, and all above them."""
    found: set[str] = set()
    for key in keys:
        while key in parents and key not in found:
            found.add(key)
            key = parents[key]
    return found


def _of_taxa(table: pa.Table, keys: set[str]) -> pa.Table:
    """Return the lines of some taxa; what only a superseded label means occurs no more."""
    return table.filter(pc.is_in(table["taxon_key"], pa.array(keys, pa.string())))


def _names(common: list[tuple[str, str]], names: pa.Table) -> pa.Table:
    """Common names that labels say first, then those of the taxonomy."""
    keys, words = zip(*common, strict=True) if common else ((), ())
    count = len(common)
    said = pa.table([[0] * count, keys, words, [COMMON] * count, [""] * count], schema=NAMES)
    columns = (names[column] for column in ("taxon_key", "name", "kind", "language"))
    return pa.concat_tables([said, pa.table([pa.repeat(0, len(names)), *columns], schema=NAMES)])


def list_labels(connection: duckdb.DuckDBPyConnection, anew: bool) -> None:
    """List the labels that are no names of their taxon: of all images, or add those of new ones."""
    said = _LABELS.format(_OF_ALL if anew else _OF_NEW)
    labels = [label for (label,) in connection.execute(said).fetchall()]
    columns = {
        "folded": pa.array(map(fold, labels), pa.string()),
        "label": pa.array(labels, pa.string()),
    }
    connection.register("labels_in", pa.table(columns))
    if anew:
        connection.execute("CREATE OR REPLACE TABLE labels AS FROM labels_in")
    else:
        connection.execute("INSERT INTO labels FROM labels_in EXCEPT FROM labels")
    connection.unregister("labels_in")


_TREE = ("taxon_key", "parent_key", "rank", "name")
# An identification of an image that is not there any more counts no more than its label.
_KEYS = """
SELECT taxon_key FROM images WHERE taxon_key IS NOT NULL
UNION SELECT taxon_key FROM fresh WHERE taxon_key IS NOT NULL
UNION SELECT taxon_key FROM identifications WHERE taxon_key IS NOT NULL
    AND (image_id IN (SELECT image_id FROM images) OR image_id IN (SELECT image_id FROM fresh))
ORDER BY 1
"""
_COMMON = """
SELECT "row", taxon_key, common_name FROM {}
WHERE taxon_key IS NOT NULL AND common_name <> ''
"""
_COMMON_NAMES = f"""
SELECT taxon_key, common_name FROM ({_COMMON.format("images")} UNION {_COMMON.format("fresh")})
GROUP BY ALL ORDER BY min("row")
"""
# Taxa that are new or gone, names that are, or a taxon's first one that may be another now.
_OTHER_TAXA = f"""
SELECT EXISTS (
    SELECT taxon_key FROM fresh WHERE taxon_key IS NOT NULL EXCEPT SELECT taxon_key FROM taxa
) OR EXISTS (
    SELECT taxon_key FROM identifications
    WHERE taxon_key IS NOT NULL AND image_id IN (SELECT image_id FROM new_identifications)
    EXCEPT SELECT taxon_key FROM taxa
) OR EXISTS (
    FROM (SELECT taxon_key FROM gone WHERE taxon_key IS NOT NULL EXCEPT SELECT taxon_key FROM fresh)
    WHERE taxon_key NOT IN (SELECT taxon_key FROM images WHERE taxon_key IS NOT NULL)
    AND taxon_key NOT IN (SELECT taxon_key FROM identifications WHERE taxon_key IS NOT NULL)
) OR EXISTS (
    {_COMMON.format("touched")} EXCEPT ({_COMMON.format("fresh")})
) OR EXISTS (
    SELECT taxon_key, common_name FROM ({_COMMON.format("fresh")})
    EXCEPT SELECT taxon_key, names.name FROM names JOIN taxa USING (lo) WHERE kind = '{COMMON}'
)
"""
_NO_TAXA = """
DROP VIEW IF EXISTS searchable;
DROP TABLE IF EXISTS taxa; DROP TABLE IF EXISTS names; DROP TABLE IF EXISTS endings
"""
_PLACE = """
UPDATE images SET lo = NULL WHERE taxon_key IS NULL AND lo IS NOT NULL;
UPDATE images SET lo = taxa.lo FROM taxa
WHERE images.taxon_key = taxa.taxon_key AND images.lo IS DISTINCT FROM taxa.lo
"""
_OF_ALL = """
SELECT label, taxon_key FROM images WHERE label <> ''
UNION SELECT label, taxon_key FROM identifications
"""
_OF_NEW = """
SELECT label, taxon_key FROM fresh WHERE label <> ''
UNION SELECT label, taxon_key FROM identifications
WHERE image_id IN (SELECT image_id FROM new_identifications)
"""
_LABELS = """
SELECT DISTINCT label FROM ({}) AS said WHERE NOT EXISTS (
    FROM names JOIN taxa USING (lo) WHERE names.name = label AND taxa.taxon_key = said.taxon_key
) ORDER BY label
"""
