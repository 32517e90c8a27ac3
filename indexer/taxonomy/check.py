"""Checks a draft: what cannot stand in a tree is listed with its row and left out."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.taxonomy.draft import Problem
from indexer.taxonomy.tree import NONE, Mask, Places, in_cycles


@dataclass(frozen=True, slots=True)
class Checked:
    """Taxa that make a forest: `parents` holds each one's parent, by its place in `taxa`."""

    taxa: pa.Table
    parents: Places
    problems: tuple[Problem, ...]


def check(taxa: pa.Table) -> Checked:
    """Leave out repeated ids and what is above and below itself; a lost parent makes a root."""
    first = first_of(taxa["id"])
    repeated = first != np.arange(len(taxa))
    problems = [
        Problem(row, name, f"its id {id_} is that of row {taxa['row'][first[place]]} too: left out")
        for place, row, name, id_ in _rows(taxa, repeated)
    ]
    taxa = taxa.filter(~repeated)
    parents = _parents(taxa)
    lost = (parents == NONE) & pc.not_equal(taxa["parent"], "").to_numpy(zero_copy_only=False)
    problems += [
        Problem(row, name, f"its parent {taxa['parent'][place]} is missing: now at the top")
        for place, row, name, _ in _rows(taxa, lost)
    ]
    own = parents == np.arange(len(taxa))  # how some sources write a root
    checked = without_cycles(taxa, np.where(own, NONE, parents))
    return Checked(checked.taxa, checked.parents, (*problems, *checked.problems))


def without_cycles(taxa: pa.Table, parents: Places) -> Checked:
    """Leave out what is above and below itself, and what stands below such taxa."""
    own, below = in_cycles(parents)
    problems = [
        Problem(row, name, "it is above and below itself: left out")
        for _, row, name, _ in _rows(taxa, own)
    ]
    problems += [
        Problem(row, name, "it is below a taxon that is below itself: left out")
        for _, row, name, _ in _rows(taxa, below)
    ]
    return keep(taxa, parents, ~(own | below), problems)


def keep(taxa: pa.Table, parents: Places, kept: Mask, problems: list[Problem]) -> Checked:
    """Leave out taxa that nothing stands below."""
    if kept.all():
        return Checked(taxa, parents, tuple(problems))
    place = np.r_[np.cumsum(kept) - 1, NONE]
    return Checked(taxa.filter(kept), place[parents[kept]], tuple(problems))


def first_of(values: pa.ChunkedArray) -> Places:
    """Return for each value the place where it stands first."""
    codes = np.asarray(values.combine_chunks().dictionary_encode().indices)
    _, first = np.unique(codes, return_index=True)
    places: Places = first[codes]
    return places


def _parents(taxa: pa.Table) -> Places:
    found = pc.index_in(taxa["parent"], value_set=taxa["id"].combine_chunks())
    named = pc.not_equal(taxa["parent"], "")
    return np.asarray(pc.if_else(named, found.fill_null(NONE), NONE)).astype(np.int64)


def _rows(taxa: pa.Table, mask: Mask) -> Iterator[tuple[int, int, str, str]]:
    for place in np.flatnonzero(mask).tolist():
        yield (place, *(taxa[column][place].as_py() for column in ("row", "name", "id")))
