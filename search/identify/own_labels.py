"""Classifying: labels of one's own, taxa or not, by what they look like alone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from indexer.taxonomy.text_matrix import TextMatrix
from model.encoder import Encoder
from model.errors import Error
from model.text_types import free_text_prompt
from search.identify.photographs import photographs
from search.zero_shot.candidates import NONE, Candidates, candidates_of
from search.zero_shot.scoring import score

COLUMNS = ("file_name", "classification", "score", "problem")
"""pybioclip's columns for labels of one's own, and what is wrong with a file"""
SCHEMA = pa.schema([(name, pa.float64() if name == "score" else pa.string()) for name in COLUMNS])
LEVEL = "classification"


@dataclass(frozen=True, slots=True)
class Classification:
    """How likely a label, or a bin of labels, is for one image."""

    file: str
    classification: str = ""
    score: float = 0.0
    """probability among all labels, uncalibrated"""
    problem: str = ""

    def row(self) -> dict[str, object]:
        """Return it under COLUMNS."""
        values = (self.file, self.classification, self.score, self.problem)
        return dict(zip(COLUMNS, values, strict=True))


def texts_of(encoder: Encoder, labels: Sequence[str]) -> TextMatrix:
    """Return the texts of labels; one prompt each, "a photo of …."."""
    return TextMatrix(encoder, [free_text_prompt(label) for label in labels])


def labels_as_candidates(texts: TextMatrix, bins: Mapping[str, str]) -> Candidates:
    """Make candidates of labels, by the bin of each; raises Error where there is none."""
    if not bins:
        raise Error("There is no label to choose from; write one a line.")
    table = pa.table({LEVEL: pa.array(list(bins.values()), pa.string())})
    return candidates_of(texts.vectors(), table, levels=(LEVEL,))


def classify(
    sources: Sequence[Path | str], encoder: Encoder, labels: Candidates, k: int
) -> Iterator[Classification]:
    """Yield the k likeliest labels, or bins, of each photograph, best first.

    A photograph that cannot be read is one line with its problem.
    """
    for batch in photographs(sources, encoder):
        usable = [photo.vector for photo in batch if photo.vector is not None]
        best = score(np.stack(usable), labels, k).clades[LEVEL] if usable else None
        place = 0
        for photo in batch:
            if best is None or photo.vector is None:
                yield Classification(photo.file, problem=photo.problem)
                continue
            numbers, shares = best.numbers[place], best.probabilities[place]
            place += 1
            for number, share in zip(numbers, shares, strict=True):
                if number != NONE:
                    start = int(labels.clades[LEVEL].starts[number])
                    name = labels.taxa[LEVEL][start].as_py()
                    yield Classification(photo.file, name, float(share))
