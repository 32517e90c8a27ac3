"""Index back ends: each file finds nearest vectors in one way.

A file has one function, `build(vectors) -> Index`.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.vectors import Vectors

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


class Index(Protocol):
    """Finds the rows whose vectors have the highest cosine with a query's."""

    def search(self, queries: Vectors, k: int, among: Rows | None = None) -> tuple[Scores, Rows]:
        """Return the k best rows of each query, best first: (queries, k') scores and rows.

        `queries` (n, dim) unit rows; `among` restricts the answers to these rows. k' is k, or
        the number of rows where there are fewer.
        """


class Backend(Protocol):
    """A file of this folder."""

    def build(self, vectors: Sequence[Vectors]) -> Index:
        """Build an index over the rows of the arrays, in their order."""
