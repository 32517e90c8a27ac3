"""Open set: whether images of known species score above those of species without a label.

For each seed a random half of the classes is known; half of their images are the reference, the
others are tested beside the images of all unknown classes. AUROC of plain scores: the cosine of the
nearest reference image, of the nearest class centroid, and the highest zero-shot probability.
"""

from collections.abc import Iterator

import numpy as np
from scipy.special import softmax

from model.vectors import Features
from search.classify.reference_set import sums_by
from training.evaluation.figures import Figure, seeds_figure
from training.evaluation.intervals import Floats
from training.evaluation.labelled_images import Numbers, exactly_unit
from training.evaluation.zero_shot import ZeroShot

SEEDS = 5
FEWEST = 4  # classes


def split(classes: Numbers, seed: int) -> tuple[Numbers, Numbers, Numbers]:
    """Return the places of reference images, of tested images of known and of unknown classes."""
    rng = np.random.default_rng(seed)
    known = rng.permutation(int(classes.max()) + 1)[: (int(classes.max()) + 1) // 2]
    places = rng.permutation(np.flatnonzero(np.isin(classes, known)))
    position = _position_in_class(classes[places])
    sizes = np.bincount(classes, minlength=int(classes.max()) + 1)
    is_reference = position < (sizes[classes[places]] + 1) // 2
    unknown = np.flatnonzero(~np.isin(classes, known))
    return places[is_reference], places[~is_reference], unknown


def scores(vectors: Features, classes: Numbers, reference: Numbers, tested: Numbers) -> Floats:
    """Return the highest cosine with a reference image, and with a centroid, of each: (n, 2)."""
    own, asked = vectors[reference].astype(np.float64), vectors[tested].astype(np.float64)
    known, numbers = np.unique(classes[reference], return_inverse=True)
    centroids = exactly_unit(sums_by(numbers, own, len(known)))
    return np.stack([(asked @ each.T).max(axis=1) for each in (own, centroids)], axis=1)


def figures(
    vectors: Features, classes: Numbers, found: ZeroShot | None, seeds: int = SEEDS
) -> Iterator[Figure]:
    """Yield the AUROC of each score, averaged over seeds; nothing where classes are too few."""
    from sklearn.metrics import roc_auc_score

    many = int(classes.max()) + 1
    if many < FEWEST:
        return
    names = ["nearest image", "nearest centroid", "zero-shot probability"]
    values: list[list[float]] = [[], [], []]
    n = 0
    for seed in range(seeds):
        reference, known, unknown = split(classes, seed)
        if not len(known):
            return
        tested = np.concatenate([known, unknown])
        truth = np.arange(len(tested)) < len(known)
        n = max(n, len(tested))
        found_scores = [*scores(vectors, classes, reference, tested).T]
        if found is not None:
            found_scores.append(_zero_shot(found, reference, tested))
        for place, score in enumerate(found_scores):
            values[place].append(float(roc_auc_score(truth, score)))
    setting = f"{many // 2:,} of {many:,} classes known"
    for name, own in zip(names, values, strict=True):
        if own:
            yield seeds_figure(f"open-set AUROC, {name}", own, n, setting=setting)


def _zero_shot(found: ZeroShot, reference: Numbers, tested: Numbers) -> Floats:
    """Return the highest probability among the names of known classes alone."""
    known = np.unique(found.truth[reference])
    shares = softmax(found.scores[tested][:, known] * found.scale, axis=1)
    highest: Floats = shares.max(axis=1)
    return highest


def _position_in_class(classes: Numbers) -> Numbers:
    """Return how many of a class come before each item, (n,)."""
    order = np.argsort(classes, kind="stable")
    counts = np.bincount(classes)
    firsts = np.cumsum(counts) - counts
    position = np.empty(len(classes), np.int64)
    position[order] = np.arange(len(classes)) - firsts[classes[order]]
    return position
