"""The back end for many rows: FAISS's lists of short codes, the best reranked from the vectors.

A vector is two bits a number in memory (IVF with 4-bit product quantisation of pairs, "fast scan"),
relative to the centre of its list; the answer's cosines are those of the float16 vectors on disk,
which FAISS reads where they are mapped. A search is one call of FAISS: Python between its steps
cost as much as they.
"""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import faiss
import numpy as np
import numpy.typing as npt

from indexer.backends import Found, Rows
from indexer.backends.blas import BATCH, by_products
from indexer.backends.exact import CHUNK, Exact, best
from indexer.backends.membership import Membership
from indexer.backends.selection import Selection
from indexer.backends.training import LISTS_PER_BLOCK, Lists, Told, about, cuts_of
from model.vectors import Features, Vectors

_PAIR = 2  # numbers a 4-bit code stands for
_CODEBOOK_ROWS = 8192
_CODEBOOK_ITERATIONS = 10
_BY_ITSELF, _ONE_BY_ONE = 0, 10  # FAISS's ways of scanning: it chooses; as suits a query alone
_TOGETHER = 1024  # queries whose candidates are in memory at once
_RECONSIDERED = 2  # times the wanted lists are chosen by short codes, and then weighed
_WORTH_CODES = 4  # lists for one that is wanted: of fewer, to weigh each takes less time


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a search looks at; more finds more."""

    probes: int
    """lists"""
    reranked: int
    """rows whose vectors are looked at, for the ten best"""


@dataclass(frozen=True, slots=True)
class ListIndex:
    """Lists of the first rows of a collection, those of its first array."""

    codes: faiss.IndexIVFPQFastScan
    """as they are stored"""
    by_codes: "_Searchers"
    """where any list may be looked at: centroids are chosen by short codes, and reconsidered"""
    by_centroids: "_Searchers"
    """where some may, or many are wanted: each centroid is weighed"""
    centroids: faiss.IndexScalarQuantizer
    """(lists, dim) bfloat16"""
    membership: Membership
    vectors: Vectors
    """(rows, dim) float16, in the memory that FAISS reads"""
    cuts: Rows | None
    """where lists hold rows side by side, LISTS_PER_BLOCK a block: the first row of each block"""

    def __len__(self) -> int:
        """Return the number of rows that it covers."""
        return int(self.codes.ntotal)

    @property
    def lists(self) -> int:
        """How many lists there are."""
        return int(self.codes.nlist)

    def lists_of(self, among: Selection | None) -> Selection:
        """Return the lists that rows of a selection may be in."""
        if among is None or not len(among):
            return Selection(range(self.lists))
        if self.cuts is None or not among.is_slice:
            return self.membership.lists_of(among)
        first, last = np.searchsorted(self.cuts, (among.first, among.stop - 1), "right")
        return Selection(range(int(first - 1) * LISTS_PER_BLOCK, int(last) * LISTS_PER_BLOCK))

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
        lists = self.lists_of(among)
        limits = None if len(lists) == self.lists else lists
        probes = min(effort.probes, len(lists))
        parameters = _told(probes, reranked / k, limits, among)
        searchers = self._searchers(probes, limits)
        scores = np.empty((len(wanted), k), np.float32)
        rows = np.empty((len(wanted), k), np.int64)
        for start in range(0, len(wanted), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            is_batch = len(wanted[part]) >= BATCH
            index = searchers.together if is_batch else searchers.alone
            with by_products() if is_batch else nullcontext():
                index.search(wanted[part], k, params=parameters, D=scores[part], I=rows[part])
        tied = (scores[:, 1:] == scores[:, :-1]).any()
        return best([(scores, rows)], k) if tied else (scores, rows)

    def are_late(
        self, queries: Vectors | Features, rows: Rows, among: Selection, probes: int
    ) -> npt.NDArray[np.bool_]:
        """Return which queries have a hit in the second half of the lists looked at, (n,).

        `rows` (n, k) are what a search in so many lists found; an answer that lacks some is not
        late. Of an answer that is complete the last lists hold hardly a hit, as they lie farthest.
        """
        wanted = np.ascontiguousarray(queries, np.float32)
        half = faiss.SearchParameters(sel=self.lists_of(among).selector)
        late = np.empty(len(wanted), np.bool_)
        for start in range(0, len(wanted), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            near = self.centroids.search(wanted[part], max(1, probes // 2), params=half)[0][:, -1]
            lists, places = np.unique(self.membership.list_of[rows[part]], return_inverse=True)
            centres = np.stack([self.centroids.reconstruct(int(each)) for each in lists])
            of_hits = centres[places.reshape(rows[part].shape)]
            closeness = np.einsum("nd,nkd->nk", wanted[part], of_hits)
            late[part] = (closeness < near[:, None]).any(axis=1) & (rows[part] >= 0).all(axis=1)
        return late

    def candidates(self, queries: Features, n: int, probes: int) -> Rows:
        """Return the n rows of each query, (n, dim) float32, whose codes are best; -1 for lack."""
        probes = min(probes, self.lists)
        index = self._searchers(probes, None).together.base_index
        parameters = faiss.SearchParametersIVF(nprobe=probes)
        with by_products():
            rows: Rows = index.search(queries, n, params=parameters)[1]
        return rows

    def _searchers(self, probes: int, limits: Selection | None) -> "_Searchers":
        by_codes = limits is None and probes * _WORTH_CODES <= self.lists
        return self.by_codes if by_codes else self.by_centroids


@dataclass(frozen=True, slots=True)
class _Searchers:
    """The codes and the vectors behind one way to choose lists."""

    together: faiss.IndexRefine
    """for many queries"""
    alone: faiss.IndexRefine
    """for a few"""


def _told(
    probes: int, factor: float, lists: Selection | None, among: Selection | None
) -> faiss.IndexRefineSearchParameters:
    """Say in FAISS's words what is looked at; its wrapper keeps alive what it is told."""
    if lists is None and among is None:
        return _everywhere(probes, factor)
    told = {"sel": among.selector} if among is not None else {}
    if lists is not None:
        told["quantizer_params"] = faiss.SearchParameters(sel=lists.selector)
    looking = faiss.SearchParametersIVF(nprobe=probes, **told)
    return faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=looking)


@lru_cache
def _everywhere(probes: int, factor: float) -> faiss.IndexRefineSearchParameters:
    """Say the same of all rows: once, since it takes a tenth of a search."""
    looking = faiss.SearchParametersIVF(nprobe=probes)
    return faiss.IndexRefineSearchParameters(k_factor=factor, base_index_params=looking)


def build(exact: Exact, lists: Lists, told: Told = lambda share: None) -> ListIndex:
    """Put every row into its list."""
    dim = exact.vectors[0].shape[1]
    space = faiss.IndexFlatIP(dim)
    space.add(lists.centroids)
    codes = dim // _PAIR if dim % _PAIR == 0 else dim
    plain = faiss.IndexIVFPQ(space, dim, len(lists.centroids), codes, 4, faiss.METRIC_INNER_PRODUCT)
    plain.by_residual = True
    plain.pq.cp.niter = _CODEBOOK_ITERATIONS
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
    return _with_vectors(faiss.IndexIVFPQFastScan(plain), exact, lists.cuts)


def write(index: ListIndex, path: Path) -> None:
    """Write an index to a file; raises OSError where that fails."""
    try:
        faiss.write_index(index.codes, str(path))
    except RuntimeError as error:  # which is how FAISS says that a disk is full
        raise OSError(str(error)) from error


def read(path: Path, exact: Exact, by_taxa: bool) -> ListIndex:
    """Read an index into memory. Raises RuntimeError for what is none."""
    codes = faiss.read_index(str(path))  # mapped, it would be copied all the same, page by page
    cuts = cuts_of(codes.ntotal, codes.nlist // LISTS_PER_BLOCK) if by_taxa else None
    return _with_vectors(codes, exact, cuts)


def _with_vectors(codes: faiss.IndexIVFPQFastScan, exact: Exact, cuts: Rows | None) -> ListIndex:
    vectors = np.ascontiguousarray(exact.vectors[0][: codes.ntotal], np.float16)
    stored = faiss.IndexScalarQuantizer(
        codes.d, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    )
    numbers = vectors.view(np.uint8).reshape(-1)
    # A view without an owner: `vectors` lives as long as the index.
    stored.codes = faiss.MaybeOwnedVectorUInt8.create_view(
        faiss.swig_ptr(numbers), numbers.size, stored.codes.owner
    )
    stored.ntotal = len(vectors)
    centroids = faiss.downcast_index(codes.quantizer).reconstruct_n(0, codes.nlist)
    half = faiss.IndexScalarQuantizer(
        codes.d, faiss.ScalarQuantizer.QT_bf16, faiss.METRIC_INNER_PRODUCT
    )
    half.add(centroids)  # bfloat16: half of the memory is read
    by_codes, by_centroids = (
        _searchers(codes, coarse, stored) for coarse in (_short(codes.pq, half), half)
    )
    return ListIndex(codes, by_codes, by_centroids, half, Membership(codes), vectors, cuts)


def _short(codebook: faiss.ProductQuantizer, centroids: faiss.IndexScalarQuantizer) -> faiss.Index:
    """Return centroids behind short codes, by the codebook of the rows: nothing is trained.

    They are scaled to be as long as what the codebook was trained on, which changes no order.
    Returns them as they are where the codebook tells nothing apart, as if all rows were the same.
    """
    vectors = centroids.reconstruct_n(0, centroids.ntotal)
    words = faiss.vector_to_array(codebook.centroids)
    if not (words.any() and vectors.any()):
        return centroids
    codes = faiss.IndexPQFastScan(
        codebook.d, codebook.M, codebook.nbits, faiss.METRIC_INNER_PRODUCT
    )
    codes.pq, codes.is_trained = codebook, True
    codes.add(vectors * np.sqrt(np.square(words).mean() / np.square(vectors).mean()))
    reconsidered = faiss.IndexRefine(codes, centroids)
    reconsidered.k_factor = _RECONSIDERED
    return reconsidered


def _searchers(
    codes: faiss.IndexIVFPQFastScan, coarse: faiss.Index, stored: faiss.IndexScalarQuantizer
) -> _Searchers:
    made = []
    for scanning in (_BY_ITSELF, _ONE_BY_ONE):
        same = faiss.IndexIVFPQFastScan(
            coarse, codes.d, codes.nlist, codes.pq.M, codes.pq.nbits, codes.metric_type
        )
        same.pq, same.by_residual, same.is_trained = codes.pq, True, True
        same.ntotal = codes.ntotal
        same.replace_invlists(codes.invlists, False)
        same.implem = scanning
        made.append(faiss.IndexRefine(same, stored))
    return _Searchers(*made)
