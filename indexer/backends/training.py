"""Training of lists: which rows lie together, so that a search need look at few of them.

By taxa, rows are divided into blocks of neighbours in the order of taxa, and k-means makes a few
lists inside each: seconds where k-means over all rows takes minutes. By likeness is that k-means
over all rows, regardless of labels. `indexer/backends/index_file.py` takes the better one.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import faiss
import numpy as np

from indexer.backends import Rows
from indexer.backends.exact import Exact
from model.vectors import Features, to_float32

LISTS_PER_BLOCK = 16
_SAMPLE = 48  # rows per list that k-means looks at
_ITERATIONS = 8
Told = Callable[[float], None]
"""Hears the share of a work that is done."""


@dataclass(frozen=True, slots=True)
class Lists:
    """Lists, and how a row finds its own."""

    mean: Features
    """(dim,) of all vectors; everything here is relative to it, which changes no order"""
    centroids: Features
    """(lists, dim) float32"""
    cuts: Rows | None = None
    """(blocks + 1,) by taxa: the first row of each block of LISTS_PER_BLOCK lists, and the end"""

    def of(self, vectors: Features, rows: Rows) -> Rows:
        """Return the list of each vector, (n, dim) float32 about the mean, of these rows."""
        if self.cuts is None:
            return _nearest(vectors, self.centroids)
        blocks = np.searchsorted(self.cuts, rows, side="right") - 1
        lists = np.empty(len(vectors), np.int64)
        for block in np.unique(blocks):
            here, low = blocks == block, int(block) * LISTS_PER_BLOCK
            lists[here] = low + _nearest(vectors[here], self.centroids[low : low + LISTS_PER_BLOCK])
        return lists


def train_by_taxa(exact: Exact, lists: int, told: Told = lambda share: None) -> Lists:
    """Divide rows, which lie in the order of their taxa, into blocks of as many rows each."""
    random = np.random.default_rng(0)
    mean = _mean(exact, random)
    cuts = cuts_of(len(exact), lists // LISTS_PER_BLOCK)
    centroids: list[Features] = []
    for low, high in pairwise(cuts):
        size = min(_SAMPLE * LISTS_PER_BLOCK, high - low)
        some = np.sort(random.choice(high - low, size, replace=False)) + low
        centroids.append(_k_means(about(exact, mean, some), LISTS_PER_BLOCK))
        told(high / len(exact))
    return Lists(mean, np.concatenate(centroids), cuts)


def train_by_likeness(exact: Exact, lists: int, told: Told = lambda share: None) -> Lists:
    """Divide rows by what they look like, whatever their taxa."""
    told(0.0)
    random = np.random.default_rng(0)
    mean = _mean(exact, random)
    return Lists(mean, _k_means(_sample(exact, random, _SAMPLE * lists) - mean, lists))


def lists_for(rows: int, by_taxa: bool) -> int:
    """Return how many lists suit so many rows, in whole blocks.

    By likeness 4 for each square root of them. Lists by taxa are made so quickly, and so much
    better where they are small, that choosing among them may take as long as looking at them.
    """
    lists = 0.8 * rows ** (2 / 3) if by_taxa else 4 * math.sqrt(rows)
    return LISTS_PER_BLOCK * max(4, round(lists / LISTS_PER_BLOCK))


def cuts_of(rows: int, blocks: int) -> Rows:
    """Return the first row of each block, and the end."""
    return np.linspace(0, rows, blocks + 1).astype(np.int64)


def about(exact: Exact, mean: Features, rows: Rows) -> Features:
    """Return the vectors of rows, (n, dim) float32, relative to a mean."""
    vectors = to_float32(exact.gather(rows))
    vectors -= mean
    return vectors


def _mean(exact: Exact, random: np.random.Generator) -> Features:
    mean: Features = _sample(exact, random, 20_000).mean(axis=0)
    return mean


def _sample(exact: Exact, random: np.random.Generator, size: int) -> Features:
    rows = np.sort(random.choice(len(exact), min(size, len(exact)), replace=False))
    return to_float32(exact.gather(rows))


def _k_means(vectors: Features, lists: int) -> Features:
    k_means = faiss.Kmeans(
        vectors.shape[1],
        lists,
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
