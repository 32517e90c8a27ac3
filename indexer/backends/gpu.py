"""Exact search on a card: products in float16 choose a few rows, float32 decides among them.

The card sees every row. A row that it leaves out has a lower product than any that it keeps, and
products in float16 are wrong by ERROR at most; where that does not exclude every row left out, the
query is compared with all rows in float32. So the answer is that of `exact`, up to the order of
sums. Vectors that do not fit pass through the card in parts.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch

from model.vectors import Features, Vectors

if TYPE_CHECKING:  # FAISS need not be installed where there is only torch
    from indexer.backends import Found, Rows
    from indexer.backends.selection import Selection

TOGETHER = 1024  # queries
SPARE = 64  # rows that are kept beyond those asked for
ERROR = 1e-3  # of a product of unit rows: 2⁻¹¹ from rounding the query, 2⁻¹¹ from the product
_SCORES = 1 << 28  # in memory at once
_MOST_ROWS = 1 << 22  # on their way through the card at once: 4 GB of 512 numbers
_SHARE = 0.8  # of a card's free memory that vectors may take
_Part = tuple[torch.Tensor, torch.Tensor]
"""(m, dim) float16 vectors, and their (m,) row numbers"""


class Card:
    """Vectors of several arrays, (rows, dim) float16 each, numbered on; threads take turns.

    `device` is torch's name of it. `gather` returns vectors of rows from the arrays; `room` is the
    number of bytes that vectors may take, by default most of what is free.
    """

    def __init__(
        self,
        vectors: Sequence[Vectors],
        device: str,
        gather: "Callable[[Rows], Vectors]",
        room: int | None = None,
    ) -> None:
        self._arrays, self._gather = vectors, gather
        self._device, self._turn = torch.device(device), Lock()
        self._rows = sum(map(len, vectors))
        needed = sum(array.nbytes for array in vectors)
        fits = needed <= (_free(self._device) if room is None else room)
        self._resident = self._loaded() if fits else None
        self._longest = self._length_of_the_longest()

    @property
    def is_resident(self) -> bool:
        """Whether all vectors lie on the card."""
        return self._resident is not None

    def search(self, queries: Features, k: int, among: "Selection | None" = None) -> "Found":
        """Return the k best rows of each query; see `indexer.backends.Index`.

        `queries` (n, dim) float32 unit rows; k is at most the number of rows that may answer.
        Raises torch.OutOfMemoryError where something else fills the card.
        """
        rows = range(self._rows) if among is None else among.rows
        found = []
        with self._turn, torch.inference_mode(), _whole_sums():
            for start in range(0, len(queries), TOGETHER):
                some = torch.from_numpy(queries[start : start + TOGETHER]).to(self._device)
                found.append(self._nearest(some, k, rows))
        scores, places = (np.concatenate(each) for each in zip(*found, strict=True))
        return scores, places

    def _nearest(self, queries: torch.Tensor, k: int, rows: "Rows | range") -> "Found":
        kept = min(k + SPARE, len(rows))
        products, chosen = self._best(queries.half(), kept, rows)
        scores = torch.einsum("qd,qkd->qk", queries, self._at(chosen).float())
        scores, chosen = _ordered(scores, chosen, k)
        if kept < len(rows):
            error = ERROR * self._longest * queries.norm(dim=1)
            unsure = (scores[:, -1] < products[:, -1] + error).nonzero()[:, 0]
            if len(unsure):
                scores[unsure], chosen[unsure] = self._best(queries[unsure], k, rows)
        return scores.cpu().numpy(), chosen.cpu().numpy()

    def _best(self, queries: torch.Tensor, k: int, rows: "Rows | range") -> _Part:
        """Return the k best by products of the queries' type: (n, k) float32, and rows."""
        best: _Part | None = None
        for vectors, numbers in self._parts(rows, len(queries)):
            products = queries @ vectors.to(queries.dtype).T
            most, places = products.topk(min(k, len(numbers)), dim=1)
            own = most.float(), numbers[places]
            if best:
                own = torch.cat([best[0], own[0]], 1), torch.cat([best[1], own[1]], 1)
            best = _ordered(*own, k)
        assert best
        return best

    def _parts(self, rows: "Rows | range", queries: int) -> Iterator[_Part]:
        size = min(_MOST_ROWS, _SCORES // queries)
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            array = np.asarray(part, np.int64)
            numbers = torch.from_numpy(array).to(self._device)
            if self._resident is None:
                yield torch.from_numpy(self._read(part)).to(self._device), numbers
            elif isinstance(part, range):
                yield self._resident[part.start : part.stop], numbers
            else:
                yield self._resident[numbers], numbers

    def _at(self, rows: torch.Tensor) -> torch.Tensor:
        if self._resident is not None:
            return self._resident[rows]
        found = self._gather(rows.flatten().cpu().numpy())
        return torch.from_numpy(found).to(self._device).view(*rows.shape, -1)

    def _read(self, rows: "Rows | range") -> Vectors:
        """Return vectors of some rows as an array of its own."""
        if not isinstance(rows, range):
            return self._gather(rows)
        parts, start = [], 0
        for array in self._arrays:
            low, high = max(rows.start - start, 0), min(rows.stop - start, len(array))
            if low < high:
                parts.append(array[low:high])
            start += len(array)
        return np.concatenate(parts)

    def _loaded(self) -> torch.Tensor:
        dim = self._arrays[0].shape[1] if self._arrays else 0
        whole = torch.empty((self._rows, dim), dtype=torch.float16, device=self._device)
        for start in range(0, self._rows, _MOST_ROWS):
            part = range(start, min(start + _MOST_ROWS, self._rows))
            whole[part.start : part.stop] = torch.from_numpy(self._read(part)).to(self._device)
        return whole

    def _length_of_the_longest(self) -> float:
        parts = self._parts(range(self._rows), 1)
        return max((float(vectors.float().norm(dim=1).max()) for vectors, _ in parts), default=0.0)


def _free(device: torch.device) -> float:
    if device.type != "cuda":
        return float("inf")
    return float(_SHARE * torch.cuda.mem_get_info(device)[0])


def _ordered(scores: torch.Tensor, rows: torch.Tensor, k: int) -> _Part:
    """Return the k best of each line, best first; of equals the lower row."""
    rows, order = rows.sort(dim=1)
    scores, order = scores.gather(1, order).sort(dim=1, descending=True, stable=True)
    return scores[:, :k], rows.gather(1, order)[:, :k]


@contextmanager
def _whole_sums() -> Iterator[None]:
    """Have products summed in float32, and those of float32 not cut to fewer digits."""
    switches = torch.backends.cuda.matmul
    before = (switches.allow_fp16_reduced_precision_reduction, switches.allow_tf32)
    switches.allow_fp16_reduced_precision_reduction, switches.allow_tf32 = False, False
    try:
        yield
    finally:
        switches.allow_fp16_reduced_precision_reduction, switches.allow_tf32 = before
