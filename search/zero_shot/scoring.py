"""Zero-shot: the probability of every candidate and of every clade for each image, in one pass.

An image's probabilities are the softmax of its scaled cosines over all candidates (Radford et al.
2021, "Learning Transferable Visual Models From Natural Language Supervision", section 3.1.2); a
clade's is the sum over its members. One pass over all candidates keeps only sums over small groups
of neighbours (`search.products`). The groups with the largest sums are looked at closely
(`search.top`), so that all that matters is exact; the rest counts as it was summed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from model.vectors import Features, Vectors
from search.zero_shot.candidates import NONE, Candidates, Clades, Numbers
from search.zero_shot.products import GROUP, Sums, plain_sums, rounded_sums
from search.zero_shot.roll_up import rolled_up
from search.zero_shot.top import Exactly, best_members, best_of, best_seen, look

SCALE = 100.0  # exp(logit_scale) of OpenAI's CLIP, open_clip's models and BioCLIP after training
IMAGES = 256  # at most together
_NUMBERS = 1 << 26  # sums of images, of groups and of clades, held together at most: 256 MB
_SAMPLE = 1024  # candidates that tell about how high the logits of an image are
_ROUGH = 1e-3  # what a group that is not looked at may hold: clades are off by twice that at most
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
    and min(k, clades) best clades; of equals the lower number comes first. `quickened` candidates
    are scored in bfloat16, except the best, and images that this does not suffice for; others in
    float32.
    """
    asked = asked or {}
    levels = list(candidates.clades) if levels is None else levels
    cuts = {
        level: cut
        for level, cut in candidates.clades.items()
        if level in asked or (level in levels and not _single(cut, candidates))
    }
    held = len(candidates) // (GROUP if candidates.rounded else 1)
    held += sum(len(cut.starts) for cut in cuts.values())
    step = max(1, min(IMAGES, _NUMBERS // max(1, held)))
    scaled = np.asarray(images, np.float32) * np.float32(scale)
    parts = []
    for start in range(0, max(1, len(images)), step):
        rows = slice(start, start + step)
        given = {level: numbers[rows] for level, numbers in asked.items()}
        parts.append(_score(scaled[rows], candidates, k, levels, cuts, given))
    return _joined(parts) if len(parts) > 1 else parts[0]


def _score(
    images: Features,
    candidates: Candidates,
    k: int,
    levels: Sequence[str],
    cuts: Mapping[str, Clades],
    asked: Mapping[str, Numbers],
) -> Scored:
    biases = None
    if candidates.weights is not None:
        with np.errstate(divide="ignore"):
            biases = np.log(candidates.weights.astype(np.float32))
    sums = _summed(images, candidates, biases)
    exactly = _exactly(images, candidates, biases, sums.shift)
    share = _ROUGH if cuts and candidates.rounded else 1.0
    looks = list(look(sums, len(candidates), k, exactly, share))
    for seen in looks:
        sums.values[seen.groups, seen.image] = 0
    total = sums.values.sum(axis=0, dtype=np.float64)
    for seen in looks:
        total[seen.image] += seen.shares.sum()
    total = np.maximum(total, np.finfo(np.float32).tiny)  # 0 where nothing may be the answer
    scales = (1 / total).astype(np.float32)[:, None]
    places, shares = best_members(looks, min(k, len(candidates)))
    taxa = Best(places, _at_most_1(shares * scales))
    clades: dict[str, Best] = {}
    given: dict[str, Probabilities] = {}
    for level, summed in rolled_up(sums, looks, cuts).items():
        if level in asked:
            found = summed[asked[level], np.arange(len(images))[:, None]] * scales
            given[level] = np.where(asked[level] == NONE, np.float32(0), _at_most_1(found))
        if level in levels:
            numbers, found = best_of(summed, cuts[level].named, k)
            clades[level] = Best(numbers, _at_most_1(found * scales))
    for level in levels:
        cut = candidates.clades[level]
        if level not in cuts and not _alone(cut, candidates):
            numbers, found = best_seen(looks, cut, min(k, len(cut.starts)))
            clades[level] = Best(numbers, _at_most_1(found * scales))
    scored = Scored(taxa, {level: clades.get(level, taxa) for level in levels}, given)
    unsure = [seen.image for seen in looks if not seen.sure]
    if unsure and candidates.rounded is not None:
        some = {level: numbers[unsure] for level, numbers in asked.items()}
        plain = replace(candidates, rounded=None)
        _put(scored, unsure, _score(images[unsure], plain, k, levels, cuts, some))
    return scored


def _single(cut: Clades, candidates: Candidates) -> bool:
    """Whether the best candidates tell the best clades, as of species."""
    often = len(cut.starts) > 0.9 * len(candidates) and candidates.rounded is not None
    return often or _alone(cut, candidates)


def _alone(cut: Clades, candidates: Candidates) -> bool:
    """Whether each candidate is a clade by itself: the best are the same."""
    return len(cut.starts) == len(candidates) and bool(cut.named.all())


def _sampled(images: Features, candidates: Candidates, biases: Features | None) -> Features:
    """Return about the best logit of each image, from some of the candidates."""
    some = slice(None, None, max(1, len(candidates) // _SAMPLE))
    logits = images @ candidates.vectors[some].astype(np.float32).T
    if biases is not None:
        logits += biases[some]
    found: Features = np.max(logits, axis=1, initial=-np.inf)
    found[~np.isfinite(found)] = 0
    return found


def _summed(images: Features, candidates: Candidates, biases: Features | None) -> Sums:
    shift = _sampled(images, candidates, biases)
    if candidates.rounded is None or not len(images):
        return plain_sums(candidates.vectors, images, biases, shift)
    return rounded_sums(candidates.rounded, images, biases, shift)


def _exactly(
    images: Features, candidates: Candidates, biases: Features | None, shift: Features
) -> Exactly:
    def exactly(image: int, places: Numbers) -> Features:
        logits = candidates.vectors[places].astype(np.float32) @ images[image] - shift[image]
        shares: Features = np.exp(logits if biases is None else logits + biases[places])
        return shares

    return exactly


def _put(scored: Scored, images: Sequence[int], anew: Scored) -> None:
    """Put in what was found anew for some images."""
    pairs = [(scored.taxa, anew.taxa)]
    pairs += [(best, anew.clades[level]) for level, best in scored.clades.items()]
    for best, other in pairs:
        best.numbers[images], best.probabilities[images] = other.numbers, other.probabilities
    for level, found in scored.asked.items():
        found[images] = anew.asked[level]


def _at_most_1(shares: npt.NDArray[np.floating]) -> Probabilities:
    """Take away what rounding adds."""
    found: Probabilities = np.minimum(shares, 1).astype(np.float32)
    return found


def _joined(parts: Sequence[Scored]) -> Scored:
    first = parts[0]
    return Scored(
        _stacked([part.taxa for part in parts]),
        {level: _stacked([part.clades[level] for part in parts]) for level in first.clades},
        {level: np.concatenate([part.asked[level] for part in parts]) for level in first.asked},
    )


def _stacked(parts: Sequence[Best]) -> Best:
    return Best(
        np.concatenate([part.numbers for part in parts]),
        np.concatenate([part.probabilities for part in parts]),
    )
