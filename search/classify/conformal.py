"""Conformal sets: classes of which one is right in a share of cases, be they rare or frequent.

One threshold for all images would hold for the classes that have most examples: on a long tail it
is missed by the rare ones. Here every class counts alike, however many its examples, and classes
with about as many examples share a threshold, as those alike do in Ding et al. 2023,
"Class-conditional conformal prediction with many classes".
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.classify.reference_set import Flags, Numbers

Shares = npt.NDArray[np.float64]
FEWEST, FEWEST_CLASSES = 20, 5  # examples and classes that a threshold is learnt from


@dataclass(frozen=True, slots=True, eq=False)
class Misfits:
    """How badly the true classes of m examples fitted, each example left out."""

    scores: Shares
    """(m,) of `nonconformity`"""
    classes: Numbers
    """(m,) the true ones"""
    taught: Numbers
    """(classes,) the examples of each that taught while others of it were left out"""
    sizes: Numbers
    """(classes,) the examples of each that teach now"""

    def thresholds(self, level: float) -> Shares:
        """Return the nonconformity up to which each class is in a set, (classes,).

        Of classes with about as many examples (the same power of two) the right one is in the set
        in a share `level` of cases, as a mean over the classes. Where too few were left out, larger
        classes decide, too.
        """
        weights = 1 / np.bincount(self.classes, minlength=len(self.sizes))[self.classes]
        taught, now = _magnitude(self.taught)[self.classes], _magnitude(self.sizes)
        found = np.ones(len(self.sizes))
        for low, high in _groups(taught, self.classes):
            some, own = (low <= taught) & (taught < high), (low <= now) & (now < high)
            found[own] = quantile(self.scores[some], weights[some], level)
        return found


def nonconformity(shares: Shares, truth: Numbers) -> Shares:
    """Return 1 - the probability of the true class, (m,), of specimens that were left out.

    `shares` (m, classes) are probabilities, `truth` (m,) classes.
    """
    scores: Shares = 1 - shares[np.arange(len(truth)), truth]
    return scores


def quantile(scores: Shares, weights: Shares, level: float) -> float:
    """Return the least of scores (m,) up to which a share `level` of all weights (m,) lies.

    One more score, higher than all, has the mean weight, since a new image is one more. So of equal
    weights it is the ⌈(m + 1) level⌉-th; 1, where there are fewer.
    """
    order = np.argsort(scores)
    counted = np.cumsum(weights[order] / weights.mean())
    place = int(np.searchsorted(counted, level * (len(scores) + 1) - 1e-6))
    return float(scores[order[place]]) if place < len(scores) else 1.0


def conformal_sets(shares: Shares, thresholds: Shares | float) -> Flags:
    """Return the classes in the set of each image, (n, classes), by probabilities (n, classes).

    "Least ambiguous set-valued classifiers with bounded error levels" (Sadinle et al. 2019): a
    class is in the set if its nonconformity is at most its threshold, (classes,). Holds for images
    that look as the specimens do. The likeliest class is always in, so that no set is empty.
    """
    chosen: Flags = 1 - shares <= thresholds
    chosen[np.arange(len(shares)), shares.argmax(axis=1)] = True
    return chosen


def _magnitude(sizes: Numbers) -> Numbers:
    """Return the power of two that a number of examples reaches: 0 for 1, 1 for 2 and 3, …"""
    found: Numbers = np.log2(np.maximum(sizes, 1)).astype(np.int64)
    return found


def _groups(magnitudes: Numbers, classes: Numbers) -> list[tuple[int, int]]:
    """Return ranges of magnitudes, low to below high, in which enough examples were left out."""
    starts = [0]
    for magnitude in range(int(magnitudes.max(initial=0)) + 1):
        some = (starts[-1] <= magnitudes) & (magnitudes <= magnitude)
        if some.sum() >= FEWEST and len(np.unique(classes[some])) >= FEWEST_CLASSES:
            starts.append(magnitude + 1)
    starts = starts[:-1] or starts  # the last range takes all that are larger
    return list(zip(starts, [*starts[1:], 64], strict=True))
