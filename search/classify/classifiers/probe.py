"""The probe: multinomial logistic regression on the vectors, centred and scaled as SimpleShot does.

Radford et al. 2021 (CLIP, section 3.2) call it a linear probe; scikit-learn fits it.
"""

import warnings
from dataclasses import dataclass
from threading import Lock

import numpy as np

from model.vectors import Features
from search.classify.classifiers import Scores, centred
from search.classify.reference_set import ReferenceSet

C = 10.0  # inverse of the penalty: of 1, 10, 100, 1000 the best at 1, 5 and 15 shots of 100 birds
MOST = 1e8  # specimens × classes × numbers that are affordable: a second for one probe
_STEPS = 200
_ABSENT = -1e3  # the bias of a class without a specimen
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


def fit(reference: ReferenceSet) -> Probe:
    """Learn the weights, every class as important as any other; one alone needs none."""
    return fit_probe(reference, C)


def fit_affordable(reference: ReferenceSet, c: float = C, most: float = MOST) -> Probe | None:
    """Learn the weights where that is affordable, else return None."""
    return fit_probe(reference, c) if reference.vectors.size * reference.count <= most else None


def fit_probe(reference: ReferenceSet, c: float) -> Probe:
    """Learn the weights with `c`, the inverse of the penalty; a class without a specimen is out."""
    from sklearn.exceptions import ConvergenceWarning  # seconds
    from sklearn.linear_model import LogisticRegression

    mean = reference.vectors.mean(axis=0)
    weights = np.zeros((reference.count, len(mean)), np.float32)
    present = np.flatnonzero(reference.sizes)
    biases = np.where(reference.sizes > 0, 0, _ABSENT).astype(np.float32)
    if len(present) == 1:
        return Probe(mean, weights, biases)
    model = LogisticRegression(C=c, class_weight="balanced", max_iter=_STEPS, tol=1e-3)
    with _FITTING, warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last step is near enough
        warnings.filterwarnings("ignore", message="The number of unique classes is greater")
        model.fit(centred(reference.vectors, mean), reference.classes)
    if len(present) == 2:  # scikit-learn keeps those of the second alone
        weights[present] = np.concatenate([-model.coef_, model.coef_]) / 2
        biases[present] = np.append(-model.intercept_, model.intercept_) / 2
    else:
        weights[present], biases[present] = model.coef_, model.intercept_
    return Probe(mean, weights, biases)
