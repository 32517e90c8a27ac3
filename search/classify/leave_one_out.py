"""Leave-one-out: specimens in folds, so that each is scored by the others alone.

Of every class one specimen, or an even share, is left out at a time, and all that were are scored.
To leave out a single one would judge a method by a class that has fewer specimens than the others:
of two specimens a class SimpleShot then seems to get a quarter right, though it gets two thirds.
"""

from collections.abc import Iterator

import numpy as np

from search.classify.reference_set import Numbers, ReferenceSet

BURST = 0.97  # cosine from which two specimens of one class show one scene
ALONE, SPECIES_FOLDS = 10, 10
NEVER = -1  # the fold of a class's only specimen, or only scene


def folds_of(reference: ReferenceSet, most: int, by_scene: bool = False) -> Numbers:
    """Return the fold in which each specimen is left out, (m,): 0 to `most` - 1, or NEVER.

    A class is spread evenly over the folds. With `by_scene` its specimens of one scene (BURST) are
    in one fold, since a burst must not answer for itself.
    """
    folds = np.full(len(reference), NEVER, np.int64)
    order = np.argsort(reference.classes, kind="stable")
    for own in np.split(order, np.cumsum(reference.sizes)[:-1]):
        scenes = _scenes(reference, own) if by_scene else np.arange(len(own))
        if scenes.max(initial=0) > 0:
            folds[own] = scenes % most
    return folds


def left_out(
    reference: ReferenceSet, most: int, by_scene: bool = False
) -> Iterator[tuple[Numbers, ReferenceSet]]:
    """Yield, fold by fold, the places of specimens, and the reference set without them."""
    folds = folds_of(reference, most, by_scene)
    for fold in np.unique(folds[folds != NEVER]):
        yield np.flatnonzero(folds == fold), reference.among(folds != fold)


def species_folds(reference: ReferenceSet) -> Numbers:
    """Return the fold in which each specimen is left out with its whole class, (m,).

    Up to ALONE classes have a fold each; more are spread over SPECIES_FOLDS.
    """
    classes = np.flatnonzero(reference.sizes)
    count = len(classes) if len(classes) <= ALONE else SPECIES_FOLDS
    folds = np.full(reference.count, NEVER)
    order = np.random.default_rng(0).permutation(len(classes))
    folds[classes[order]] = np.arange(len(classes)) % count
    return folds[reference.classes]


def _scenes(reference: ReferenceSet, own: Numbers) -> Numbers:
    """Number the scenes of one class's specimens, in the order of their first ones."""
    from scipy.sparse.csgraph import connected_components

    vectors = reference.vectors[own]
    scenes: Numbers = connected_components(vectors @ vectors.T > BURST, directed=False)[1]
    return scenes.astype(np.int64)
