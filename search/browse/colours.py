"""Colours of points: images in groups by a rank, by who labelled them, or by a column."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from indexer.backends import Rows
from indexer.catalog.sensitive_places import is_place
from indexer.catalog.snapshot import Snapshot
from indexer.catalog.typed_metadata import sql_identifier, sql_text
from model.errors import UnknownName
from model.taxon import RANKS
from search.browse.facets import WHO

BY_WHO = "label state"
OTHERS, NOTHING = "others", "not known"
MOST = 10  # groups of a colour of their own
_RANGES = 6  # of numbers
_NUMBERS = ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP")
_HIDDEN = {"row", "image_id", "source_id", "file_name", "date_labelled"}


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Images in groups, each to be drawn in one colour."""

    names: tuple[str, ...]
    """most images first, or ranges in ascending order; then OTHERS, then NOTHING"""
    of: npt.NDArray[np.int64]
    """(n,) the group of each image, a place in the names"""
    ordered: bool
    """whether they are ranges of numbers"""


def colourings(snapshot: Snapshot) -> tuple[str, ...]:
    """Return what images can be coloured by: ranks that occur, BY_WHO, columns of metadata."""
    counted = ", ".join(f"count(nullif({sql_identifier(rank)}, ''))" for rank in map(str, RANKS))
    (ranks,) = snapshot.query(f"SELECT {counted} FROM taxa")
    found = [str(rank) for rank, taxa in zip(RANKS, ranks, strict=True) if taxa]
    hidden = {*_HIDDEN, *map(str, RANKS)}
    columns = [name for name in _kinds(snapshot) if name not in hidden and not is_place(name)]
    return (*reversed(found), BY_WHO, *columns)


def groups(snapshot: Snapshot, rows: Rows, by: str) -> Groups:
    """Return the groups of images of some rows, by one of `colourings`.

    The MOST frequent values are groups, numbers of more values ranges with as many images each;
    of a date its year counts. Raises UnknownName for anything else.
    """
    if by not in colourings(snapshot):
        raise UnknownName(f"Images cannot be coloured by {by!r}; see what there is to colour by.")
    values = _values(snapshot, rows, by)
    kind = _kinds(snapshot).get(by, "")
    if kind in _NUMBERS and len(set(values)) > MOST:
        return _ranges(values)
    return _frequent(values, ordered=kind in _NUMBERS)


def _values(snapshot: Snapshot, rows: Rows, by: str) -> list[str]:
    """Return the value of each row, "" for none."""
    if by == BY_WHO:
        cases = " ".join(f"WHEN {sql} THEN {sql_text(who)}" for who, sql in WHO.items())
        value = f"CASE {cases} END"
    else:
        dated = _kinds(snapshot).get(by) in ("DATE", "TIMESTAMP")
        value = f"year({sql_identifier(by)})" if dated else sql_identifier(by)
    found = dict(snapshot.query(_VALUES.format(value=value), rows.tolist()))
    return [found[row] for row in rows.tolist()]


def _frequent(values: list[str], ordered: bool) -> Groups:
    given, of, counts = np.unique(np.array(values, object), return_inverse=True, return_counts=True)
    order = [int(each) for each in np.argsort(-counts, kind="stable") if given[each]]
    shown = order[:MOST]
    if ordered:
        shown.sort(key=lambda each: float(given[each]))
    places = np.full(len(given), len(shown))  # of OTHERS
    places[shown] = np.arange(len(shown))
    names = [str(given[each]) for each in shown] + [OTHERS] * (len(order) > MOST)
    if "" in given:
        places[given == ""] = len(names)
        names.append(NOTHING)
    return Groups(tuple(names), places[of], False)


def _ranges(values: list[str]) -> Groups:
    numbers = np.array([float(each) if each else np.nan for each in values])
    known = ~np.isnan(numbers)
    edges = np.unique(np.quantile(numbers[known], np.linspace(0, 1, _RANGES + 1), method="nearest"))
    of = np.searchsorted(edges[1:-1], numbers, side="right")
    names = [f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    if not known.all():
        of[~known] = len(names)
        names.append(NOTHING)
    return Groups(tuple(names), of, True)


def _kinds(snapshot: Snapshot) -> dict[str, str]:
    return {name: kind for name, kind, *_ in snapshot.query("DESCRIBE searchable")}


_VALUES = """
SELECT searchable."row", coalesce(CAST({value} AS VARCHAR), '') FROM searchable
JOIN (SELECT unnest(?) AS "row") AS asked ON asked."row" = searchable."row"
"""
