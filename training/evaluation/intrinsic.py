"""Intrinsic evaluation: whether distances between images follow the tree of life.

BioCLIP's paper shows it as pictures (section 4.6); here it is numbers. Per rank: purity, the share
of an image's nearest others that have its name, and the silhouette. Over the whole tree: the
correlation of cosines with shared depth (Sokal and Rohlf 1962, cophenetic), and the share of
triplets in which the nearer relative is the more similar one.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from model.taxon import RANKS
from model.vectors import Features
from search.classify.reference_set import sums_by
from training.evaluation.figures import BOOTSTRAP, Figure, mean_figure
from training.evaluation.intervals import Floats, Interval, percentiles, resample_weights
from training.evaluation.labelled_images import UNNAMED, LabelledImages, Numbers, exactly_unit

NEIGHBOURS = 10
MOST_IMAGES = 5000  # of more a random sample, seed 0
MOST_ANCHORS = 200  # taxa of triplets
FEWEST_TAXA = 3


def figures(images: LabelledImages, vectors: Features, seed: int = 0) -> Iterator[Figure]:
    """Yield purity and silhouette at each rank, cophenetic correlation and triplet agreement."""
    some = np.arange(len(images))
    rng = np.random.default_rng(seed)
    if len(some) > MOST_IMAGES:
        some = np.sort(rng.choice(len(images), MOST_IMAGES, replace=False))
    own = exactly_unit(vectors[some])
    cosines = own @ own.T
    for rank in RANKS:
        names, of = images.names_at(rank)
        if len(names) > 1:
            yield from _of_rank(str(rank), of[some], cosines)
    del cosines
    yield from _of_tree(images, vectors, rng)


def purities(cosines: Floats, of: Numbers, k: int = NEIGHBOURS) -> npt.NDArray[np.float64]:
    """Return the share of each image's k nearest others with its name, (n,).

    `cosines` (n, n); `of` (n,) is the number of each image's name.
    """
    scores = cosines.copy()
    np.fill_diagonal(scores, -np.inf)
    k = min(k, len(of) - 1)
    near = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    shares: npt.NDArray[np.float64] = (of[near] == of[:, None]).mean(axis=1)
    return shares


def shared_depths(lineages: Numbers) -> Numbers:
    """Return how deep, in ranks, the deepest name is that two taxa share: (taxa, taxa), 0 to 7.

    `lineages` (taxa, 7) numbers the lineage down to each rank, as `names_at` does, so taxa that
    share a number share all above it. A missing name is shared with nobody: two species of one
    genus without an order share six ranks, two of one class without an order three.
    """
    depth = np.zeros((len(lineages), len(lineages)), np.int64)
    for place, column in enumerate(lineages.T, 1):
        depth[(column[:, None] == column) & (column != UNNAMED)] = place
    return depth


def cophenetic_correlation(cosines: Floats, depths: Numbers) -> tuple[float, Interval]:
    """Return Pearson's correlation over pairs of taxa, and its interval over resampled taxa.

    Both (taxa, taxa); a taxon that is drawn twice makes no pair with itself.
    """
    weights = np.concatenate([np.ones((1, len(depths))), resample_weights(len(depths))])
    apart = 1.0 - np.eye(len(depths))
    x, y = cosines * apart, depths * apart

    def total(values: Floats) -> Floats:
        sums: Floats = ((weights @ values) * weights).sum(axis=1)
        return sums

    pairs = total(apart)
    mean_x, mean_y = total(x) / pairs, total(y) / pairs
    variance_x = total(x * x) / pairs - mean_x**2
    variance_y = total(y * y) / pairs - mean_y**2
    with np.errstate(invalid="ignore", divide="ignore"):
        found = (total(x * y) / pairs - mean_x * mean_y) / np.sqrt(variance_x * variance_y)
    return float(found[0]), percentiles(found[1:])


def triplet_agreements(
    cosines: Floats, depths: Numbers, anchors: Numbers
) -> npt.NDArray[np.float64]:
    """Return for each anchor the share of pairs in which the nearer relative is more similar.

    Pairs are taxa that share different depths with the anchor; NaN where there is no such pair.
    """
    shares = np.full(len(anchors), np.nan)
    for place, anchor in enumerate(anchors):
        others = np.arange(len(depths)) != anchor
        depth, cosine = depths[anchor, others], cosines[anchor, others]
        nearer = depth[:, None] > depth
        if nearer.any():
            shares[place] = (cosine[:, None] > cosine)[nearer].mean()
    return shares


def _of_rank(rank: str, of: Numbers, cosines: Floats) -> Iterator[Figure]:
    from sklearn.metrics import silhouette_samples

    named = of != UNNAMED
    of, cosines = of[named], cosines if named.all() else cosines[np.ix_(named, named)]
    if len(of) <= NEIGHBOURS:
        return
    most = np.minimum(np.bincount(of)[of] - 1, NEIGHBOURS).mean() / NEIGHBOURS
    setting = f"at most {most:.3f}: taxa have few images" if most < 0.9995 else ""
    yield mean_figure(f"{NEIGHBOURS}-NN purity", purities(cosines, of), rank=rank, setting=setting)
    if 1 < len(np.unique(of)) < len(of):
        distances = np.maximum(1 - cosines, 0)
        np.fill_diagonal(distances, 0)
        samples = silhouette_samples(distances, of, metric="precomputed")
        yield mean_figure("silhouette", samples, rank=rank, setting="cosine")


def _of_tree(
    images: LabelledImages, vectors: Features, rng: np.random.Generator
) -> Iterator[Figure]:
    """Yield the figures over taxa, each of which is the mean of its images."""
    numbers = np.stack([images.names_at(rank)[1] for rank in RANKS], axis=1)  # (n, 7)
    deepest = numbers[:, -1] != UNNAMED
    if not deepest.any():
        return
    taxa, firsts, of = np.unique(numbers[deepest, -1], return_index=True, return_inverse=True)
    if len(taxa) < FEWEST_TAXA:
        return
    sums = sums_by(of, vectors[deepest].astype(np.float64), len(taxa))
    means = exactly_unit(sums)
    cosines = means @ means.T
    depths = shared_depths(numbers[deepest][firsts])
    if len(np.unique(depths[~np.eye(len(depths), dtype=bool)])) < 2:
        return
    setting = f"{len(taxa):,} species"
    value, (low, high) = cophenetic_correlation(cosines, depths)
    how = BOOTSTRAP.format("species")
    yield Figure("cophenetic correlation", value, low, high, len(taxa), "", setting, "", how)
    anchors = rng.permutation(len(taxa))[:MOST_ANCHORS]
    shares = triplet_agreements(cosines, depths, anchors)
    shares = shares[np.isfinite(shares)]
    if not len(shares):
        return
    yield mean_figure("triplet agreement", shares, of="species", setting=setting)
