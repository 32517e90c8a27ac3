"""Completion: the names and labels that begin as one types, with the number of their images."""

from dataclasses import dataclass

import duckdb

from indexer.catalog.snapshot import Snapshot
from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.store import Taxonomy
from search.browse.order import CladeOrder

_AFTER = "\U0010ffff"  # sorts after every letter
_LOOKED_AT = 200  # names, of the largest taxa first, whose images are counted


@dataclass(frozen=True, slots=True)
class Completion:
    """A name or label that begins as one typed."""

    name: str
    """as a search takes it"""
    kind: str
    """"scientific", "synonym", "common" or "label" """
    rank: str
    """of its taxon; "" for a label"""
    taxon: str
    """the scientific name of its taxon; "" for a label"""
    images: int
    """how many images are labelled with it or below it"""


def complete(
    snapshot: Snapshot, clades: CladeOrder, taxonomy: Taxonomy | None, start: str, k: int
) -> tuple[Completion, ...]:
    """Return at most k completions, those with most images first.

    Names of the collection come first, then those of the taxonomy, which no image has. Capitals
    and accents do not matter; fewer than two letters begin too many names: nothing is returned.
    """
    folded = fold(start)
    if len(folded) < 2:
        return ()
    begun = snapshot.query(_BEGUN, *_span(folded), _LOOKED_AT)
    found = [
        Completion(name, kind, rank, taxon, clades.images(lo, hi))
        for name, kind, rank, taxon, lo, hi in begun
    ]
    found += [
        Completion(label, "label", "", "", images)
        for label, images in snapshot.query(_LABELS, *_span(folded), k)
    ]
    found.sort(key=lambda each: (-each.images, len(each.name), each.name))
    chosen = _one_each(found, k)
    if taxonomy and len(chosen) < k:
        chosen = _one_each([*chosen, *_of_taxonomy(taxonomy.cursor(), folded, k)], k)
    return tuple(chosen)


def _span(folded: str) -> tuple[str, str]:
    return folded, folded + _AFTER


def _of_taxonomy(connection: duckdb.DuckDBPyConnection, folded: str, k: int) -> list[Completion]:
    found = connection.execute(_NAMES, [*_span(folded), k * 2]).fetchall()
    return [Completion(name, kind, rank, taxon, 0) for name, kind, rank, taxon in found]


def _one_each(found: list[Completion], k: int) -> list[Completion]:
    """Return the first completion of each spelling."""
    first: dict[str, Completion] = {}
    for each in found:
        first.setdefault(fold(each.name), each)
    return list(first.values())[:k]


_NAMES = """
SELECT names.name, kind, rank, taxa.name FROM names JOIN taxa USING (lo)
WHERE folded >= ? AND folded < ? ORDER BY hi - lo DESC, length(folded), folded LIMIT ?
"""
_BEGUN = """
SELECT names.name, kind, rank, taxa.name, lo, hi FROM names JOIN taxa USING (lo)
WHERE folded >= ? AND folded < ? ORDER BY hi - lo DESC, length(folded), folded LIMIT ?
"""
_LABELS = """
SELECT labels.label, count(images."row") AS count FROM labels
LEFT JOIN images ON images.label = labels.label
WHERE folded >= ? AND folded < ? GROUP BY 1 ORDER BY 2 DESC LIMIT ?
"""
