"""The exact back end: each query against every row that may answer, where the vectors lie on disk.

A few queries are compared with the float16 rows themselves (FAISS converts them as it reads); many
at once by matrix products, which pay for the conversion; very many on a card, if there is one.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import faiss
import numpy as np

from indexer.backends import Found, Rows
from indexer.backends.blas import BATCH, by_products
from indexer.backends.selection import Selection
from model.once import once
from model.vectors import Features, Vectors, to_float32

if TYPE_CHECKING:
    from indexer.backends.gpu import Card

CHUNK = 32_768  # rows looked at together: 34 MB of 512 numbers, 67 as float32
MERGED = 32  # answers of parts kept until they are made one
WORTH_A_CARD = 250_000_000  # comparisons: 3 s of a processor, which torch takes to start, too
WORTH_A_CALL = 20_000  # comparisons, once the vectors are there
_Part = Rows | range
_LOG = logging.getLogger("taxalens")


@dataclass(frozen=True)
class Exact:
    """Vectors of one or several arrays, (rows, dim) float16 each, numbered on."""

    vectors: Sequence[Vectors]
    device: str | None = None
    """torch's name of the card for searches that are worth it; None is the first one here"""

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(map(len, self.vectors))

    def search(self, queries: Vectors | Features, k: int, among: Selection | None = None) -> Found:
        """Return the k best rows of each query; see `Index`."""
        k = min(k, len(self) if among is None else len(among))
        if k == 0 or not len(queries):
            return np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
        wanted = np.ascontiguousarray(queries, np.float32)
        answer = self._on_card(wanted, k, among)
        if answer is not None:
            return answer
        compare = self._by_product if len(queries) >= BATCH else self._by_scan
        found: list[Found] = []
        for part in self._parts(among):
            found.append(compare(wanted, k, part))
            if len(found) == MERGED:
                found = [best(found, k)]
        return best(found, k)

    @property
    def is_on_card(self) -> bool:
        """Whether a search has brought all vectors to a card, where all are compared at once."""
        card = vars(self).get("_card")
        return card is not None and card.is_resident

    def gather(self, rows: Rows) -> Vectors:
        """Return the vectors of some rows, (n, dim) float16, in their order."""
        if len(self.vectors) == 1:
            vectors: Vectors = self.vectors[0][rows]
            return vectors
        ends = np.cumsum([len(array) for array in self.vectors])
        which = np.searchsorted(ends, rows, side="right")
        found = np.empty((len(rows), self.vectors[0].shape[1]), np.float16)
        for place in np.unique(which):
            array = self.vectors[place]
            found[which == place] = array[rows[which == place] - (ends[place] - len(array))]
        return found

    def _on_card(self, queries: Features, k: int, among: Selection | None) -> Found | None:
        """Return the answer of a card; None where there is none, or it is not worth one."""
        comparisons = len(queries) * (len(self) if among is None else len(among))
        if comparisons < (WORTH_A_CALL if self.is_on_card else WORTH_A_CARD):
            return None
        if self.device is None and not faiss.get_num_gpus():
            return None
        from torch import OutOfMemoryError

        try:
            return self._card.search(queries, k, among)
        except OutOfMemoryError:
            _LOG.warning("The card has no memory left; the processor searches instead.")
            return None

    @once
    def _card(self) -> "Card":
        from indexer.backends.gpu import Card

        return Card(self.vectors, self.device or "cuda", self.gather)

    def _parts(self, among: Selection | None) -> Iterator[_Part]:
        """Rows to look at together: a range lies side by side in one array."""
        rows = range(len(self)) if among is None else among.rows
        if not isinstance(rows, range):
            yield from (rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK))
            return
        for start, stop in pairwise(accumulate(map(len, self.vectors), initial=0)):
            low, high = max(rows.start, start), min(rows.stop, stop)
            yield from (range(at, min(at + CHUNK, high)) for at in range(low, high, CHUNK))

    def _at(self, part: _Part) -> tuple[Vectors, Rows]:
        if not isinstance(part, range):
            return self.gather(part), part
        start = 0
        for array in self.vectors:
            if part.start < start + len(array):
                break
            start += len(array)
        return array[part.start - start : part.stop - start], np.arange(part.start, part.stop)

    def _by_scan(self, queries: Features, k: int, part: _Part) -> Found:
        vectors, rows = self._at(part)
        scan = Scanner(queries.shape[1])
        found = [scan(query, k, vectors, rows) for query in queries]
        return np.stack([each[0] for each in found]), np.stack([each[1] for each in found])

    def _by_product(self, queries: Features, k: int, part: _Part) -> Found:
        vectors, rows = self._at(part)
        matrix, k = to_float32(vectors), min(k, len(rows))
        with by_products():
            scores, places = faiss.knn(queries, matrix, k, metric=faiss.METRIC_INNER_PRODUCT)
        return scores, rows[places]


class Scanner:
    """Compares one query with float16 vectors, which FAISS converts as it reads them."""

    def __init__(self, dim: int) -> None:
        # What FAISS's scanner points to must live as long as it does.
        self._quantizer = faiss.ScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16)
        self._space = faiss.IndexFlatIP(dim)
        self._scanner = self._quantizer.select_InvertedListScanner(
            faiss.METRIC_INNER_PRODUCT, self._space, False, None, False
        )

    def __call__(self, query: Features, k: int, vectors: Vectors, rows: Rows) -> Found:
        """Return the k best, not sorted: (k,) scores and rows, -1 for lack of rows.

        `query` (dim,) float32, `vectors` (m, dim) float16 side by side, `rows` (m,) their numbers.
        """
        scores = np.full(k, -np.inf, np.float32)
        found = np.full(k, -1, np.int64)
        query = np.ascontiguousarray(query, np.float32)
        self._scanner.set_query(faiss.swig_ptr(query))
        self._scanner.set_list(0, 0.0)
        codes, numbers = faiss.swig_ptr(vectors.view(np.uint8)), faiss.swig_ptr(rows)
        heap = faiss.swig_ptr(scores), faiss.swig_ptr(found)
        self._scanner.scan_codes(len(rows), codes, numbers, *heap, k)
        return scores, found


def best(found: Sequence[Found], k: int) -> Found:
    """Return the k best of several answers, best first; of equals the lower row."""
    scores = np.concatenate([each[0] for each in found], axis=1)
    rows = np.concatenate([each[1] for each in found], axis=1)
    order = np.lexsort((rows, -scores), axis=1)[:, :k]
    return np.take_along_axis(scores, order, 1), np.take_along_axis(rows, order, 1)
