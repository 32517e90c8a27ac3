"""Figures of merit for an encoder: retrieval, nearest neighbours and few-shot accuracy."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.generic]


def average_precisions(scores: Floats, relevant: Flags) -> npt.NDArray[np.float64]:
    """Return the average precision of each query that has a relevant item.

    `scores` and `relevant` are (queries, items); ties keep the order of the items. Average
    precision is the mean, over the relevant items, of the precision at the item's place.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    found = np.take_along_axis(relevant, order, axis=1)[relevant.any(axis=1)]
    precision = np.cumsum(found, axis=1) / np.arange(1, found.shape[1] + 1)
    means: npt.NDArray[np.float64] = (precision * found).sum(axis=1) / found.sum(axis=1)
    return means


def top_k_accuracy(scores: Floats, relevant: Flags, k: int) -> float:
    """Return the share of queries with a relevant item among the k best; (queries, items) each."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float(np.take_along_axis(relevant, best, axis=1).any(axis=1).mean())


def precision_at_1(vectors: Floats, labels: Labels) -> float:
    """Return how often an item's nearest other item has its label.

    `vectors` (n, dim) unit rows, `labels` (n,).
    """
    scores = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    np.fill_diagonal(scores, -np.inf)
    return float((labels[scores.argmax(axis=1)] == labels).mean())


def few_shot_knn(vectors: Floats, labels: Labels, shots: int, seeds: int) -> tuple[float, float]:
    """Return mean and standard deviation of top-1 by the nearest of `shots` examples a label.

    Each seed draws its own examples; all other items are tested. A label's score is the sum of
    the cosines of its examples among the `shots` nearest of all (k = shots).
    """
    accuracies = []
    names, classes = np.unique(labels, return_inverse=True)
    unit = vectors.astype(np.float32)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        support = np.concatenate(
            [
                rng.choice(np.flatnonzero(classes == c), shots, replace=False)
                for c in range(len(names))
            ]
        )
        tested = np.setdiff1d(np.arange(len(unit)), support)
        cosines = unit[tested] @ unit[support].T
        nearest = np.argsort(-cosines, axis=1)[:, :shots]
        votes = np.zeros((len(tested), len(names)))
        weights = np.take_along_axis(cosines, nearest, axis=1)
        np.add.at(votes, (np.arange(len(tested))[:, None], classes[support][nearest]), weights)
        accuracies.append(float((votes.argmax(axis=1) == classes[tested]).mean()))
    return float(np.mean(accuracies)), float(np.std(accuracies))
