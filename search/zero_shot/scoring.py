"""Zero-shot: the probability of every candidate and of every clade for each image, in one pass.

An image's probabilities are the softmax of its scaled cosines over all candidates (Radford et al.
2021, "Learning Transferable Visual Models From Natural Language Supervision", section 3.1.2); a
clade's is the sum over its members. Candidates are looked at in tiles that fit a processor's
cache; of each only sums by clade stay, and the best logit of every GROUP of candidates. The
groups with the best logits hold the best candidates, whose logits are then computed anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from model.vectors import Features, Vectors
from search.zero_shot.candidates import NONE, Candidates, Clades, Numbers
from search.zero_shot.products import Plain, Product, Quick
from search.zero_shot.roll_up import RollUp
from search.zero_shot.top import GROUP, Peaks, best_of

SCALE = 100.0  # exp(logit_scale) of OpenAI's CLIP, open_clip's models and BioCLIP after training
IMAGES = 256  # at most together
_SUMS = 1 << 26  # numbers at most that clades' sums of images take together: 256 MB
_TILE = 1 << 18  # logits looked at together: 1 MB
_SAMPLE = 4096  # candidates that tell about how high the logits of an image are
_FAR = 60.0  # above the sample's, from where on exponentials might not fit float32
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
    are scored in bfloat16, except the best; others in float32.
    """
    asked = asked or {}
    levels = list(candidates.clades) if levels is None else levels
    cuts = {
        level: cut
        for level, cut in candidates.clades.items()
        if level in asked or (level in levels and not _alone(cut, candidates))
    }
    sums = sum(len(cut.starts) for cut in cuts.values())
    step = max(1, min(IMAGES, _SUMS // max(1, sums)))
    scaled = np.asarray(images, np.float32) * np.float32(scale)
    parts = []
    for start in range(0, max(1, len(images)), step):
        rows = slice(start, start + step)
        given = {level: numbers[rows] for level, numbers in asked.items()}
        parts.append(_score(scaled[rows], candidates, k, scale, levels, cuts, given))
    return _joined(parts) if len(parts) > 1 else parts[0]


def _score(
    images: Features,
    candidates: Candidates,
    k: int,
    scale: float,
    levels: Sequence[str],
    cuts: Mapping[str, Clades],
    asked: Mapping[str, Numbers],
) -> Scored:
    biases = None
    if candidates.weights is not None:
        with np.errstate(divide="ignore"):
            biases = np.log(candidates.weights.astype(np.float32))
    shift = _sampled(images, candidates, biases)
    while True:
        product = _product(candidates, images, shift)
        peaks, roll_up, total = _passed(product, candidates, biases, cuts, len(images))
        above = peaks.highest()
        if not (above > _FAR).any():
            break
        shift = product.shift + above

    def exactly(places: Numbers, image: int) -> Features:
        """Compute some logits anew, and put right what was summed of them."""
        rows = candidates.vectors[places].astype(np.float64)
        exact = rows @ images[image].astype(np.float64) - product.shift[image]
        rough = product.some(places, image)
        if biases is not None:
            exact, rough = exact + biases[places], rough + biases[places]
        more = np.exp(exact) - np.exp(rough)
        roll_up.correct(places, image, more.astype(np.float32))
        total[image] += more.sum()
        found: Features = exact.astype(np.float32)
        return found

    places, logits = peaks.best(k, exactly, product.error * scale)
    total = np.maximum(total, np.finfo(np.float32).tiny)  # 0 where nothing may be the answer
    shares = np.exp(logits) / total[:, None]
    clades: dict[str, Best] = {}
    given: dict[str, Probabilities] = {}
    scales = (1 / total).astype(np.float32)[:, None]
    for level, cut in cuts.items():
        sums = roll_up.sums[level]
        if level in asked:
            found = sums[asked[level], np.arange(len(images))[:, None]] * scales
            given[level] = np.where(asked[level] == NONE, np.float32(0), _at_most_1(found))
        if level in levels:
            numbers, found = best_of(sums, cut.named, k)
            clades[level] = Best(numbers, _at_most_1(found * scales))
    taxa = Best(places, _at_most_1(shares))
    return Scored(taxa, {level: clades.get(level, taxa) for level in levels}, given)


def _alone(cut: Clades, candidates: Candidates) -> bool:
    """Whether each candidate is a clade by itself, as species are: the best ones are the same."""
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


def _product(candidates: Candidates, images: Features, shift: Features) -> Product:
    if candidates.rounded is None:
        return Plain(candidates.vectors, images, shift)
    return Quick(candidates.rounded, images, shift)


def _passed(
    product: Product,
    candidates: Candidates,
    biases: Features | None,
    cuts: Mapping[str, Clades],
    count: int,
) -> tuple[Peaks, RollUp, npt.NDArray[np.float64]]:
    """Look at all candidates once: the best of each group, the sums by clade and over all."""
    peaks, roll_up = Peaks(len(candidates), count), RollUp(cuts, count)
    total = np.zeros(count)
    size = min(max(_TILE // max(1, count), 1024), 16_384) // GROUP * GROUP
    for start in range(0, len(candidates), size):
        stop = min(start + size, len(candidates))
        logits = product.logits(start, stop)
        if biases is not None:
            logits += biases[start:stop, None]
        peaks.add(start, logits)
        with np.errstate(over="ignore"):  # such a pass is done anew
            shares = product.exp(logits)
            total += roll_up.add(start, shares).sum(axis=0, dtype=np.float64)
    return peaks, roll_up, total


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
