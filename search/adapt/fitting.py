"""Learns the map of a collection: centred on its classes, and whitened as much as gains.

The map is (1 - a) identity + a whitening; `a` is one of BLENDS. Each is measured twice, on halves
of the labelled images that look for others of their species among themselves, while the map is
learnt from the other half: half of the specimens of every species, and half of the species. So
neither query nor answer has taught the map, as is true of images that nobody labelled.
"""

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from model.errors import Error
from model.vectors import Features
from search.classify.leave_one_out import BURST, NEVER, folds_of, species_folds
from search.classify.reference_set import Flags, Numbers, ReferenceSet
from search.classify.whitening import Whitening, fit_whitening
from search.ranking.adaptation import Adaptation, Gain, Map

BLENDS = 0.0, 0.25, 0.5, 0.75, 1.0
FEWEST, FEWEST_SPECIES = 30, 5  # images and species, below which a gain may be chance
_HALVES = 2
_MOST = 10_000  # images that are measured
_TOGETHER = 256  # queries whose cosines are in memory
Floats = npt.NDArray[np.float64]


def fit_map(reference: ReferenceSet) -> Adaptation:
    """Return the blend whose smaller gain is largest; it need not gain (`Adaptation.is_gain`).

    Takes seconds to minutes. Raises Error where too few species have several specimens.
    """
    step = max(1, -(-len(reference) // _MOST))
    images = reference.among(np.arange(0, len(reference), step))
    folds = folds_of(images, _HALVES, by_scene=True)
    images, folds = images.among(folds != NEVER), folds[folds != NEVER]
    by_specimens = _gains(images, folds)
    by_species = _gains(images, species_folds(images) % _HALVES)
    fewest = min(by_specimens[0], by_species[0], key=lambda gain: gain.images)
    if fewest.images < FEWEST or fewest.species < FEWEST_SPECIES:
        raise Error(
            f"A map takes {FEWEST} labelled images of {FEWEST_SPECIES} species, four or more of "
            f"each; it finds {fewest.images} of {fewest.species} that can be measured. Label more."
        )
    pairs = zip(by_specimens, by_species, strict=True)
    best = int(np.argmax([min(each.after - each.before for each in pair) for pair in pairs]))
    map_ = blended(fit_whitening(reference), BLENDS[best])
    return Adaptation(map_, BLENDS[best], by_specimens[best], by_species[best])


def blended(whitening: Whitening, weight: float) -> Map:
    """Return a map: `weight` of whitening, scaled as the identity is, and the rest identity."""
    matrix, identity = whitening.matrix, np.eye(len(whitening.mean), dtype=np.float32)
    scale = len(matrix) ** 0.5 / max(float(np.linalg.norm(matrix)), 1e-9)
    blend = weight * scale * matrix + (1 - weight) * identity
    return Map(whitening.mean, blend.astype(np.float32))


def _gains(images: ReferenceSet, halves: Numbers) -> list[Gain]:
    """Return the gain of each blend; of the two `halves` (m,) each is measured by the other."""
    before = np.full(len(images), np.nan)
    after = np.full((len(BLENDS), len(images)), np.nan)
    for half in np.unique(halves) if len(np.unique(halves)) == _HALVES else ():
        own = halves == half
        whitening = fit_whitening(images.among(~own))
        before[own] = _precisions(images, own, images.vectors)
        for place, weight in enumerate(BLENDS):
            mapped = blended(whitening, weight).into(images.vectors)
            after[place, own] = _precisions(images, own, mapped)
    some = np.isfinite(before)
    return [_gain(before[some], each[some], images.classes[some]) for each in after]


def _precisions(images: ReferenceSet, own: Flags, vectors: Features) -> Floats:
    """Return the average precision of the `own` images, (q,), each looking for others of its class.

    `vectors` (m, dim) rank all images, of which those of its class count that are `own`, but not
    itself nor others of its scene; NaN where none is left to be found.
    """
    queries = np.flatnonzero(own)
    found = np.full(len(queries), np.nan)
    for start in range(0, len(queries), _TOGETHER):
        some = queries[start : start + _TOGETHER]
        same = images.classes[some][:, None] == images.classes
        out = same & (~own | (images.vectors[some] @ images.vectors.T > BURST))
        out[np.arange(len(some)), some] = True
        scores = np.where(out, -np.inf, vectors[some] @ vectors.T)
        order = np.argsort(-scores, axis=1, kind="stable")
        right = np.take_along_axis(same & ~out, order, axis=1)
        precision = np.cumsum(right, axis=1) / np.arange(1, len(images) + 1)
        count = right.sum(axis=1)
        average = (precision * right).sum(axis=1) / np.maximum(count, 1)
        found[start : start + _TOGETHER] = np.where(count, average, np.nan)
    return found


def _gain(before: Floats, after: Floats, classes: Numbers) -> Gain:
    """Compare the precisions (q,) of the same queries."""
    species = len(np.unique(classes))
    if species < 2:
        return Gain(0.0, 0.0, 0.0, len(before), species)
    # Queries of one species gain or lose together, so that chance varies by species.
    gain = after - before
    off = np.bincount(classes, gain - gain.mean())
    error = np.sqrt(np.square(off).sum() * species / (species - 1)) / len(gain)
    margin = float(stdtrit(species - 1, 0.975) * error)
    return Gain(float(before.mean()), float(after.mean()), margin, len(gain), species)
