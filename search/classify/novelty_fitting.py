"""Fits novelty: specimens that are left out with their whole species show how new ones score.

In every fold some species are left out whole, and of the others some specimens alone. Of several
scores the one that tells these apart best is taken, and Platt scaling turns it into log-odds.
Images that look alike are likely both known or both new, so that a score may be smoothed over the
nearest labelled and unlabelled images of the collection.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from model.vectors import Features, Vectors
from search.classify.calibration import platt, share_new
from search.classify.classifiers import centred, probe
from search.classify.leave_one_out import ALONE, folds_of, species_folds
from search.classify.novelty import (
    CENTROID,
    ENERGY,
    LARGEST,
    NEAREST,
    ODDS,
    SMOOTHED,
    Floats,
    Novelty,
    Pool,
    ScoreModel,
    nearest_of,
    smoothed,
)
from search.classify.reference_set import Flags, Numbers, ReferenceSet, unit
from search.classify.whitening import Whitening, whitening_without

ORDER = (LARGEST, ODDS, ENERGY, CENTROID, NEAREST)
MOST_LEFT_OUT = 3000  # specimens that are left out, to learn from
MOST_UNLABELLED = 2000  # images that tell how many are of new species
_LOOKED_AT = 64  # neighbours, of which some are left out
_FEWEST = 10  # left-out specimens, and left-out species' specimens, from which novelty is learnt
_FEWEST_UNLABELLED = 30  # images, from which scores of two models are put on one scale
_FEWEST_SPECIES = 5  # fewer do not tell how the next one looks
_ERRORS = 2.0  # standard errors of a difference that may be chance
_ROUNDS = 200  # of estimating the share of new species


def can_fit(reference: ReferenceSet, places: Numbers) -> bool:
    """Whether enough species and specimens, those at `places` (n,), can be left out."""
    return bool((reference.sizes > 0).sum() >= _FEWEST_SPECIES and len(places) >= _FEWEST)


def fit_novelty(
    reference: ReferenceSet, whitening: Whitening, unlabelled: Vectors, places: Numbers
) -> Novelty | None:
    """Fit to specimens at `places` (n,), each left out alone and with its species.

    `unlabelled` (u, dim) are images of the collection without a label. None where too few can be
    left out.
    """
    if not can_fit(reference, places):
        return None
    left = _LeftOut.of(reference, whitening, unlabelled, places)
    known, new = left.fold_by_fold()
    tried = {
        name: (known[name], new[name])
        for name in known
        if min(np.isfinite(known[name]).sum(), np.isfinite(new[name]).sum()) >= _FEWEST
    }
    if not tried:
        return None
    classes = reference.classes[places]
    by_species = {name: _areas(*each, classes) for name, each in tried.items()}
    score = _preferred(by_species, len(unlabelled) > 0)
    one, other = tried[score]
    species = len(np.unique(classes[np.isfinite(other)]))
    slope, intercept = _platt(one[np.isfinite(one)], other[np.isfinite(other)])
    nothing = np.empty(0)
    made = Novelty(
        score,
        {name: float(areas.mean()) for name, areas in by_species.items()},
        slope,
        intercept,
        0.5 / (species + 1),  # Jeffreys' prior
        left.model.only(score.removesuffix(SMOOTHED)),
        left.pool_of(score),
        np.nan,
        nothing,
        nothing,
    )
    made = replace(made, known=made.odds(one), new=made.odds(other))
    if not len(unlabelled):
        return made
    return replace(made, unlabelled=estimated_share(made.log_odds(left.unlabelled)))


def estimated_share(log_odds: Floats) -> float:
    """Return the likeliest share of new species among images with these log-odds, (n,).

    Expectation maximisation of Saerens, Latinne & Decaestecker 2002, "Adjusting the outputs of a
    classifier to new a priori probabilities".
    """
    share = 0.5
    for _ in range(_ROUNDS):
        share = float(share_new(log_odds, share).mean())
    return share


@dataclass(slots=True, eq=False)
class _LeftOut:
    """Specimens at some places, and what scores them when they are left out."""

    reference: ReferenceSet
    whitening: Whitening
    unlabelled: Features
    """(u, dim)"""
    places: Numbers
    """(n,)"""
    model: ScoreModel
    mean: Features
    centred: Features
    """(n + u, dim) of specimens, then unlabelled images"""
    near: Numbers
    """(n + u, k) the nearest of these, best first"""
    cosines: Features
    """(n + u, k) with these; -inf with themselves"""
    scores: dict[str, Floats]
    """(n + u,) by score: of specimens left out alone, then of unlabelled images"""

    @classmethod
    def of(
        cls, reference: ReferenceSet, whitening: Whitening, unlabelled: Vectors, places: Numbers
    ) -> "_LeftOut":
        vectors = unlabelled.astype(np.float32)
        every = np.concatenate([reference.vectors[places], vectors])
        mean = every.mean(axis=0)
        every = centred(every, mean)
        near, cosines = nearest_of(every, every, _LOOKED_AT)
        model = _model(reference, whitening)
        return cls(reference, whitening, vectors, places, model, mean, every, near, cosines, {})

    def fold_by_fold(self) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Return the scores of specimens left out alone, and with their species, by score.

        In every fold some species are left out whole and of all others some specimens, so that
        one model scores both: scores of models with more and with fewer classes differ.
        """
        species = species_folds(self.reference)
        folds = int(species.max()) + 1
        specimens = folds_of(self.reference, folds, by_scene=True)
        made: list[_Fold] = []
        for fold in range(folds):
            new = np.flatnonzero(species[self.places] == fold)
            alone = (specimens == fold) & (species != fold)
            known = np.flatnonzero(alone[self.places])
            if len(new):
                model = self._without(alone | (species == fold))
                scored = np.concatenate([known, new])
                of_all = model.scores(
                    np.concatenate([self.reference.vectors[self.places[scored]], self.unlabelled])
                )
                made.append(_Fold(known, new, of_all))
        others = self.model.scores(self.unlabelled)
        made = [self._as_of_all(each, others) for each in made]
        plain = {name: np.full(len(self.places), np.nan) for name in made[0].scores}
        for each in made:
            for name, scores in each.scores.items():
                plain[name][each.known] = scores[: len(each.known)]
        alone, with_species = dict[str, Floats](), dict[str, Floats]()
        for each in made:
            for name, scores in each.scores.items():
                self._smooth(name, each, scores, plain[name], alone, with_species)
        self.scores = {name: np.concatenate([plain[name], others[name]]) for name in plain}
        return alone, with_species

    def _as_of_all(self, fold: "_Fold", others: dict[str, Floats]) -> "_Fold":
        """Return the scores of a fold on the scale of the model of all.

        That has more classes and specimens, so that all of its scores differ; how much, the same
        unlabelled images show, `others` (u,) by score. Some are of the species left out, so that
        new species seem a little more known than they are: rather that than less. Where species
        are so few that each has a fold of its own, `backoff` allows for more than this.
        """
        few = np.count_nonzero(self.reference.sizes) <= ALONE
        if few or len(self.unlabelled) < _FEWEST_UNLABELLED:
            return fold
        first = len(fold.known) + len(fold.new)
        moved = {}
        for name, scores in fold.scores.items():
            one, other = scores[first:], others[name]
            factor = other.std() / max(float(one.std()), 1e-6)
            moved[name] = (scores - one.mean()) * factor + other.mean()
        return fold._replace(scores=moved)

    def _smooth(
        self,
        name: str,
        fold: "_Fold",
        scores: Floats,
        plain: Floats,
        known: dict[str, Floats],
        new: dict[str, Floats],
    ) -> None:
        """Put the scores of one fold where they belong, plain and smoothed."""
        one, other = len(fold.known), len(fold.known) + len(fold.new)
        pool = np.concatenate([plain, scores[other:]])
        pool[fold.new] = np.nan  # of a new species the collection has unlabelled images at most
        pool = smoothed(pool, self.near, self.cosines, pool)
        for places, found, part in (
            (fold.known, known, scores[:one]),
            (fold.new, new, scores[one:other]),
        ):
            near = smoothed(part, self.near[places], self.cosines[places], pool)
            for key, values in ((name, part), (name + SMOOTHED, near)):
                found.setdefault(key, np.full(len(self.places), np.nan))[places] = values

    def pool_of(self, score: str) -> Pool | None:
        """Return what a score is smoothed over; None if it is not."""
        if not score.endswith(SMOOTHED):
            return None
        scores = self.scores[score.removesuffix(SMOOTHED)]
        scores = smoothed(scores, self.near, self.cosines, scores)
        usable = np.isfinite(scores)
        return Pool(self.mean, self.centred[usable].astype(np.float16), scores[usable])

    def _without(self, out: Flags) -> ScoreModel:
        others = self.reference.among(~out)
        whitening = whitening_without(others, self.whitening)
        return _model(others, whitening, len(self.reference) / len(others))


class _Fold(NamedTuple):
    """What one model scored: specimens left out alone, with their species, unlabelled images."""

    known: Numbers
    new: Numbers
    scores: dict[str, Floats]
    """(known + new + u,)"""


def _model(reference: ReferenceSet, whitening: Whitening, factor: float = 1.0) -> ScoreModel:
    """Fit a model to specimens; of their classes alone, since others have no centroid."""
    _, classes = np.unique(reference.classes, return_inverse=True)
    some = ReferenceSet(reference.vectors, classes.astype(np.int64), int(classes.max()) + 1)
    whitened = whitening.into(some.vectors)
    fitted = probe.fit_affordable(some, probe.C * factor)
    centroids = unit(some.sums(whitened))
    specimens = whitened.astype(np.float16) if fitted else None
    return ScoreModel(fitted, whitening, centroids, specimens)


def _areas(known: Floats, new: Floats, classes: Numbers) -> Floats:
    """Return the area under the ROC curve of every species that was left out, (species,)."""
    ordered = np.sort(known[np.isfinite(known)])
    below = np.searchsorted(ordered, new, "left") + np.searchsorted(ordered, new, "right")
    won = 1 - below / (2 * len(ordered))
    left = np.isfinite(new)
    counts = np.bincount(classes[left])
    areas = np.bincount(classes[left], won[left])
    mean: Floats = areas[counts > 0] / counts[counts > 0]
    return mean


def _preferred(areas: Mapping[str, Floats], smooth: bool) -> str:
    """Return the score with the largest area; where a difference may be chance, the first one.

    It may where it is at most two standard errors of the difference on the same species.
    """
    order = [
        name + end for end in (("", SMOOTHED)[smooth], ("", SMOOTHED)[not smooth]) for name in ORDER
    ]
    first = next(name for name in order if name in areas)
    best = max((name for name in order if name in areas), key=lambda name: areas[name].mean())
    gain = areas[best] - areas[first]
    error = gain.std(ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else np.inf
    return best if gain.mean() > _ERRORS * error else first


def _platt(known: Floats, new: Floats) -> tuple[float, float]:
    """Return slope and intercept of the log-odds that a score is of a new species, evenly mixed."""
    scores = np.concatenate([known, new])
    centre, spread = float(scores.mean()), max(float(scores.std()), 1e-6)
    truth = np.repeat([False, True], [len(known), len(new)])
    weights = len(known) / np.repeat([len(known), len(new)], [len(known), len(new)])
    slopes, intercept = platt(((scores - centre) / spread)[:, None], truth, weights)
    slope = min(float(slopes[0]), 0.0) / spread
    return slope, intercept - slope * centre
