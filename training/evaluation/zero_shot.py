"""Zero-shot: images are given the class whose name is nearest, names averaged over templates.

Radford et al. 2021, section 3.1.4, as BioCLIP's evaluation does it (`zero_shot_iid.py`): classes
are the distinct strings of a text type in order of first appearance.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from indexer.taxonomy.text_matrix import TextMatrix
from model.encoder import Encoder, logit_scale_of
from model.vectors import Features
from training.evaluation.class_names import class_string, filled, templates
from training.evaluation.figures import Figure, mean_figure
from training.evaluation.intervals import Floats
from training.evaluation.labelled_images import LabelledImages, Numbers

_MOST_ROWS = 1024  # images compared at once


@dataclass(frozen=True, slots=True, eq=False)
class ZeroShot:
    """Cosines of images with class names."""

    scores: Floats
    """(n, classes) float64: what float32 rounds to equality is a matter of the machine"""
    truth: Numbers
    """(n,)"""
    scale: float
    """of the encoder's softmax"""
    setting: str


def zero_shot(
    images: LabelledImages, vectors: Features, encoder: Encoder, text_type: str, many: int
) -> ZeroShot:
    """Compare images with the names of their classes, an ensemble of so many templates each."""
    strings = [class_string(each.taxon, each.label, text_type) for each in images.described]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(strings))}
    truth = np.array([numbers[each] for each in strings], np.int64)
    names = ensembles(encoder, list(numbers), many).astype(np.float64)
    parts = [
        vectors[start : start + _MOST_ROWS] @ names.T
        for start in range(0, len(vectors), _MOST_ROWS)
    ]
    word = "template" if many == 1 else "templates"
    setting = f"{text_type}, {many} {word}, {len(numbers):,} classes"
    return ZeroShot(np.concatenate(parts), truth, logit_scale_of(encoder), setting)


def ensembles(encoder: Encoder, names: list[str], many: int) -> Features:
    """Return the mean of each name's unit vectors over templates, scaled to length 1: (names, dim).

    The vectors of the texts are kept.
    """
    total = np.zeros((len(names), encoder.dim), np.float32)
    texts = [text for template in templates(many) for text in filled(template, names)]
    rows = TextMatrix(encoder, texts).vectors()
    for start in range(0, len(rows), len(names)):
        total += rows[start : start + len(names)].astype(np.float32)
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    found: Features = total / np.maximum(lengths, 1e-12)
    return found


def figures(found: ZeroShot) -> Iterator[Figure]:
    """Yield top-1 and top-5, averaged over images; of equal cosines the first class comes first."""
    own = found.scores[np.arange(len(found.truth)), found.truth][:, None]
    places = np.arange(found.scores.shape[1])
    before = (found.scores > own) | ((found.scores == own) & (places < found.truth[:, None]))
    position = before.sum(axis=1)
    for k in (1, 5):
        right = (position < k).astype(np.float64)
        yield mean_figure(f"zero-shot top-{k}", right, setting=found.setting)
