"""Mixtures: a question with more of this and less of that."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.backends.exact import Exact
from indexer.catalog.snapshot import Snapshot
from indexer.inputs.decoding import SUFFIXES
from model.encoder import Encoder
from model.errors import Error
from model.vectors import Vectors
from search import queries
from search.names import Names

_WEIGHTED = re.compile(r"\s*(\d+(?:\.\d+)?)\s*\*\s*(.*\S)\s*")
_SAMPLE = 1000  # rows that tell how far the cosines of a part spread


@dataclass(frozen=True, slots=True)
class Part:
    """What is added to a question, or with a weight below 0 taken away."""

    weight: float
    words: str
    question: queries.Question

    def __str__(self) -> str:
        """Describe it: "minus 2 × snow"."""
        weight = f"{abs(self.weight):g} × " if abs(self.weight) != 1 else ""
        return f"{'plus' if self.weight > 0 else 'minus'} {weight}{self.words}"


def parts_of(names: Names, plus: Iterable[str], minus: Iterable[str]) -> tuple[Part, ...]:
    """Understand what is added and taken away: "snow", "2*Felidae", "0.5*nest.jpg"."""
    return (*_parts(names, plus, 1), *_parts(names, minus, -1))


def vector_of(
    question: queries.Question,
    parts: Sequence[Part],
    snapshot: Snapshot,
    exact: Exact,
    encoder: Callable[[], Encoder],
) -> Vectors:
    """Embed a question with what is added and taken away: (1, dim) unit row."""
    vector = queries.vector_of(question, snapshot, encoder)
    if not parts:
        return vector
    others = ((part.weight, queries.vector_of(part.question, snapshot, encoder)) for part in parts)
    return mixed(vector, list(others), exact)


def mixed(vector: Vectors, others: Sequence[tuple[float, Vectors]], exact: Exact) -> Vectors:
    """Return the unit sum of vectors, (1, dim) each, with their weights; the first has weight 1.

    Each counts in units of the spread of its cosines over the collection, else a text, whose
    cosines all lie close together, would hardly count beside a picture. Raises Error where they
    cancel each other.
    """
    rows = np.unique(np.linspace(0, len(exact) - 1, _SAMPLE).astype(np.int64))
    sample = exact.gather(rows).astype(np.float32)
    total = np.zeros(vector.shape, np.float32)
    for weight, each in ((1.0, vector), *others):
        direction = each.astype(np.float32)
        total += weight * direction / max(float((sample @ direction[0]).std()), 1e-3)
    length = float(np.linalg.norm(total))
    if length < 1e-3:
        raise Error("What is added and taken away leaves nothing to search by; change a weight.")
    unit: Vectors = (total / length).astype(np.float16)
    return unit


def _parts(names: Names, said: Iterable[str], sign: int) -> Iterator[Part]:
    for each in said:
        match = _WEIGHTED.fullmatch(each)
        weight, words = (float(match[1]), match[2]) if match else (1.0, each)
        path = Path(words)
        if path.suffix.lower() in SUFFIXES:
            question = queries.ask_images([path])
        else:
            question = queries.ask_name(names, words)
        if weight:
            yield Part(sign * weight, words, question)
