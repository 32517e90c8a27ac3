"""The back end for many rows: FAISS's lists of short codes, the best reranked from the vectors.

A vector is two bits a number in memory (IVF with 4-bit product quantisation of pairs, "fast scan"),
relative to the centre of its list; the answer's cosines are those of the float16 vectors on disk.
"""

from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from indexer.backends import Found, Rows
from indexer.backends.exact import CHUNK, Exact, Scanner
from indexer.backends.selection import Selection
from indexer.backends.training import LISTS_PER_BLOCK, Lists, Told, about, cuts_of
from model.vectors import Features, Vectors

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
    exact: Exact
    """the vectors of these rows, and perhaps of more"""
    centroids: Features
    cuts: Rows | None
    """where lists hold rows side by side, LISTS_PER_BLOCK a block: the first row of each block"""

    def __len__(self) -> int:
        """Return the number of rows that it covers."""
        return int(self.index.ntotal)

    def lists_of(self, among: Selection | None) -> range:
        """Return the lists that rows of a selection may be in."""
        if self.cuts is None or among is None or not len(among):
            return range(len(self.centroids))
        first, last = np.searchsorted(self.cuts, (among.first, among.stop - 1), "right")
        return range(int(first - 1) * LISTS_PER_BLOCK, int(last) * LISTS_PER_BLOCK)

    def search(
        self,
        queries: Vectors | Features,
        k: int,
        among: Selection | None = None,
        effort: Effort = Effort(64, 200),
    ) -> Found:
        """Return the k best rows of each query that it sees; see `Index`. Rows that lack are -1."""
        wanted = np.ascontiguousarray(queries, np.float32)
        reranked = max(effort.reranked * k // 10, effort.reranked, k)
        scores = np.full((len(wanted), k), -np.inf, np.float32)
        rows = np.full((len(wanted), k), -1, np.int64)
        scan = Scanner(wanted.shape[1])
        for start in range(0, len(wanted), _TOGETHER):
            part = wanted[start : start + _TOGETHER]
            candidates = self.candidates(part, reranked, effort.probes, among)
            for place, (query, near) in enumerate(zip(part, candidates, strict=True), start):
                near = np.sort(near[near >= 0])
                if len(near):
                    found, those = scan(query, k, self.exact.gather(near), near)
                    order = np.lexsort((those, -found))
                    scores[place], rows[place] = found[order], those[order]
        return scores, rows

    def candidates(
        self, queries: Features, n: int, probes: int, among: Selection | None = None
    ) -> Rows:
        """Return the n rows of each query, (n, dim) float32, whose codes are best; -1 for lack."""
        lists = self.lists_of(among)
        probes = min(probes, len(lists))
        closeness = queries @ self.centroids[lists.start : lists.stop].T
        if probes < len(lists):
            chosen = np.argpartition(-closeness, probes - 1, axis=1)[:, :probes]
            closeness = np.take_along_axis(closeness, chosen, 1)
        else:
            chosen = np.tile(np.arange(len(lists)), (len(queries), 1))
        queries, closeness = np.ascontiguousarray(queries), np.ascontiguousarray(closeness)
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


def build(exact: Exact, lists: Lists, told: Told = lambda share: None) -> ListIndex:
    """Put every row into its list."""
    dim = exact.vectors[0].shape[1]
    space = faiss.IndexFlatIP(dim)
    space.add(lists.centroids)
    codes = dim // _PAIR if dim % _PAIR == 0 else dim
    plain = faiss.IndexIVFPQ(space, dim, len(lists.centroids), codes, 4, faiss.METRIC_INNER_PRODUCT)
    plain.by_residual = True
    random = np.random.default_rng(1)
    some = np.sort(random.choice(len(exact), min(_CODEBOOK_ROWS, len(exact)), replace=False))
    plain.train(about(exact, lists.mean, some))
    for first in range(0, len(exact), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(exact)))
        vectors = about(exact, lists.mean, rows)
        keys = lists.of(vectors, rows)
        plain.add_core(
            len(rows), faiss.swig_ptr(vectors), faiss.swig_ptr(rows), faiss.swig_ptr(keys)
        )
        told((first + len(rows)) / len(exact))
    # Adding to a fast-scan index with lists chosen beforehand is silently wrong in FAISS 1.15.
    return ListIndex(faiss.IndexIVFPQFastScan(plain), exact, lists.centroids, lists.cuts)


def write(index: ListIndex, path: Path) -> None:
    """Write an index to a file."""
    faiss.write_index(index.index, str(path))


def read(path: Path, exact: Exact, by_taxa: bool) -> ListIndex:
    """Read an index; its codes are mapped from disk. Raises RuntimeError for what is none."""
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    centroids = faiss.downcast_index(index.quantizer).reconstruct_n(0, index.nlist)
    cuts = cuts_of(index.ntotal, index.nlist // LISTS_PER_BLOCK) if by_taxa else None
    return ListIndex(index, exact, centroids, cuts)
