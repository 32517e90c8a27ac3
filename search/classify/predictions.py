"""Predictions: the likeliest lineage of each image, by soft votes and the zero-shot prior fused.

Both are probabilities of taxa, and a clade's is the sum over its members. The two are averaged
with a weight that is fitted (`search.classify.fitting`). A prediction has its shares and features
at every rank; how sure it is, and how deep it goes, is decided afterwards (`backoff`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from model.taxon import RANKS, Taxon
from model.vectors import Features, Vectors
from search.classify.reference_set import Flags, Numbers, ReferenceSet
from search.classify.taxon_tree import TaxonTree, clade_at, key_at, numbers_among
from search.classify.votes import Votes
from search.zero_shot.candidates import NONE, Candidates
from search.zero_shot.scoring import SCALE, Scored, score

Floats = npt.NDArray[np.float64]
_BEST = 10  # candidates of zero-shot that are looked at, unless more are asked for
_NO_TAXON = Taxon(("",) * len(RANKS))


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """The predictions for n images, before any precision is asked for."""

    taxa: tuple[Taxon, ...]
    """the likeliest lineage of each, down to a leaf"""
    shares: Floats
    """(n, 7) of its clades, votes and zero-shot fused"""
    voted: Floats
    """(n, 7) of the votes alone"""
    zero_shot: Floats
    """(n, 7) of zero-shot alone"""
    likeness: Floats
    """(n,) cosine with the nearest specimen, -1 without any"""
    specimens: Floats
    """(n,) specimens of the lineage's taxon"""
    votes: Votes | None
    scored: Scored | None
    clades: tuple[Floats, ...] = ()
    """by rank: (n, clades) the fused shares of the tree's clades"""
    rest: Floats | float = 1.0
    """(n, 1) the weight of zero-shot"""
    log_odds: Floats | None = None
    """(n,) that the species is not labelled, in an even mix; None where that is not learnt"""

    @property
    def answered(self) -> Flags:
        """Whether each lineage has a name at each rank, (n, 7)."""
        named = [[bool(name) for name in taxon.lineage] for taxon in self.taxa]
        return np.array(named, np.bool_).reshape(len(self.taxa), len(RANKS))

    @property
    def features(self) -> Floats:
        """What calibration sees: (n, 7, 4)."""
        inside = (np.clip(share, 1e-4, 1 - 1e-4) for share in (self.shares, self.zero_shot))
        alike = (self.likeness[:, None], np.log1p(self.specimens)[:, None])
        wide = [np.broadcast_to(each, self.shares.shape) for each in alike]
        return np.stack([*map(logit, inside), *wide], axis=2)


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """Zero-shot over candidates, and the places of a tree's clades among these."""

    candidates: Candidates
    among: Mapping[str, Numbers]
    """by rank: (clades,) the number that each clade of the tree has among the candidates"""

    def score(self, images: Vectors | Features, most: int = _BEST) -> Scored:
        """Return the zero-shot scores of images (n, dim); `most` are told of the best."""
        return score(images, self.candidates, max(_BEST, most), scale=SCALE, asked=self.among)


def prior_of(candidates: Candidates | None, tree: TaxonTree | None) -> Prior | None:
    """Return the zero-shot prior over candidates, with a tree's clades; None without any."""
    if candidates is None or not len(candidates):
        return None
    return Prior(candidates, numbers_among(tree, candidates) if tree else {})


def predict(
    reference: ReferenceSet | None,
    shares: Floats | None,
    votes: Votes | None,
    prior: Prior | None,
    scored: Scored | None,
    mixing: float,
) -> Predictions:
    """Fuse the shares (n, classes) of votes by `reference` with what `prior` scored.

    `mixing` is the weight of votes; zero-shot alone decides where no specimen voted, or where
    there are none.
    """
    if reference is None or reference.tree is None or shares is None or votes is None:
        return _by_zero_shot(prior, scored)
    tree = reference.tree
    voted = shares if reference.prior is None else shares * reference.prior
    total = voted.sum(axis=1, keepdims=True)
    voted = np.divide(voted, total, out=np.zeros_like(voted), where=total > 0)
    weight = np.where(total > 0, mixing if scored else 1.0, 0.0)
    by_votes = [tree.sums(voted, rank) for rank in range(len(RANKS))]
    by_names = [
        scored.asked[rank].astype(np.float64) if scored else np.zeros_like(sums)
        for rank, sums in zip(RANKS, by_votes, strict=True)
    ]
    clades = tuple(
        weight * one + (1 - weight) * other for one, other in zip(by_votes, by_names, strict=True)
    )
    fused = weight * voted + (1 - weight) * leaf_shares(tree, by_names)
    taxa: list[Taxon] = []
    at = {name: np.zeros((len(voted), len(RANKS))) for name in ("votes", "names", "both")}
    specimens, sizes = np.zeros(len(voted)), reference.sizes
    for image, top in enumerate(fused.argmax(axis=1).tolist()):
        other = _unlabelled(prior, scored, image, tree)
        if other and (1 - weight[image, 0]) * other[1] > fused[image, top]:
            taxa.append(other[0])
            at["names"][image] = other[2]
        else:
            taxa.append(tree.taxa[top])
            specimens[image] = sizes[top]
        for rank, name in enumerate(taxa[-1].lineage):
            number = tree.keys[rank].get(key_at(taxa[-1], rank), NONE) if name else NONE
            if number != NONE:
                at["votes"][image, rank] = by_votes[rank][image, number]
                at["names"][image, rank] = by_names[rank][image, number]
    at["both"] = weight * at["votes"] + (1 - weight) * at["names"]
    return Predictions(
        tuple(taxa),
        *(at["both"], at["votes"], at["names"], votes.likeness, specimens, votes, scored),
        clades=clades,
        rest=1 - weight,
    )


def leaf_shares(tree: TaxonTree, by_rank: Sequence[Floats]) -> Floats:
    """Return the share of each taxon of a tree, (n, taxa), from those of its clades by rank."""
    depths = tree.depths()
    shares = np.zeros((len(by_rank[0]), len(tree)))
    for depth in np.unique(depths):
        own = np.flatnonzero(depths == depth)
        shares[:, own] = by_rank[depth][:, tree.clades[own, depth]]
    return shares


def scored_without(scored: Scored, tree: TaxonTree, out: Flags) -> Scored:
    """Return scores as if some taxa of a tree were no candidates: `out` (n, taxa) of each image."""
    by_rank = [scored.asked[rank].astype(np.float64) for rank in RANKS]
    gone = leaf_shares(tree, by_rank) * out
    rest = np.maximum(1 - gone.sum(axis=1, keepdims=True), 1e-9)
    asked = {
        str(rank): (np.maximum(shares - tree.sums(gone, place), 0) / rest).astype(np.float32)
        for place, (rank, shares) in enumerate(zip(RANKS, by_rank, strict=True))
    }
    return replace(scored, asked=asked)


def best_clades(
    predictions: Predictions,
    image: int,
    rank: int,
    k: int,
    tree: TaxonTree | None,
    prior: Prior | None,
) -> list[tuple[Taxon, float]]:
    """Return the k likeliest clades of a rank for one image of several, and their fused shares."""
    found: dict[str, tuple[Taxon, float]] = {}
    if tree and predictions.clades:
        shares = predictions.clades[rank][image]
        for number in np.argsort(-shares, kind="stable")[:k].tolist():
            if shares[number] > 0:
                first = int((tree.clades[:, rank] == number).argmax())
                taxon = clade_at(tree.taxa[first], rank)
                found[key_at(taxon, rank)] = (taxon, float(shares[number]))
    if predictions.scored and prior:
        best = predictions.scored.clades[RANKS[rank]]
        rest = float(np.broadcast_to(predictions.rest, (len(predictions.taxa), 1))[image, 0])
        pairs = zip(best.numbers[image], best.probabilities[image], strict=True)
        for number, share in ((n, s) for n, s in pairs if n != NONE):
            start = int(prior.candidates.clades[RANKS[rank]].starts[number])
            taxon = clade_at(prior.candidates.taxon(start), rank)
            if not (tree and key_at(taxon, rank) in tree.keys[rank]):
                found[key_at(taxon, rank)] = (taxon, rest * float(share))
    return sorted(found.values(), key=lambda each: (-each[1], each[0].key))[:k]


def _by_zero_shot(prior: Prior | None, scored: Scored | None) -> Predictions:
    count = 0 if scored is None else len(scored.taxa.numbers)
    taxa, at = [], np.zeros((count, len(RANKS)))
    for image in range(count):
        best = _unlabelled(prior, scored, image, None)
        taxa.append(best[0] if best else _NO_TAXON)
        at[image] = best[2] if best else 0
    nothing = np.zeros(count)
    return Predictions(tuple(taxa), at, np.zeros_like(at), at, nothing - 1, nothing, None, scored)


def _unlabelled(
    prior: Prior | None, scored: Scored | None, image: int, tree: TaxonTree | None
) -> tuple[Taxon, float, Floats] | None:
    """Return the likeliest candidate, unless specimens are of it, and its clades' shares."""
    if scored is None or prior is None or not scored.taxa.numbers.shape[1]:
        return None
    place = int(scored.taxa.numbers[image, 0])
    taxon = prior.candidates.taxon(place)
    depth = max((rank for rank, name in enumerate(taxon.lineage) if name), default=-1)
    if depth < 0 or (tree and key_at(taxon, depth) in tree.keys[depth]):
        return None
    shares = np.zeros(len(RANKS))
    for rank, level in enumerate(RANKS):
        number = prior.candidates.clades[level].at(np.array([place]))[0]
        best = scored.clades[level]
        found = np.flatnonzero(best.numbers[image] == number)
        if number != NONE and len(found):
            shares[rank] = best.probabilities[image, found[0]]
    # A clade of the likeliest that is not among the best is as likely as that, at least.
    least = float(scored.taxa.probabilities[image, 0])
    named = np.array([bool(name) for name in taxon.lineage])
    shares = np.where(named, np.maximum(shares, least), 0)
    return taxon, least, np.maximum.accumulate(shares[::-1])[::-1] * named
