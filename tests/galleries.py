"""Made-up galleries: unit vectors in clumps, as those of taxa are."""

import numpy as np

from model.vectors import Vectors


def gallery(rows: int, dim: int = 32, clumps: int = 40, seed: int = 0) -> Vectors:
    """Return (rows, dim) unit rows, those of a clump side by side."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(clumps, dim))
    made = centres[np.sort(random.integers(0, clumps, rows))] + random.normal(size=(rows, dim))
    return unit(made)


def unit(rows: np.ndarray) -> Vectors:
    """Return rows of length 1."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def truth(vectors: Vectors, queries: Vectors, k: int, among: np.ndarray) -> np.ndarray:
    """Return the k best rows of each query among some, by plain products."""
    scores = queries.astype(np.float32) @ vectors.astype(np.float32)[among].T
    return among[np.argsort(-scores, axis=1, kind="stable")[:, :k]]


def recall(found: np.ndarray, true: np.ndarray) -> float:
    """Return the share of the true rows that were found."""
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(true, found, strict=True)]))
