"""Taxonomy rows: the meaning of each name, and the taxa around one."""

from collections.abc import Iterator, Sequence
from itertools import islice

import duckdb

from indexer.catalog.snapshot import Snapshot
from indexer.taxonomy.resolver import COLUMNS as CLADE_COLUMNS
from indexer.taxonomy.resolver import Clade, Resolution, clade_of, resolve_all
from indexer.taxonomy.suggest import suggest
from model.errors import UnknownName
from model.taxon import RANKS

COLUMNS = (
    *("name", "status", "reason", "score", "matched_name", "rank", "scientific_name"),
    *map(str, RANKS),
    *("common_name", "taxon_key", "suggestions"),
)
SHOWN = ("name", "status", "reason", "score", "scientific_name", "rank", "suggestions")
SHOW_COLUMNS = ("relation", "rank", "name", "common_name", "taxa", "images")
_PART = 1000  # names looked up together


def resolve_names(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], within: Sequence[str] = ()
) -> Iterator[dict[str, object]]:
    """Yield one row of COLUMNS for each name, in their order.

    `suggestions` are the candidates of an ambiguous name, or names similar to an unknown one.
    Raises UnknownName for an unknown clade in `within`.
    """
    inside = [clade.interval for name in within for clade in _clades(connection, name)]
    rest = iter(names)
    while part := list(islice(rest, _PART)):
        for found in resolve_all(connection, part, inside):
            yield _row(connection, found)


def show_taxon(
    connection: duckdb.DuckDBPyConnection, snapshot: Snapshot | None, name: str
) -> Iterator[dict[str, object]]:
    """Yield rows of SHOW_COLUMNS: the ancestors of a taxon, itself, and its children.

    `taxa` counts descendants, `images` those of a collection with a label in the taxon. Raises
    UnknownName for a name of no taxon or of several.
    """
    (clade, *_) = _clades(connection, name, one=True)
    above = connection.execute(_ABOVE, [clade.lo, clade.lo]).fetchall()
    below = connection.execute(_BELOW, [clade.lo]).fetchall()
    for relation, lines in (("above", above), ("below", below)):
        for line in lines:
            each = clade_of(line)
            itself = each.lo == clade.lo
            yield {
                "relation": "itself" if itself else relation,
                "rank": each.rank,
                "name": each.name,
                "common_name": line[5],
                "taxa": each.hi - each.lo - 1,
                "images": _images(snapshot, each) if snapshot else "",
            }


def _row(connection: duckdb.DuckDBPyConnection, found: Resolution) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(COLUMNS, "")
    row |= {"name": found.written, "status": found.status, "reason": found.reason}
    row |= {"score": found.score, "matched_name": found.matched}
    if found.clades:
        clade = found.clades[0]
        row |= {"rank": clade.rank, "scientific_name": clade.name, "taxon_key": clade.key}
        row |= {str(rank): clade.taxon.at(rank) for rank in RANKS}
        row["common_name"] = clade.taxon.common_name
    elif found.candidates:
        row["suggestions"] = "; ".join(clade.key for clade in found.candidates)
    else:
        near = suggest(connection, found.written)
        row["suggestions"] = "; ".join(f"{each.name} ({each.score:.2f})" for each in near)
    return row


def _clades(
    connection: duckdb.DuckDBPyConnection, name: str, one: bool = False
) -> tuple[Clade, ...]:
    found = resolve_all(connection, [name])[0]
    if found.clades or (found.candidates and not one):
        return found.clades or found.candidates
    if found.candidates:
        keys = ", ".join(f'"{clade.key}"' for clade in found.candidates)
        raise UnknownName(f"{name} is {len(found.candidates)} taxa; ask for one of {keys}.")
    near = ", ".join(each.name for each in suggest(connection, name, 3))
    hint = f" Did you mean {near}?" if near else ""
    raise UnknownName(f"No taxon is called {name!r} in this taxonomy.{hint}")


def _images(snapshot: Snapshot, clade: Clade) -> int:
    ((count,),) = snapshot.query(_IMAGES, clade.key)
    return int(count)


_ABOVE = f"SELECT {CLADE_COLUMNS} FROM taxa WHERE lo <= ? AND ? < hi ORDER BY lo"
_BELOW = f"SELECT {CLADE_COLUMNS} FROM taxa WHERE parent = ? ORDER BY lo"
_IMAGES = """
SELECT count(*) FROM images JOIN taxa AS clade ON clade.lo <= images.lo AND images.lo < clade.hi
WHERE clade.taxon_key = ?
"""
