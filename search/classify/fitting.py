"""Fits a classifier to a reference set: whitening, weights of votes and prior, and calibration.

Each specimen is predicted by all others but those of its own fold, and so never by its own scene;
the weights and the calibration are those that suit these predictions. All that is fitted can be
kept as arrays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.taxon import RANKS, Taxon
from model.vectors import Features, Vectors
from search.classify.backoff import Backoff, fit_backoff
from search.classify.calibration import RankCalibration
from search.classify.leave_one_out import left_out
from search.classify.predictions import (
    Predictions,
    Prior,
    best_clades,
    leaf_shares,
    predict,
    prior_of,
)
from search.classify.reference_set import Flags, Numbers, ReferenceSet
from search.classify.reliability import Reliability
from search.classify.taxon_tree import TaxonTree, key_at
from search.classify.votes import Voters, Votes, fit_weights, voters_of
from search.classify.whitening import Whitening, fit_whitening
from search.zero_shot.candidates import NONE, Candidates
from search.zero_shot.scoring import Scored

Floats = npt.NDArray[np.float64]
Arrays = Mapping[str, npt.NDArray[np.generic]]
FOLDS = 10
MOST_LEFT_OUT = 3000  # specimens that are predicted, to learn from
_MOST_CELLS = 5_000_000  # of their votes, specimens × classes
_MIXING = 0.05, 0.95  # between which the weight of votes lies
_UNFITTED = (20.0, 10.0), 0.5  # the weights where no specimen can be left out


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """All that is fitted to a reference set, a few arrays."""

    whitening: Whitening
    weights: tuple[float, float]
    """of the two cosines that vote"""
    mixing: float
    """the weight of votes against zero-shot"""
    backoff: Backoff | None
    """None where too few specimens could be left out"""

    def arrays(self) -> Arrays:
        """Return it as arrays by name, for a file without pickles; see `fitted_from`."""
        scalars = np.array([*self.weights, self.mixing])
        kept: dict[str, npt.NDArray[np.generic]] = {
            "mean": self.whitening.mean,
            "matrix": self.whitening.matrix,
            "weights": scalars,
        }
        if self.backoff:
            calibration, reliability = self.backoff.calibration, self.backoff.reliability
            kept |= {
                "centre": calibration.centre,
                "slopes": calibration.slopes,
                "intercepts": calibration.intercepts,
                "cutoffs": self.backoff.cutoffs,
                "least": np.array(self.backoff.least),
                "confidence": reliability.confidence,
                "right": reliability.right,
                "known": reliability.known,
            }
        return kept


def fitted_from(arrays: Arrays) -> Fitted:
    """Return what `Fitted.arrays` gave."""
    given: dict[str, npt.NDArray] = dict(arrays)  # type: ignore[type-arg]
    backoff = None
    if "cutoffs" in given:
        calibration = RankCalibration(given["centre"], given["slopes"], given["intercepts"])
        reliability = Reliability(given["confidence"], given["right"], given["known"])
        backoff = Backoff(calibration, given["cutoffs"], float(given["least"]), reliability)
    one, other, mixing = given["weights"].tolist()
    return Fitted(Whitening(given["mean"], given["matrix"]), (one, other), mixing, backoff)


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """A fitted reference set, with or without a prior; see `classifier_of`."""

    reference: ReferenceSet | None
    prior: Prior | None
    fitted: Fitted | None
    voters: Voters | None

    @property
    def backoff(self) -> Backoff | None:
        """How sure predictions are and how deep they go; None where that is not calibrated."""
        return self.fitted.backoff if self.fitted else None

    def predict(
        self, images: Vectors | Features, own: Sequence[Numbers] | None = None, most: int = 0
    ) -> Predictions:
        """Return the predictions for images (n, dim), unit rows; each by itself.

        `own` are for each the places of specimens that must not vote on it (`votes`); `most`
        candidates of zero-shot are told.
        """
        scored = self.prior.score(images, most) if self.prior else None
        if self.reference is None or self.voters is None or self.fitted is None:
            return predict(None, None, None, self.prior, scored, 0.0)
        votes = self.voters.vote(images, own)
        shares = votes.shares(self.fitted.weights)
        return predict(self.reference, shares, votes, self.prior, scored, self.fitted.mixing)

    def best(
        self, predictions: Predictions, image: int, rank: int, k: int
    ) -> list[tuple[Taxon, float]]:
        """Return the k likeliest clades of a rank for one image of several, and their shares."""
        tree = self.reference.tree if self.reference else None
        return best_clades(predictions, image, rank, k, tree, self.prior)


def classifier_of(
    reference: ReferenceSet | None, candidates: Candidates | None, fitted: Fitted | None = None
) -> Classifier:
    """Return a classifier by a reference set that has a tree, by candidates, or by both.

    Where `fitted` was kept nothing is fitted.
    """
    if reference is None or not len(reference):
        return Classifier(None, prior_of(candidates, None), None, None)
    prior = prior_of(candidates, reference.tree)
    fitted = fitted or fit(reference, prior)
    return Classifier(reference, prior, fitted, voters_of(reference, fitted.whitening))


@dataclass(frozen=True, slots=True, eq=False)
class LeftOutVotes:
    """Specimens of one fold, and what the others say of them."""

    places: Numbers
    """(n,) in the reference set"""
    others: ReferenceSet
    votes: Votes
    scored: Scored | None


def fit(reference: ReferenceSet, prior: Prior | None) -> Fitted:
    """Fit to the specimens of a reference set with a tree, each left out of its own prediction."""
    whitening = fit_whitening(reference)
    folds = leave_out(reference, prior)
    if not folds or reference.tree is None:
        return Fitted(whitening, *_UNFITTED, None)
    truth = [reference.classes[fold.places] for fold in folds]
    weights = fit_weights(
        np.concatenate([fold.votes.centroid for fold in folds]),
        np.concatenate([fold.votes.kernel for fold in folds]),
        np.concatenate(truth),
    )
    mixing = _fit_mixing(reference.tree, folds, truth, weights)
    predictions = [
        predict(fold.others, fold.votes.shares(weights), fold.votes, prior, fold.scored, mixing)
        for fold in folds
    ]
    marks = [
        marks_of(reference.tree, true, each.taxa, fold.others.sizes)
        for fold, true, each in zip(folds, truth, predictions, strict=True)
    ]
    backoff = fit_backoff(
        np.concatenate([each.features for each in predictions]),
        np.concatenate([right for right, _ in marks]),
        np.concatenate([judged for _, judged in marks]),
        np.concatenate([each.answered for each in predictions]),
        np.concatenate([each.likeness for each in predictions]),
    )
    return Fitted(whitening, weights, mixing, backoff if len(reference.tree) > 1 else None)


def leave_out(reference: ReferenceSet, prior: Prior | None) -> list[LeftOutVotes]:
    """Return the votes and scores of an even part of the specimens, fold by fold."""
    most = min(MOST_LEFT_OUT, max(300, _MOST_CELLS // max(reference.count, 1)))
    step = max(1, len(reference) // most)
    folds = []
    for places, others in left_out(reference, FOLDS, by_scene=True):
        some = places[places % step == 0]
        if len(some):
            images = reference.vectors[some]
            votes = voters_of(others, fit_whitening(others)).vote(images)
            folds.append(LeftOutVotes(some, others, votes, prior.score(images) if prior else None))
    return folds


def marks_of(
    tree: TaxonTree, truth: Numbers, taxa: Sequence[Taxon], sizes: Numbers
) -> tuple[Flags, Flags]:
    """Return at each rank whether predictions are right, (n, 7), and whether that can be told.

    It can where the truth is known down to there, and others of its clade are left to be found:
    `sizes` (taxa,) are the specimens that voted.
    """
    right = np.zeros((len(truth), len(RANKS)), np.bool_)
    judged = np.zeros_like(right)
    for rank in range(len(RANKS)):
        left = tree.members(rank, sizes)
        numbers = tree.clades[truth, rank]
        judged[:, rank] = (numbers != NONE) & (left[numbers] > 0) if len(left) else False
        found = [tree.keys[rank].get(key_at(taxon, rank), NONE - 1) for taxon in taxa]
        right[:, rank] = np.array(found, np.int64) == numbers
    return right, judged


def _fit_mixing(
    tree: TaxonTree,
    folds: Sequence[LeftOutVotes],
    truth: Sequence[Numbers],
    weights: tuple[float, float],
) -> float:
    """Return the weight of votes against zero-shot that makes the true taxa likeliest."""
    from scipy.optimize import minimize_scalar

    by_votes, by_names = [], []
    for fold, true in zip(folds, truth, strict=True):
        if fold.scored is None:
            return _UNFITTED[1]
        places = np.arange(len(true))
        by_rank = [fold.scored.asked[rank].astype(np.float64) for rank in RANKS]
        by_votes.append(fold.votes.shares(weights)[places, true])
        by_names.append(leaf_shares(tree, by_rank)[places, true])
    voted, named = np.concatenate(by_votes), np.concatenate(by_names)

    def unlikely(weight: float) -> float:
        return float(-np.log(weight * voted + (1 - weight) * named + 1e-6).mean())

    return float(minimize_scalar(unlikely, bounds=_MIXING, method="bounded").x)
