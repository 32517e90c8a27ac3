"""Retrieval: the hits of a query, labelled images first, then identified, then similar ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import numpy as np

from model.errors import UnknownName
from model.vectors import Vectors
from search.hit_facts import Facts, facts_of
from search.hits import IDENTIFIED, SIMILAR, Hit, Hits, hit_of
from search.opened import Opened
from search.query.conditions import EVERY, Condition
from search.query.understanding import (
    LabelQuery,
    Query,
    TaxonQuery,
    TextQuery,
    WordQuery,
    mean_of,
    understand_all,
)
from search.query.vector_arithmetic import MixedQuery
from search.ranked_rows import RankedRows, rank_rows, rank_texts
from search.ranking.diversify import EVERYTHING, Diversity

_TOGETHER = 512  # queries whose texts are embedded together


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
    rest = iter(queries)
    while part := list(islice(rest, _TOGETHER)):
        understood = understand_all(opened.names, part, within)
        asked = [each for each in understood if not isinstance(each, UnknownName)]
        texts = dict.fromkeys(text for each in asked for text in each.prompts)
        made = opened.encoder.encode_texts(list(texts)) if texts else ()
        vector_of = dict(zip(texts, made, strict=True))
        vectors = [mean_of(np.stack([vector_of[text] for text in each.prompts])) for each in asked]
        shown = iter(_shown(opened, _ranked(opened, asked, passing, k, vectors)))
        for each in understood:
            yield Hits((), str(each)) if isinstance(each, UnknownName) else next(shown)


def _ranked(
    opened: Opened,
    asked: Sequence[WordQuery],
    passing: Condition,
    k: int,
    vectors: Sequence[Vectors],
) -> list[RankedRows]:
    """Rank the rows of queries, texts together."""
    texts = {place: each for place, each in enumerate(asked) if isinstance(each, TextQuery)}
    rows = [vectors[place] for place in texts]
    together = iter(rank_texts(opened, [*texts.values()], passing, k, rows))
    return [
        next(together)
        if place in texts
        else rank_rows(opened, each, passing, k, vector=vectors[place])
        for place, each in enumerate(asked)
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
