"""Taxon counts: how many images bear each taxon and where, so that a clade's need no question.

Whoever asks about many taxa would have DuckDB look through the images once or twice for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.catalog.snapshot import Snapshot
from indexer.taxonomy.resolver import Interval


@dataclass(frozen=True, slots=True)
class OfTaxa:
    """A condition on the taxon of an image's label alone: it is one of some, and not of others."""

    clades: tuple[Interval, ...] = ()
    """[lo, hi) in one of which it lies,"""
    taxa: tuple[int, ...] = ()
    """or it is one of these places"""
    unlabelled: bool = False
    """or there is none"""
    outside: tuple[Interval, ...] = ()
    """and it lies in none of these clades"""

    @property
    def sql(self) -> str:
        """It in SQL over the table `images`; never null."""
        any_of = [_inside(self.clades)] if self.clades else []
        any_of += ["lo IS NULL"] if self.unlabelled else []
        any_of += [f"lo IN ({', '.join(map(str, self.taxa))})"] if self.taxa else []
        sql = f"coalesce({' OR '.join(any_of) or 'false'}, false)"
        return f"{sql} AND NOT coalesce({_inside(self.outside)}, false)" if self.outside else sql


def _inside(clades: Sequence[Interval]) -> str:
    return " OR ".join(f"({int(lo)} <= lo AND lo < {int(hi)})" for lo, hi in clades)


@dataclass(frozen=True, slots=True)
class Extent:
    """The number of rows for which a condition holds, and the first and the last of them."""

    count: int = 0
    first: int = 0
    last: int = -1

    @property
    def is_slice(self) -> bool:
        """Whether they lie side by side."""
        return self.last - self.first + 1 == self.count


class TaxonCounts:
    """The extent of each taxon's images in one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        found = snapshot.cursor().execute(_COUNTS).fetchnumpy()
        none = np.ma.getmaskarray(found["lo"])
        extents = np.stack([np.asarray(found[name], np.int64) for name in ("n", "first", "last")])
        self._without = extents[:, none]
        self._places = np.asarray(found["lo"][~none], np.int64)
        self._extents = extents[:, ~none]

    def extent(self, asked: OfTaxa) -> Extent:
        """Return the extent of the images of some taxa."""
        some = (*asked.clades, *((lo, lo + 1) for lo in asked.taxa))
        parts = [np.arange(*self._between(each)) for each in some]
        chosen = np.unique(np.concatenate(parts)) if parts else np.empty(0, np.int64)
        for low, high in map(self._between, asked.outside):
            chosen = chosen[(chosen < low) | (chosen >= high)]
        extents = self._extents[:, chosen]
        if asked.unlabelled:
            extents = np.concatenate([extents, self._without], axis=1)
        counts, first, last = extents
        if not len(counts):
            return Extent()
        return Extent(int(counts.sum()), int(first.min()), int(last.max()))

    def _between(self, clade: Interval) -> tuple[int, int]:
        """Return where the taxa of a clade begin and end."""
        low, high = np.searchsorted(self._places, clade)
        return int(low), int(high)


_COUNTS = """
SELECT lo, count(*) AS n, min("row") AS first, max("row") AS last
FROM images GROUP BY lo ORDER BY lo
"""
