"""A selection: the rows that may answer."""

from dataclasses import dataclass
from functools import cached_property

import faiss
import numpy as np
import numpy.typing as npt

_Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows of a collection, ascending, each once; a range where they lie side by side."""

    rows: _Rows | range

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self.rows)

    @property
    def is_slice(self) -> bool:
        """Whether they lie side by side, as those of a clade do after `optimize`."""
        return isinstance(self.rows, range)

    @property
    def first(self) -> int:
        """The lowest row."""
        return int(self.rows[0])

    @property
    def stop(self) -> int:
        """One more than the highest row."""
        return int(self.rows[-1]) + 1

    def part(self, start: int, stop: int) -> "Selection":
        """Return those from one place in the selection up to another."""
        return Selection(self.rows[start:stop])

    def between(self, low: int, high: int) -> "Selection":
        """Return those from one row up to another."""
        if isinstance(self.rows, range):
            first, last = (min(max(0, row - self.rows.start), len(self)) for row in (low, high))
        else:
            first, last = map(int, np.searchsorted(self.rows, (low, high)))
        if last - first == len(self):
            return self
        return self._stretches.setdefault((first, last), self.part(first, last))

    @cached_property
    def _stretches(self) -> "dict[tuple[int, int], Selection]":
        """The selections that `between` returned: what is known of each is found once."""
        return {}

    @cached_property
    def array(self) -> _Rows:
        """The rows as numbers."""
        if isinstance(self.rows, range):
            return np.arange(self.rows.start, self.rows.stop, dtype=np.int64)
        return self.rows

    @cached_property
    def selector(self) -> faiss.IDSelector:
        """The same for FAISS; made once, since a million rows take it a millisecond."""
        if isinstance(self.rows, range):
            return faiss.IDSelectorRange(self.rows.start, self.rows.stop)
        chosen = np.zeros(self.stop if len(self) else 0, np.bool_)
        chosen[self.rows] = True
        return faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))


def selection_of(rows: _Rows) -> Selection:
    """Return a selection of ascending rows, which may lie side by side."""
    if len(rows) and int(rows[-1] - rows[0]) + 1 == len(rows):
        return Selection(range(int(rows[0]), int(rows[-1]) + 1))
    return Selection(rows)
