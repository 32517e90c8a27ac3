"""Diversify hits: drop near-duplicates and repeats of a group, or prefer the unlike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.backends import Rows, Scores
from indexer.catalog.snapshot import Snapshot
from model.errors import UnknownName, did_you_mean
from model.vectors import Vectors

SAME = 0.97  # cosine from which two pictures are the same scene, or the same file twice
_POOL = 5  # times as many candidates as are shown, of which the most diverse are chosen
_RELEVANCE = 0.4  # weight of the score; the rest is unlikeness to the hits before
_MOST_COLUMNS = 40  # listed in an error


@dataclass(frozen=True, slots=True)
class Diversity:
    """The hits that are left out."""

    group_by: str = ""
    """a column: one hit for each of its values; an image without a value is a group of its own"""
    sequence: float | None = None
    """seconds: groups are the sequences of photographs at most so far apart, see `sequences`"""
    distinct: bool = False
    """drops near-duplicates: hits with a cosine of SAME or more to a better one"""
    diverse: bool = False
    """each hit as relevant and as unlike those before as possible (Carbonell & Goldstein 1998,
    maximal marginal relevance)"""

    def candidates(self, k: int) -> int:
        """Return the number of candidates for k hits to begin with."""
        return k * _POOL if self.any else k

    @property
    def any(self) -> bool:
        """Whether any hit may be left out."""
        return bool(self.group_by) or self.sequence is not None or self.distinct or self.diverse


EVERYTHING = Diversity()


def choose(
    diversity: Diversity,
    scores: Scores,
    vectors: Vectors,
    groups: Sequence[object],
    k: int,
    shown: Vectors,
    taken: set[object],
) -> list[int]:
    """Return the places of at most k candidates, in the order in which they are shown.

    `scores` (n,), `vectors` (n, dim) and `groups` (n,) are those of the candidates, best first;
    `shown` (m, dim) are the hits before them, and `taken` the groups of these, which is added to.
    """
    if not len(scores):
        return []
    seen = [row.astype(np.float32) for row in shown]
    made = vectors.astype(np.float32)
    likeness = np.max([made @ row for row in seen], axis=0) if seen else np.full(len(made), -1.0)
    lowest, highest = float(scores.min()), float(scores.max())
    relevance = (scores - lowest) / max(highest - lowest, 1e-6)  # 1 to 0
    left = list(range(len(scores)))
    chosen: list[int] = []
    while left and len(chosen) < k:
        if diversity.diverse:
            worth = [_RELEVANCE * relevance[i] - (1 - _RELEVANCE) * likeness[i] for i in left]
            place = left.pop(int(np.argmax(worth)))
        else:
            place = left.pop(0)
        group = groups[place]
        if group is not None and group in taken:
            continue
        if diversity.distinct and likeness[place] >= SAME:
            continue
        chosen.append(place)
        if group is not None:
            taken.add(group)
        likeness = np.maximum(likeness, made @ made[place])
    return chosen


def groups_of(
    snapshot: Snapshot, column: str, sequence: float | None = None
) -> Callable[[Rows], list[object]]:
    """Return a function from rows to their values in a column, None where there is no value.

    With `sequence`, seconds, the values are the names of sequences. Raises UnknownName, with
    similar names, for an unknown column.
    """
    if sequence is not None:
        from indexer.exports.sequences import gap_of, sequences

        names = sequences(snapshot, gap_of(sequence, column))
        return lambda rows: [names.get(int(row)) for row in rows]
    if not column:
        return lambda rows: [None] * len(rows)
    known = {name.lower(): name for name, *_ in snapshot.query("DESCRIBE searchable")[1:]}
    if column.lower() not in known:
        near = did_you_mean(column, known.values())
        if column == "sequence":
            near = " --sequence 60s groups photographs by their times."
        listed = ", ".join([*known.values()][:_MOST_COLUMNS])
        raise UnknownName(f"There is no column {column!r} to group by; there is {listed}.{near}")
    name = known[column.lower()].replace('"', '""')

    def values(rows: Rows) -> list[object]:
        found = dict(snapshot.query(_VALUES.format(name=name), rows.tolist()))
        return [found[int(row)] if found[int(row)] != "" else None for row in rows]

    return values


_VALUES = """
SELECT "row", "{name}" FROM searchable JOIN (SELECT unnest(?) AS "row") USING ("row")
"""
