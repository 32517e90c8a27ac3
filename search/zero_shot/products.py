"""Products: how likely candidates are, as exponentials of logits summed over small groups of them.

Plainly in float32, a candidate a group: the reference. Quickly in bfloat16, where the product, the
exponentials and the sums of GROUP neighbours are done in tiles that fit a processor's cache; all
that follows then touches a sixteenth of the numbers.
"""

import sys
from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np

from model.vectors import Features, Vectors

if TYPE_CHECKING:
    import torch

GROUP = 16  # neighbours summed together
_BLOCK = 16_384  # rows that are rounded together
_CONVERTED = 1024  # rows that are converted together: 2 MB of 512 numbers
_TILE = 1 << 20  # numbers looked at together: 2 MB
_FAR = 60.0  # above the shift, from where on sums of exponentials might not fit float32
# A logistic function is an exponential for numbers well below 0 (to .25 % below -6), and torch
# applies it to a product before that is rounded. So the best logits are to be about HEADROOM below.
_HEADROOM, _BELOW = 32.0, -6.0


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Exponentials of n images' logits, each image's less a shift, summed over groups."""

    values: Features
    """(groups, n)"""
    size: int
    """candidates in a group; the last may have fewer"""
    shift: Features
    """(n,)"""


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


def plain_sums(
    vectors: Vectors, images: Features, biases: Features | None, shift: Features
) -> Sums:
    """Return the exponentials in float32; `biases` (taxa,) are added to the logits.

    `images` (n, dim) are times the scale, `shift` (n,) is about their best logit; it is raised,
    and all done anew, where that is too low by far.
    """
    values = np.empty((len(vectors), len(images)), np.float32)
    whole = np.empty((_CONVERTED, images.shape[1]), np.float32)
    shift, over = shift.copy(), np.ones(len(images), np.bool_)
    while over.any():
        over[:] = False
        for start in range(0, len(vectors), _CONVERTED):
            logits = values[start : start + _CONVERTED]
            _convert(vectors[start : start + _CONVERTED], whole)
            np.matmul(whole[: len(logits)], images.T, out=logits)
            logits -= shift
            if biases is not None:
                logits += biases[start : start + _CONVERTED, None]
            over |= logits.max(axis=0) > _FAR
            with np.errstate(over="ignore"):  # such a pass is done anew
                np.exp(logits, out=logits)
        shift[over] += _FAR
    return Sums(values, 1, shift)


def rounded_sums(
    candidates: Rounded, images: Features, biases: Features | None, shift: Features
) -> Sums:
    """Return sums over GROUP neighbours from bfloat16, else as `plain_sums`.

    They are off by about 1 %, and by some more with `biases`.
    """
    import torch

    taxa, count = len(candidates.rows), len(images)
    values = torch.empty((-(-taxa // GROUP), count))
    of_mean = images @ candidates.mean
    tile = min(max(_TILE // max(1, count), 1024), 65_536) // GROUP * GROUP
    factors = torch.from_numpy(images).bfloat16()
    more = None if biases is None else torch.from_numpy(biases)[:, None]
    shift = shift + np.float32(_HEADROOM)
    while True:
        offsets = torch.from_numpy(of_mean - shift).bfloat16()
        over = np.zeros(count, np.bool_)
        for start in range(0, taxa, tile):
            rows = candidates.rows[start : start + tile]
            bias = None if more is None else more[start : start + tile]
            shares = _exponentials(rows, factors, offsets, bias)
            group = start // GROUP
            pooled = _pooled(shares)
            values[group : group + len(pooled)] = pooled
            over |= pooled.amax(dim=0).numpy() > exp(_BELOW)
        if not over.any():
            break
        shift[over] += 1.5 * _HEADROOM
    found: Features = values.numpy()
    return Sums(found, GROUP, of_mean - offsets.float().numpy())


def _exponentials(
    rows: "torch.Tensor",
    images: "torch.Tensor",
    offsets: "torch.Tensor",
    biases: "torch.Tensor | None",
) -> "torch.Tensor":
    """Return the exponentials of a tile's logits, (rows, n) bfloat16, if far enough below 1."""
    import torch

    if biases is None and torch.ops.mkldnn._is_mkldnn_bf16_supported():
        fused: Any = torch.ops.mkldnn._linear_pointwise
        shares: torch.Tensor = fused(rows, images, offsets, "sigmoid", [], "")
        return shares
    logits = torch.nn.functional.linear(rows, images, offsets).float()
    return (logits if biases is None else logits + biases).sigmoid_().bfloat16()


def _pooled(shares: "torch.Tensor") -> "torch.Tensor":
    """Sum GROUP neighbours of (rows, n): pooling with images as channels is the quickest way."""
    import torch

    short = -len(shares) % GROUP
    if short:
        shares = torch.nn.functional.pad(shares, (0, 0, 0, short))
    channels_last = shares[None, None].permute(0, 3, 1, 2)
    means = torch.nn.functional.avg_pool2d(channels_last, (1, GROUP))
    return means[0, :, 0].T.float().mul_(GROUP)


def _convert(vectors: Vectors, whole: Features) -> None:
    """Convert to float32, by torch if it is there: four times as fast as NumPy."""
    torch = sys.modules.get("torch")
    if torch is None or not vectors.flags.writeable:  # torch warns of the others
        np.copyto(whole[: len(vectors)], vectors)
    else:
        torch.from_numpy(whole)[: len(vectors)].copy_(torch.from_numpy(vectors))
