"""The nearest others of every image of a selection: near-duplicates and outliers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array

from indexer.backends import Rows
from indexer.backends.selection import Selection
from search.audit.label_classes import Numbers
from search.ranking.diversify import SAME
from search.ranking.nearest import Nearest

_TOGETHER = 1024  # images asked for at once
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class NearestOthers:
    """The nearest others of each image of a selection."""

    rows: Rows
    """(n,) the images"""
    scores: Floats
    """(n, k) cosines, best first"""
    places: Numbers
    """(n, k) places in `rows`"""


def nearest_others(nearest: Nearest, among: Selection, k: int) -> NearestOthers:
    """Return the k nearest others of each image, or all where there are fewer."""
    rows, k = among.array, max(0, min(k, len(among) - 1))
    scores, places = np.empty((len(rows), k), np.float32), np.empty((len(rows), k), np.int64)
    for start in range(0, len(rows) if k > 0 else 0, _TOGETHER):
        own = rows[start : start + _TOGETHER]
        (near, found), _ = nearest.search(nearest.exact.gather(own), k + 1, among)
        others = found != own[:, None]
        others[others.all(axis=1), -1] = False  # itself is missing where many are the same
        scores[start : start + len(own)] = near[others].reshape(-1, k)
        places[start : start + len(own)] = np.searchsorted(rows, found[others]).reshape(-1, k)
    return NearestOthers(rows, scores, places)


def duplicate_groups(near: NearestOthers, contents: Numbers) -> Numbers:
    """Return a number for each image, the same for those that are the same picture.

    They are, if their `contents` (n,) are equal or their cosine is SAME or more, and so is what is
    the same as one of them (connected components). An image has at least itself.
    """
    from scipy.sparse.csgraph import connected_components

    n = len(near.rows)
    same = near.scores >= SAME
    left, right = np.nonzero(same)[0], near.places[same]
    order = np.argsort(contents, kind="stable")
    equal = np.flatnonzero(contents[order][1:] == contents[order][:-1])
    left = np.r_[left, order[equal]]
    right = np.r_[right, order[equal + 1]]
    edges = coo_array((np.ones(len(left), np.bool_), (left, right)), shape=(n, n))
    numbers: Numbers = connected_components(edges, directed=False)[1]
    return numbers.astype(np.int64)


def outlier_scores(near: NearestOthers) -> Floats:
    """Return how far each image is from everything, (n,): in robust standard deviations.

    The mean cosine to its nearest others, but not those that are the SAME picture, is compared
    with the median of all images; a deviation is 1.4826 times the median absolute one.
    """
    other = near.scores < SAME
    means = np.where(other, near.scores, 0).sum(axis=1) / np.maximum(other.sum(axis=1), 1)
    known = other.any(axis=1)
    if not known.any():
        return np.zeros(len(near.rows), np.float32)
    middle = np.median(means[known])
    deviation = 1.4826 * np.median(np.abs(means[known] - middle))
    far: Floats = ((middle - means) / max(float(deviation), 1e-3)).astype(np.float32)
    far[~known] = 0
    return far
