"""Votes of the nearest examples (k-NN): near ones count more, large classes do not.

A vote weighs exp(cosine / 0.07), as in Wu et al. 2018 ("Unsupervised Feature Learning via
Non-Parametric Instance Discrimination", section 3.4) and in DINO, divided by the number of the
examples of its class.
"""

from dataclasses import dataclass

import numpy as np

from indexer.backends.exact import Exact
from model.vectors import Features
from search.classify.classifiers import Scores
from search.classify.reference_set import ReferenceSet

TEMPERATURE = 0.07
NEIGHBOURS = 20  # that vote, as in DINO (appendix F)
_NO_VOTE = 1e-6  # the share of a class for which none voted


@dataclass(frozen=True, slots=True, eq=False)
class Voters:
    """The specimens themselves."""

    reference: ReferenceSet
    exact: Exact
    neighbours: int

    def scores(self, queries: Features) -> Scores:
        """Return the logarithm of each class's share of the votes."""
        cosines, near = self.exact.search(queries, self.neighbours)
        classes, sizes = self.reference.classes[near], self.reference.sizes
        weights = np.exp((cosines - cosines[:, :1]) / TEMPERATURE) / sizes[classes]
        votes = np.zeros((len(near), len(sizes)))
        np.add.at(votes, (np.arange(len(near))[:, None], classes), weights)
        shares = votes / votes.sum(axis=1, keepdims=True)
        logarithms: Scores = np.log(shares + _NO_VOTE).astype(np.float32)
        return logarithms


def fit(reference: ReferenceSet, neighbours: int = NEIGHBOURS) -> Voters:
    """Keep the specimens."""
    return Voters(reference, Exact([reference.vectors.astype(np.float16)]), neighbours)
