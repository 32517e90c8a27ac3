"""Filters: clades, rank, SQL, date and place as one condition on the images that may answer."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from model.errors import Error
from model.taxon import RANKS, Rank
from search.query.conditions import Condition, of_taxa
from search.query.dates_and_places import Place, near, within_dates
from search.query.names import Names
from search.query.taxon_counts import OfTaxa

Day = str | datetime.date
"""a day, or as a string also a month or a year: "2021-05-01", "2021-05", "2021" """


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions that an image must meet, all of them, whatever the query."""

    within: Sequence[str] = ()
    """names of clades; the label must be a taxon of one of them"""
    exclude: Sequence[str] = ()
    """names of clades; the label must be a taxon of none of them"""
    rank: str = ""
    """the label must be as precise as this rank"""
    where: str = ""
    """SQL condition on the metadata (`typed_metadata`): "site = 'A' AND elevation > 500" """
    date: str = ""
    """"2021-05", "2021-05-01/2021-06" (`query.dates_and_places`)"""
    near: str | Place = ""
    """latitude, longitude and the km around them, or two corners of a rectangle"""

    def condition(self, names: Names) -> Condition:
        """Return the filters as one condition.

        Raises UnknownName for an unknown clade, and Error for a rank, date or place that is
        malformed.
        """
        condition = Condition(where=self.where)
        if self.within:
            condition &= _in_clades(names, self.within)
        if self.exclude:
            condition &= ~_in_clades(names, self.exclude)
        if self.rank:
            precise = f"SELECT taxon_key FROM taxa WHERE \"{_rank(self.rank)}\" <> ''"
            condition &= Condition(f"coalesce(taxon_key IN ({precise}), false)")
        if self.date:
            condition &= within_dates(names.snapshot, self.date)
        if self.near:
            condition &= near(names.snapshot, self.near)
        return condition


def _in_clades(names: Names, clades: Sequence[str]) -> Condition:
    return of_taxa(OfTaxa(tuple(each for name in clades for each in names.taxon(name).intervals)))


def _rank(name: str) -> Rank:
    try:
        return Rank(name.lower())
    except ValueError:
        raise Error(f"Unknown rank {name!r}; choose one of {', '.join(RANKS)}.") from None


def filters_of(
    within: str | Sequence[str],
    exclude: str | Sequence[str],
    rank: Rank | str | None,
    where: str | None,
    date: Day | tuple[Day | None, Day | None] | None,
    near: str | Place | None,
) -> Filters:
    """Return filters of values as Python has them."""
    return Filters(
        several(within), several(exclude), str(rank or ""), where or "", period(date), near or ""
    )


def several(names: str | Sequence[str]) -> tuple[str, ...]:
    """Return one name or several as several."""
    return (names,) if isinstance(names, str) else tuple(names)


def period(date: Day | tuple[Day | None, Day | None] | None) -> str:
    """Return a time as ISO 8601 writes it: "2021-05", "2021-05-01/2021-06", "2021/"."""
    if isinstance(date, tuple):
        return "/".join("" if each is None else str(each) for each in date)
    return "" if date is None else str(date)
