"""Soft votes: the classes that an image is like. This is the learner of `identify` and `label`.

Three voices are weighed: cosines with centroids and with the nearest specimens, both in the
whitened space of the reference set, and a linear probe. Centroids are best where classes are many
and small, the probe where they differ in few directions, specimens where a class looks several
ways; with weights that are fitted (`fit_weights`) the sum is as good as the best of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax, softmax

from indexer.backends.exact import Exact
from model.vectors import Features, Vectors
from search.classify.classifiers.probe import Probe
from search.classify.reference_set import Flags, Numbers, ReferenceSet, unit
from search.classify.whitening import Whitening

Floats = npt.NDArray[np.float64]
NEAREST = 64  # specimens whose cosines are computed one by one
ITSELF = 0.999  # raw cosine from which a specimen is the image asked about
COUNTED = 2.0  # a cosine that none reaches: copies of a specimen are images of their own
SHARPNESS = 20.0  # of a specimen's vote: e to this times its cosine
_MOST_WEIGHT = 40.0  # of a voice, in units of its standard deviation
_RULED_OUT = -1.0  # the cosine of a class that has no vote
_NEVER = -1e3  # its logit


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each voice counts; see `fit_weights`."""

    all: tuple[float, ...]
    """of centroids, of the nearest specimens, of the probe"""
    without_probe: tuple[float, ...]
    """the same where the probe has no say"""


UNFITTED = Weights((10.0, 5.0, 1.0), (20.0, 10.0))  # where no specimen can be left out


@dataclass(frozen=True, slots=True, eq=False)
class Voters:
    """The specimens of a reference set in its whitened space, and a probe that they taught."""

    reference: ReferenceSet
    whitening: Whitening
    whitened: Vectors
    """(m, dim) unit rows, float16"""
    sums: Features
    """(classes, dim) of the whitened specimens of each class"""
    sizes: Numbers
    """(classes,) specimens of each"""
    probe: Probe | None
    """None where it takes too long to fit"""

    def vote(
        self,
        images: Vectors | Features,
        own: Sequence[Numbers] | None = None,
        itself_from: float = ITSELF,
    ) -> "Votes":
        """Return the votes on images (n, dim), unit rows; no specimen votes on itself.

        Specimens of a cosine of `itself_from` or more are the image asked about, and so are those
        whose places `own` lists for each image: they count neither among the nearest nor in
        centroids, and the probe, which has seen them, has no say.
        """
        given, whitened = images.astype(np.float32), self.whitening.into(images)
        cosines, near = Exact([self.whitened]).search(whitened, NEAREST)
        pairs = zip(near, given, strict=True)
        raw = np.array([self.reference.vectors[places] @ image for places, image in pairs])
        raw = raw.reshape(near.shape).astype(np.float32)
        itself = raw >= itself_from
        for image, places in enumerate(own or ()):
            itself[image] |= np.isin(near[image], places)
        centroid = whitened @ unit(self.sums).T
        centroid[:, self.sizes == 0] = _RULED_OUT
        heard = np.full(len(given), self.probe is not None)
        for image in range(len(given)):
            out = near[image][itself[image]]
            if own:
                out = np.union1d(out, own[image]).astype(np.int64)
            if len(out):
                self._without(centroid[image], whitened[image], out)
                heard[image] = False
        kernel = self._kernel(cosines, near, itself)
        probe = self.probe.scores(given) if self.probe else np.zeros_like(kernel)
        return Votes(centroid, kernel, probe, heard, np.where(itself, -1, near), raw)

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
    """The votes on n images: three voices, and the nearest specimens."""

    centroid: Features
    """(n, classes) cosine with each class's centroid; -1 where no specimen of it may vote"""
    kernel: Features
    """(n, classes) the log-mean-exp of the cosines with its specimens"""
    probe: Features
    """(n, classes) log-odds, up to a constant of each image"""
    heard: Flags
    """(n,) whether the probe has a say"""
    nearest: Numbers
    """(n, k) specimens, best first; -1 for one that is the image itself"""
    cosines: Features
    """(n, k) of these, not whitened"""

    def logits(self, weights: Weights) -> Floats:
        """Return the weighted sum of the voices, (n, classes)."""
        one = _weighed(weights.without_probe, (self.centroid, self.kernel))
        three = _weighed(weights.all, (self.centroid, self.kernel, self.probe))
        logits = np.where(self.heard[:, None], three, one)
        logits[self.centroid <= _RULED_OUT] = _NEVER
        return logits

    def shares(self, weights: Weights) -> Floats:
        """Return each class's share of the votes: (n, classes), rows sum to 1, or 0 without any."""
        shares: Floats = softmax(self.logits(weights), axis=1)
        shares[self.centroid <= _RULED_OUT] = 0
        return shares

    @property
    def likeness(self) -> Floats:
        """The cosine of each image with the nearest specimen that voted, (n,); -1 without any."""
        voted = np.where(self.nearest >= 0, self.cosines, -1)
        nearest: Floats = voted.max(axis=1, initial=-1).astype(np.float64)
        return nearest


def voters_of(reference: ReferenceSet, whitening: Whitening, probe: Probe | None) -> Voters:
    """Return the specimens of a reference set as voters, with a probe that was fitted to them."""
    whitened = whitening.into(reference.vectors)
    sums = reference.sums(whitened)
    return Voters(reference, whitening, whitened.astype(np.float16), sums, reference.sizes, probe)


def fit_weights(votes: Sequence[Votes], truth: Numbers) -> Weights:
    """Return the weights that make the true classes likeliest.

    `votes` are on specimens that were left out, of the classes `truth` (n,).
    """
    voices = [
        np.concatenate([getattr(each, name) for each in votes])
        for name in ("centroid", "kernel", "probe")
    ]
    heard = np.concatenate([each.heard for each in votes])
    both = _likeliest(voices[:2], truth)
    if not heard.any():
        return Weights((*both, 0.0), both)
    return Weights(_likeliest([each[heard] for each in voices], truth[heard]), both)


def _likeliest(voices: Sequence[Features], truth: Numbers) -> tuple[float, ...]:
    """Fit a conditional logit, which is convex in the weights of its voices, (n, classes) each."""
    from scipy.optimize import minimize

    votes = voices[0] > _RULED_OUT
    scales = np.array(
        [max(float(each[votes].std()) if votes.any() else 0, 1e-6) for each in voices]
    )
    given = np.stack(voices).astype(np.float64) / scales[:, None, None]
    places = np.arange(len(truth))
    chosen = given[:, places, truth].mean(axis=1)

    def unlikely(weights: Floats) -> tuple[float, Floats]:
        logits = np.where(votes, _weighed(weights, given), _NEVER)
        logarithms = log_softmax(logits, axis=1)
        expected = np.einsum("ij,kij->k", np.exp(logarithms), given) / len(truth)
        return float(-logarithms[places, truth].mean()), expected - chosen

    bounds = [(0.0, _MOST_WEIGHT)] * len(given)
    found = minimize(unlikely, np.ones(len(given)), jac=True, bounds=bounds, method="L-BFGS-B").x
    return tuple((found / scales).tolist())


def _weighed(weights: Sequence[float] | Floats, voices: Sequence[Features] | Floats) -> Floats:
    return sum(
        (weight * voice.astype(np.float64) for weight, voice in zip(weights, voices, strict=True)),
        np.zeros(1),
    )
