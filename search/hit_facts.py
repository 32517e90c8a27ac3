"""Facts of the catalog about the images of an answer, read in as little time as possible.

An answer waits for it, so tables without a line are not joined, and taxa are read once: to plan a
join of five tables takes DuckDB as long as to read ten images.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from weakref import WeakKeyDictionary

from indexer.backends import Rows
from indexer.catalog.snapshot import Snapshot
from model.taxon import RANKS

_MOST_TAXA = 20_000  # kept, half a kilobyte each


class NamedTaxon(NamedTuple):
    """A taxon as the catalog knows it."""

    common_name: str
    name: str
    """scientific, at any rank"""
    lineage: tuple[str, ...]
    """of RANKS"""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about one image."""

    image_id: str
    source_id: str
    url: str
    label: str
    common_name: str
    """that its label brings along"""
    metadata: Mapping[str, str] | None
    taxon: NamedTaxon | None
    thumbs: str | None
    """the file of the collection that has its thumbnail"""
    identification: str | None
    """a machine's label"""
    confidence: float | None


@dataclass(slots=True)
class _Known:
    """Facts of a snapshot that need not be read again: it never changes."""

    sql: str
    taxa: dict[int, NamedTaxon] = field(default_factory=dict)


_KNOWN: "WeakKeyDictionary[Snapshot, _Known]" = WeakKeyDictionary()


def facts_of(snapshot: Snapshot, rows: Rows) -> dict[int, Facts]:
    """Return the facts of some rows, by row."""
    known = _KNOWN.get(snapshot) or _KNOWN.setdefault(snapshot, _Known(_sql(snapshot)))
    lines = snapshot.query(known.sql, rows.tolist())
    taxa = _taxa(snapshot, known, {lo for _, lo, *_ in lines if lo is not None})
    return {
        row: Facts(
            image_id, source_id, url, label, common_name or "", metadata, taxa.get(lo), *rest
        )
        for row, lo, image_id, source_id, url, label, common_name, metadata, *rest in lines
    }


def _taxa(snapshot: Snapshot, known: _Known, wanted: Iterable[int]) -> dict[int, NamedTaxon]:
    """Return taxa by their places in the tree, some of which were read before."""
    found = {lo: known.taxa[lo] for lo in wanted if lo in known.taxa}
    if missing := [lo for lo in wanted if lo not in found]:
        read = {
            lo: NamedTaxon(common_name or "", name, tuple(lineage))
            for lo, common_name, name, lineage in snapshot.query(_TAXA, missing)
        }
        if len(known.taxa) + len(read) > _MOST_TAXA:
            known.taxa = {}
        known.taxa |= read
        found |= read
    return found


def _sql(snapshot: Snapshot) -> str:
    """Return SQL for facts of rows; most collections lack thumbnails, or machines' labels."""
    columns, joins = "", ""
    for table, names in (("thumbs", ("file",)), ("identifications", ("label", "confidence"))):
        ((is_used,),) = snapshot.query(f"SELECT EXISTS (FROM {table})")
        columns += "".join(f", {table}.{name}" if is_used else ", NULL" for name in names)
        joins += f" LEFT JOIN {table} ON {table}.image_id = images.image_id" if is_used else ""
    return _FACTS.format(columns=columns, joins=joins)


_FACTS = """
SELECT "row", lo, images.image_id, source_id, url, images.label, common_name, metadata{columns}
FROM images JOIN (SELECT unnest(?) AS "row") USING ("row"){joins}
"""
_TAXA = f"""
SELECT lo, common_name, name, ({", ".join(f'"{rank}"' for rank in RANKS)})
FROM taxa JOIN (SELECT unnest(?) AS lo) USING (lo)
"""
