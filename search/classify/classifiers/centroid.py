"""SimpleShot: the nearest class centroid, after subtracting the mean of the support set.

Wang et al. 2019, "SimpleShot: Revisiting Nearest-Neighbor Classification for Few-Shot Learning"
(arXiv 1911.04623), CL2N, as the BioCLIP evaluation does it: support and queries are centred with
the mean of all support vectors and scaled to length 1; a centroid is the mean of its class and not
scaled again; the nearest in Euclidean distance is the answer.
"""

from dataclasses import dataclass

from model.vectors import Features
from search.classify.classifiers import Scores, centred
from search.classify.reference_set import ReferenceSet


@dataclass(frozen=True, slots=True, eq=False)
class Centroids:
    """What was learned: (dim,) the mean, and (classes, dim) the centroids."""

    mean: Features
    centroids: Features

    def scores(self, queries: Features) -> Scores:
        """Return q·c - |c|²/2, which orders classes as minus the distance |q - c| does."""
        products = centred(queries, self.mean) @ self.centroids.T
        scores: Scores = products - (self.centroids**2).sum(axis=1) / 2
        return scores


def fit(reference: ReferenceSet) -> Centroids:
    """Learn the mean and the centroids."""
    mean = reference.vectors.mean(axis=0)
    return Centroids(mean, reference.means(centred(reference.vectors, mean)))
