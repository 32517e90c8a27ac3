"""Back-off: an answer stops at the deepest rank at which it is sure enough.

A precision is met on average: of the answers given at a rank, that share is right. A share of the
images may be of species that are not labelled: an answer's confidence is then the mean of that for
a labelled species and of that for a new one, weighted by the probability of either.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model.taxon import RANKS
from search.classify.calibration import RankCalibration, calibrate_ranks, share_new
from search.classify.reference_set import Flags, Numbers
from search.classify.reliability import Reliability

Floats = npt.NDArray[np.float64]
_LEAST_SHARE = 0.005  # that is not rounded to 0 %
FEWEST = 30  # answers whose truth is known, below which nothing is learnt
PRECISIONS = np.arange(0.5, 1.0, 0.01)
_LEAST_SURE = 0.5  # an answer is likelier right than wrong, though others make up for it
_RARE = 0.2  # the share of new species below which they matter less
_MOST_ANSWERS, _HALVINGS = 2000, 8  # that tell the cutoffs, and of the search for these
_TYPICAL = 0.005  # the share of known images that may be less like the specimens


@dataclass(frozen=True, slots=True, eq=False)
class LeftOutAnswers:
    """Answers for n specimens that were left out, whose truth is known."""

    features: Floats
    """(n, 7, f) of `Predictions`"""
    right: Flags
    """(n, 7) whether the clade is the true one"""
    known: Flags
    """(n, 7) whether there is an answer at the rank, and its truth can be told"""
    likeness: Floats
    """(n,) to the nearest specimen"""
    log_odds: Floats
    """(n,) that its species is new, in an even mix; NaN where that was not left out"""

    def __len__(self) -> int:
        """Return the number of answers."""
        return len(self.features)


@dataclass(frozen=True, slots=True, eq=False)
class NewSpecies:
    """How answers do for specimens that are left out with their whole species."""

    calibration: RankCalibration
    alone: LeftOutAnswers
    """for specimens left out alone"""
    new: LeftOutAnswers
    """for specimens left out with their species"""
    species: int
    """that were left out"""


@dataclass(frozen=True, slots=True, eq=False)
class Backoff:
    """Confidence at every rank, and the cutoffs from which answers have a precision."""

    calibration: RankCalibration
    """of answers for species that are labelled"""
    cutoffs: Floats
    """(precisions, 7) the confidence from which answers are right often enough on average"""
    least: float
    """the likeness below which an image is like nothing that is labelled"""
    reliability: Reliability
    """of the answers that all this was learnt from"""
    unlabelled: NewSpecies | None = None
    """None where too few species could be left out"""
    share: float = 0.0
    """of images whose species is not labelled"""

    def confidence(
        self, features: Floats, likeness: Floats, log_odds: Floats | None = None
    ) -> Floats:
        """Return how sure answers are at each rank, (n, 7): 0 to 1, never less at a higher one.

        `features` (n, 7, f) and `likeness` (n,) are those of `Predictions`, `log_odds` (n,) those
        of `Novelty`. An image that is like nothing labelled has confidence 0.
        """
        sure = self.calibration.probabilities(features)
        if self.unlabelled and self.share and log_odds is not None:
            new = share_new(log_odds, self.share)[:, None]
            sure = (1 - new) * sure + new * self.unlabelled.calibration.probabilities(features)
        sure = upwards(sure)
        sure[likeness < self.least] = 0
        return sure

    def with_odds(self, alone: Floats, new: Floats) -> "Backoff":
        """Return the same with the log-odds of novelty (n,) of the specimens left out."""
        if self.unlabelled is None:
            return self
        known = replace(self.unlabelled.alone, log_odds=alone)
        unknown = replace(self.unlabelled.new, log_odds=new)
        return replace(self, unlabelled=replace(self.unlabelled, alone=known, new=unknown))

    def open_to(self, share: float) -> "Backoff":
        """Return the same where a share of images, 0 to 1, is of species that are not labelled.

        Less than half a hundredth is none, as it is told.
        """
        share = share if share >= _LEAST_SHARE else 0.0
        if self.unlabelled is None or share == self.share:
            return self
        alone, new = self.unlabelled.alone, self.unlabelled.new
        opened = replace(self, share=share, least=-1.0)
        parts = []
        for answers, weight in ((alone, 1 - share), (new, share)):
            usable = np.isfinite(answers.log_odds)
            sure = opened.confidence(answers.features, answers.likeness, answers.log_odds)
            weights = np.where(usable, weight / max(1, usable.sum()), 0.0)
            parts.append((sure, answers.right, answers.known, weights, answers.likeness))
        sure, right, known, weights, likeness = (
            np.concatenate(each) for each in zip(*parts, strict=True)
        )
        some = weights > 0
        sure, right, known, weights = sure[some], right[some], known[some], weights[some]
        is_new = np.repeat([False, True], [len(alone), len(new)])[some]
        return replace(
            opened,
            cutoffs=_open_cutoffs(sure, right, known, weights, is_new, self.unlabelled.species),
            least=_quantile(likeness[some], weights, _TYPICAL),
            reliability=Reliability(sure, right, known, weights),
        )

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
        return self.reliability.describe(depths, self.share)

    def _repr_html_(self) -> str:
        """Return its reliability diagrams, as a notebook shows them."""
        return self.reliability._repr_html_()


def fit_backoff(
    alone: LeftOutAnswers, new: LeftOutAnswers | None = None, species: int = 0
) -> Backoff | None:
    """Fit to answers for specimens left out alone; None where there are fewer than FEWEST.

    `new` are the answers for the specimens that were left out with their `species`: these count as
    so many, since those of one species are right or wrong together.
    """
    if len(alone) < FEWEST or not alone.known.any():
        return None
    calibration = calibrate_ranks(alone.features, alone.right, alone.known)
    confidence = upwards(calibration.probabilities(alone.features))
    cutoffs = _all_cutoffs(confidence, alone.known, np.ones(len(alone)))
    least = float(np.quantile(alone.likeness, _TYPICAL))
    unlabelled = None
    if new is not None and len(new) >= FEWEST:
        each = np.full(len(new), species / len(new))
        calibration_new = calibrate_ranks(new.features, new.right, new.known, each)
        unlabelled = NewSpecies(calibration_new, alone, new, species)
    reliability = Reliability(confidence, alone.right, alone.known)
    return Backoff(calibration, cutoffs, least, reliability, unlabelled)


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


def _all_cutoffs(confidence: Floats, known: Flags, weights: Floats) -> Floats:
    """Return the cutoffs for PRECISIONS, (precisions, 7)."""
    cutoffs = np.array([_cutoffs(confidence, known, weights, each) for each in PRECISIONS])
    most: Floats = np.maximum.accumulate(cutoffs, axis=0)  # more precision never answers deeper
    return most


def _cutoffs(confidence: Floats, known: Flags, weights: Floats, precision: float) -> Floats:
    """Go up the ranks, each with the answers that no deeper one gave.

    Of these the surest are given, as many as are right often enough on average, by their
    confidences: that falls evenly where the count of right ones jumps. `weights` (n,) are how much
    each answer counts.
    """
    left = np.ones(len(confidence), np.bool_)
    # An answer that is as sure as the precision itself is given in any case.
    cutoffs = np.full(len(RANKS), precision)
    for rank in reversed(range(len(RANKS))):
        own = np.flatnonzero(left & known[:, rank])
        own = own[np.argsort(-confidence[own, rank], kind="stable")]
        surest, counts = confidence[own, rank], weights[own]
        means = np.cumsum(surest * counts) / np.cumsum(counts)
        if enough := int((means >= precision).sum()):
            cutoffs[rank] = min(precision, surest[enough - 1])
            left[own[surest >= cutoffs[rank]]] = False
    return cutoffs


def _open_cutoffs(
    confidence: Floats, right: Flags, known: Flags, weights: Floats, new: Flags, species: int
) -> Floats:
    """Return the cutoffs for PRECISIONS, (precisions, 7), where some answers are for `new` species.

    All answers together are right often enough on average, at whatever ranks: a lineage that is
    surely right at a higher one makes room for deeper answers. At most 1 - precision of the new
    ones, or more the rarer they are below _RARE, are answered wrongly at the end of their lineage;
    at a rank where fewer than these end, such as that of some labels of a family alone, none has to
    be held back. Specimens of one of the `species` are answered alike, so these count as one more
    of which half were answered.
    """
    share = float(weights[new].sum() / weights.sum())
    step = max(1, len(confidence) // _MOST_ANSWERS)
    confidence, weights = confidence[::step], weights[::step]
    right, known, new = right[::step], known[::step], new[::step]
    ends = len(RANKS) - 1 - known[:, ::-1].argmax(axis=1)
    cutoffs = np.empty((len(PRECISIONS), len(RANKS)))
    for row, precision in enumerate(PRECISIONS):
        most_new = min(1.0, (1 - precision) * max(1.0, _RARE / max(share, 1e-9)))
        most_new = min(1.0, max(0.0, (most_new * (species + 1) - 0.5) / species))
        floors = np.zeros(len(RANKS))
        for rank in np.unique(ends):
            own, answered = new & (ends == rank), new & known[:, rank]
            if own.sum() > most_new * answered.sum():  # else the cutoff would be that of a few
                wrong = np.where(right[own, rank], 0, confidence[own, rank])
                floors[rank] = np.quantile(wrong, 1 - most_new, method="higher")

        def mean(cutoff: float, floors: Floats = floors) -> float:
            depths = deepest(confidence, known, np.maximum(floors, cutoff))
            given = np.flatnonzero(depths >= 0)
            if not len(given):
                return 1.0
            return float(np.average(confidence[given, depths[given]], weights=weights[given]))

        low, high = _LEAST_SURE, float(precision)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if mean(middle) >= precision else (middle, high)
        cutoffs[row] = np.maximum(floors, high if mean(_LEAST_SURE) < precision else _LEAST_SURE)
    rising: Floats = np.maximum.accumulate(cutoffs, axis=0)
    return rising


def _quantile(values: Floats, weights: Floats, share: float) -> float:
    """Return the value below which a share of weighted values lies."""
    order = np.argsort(values)
    place = np.searchsorted(np.cumsum(weights[order]), share * weights.sum())
    return float(values[order[min(int(place), len(order) - 1)]])
