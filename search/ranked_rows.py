"""Ranked rows: the rows that answer a query, best first, before anything else is read of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from indexer.backends import Found, Rows, Scores
from indexer.backends.selection import Selection, selection_of
from indexer.catalog.snapshot import Snapshot
from model.vectors import Vectors
from search.hits import IDENTIFIED, LABELLED, SIMILAR
from search.opened import Opened
from search.query.conditions import Condition
from search.query.embedded_queries import EmbeddedQuery
from search.query.understanding import ImageQuery, Query, RowQuery
from search.query.vector_arithmetic import MixedQuery
from search.ranking.adaptation import POOL, Map
from search.ranking.diversify import EVERYTHING, Diversity, choose, groups_of
from search.ranking.plan import Plan

_MORE = 4  # times as many candidates, where too many were left out


@dataclass(frozen=True, slots=True)
class RankedRows:
    """The rows that answer a query, best first, of which nothing else has been read."""

    query: Query | MixedQuery
    passing: Condition
    skip: int
    rows: Rows
    scores: Scores
    matches: tuple[str, ...]
    """of each row"""
    groups: dict[int, object]
    """of rows, where hits are grouped"""
    may_answer: tuple[int, int, int]
    """the numbers of labelled, identified and similar images"""
    plans: tuple[Plan, ...]
    cosine: float | None
    """of the image nearest to the query, where a map shows another one first"""


def rank_rows(
    opened: Opened,
    query: Query | MixedQuery,
    passing: Condition,
    k: int,
    skip: int = 0,
    diversity: Diversity = EVERYTHING,
    vector: Vectors | None = None,
) -> RankedRows:
    """Find the first skip + k rows; `vector` (1, dim) is that of the query, where it is known."""
    groups = groups_of(opened.snapshot, diversity.group_by, diversity.sequence)
    adaptation = opened.adaptation if isinstance(query, ImageQuery | RowQuery) else None
    page = _Page(opened, diversity, groups, adaptation.map if adaptation else None)
    found: list[Found] = [(np.empty(0, np.float32), np.empty(0, np.int64))]
    matches: list[str] = []
    plans: list[Plan] = []
    for condition, match in (
        (query.matches.labelled, LABELLED),
        (query.matches.identified, IDENTIFIED),
        (query.matches.similar, SIMILAR),
    ):
        wanted = k + skip - len(matches)
        among = opened.selections.of(condition & passing) if wanted else Selection(range(0))
        if len(among):
            if vector is None:
                vector = query.vector(opened.nearest.exact, lambda: opened.encoder)
            confidences = _confidences(opened.snapshot, condition) if match == IDENTIFIED else None
            best, plan = page.best(query, vector, wanted, among, confidences)
            found.append(best)
            matches += [match] * len(best[1])
            plans.append(plan)
    labelled, identified, similar = (
        opened.selections.count(each & passing)
        for each in (query.matches.labelled, query.matches.identified, query.matches.similar)
    )
    scores, rows = (np.concatenate(each) for each in zip(*found, strict=True))
    return RankedRows(
        query,
        passing,
        skip,
        rows,
        scores,
        tuple(matches),
        page.groups if diversity.group_by or diversity.sequence else {},
        (labelled, identified, similar),
        tuple(plans),
        page.cosine,
    )


def rank_texts(
    opened: Opened, texts: Sequence[EmbeddedQuery], passing: Condition, k: int
) -> list[RankedRows]:
    """Find the first k rows of texts together: any image may answer them."""
    among = opened.selections.of(passing) if texts else Selection(range(0))
    if not len(among):
        return [rank_rows(opened, each.query, passing, k) for each in texts]
    vectors = np.concatenate([each.vector for each in texts])
    (scores, rows), plan = opened.nearest.search(vectors, k, among, of_text=True)
    matches, may_answer = (SIMILAR,) * rows.shape[1], (0, 0, len(among))
    return [
        RankedRows(each.query, passing, 0, found, cosines, matches, {}, may_answer, (plan,), None)
        for each, found, cosines in zip(texts, rows, scores, strict=True)
    ]


@dataclass(slots=True)
class _Page:
    """The hits of an answer so far, which later ones must differ from."""

    opened: Opened
    diversity: Diversity
    values: Callable[[Rows], list[object]]
    """groups of rows"""
    map: Map | None = None
    """that orders the images nearest to a picture"""
    groups: dict[int, object] = field(default_factory=dict)
    """of the candidates so far"""
    shown: Vectors | None = None
    taken: set[object] = field(default_factory=set)
    cosine: float | None = None
    """of the image nearest to the query, where the map shows another one first"""

    def best(
        self,
        query: Query | MixedQuery,
        vector: Vectors,
        k: int,
        among: Selection,
        confidences: Found | None,
    ) -> tuple[Found, Plan]:
        """Return the k best rows that are not left out, and the plan they were found by."""
        nearest = self.opened.nearest
        wanted = self.diversity.candidates(k) + (query.own_row is not None)
        if self.map:
            wanted = max(wanted, POOL + 1)
        while True:
            if confidences is None:
                found, plan = nearest.search(vector, wanted, among, query.of_text)
                scores, rows = found[0][0], found[1][0]
            else:
                (scores, rows), plan = self._surest(query, vector, wanted, among, confidences)
            kept = rows != query.own_row
            scores, rows = scores[kept], rows[kept]
            if self.map:
                self.cosine = float(scores[0]) if len(scores) else None
                scores, rows = self._ordered(self.map, vector, scores, rows)
                plan = self.map.plan(plan)
            taken = set(self.taken)
            if self.diversity.any:
                vectors = nearest.exact.gather(rows)
                before = vectors[:0] if self.shown is None else self.shown
                groups = self.values(rows)
                self.groups |= zip(rows.tolist(), groups, strict=True)
                chosen = choose(self.diversity, scores, vectors, groups, k, before, taken)
                scores, rows = scores[chosen], rows[chosen]
            if len(rows) >= k or wanted >= len(among):
                self.taken |= taken
                if self.diversity.any:
                    more = nearest.exact.gather(rows[:k])
                    self.shown = np.concatenate([before, more])
                return (scores[:k], rows[:k]), plan
            wanted *= _MORE

    def _ordered(
        self, map: Map, vector: Vectors, scores: Scores, rows: Rows
    ) -> tuple[Scores, Rows]:
        ordered = map.order(self.opened.nearest.exact, vector, (scores[None], rows[None]))
        return ordered[0][0], ordered[1][0]

    def _surest(
        self,
        query: Query | MixedQuery,
        vector: Vectors,
        k: int,
        among: Selection,
        confidences: Found,
    ) -> tuple[Found, Plan]:
        """Return the k rows of the highest confidence, the more similar first among equals."""
        sure, rows = confidences
        passing = np.isin(rows, among.array, assume_unique=True)
        sure, rows = sure[passing], rows[passing]
        least = np.sort(sure)[-min(k, len(sure))]
        above = selection_of(rows[sure > least])
        search = self.opened.nearest.search
        one, _ = search(vector, len(above), above, query.of_text)
        tied = selection_of(rows[sure == least])
        two, plan = search(vector, k - len(above), tied, query.of_text)
        scores, found = (
            np.concatenate([one[0][0], two[0][0]]),
            np.concatenate([one[1][0], two[1][0]]),
        )
        order = np.lexsort((-scores, -sure[np.searchsorted(rows, found)]))
        return (scores[order], found[order]), plan


def _confidences(snapshot: Snapshot, condition: Condition) -> Found:
    """Return the confidence of the machine's label, -1 where it states none, and rows ascending."""
    values = [list(each) if isinstance(each, tuple) else each for each in condition.values]
    sql = _CONFIDENCES.format(condition=condition.sql)
    found = snapshot.cursor().execute(sql, values).fetchnumpy()
    return np.asarray(found["confidence"], np.float32), np.asarray(found["row"], np.int64)


_CONFIDENCES = """
WITH identified AS (SELECT "row", image_id FROM images WHERE {condition})
SELECT "row", coalesce(confidence, -1) AS confidence
FROM identified JOIN identifications USING (image_id) ORDER BY "row"
"""
