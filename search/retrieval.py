"""Retrieval: the hits of a query, labelled images first, then identified, then similar ones."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from indexer.backends import Found, Rows, Scores
from indexer.backends.selection import Selection, selection_of
from indexer.catalog.snapshot import Snapshot
from model.errors import UnknownName
from model.vectors import Vectors
from search.hits import IDENTIFIED, LABELLED, SIMILAR, Hit, Hits, hits_of
from search.opened import Opened
from search.query.conditions import EVERY, Condition
from search.query.understanding import (
    ImageQuery,
    LabelQuery,
    Query,
    RowQuery,
    TaxonQuery,
    WordQuery,
    mean_of,
    understand_words,
)
from search.query.vector_arithmetic import MixedQuery
from search.ranking.adaptation import POOL, Map
from search.ranking.diversify import EVERYTHING, Diversity, choose, groups_of
from search.ranking.plan import Plan

_TOGETHER = 512  # queries whose texts are embedded together
_MORE = 4  # times as many candidates, where too many were left out


def retrieve(
    opened: Opened,
    query: Query | MixedQuery,
    passing: Condition = EVERY,
    k: int = 10,
    skip: int = 0,
    diversity: Diversity = EVERYTHING,
    vector: Vectors | None = None,
) -> Hits:
    """Return k hits after the first `skip`, of the images for which a condition holds.

    `vector` (1, dim) is that of the query, where it is known; else the query is embedded, unless
    no image can answer it. Raises UnknownName for an unknown column to group by.
    """
    groups = groups_of(opened.snapshot, diversity.group_by, diversity.sequence)
    adaptation = opened.adaptation if isinstance(query, ImageQuery | RowQuery) else None
    page = _Page(opened, diversity, groups, adaptation.map if adaptation else None)
    hits: list[Hit] = []
    plans: list[Plan] = []
    for condition, match in (
        (query.matches.labelled, LABELLED),
        (query.matches.identified, IDENTIFIED),
        (query.matches.similar, SIMILAR),
    ):
        wanted = k + skip - len(hits)
        among = opened.selections.of(condition & passing) if wanted else Selection(range(0))
        if len(among):
            if vector is None:
                vector = query.vector(opened.nearest.exact, lambda: opened.encoder)
            confidences = _confidences(opened.snapshot, condition) if match == IDENTIFIED else None
            found, plan = page.best(query, vector, wanted, among, confidences)
            hits += page.hits(found, match)
            plans.append(plan)
    matches = query.matches
    may_answer = [
        len(opened.selections.of(each & passing))
        for each in (matches.labelled, matches.identified, matches.similar)
    ]
    labelled = may_answer[0]
    best = hits[0].score if hits and hits[0].match == SIMILAR else None
    if best is not None and page.cosine is not None:
        best = page.cosine
    return Hits(
        tuple(hits[skip:]),
        query.meaning,
        labelled,
        sum(may_answer) - (query.own_row is not None),
        tuple(plans),
        floor=None if best is None else floor_of(opened, query),
        best=best,
        unlabelled=without_label(query, passing, hits) if not labelled else "",
    )


def retrieve_each(
    opened: Opened,
    queries: Iterable[str],
    passing: Condition = EVERY,
    within: Sequence[str] = (),
    k: int = 10,
) -> Iterator[Hits]:
    """Yield the answer to each name or text, in their order; texts are embedded together.

    A query that cannot be understood has no hits, and its meaning says why.
    """
    rest = iter(queries)
    while part := list(islice(rest, _TOGETHER)):
        understood: list[WordQuery | str] = []
        for words in part:
            try:
                understood.append(understand_words(opened.names, words, within))
            except UnknownName as error:
                understood.append(str(error))
        texts = dict.fromkeys(
            text for each in understood if not isinstance(each, str) for text in each.prompts
        )
        vectors = opened.encoder.encode_texts(list(texts)) if texts else ()
        made = dict(zip(texts, vectors, strict=True))
        for each in understood:
            if isinstance(each, str):
                yield Hits((), each)
            else:
                vector = mean_of(np.stack([made[text] for text in each.prompts]))
                yield retrieve(opened, each, passing, k, vector=vector)


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

    def hits(self, found: Found, match: str) -> list[Hit]:
        """Return rows as hits, and keep them in mind."""
        rows = found[1]
        more = self.opened.nearest.exact.gather(rows)
        self.shown = more if self.shown is None else np.concatenate([self.shown, more])
        hits = hits_of(self.opened.snapshot, found, match)
        if not (self.diversity.group_by or self.diversity.sequence):
            return hits
        groups = ("" if (each := self.groups[row]) is None else str(each) for row in rows.tolist())
        return [replace(hit, group=group) for hit, group in zip(hits, groups, strict=True)]


def _confidences(snapshot: Snapshot, condition: Condition) -> Found:
    """Return the confidence of the machine's label, -1 where it states none, and rows ascending."""
    values = [list(each) if isinstance(each, tuple) else each for each in condition.values]
    sql = _CONFIDENCES.format(condition=condition.sql)
    found = snapshot.cursor().execute(sql, values).fetchnumpy()
    return np.asarray(found["confidence"], np.float32), np.asarray(found["row"], np.int64)


def floor_of(opened: Opened, query: Query | MixedQuery) -> float | None:
    """Return the floor of a query whose best hit only looks like it; None for a mixed one."""
    if isinstance(query, MixedQuery):
        return None
    return opened.text_floor if query.of_text else opened.image_floor


def without_label(query: Query | MixedQuery, passing: Condition, hits: Sequence[Hit]) -> str:
    """Return a sentence where a taxon or label that was asked for has no image here."""
    asked = query.query if isinstance(query, MixedQuery) else query
    identified = any(hit.match == IDENTIFIED for hit in hits)
    if identified or not isinstance(asked, TaxonQuery | LabelQuery):
        return ""
    among = "No image here" if passing == EVERY else "No image that passes the filters"
    named = asked.meaning.removeprefix("images labelled ")
    look = "; these only look like it" if hits else ""
    return f"{among} is labelled {named}{look}."


_CONFIDENCES = """
WITH identified AS (SELECT "row", image_id FROM images WHERE {condition})
SELECT "row", coalesce(confidence, -1) AS confidence
FROM identified JOIN identifications USING (image_id) ORDER BY "row"
"""
