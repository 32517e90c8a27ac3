"""A tree of taxa as columns: the clade of each at every rank, and the same among candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from model.taxon import RANKS, Taxon
from search.zero_shot.candidates import NONE, Candidates, Numbers

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class TaxonTree:
    """Taxa with the number of each one's clade at the seven ranks."""

    taxa: tuple[Taxon, ...]
    clades: Numbers
    """(taxa, 7) a number for each clade of a rank; NONE where a taxon has no name there"""
    keys: tuple[Mapping[str, int], ...]
    """by rank: the number of each clade by its key"""

    def __len__(self) -> int:
        """Return the number of taxa."""
        return len(self.taxa)

    def depths(self) -> Numbers:
        """Return the deepest rank of each taxon, (taxa,)."""
        depths: Numbers = len(RANKS) - 1 - (self.clades[:, ::-1] != NONE).argmax(axis=1)
        return depths

    def sums(self, shares: Floats, rank: int) -> Floats:
        """Return the shares of the clades of a rank, (n, clades), from those of taxa, (n, taxa)."""
        sums = np.zeros((len(self.keys[rank]), len(shares)))
        some = self.clades[:, rank] != NONE
        np.add.at(sums, self.clades[some, rank], shares.T[some])
        return sums.T

    def members(self, rank: int, counts: Numbers) -> Numbers:
        """Return how many each clade of a rank has, (clades,), from those of taxa, (taxa,)."""
        members: Numbers = self.sums(counts[None].astype(np.float64), rank)[0].astype(np.int64)
        return members


def tree_of(taxa: Sequence[Taxon]) -> TaxonTree:
    """Number the clades of taxa."""
    clades = np.full((len(taxa), len(RANKS)), NONE, np.int64)
    keys: list[dict[str, int]] = [{} for _ in RANKS]
    for place, taxon in enumerate(taxa):
        for rank, name in enumerate(taxon.lineage):
            if name:
                key = key_at(taxon, rank)
                clades[place, rank] = keys[rank].setdefault(key, len(keys[rank]))
    return TaxonTree(tuple(taxa), clades, tuple(keys))


def key_at(taxon: Taxon, rank: int) -> str:
    """Return the key of a taxon's clade at a rank."""
    return "|".join(taxon.lineage[: rank + 1])


def clade_at(taxon: Taxon, rank: int) -> Taxon:
    """Return a taxon's clade at a rank; itself, with its common name, at its own."""
    if not any(taxon.lineage[rank + 1 :]):
        return taxon
    return Taxon((*taxon.lineage[: rank + 1], *[""] * (len(RANKS) - rank - 1)))


def numbers_among(tree: TaxonTree, candidates: Candidates) -> dict[str, Numbers]:
    """Return, by rank, the number that each clade has among candidates; NONE where it has none."""
    found = {}
    for rank, keys in zip(RANKS, tree.keys, strict=True):
        cut = candidates.clades[rank]
        columns = [
            candidates.taxa[above].take(pa.array(cut.starts)).cast(pa.string()).fill_null("")
            for above in map(str, RANKS[: RANKS.index(rank) + 1])
        ]
        theirs = pc.binary_join_element_wise(*columns, "|")
        asked = pa.array(list(keys), pa.string())
        places = pc.index_in(asked, value_set=_whole(theirs)).fill_null(NONE)
        numbers = np.asarray(places, np.int64)
        named = cut.named[numbers] if len(cut.named) else np.zeros(len(numbers), np.bool_)
        found[str(rank)] = np.where(named, numbers, NONE)
    return found


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
