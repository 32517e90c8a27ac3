"""Orders of all images, kept for a generation: a page or a count is then a look, not a query."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.backends import Rows
from indexer.catalog.snapshot import Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class CladeOrder:
    """The labelled images in pre-order of their taxa: those of a clade lie side by side."""

    places: Rows
    """(n,) `lo` of each image's taxon, ascending"""
    rows: Rows
    """(n,) the row of each"""
    species: Rows
    """`lo` of each species, ascending"""

    def images(self, lo: int, hi: int) -> int:
        """Return how many images are labelled with a taxon of a clade [lo, hi)."""
        return _between(self.places, lo, hi)

    def species_in(self, lo: int, hi: int) -> int:
        """Return how many species a clade has."""
        return _between(self.species, lo, hi)

    def samples(self, clades: Sequence[tuple[int, int]]) -> list[int]:
        """Return the first row of each clade; -1 where it has no image."""
        firsts = np.searchsorted(self.places, [lo for lo, _ in clades]).tolist()
        return [
            int(self.rows[first]) if self.images(lo, hi) else -1
            for first, (lo, hi) in zip(firsts, clades, strict=True)
        ]


def clade_order(snapshot: Snapshot) -> CladeOrder:
    """Read the order of a snapshot."""
    found = snapshot.cursor().execute(_PLACED).fetchnumpy()
    species = snapshot.cursor().execute(_SPECIES).fetchnumpy()
    return CladeOrder(*(_numbers(each) for each in (found["lo"], found["row"], species["lo"])))


def rows_by(snapshot: Snapshot, order: str) -> Rows:
    """Return all rows in an order, written in SQL over images, inputs and identifications."""
    found = snapshot.cursor().execute(_ORDERED.format(order=order)).fetchnumpy()
    return _numbers(found["row"])


def _numbers(column: object) -> Rows:
    return np.asarray(column, np.int64)


def _between(ascending: Rows, lo: int, hi: int) -> int:
    first, last = np.searchsorted(ascending, (lo, hi))
    return int(last - first)


_PLACED = 'SELECT lo, "row" FROM images WHERE lo IS NOT NULL ORDER BY lo, "row"'
_SPECIES = "SELECT lo FROM taxa WHERE rank = 'species' ORDER BY lo"
_ORDERED = """
SELECT "row" FROM images LEFT JOIN (SELECT source_id, modified FROM inputs) USING (source_id)
LEFT JOIN (SELECT image_id, confidence FROM identifications) USING (image_id)
ORDER BY {order}
"""
