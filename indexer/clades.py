"""Clades as intervals: one walk over the taxa gives each a place and the end of its clade."""

from collections.abc import Iterable
from dataclasses import dataclass

from model.taxon import Taxon


@dataclass(frozen=True, slots=True)
class Clade:
    """A taxon at place `lo` of the pre-order; its descendants are at lo < place < `hi`."""

    taxon: Taxon
    parent: str
    lo: int
    hi: int


def preorder(taxa: Iterable[Taxon]) -> list[Clade]:
    """Place taxa and all their ancestors so that each clade is one interval [lo, hi).

    Sorting lineages cut at their rank puts every taxon right before its descendants, whatever
    ranks are missing. The first common name given for a taxon stays.
    """
    known: dict[tuple[str, ...], Taxon] = {}
    for taxon in taxa:
        for each in (*taxon.ancestors(), taxon):
            path = tuple(each.key.split("|"))
            if path not in known or (each.common_name and not known[path].common_name):
                known[path] = each
    clades: list[Clade] = []
    open_paths: list[tuple[tuple[str, ...], int]] = []
    ends: dict[int, int] = {}
    for lo, path in enumerate(sorted(known)):
        while open_paths and open_paths[-1][0] != path[: len(open_paths[-1][0])]:
            ends[open_paths.pop()[1]] = lo
        parent = "|".join(open_paths[-1][0]) if open_paths else ""
        clades.append(Clade(known[path], parent, lo, len(known)))
        open_paths.append((path, lo))
    return [Clade(c.taxon, c.parent, c.lo, ends.get(c.lo, len(known))) for c in clades]
