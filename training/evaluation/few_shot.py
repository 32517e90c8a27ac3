"""Few-shot: a few examples of each class name the rest.

Folds are those of BioCLIP's evaluation (`few_shot.py`): for fold s, `random.seed(s)`, and the
images of each class, in order of first appearance, are shuffled; the first k are examples. There
the shuffle is done in place, so a fold depends on all folds before it; BioCLIP 2's copies first.
"""

import random
import warnings
from collections.abc import Iterator, Sequence

import numpy as np

from model.vectors import Features
from search.classify.classifiers import load
from search.classify.reference_set import reference_set
from training.evaluation.figures import Figure, mean_figure
from training.evaluation.intervals import Floats
from training.evaluation.labelled_images import Numbers

METHODS = {"centroid": "SimpleShot", "knn": "k-NN", "probe": "probe"}
SEEDS = 5


def folds(
    classes: Numbers, shots: Sequence[int], seeds: int = SEEDS, in_place: bool = False
) -> Iterator[tuple[int, Numbers, Numbers]]:
    """Yield the shots, the places of examples and of tested images, fold by fold.

    `in_place` keeps the history of shuffles, as the published figures of BioCLIP do. A class is in
    a fold if an image of it is left to be tested.
    """
    members: dict[int, list[int]] = {}
    for place, number in enumerate(classes.tolist()):
        members.setdefault(number, []).append(place)
    for k in shots:
        for seed in range(seeds):
            shuffle = random.Random(seed).shuffle
            support: list[int] = []
            tested: list[int] = []
            for own in members.values():
                order = own if in_place else list(own)
                shuffle(order)
                if len(order) > k:
                    support += order[:k]
                    tested += order[k:]
            yield k, np.array(support, np.int64), np.array(tested, np.int64)


def right_answers(
    method: str, vectors: Features, classes: Numbers, support: Numbers, tested: Numbers
) -> Floats:
    """Return 1 for each tested image that a classifier of `search/classify` gets right, else 0."""
    _, numbers = np.unique(classes[support], return_inverse=True)
    known = classes[support][np.unique(numbers, return_index=True)[1]]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)  # one shot
        fitted = load(method).fit(reference_set(vectors[support], numbers))
    answers = known[fitted.scores(vectors[tested]).argmax(axis=1)]
    right: Floats = (answers == classes[tested]).astype(np.float64)
    return right


def figures(
    vectors: Features,
    classes: Numbers,
    shots: Sequence[int] = (1, 5),
    seeds: int = SEEDS,
    in_place: bool = False,
    methods: Sequence[str] = tuple(METHODS),
) -> Iterator[Figure]:
    """Yield the accuracy of each method by so many shots, averaged over folds.

    Every fold tests as many images, so the mean over folds is the mean over tests.
    """
    drawn = list(folds(classes, shots, seeds, in_place))
    for method in methods:
        for k in shots:
            right, times = np.zeros(len(classes)), np.zeros(len(classes))
            for some, support, tested in drawn:
                if some == k and len(np.unique(classes[support])) > 1:
                    right[tested] += right_answers(method, vectors, classes, support, tested)
                    times[tested] += 1
            if times.any():
                size = len(np.unique(classes[times > 0]))
                history = ", shuffled in place" if in_place else ""
                yield mean_figure(
                    f"{k}-shot {METHODS[method]}",
                    right[times > 0],
                    times=times[times > 0],
                    setting=f"{size:,} classes{history}",
                    seeds=f"0-{seeds - 1}",
                )


def few_shot_knn(
    vectors: Floats, labels: np.ndarray, shots: int, seeds: int
) -> tuple[float, float]:
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
