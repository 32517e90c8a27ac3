"""Back-off: an answer stops at the deepest rank at which it is sure enough.

A precision is met on average: of the answers given at a rank, that share is right.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.taxon import RANKS
from search.classify.calibration import RankCalibration, calibrate_ranks
from search.classify.reference_set import Flags, Numbers
from search.classify.reliability import Reliability

Floats = npt.NDArray[np.float64]
FEWEST = 30  # answers whose truth is known, below which nothing is learnt
PRECISIONS = np.arange(0.5, 1.0, 0.01)
_TYPICAL = 0.005  # the share of known images that may be less like the specimens


@dataclass(frozen=True, slots=True, eq=False)
class Backoff:
    """Confidence at every rank, and the cutoffs from which answers have a precision."""

    calibration: RankCalibration
    cutoffs: Floats
    """(precisions, 7) the confidence from which answers are right often enough on average"""
    least: float
    """the likeness below which an image is like nothing that is labelled"""
    reliability: Reliability
    """of the answers that all this was learnt from"""

    def confidence(self, features: Floats, likeness: Floats) -> Floats:
        """Return how sure answers are at each rank, (n, 7): 0 to 1, never less at a higher one.

        `features` (n, 7, f) and `likeness` (n,) are those of `Predictions`. An image that is like
        nothing labelled has confidence 0.
        """
        sure = upwards(self.calibration.probabilities(features))
        sure[likeness < self.least] = 0
        return sure

    def cutoff(self, precision: float) -> Floats:
        """Return the confidence at each rank (7,) from which answers have a precision."""
        place = int(np.searchsorted(PRECISIONS, precision - 1e-9))
        if place == len(PRECISIONS):  # more than can be learnt: each must be as sure itself
            return np.full(len(RANKS), precision)
        found: Floats = self.cutoffs[place]
        return found

    def describe(self, precision: float, depth: int) -> list[str]:
        """Say of each rank down to `depth` how often its answers are right at a precision."""
        given = self.reliability.known & (np.arange(len(RANKS)) <= depth)
        depths = deepest(self.reliability.confidence, given, self.cutoff(precision))
        return self.reliability.describe(depths)

    def _repr_html_(self) -> str:
        """Return its reliability diagrams, as a notebook shows them."""
        return self.reliability._repr_html_()


def fit_backoff(
    features: Floats, right: Flags, judged: Flags, answered: Flags, likeness: Floats
) -> Backoff | None:
    """Fit to n answers whose truth is known; None where there are fewer than FEWEST.

    `features` (n, 7, f), `right` (n, 7) whether the clade is the true one, `judged` (n, 7)
    whether that can be told and could be found, `answered` (n, 7) whether the lineage has that
    rank; `likeness` (n,) of each to the nearest specimen.
    """
    if len(features) < FEWEST or not judged.any():
        return None
    known = answered & judged
    calibration = calibrate_ranks(features, right, known)
    confidence = upwards(calibration.probabilities(features))
    cutoffs = np.array([_cutoffs(confidence, known, each) for each in PRECISIONS])
    cutoffs = np.maximum.accumulate(cutoffs, axis=0)  # more precision never answers deeper
    least = float(np.quantile(likeness, _TYPICAL))
    return Backoff(calibration, cutoffs, least, Reliability(confidence, right, known))


def upwards(confidence: Floats) -> Floats:
    """Return confidences (n, 7) such that a clade is as sure as any that it contains."""
    sure: Floats = np.maximum.accumulate(confidence[:, ::-1], axis=1)[:, ::-1]
    return sure


def deepest(confidence: Floats, answered: Flags, cutoff: Floats) -> Numbers:
    """Return the deepest rank at which each of n answers is given, (n,): -1 for none.

    `confidence` and `answered` (n, 7), `cutoff` (7,).
    """
    clears = answered & (confidence >= cutoff)
    last = len(RANKS) - 1 - clears[:, ::-1].argmax(axis=1)
    depth: Numbers = np.where(clears.any(axis=1), last, -1)
    return depth


def _cutoffs(confidence: Floats, known: Flags, precision: float) -> Floats:
    """Go up the ranks, each with the answers that no deeper one gave.

    Of these the surest are given, as many as are right often enough on average, by their
    confidences: that falls evenly where the count of right ones jumps.
    """
    left = np.ones(len(confidence), np.bool_)
    # An answer that is as sure as the precision itself is given in any case.
    cutoffs = np.full(len(RANKS), precision)
    for rank in reversed(range(len(RANKS))):
        own = left & known[:, rank]
        surest = np.sort(confidence[own, rank])[::-1]
        means = np.cumsum(surest) / np.arange(1, len(surest) + 1)
        if enough := int((means >= precision).sum()):
            cutoffs[rank] = min(precision, surest[enough - 1])
            left &= ~(own & (confidence[:, rank] >= cutoffs[rank]))
    return cutoffs
