"""Votes: what the labelled specimens say that an image is, by those nearest to it and by centroids.

Both are compared in one space: centred on the specimens' mean and turned so that specimens of one
taxon differ as much in every direction, as in Fisher's linear discriminant with the covariance of
Ledoit & Wolf (2004, "A well-conditioned estimator for large-dimensional covariance matrices").
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.covariance import ledoit_wolf

from indexer.backends.exact import Exact
from model.vectors import Features, Vectors

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
NEAREST = 64  # specimens that vote on an image
ITSELF = 0.999  # raw cosine from which a specimen is the image asked about
BURST = 0.97  # and from which two specimens of one taxon are one scene
FOLDS = 10
SHARPNESS = 20.0  # of a neighbour's vote: e to this times its cosine
MOST_RESIDUALS = 20_000  # specimens that tell how those of one taxon differ
_WEIGHTS = (0.0, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0)


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Labelled specimens that vote, and the space in which they do."""

    raw: Features
    """(m, dim) unit rows"""
    taxa: Numbers
    """(m,) the number of each one's taxon"""
    mean: Features
    turn: Features
    """(dim, dim)"""
    turned: Vectors
    """(m, dim) unit rows in that space"""
    sums: Features
    """(taxa, dim) of the turned vectors of each taxon"""
    counts: Numbers
    """(taxa,) specimens of each"""

    def into(self, images: Vectors | Features) -> Features:
        """Return images (n, dim) in that space, unit rows."""
        centred: Features = images.astype(np.float32) - self.mean
        return _unit(centred @ self.turn)


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """What n images are like: cosines, in the space of the gallery, and the nearest specimens."""

    centroid: Features
    """(n, taxa) with each taxon's centroid; -1 where nothing of it may vote"""
    kernel: Features
    """(n, taxa) the soft maximum over its specimens, each counted as its taxon has many"""
    nearest: Numbers
    """(n, k) specimens, best first; -1 where one is the image itself"""
    scores: Features
    """(n, k) their raw cosines"""

    def shares(self, weights: tuple[float, float]) -> Floats:
        """Return each taxon's share of the votes: (n, taxa), rows sum to 1."""
        logits = weights[0] * self.centroid + weights[1] * self.kernel.astype(np.float64)
        shares = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares[self.centroid <= -1] = 0
        total = shares.sum(axis=1, keepdims=True)
        result: Floats = np.divide(shares, total, out=np.zeros_like(shares), where=total > 0)
        return result


def gallery_of(raw: Vectors | Features, taxa: Numbers, count: int) -> Gallery:
    """Make a gallery of unit vectors (m, dim), m at least 1, of `count` taxa."""
    raw = raw.astype(np.float32)
    mean = _means(raw, taxa, count)[np.unique(taxa)].mean(axis=0)  # as each taxon has many
    turn = _turn(raw, taxa, count)
    turned = _unit((raw - mean) @ turn)
    sums = np.zeros((count, raw.shape[1]), np.float32)
    np.add.at(sums, taxa, turned)
    counts = np.bincount(taxa, minlength=count).astype(np.int64)
    return Gallery(raw, taxa, mean, turn, turned.astype(np.float16), sums, counts)


def vote(
    gallery: Gallery, images: Vectors | Features, own: Sequence[Numbers] | None = None
) -> Votes:
    """Let the specimens of a gallery vote on images (n, dim); none votes for itself.

    A specimen of ITSELF or more is the image asked about, and so are those that `own` names for
    each image; they are left out of the nearest and of their taxon's centroid.
    """
    turned = gallery.into(images)
    cosines, rows = Exact([gallery.turned]).search(turned, NEAREST)
    pairs = zip(rows, images.astype(np.float32), strict=True)
    raw = np.array([gallery.raw[near] @ image for near, image in pairs]).reshape(rows.shape)
    itself = raw >= ITSELF
    for image, places in enumerate(own or ()):
        itself[image] |= np.isin(rows[image], places)
    centroid = turned @ _unit(gallery.sums).T
    centroid[:, gallery.counts == 0] = -1
    for image in range(len(images)):
        out = np.union1d(rows[image][itself[image]], own[image] if own else []).astype(np.int64)
        for taxon in np.unique(gallery.taxa[out]):
            these = out[gallery.taxa[out] == taxon]
            others = gallery.sums[taxon] - gallery.turned[these].astype(np.float32).sum(axis=0)
            left = gallery.counts[taxon] > len(these)
            centroid[image, taxon] = turned[image] @ _unit(others) if left else -1
    kernel = _kernel(gallery, cosines, rows, itself)
    return Votes(centroid, kernel, np.where(itself, -1, rows), raw)


def folds_of(raw: Vectors | Features, taxa: Numbers, most: int = FOLDS) -> Numbers:
    """Return a fold for each specimen such that its taxon is spread evenly: (m,).

    What is of one taxon and one scene (BURST) is in one fold, since it must not vote for itself.
    """
    folds = np.zeros(len(taxa), np.int64)
    for taxon in np.unique(taxa):
        own = np.flatnonzero(taxa == taxon)
        scenes = _scenes(raw[own].astype(np.float32))
        folds[own] = scenes % most
    return folds


def left_out(raw: Features, taxa: Numbers, count: int) -> Iterator[tuple[Numbers, Gallery, Votes]]:
    """Yield, fold by fold, specimens, the gallery of all others, and how these vote on them."""
    folds = folds_of(raw, taxa)
    for fold in np.unique(folds):
        out = folds == fold
        if not out.all():
            others = gallery_of(raw[~out], taxa[~out], count)
            yield np.flatnonzero(out), others, vote(others, raw[out])


def learn_weights(centroid: Features, kernel: Features, truth: Numbers) -> tuple[float, float]:
    """Return the weights of the two cosines that make the true taxa (n,) likeliest."""
    nothing = np.empty((len(truth), 0))
    votes = Votes(centroid, kernel, nothing.astype(np.int64), nothing.astype(np.float32))
    place = np.arange(len(truth))
    pairs = [(a, b) for a in _WEIGHTS for b in _WEIGHTS if a + b]

    def unlikely(pair: tuple[float, float]) -> float:
        return float(-np.log(votes.shares(pair)[place, truth] + 1e-9).mean())

    return min(pairs, key=unlikely)


def _kernel(
    gallery: Gallery, cosines: Features, rows: Numbers, itself: npt.NDArray[np.bool_]
) -> Features:
    """Specimens that are not among the nearest count like the last of these, or less."""
    weight = np.where(itself, 0, np.exp(SHARPNESS * cosines.astype(np.float64)))
    last = np.exp(SHARPNESS * cosines[:, -1:].astype(np.float64))
    shape = (len(rows), len(gallery.counts))
    found, seen = np.zeros(shape), np.zeros(shape)
    images = np.arange(len(rows))[:, None]
    np.add.at(found, (images, gallery.taxa[rows]), weight)
    np.add.at(seen, (images, gallery.taxa[rows]), 1)
    own = np.zeros(shape)
    np.add.at(own, (images, gallery.taxa[rows]), itself)
    voters = np.maximum(gallery.counts - own, 0)
    whole = found + (gallery.counts - seen) * last
    mean = np.divide(whole, voters, out=np.zeros(shape), where=voters > 0)
    return (np.log(np.maximum(mean, 1e-12)) / SHARPNESS).astype(np.float32)


def _means(raw: Features, taxa: Numbers, count: int) -> Features:
    """Return the mean of each taxon, (taxa, dim); 0 where it has no specimen."""
    means = np.zeros((count, raw.shape[1]), np.float32)
    np.add.at(means, taxa, raw)
    means /= np.maximum(np.bincount(taxa, minlength=count), 1)[:, None]
    return means


def _turn(raw: Features, taxa: Numbers, count: int) -> Features:
    """Return the inverse square root of the covariance inside taxa, (dim, dim)."""
    counts, means = np.bincount(taxa, minlength=count), _means(raw, taxa, count)
    some = np.flatnonzero(counts[taxa] > 1)
    some = some[:: max(1, len(some) // MOST_RESIDUALS)]
    residuals = raw[some] - means[taxa[some]]
    dim = raw.shape[1]
    if len(some) < 2 or float(np.square(residuals).sum(axis=1).mean()) < 1e-6:
        return np.eye(dim, dtype=np.float32)
    covariance, _ = ledoit_wolf(residuals, assume_centered=True)
    values, directions = np.linalg.eigh(covariance)
    scaled = directions / np.sqrt(np.maximum(values, 1e-3 * values.max()))
    turn: Features = (scaled @ directions.T).astype(np.float32)
    return turn


def _scenes(raw: Features) -> Numbers:
    """Number the scenes of one taxon's specimens, each in that of the first that it is like."""
    scenes = np.arange(len(raw))
    for place in range(1, len(raw)):
        same = np.flatnonzero(raw[:place] @ raw[place] > BURST)
        if len(same):
            scenes[place] = scenes[same[0]]
    return np.unique(scenes, return_inverse=True)[1].astype(np.int64)


def _unit(rows: Features) -> Features:
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    unit: Features = (rows / np.maximum(lengths, 1e-9)).astype(np.float32)
    return unit
