"""Conditions on images in SQL, and the rows for which they hold."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from threading import Timer

import duckdb
import numpy as np

from indexer.backends import Rows
from indexer.backends.selection import Selection, selection_of
from indexer.catalog.sensitive_places import shown_columns
from indexer.catalog.snapshot import Snapshot
from indexer.catalog.typed_metadata import sql_identifier
from model.errors import Error
from search.query.taxon_counts import Extent, OfTaxa, TaxonCounts

LONGEST = 60.0  # seconds for a condition of a user: a server must answer others, too
_KEPT = 8  # selections, of up to 8 bytes a row each
_COUNTED = 64  # conditions whose number of rows is kept
_MANY = 20  # taxa asked for, from which to count all of them takes less


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL over the table `images` with the values of its question marks."""

    sql: str = "true"
    values: tuple[object, ...] = ()
    where: str = ""
    """a condition in the user's own SQL, which is never part of ours"""
    taxa: OfTaxa | None = None
    """the same, where it is about the taxon of the label alone"""

    def __and__(self, other: "Condition") -> "Condition":
        """Return that both hold; at most one of them may carry the user's SQL."""
        if "false" in (self.sql, other.sql):
            return NONE
        if EVERY in (self, other):
            return other if self == EVERY else self
        parts = [each.sql for each in (self, other) if each.sql != "true"]
        sql = " AND ".join(f"({part})" for part in parts) or "true"
        return Condition(sql, self.values + other.values, self.where or other.where)

    def __invert__(self) -> "Condition":
        """Return that it does not hold; for one without the user's SQL, which is never null."""
        return Condition(f"NOT ({self.sql})", self.values)


EVERY = Condition()
NONE = Condition("false")


def of_taxa(asked: OfTaxa) -> Condition:
    """Return a condition on the taxon of the label."""
    return Condition(asked.sql, taxa=asked)


class Selections:
    """The rows for which conditions hold, in one snapshot; the last few are kept."""

    def __init__(self, snapshot: Snapshot) -> None:
        # Not methods: with itself in its cache, a collection would outlive its last use.
        extent = lru_cache(_COUNTED)(partial(_extent, snapshot, _Taxa()))
        self.of = lru_cache(_KEPT)(partial(_selection, snapshot, extent))
        self.count = partial(_count, self.of, extent)


@dataclass(slots=True)
class _Taxa:
    """The counts of taxa, once so many were asked for that to count all is less."""

    asked: int = 0
    counts: TaxonCounts | None = None


def _extent(snapshot: Snapshot, taxa: _Taxa, condition: Condition) -> Extent:
    if condition.sql == "false":
        return Extent()
    if condition.taxa:
        taxa.asked += 1
        if taxa.asked > _MANY and taxa.counts is None:
            taxa.counts = TaxonCounts(snapshot)
        if taxa.counts:
            return taxa.counts.extent(condition.taxa)
    asked = _ask(snapshot, 'count(*), min("row"), max("row")', condition)
    ((count, first, last),) = asked.fetchall()
    return Extent(count, first, last) if count else Extent()


def _count(
    of: Callable[[Condition], Selection], extent: Callable[[Condition], Extent], asked: Condition
) -> int:
    """Return the number of rows, which need not be read to be counted."""
    return len(of(asked)) if asked.where else extent(asked).count


def _selection(
    snapshot: Snapshot, extent: Callable[[Condition], Extent], condition: Condition
) -> Selection:
    """Return the rows; raises Error for SQL of the user that cannot be understood."""
    if condition.where:
        chosen = select(snapshot, condition.where)
        if condition.sql != "true":
            chosen = np.intersect1d(chosen, _rows(snapshot, condition), assume_unique=True)
        return selection_of(chosen)
    found = extent(condition)
    if found.is_slice:
        return Selection(range(found.first, found.last + 1))
    return Selection(_rows(snapshot, condition))


def _rows(snapshot: Snapshot, condition: Condition) -> Rows:
    return _fetched(_ask(snapshot, '"row"', condition))


def _ask(snapshot: Snapshot, what: str, condition: Condition) -> duckdb.DuckDBPyConnection:
    values = [list(each) if isinstance(each, tuple) else each for each in condition.values]
    return snapshot.cursor().execute(f"SELECT {what} FROM images WHERE {condition.sql}", values)


def select(snapshot: Snapshot, where: str) -> Rows:
    """Return the rows for which a condition in the user's SQL is true, ascending.

    The condition is one expression, evaluated on a connection that reads this catalog and nothing
    else, with places as they may be shown. Raises Error with DuckDB's own words where it cannot be
    understood, and for one that takes LONGEST.
    """
    cursor = snapshot.cursor()
    limit = Timer(LONGEST, cursor.interrupt)
    limit.start()
    try:
        columns = cursor.table("searchable")
        if shown := shown_columns(snapshot):
            coarse = (f"{sql} AS {sql_identifier(name)}" for name, sql in shown.items())
            columns = columns.project(f"* REPLACE ({', '.join(coarse)})")
        return _fetched(columns.filter(where).project('"row"'))
    except duckdb.InterruptException as error:
        raise Error(
            f"where={where!r} was stopped after {LONGEST:g} s; ask for less, or for one column at "
            "a time."
        ) from error
    except duckdb.Error as error:
        known = [name for name, *_ in snapshot.query("DESCRIBE searchable")][1:]
        wrong = str(error).splitlines()[0].rstrip(".")
        raise Error(
            f"where={where!r} is no condition that can be asked here ({wrong}); "
            f"there is {', '.join(known)}."
        ) from error
    finally:
        limit.cancel()


def _fetched(answer: duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation) -> Rows:
    return np.sort(np.asarray(answer.fetchnumpy()["row"], np.int64))
