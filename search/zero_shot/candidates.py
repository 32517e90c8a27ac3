"""Candidates: the taxa that may be an answer, side by side with their clades at every level."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from model.errors import Error
from model.taxon import RANKS, Rank, Taxon
from model.vectors import Features, Vectors

Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
NONE = -1  # no clade


@dataclass(frozen=True, slots=True, eq=False)
class Clades:
    """The clades of one level, in order: each is a stretch of candidates.

    A clade is a lineage down to its level, not a name: two genera of one name in two families are
    two clades. Candidates without a name at the level form stretches too, which are never answers.
    """

    starts: Numbers
    """(clades,) the first candidate of each; it ends where the next begins"""
    named: Mask
    """(clades,)"""

    def at(self, places: Numbers) -> Numbers:
        """Return the clade of each candidate, of the shape of `places`; NONE where it has none."""
        found = np.searchsorted(self.starts, places, side="right") - 1
        return np.where(self.named[found], found, NONE) if len(self.starts) else found


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The taxa that may be an answer; see `candidates_of`.

    Rows stand so that every clade of every level is one stretch.
    """

    vectors: Vectors
    """(taxa, dim) unit rows, float16"""
    taxa: pa.Table
    """(taxa) rows: a column of names for each level, and whatever else was given"""
    clades: Mapping[str, Clades]
    """by level, highest first; each divides the one before"""
    weights: Features | None = None
    """(taxa,) the prior, which probabilities are multiplied by; None is 1 for all"""

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.vectors)

    def taxon(self, place: int) -> Taxon:
        """Return a candidate as a taxon; levels that are no ranks are no part of it."""
        row = self.taxa.slice(int(place), 1).to_pylist()[0]
        lineage = tuple(row.get(rank) or "" for rank in RANKS)
        return Taxon(lineage, row.get("common_name") or "")

    def clade(self, level: str, number: int) -> Taxon:
        """Return a clade of a rank as a taxon: a lineage down to it, without a common name."""
        depth = RANKS.index(Rank(level)) + 1
        first = self.taxon(int(self.clades[level].starts[number]))
        return Taxon((*first.lineage[:depth], *[""] * (len(RANKS) - depth)))


def candidates_of(
    vectors: Vectors,
    taxa: pa.Table,
    weights: Features | None = None,
    levels: Sequence[str] = RANKS,
) -> Candidates:
    """Make candidates of unit vectors (taxa, dim) and a table with a row for each.

    `taxa` has a column of names for each of `levels`, highest first, "" or null where a taxon has
    none; for the user's own groups that is one level of one's own. Columns beside them are kept.
    Rows of a taxonomy, in pre-order, stay as they are; else they are reordered, the columns and
    `weights` with them, so that each clade is one stretch. Raises Error where numbers differ.
    """
    if len(vectors) != len(taxa) or (weights is not None and len(weights) != len(taxa)):
        told = "" if weights is None else f" and {len(weights)} weights"
        raise Error(f"{len(vectors)} vectors{told} do not belong to {len(taxa)} taxa.")
    order = _order(taxa, levels)
    if order is not None:
        vectors, taxa = vectors[order], taxa.take(pa.array(order))
        weights = None if weights is None else weights[order]
    return Candidates(vectors, taxa, _clades(taxa, levels), weights)


def table_of(taxa: Sequence[Taxon]) -> pa.Table:
    """Return taxa as a table: their names at the seven ranks and `common_name`."""
    columns = list(zip(*(taxon.lineage for taxon in taxa), strict=True)) or [()] * len(RANKS)
    named = dict(zip(map(str, RANKS), map(list, columns), strict=True))
    names = [taxon.common_name for taxon in taxa]
    table = {name: pa.array(values, pa.string()) for name, values in named.items()}
    return pa.table(table | {"common_name": pa.array(names, pa.string())})


def _clades(taxa: pa.Table, levels: Sequence[str]) -> dict[str, Clades]:
    """Cut rows in order where the lineage down to a level changes."""
    changes = np.zeros(len(taxa), np.bool_)
    changes[:1] = True
    found = {}
    for level in levels:
        codes, unnamed = _codes(taxa, level)
        changes[1:] |= codes[1:] != codes[:-1]
        starts = np.flatnonzero(changes)
        found[str(level)] = Clades(starts, codes[starts] != unnamed)
    return found


def _order(taxa: pa.Table, levels: Sequence[str]) -> Numbers | None:
    """Return an order in which clades are stretches, each where it began; None if they are."""
    lineages = np.zeros(len(taxa), np.int64)
    apart = False
    columns = []
    for level in levels:
        codes, _ = _codes(taxa, level)
        both = lineages * (codes.max(initial=0) + 1) + codes
        _, first, lineages = np.unique(both, return_index=True, return_inverse=True)
        columns.append(first[lineages])
        stretches = np.count_nonzero(np.diff(lineages)) + min(1, len(taxa))
        apart = apart or bool(stretches > len(first))
    return np.lexsort(columns[::-1]) if apart else None


def _codes(taxa: pa.Table, level: str) -> tuple[Numbers, int]:
    """Number the names of a column; and the number that stands for none."""
    names = pc.fill_null(taxa[level].cast(pa.string()), "")
    encoded = names.combine_chunks().dictionary_encode()
    codes = np.asarray(encoded.indices, np.int64)
    return codes, encoded.dictionary.index("").as_py()
