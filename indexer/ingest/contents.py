"""What a collection knows of picture contents, by sha256, so that none is embedded twice.

Of what is on disk memory holds sixteen bytes an image: the first digits of its hash, and its row.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from indexer.catalog.snapshot import Snapshot
from model.vectors import Vectors

_DIGITS = 15  # hexadecimal, of a hash: as many as an int64 holds


@dataclass(frozen=True, slots=True)
class Content:
    """An embedded content: the source it was first seen at, its size in pixels and its vector."""

    source_id: str
    width: int
    height: int
    vectors: Vectors
    """the array that holds it, (rows, dim) float16"""
    row: int

    @property
    def vector(self) -> Vectors:
        """Its unit vector, (dim,) float16."""
        vector: Vectors = self.vectors[self.row]
        return vector


class Contents:
    """The contents of a collection, as it was when it was opened, and those added since."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._arrays = snapshot.vectors()
        self._starts = list(accumulate(map(len, self._arrays), initial=0))
        found = snapshot.cursor().execute(_HASHES, [_DIGITS]).fetchnumpy()
        beginnings, rows = (np.asarray(found[name], np.int64) for name in ("beginning", "row"))
        order = np.argsort(beginnings)
        self._beginnings, self._rows = beginnings[order], rows[order]
        self._added: dict[str, Content] = {}

    def __len__(self) -> int:
        """Return the number of images and of contents that were added."""
        return len(self._rows) + len(self._added)

    def __contains__(self, sha256: str) -> bool:
        """Whether a content is embedded."""
        return self.get(sha256) is not None

    def __setitem__(self, sha256: str, content: Content) -> None:
        """Add a content."""
        self._added[sha256] = content

    def get(self, sha256: str) -> Content | None:
        """Return a content; None for one that is not embedded. Threads may ask at once."""
        if sha256 in self._added or not sha256:
            return self._added.get(sha256)
        beginning = int(sha256[:_DIGITS], 16)
        first, last = np.searchsorted(self._beginnings, (beginning, beginning + 1))
        for row in sorted(self._rows[first:last].tolist()):
            ((known, source_id, width, height),) = self._snapshot.query(_CONTENT, row)
            if known == sha256:
                place = bisect_right(self._starts, row) - 1
                array = self._arrays[place]
                return Content(source_id, width, height, array, row - self._starts[place])
        return None


_HASHES = """
SELECT CAST('0x' || left(sha256, ?) AS BIGINT) AS beginning, "row" FROM images
"""
_CONTENT = 'SELECT sha256, source_id, width, height FROM images WHERE "row" = ?'
