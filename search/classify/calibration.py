"""Calibration: from scores to the probability that an answer is right.

Platt scaling with his smoothed targets (Platt 1999, "Probabilistic outputs for support vector
machines", section 2.2): a logistic regression on answers whose truth is known, which does not
become certain where all of them are right.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack, vstack
from scipy.special import expit, log_softmax, logit, softmax

from model.vectors import Features
from search.classify.reference_set import Flags, Numbers

Confidences = npt.NDArray[np.float64]
_FACTORS = 0.05, 500.0  # between which scores are sharpened
_SURE = 1e-6  # no probability is nearer to 0 or 1
_FLAT = 1e-2  # the least standard deviation that a feature is divided by


@dataclass(frozen=True, slots=True, eq=False)
class RankCalibration:
    """Platt scaling of features at each of the seven ranks."""

    centre: Confidences
    """(7, features) subtracted from the features"""
    slopes: Confidences
    """(7, features), none below 0: more evidence never makes an answer less sure"""
    intercepts: Confidences
    """(7,)"""

    def probabilities(self, features: Confidences) -> Confidences:
        """Return how probably answers are right at each rank, (n, 7), by features (n, 7, f)."""
        sure: Confidences = expit(
            ((features - self.centre) * self.slopes).sum(axis=2) + self.intercepts
        )
        return sure


def calibrate_ranks(
    features: Confidences, right: Flags, known: Flags, weights: Confidences | None = None
) -> RankCalibration:
    """Fit to n answers: `features` (n, 7, f), `right` (n, 7), `known` (n, 7) whether that counts.

    `weights` (n,) are how much each counts, by default 1. A rank at which nothing is known has
    even odds.
    """
    weights = np.ones(len(features)) if weights is None else weights
    _, ranks, size = features.shape
    centre, slopes, intercepts = np.zeros((ranks, size)), np.zeros((ranks, size)), np.zeros(ranks)
    for rank in range(ranks):
        some = known[:, rank]
        if not some.any():
            continue
        given = features[some, rank]
        spread = np.maximum(given.std(axis=0), _FLAT)
        centre[rank] = given.mean(axis=0)
        scaled = (given - centre[rank]) / spread
        found, intercepts[rank] = platt(scaled, right[some, rank], weights[some])
        slopes[rank] = np.maximum(found, 0) / spread
    return RankCalibration(centre, slopes, intercepts)


@dataclass(frozen=True, slots=True, eq=False)
class ClassCalibration:
    """Platt scaling of the highest of each row of scores, with an offset for every class.

    So one threshold for all is one for each class.
    """

    factor: float
    """times a score: what a softmax turns into a probability"""
    slope: float
    """of the log-odds of the highest probability, not below 0"""
    offsets: Confidences
    """(classes,) of the log-odds that an answer is right"""

    def shares(self, scores: Features) -> Confidences:
        """Return the probability of every class, (n, classes)."""
        shares: Confidences = softmax(scores.astype(np.float64) * self.factor, axis=1)
        return np.clip(shares, _SURE, 1 - _SURE)

    def confidences(self, scores: Features) -> Confidences:
        """Return how probably the highest of each row of scores (n, classes) is right, (n,)."""
        odds = self.slope * logit(self.shares(scores).max(axis=1))
        confidences: Confidences = expit(odds + self.offsets[scores.argmax(axis=1)])
        return confidences


def calibrate_classes(scores: Features, truth: Numbers) -> ClassCalibration:
    """Fit to the scores (m, classes) of specimens that were left out, of known classes (m,)."""
    answers = scores.argmax(axis=1)
    factor = _factor(scores, truth)
    sure = ClassCalibration(factor, 1.0, np.zeros(scores.shape[1])).shares(scores).max(axis=1)
    places = np.arange(len(truth))
    answered = csr_array((np.ones(len(truth)), (places, answers)), shape=scores.shape)
    (slope, *offsets), intercept = platt(hstack([logit(sure)[:, None], answered]), answers == truth)
    return ClassCalibration(factor, max(0.0, float(slope)), np.array(offsets) + intercept)


def platt(
    features: Confidences | csr_array, right: Flags, weights: Confidences | None = None
) -> tuple[Confidences, float]:
    """Return slopes (f,) and intercept of the log-odds that answers with features (n, f) are right.

    `weights` (n,) are how much each answer counts, by default 1: answers for one species tell less
    than as many for several. scikit-learn's penalty draws the slopes towards 0.
    """
    from sklearn.linear_model import LogisticRegression  # seconds

    weights = np.ones(len(right)) if weights is None else weights
    yes, no = float(weights[right].sum()), float(weights[~right].sum())
    targets = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))
    twice = vstack([csr_array(features)] * 2)
    model = LogisticRegression()
    model.fit(
        twice,
        np.repeat([1, 0], len(right)),
        np.concatenate([weights * targets, weights * (1 - targets)]),
    )
    return model.coef_[0], float(model.intercept_[0])


def share_new(log_odds: Confidences, share: float) -> Confidences:
    """Return the probability that a species is new, where a share of all images is of new ones."""
    if share <= 0:
        return np.zeros_like(log_odds)
    found: Confidences = expit(log_odds + logit(min(share, 1 - 1e-6)))
    return found


def _factor(scores: Features, truth: Numbers) -> float:
    """Return the factor of a softmax that makes the true classes likeliest."""
    from scipy.optimize import minimize_scalar

    given, places = scores.astype(np.float64), np.arange(len(truth))
    low, high = np.log(_FACTORS)

    def unlikely(logarithm: float) -> float:
        shares = log_softmax(given * np.exp(logarithm), axis=1)[places, truth]
        return float(-np.maximum(shares, np.log(_SURE)).mean())

    return float(np.exp(minimize_scalar(unlikely, bounds=(low, high), method="bounded").x))
