"""The best of very many for each image: found among the groups whose best is good enough."""

from collections.abc import Callable

import numpy as np

from model.vectors import Features
from search.zero_shot.candidates import NONE, Mask, Numbers

GROUP = 32  # rows of which only the best value is kept
_MOST = 256  # groups looked at again for one image, where very many are alike
Look = Callable[[Numbers, int], Features]
"""The values (m,) of rows (m,) for an image."""


class Peaks:
    """The best value of every group of rows for each of n images, while rows come in tile by tile.

    A group is spread over its tile, so that its best is a maximum of whole rows of n numbers.
    """

    def __init__(self, rows: int, count: int) -> None:
        self._rows, self._count = rows, count
        self._peaks: list[Features] = []
        self._first: list[Numbers] = []
        self._stride: list[Numbers] = []

    def add(self, start: int, values: Features) -> None:
        """Add the values (m, n) of the rows from `start` on; m is a multiple of GROUP, or last."""
        width = -(-len(values) // GROUP)
        whole = len(values) // width
        peak: Features = values[: whole * width].reshape(whole, width, -1).max(axis=0)
        rest = values[whole * width :]
        np.maximum(peak[: len(rest)], rest, out=peak[: len(rest)])
        self._peaks.append(peak)
        self._first.append(np.arange(start, start + width))
        self._stride.append(np.full(width, width))

    def highest(self) -> Features:
        """Return the best value of each image, (n,); 0 where there are no rows."""
        found = [peak.max(axis=0) for peak in self._peaks]
        return np.max(found, axis=0) if found else np.zeros(self._count, np.float32)

    def best(self, k: int, look: Look, margin: float = 0.0) -> tuple[Numbers, Features]:
        """Return the k best rows of each image and their values, best first: (n, k') both.

        k' is at most the number of rows; of equals the lower row comes first. The values are those
        that `look` gives; the ones that were added may be off by `margin`.
        """
        k = min(k, self._rows)
        rows = np.empty((self._count, k), np.int64)
        values = np.empty((self._count, k), np.float32)
        if not rows.size:
            return rows, values
        peaks = np.ascontiguousarray(np.concatenate(self._peaks).T)
        first, stride = np.concatenate(self._first), np.concatenate(self._stride)
        for image, row in enumerate(peaks):
            groups = _good(row, k, margin)
            spread = first[groups, None] + stride[groups, None] * np.arange(GROUP)
            members = np.sort(spread[spread < self._rows])
            found = look(members, image)
            order = np.argsort(-found, kind="stable")[:k]
            rows[image], values[image] = members[order], found[order]
        return rows, values


def best_of(values: Features, named: Mask, k: int) -> tuple[Numbers, Features]:
    """Return the k best named rows of values (rows, n), as `Peaks.best` does.

    For lack of named rows there are NONE, of value 0. Makes the others' values negative.
    """
    values[~named] = -1
    peaks = Peaks(*values.shape)
    if len(values):
        peaks.add(0, values)
    numbers, found = peaks.best(k, lambda rows, image: values[rows, image])
    return np.where(found < 0, NONE, numbers), np.maximum(found, 0)


def _good(peaks: Features, k: int, margin: float) -> Numbers:
    """Return the groups that may hold one of the k best rows."""
    if len(peaks) <= k:
        return np.arange(len(peaks))
    least = np.partition(peaks, -k)[-k]
    good = np.flatnonzero(peaks >= least - 2 * margin)
    most = max(k, _MOST)
    if len(good) > most:
        good = good[np.argsort(-peaks[good], kind="stable")[:most]]
    return good
