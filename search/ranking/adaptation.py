"""The map of an adapted collection: the images nearest to a picture, put in a better order.

The map centres rows and whitens them in part. Images are found by cosine, with or without an
index, and the best of them are ordered anew by their cosines in the mapped space. Texts lie
elsewhere and are not mapped.
"""

from dataclasses import dataclass, replace

import numpy as np

from indexer.backends import Found
from indexer.backends.exact import Exact
from model.vectors import Features, Vectors
from search.ranking.plan import Plan

POOL = 200  # of the nearest images, which are ordered anew
LEAST = 0.01  # a gain that is worth a map


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """A linear map of rows that are centred first."""

    mean: Features
    """(dim,) subtracted"""
    matrix: Features
    """(dim, dim) by which centred rows are multiplied"""

    def into(self, vectors: Vectors | Features) -> Features:
        """Return rows (n, dim) in the mapped space, scaled to length 1."""
        mapped = (vectors.astype(np.float32) - self.mean) @ self.matrix
        lengths = np.linalg.norm(mapped, axis=1, keepdims=True)
        scaled: Features = (mapped / np.maximum(lengths, 1e-9)).astype(np.float32)
        return scaled

    def order(self, exact: Exact, queries: Vectors | Features, found: Found) -> Found:
        """Return what was found for queries (n, dim), the first POOL of each in a better order.

        Scores are cosines in the mapped space; of equal ones the one that was nearer comes first.
        """
        rows = found[1]
        some, places = np.unique(rows, return_inverse=True)
        mapped = self.into(exact.gather(some))[places.reshape(rows.shape)]
        scores = np.einsum("nd,nkd->nk", self.into(queries), mapped)
        order = np.argsort(-scores[:, :POOL], axis=1, kind="stable")
        scores[:, :POOL] = np.take_along_axis(scores, order, axis=1)
        ordered = rows.copy()
        ordered[:, :POOL] = np.take_along_axis(rows, order, axis=1)
        return scores, ordered

    def plan(self, plan: Plan) -> Plan:
        """Return the plan of a search whose answer is ordered by the map."""
        first = min(POOL, plan.rows)
        return replace(plan, why=f"{plan.why}; the map of its labels orders the first {first:,}")


@dataclass(frozen=True, slots=True)
class Gain:
    """Mean average precision of labelled images that look for others of their species."""

    before: float
    """by cosine"""
    after: float
    """by cosine in the space of a map that they did not teach"""
    margin: float
    """half the width of the difference's 95 % interval"""
    images: int
    """that looked"""
    species: int
    """that these are of"""

    @property
    def is_sure(self) -> bool:
        """Whether it gains, by more than chance explains."""
        return self.after - self.before > max(LEAST, self.margin)

    def __str__(self) -> str:
        """Describe it: "0.477 → 0.503 (± 0.011; 1,500 images of 100 species)"."""
        of = f"± {self.margin:.3f}; {self.images:,} images of {self.species:,} species"
        return f"{self.before:.3f} → {self.after:.3f} ({of})"


@dataclass(frozen=True, slots=True, eq=False)
class Adaptation:
    """The map that was learnt from a collection's labels, and how much it gains."""

    map: Map
    whitened: float
    """0 to 1: the weight of whitening against the identity"""
    specimens: Gain
    """where half of the specimens taught the map, among the others"""
    species: Gain
    """where half of the species taught it, among the others"""

    @property
    def is_gain(self) -> bool:
        """Whether both gain surely."""
        return self.specimens.is_sure and self.species.is_sure

    def __str__(self) -> str:
        """Describe what it gains, with the number of pictures."""
        return (
            f"mean average precision {self.species} among species that were left out, "
            f"{self.specimens} among specimens that were left out"
        )
