"""Training of lists: which rows lie together, so that a search need look at few of them.

Rows are first divided into blocks: neighbours in the order of taxa, or rows that look alike. Inside
each block k-means makes a few lists. That takes seconds where k-means over all lists takes minutes,
and finds as much where blocks suit the vectors: `indexer/tuning.py` measures which of them do.
"""

from collections.abc import Callable
from dataclasses import dataclass

import faiss
import numpy as np

from indexer.backends import Rows
from indexer.backends.exact import CHUNK, Exact
from model.vectors import Vectors

LISTS_PER_BLOCK = 16
SAMPLE = 48  # rows per list that k-means looks at
_ITERATIONS = 8


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of blocks: where each list lies, and how a row finds its block."""

    mean: Vectors
    """(dim,) of all vectors; everything here is relative to it, which changes no order"""
    centroids: Vectors
    """(lists, dim) float32"""
    starts: Rows
    """(blocks + 1,) the first list of each block, and the end"""
    rows: Rows | None = None
    """(blocks + 1,) where blocks divide the rows themselves: the first row of each, and the end"""
    anchors: Vectors | None = None
    """(blocks, dim) else a row belongs to the block with the nearest of these"""

    @property
    def kind(self) -> str:
        """What rows of a block have in common."""
        return "taxa" if self.rows is not None else "likeness"

    def of(self, vectors: Vectors, first: int) -> Rows:
        """Return the list of each vector, (n, dim) float32 about the mean, rows from `first` on."""
        if self.rows is not None:
            numbers = np.arange(first, first + len(vectors))
            blocks = np.searchsorted(self.rows, numbers, side="right") - 1
        else:
            assert self.anchors is not None
            blocks = _nearest(vectors, self.anchors)
        lists = np.empty(len(vectors), np.int64)
        for block in np.unique(blocks):
            here = blocks == block
            low, high = self.starts[block : block + 2]
            lists[here] = low + _nearest(vectors[here], self.centroids[low:high])
        return lists


def train(exact: Exact, by_taxa: bool, told: Callable[[float], None] = lambda share: None) -> Lists:
    """Make about 4 lists per square root of a row; `told` hears the share that is done."""
    blocks = max(4, round(len(exact) ** 0.5 / 4))
    random = np.random.default_rng(0)
    mean = _sample(exact, random, 20_000).mean(axis=0)
    size = SAMPLE * LISTS_PER_BLOCK
    centroids: list[Vectors] = []
    if by_taxa:
        cuts = np.linspace(0, len(exact), blocks + 1).astype(np.int64)
        for block, (low, high) in enumerate(zip(cuts, cuts[1:], strict=False)):
            some = np.sort(random.choice(high - low, min(size, high - low), replace=False)) + low
            centroids.append(_k_means(_about(exact.gather(some), mean), LISTS_PER_BLOCK))
            told((block + 1) / blocks)
        return Lists(mean, np.concatenate(centroids), _starts(centroids), rows=cuts)
    anchors = _k_means(_sample(exact, random, 128 * blocks) - mean, blocks)
    sample = _sample(exact, random, size * blocks) - mean
    of = _nearest(sample, anchors)
    share = np.bincount(of, minlength=blocks) / len(of)
    for block in range(blocks):
        lists = max(1, round(share[block] * blocks * LISTS_PER_BLOCK))
        inside = sample[of == block]
        centroids.append(_k_means(inside, lists) if len(inside) else anchors[block : block + 1])
        told((block + 1) / blocks)
    return Lists(mean, np.concatenate(centroids), _starts(centroids), anchors=anchors)


def about(exact: Exact, mean: Vectors, first: int) -> Vectors:
    """Return the CHUNK of vectors from a row on, (n, dim) float32, relative to a mean."""
    return _about(exact.gather(np.arange(first, min(first + CHUNK, len(exact)))), mean)


def _about(vectors: Vectors, mean: Vectors) -> Vectors:
    return np.subtract(vectors, mean, dtype=np.float32)


def _sample(exact: Exact, random: np.random.Generator, size: int) -> Vectors:
    rows = np.sort(random.choice(len(exact), min(size, len(exact)), replace=False))
    return exact.gather(rows).astype(np.float32)


def _k_means(vectors: Vectors, lists: int) -> Vectors:
    k_means = faiss.Kmeans(
        vectors.shape[1],
        min(lists, len(vectors)),
        niter=_ITERATIONS,
        seed=0,
        min_points_per_centroid=1,
        max_points_per_centroid=128,
    )
    k_means.train(np.ascontiguousarray(vectors, np.float32))
    centroids: Vectors = k_means.centroids
    return centroids


def _nearest(vectors: Vectors, centres: Vectors) -> Rows:
    closeness = vectors @ centres.T - (centres**2).sum(axis=1) / 2
    nearest: Rows = closeness.argmax(axis=1)
    return nearest


def _starts(centroids: list[Vectors]) -> Rows:
    return np.cumsum([0, *map(len, centroids)], dtype=np.int64)
