"""Zero-shot scores: the softmax of each image over all candidates, and its sums by clade.

An image's probabilities are the softmax of its scaled cosines over all candidates (Radford et al.
2021, "Learning Transferable Visual Models From Natural Language Supervision", section 3.1.2); a
clade's is the sum over its members. All in float32, from one pass over the candidates.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from indexer.backends.exact import Scanner
from model.vectors import Features, Vectors, to_float32
from search.zero_shot.candidates import NONE, Candidates, Clades, Mask, Numbers

SCALE = 100.0  # exp(logit_scale) of OpenAI's CLIP, open_clip's models and BioCLIP after training
IMAGES = 256  # at most together
_NUMBERS = 1 << 26  # probabilities of candidates and clades, held together at most: 256 MB
_TOGETHER = 1024  # candidates that are compared together: 2 MB of 512 numbers as float32
_FEW = 2  # images for which to convert candidates takes longer than to compare them as they are
_SAMPLE = 1024  # candidates that tell about how high the logits of an image are
_FAR = 60.0  # above the shift, from where on sums of exponentials might not fit float32
_BLOCK = 32  # rows that are passed over if their best is not among the best
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The most probable candidates, or clades of a level, of each image, best first."""

    numbers: Numbers
    """(n, k') places of candidates, or numbers of clades; NONE for lack of named clades"""
    probabilities: Probabilities
    """(n, k')"""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """The scores of n images."""

    taxa: Best
    """the best candidates"""
    clades: Mapping[str, Best]
    """the best clades, by level"""
    asked: Mapping[str, Probabilities] = field(default_factory=dict)
    """(n, m) probabilities of the clades asked for, by level; 0 for NONE"""


def score(
    images: Vectors | Features,
    candidates: Candidates,
    k: int = 5,
    *,
    scale: float = SCALE,
    levels: Sequence[str] | None = None,
    asked: Mapping[str, Numbers] | None = None,
) -> Scored:
    """Return the k most probable candidates, and clades of each level, of images (n, dim).

    `images` are unit rows, `scale` is exp(logit_scale) of the encoder. `levels` are those of the
    candidates unless fewer are wanted. `asked` (m,) are numbers of clades whose probabilities are
    wanted of each image whatever they are. There are k' = min(k, candidates) best candidates and
    min(k, clades) best clades; of equals the lower number comes first.
    """
    asked = asked or {}
    levels = list(candidates.clades) if levels is None else levels
    cuts = {
        level: cut for level, cut in candidates.clades.items() if level in levels or level in asked
    }
    held = len(candidates) + sum(len(cut.starts) for cut in cuts.values())
    step = max(1, min(IMAGES, _NUMBERS // max(1, held)))
    scaled = np.asarray(images, np.float32) * np.float32(scale)
    parts = [
        _score(scaled[start : start + step], candidates, k, levels, cuts, asked)
        for start in range(0, max(1, len(scaled)), step)
    ]
    return _joined(parts) if len(parts) > 1 else parts[0]


def _score(
    images: Features,
    candidates: Candidates,
    k: int,
    levels: Sequence[str],
    cuts: Mapping[str, Clades],
    asked: Mapping[str, Numbers],
) -> Scored:
    shares = _exponentials(images, candidates)
    total = shares.sum(axis=0, dtype=np.float64)
    # 0 where nothing may be the answer
    scales = (1 / np.maximum(total, np.finfo(np.float32).tiny)).astype(np.float32)
    clades: dict[str, Best] = {}
    wanted: dict[str, Probabilities] = {}
    taxa = _best(shares, scales, k, np.ones(len(candidates), np.bool_))
    sums, firsts = shares, np.arange(len(candidates))
    for level, cut in reversed(list(cuts.items())):  # each level is summed from the one below it
        sums, firsts = _sums(sums, np.searchsorted(firsts, cut.starts)), cut.starts
        if level in asked:
            numbers = asked[level]
            found = sums[numbers].T if len(cut.starts) else np.zeros((len(images), len(numbers)))
            wanted[level] = np.where(numbers == NONE, np.float32(0), _at_most_1(found, scales))
        if level in levels:
            alone = len(cut.starts) == len(candidates) and bool(cut.named.all())
            clades[level] = taxa if alone else _best(sums, scales, k, cut.named)
    return Scored(taxa, {level: clades[level] for level in levels}, wanted)


def _exponentials(images: Features, candidates: Candidates) -> Features:
    """Return the exponentials of all logits less a shift of each image: (taxa, n).

    The shift is about an image's best logit; all is computed again where it is too low by far.
    """
    biases = None
    if candidates.weights is not None:
        with np.errstate(divide="ignore"):
            biases = np.log(candidates.weights.astype(np.float32))
    shift = _sampled(images, candidates, biases)
    values = np.empty((len(candidates), len(images)), np.float32)
    cosines_of = _few_cosines if len(images) <= _FEW else _many_cosines
    over = np.ones(len(images), np.bool_)
    while over.any():
        over[:] = False
        for start, logits in cosines_of(images, candidates.vectors, values):
            logits -= shift
            if biases is not None:
                logits += biases[start : start + _TOGETHER, None]
            if logits.max() > _FAR:  # columns one by one take long where images are few
                over |= logits.max(axis=0) > _FAR
            with np.errstate(over="ignore"):  # such a pass is done again
                np.exp(logits, out=logits)
        shift[over] += _FAR
    return values


def _few_cosines(
    images: Features, candidates: Vectors, values: Features
) -> Iterator[tuple[int, Features]]:
    """Fill values (taxa, n) by FAISS, which reads float16; yield each block and where it begins."""
    scan, rows = Scanner(images.shape[1]), np.arange(_TOGETHER)
    for start in range(0, len(candidates), _TOGETHER):
        block = np.ascontiguousarray(candidates[start : start + _TOGETHER], np.float16)
        logits = values[start : start + _TOGETHER]
        for image, column in zip(images, logits.T, strict=True):
            scores, found = scan(image, len(block), block, rows[: len(block)])
            column[found] = scores
        yield start, logits


def _many_cosines(
    images: Features, candidates: Vectors, values: Features
) -> Iterator[tuple[int, Features]]:
    """Do the same by products of matrices, which pay for converting candidates."""
    converted = np.empty((_TOGETHER, images.shape[1]), np.float32)
    for start in range(0, len(candidates), _TOGETHER):
        block = to_float32(candidates[start : start + _TOGETHER], converted)
        yield start, np.matmul(block, images.T, out=values[start : start + _TOGETHER])


def _sampled(images: Features, candidates: Candidates, biases: Features | None) -> Features:
    """Return about the best logit of each image, (n,), from some of the candidates."""
    some = slice(None, None, max(1, len(candidates) // _SAMPLE))
    logits = images @ to_float32(candidates.vectors[some]).T
    if biases is not None:
        logits += biases[some]
    found: Features = np.max(logits, axis=1, initial=-np.inf)
    found[~np.isfinite(found)] = 0
    return found


def _sums(rows: Features, starts: Numbers) -> Features:
    """Return the sums of stretches of rows (m, n), each from its start to the next one's.

    A product with a matrix of ones, for which SciPy adds whole rows of n numbers.
    """
    bounds = np.append(starts, len(rows)).astype(np.int32)
    ones, places = np.ones(len(rows), np.float32), np.arange(len(rows), dtype=np.int32)
    sums: Features = csr_array((ones, places, bounds), shape=(len(starts), len(rows))) @ rows
    return sums


def _best(values: Features, scales: Features, k: int, named: Mask) -> Best:
    """Return the k' best named rows of each image of values (rows, n), of equals the lower one."""
    numbers = _largest(values if named.all() else np.where(named[:, None], values, -1), k)
    found = values[numbers, np.arange(values.shape[1])[:, None]]
    if not len(values):
        return Best(numbers, found)
    missing = ~named[numbers]
    shares = np.where(missing, np.float32(0), _at_most_1(found, scales))
    return Best(np.where(missing, NONE, numbers), shares)


def _at_most_1(sums: npt.NDArray[np.floating], scales: Features) -> Probabilities:
    """Return sums (n, m) as probabilities, without what rounding adds."""
    shares: Probabilities = np.minimum(sums * scales[:, None], 1).astype(np.float32)
    return shares


def _largest(values: Features, k: int) -> Numbers:
    """Return the k' = min(k, rows) largest rows of each image of values (rows, n): (n, k').

    The largest come first; of equals the lower row.
    """
    rows, count = values.shape
    k = min(k, rows)
    if not k or not count:
        return np.empty((count, k), np.int64)
    whole = rows // _BLOCK * _BLOCK
    peaks = values[:whole].reshape(-1, _BLOCK, count).max(axis=1)
    if whole < rows:
        peaks = np.concatenate([peaks, values[whole:].max(axis=0, keepdims=True)])
    blocks = _columns(np.ascontiguousarray(peaks.T), k)
    members = (blocks[:, :, None] * _BLOCK + np.arange(_BLOCK)).reshape(count, -1)
    images = np.arange(count)[:, None]
    found = np.where(members < rows, values[np.minimum(members, rows - 1), images], -np.inf)
    chosen = _columns(found, k)
    order = np.argsort(-found[images, chosen], axis=1, kind="stable")
    numbers: Numbers = members[images, chosen[images, order]]
    return numbers


def _columns(values: Features, k: int) -> Numbers:
    """Return the k columns of each row with the largest values, in order; the first of equals."""
    if values.shape[1] <= k:
        return np.broadcast_to(np.arange(values.shape[1]), values.shape)
    least = np.partition(values, -k, axis=1)[:, -k, None]
    above, equal = values > least, values == least
    chosen = above | equal
    if np.count_nonzero(chosen) > len(values) * k:
        room = k - above.sum(axis=1, keepdims=True)
        chosen = above | (equal & (np.cumsum(equal, axis=1) <= room))
    return np.nonzero(chosen)[1].reshape(len(values), k)


def _joined(parts: Sequence[Scored]) -> Scored:
    first = parts[0]
    return Scored(
        _stacked([part.taxa for part in parts]),
        {level: _stacked([part.clades[level] for part in parts]) for level in first.clades},
        {level: np.concatenate([part.asked[level] for part in parts]) for level in first.asked},
    )


def _stacked(parts: Sequence[Best]) -> Best:
    return Best(
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
    )
