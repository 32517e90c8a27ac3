"""Few-shot classifiers: each learns classes from a support set, in a file that bears its name.

centroid.py   SimpleShot: the nearest class centroid
knn.py        votes of the nearest examples
probe.py      logistic regression

A new file is a new method: it has the function of `Classifier`.
"""

from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from indexer.backends import Rows
from model.plugins import load_plugin, plugin_names
from model.vectors import Features

Scores = npt.NDArray[np.float32]
"""(n, classes), the highest is the answer; a softmax of them, times a factor, is a probability."""

NEIGHBOURS = 20  # that vote, as in DINO (Caron et al. 2021, appendix F)


@dataclass(frozen=True, slots=True, eq=False)
class Support:
    """The support set: examples, and which class each is one of."""

    vectors: Features
    """(n, dim) float32, unit rows"""
    classes: Rows
    """(n,) int64, 0 to classes - 1; each has an example"""
    neighbours: int = NEIGHBOURS
    """how many of the nearest examples vote, where a method lets them"""

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.classes)

    @property
    def shots(self) -> Rows:
        """How many examples each class has, (classes,)."""
        return np.bincount(self.classes)


class Fitted(Protocol):
    """A classifier that has learned."""

    def scores(self, queries: Features) -> Scores:
        """Return the score of each class for each query, (n, dim) float32 unit rows."""


class Classifier(Protocol):
    """A method: a module of this package."""

    def fit(self, support: Support) -> Fitted:
        """Learn from examples."""


def methods() -> list[str]:
    """Return the names of the methods."""
    return plugin_names(__name__)


def load(method: str) -> Classifier:
    """Return a method by its name; raises UnknownName where there is none."""
    return cast(Classifier, load_plugin(__name__, method, "method"))


def centred(vectors: Features, mean: Features) -> Features:
    """Subtract the mean, (dim,), and scale to length 1: CL2N of SimpleShot.

    A vector that is the mean itself becomes zero.
    """
    moved = vectors - mean
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    unit: Features = moved / np.maximum(lengths, np.float32(1e-12))
    return unit
