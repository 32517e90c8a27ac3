"""The probe: multinomial logistic regression on the vectors, centred and scaled as SimpleShot does.

Radford et al. 2021 (CLIP, section 3.2) call it a linear probe; scikit-learn fits it.
"""

import warnings
from dataclasses import dataclass
from threading import Lock

import numpy as np

from model.vectors import Features
from search.classify.classifiers import NEIGHBOURS, Scores, centred
from search.classify.reference_set import ReferenceSet

C = 10.0  # inverse of the penalty: of 1, 10, 100, 1000 the best at 1, 5 and 15 shots of 100 birds
_STEPS = 200
_FITTING = Lock()  # warning filters are the process's: two threads would restore each other's


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """What was learned: (dim,) the mean, (classes, dim) the weights and (classes,) the biases."""

    mean: Features
    weights: Features
    biases: Features

    def scores(self, queries: Features) -> Scores:
        """Return the log-odds of each class, up to a constant of each query."""
        scores: Scores = centred(queries, self.mean) @ self.weights.T + self.biases
        return scores


def fit(reference: ReferenceSet, neighbours: int = NEIGHBOURS) -> Probe:
    """Learn the weights, every class as important as any other; one alone needs none."""
    return fit_probe(reference, C)


def fit_probe(reference: ReferenceSet, c: float) -> Probe:
    """Learn the weights with `c`, the inverse of the penalty."""
    from sklearn.exceptions import ConvergenceWarning  # seconds
    from sklearn.linear_model import LogisticRegression

    mean = reference.vectors.mean(axis=0)
    dim, classes = reference.vectors.shape[1], reference.count
    if classes == 1:
        return Probe(mean, np.zeros((1, dim), np.float32), np.zeros(1, np.float32))
    model = LogisticRegression(C=c, class_weight="balanced", max_iter=_STEPS, tol=1e-3)
    with _FITTING, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last step is near enough
        warnings.filterwarnings("ignore", message="The number of unique classes is greater")
        model.fit(centred(reference.vectors, mean), reference.classes)
    weights, biases = model.coef_.astype(np.float32), model.intercept_.astype(np.float32)
    if classes == 2:  # scikit-learn keeps those of the second alone
        weights, biases = np.concatenate([-weights, weights]) / 2, np.append(-biases, biases) / 2
    return Probe(mean, weights, biases)
