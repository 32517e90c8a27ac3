"""Learning from the labelled specimens how much to believe their votes, zero-shot, and both.

Each is judged by all others but those of its own fold, and so never by its own scene; what comes
out is compared with its label.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from model.taxon import RANKS, Taxon
from search.identifying.certainty import calibrate
from search.identifying.judging import Judge, Specimens
from search.identifying.lineages import Lineages, key_at, numbers_among
from search.identifying.votes import Votes, gallery_of, learn_weights, left_out
from search.zero_shot.candidates import NONE, Candidates, Numbers

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
MOST_LEARNT = 3000  # specimens that calibrate
_MOST_CELLS = 5_000_000  # of their votes, specimens × taxa


def judge_of(specimens: Specimens | None, candidates: Candidates | None) -> Judge:
    """Make a judge of what there is, and let it learn from the specimens."""
    among = {}
    if candidates is not None and specimens is not None:
        among = numbers_among(specimens.lineages, candidates)
    if specimens is None or not len(specimens.raw):
        return Judge(None, None, candidates, {})
    gallery = gallery_of(specimens.raw, specimens.taxa, len(specimens.lineages.taxa))
    return _learn(Judge(specimens, gallery, candidates, among), specimens)


def _learn(judge: Judge, specimens: Specimens) -> Judge:
    """Learn weights and calibration from the specimens, each judged by all others but its scene."""
    count = len(specimens.lineages.taxa)
    kept = min(MOST_LEARNT, max(300, _MOST_CELLS // max(count, 1)))
    step = max(1, len(specimens.raw) // kept)
    parts = []
    for own, others, votes in left_out(specimens.raw, specimens.taxa, count):
        some = (own % step == 0) & (others.counts[specimens.taxa[own]] > 0)
        parts.append((own[some], others.counts, _part(votes, some)))
    parts = [part for part in parts if len(part[0])]
    if not parts:
        return judge
    own = np.concatenate([part[0] for part in parts])
    truth = specimens.taxa[own]
    centroid = np.concatenate([part[2].centroid for part in parts])
    kernel = np.concatenate([part[2].kernel for part in parts])
    weights = learn_weights(centroid, kernel, truth)
    judge = _mixed(
        replace(judge, weights=weights),
        specimens,
        own,
        np.concatenate([p[2].shares(weights) for p in parts]),
    )
    seen, right, judged = [], [], []
    for rows, counts, votes in parts:
        opinion = judge.both(specimens, votes, judge.score_of(specimens.raw[rows]), counts)
        seen.append(opinion)
        true, could = _marks(specimens.lineages, specimens.taxa[rows], opinion.taxa, counts)
        right.append(true)
        judged.append(could)
    calibration = calibrate(
        np.concatenate([each.features for each in seen]),
        np.concatenate(right),
        np.concatenate(judged),
        np.concatenate([each.answered for each in seen]),
        np.concatenate([each.likeness for each in seen]),
    )
    several = len(specimens.lineages.taxa) > 1
    return replace(judge, calibration=calibration if several else None)


def _mixed(judge: Judge, specimens: Specimens, own: Numbers, voted: Floats) -> Judge:
    """Weigh votes against zero-shot such that the true taxa are likeliest."""
    scored = judge.score_of(specimens.raw[own])
    if scored is None:
        return judge
    truth, lineages = specimens.taxa[own], specimens.lineages
    depths = lineages.depths()[truth]
    place = np.arange(len(own))
    by_votes = voted[place, truth]
    asked = np.array(
        [
            scored.asked[RANKS[depth]][image, lineages.clades[taxon, depth]]
            for image, (taxon, depth) in enumerate(zip(truth, depths, strict=True))
        ]
    )
    grid = np.linspace(0.05, 0.95, 19)
    likely = [np.log(w * by_votes + (1 - w) * asked + 1e-6).mean() for w in grid]
    mixing = float(grid[int(np.argmax(likely))])
    return replace(judge, mixing=mixing)


def _marks(
    lineages: Lineages, truth: Numbers, taxa: Sequence[Taxon], counts: Numbers
) -> tuple[Flags, Flags]:
    """Return at each rank whether answers are right, (n, 7), and whether that can be told.

    It can where the truth is known down to there, and others of its clade are left to be found.
    """
    right = np.zeros((len(truth), len(RANKS)), np.bool_)
    judged = np.zeros_like(right)
    for rank in range(len(RANKS)):
        left = lineages.members(rank, counts)
        numbers = lineages.clades[truth, rank]
        judged[:, rank] = (numbers != NONE) & (left[numbers] > 0) if len(left) else False
        keys = [key_at(taxon, rank) for taxon in taxa]
        right[:, rank] = [
            lineages.keys[rank].get(key, -2) == number
            for key, number in zip(keys, numbers, strict=True)
        ]
    return right, judged


def _part(votes: Votes, some: Flags) -> Votes:
    nearest, scores = votes.nearest[some], votes.scores[some]
    return Votes(votes.centroid[some], votes.kernel[some], nearest, scores)
