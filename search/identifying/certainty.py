"""Calibration: from how an answer came about to how sure it is to be right, rank by rank.

Learnt from answers to images whose taxa are known (logistic regression, Platt 1999). What
`precision` asks is met on average: of the answers that are given at a rank, so many are right.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from model.taxon import RANKS
from search.identifying.reliability import Flags, Floats, Reliability

FEWEST = 30  # answers whose truth is known, below which nothing is learnt
PRECISIONS = np.arange(0.5, 1.0, 0.01)
_TYPICAL = 0.005  # the share of known images that may be less like the specimens


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What was learnt, a few numbers a rank."""

    centre: Floats
    """(7, features) what is taken from the features"""
    slopes: Floats
    """(7, features)"""
    intercepts: Floats
    """(7,)"""
    cutoffs: Floats
    """(precisions, 7) the confidence from which answers are so often right on average"""
    least: float
    """the likeness below which an image is like nothing that is labelled"""
    reliability: Reliability
    """of the answers that it was learnt from"""

    @property
    def examples(self) -> int:
        """Answers that it was learnt from."""
        return len(self.reliability.confidence)

    def confidence(self, features: Floats) -> Floats:
        """Return how sure answers are at each rank, (n, 7): 0 to 1, never less at a higher one.

        `features` (n, 7, features); see `search.identifying.identifier`.
        """
        return _confidence(features, self.centre, self.slopes, self.intercepts)

    def cutoff(self, precision: float) -> Floats:
        """Return the confidence at each rank (7,) from which answers clear a precision."""
        place = int(np.searchsorted(PRECISIONS, precision - 1e-9))
        if place == len(PRECISIONS):  # more than can be learnt: each must be as sure itself
            return np.full(len(RANKS), precision)
        found: Floats = self.cutoffs[place]
        return found

    def told(self, precision: float, depth: int) -> list[str]:
        """Say of each rank down to `depth` how often its answers are right at a precision."""
        wanted = self.reliability.judged & (np.arange(len(RANKS)) <= depth)
        depths = deepest(self.reliability.confidence, wanted, self.cutoff(precision))
        return self.reliability.told(depths)

    def _repr_html_(self) -> str:
        """Return its reliability diagrams, as a notebook shows them."""
        return self.reliability._repr_html_()


def calibrate(
    features: Floats, right: Flags, judged: Flags, answered: Flags, likeness: Floats
) -> Calibration | None:
    """Learn from n answers whose truth is known; None where FEWEST are not reached.

    `features` (n, 7, features), `right` (n, 7) whether the clade is the true one, `judged` (n, 7)
    whether that can be told and could be found, `answered` (n, 7) whether the lineage has that
    rank; `likeness` (n,) of each to the nearest specimen.
    """
    if len(features) < FEWEST or not judged.any():
        return None
    size = features.shape[2]
    centre, slopes = np.zeros((len(RANKS), size)), np.zeros((len(RANKS), size))
    intercepts = np.zeros(len(RANKS))
    for rank in range(len(RANKS)):
        known = judged[:, rank] & answered[:, rank]
        given, truth = features[known, rank], right[known, rank]
        if truth.all() or not truth.any():  # nothing tells what is wrong from what is right
            share = (truth.sum() + 0.5) / (len(truth) + 1)
            intercepts[rank] = np.log(share / (1 - share))
            continue
        spread = np.maximum(given.std(axis=0), 1e-2)
        centre[rank] = given.mean(axis=0)
        model = LogisticRegression().fit((given - centre[rank]) / spread, truth)
        # More votes never make an answer less sure.
        slopes[rank] = np.maximum(model.coef_[0], 0) / spread
        intercepts[rank] = model.intercept_[0]
    least = float(np.quantile(likeness, _TYPICAL)) if len(likeness) else -1.0
    confidence = _confidence(features, centre, slopes, intercepts)
    usable = answered & judged
    cutoffs = np.array([_cutoffs(confidence, usable, each) for each in PRECISIONS])
    cutoffs = np.maximum.accumulate(cutoffs, axis=0)  # more precision never says more
    reliability = Reliability(confidence, right, usable)
    return Calibration(centre, slopes, intercepts, cutoffs, least, reliability)


def upwards(confidence: Floats) -> Floats:
    """Return confidences (n, 7) such that a clade is as sure as any that it contains."""
    sure: Floats = np.maximum.accumulate(confidence[:, ::-1], axis=1)[:, ::-1]
    return sure


def deepest(confidence: Floats, answered: Flags, cutoff: Floats) -> npt.NDArray[np.int64]:
    """Return the deepest rank at which each of n answers is given, (n,): -1 for none.

    `confidence` and `answered` (n, 7), `cutoff` (7,).
    """
    clears = answered & (confidence >= cutoff)
    last = len(RANKS) - 1 - clears[:, ::-1].argmax(axis=1)
    depth: npt.NDArray[np.int64] = np.where(clears.any(axis=1), last, -1)
    return depth


def _confidence(features: Floats, centre: Floats, slopes: Floats, intercepts: Floats) -> Floats:
    logits = ((features - centre) * slopes).sum(axis=2) + intercepts
    return upwards(1 / (1 + np.exp(-logits)))


def _cutoffs(confidence: Floats, usable: Flags, precision: float) -> Floats:
    """Go up the ranks, each with the answers that no deeper one gave.

    Of these the surest are given, as many as are right often enough on average, by what their
    confidences say: that falls evenly where the count of right ones jumps.
    """
    left = np.ones(len(confidence), np.bool_)
    # What is as sure as that itself is given in any case.
    cutoffs = np.full(len(RANKS), precision)
    for rank in reversed(range(len(RANKS))):
        own = left & usable[:, rank]
        surest = np.sort(confidence[own, rank])[::-1]
        means = np.cumsum(surest) / np.arange(1, len(surest) + 1)
        if enough := int((means >= precision).sum()):
            cutoffs[rank] = min(precision, surest[enough - 1])
            left &= ~(own & (confidence[:, rank] >= cutoffs[rank]))
    return cutoffs
