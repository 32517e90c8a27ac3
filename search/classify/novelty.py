"""Novelty: how probably the species of an image is not labelled in the reference set.

See `novelty_fitting` for how that is learnt.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import logit, logsumexp

from model.vectors import Features, Vectors
from search.classify.classifiers import centred, probe
from search.classify.reference_set import Numbers
from search.classify.whitening import Whitening

Floats = npt.NDArray[np.float64]

LARGEST, ODDS, ENERGY = "largest logit", "odds of the best class", "energy"
CENTROID, NEAREST = "nearest centroid", "nearest specimen"
SMOOTHED = ", smoothed over neighbours"
NOVELTY = "novelty"  # the kind of file that a collection keeps it in
ASSUMED = 0.2  # the share of new species where no unlabelled image tells it
ITSELF = 0.999  # centred cosine from which a neighbour is the image asked about
_MOST_NEW = 0.98
NEIGHBOURS, _SHARPNESS, _OWN = 10, 8.0, 0.3  # of smoothing: how many, and the own weight
_MOST_ODDS = 50.0  # log-odds beyond which nothing changes


@dataclass(frozen=True, slots=True, eq=False)
class ScoreModel:
    """What scores how known images are: a probe if it is affordable, centroids and specimens."""

    probe: probe.Probe | None
    whitening: Whitening | None
    centroids: Features | None
    """(classes, dim) unit rows in the whitened space, of classes with specimens"""
    specimens: Vectors | None
    """(m, dim) unit rows in the whitened space, float16; None where a probe is not affordable"""

    def scores(self, vectors: Features) -> dict[str, Floats]:
        """Return how known images (n, dim) seem, by score, (n,) each."""
        found: dict[str, Floats] = {}
        if self.probe:
            logits = self.probe.scores(vectors).astype(np.float64)
            best = logits.max(axis=1)
            every = logsumexp(logits, axis=1)
            shares = np.clip(np.exp(best - every), 1e-6, 1 - 1e-6)
            found |= {LARGEST: best, ODDS: logit(shares)}
            found[ENERGY] = every - np.log(logits.shape[1])
        if self.whitening:
            whitened = self.whitening.into(vectors)
            for name, rows in ((CENTROID, self.centroids), (NEAREST, self.specimens)):
                if rows is not None:
                    cosines = whitened @ rows.astype(np.float32).T
                    found[name] = cosines.max(axis=1).astype(np.float64)
        return found

    def only(self, score: str) -> "ScoreModel":
        """Return what one score takes."""
        if score not in (CENTROID, NEAREST):
            return ScoreModel(self.probe, None, None, None)
        if score == CENTROID or self.specimens is None:
            return ScoreModel(None, self.whitening, self.centroids, None)
        return ScoreModel(None, self.whitening, None, self.specimens)


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Images of the collection over which a score is smoothed.

    Their space is only centred: specimens lie nearer to their own class in the space that was
    whitened by them than unlabelled images do.
    """

    mean: Features
    """(dim,)"""
    vectors: Vectors
    """(p, dim) unit rows after it was subtracted, float16"""
    scores: Floats
    """(p,) smoothed once over one another, so that neighbours of neighbours count too"""

    def smoothed(self, own: Floats, vectors: Features) -> Floats:
        """Return the scores `own` (n,) of images (n, dim), smoothed over the nearest ones."""
        near, cosines = nearest_of(centred(vectors, self.mean), self.vectors, NEIGHBOURS)
        return smoothed(own, near, cosines, self.scores)


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """How to tell new species from known ones, and how well that goes."""

    score: str
    """the name of the score, with SMOOTHED where it is"""
    areas: Mapping[str, float]
    """by score: the area under the ROC curve, species left out against specimens left out"""
    slope: float
    """of the log-odds that a species is new; below 0: what scores more is known"""
    intercept: float
    unseen: float
    """the share of new species that may look like known ones though none did that was left out"""
    model: ScoreModel
    pool: Pool | None
    """None where the score is not smoothed"""
    unlabelled: float
    """the estimated share of new species among the unlabelled images; NaN without any"""
    known: Floats
    """(n,) log-odds of specimens that were left out alone, in an even mix"""
    new: Floats
    """(n,) the same specimens left out with their species; NaN for what was not left out"""

    @property
    def area(self) -> float:
        """The area under the ROC curve of the score."""
        return self.areas[self.score]

    @property
    def estimated(self) -> bool:
        """Whether unlabelled images told the share of new species."""
        return not np.isnan(self.unlabelled)

    def share(self, novel: float | None) -> float:
        """Return the share of new species: the one that is given, else the estimate."""
        if novel is not None:
            return novel
        return min(self.unlabelled, _MOST_NEW) if self.estimated else ASSUMED

    def describe(self, novel: float | None) -> str:
        """Say how many images are taken to be of new species, and how well these are told."""
        share = self.share(novel)
        if novel is not None:
            why = ""
        elif self.estimated:
            why = "estimated from the unlabelled images here"
        else:
            why = "assumed, since no image here is unlabelled"
        return (
            f"new species: {share:.0%} of the photographs{f' ({why})' if why else ''}; told from "
            f"labelled ones by {self.score} (area under the ROC curve {self.area:.2f}, each "
            "labelled species left out in turn)"
        )

    def describe_classes(self, share: float) -> str:
        """Say how many images are taken to be of classes without an example."""
        return (
            f"of a class without an example: {share:.0%} of the images; told from the others by "
            f"{self.score} (area under the ROC curve {self.area:.2f}, each class left out in turn)"
        )

    def log_odds(self, vectors: Features) -> Floats:
        """Return the log-odds that images (n, dim) are of new species, in an even mix, (n,)."""
        own = self.model.scores(vectors)[self.score.removesuffix(SMOOTHED)]
        scores = self.pool.smoothed(own, vectors) if self.pool else own
        return self.odds(scores)

    def odds(self, scores: Floats) -> Floats:
        """Return the log-odds that scores (n,) are of new species, in an even mix, (n,).

        They have a floor: of the species that were left out, none may look as known as the next.
        """
        seen = np.exp(np.clip(self.slope * scores + self.intercept, -_MOST_ODDS, _MOST_ODDS))
        odds: Floats = np.log((1 - self.unseen) * seen + self.unseen)
        return odds


def nearest_of(images: Features, pool: Vectors | Features, most: int) -> tuple[Numbers, Features]:
    """Return the nearest (n, k) of a pool (p, dim) to images (n, dim), and cosines, best first.

    One that is the image itself has the cosine -inf.
    """
    cosines = images @ pool.astype(np.float32).T
    cosines[cosines >= ITSELF] = -np.inf
    count = min(most, cosines.shape[1])
    some = np.argpartition(-cosines, count - 1, axis=1)[:, :count] if count else cosines[:, :0]
    near = some.astype(np.int64)
    at = np.take_along_axis(cosines, near, axis=1)
    order = np.argsort(-at, axis=1, kind="stable")
    return np.take_along_axis(near, order, axis=1), np.take_along_axis(at, order, axis=1)


def smoothed(own: Floats, near: Numbers, cosines: Features, scores: Floats) -> Floats:
    """Return scores (n,) averaged with those (p,) of the NEIGHBOURS nearest that have one.

    `near` (n, k) are places in the pool, best first, with their cosines; a score of NaN, or a
    cosine of -inf, does not count.
    """
    found = scores[near]
    usable = np.isfinite(found) & np.isfinite(cosines)
    usable &= np.cumsum(usable, axis=1) <= NEIGHBOURS
    weights = np.where(usable, np.exp(_SHARPNESS * cosines.astype(np.float64)), 0)
    total = weights.sum(axis=1)
    sums = (weights * np.where(usable, found, 0)).sum(axis=1)
    mean: Floats = np.divide(sums, total, out=own.astype(np.float64), where=total > 0)
    return _OWN * own + (1 - _OWN) * mean
