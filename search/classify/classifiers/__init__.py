"""Classifiers: each scores classes by a reference set, in a file that bears its name.

centroid.py   SimpleShot: the nearest class centroid
knn.py        votes of the nearest examples
probe.py      logistic regression

A new file is a new method: it has the function of `Method`.
"""

from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from model.plugins import load_plugin, plugin_names
from model.vectors import Features
from search.classify.reference_set import ReferenceSet, unit

Scores = npt.NDArray[np.float32]
"""(n, classes), the highest is the answer; a softmax of them, times a factor, is a probability."""


class Scorer(Protocol):
    """A method that was fitted to a reference set."""

    def scores(self, queries: Features) -> Scores:
        """Return the score of each class for each query, (n, dim) float32 unit rows."""


class Method(Protocol):
    """A module of this package."""

    def fit(self, reference: ReferenceSet) -> Scorer:
        """Fit to a reference set whose every class has a specimen."""


def methods() -> list[str]:
    """Return the names of the methods."""
    return plugin_names(__name__)


def load(method: str) -> Method:
    """Return a method by its name; raises UnknownName where there is none."""
    return cast(Method, load_plugin(__name__, method, "method"))


def centred(vectors: Features, mean: Features) -> Features:
    """Subtract the mean, (dim,), and scale to length 1: CL2N of SimpleShot.

    A vector that is the mean itself becomes zero.
    """
    return unit(vectors - mean)
