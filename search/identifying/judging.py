"""Judging: the best lineage of each vector, from the votes of specimens and from zero-shot.

Both are probabilities of taxa, and a clade's is the sum over its members. They are averaged, with
a weight that is learnt (`search.identifying.teaching`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.taxon import RANKS, Taxon
from model.vectors import Features, Vectors
from search.identifying.certainty import Calibration
from search.identifying.lineages import Lineages, clade_at, key_at
from search.identifying.votes import Gallery, Votes, vote
from search.zero_shot.candidates import NONE, Candidates, Numbers
from search.zero_shot.scoring import SCALE, Scored, score

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
_BEST = 10  # of zero-shot that are looked at, unless more are asked for


@dataclass(frozen=True, slots=True, eq=False)
class Specimens:
    """What is labelled, as far as it may vote."""

    raw: Features
    """(m, dim) unit rows"""
    taxa: Numbers
    """(m,) places among the lineages"""
    lineages: Lineages
    allowed: Floats
    """(taxa,) what is known beforehand of each: votes are multiplied by it"""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What is thought of n images, before anybody asks how sure it must be."""

    taxa: tuple[Taxon, ...]
    """the best lineage of each, down to a leaf"""
    shares: Floats
    """(n, 7) of its clades, votes and zero-shot together"""
    voted: Floats
    """(n, 7) of the votes alone"""
    zero_shot: Floats
    """(n, 7) of zero-shot alone"""
    answered: Flags
    """(n, 7) whether it has a name at the rank"""
    likeness: Floats
    """(n,) cosine with the nearest specimen, -1 without any"""
    features: Floats
    """(n, 7, 4) what calibration sees"""
    votes: Votes | None
    """of all taxa"""
    clades: tuple[Floats, ...]
    """by rank: (n, clades) of those of the specimens, votes and zero-shot together"""
    rest: Floats
    """(n,) the weight of zero-shot"""
    scored: Scored | None


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Votes, zero-shot or both, and how they are mixed; see `learn`."""

    specimens: Specimens | None
    gallery: Gallery | None
    candidates: Candidates | None
    among: dict[str, Numbers]
    """by rank, the number among the candidates of each clade of the specimens"""
    weights: tuple[float, float] = (20.0, 10.0)
    """of the two cosines that vote"""
    mixing: float = 0.5
    """the weight of votes against zero-shot"""
    calibration: Calibration | None = None

    def judge(
        self,
        images: Vectors | Features,
        own: Sequence[Numbers] | None = None,
        most: int = _BEST,
    ) -> Judged:
        """Judge images (n, dim), unit rows; each alone, whatever is beside it.

        `own` are for each the places of specimens that must not vote for it (`votes`);
        `most` candidates of zero-shot are told.
        """
        scored = self.score_of(images, most)
        if self.specimens is None or self.gallery is None:
            return self._by_zero_shot(images, scored)
        votes = vote(self.gallery, images, own)
        return self.both(self.specimens, votes, scored, self.gallery.counts)

    def score_of(self, images: Vectors | Features, most: int = _BEST) -> Scored | None:
        """Return what zero-shot thinks of images, and of the specimens' clades; None without it."""
        if self.candidates is None or not len(self.candidates):
            return None
        asked = {
            rank: np.broadcast_to(numbers, (len(images), len(numbers)))
            for rank, numbers in self.among.items()
        }
        return score(images, self.candidates, max(_BEST, most), scale=SCALE, asked=asked)

    def both(
        self, specimens: Specimens, votes: Votes, scored: Scored | None, counts: Numbers
    ) -> Judged:
        """Judge by votes and zero-shot; `counts` (taxa,) are the specimens that voted."""
        lineages = specimens.lineages
        voted = votes.shares(self.weights) * specimens.allowed
        total = voted.sum(axis=1, keepdims=True)
        voted = np.divide(voted, total, out=np.zeros_like(voted), where=total > 0)
        mixing = self.mixing if scored else 1.0
        # A taxon that nothing voted for is not ruled out; zero-shot alone speaks where none vote.
        share = np.where(total > 0, mixing, 0.0)
        by_rank = [lineages.sums(voted, rank) for rank in range(len(RANKS))]
        asked = [
            scored.asked[rank].astype(np.float64) if scored else np.zeros_like(sums)
            for rank, sums in zip(RANKS, by_rank, strict=True)
        ]
        depths, places = lineages.depths(), np.arange(len(lineages.taxa))
        leaf = np.zeros_like(voted)
        for depth in np.unique(depths):
            own = places[depths == depth]
            leaf[:, own] = asked[depth][:, lineages.clades[own, depth]]
        fused = share * voted + (1 - share) * leaf
        taxa = []
        voted_at, asked_at = np.zeros((len(voted), 7)), np.zeros((len(voted), 7))
        known = np.zeros(len(voted))
        for image, top in enumerate(fused.argmax(axis=1)):
            other = self._other(scored, image, lineages)
            if other and (1 - share[image, 0]) * other[1] > fused[image, top]:
                taxa.append(other[0])
                asked_at[image] = other[2]
            else:
                taxa.append(lineages.taxa[top])
                known[image] = counts[top]
            for rank in range(len(RANKS)):
                number = lineages.keys[rank].get(key_at(taxa[-1], rank), NONE)
                if number != NONE and taxa[-1].lineage[rank]:
                    voted_at[image, rank] = by_rank[rank][image, number]
                    asked_at[image, rank] = asked[rank][image, number]
        likeness = np.where(votes.nearest >= 0, votes.scores, -1).max(axis=1).astype(np.float64)
        shares = share * voted_at + (1 - share) * asked_at
        parts = (shares, voted_at, asked_at)
        clades = tuple(
            share * voted + (1 - share) * zero_shot
            for voted, zero_shot in zip(by_rank, asked, strict=True)
        )
        rest = 1 - share[:, 0]
        return _judged(taxa, parts, likeness, known, votes, (clades, rest), scored)

    def _by_zero_shot(self, images: Vectors | Features, scored: Scored | None) -> Judged:
        taxa, asked = [], np.zeros((len(images), len(RANKS)))
        for image in range(len(images)):
            other = self._other(scored, image, None)
            taxa.append(other[0] if other else Taxon(("",) * len(RANKS)))
            asked[image] = other[2] if other else 0
        nothing = np.zeros_like(asked)
        clades = tuple(np.empty((len(images), 0)) for _ in RANKS)
        rest = np.ones(len(images))
        likeness = np.full(len(images), -1.0)
        known = np.zeros(len(images))
        return _judged(taxa, (asked, nothing, asked), likeness, known, None, (clades, rest), scored)

    def _other(
        self, scored: Scored | None, image: int, lineages: Lineages | None
    ) -> tuple[Taxon, float, Floats] | None:
        """Return the likeliest candidate, unless specimens are of it, and its clades' shares."""
        if scored is None or self.candidates is None or not scored.taxa.numbers.shape[1]:
            return None
        place = int(scored.taxa.numbers[image, 0])
        taxon = self.candidates.taxon(place)
        depth = max((rank for rank, name in enumerate(taxon.lineage) if name), default=-1)
        if depth < 0 or (lineages and key_at(taxon, depth) in lineages.keys[depth]):
            return None
        shares = np.zeros(len(RANKS))
        for rank, level in enumerate(RANKS):
            number = self.candidates.clades[level].at(np.array([place]))[0]
            best = scored.clades[level]
            found = np.flatnonzero(best.numbers[image] == number)
            if number != NONE and len(found):
                shares[rank] = best.probabilities[image, found[0]]
        # A clade of the likeliest that is not among the best is as likely as that, at least.
        least = float(scored.taxa.probabilities[image, 0])
        named = np.array([bool(name) for name in taxon.lineage])
        shares = np.where(named, np.maximum(shares, least), 0)
        return taxon, least, np.maximum.accumulate(shares[::-1])[::-1] * named

    def best(self, judged: Judged, image: int, rank: int, k: int) -> list[tuple[Taxon, float]]:
        """Return the k likeliest clades of a rank for one image of several, and their shares."""
        lineages = self.specimens.lineages if self.specimens else None
        found: dict[str, tuple[Taxon, float]] = {}
        if lineages:
            first = {key_at(taxon, rank): taxon for taxon in reversed(lineages.taxa)}
            for key, number in lineages.keys[rank].items():
                if share := float(judged.clades[rank][image, number]):
                    found[key] = (clade_at(first[key], rank), share)
        if judged.scored and self.candidates:
            likeliest = judged.scored.clades[RANKS[rank]]
            for number, share in zip(
                likeliest.numbers[image], likeliest.probabilities[image], strict=True
            ):
                if number == NONE:
                    continue
                start = int(self.candidates.clades[RANKS[rank]].starts[number])
                taxon = clade_at(self.candidates.taxon(start), rank)
                found.setdefault(key_at(taxon, rank), (taxon, judged.rest[image] * float(share)))
        return sorted(found.values(), key=lambda each: (-each[1], each[0].key))[:k]


def _judged(
    taxa: Sequence[Taxon],
    parts: tuple[Floats, Floats, Floats],
    likeness: Floats,
    known: Floats,
    votes: Votes | None,
    fused: tuple[tuple[Floats, ...], Floats],
    scored: Scored | None,
) -> Judged:
    shares, voted, zero_shot = parts
    answered = np.array([[bool(name) for name in taxon.lineage] for taxon in taxa])
    answered = answered.reshape(len(taxa), len(RANKS))
    wide = np.ones((1, len(RANKS)))
    told = (_logit(shares), _logit(zero_shot), likeness[:, None] * wide)
    features = np.stack([*told, np.log1p(known)[:, None] * wide], axis=2)
    return Judged(
        tuple(taxa), shares, voted, zero_shot, answered, likeness, features, votes, *fused, scored
    )


def _logit(share: Floats) -> Floats:
    inside = np.clip(share, 1e-4, 1 - 1e-4)
    logit: Floats = np.log(inside / (1 - inside))
    return logit
