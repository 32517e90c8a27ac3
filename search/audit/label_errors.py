"""Label errors: how much likelier than its own label another one is, for every labelled image.

By linear discriminant analysis (`search.classify.whitening`), each image left out of the mean of
its own class and of the covariance, exactly, by the formula of Sherman and Morrison: so a wrong
label does not speak for itself. Images are read in blocks; there may be millions.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexer.backends import Rows
from indexer.backends.exact import Exact
from model.taxon import RANKS, Rank
from search.audit.label_classes import UNLABELLED, Classes, Numbers
from search.classify.reference_set import sums_by, unit
from search.classify.whitening import whitening_matrix

Floats = npt.NDArray[np.floating]

SHRINKAGE = 0.3  # of the covariance towards the same variance in every direction
_WEIGHTS = np.array([{Rank.SPECIES: 0.8, Rank.GENUS: 0.9}.get(rank, 1.0) for rank in RANKS])
_SCORES = 2**24  # numbers in memory at once


@dataclass(frozen=True, slots=True, eq=False)
class LabelErrors:
    """For each of some images, which class speaks against its label, and how much."""

    scores: npt.NDArray[np.float32]
    """(n,) natural logarithm of how many times likelier the other class is, less where it is a
    near relative: above 0 the image looks rather like the other. -inf where nobody can tell, as
    for an image without a label or the only one of its class"""
    others: Numbers
    """(n,) that class, UNLABELLED where there is none"""


def label_errors(exact: Exact, classes: Classes) -> LabelErrors:
    """Return how much likelier another label is for each image, and which.

    Three passes over the vectors; memory holds a block of them, the mean of each class and the
    covariance.
    """
    scores = np.full(len(classes.rows), -np.inf, np.float32)
    others = np.full(len(classes.rows), UNLABELLED, np.int64)
    labelled = np.flatnonzero(classes.of != UNLABELLED)
    counts = np.bincount(classes.of[labelled], minlength=len(classes.names))
    if np.count_nonzero(counts) < 2:
        return LabelErrors(scores, others)
    discriminant = discriminant_of(exact, classes)
    step = max(16, _SCORES // (len(counts) + exact.vectors[0].shape[1]))
    for start in range(0, len(labelled), step):
        places = labelled[start : start + step]
        of = classes.of[places]
        likelihoods = discriminant.likelihoods(exact.gather(classes.rows[places]), of)
        own = _set_aside(likelihoods, of, classes)
        other = likelihoods.argmax(axis=1)
        margin = likelihoods[np.arange(len(of)), other] - own
        scores[places] = margin * _WEIGHTS[classes.divergence(of, other)]
        others[places] = other
    alone = ~np.isfinite(scores)
    scores[alone], others[alone] = -np.inf, UNLABELLED
    return LabelErrors(scores, others)


def _set_aside(likelihoods: Floats, of: Numbers, classes: Classes) -> Floats:
    """Return the likelihoods to the own class, and blank all classes that do not contradict it.

    A genus is as near as the nearest of its species; a species is not contradicted by its genus.
    """
    here = np.arange(len(of))
    own = likelihoods[here, of].copy()
    inner = classes.inner
    below = {each: likelihoods[:, each : classes.stop[each]].max(axis=1) for each in inner}
    for each in inner:
        labelled = of == each
        own[labelled] = below[each][labelled]
        likelihoods[labelled, each : classes.stop[each]] = -np.inf
        likelihoods[(each < of) & (of < classes.stop[each]), each] = -np.inf
    likelihoods[here, of] = -np.inf
    return own


@dataclass(frozen=True, slots=True, eq=False)
class Discriminant:
    """The classes of labelled images in their whitened space."""

    mean: Floats
    whitening: Floats
    means: Floats
    """(classes, dim) in that space"""
    counts: Numbers
    left_out: float
    """the share of the covariance that an image of a large class has"""

    def likelihoods(self, vectors: Floats, of: Numbers | None = None) -> Floats:
        """Return log-likelihoods (n, classes), -inf for a class without images.

        Labelled images, of the classes `of`, are left out of what they are compared with.
        """
        given = _centred(vectors, self.mean) @ self.whitening
        distance = (given**2).sum(axis=1)[:, None] - 2 * given @ self.means.T
        distance += (self.means**2).sum(axis=1)
        if of is not None:
            self._leave_out(given, of, distance)
        distance[:, self.counts == 0] = np.inf
        near: Floats = -distance / 2
        return near

    def _leave_out(self, given: Floats, of: Numbers, distance: Floats) -> None:
        rest = given - self.means[of]
        n = self.counts[of].astype(np.float32)
        factor = n / np.maximum(n - 1, 1)
        spread = (rest**2).sum(axis=1)
        share = self.left_out * factor
        gain = share / np.maximum(1 - share * spread, 1e-3)
        cross = (rest * given).sum(axis=1)[:, None] - rest @ self.means.T
        distance += gain[:, None] * cross**2
        own = factor**2 * (spread + gain * spread**2)
        distance[np.arange(len(of)), of] = np.where(n > 1, own, np.inf)  # nothing of it is left


def discriminant_of(exact: Exact, classes: Classes) -> Discriminant:
    """Fit to the labelled images, of which there must be some."""
    labelled = np.flatnonzero(classes.of != UNLABELLED)
    counts = np.bincount(classes.of[labelled], minlength=len(classes.names))
    dim = exact.vectors[0].shape[1]
    mean = np.zeros(dim)
    for vectors, _ in _blocks(exact, classes, labelled):
        mean += vectors.sum(axis=0, dtype=np.float64) / len(labelled)
    sums, scatter = np.zeros((len(counts), dim)), np.zeros((dim, dim))
    for vectors, of in _blocks(exact, classes, labelled):
        given = _centred(vectors, mean)
        sums += sums_by(of, given, len(counts))
        scatter += given.T @ given
    means = sums / np.maximum(counts, 1)[:, None]
    freedom = max(len(labelled) - int(np.count_nonzero(counts)), 1)
    within = (scatter - (means * counts[:, None]).T @ means) / freedom
    whitening = whitening_matrix(within, SHRINKAGE)
    whitened = (means @ whitening).astype(np.float32)
    return Discriminant(mean, whitening, whitened, counts, (1 - SHRINKAGE) / freedom)


def _blocks(exact: Exact, classes: Classes, labelled: Rows) -> Iterator[tuple[Floats, Numbers]]:
    for start in range(0, len(labelled), 4096):
        places = labelled[start : start + 4096]
        yield exact.gather(classes.rows[places]), classes.of[places]


def _centred(vectors: Floats, mean: Floats) -> Floats:
    return unit(vectors.astype(np.float32) - mean.astype(np.float32))
