"""The reference set: labelled specimens that answer for images which nobody labelled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from model.vectors import Features, Vectors
from search.classify.taxon_tree import TaxonTree

Numbers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceSet:
    """Specimens and the class that each is labelled with; see `reference_set`."""

    vectors: Features
    """(m, dim) float32, unit rows"""
    classes: Numbers
    """(m,) 0 to count - 1"""
    count: int
    """classes, of which some may have no specimen"""
    tree: TaxonTree | None = None
    """the taxon of each class; None where classes are no taxa"""
    prior: npt.NDArray[np.float64] | None = None
    """(count,) votes are multiplied by it; None is 1 for all"""
    rows: Numbers | None = None
    """(m,) the specimens' rows in the collection, ascending"""

    def __len__(self) -> int:
        """Return the number of specimens."""
        return len(self.classes)

    @property
    def sizes(self) -> Numbers:
        """How many specimens each class has, (count,)."""
        return np.bincount(self.classes, minlength=self.count).astype(np.int64)

    def among(self, some: Flags | Numbers) -> "ReferenceSet":
        """Return the specimens of a mask (m,), or at some places, with all classes."""
        rows = None if self.rows is None else self.rows[some]
        return replace(self, vectors=self.vectors[some], classes=self.classes[some], rows=rows)

    def sums(self, values: Features) -> Features:
        """Return the sums of the specimens' values (m, …) by class, (count, …)."""
        return sums_by(self.classes, values, self.count)

    def means(self, values: Features) -> Features:
        """Return the means of the specimens' values (m, dim) by class, 0 for a class without."""
        means = self.sums(values) / np.maximum(self.sizes, 1)[:, None]
        return means.astype(np.float32)


def reference_set(
    vectors: Vectors | Features, classes: Numbers | Sequence[int], count: int = 0
) -> ReferenceSet:
    """Make a reference set of unit vectors (m, dim) and classes (m,) that are no taxa.

    `count` is the number of classes, by default up to the last that has a specimen.
    """
    numbers = np.asarray(classes, np.int64)
    count = max(count, int(numbers.max(initial=-1)) + 1)
    return ReferenceSet(np.asarray(vectors, np.float32), numbers, count)


def sums_by(classes: Numbers, values: npt.NDArray[np.floating], count: int) -> Features:
    """Return the sums of values (m, dim) by class, (count, dim)."""
    ones = np.ones(len(classes), values.dtype)
    places = np.arange(len(classes))
    sums: Features = csr_array((ones, (classes, places)), shape=(count, len(classes))) @ values
    return sums


def unit(vectors: npt.NDArray[np.floating]) -> Features:
    """Scale vectors (…, dim) to length 1; a zero vector stays zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    scaled: Features = (vectors / np.maximum(lengths, 1e-9)).astype(np.float32)
    return scaled
