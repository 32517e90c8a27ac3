"""Whitening: a space in which specimens of one class differ alike in every direction.

The covariance inside classes is pooled over all of them and drawn towards the same variance in
every direction, as in regularised discriminant analysis (Hastie, Tibshirani & Friedman 2009, The
Elements of Statistical Learning, §4.3.1); its inverse square root whitens.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.vectors import Features, Vectors
from search.classify.reference_set import ReferenceSet, unit

Matrix = npt.NDArray[np.floating]
MOST_RESIDUALS = 20_000  # specimens that tell how those of one class differ
_FITTED_ONCE = 20  # specimens a dimension, from which leaving some out does not change it
_NO_SPREAD = 1e-6  # of squared residuals, below which specimens do not tell


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """A mean that is subtracted, and a matrix that whitens what is left."""

    mean: Features
    """(dim,)"""
    matrix: Features
    """(dim, dim)"""

    def into(self, vectors: Vectors | Features) -> Features:
        """Return vectors (n, dim) in the whitened space, scaled to length 1."""
        centred: Features = vectors.astype(np.float32) - self.mean
        return unit(centred @ self.matrix)


def fit_whitening(reference: ReferenceSet) -> Whitening:
    """Fit to a reference set of one specimen at least: centred on the mean of its class means.

    The shrinkage is that of Ledoit & Wolf (2004, "A well-conditioned estimator for
    large-dimensional covariance matrices"). Where no class has specimens that differ, the space
    is only centred.
    """
    from sklearn.covariance import ledoit_wolf_shrinkage  # seconds

    means, sizes = reference.means(reference.vectors), reference.sizes
    mean: Features = means[sizes > 0].mean(axis=0)
    some = np.flatnonzero(sizes[reference.classes] > 1)
    some = some[:: max(1, len(some) // MOST_RESIDUALS)]
    residuals = reference.vectors[some] - means[reference.classes[some]]
    if len(some) < 2 or float(np.square(residuals).sum(axis=1).mean()) < _NO_SPREAD:
        return Whitening(mean, np.eye(len(mean), dtype=np.float32))
    covariance = residuals.T @ residuals / np.float32(len(residuals))
    # Rounding makes the 0 of one class with two specimens -4e-8, which would be refused.
    shrinkage = max(0.0, float(ledoit_wolf_shrinkage(residuals, assume_centered=True)))
    return Whitening(mean, whitening_matrix(covariance, shrinkage))


def whitening_without(others: ReferenceSet, whole: Whitening) -> Whitening:
    """Return the whitening of a set that some specimens were left out of.

    With many specimens a dimension that is the one of the whole: some do not change it.
    """
    dim = others.vectors.shape[1]
    return whole if len(others) > _FITTED_ONCE * dim else fit_whitening(others)


def whitening_matrix(covariance: Matrix, shrinkage: float) -> Features:
    """Return the inverse square root (dim, dim) of a covariance after shrinkage, 0 to 1."""
    from sklearn.covariance import shrunk_covariance

    shrunk = shrunk_covariance(np.asarray(covariance, np.float64), shrinkage)
    variances, directions = np.linalg.eigh(shrunk)
    least = max(1e-3 * float(variances.max()), 1e-6)
    scaled = directions / np.sqrt(np.maximum(variances, least))
    matrix: Features = (scaled @ directions.T).astype(np.float32)
    return matrix
