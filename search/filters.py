"""Filters: which images may answer at all, whatever was asked."""

from collections.abc import Sequence
from dataclasses import dataclass

from indexer.taxonomy.resolver import Interval
from model.errors import Error
from model.taxon import RANKS, Rank
from search.conditions import Condition, inside
from search.names import Names
from search.when_and_where import near, within_dates


@dataclass(frozen=True, slots=True)
class Filters:
    """What an image must be, all of it: labelled within some clade, outside others, …"""

    within: Sequence[str] = ()
    """names of clades; the label must be a taxon of one of them"""
    exclude: Sequence[str] = ()
    """names of clades; the label must be no taxon of any"""
    rank: str = ""
    """the label must be as precise as this rank"""
    where: str = ""
    """SQL condition on the metadata (`typed_metadata`): "site = 'A' AND elevation > 500" """
    date: str = ""
    """of a time: "2021-05", "2021-05-01/2021-06" (`search.when_and_where`)"""
    near: str = ""
    """of a place: latitude, longitude and km around it"""

    def condition(self, names: Names) -> Condition:
        """Return what must hold.

        Raises UnknownName for a clade that is none, and Error for a rank, date or place that is
        none.
        """
        condition = Condition(where=self.where)
        if self.within:
            condition &= Condition(inside(self._intervals(names, self.within)))
        if self.exclude:
            condition &= Condition(f"NOT {inside(self._intervals(names, self.exclude))}")
        if self.rank:
            precise = f"SELECT taxon_key FROM taxa WHERE \"{_rank(self.rank)}\" <> ''"
            condition &= Condition(f"coalesce(taxon_key IN ({precise}), false)")
        if self.date:
            condition &= within_dates(names.snapshot, self.date)
        if self.near:
            condition &= near(names.snapshot, self.near)
        return condition

    @staticmethod
    def _intervals(names: Names, clades: Sequence[str]) -> list[Interval]:
        return [each for name in clades for each in names.clade(name).intervals]


def _rank(name: str) -> Rank:
    try:
        return Rank(name.lower())
    except ValueError:
        raise Error(f"{name!r} is no rank; it is one of {', '.join(RANKS)}.") from None
