"""Thinning: of hits that say the same, only the best is shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.backends import Rows, Scores
from indexer.catalog.snapshot import Snapshot
from model.errors import Error
from model.vectors import Vectors

SAME = 0.97  # cosine from which two pictures are the same scene, or the same file twice
_POOL = 5  # times as many candidates as are shown, of which the most diverse are chosen
_RELEVANCE = 0.4  # against likeness to what is shown already


@dataclass(frozen=True, slots=True)
class Thinning:
    """Which hits are left out."""

    group_by: str = ""
    """a column: one hit for each of its values; what has none stands for itself"""
    distinct: bool = False
    """none that is SAME as a better one"""
    diverse: bool = False
    """each as relevant and as unlike those before as can be (Carbonell & Goldstein 1998, MMR)"""

    def wanted(self, k: int) -> int:
        """Return how many candidates to begin with."""
        return k * _POOL if self.any else k

    @property
    def any(self) -> bool:
        """Whether any is."""
        return bool(self.group_by) or self.distinct or self.diverse


def choose(
    thinning: Thinning,
    scores: Scores,
    vectors: Vectors,
    groups: Sequence[object],
    k: int,
    shown: Vectors,
    taken: set[object],
) -> list[int]:
    """Return the places of at most k candidates, best first.

    `scores` (n,), `vectors` (n, dim) and `groups` (n,) are those of the candidates, best first;
    `shown` (m, dim) what is shown before them, and `taken` its groups, which is added to.
    """
    if not len(scores):
        return []
    seen = [row.astype(np.float32) for row in shown]
    made = vectors.astype(np.float32)
    likeness = np.max([made @ row for row in seen], axis=0) if seen else np.full(len(made), -1.0)
    relevance = (scores - scores[-1]) / max(float(scores[0] - scores[-1]), 1e-6)  # 1 to 0
    left = list(range(len(scores)))
    chosen: list[int] = []
    while left and len(chosen) < k:
        if thinning.diverse:
            worth = [_RELEVANCE * relevance[i] - (1 - _RELEVANCE) * likeness[i] for i in left]
            place = left.pop(int(np.argmax(worth)))
        else:
            place = left.pop(0)
        group = groups[place]
        if group is not None and group in taken:
            continue
        if thinning.distinct and likeness[place] >= SAME:
            continue
        chosen.append(place)
        if group is not None:
            taken.add(group)
        likeness = np.maximum(likeness, made @ made[place])
    return chosen


def groups_of(snapshot: Snapshot, column: str) -> Callable[[Rows], list[object]]:
    """Return what gives the values of a column of the metadata; raises Error where it is none."""
    if not column:
        return lambda rows: [None] * len(rows)
    known = {name.lower(): name for name, *_ in snapshot.query("DESCRIBE searchable")[1:]}
    if column.lower() not in known:
        raise Error(f"There is no column {column!r} to group by; there is {', '.join(known)}.")
    name = known[column.lower()].replace('"', '""')

    def values(rows: Rows) -> list[object]:
        found = dict(snapshot.query(_VALUES.format(name=name), rows.tolist()))
        return [found[int(row)] if found[int(row)] != "" else None for row in rows]

    return values


_VALUES = """
SELECT "row", "{name}" FROM searchable JOIN (SELECT unnest(?) AS "row") USING ("row")
"""
