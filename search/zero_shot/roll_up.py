"""Roll-up: what candidates share, summed to the clades that they are members of, tile by tile."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from model.vectors import Features
from search.zero_shot.candidates import Clades, Numbers

Sums = npt.NDArray[np.float32]


class RollUp:
    """The sums of some levels, (clades, n) each, while tiles of candidates come in one by one.

    A level is summed from the one below it, so that each candidate is added once. The sums are
    products with a matrix of ones: with candidates as rows, SciPy adds whole rows of n images.
    """

    def __init__(self, clades: Mapping[str, Clades], count: int) -> None:
        self.sums: dict[str, Sums] = {
            level: np.zeros((len(cut.starts), count), np.float32) for level, cut in clades.items()
        }
        self._clades = clades
        self._steps = list(_steps(clades))

    def add(self, start: int, shares: Features) -> Features:
        """Add the shares (m, n) of candidates from `start` on; return those of the top level."""
        low, part = start, shares
        for level, firsts in self._steps:
            high = low + len(part)
            first = int(np.searchsorted(firsts, low, side="right")) - 1
            last = int(np.searchsorted(firsts, high))
            bounds = np.append(firsts[first:last], high)
            bounds[0] = low
            part = _added(part, bounds - low)
            self.sums[level][first:last] += part
            low = first
        return part

    def correct(self, places: Numbers, image: int, more: Features) -> None:
        """Add to the shares (m,) of some candidates for one image."""
        for level, cut in self._clades.items():
            clades = np.searchsorted(cut.starts, places, side="right") - 1
            np.add.at(self.sums[level][:, image], clades, more)


def _steps(clades: Mapping[str, Clades]) -> Iterator[tuple[str, Numbers]]:
    """Yield each level, lowest first, with where its clades begin among those of the one below."""
    below: Numbers | None = None
    for level, cut in reversed(list(clades.items())):
        yield level, cut.starts if below is None else np.searchsorted(below, cut.starts)
        below = cut.starts


def _added(rows: Features, bounds: Numbers) -> Features:
    """Return the sums of the rows between bounds, (len(bounds) - 1, n)."""
    if len(bounds) == len(rows) + 1:
        return rows
    ones = np.ones(len(rows), np.float32)
    shape = len(bounds) - 1, len(rows)
    places = np.arange(len(rows), dtype=np.int32)
    matrix = csr_array((ones, places, bounds.astype(np.int32)), shape=shape)
    added: Features = matrix @ rows
    return added
