"""The exact back end: FAISS compares a query with every row; right up to about 50,000 rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import faiss
import numpy as np

from indexer.backends import Rows, Scores
from model.vectors import Vectors


@dataclass(frozen=True, slots=True)
class FlatIndex:
    """All vectors in memory, float32."""

    index: faiss.IndexFlatIP

    def search(self, queries: Vectors, k: int, among: Rows | None = None) -> tuple[Scores, Rows]:
        """Return the k best rows of each query; see `Index`."""
        k = min(k, self.index.ntotal if among is None else len(among))
        if k == 0:
            return np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
        parameters = None
        if among is not None:
            # FAISS's Python wrapper adds the keyword, and keeps the selector alive.
            selector = faiss.IDSelectorBatch(among.astype(np.int64))
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        scores, rows = self.index.search(queries.astype(np.float32), k, params=parameters)
        return scores, rows


def build(vectors: Sequence[Vectors]) -> FlatIndex:
    """Build the index; see `Backend`."""
    index = faiss.IndexFlatIP(vectors[0].shape[1] if vectors else 1)
    for array in vectors:
        index.add(np.ascontiguousarray(array, np.float32))
    return FlatIndex(index)
