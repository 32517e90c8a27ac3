"""The back end for many rows: FAISS's lists of short codes, the best reranked from the vectors.

A vector is two bits a number in memory (IVF with 4-bit product quantisation of pairs, "fast scan"),
relative to the centre of its list; the answer's cosines are those of the float16 vectors on disk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from indexer.backends import Found, Rows
from indexer.backends.exact import CHUNK, Exact, scan
from indexer.backends.selection import Selection
from indexer.backends.training import SAMPLE, Lists, about
from model.vectors import Vectors

_PAIR = 2  # numbers a 4-bit code stands for
_CODEBOOK_ROWS = 65_536
_TOGETHER = 256  # queries whose candidates are in memory at once


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a search looks at; more finds more."""

    probes: int
    """lists"""
    reranked: int
    """rows whose vectors are looked at, for the ten best"""


@dataclass(frozen=True, slots=True)
class ListIndex:
    """Lists of the first rows of a collection."""

    index: faiss.IndexIVFPQFastScan
    centroids: Vectors
    block_rows: Rows | None
    """where the lists of a block hold rows side by side: the first row of each, and the end"""
    block_lists: Rows

    def __len__(self) -> int:
        """Return the number of rows that it covers."""
        return int(self.index.ntotal)

    def lists_of(self, among: Selection) -> range:
        """Return the lists that rows of a selection may be in."""
        if self.block_rows is None or not len(among):
            return range(len(self.centroids))
        first, last = np.searchsorted(self.block_rows, (among.rows[0], among.rows[-1]), "right")
        return range(int(self.block_lists[first - 1]), int(self.block_lists[last]))

    def search(
        self, exact: Exact, queries: Vectors, k: int, effort: Effort, among: Selection | None = None
    ) -> Found:
        """Return the k best rows of each query that it sees; rows that lack are -1.

        `exact` has the vectors, `queries` is (n, dim) float32.
        """
        reranked = max(effort.reranked * k // 10, effort.reranked, k)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), -1, np.int64)
        for start in range(0, len(queries), _TOGETHER):
            part = queries[start : start + _TOGETHER]
            for place, candidates in enumerate(
                self._candidates(part, reranked, effort.probes, among), start
            ):
                near = np.sort(candidates[candidates >= 0])
                if len(near):
                    found = scan(queries[place : place + 1], k, exact.gather(near), near)
                    order = np.lexsort((found[1][0], -found[0][0]))
                    scores[place], rows[place] = found[0][0, order], found[1][0, order]
        return scores, rows

    def _candidates(
        self, queries: Vectors, n: int, probes: int, among: Selection | None
    ) -> Rows:
        lists = range(len(self.centroids)) if among is None else self.lists_of(among)
        probes = min(probes, len(lists))
        closeness = queries @ self.centroids[lists.start : lists.stop].T
        if probes < len(lists):
            chosen = np.argpartition(-closeness, probes - 1, axis=1)[:, :probes]
            closeness = np.ascontiguousarray(np.take_along_axis(closeness, chosen, 1))
        else:
            chosen = np.tile(np.arange(len(lists)), (len(queries), 1))
        keys = np.ascontiguousarray(chosen + lists.start, np.int64)
        scores = np.empty((len(queries), n), np.float32)
        rows = np.empty((len(queries), n), np.int64)
        # FAISS's Python wrapper adds the keywords, and keeps the selector alive.
        told = {"sel": among.selector} if among is not None else {}
        parameters = faiss.SearchParametersIVF(nprobe=probes, **told)
        self.index.search_preassigned_c(
            len(queries),
            faiss.swig_ptr(queries),
            n,
            faiss.swig_ptr(keys),
            faiss.swig_ptr(closeness),
            faiss.swig_ptr(scores),
            faiss.swig_ptr(rows),
            False,
            parameters,
        )
        return rows


def build(
    exact: Exact, lists: Lists, told: Callable[[float], None] = lambda share: None
) -> ListIndex:
    """Put every row into its list; `told` hears the share that is done."""
    dim = exact.vectors[0].shape[1]
    space = faiss.IndexFlatIP(dim)
    space.add(lists.centroids)
    plain = faiss.IndexIVFPQ(
        space, dim, len(lists.centroids), dim // _PAIR, 4, faiss.METRIC_INNER_PRODUCT
    )
    plain.by_residual = True
    random = np.random.default_rng(1)
    some = np.sort(random.choice(len(exact), min(_CODEBOOK_ROWS, len(exact)), replace=False))
    plain.train(np.subtract(exact.gather(some), lists.mean, dtype=np.float32))
    for first in range(0, len(exact), CHUNK):
        vectors = about(exact, lists.mean, first)
        keys = lists.of(vectors, first)
        numbers = np.arange(first, first + len(vectors))
        plain.add_core(
            len(vectors), faiss.swig_ptr(vectors), faiss.swig_ptr(numbers), faiss.swig_ptr(keys)
        )
        told((first + len(vectors)) / len(exact))
    # Adding to a fast-scan index with lists chosen beforehand is silently wrong in FAISS 1.15.
    return ListIndex(
        faiss.IndexIVFPQFastScan(plain), lists.centroids, lists.rows, lists.starts
    )


def write(index: ListIndex, path: Path) -> None:
    """Write an index to a file, and the lists of its blocks beside the codes."""
    faiss.write_index(index.index, str(path))


def read(path: Path, block_rows: Rows | None, block_lists: Rows) -> ListIndex:
    """Read an index; its codes are mapped from disk. Raises RuntimeError for what is none."""
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    centroids = faiss.downcast_index(index.quantizer).reconstruct_n(0, index.nlist)
    return ListIndex(index, centroids, block_rows, block_lists)


__all__ = ["SAMPLE", "Effort", "ListIndex", "build", "read", "write"]
