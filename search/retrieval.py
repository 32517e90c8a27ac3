"""Retrieval: the hits of a query, labelled images first, then identified, then similar ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from model.errors import UnknownName
from search.hit_facts import Facts, facts_of
from search.hits import IDENTIFIED, SIMILAR, Hit, Hits, hit_of
from search.opened import Opened
from search.query.conditions import EVERY, Condition
from search.query.embedded_queries import EmbeddedQuery, embedded_queries
from search.query.understanding import LabelQuery, Query, TaxonQuery, TextQuery
from search.query.vector_arithmetic import MixedQuery
from search.ranked_rows import RankedRows, rank_rows, rank_texts
from search.ranking.diversify import EVERYTHING, Diversity


def retrieve(
    opened: Opened,
    query: Query | MixedQuery,
    passing: Condition = EVERY,
    k: int = 10,
    skip: int = 0,
    diversity: Diversity = EVERYTHING,
) -> Hits:
    """Return k hits after the first `skip`, of the images for which a condition holds.

    The query is embedded unless no image can answer it. Raises UnknownName for an unknown column
    to group by.
    """
    return _shown(opened, [rank_rows(opened, query, passing, k, skip, diversity)])[0]


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
    for part in embedded_queries(opened.names, lambda: opened.encoder, queries, within):
        known = [each for each in part if not isinstance(each, UnknownName)]
        shown = iter(_shown(opened, _ranked(opened, known, passing, k)))
        for each in part:
            yield Hits((), str(each)) if isinstance(each, UnknownName) else next(shown)


def _ranked(
    opened: Opened, asked: Sequence[EmbeddedQuery], passing: Condition, k: int
) -> list[RankedRows]:
    """Rank the rows of queries, texts together."""
    texts = [each for each in asked if isinstance(each.query, TextQuery)]
    together = iter(rank_texts(opened, texts, passing, k))
    return [
        next(together)
        if isinstance(each.query, TextQuery)
        else rank_rows(opened, each.query, passing, k, vector=each.vector)
        for each in asked
    ]


def _shown(opened: Opened, answers: Sequence[RankedRows]) -> list[Hits]:
    """Read what the hits of answers are, of all at once."""
    rows = [each.rows for each in answers if len(each.rows)]
    facts = facts_of(opened.snapshot, np.unique(np.concatenate(rows))) if rows else {}
    return [_hits(opened, each, facts) for each in answers]


def _hits(opened: Opened, answer: RankedRows, facts: Mapping[int, Facts]) -> Hits:
    query = answer.query
    hits = [
        hit_of(opened.snapshot, facts[row], score, match, _named(answer.groups.get(row)))
        for row, score, match in zip(
            answer.rows.tolist(), answer.scores.tolist(), answer.matches, strict=True
        )
    ]
    best = hits[0].score if hits and hits[0].match == SIMILAR else None
    if best is not None and answer.cosine is not None:
        best = answer.cosine
    labelled = answer.may_answer[0]
    return Hits(
        tuple(hits[answer.skip :]),
        query.meaning,
        labelled,
        sum(answer.may_answer) - (query.own_row is not None),
        answer.plans,
        floor=None if best is None else floor_of(opened, query),
        best=best,
        unlabelled=without_label(query, answer.passing, hits) if not labelled else "",
    )


def _named(group: object) -> str:
    return "" if group is None else str(group)


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
