"""Vectors, and what makes two of them comparable."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float16]
"""Unit rows."""

Features = npt.NDArray[np.float32]
"""(n, dim), of any length."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes vectors comparable: the same weights, preprocessing and tokenizer.

    Device, precision and runtime are not part of it, so that a collection made on a GPU can be
    searched on a laptop.
    """

    weights: str
    """sha256 of the weights, hexadecimal."""
    preprocessing: dict[str, Any]
    """size, mean, std, interpolation and resize mode, as open_clip names them."""
    tokenizer: str
    """name and context length."""

    @property
    def fingerprint(self) -> str:
        """sha256 of the three, hexadecimal."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
