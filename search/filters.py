"""Filters: which images may answer at all, whatever was asked."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np

from indexer.backends import Rows
from indexer.snapshot import Snapshot
from indexer.taxonomy.resolver import Interval
from model.errors import Error
from model.taxon import RANKS, Rank
from search.names import Names


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
    """a condition in SQL over `indexer.typed_metadata`: "site = 'A' AND elevation > 500" """

    def rows(self, names: Names) -> Rows | None:
        """Return the rows that pass, ascending; None where every row does.

        Raises UnknownName for a clade that is none, and Error for a rank or SQL that is none.
        """
        if not (self.within or self.exclude or self.rank or self.where):
            return None
        conditions = ["true"]
        if self.within:
            conditions.append(_inside(self._intervals(names, self.within)))
        if self.exclude:
            conditions.append(f"NOT {_inside(self._intervals(names, self.exclude))}")
        if self.rank:
            conditions.append(f"coalesce(\"{_rank(self.rank)}\", '') <> ''")
        found = names.snapshot.query(
            'SELECT "row" FROM images LEFT JOIN taxa USING (taxon_key) '
            f'WHERE {" AND ".join(conditions)} ORDER BY "row"'
        )
        rows = np.array([row for (row,) in found], np.int64)
        return np.intersect1d(rows, select(names.snapshot, self.where)) if self.where else rows

    @staticmethod
    def _intervals(names: Names, clades: Sequence[str]) -> list[Interval]:
        return [each for name in clades for each in names.clade(name).intervals]


def select(snapshot: Snapshot, where: str) -> Rows:
    """Return the rows for which a condition in SQL is true.

    It is one expression, nothing before or after it, on a connection that reads this catalog and
    nothing else. Raises Error with DuckDB's own words where it cannot be understood.
    """
    try:
        chosen = snapshot.cursor().table("searchable").filter(where).project('"row"')
        return np.sort(np.array([row for (row,) in chosen.fetchall()], np.int64))
    except duckdb.Error as error:
        known = [name for name, *_ in snapshot.query("DESCRIBE searchable")][1:]
        wrong = str(error).splitlines()[0].rstrip(".")
        raise Error(
            f"--where {where!r} is no condition that can be asked here ({wrong}); "
            f"there is {', '.join(known)}."
        ) from error


def _inside(intervals: Sequence[Interval]) -> str:
    inside = (f"({int(lo)} <= images.lo AND images.lo < {int(hi)})" for lo, hi in intervals)
    return f"coalesce({' OR '.join(inside) or 'false'}, false)"


def _rank(name: str) -> Rank:
    try:
        return Rank(name.lower())
    except ValueError:
        raise Error(f"{name!r} is no rank; it is one of {', '.join(RANKS)}.") from None
