"""Soft votes: the classes that an image is like, by its nearest specimens and by centroids.

Both are cosines in the whitened space of the reference set.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

from indexer.backends.exact import Exact
from model.vectors import Features, Vectors
from search.classify.reference_set import Flags, Numbers, ReferenceSet, unit
from search.classify.whitening import Whitening

Floats = npt.NDArray[np.float64]
NEAREST = 64  # specimens whose cosines are computed one by one
ITSELF = 0.999  # raw cosine from which a specimen is the image asked about
SHARPNESS = 20.0  # of a specimen's vote: e to this times its cosine
_MOST_WEIGHT = 40.0
_RULED_OUT = -1.0  # the cosine of a class that has no vote


@dataclass(frozen=True, slots=True, eq=False)
class Voters:
    """The specimens of a reference set in its whitened space."""

    reference: ReferenceSet
    whitening: Whitening
    whitened: Vectors
    """(m, dim) unit rows, float16"""
    sums: Features
    """(classes, dim) of the whitened specimens of each class"""
    sizes: Numbers
    """(classes,) specimens of each"""

    def vote(self, images: Vectors | Features, own: Sequence[Numbers] | None = None) -> "Votes":
        """Return the votes on images (n, dim), unit rows; no specimen votes on itself.

        Specimens of a cosine of ITSELF or more are the image asked about, and so are those whose
        places `own` lists for each image: they count neither among the nearest nor in centroids.
        """
        given, whitened = images.astype(np.float32), self.whitening.into(images)
        cosines, near = Exact([self.whitened]).search(whitened, NEAREST)
        pairs = zip(near, given, strict=True)
        raw = np.array([self.reference.vectors[places] @ image for places, image in pairs])
        raw = raw.reshape(near.shape).astype(np.float32)
        itself = raw >= ITSELF
        for image, places in enumerate(own or ()):
            itself[image] |= np.isin(near[image], places)
        centroid = whitened @ unit(self.sums).T
        centroid[:, self.sizes == 0] = _RULED_OUT
        for image in range(len(given)):
            out = near[image][itself[image]]
            if own:
                out = np.union1d(out, own[image]).astype(np.int64)
            if len(out):
                self._without(centroid[image], whitened[image], out)
        kernel = self._kernel(cosines, near, itself)
        return Votes(centroid, kernel, np.where(itself, -1, near), raw)

    def _without(self, centroid: Features, whitened: Features, out: Numbers) -> None:
        """Replace one image's cosines with the classes of specimens that are left out."""
        classes = self.reference.classes[out]
        for each in np.unique(classes):
            these = out[classes == each]
            others = self.sums[each] - self.whitened[these].sum(axis=0, dtype=np.float32)
            left = self.sizes[each] > len(these)
            centroid[each] = whitened @ unit(others) if left else _RULED_OUT

    def _kernel(self, cosines: Features, near: Numbers, itself: Flags) -> Features:
        """Return the log-mean-exp of each class's cosines, which does not grow with its size.

        A specimen beyond the NEAREST counts as if it were the last of these.
        """
        classes = self.reference.classes[near]
        each = np.exp(SHARPNESS * cosines.astype(np.float64))
        images = np.arange(len(near))[:, None]
        total, beyond = np.zeros((len(near), len(self.sizes))), np.tile(self.sizes, (len(near), 1))
        voters = beyond.copy()
        np.add.at(total, (images, classes), np.where(itself, 0, each))
        np.subtract.at(beyond, (images, classes), 1)
        np.subtract.at(voters, (images, classes), itself)
        total += beyond * each[:, -1:]
        mean = np.divide(total, voters, out=np.zeros_like(total), where=voters > 0)
        return (np.log(np.maximum(mean, 1e-12)) / SHARPNESS).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """The votes on n images: cosines in the whitened space, and the nearest specimens."""

    centroid: Features
    """(n, classes) with each class's centroid; -1 where no specimen of it may vote"""
    kernel: Features
    """(n, classes) the log-mean-exp over its specimens"""
    nearest: Numbers
    """(n, k) specimens, best first; -1 for one that is the image itself"""
    cosines: Features
    """(n, k) of these, not whitened"""

    def shares(self, weights: Sequence[float]) -> Floats:
        """Return each class's share of the votes: (n, classes), rows sum to 1, or 0 without any.

        `weights` of the centroid's and of the kernel's cosine.
        """
        silent = self.centroid <= _RULED_OUT
        shares: Floats = softmax(_logits(self.centroid, self.kernel, weights), axis=1)
        shares[silent] = 0
        total = shares.sum(axis=1, keepdims=True)
        result: Floats = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
        return result

    @property
    def likeness(self) -> Floats:
        """The cosine of each image with the nearest specimen that voted, (n,); -1 without any."""
        voted = np.where(self.nearest >= 0, self.cosines, -1)
        nearest: Floats = voted.max(axis=1, initial=-1).astype(np.float64)
        return nearest

    def without(self, out: Flags, classes: Numbers) -> "Votes":
        """Return the votes as if no specimen of some classes were there.

        `out` (n, classes) are those of each image, `classes` (m,) the specimens'. If all of the
        nearest were of these, the next one is as like as the last of them at most.
        """
        images = np.arange(len(out))[:, None]
        gone = (self.nearest < 0) | out[images, classes[self.nearest]]
        nearest, cosines = np.where(gone, -1, self.nearest), self.cosines
        none = gone.all(axis=1) & (self.nearest >= 0).any(axis=1)
        nearest[none, -1] = self.nearest[none].max(axis=1)
        return Votes(np.where(out, _RULED_OUT, self.centroid), self.kernel, nearest, cosines)


def voters_of(reference: ReferenceSet, whitening: Whitening) -> Voters:
    """Return the specimens of a reference set as voters."""
    whitened = whitening.into(reference.vectors)
    sums = reference.sums(whitened)
    return Voters(reference, whitening, whitened.astype(np.float16), sums, reference.sizes)


def fit_weights(centroid: Features, kernel: Features, truth: Numbers) -> tuple[float, float]:
    """Return the weights of the two cosines (n, classes) that make the true classes likeliest.

    A conditional logit, which is convex in its weights.
    """
    from scipy.optimize import minimize

    given = np.stack([centroid, kernel]).astype(np.float64)
    places = np.arange(len(truth))
    chosen = given[:, places, truth].mean(axis=1)

    def unlikely(weights: Floats) -> tuple[float, Floats]:
        logits = _logits(given[0], given[1], weights)
        logarithms = log_softmax(logits, axis=1)
        expected = np.einsum("ij,kij->k", np.exp(logarithms), given) / len(truth)
        return float(-logarithms[places, truth].mean()), expected - chosen

    bounds = [(0.0, _MOST_WEIGHT)] * 2
    found = minimize(unlikely, (10.0, 10.0), jac=True, bounds=bounds, method="L-BFGS-B").x
    return float(found[0]), float(found[1])


def _logits(centroid: Features, kernel: Features, weights: Sequence[float] | Floats) -> Floats:
    logits: Floats = weights[0] * centroid.astype(np.float64) + weights[1] * kernel
    return logits
