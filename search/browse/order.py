"""Orders of all images, kept for a generation: a page or a count is then a look, not a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

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


@dataclass(frozen=True, slots=True, eq=False)
class IdOrder:
    """The images in the order of a hash of their ids: one is found without a pass over all."""

    hashes: npt.NDArray[np.uint64]
    rows: Rows

    def rows_of(self, snapshot: Snapshot, image_id: str) -> Rows:
        """Return the rows that may have an id, of which hardly ever more than one does not."""
        ((wanted,),) = snapshot.query("SELECT hash(?::VARCHAR)", image_id)
        span = [np.searchsorted(self.hashes, np.uint64(wanted), side) for side in _SIDES]
        return self.rows[span[0] : span[1]]


def id_order(snapshot: Snapshot) -> IdOrder:
    """Read the order of a snapshot."""
    found = snapshot.cursor().execute(_HASHED).fetchnumpy()
    return IdOrder(np.asarray(found["hash"], np.uint64), _numbers(found["row"]))


def rows_by(snapshot: Snapshot, order: str) -> Rows:
    """Return all rows in an order, written in SQL over images, inputs and identifications."""
    found = snapshot.cursor().execute(_ORDERED.format(order=order)).fetchnumpy()
    return _numbers(found["row"])


def _numbers(column: object) -> Rows:
    return np.asarray(column, np.int64)


def _between(ascending: Rows, lo: int, hi: int) -> int:
    first, last = np.searchsorted(ascending, (lo, hi))
    return int(last - first)


_SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")
_HASHED = 'SELECT hash(image_id) AS hash, "row" FROM images ORDER BY 1'
_PLACED = 'SELECT lo, "row" FROM images WHERE lo IS NOT NULL ORDER BY lo, "row"'
_SPECIES = "SELECT lo FROM taxa WHERE rank = 'species' ORDER BY lo"
_ORDERED = """
SELECT "row" FROM images LEFT JOIN (SELECT source_id, modified FROM inputs) USING (source_id)
LEFT JOIN (SELECT image_id, confidence FROM identifications) USING (image_id)
ORDER BY {order}
"""
