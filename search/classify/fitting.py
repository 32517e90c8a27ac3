"""Fits a classifier to a reference set: whitening, weights of votes and prior, and calibration.

Each specimen is predicted by all others but those of its own fold, and so never by its own scene;
the weights and the calibration are those that suit these predictions. It is predicted once more by
what is learnt without its species: so answers for new species are calibrated. All that
is fitted can be kept as arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from model.taxon import RANKS, Taxon
from model.vectors import Features, Vectors
from search.classify.backoff import Backoff, LeftOutAnswers, fit_backoff
from search.classify.classifiers.probe import Probe, fit_affordable
from search.classify.leave_one_out import left_out, species_folds
from search.classify.novelty import Novelty
from search.classify.novelty_fitting import MOST_LEFT_OUT, fit_novelty
from search.classify.predictions import (
    Predictions,
    Prior,
    best_clades,
    leaf_shares,
    predict,
    prior_of,
    scored_without,
)
from search.classify.reference_set import Flags, Numbers, ReferenceSet
from search.classify.taxon_tree import TaxonTree, key_at
from search.classify.votes import (
    COUNTED,
    ITSELF,
    UNFITTED,
    Voters,
    Votes,
    Weights,
    fit_weights,
    voters_of,
)
from search.classify.whitening import Whitening, fit_whitening, whitening_without
from search.zero_shot.candidates import NONE, Candidates
from search.zero_shot.scoring import Scored

Floats = npt.NDArray[np.float64]
FOLDS = 10
_MOST_CELLS = 5_000_000  # of their votes, specimens × classes
_MIXING = 0.05, 0.95  # between which the weight of votes lies
_UNMIXED = 0.5  # the weight of votes where no specimen can be left out


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """All that is fitted to a reference set, a few arrays; see `kept_arrays`."""

    whitening: Whitening
    probe: Probe | None
    weights: Weights
    mixing: float
    """the weight of votes against zero-shot"""
    places: Numbers
    """(n,) the specimens that were left out"""
    backoff: Backoff | None
    """None where too few specimens could be left out"""


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """A fitted reference set, with or without a prior; see `classifier_of`."""

    reference: ReferenceSet | None
    prior: Prior | None
    fitted: Fitted | None
    voters: Voters | None
    novelty: Novelty | None = None
    """None where too few species could be left out"""

    @property
    def backoff(self) -> Backoff | None:
        """How sure predictions are and how deep they go; None where that is not calibrated.

        That is if every species is labelled: see `Backoff.open_to`.
        """
        found = self.fitted.backoff if self.fitted else None
        if found is None or self.novelty is None:
            return found
        return found.with_odds(self.novelty.known, self.novelty.new)

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
        found = predict(self.reference, shares, votes, self.prior, scored, self.fitted.mixing)
        if self.novelty is None:
            return found
        return replace(found, log_odds=self.novelty.log_odds(images.astype(np.float32)))

    def best(
        self, predictions: Predictions, image: int, rank: int, k: int
    ) -> list[tuple[Taxon, float]]:
        """Return the k likeliest clades of a rank for one image of several, and their shares."""
        tree = self.reference.tree if self.reference else None
        return best_clades(predictions, image, rank, k, tree, self.prior)


def classifier_of(
    reference: ReferenceSet | None,
    candidates: Candidates | None,
    fitted: Fitted | None = None,
    unlabelled: Vectors | None = None,
    novelty: Novelty | None = None,
) -> Classifier:
    """Return a classifier by a reference set that has a tree, by candidates, or by both.

    `unlabelled` (u, dim) are images without a label that novelty is learnt from, too. What was kept
    of `fitted` and `novelty` is not fitted again.
    """
    if reference is None or not len(reference):
        return Classifier(None, prior_of(candidates, None), None, None)
    prior = prior_of(candidates, reference.tree)
    fitted = fitted or fit(reference, prior)
    voters = voters_of(reference, fitted.whitening, fitted.probe)
    if novelty is None:
        novelty = novelty_of(reference, fitted, unlabelled)
    return Classifier(reference, prior, fitted, voters, novelty)


def novelty_of(
    reference: ReferenceSet, fitted: Fitted, unlabelled: Vectors | None = None
) -> Novelty | None:
    """Fit novelty to a reference set and to images without a label, (u, dim)."""
    if unlabelled is None:
        unlabelled = reference.vectors[:0].astype(np.float16)
    return fit_novelty(reference, fitted.whitening, unlabelled, fitted.places)


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
    whitening, probe = fit_whitening(reference), fit_affordable(reference)
    folds = leave_out(reference, prior, whitening)
    if not folds or reference.tree is None:
        return Fitted(whitening, probe, UNFITTED, _UNMIXED, np.empty(0, np.int64), None)
    truth = [reference.classes[fold.places] for fold in folds]
    weights = fit_weights([fold.votes for fold in folds], np.concatenate(truth))
    mixing = _fit_mixing(reference.tree, folds, truth, weights)
    alone = [
        _answers(
            reference.tree,
            true,
            predict(f.others, f.votes.shares(weights), f.votes, prior, f.scored, mixing),
            f.others.sizes,
        )
        for f, true in zip(folds, truth, strict=True)
    ]
    places = np.concatenate([fold.places for fold in folds])
    new = _answers_for_new(reference, reference.tree, prior, (whitening, weights, mixing), places)
    species = len(np.unique(np.concatenate(truth)))
    backoff = fit_backoff(_all_of(alone), new, species)
    backoff = backoff if len(reference.tree) > 1 else None
    return Fitted(whitening, probe, weights, mixing, places, backoff)


def _answers(
    tree: TaxonTree, truth: Numbers, found: Predictions, sizes: Numbers | None
) -> LeftOutAnswers:
    right, judged = marks_of(tree, truth, found.taxa, sizes)
    unknown = np.full(len(truth), np.nan)
    return LeftOutAnswers(found.features, right, judged & found.answered, found.likeness, unknown)


def _answers_for_new(
    reference: ReferenceSet,
    tree: TaxonTree,
    prior: Prior | None,
    fitted: tuple[Whitening, Weights, float],
    places: Numbers,
) -> LeftOutAnswers | None:
    """Return the answers for the specimens at `places` (n,), each left out with its species.

    All that learns is learnt without these species: a probe that knew them as wrong answers for
    others would be less sure than one that never met them. None where there is one species.
    """
    if np.count_nonzero(reference.sizes) < 2:
        return None
    whitening, weights, mixing = fitted
    folds = species_folds(reference)
    found, order = [], []
    for fold in np.unique(folds[places]):
        some = np.flatnonzero(folds[places] == fold)
        others = reference.among(folds != fold)
        images = reference.vectors[places[some]]
        votes = _voters_without(others, whitening).vote(images)
        scored = prior.score(images) if prior else None
        if scored:
            gone = (reference.sizes > 0) & (others.sizes == 0)
            scored = scored_without(scored, tree, np.tile(gone, (len(some), 1)))
        predicted = predict(others, votes.shares(weights), votes, prior, scored, mixing)
        found.append(_answers(tree, reference.classes[places[some]], predicted, None))
        order.append(some)
    return _all_of(found, np.argsort(np.concatenate(order)))


def _voters_without(others: ReferenceSet, whole: Whitening) -> Voters:
    return voters_of(others, whitening_without(others, whole), fit_affordable(others))


def _all_of(
    parts: Sequence[LeftOutAnswers], order: Numbers | slice = slice(None)
) -> LeftOutAnswers:
    names = [field.name for field in fields(LeftOutAnswers)]
    return LeftOutAnswers(
        *(np.concatenate([getattr(part, name) for part in parts])[order] for name in names)
    )


def leave_out(
    reference: ReferenceSet, prior: Prior | None, whitening: Whitening, by_scene: bool = True
) -> list[LeftOutVotes]:
    """Return the votes and scores of an even part of the specimens, fold by fold.

    `whitening` is that of the whole. With `by_scene` the specimens of one scene are left out
    together (`leave_one_out`); without, one that looks the same as another may still count.
    """
    most = min(MOST_LEFT_OUT, max(300, _MOST_CELLS // max(reference.count, 1)))
    step = max(1, len(reference) // most)
    folds = []
    for places, others in left_out(reference, FOLDS, by_scene):
        some = places[places % step == 0]
        if len(some):
            images = reference.vectors[some]
            voters = _voters_without(others, whitening)
            votes = voters.vote(images, itself_from=ITSELF if by_scene else COUNTED)
            folds.append(LeftOutVotes(some, others, votes, prior.score(images) if prior else None))
    return folds


def marks_of(
    tree: TaxonTree, truth: Numbers, taxa: Sequence[Taxon], sizes: Numbers | None
) -> tuple[Flags, Flags]:
    """Return at each rank whether predictions are right, (n, 7), and whether that can be told.

    It can where the truth is known down to there, and others of its clade are left to be found:
    `sizes` (taxa,) are the specimens that voted; None where that does not matter.
    """
    right = np.zeros((len(truth), len(RANKS)), np.bool_)
    judged = np.zeros_like(right)
    for rank in range(len(RANKS)):
        numbers = tree.clades[truth, rank]
        judged[:, rank] = numbers != NONE
        if sizes is not None and len(left := tree.members(rank, sizes)):
            judged[:, rank] &= left[numbers] > 0
        found = [tree.keys[rank].get(key_at(taxon, rank), NONE - 1) for taxon in taxa]
        right[:, rank] = np.array(found, np.int64) == numbers
    return right, judged


def _fit_mixing(
    tree: TaxonTree,
    folds: Sequence[LeftOutVotes],
    truth: Sequence[Numbers],
    weights: Weights,
) -> float:
    """Return the weight of votes against zero-shot that makes the true taxa likeliest."""
    from scipy.optimize import minimize_scalar

    by_votes, by_names = [], []
    for fold, true in zip(folds, truth, strict=True):
        if fold.scored is None:
            return _UNMIXED
        places = np.arange(len(true))
        by_rank = [fold.scored.asked[rank].astype(np.float64) for rank in RANKS]
        by_votes.append(fold.votes.shares(weights)[places, true])
        by_names.append(leaf_shares(tree, by_rank)[places, true])
    voted, named = np.concatenate(by_votes), np.concatenate(by_names)

    def unlikely(weight: float) -> float:
        return float(-np.log(weight * voted + (1 - weight) * named + 1e-6).mean())

    return float(minimize_scalar(unlikely, bounds=_MIXING, method="bounded").x)
