"""Products: tiles of logits of candidates for some images, in float32 or quicker in bfloat16."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from indexer.backends import Rows
from model.vectors import Features, Vectors

if TYPE_CHECKING:
    import torch

_BLOCK = 16_384  # rows that are rounded together
_CONVERTED = 1024  # rows that are converted together: 2 MB of 512 numbers


class Product(Protocol):
    """Logits of candidates for images, less a shift for each image."""

    @property
    def error(self) -> float:
        """How far a cosine may be off."""

    @property
    def shift(self) -> Features:
        """What is taken off the logits of each image, (n,)."""

    def logits(self, start: int, stop: int) -> Features:
        """Return those of candidates from `start` to `stop`, (candidates, n)."""

    def some(self, places: Rows, image: int) -> Features:
        """Return those of some candidates (m,) for one image, as `logits` has them."""

    def exp(self, logits: Features) -> Features:
        """Return their exponentials, in place."""


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """In float32: the reference."""

    vectors: Vectors
    images: Features
    """(n, dim), times the scale"""
    shift: Features
    """(n,)"""
    error: float = 1e-5

    def logits(self, start: int, stop: int) -> Features:
        """Return those of candidates from `start` to `stop`, (candidates, n)."""
        found = np.empty((stop - start, len(self.images)), np.float32)
        whole = np.empty((min(_CONVERTED, stop - start), self.images.shape[1]), np.float32)
        for low in range(start, stop, _CONVERTED):
            block = self.vectors[low : min(low + _CONVERTED, stop)]
            np.copyto(whole[: len(block)], block)
            np.matmul(whole[: len(block)], self.images.T, out=found[low - start :][: len(block)])
        found -= self.shift
        return found

    def some(self, places: Rows, image: int) -> Features:
        """Return those of some candidates (m,) for one image, as `logits` has them."""
        found: Features = self.vectors[places].astype(np.float32) @ self.images[image]
        found -= self.shift[image]
        return found

    def exp(self, logits: Features) -> Features:
        """Return their exponentials, in place."""
        return np.exp(logits, out=logits)


@dataclass(frozen=True, slots=True, eq=False)
class Rounded:
    """Candidates' vectors in bfloat16, relative to their mean, which processors multiply faster.

    The mean changes all logits of an image alike; without it the numbers are smaller, and so is
    what rounding them costs.
    """

    rows: "torch.Tensor"
    """(taxa, dim) bfloat16"""
    mean: Features
    """(dim,)"""


def rounded(vectors: Vectors) -> Rounded:
    """Round vectors (taxa, dim): as much memory again."""
    import torch  # seconds

    some = vectors[:: max(1, len(vectors) // _BLOCK)].astype(np.float32)
    mean: Features = some.sum(axis=0) / max(1, len(some))
    rows = torch.empty(vectors.shape, dtype=torch.bfloat16)
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK].astype(np.float32) - mean
        rows[start : start + _BLOCK] = torch.from_numpy(block)
    return Rounded(rows, mean)


class Quick:
    """In bfloat16, by torch: logits are rounded to 8 bits, least near the shift."""

    error = 2e-3

    def __init__(self, rounded: Rounded, images: Features, shift: Features) -> None:
        import torch

        self._torch = torch
        self._rows = rounded.rows
        self._images = torch.from_numpy(images).bfloat16()
        of_mean = images @ rounded.mean
        self._bias = torch.from_numpy(of_mean - shift).bfloat16()
        self._bits = rounded.rows.view(torch.uint16).numpy()
        self._whole, self._offset = self._images.float().numpy(), self._bias.float().numpy()
        self.shift: Features = of_mean - self._offset

    def logits(self, start: int, stop: int) -> Features:
        """Return those of candidates from `start` to `stop`, (candidates, n)."""
        linear = self._torch.nn.functional.linear
        found: Features = linear(self._rows[start:stop], self._images, self._bias).float().numpy()
        return found

    def some(self, places: Rows, image: int) -> Features:
        """Return those of some candidates (m,) for one image, as `logits` has them."""
        bits = self._bits[places].astype(np.uint32) << 16  # what numpy lacks a type for
        whole = bits.view(np.float32) @ self._whole[image] + self._offset[image]
        found: Features = self._torch.from_numpy(whole).bfloat16().float().numpy()
        return found

    def exp(self, logits: Features) -> Features:
        """Return their exponentials, in place."""
        self._torch.from_numpy(logits).exp_()
        return logits
