"""Index back ends: each finds nearest vectors in one way.

selection.py  which rows may answer
exact.py      compares a query with every such row, where the vectors lie
gpu.py        the same on a card, for many queries
blas.py       when FAISS multiplies matrices
lists.py      looks at short codes of likely rows, then compares the best with their vectors
membership.py which list each row is in
training.py   makes these lists, inside taxa or by likeness
floor.py      the score below which even a best hit is likely not what was asked for
"""

from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from model.vectors import Features, Vectors

if TYPE_CHECKING:  # without FAISS there is still `gpu`
    from indexer.backends.selection import Selection

Scores = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Found = tuple[Scores, Rows]


class Index(Protocol):
    """Finds the rows whose vectors have the highest cosine with a query's."""

    def __len__(self) -> int:
        """Return the number of rows that it covers, the first ones of a collection."""

    def search(
        self, queries: Vectors | Features, k: int, among: "Selection | None" = None
    ) -> Found:
        """Return the k best rows of each query, best first: (queries, k') scores and rows.

        `queries` (n, dim) unit rows; `among` restricts the answers to these rows. k' is k, or
        the number of rows where there are fewer.
        """
