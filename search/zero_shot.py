"""Zero-shot: the probability of every candidate and of every clade for each image, in one pass.

An image's probabilities are the softmax of its scaled cosines over all candidates (Radford et al.
2021, "Learning Transferable Visual Models From Natural Language Supervision", section 3.1.2); a
clade's is the sum over its members.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model.vectors import Features, Vectors
from search.candidates import NONE, Candidates, Numbers

SCALE = 100.0  # exp(logit_scale) of OpenAI's CLIP, open_clip's models and BioCLIP after training
Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The most probable candidates, or clades of a level, of each image, best first."""

    numbers: Numbers
    """(n, k') places of candidates, or numbers of clades; NONE for lack of named clades"""
    probabilities: Probabilities
    """(n, k')"""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """What `score` found for n images."""

    taxa: Best
    """the best candidates"""
    clades: Mapping[str, Best]
    """the best clades, by level"""
    asked: Mapping[str, Probabilities] = field(default_factory=dict)
    """(n, m) probabilities of the clades asked for, by level; 0 for NONE"""


def score(
    images: Vectors | Features,
    candidates: Candidates,
    k: int = 5,
    *,
    scale: float = SCALE,
    levels: Sequence[str] | None = None,
    asked: Mapping[str, Numbers] | None = None,
) -> Scored:
    """Return the k most probable candidates, and clades of each level, of images (n, dim).

    `images` are unit rows, `scale` is exp(logit_scale) of the encoder. `levels` are those of the
    candidates unless fewer are wanted. `asked` (n, m) are numbers of clades whose probabilities
    are wanted of each image whatever they are. There are k' = min(k, candidates) best candidates
    and min(k, clades) best clades; of equals the lower number comes first.
    """
    levels = list(candidates.clades) if levels is None else levels
    logits = scale * (images.astype(np.float32) @ candidates.vectors.astype(np.float32).T)
    if candidates.weights is not None:
        with np.errstate(divide="ignore"):
            logits += np.log(candidates.weights)
    if len(candidates):
        logits -= logits.max(axis=1, keepdims=True)
    shares = np.exp(logits)
    shares /= shares.sum(axis=1, keepdims=True)
    clades: dict[str, Best] = {}
    given: dict[str, Probabilities] = {}
    for level in {*levels, *(asked or {})}:
        cut = candidates.clades[level]
        sums = np.add.reduceat(shares, cut.starts, axis=1) if len(cut.starts) else shares
        clades[level] = _best(np.where(cut.named, sums, -1), k)
        if asked and level in asked:
            wanted = asked[level]
            given[level] = np.where(wanted == NONE, 0, np.take_along_axis(sums, wanted, axis=1))
    return Scored(_best(shares, k), {level: clades[level] for level in levels}, given)


def _best(shares: Probabilities, k: int) -> Best:
    numbers = np.argsort(-shares, axis=1, kind="stable")[:, :k]
    found = np.take_along_axis(shares, numbers, axis=1)
    return Best(np.where(found < 0, NONE, numbers), np.maximum(found, 0))
