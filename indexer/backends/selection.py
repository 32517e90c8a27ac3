"""A selection: the rows that may answer."""

from dataclasses import dataclass
from functools import cached_property

import faiss
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows of a collection."""

    rows: npt.NDArray[np.int64]
    """ascending, each once"""

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self.rows)

    @property
    def is_slice(self) -> bool:
        """Whether they lie side by side, as those of a clade do after `optimize`."""
        return len(self) > 0 and int(self.rows[-1] - self.rows[0]) + 1 == len(self)

    def between(self, start: int, stop: int) -> "Selection":
        """Return those from one row up to another."""
        first, last = np.searchsorted(self.rows, (start, stop))
        return self if last - first == len(self) else Selection(self.rows[first:last])

    @cached_property
    def selector(self) -> faiss.IDSelector:
        """The same for FAISS; made once, since a million rows take it a millisecond."""
        if self.is_slice:
            return faiss.IDSelectorRange(int(self.rows[0]), int(self.rows[-1]) + 1)
        chosen = np.zeros(int(self.rows[-1]) + 1 if len(self) else 0, np.bool_)
        chosen[self.rows] = True
        return faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))
