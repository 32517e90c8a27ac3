"""Groups of images that look alike, cut where the labelled species tell that one species ends.

Average linkage of cosine distances in the whitened space. The cut is the one at which labelled
species, of which the whitening has seen no specimen, are found again best.
"""

import numpy as np
import numpy.typing as npt

from model.vectors import Features
from search.classify.reference_set import Numbers, ReferenceSet, unit
from search.classify.whitening import fit_whitening

Floats = npt.NDArray[np.float64]
MOST = 4000  # images that are linked, the square of it in distances; others join the groups
_PARTS = 2  # of the species; each is left out in turn
_CUTS = np.linspace(0.2, 1.2, 51)
_MOST_TRIED = 2000  # specimens of the species left out


def fit_cut(reference: ReferenceSet) -> float:
    """Return the distance, 0 to 2, beyond which images are likely of two species.

    It is the middle of the cuts with the best adjusted Rand index (Hubert & Arabie 1985,
    "Comparing partitions"). The order of species is random, from a fixed seed.
    """
    from sklearn.metrics import adjusted_rand_score  # seconds

    species = np.random.default_rng(0).permutation(np.flatnonzero(reference.sizes > 0))
    found = np.zeros(len(_CUTS))
    for part in np.array_split(species, _PARTS):
        out = np.isin(reference.classes, part)
        some = np.flatnonzero(out)[:: -(-int(out.sum()) // _MOST_TRIED) or 1]
        if out.all() or len(some) < 2:
            continue
        whitening = fit_whitening(reference.among(~out))
        tree = _linked(whitening.into(reference.vectors[some]))
        truth = reference.classes[some]
        found += [adjusted_rand_score(truth, _groups_at(tree, cut)) for cut in _CUTS]
    return float(np.median(_CUTS[found >= found.max()]))


def group(vectors: Features, cut: float) -> Numbers:
    """Return the group of each image, (n,), numbered from 0, by whitened unit vectors (n, dim).

    Of more than MOST images as many, evenly spread, are linked; another joins the group whose mean
    is nearest, or is one of its own where all are farther than `cut`.
    """
    if len(vectors) < 2:
        return np.zeros(len(vectors), np.int64)
    some = np.linspace(0, len(vectors) - 1, min(len(vectors), MOST)).astype(np.int64)
    linked = _groups_at(_linked(vectors[some]), cut)
    groups = np.full(len(vectors), -1, np.int64)
    groups[some] = linked
    others = np.flatnonzero(groups < 0)
    if len(others):
        sums = np.zeros((linked.max() + 1, vectors.shape[1]), np.float32)
        np.add.at(sums, linked, vectors[some])
        cosines = vectors[others] @ unit(sums).T
        near = cosines.max(axis=1) >= 1 - cut
        groups[others[near]] = cosines[near].argmax(axis=1)
        alone = others[~near]
        groups[alone] = len(sums) + np.arange(len(alone))
    return groups


def _linked(vectors: Features) -> Floats:
    from scipy.cluster.hierarchy import linkage  # a second
    from scipy.spatial.distance import pdist

    tree: Floats = linkage(pdist(vectors.astype(np.float64), "cosine"), "average")
    return tree


def _groups_at(tree: Floats, cut: float) -> Numbers:
    from scipy.cluster.hierarchy import fcluster

    groups: Numbers = fcluster(tree, cut, "distance").astype(np.int64) - 1
    return groups
