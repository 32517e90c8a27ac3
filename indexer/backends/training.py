"""Training of lists: which rows lie together, so that a search need look at few of them.

Rows are first divided into blocks: neighbours in the order of taxa, or rows that look alike. Inside
each block k-means makes a few lists. That takes seconds where k-means over all lists takes minutes,
and finds as much where blocks suit the vectors: `indexer/tuning.py` measures which of them do.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import faiss
import numpy as np

from indexer.backends import Rows
from indexer.backends.exact import Exact
from model.vectors import Features

LISTS_PER_BLOCK = 16
SAMPLE = 48  # rows per list that k-means looks at
_ITERATIONS = 8
Told = Callable[[float], None]
"""Hears the share of a work that is done."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists of blocks: where each list lies, and how a row finds its block."""

    mean: Features
    """(dim,) of all vectors; everything here is relative to it, which changes no order"""
    centroids: Features
    """(lists, dim) float32"""
    starts: Rows
    """(blocks + 1,) the first list of each block, and the end"""
    rows: Rows | None = None
    """(blocks + 1,) where blocks divide the rows themselves: the first row of each, and the end"""
    anchors: Features | None = None
    """(blocks, dim) else a row belongs to the block with the nearest of these"""

    def of(self, vectors: Features, rows: Rows) -> Rows:
        """Return the list of each vector, (n, dim) float32 about the mean, of these rows."""
        if self.rows is not None:
            blocks = np.searchsorted(self.rows, rows, side="right") - 1
        else:
            assert self.anchors is not None
            blocks = _nearest(vectors, self.anchors)
        lists = np.empty(len(vectors), np.int64)
        for block in np.unique(blocks):
            here = blocks == block
            low, high = self.starts[block : block + 2]
            lists[here] = low + _nearest(vectors[here], self.centroids[low:high])
        return lists


def train_by_taxa(exact: Exact, told: Told = lambda share: None) -> Lists:
    """Divide rows, which lie in the order of their taxa, into blocks of as many rows each."""
    random = np.random.default_rng(0)
    blocks = blocks_of(len(exact))
    mean = _mean(exact, random)
    cuts = cuts_of(len(exact), blocks)
    centroids: list[Features] = []
    for block, (low, high) in enumerate(pairwise(cuts)):
        size = min(SAMPLE * LISTS_PER_BLOCK, high - low)
        some = np.sort(random.choice(high - low, size, replace=False)) + low
        centroids.append(_k_means(about(exact, mean, some), LISTS_PER_BLOCK))
        told((block + 1) / blocks)
    return Lists(mean, np.concatenate(centroids), _starts(centroids), rows=cuts)


def train_by_likeness(exact: Exact, told: Told = lambda share: None) -> Lists:
    """Divide rows into blocks that look alike, whatever their taxa; lists share by their size."""
    random = np.random.default_rng(0)
    blocks = blocks_of(len(exact))
    mean = _mean(exact, random)
    anchors = _k_means(_sample(exact, random, 128 * blocks) - mean, blocks)
    sample = _sample(exact, random, SAMPLE * LISTS_PER_BLOCK * blocks) - mean
    of = _nearest(sample, anchors)
    share = np.bincount(of, minlength=blocks) / len(of)
    centroids: list[Features] = []
    for block in range(blocks):
        lists = max(1, round(share[block] * blocks * LISTS_PER_BLOCK))
        inside = sample[of == block]
        centroids.append(_k_means(inside, lists) if len(inside) else anchors[block : block + 1])
        told((block + 1) / blocks)
    return Lists(mean, np.concatenate(centroids), _starts(centroids), anchors=anchors)


def blocks_of(rows: int) -> int:
    """Return how many blocks suit so many rows: 4 lists for each square root of them."""
    return max(4, round(math.sqrt(rows) / 4))


def cuts_of(rows: int, blocks: int) -> Rows:
    """Return the first row of each block, and the end."""
    return np.linspace(0, rows, blocks + 1).astype(np.int64)


def about(exact: Exact, mean: Features, rows: Rows) -> Features:
    """Return the vectors of rows, (n, dim) float32, relative to a mean."""
    vectors: Features = np.subtract(exact.gather(rows), mean, dtype=np.float32)
    return vectors


def _mean(exact: Exact, random: np.random.Generator) -> Features:
    mean: Features = _sample(exact, random, 20_000).mean(axis=0)
    return mean


def _sample(exact: Exact, random: np.random.Generator, size: int) -> Features:
    rows = np.sort(random.choice(len(exact), min(size, len(exact)), replace=False))
    return exact.gather(rows).astype(np.float32)


def _k_means(vectors: Features, lists: int) -> Features:
    k_means = faiss.Kmeans(
        vectors.shape[1],
        min(lists, len(vectors)),
        niter=_ITERATIONS,
        seed=0,
        min_points_per_centroid=1,
        max_points_per_centroid=128,
    )
    k_means.train(np.ascontiguousarray(vectors, np.float32))
    centroids: Features = k_means.centroids
    return centroids


def _nearest(vectors: Features, centres: Features) -> Rows:
    closeness = vectors @ centres.T - (centres**2).sum(axis=1) / 2
    nearest: Rows = closeness.argmax(axis=1)
    return nearest


def _starts(centroids: list[Features]) -> Rows:
    return np.cumsum([0, *map(len, centroids)], dtype=np.int64)
