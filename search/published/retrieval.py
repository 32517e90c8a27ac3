"""The hits of a query in a published collection: labelled, then identified, then similar images."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from indexer.backends import Rows
from indexer.backends.exact import Exact
from indexer.backends.selection import Selection
from indexer.catalog.snapshot import Snapshot
from model.encoder import Encoder
from model.taxon import RANKS, Taxon
from model.vectors import Vectors
from search.hits import IDENTIFIED, LABELLED, SIMILAR, Hit, Hits
from search.opened import Opened
from search.published.images import Line, Ranked, StoredImages, both, expression, quoted
from search.query.conditions import EVERY, Condition, Selections
from search.query.understanding import Query, RowQuery
from search.query.vector_arithmetic import MixedQuery
from search.ranking.plan import Plan
from search.retrieval import floor_of, without_label


@dataclass(frozen=True, slots=True)
class StoredImageQuery(RowQuery):
    """An image of a published collection, which is no answer to itself."""

    image_id: str
    stored: Vectors
    """(1, dim) its unit vector"""

    def vector(self, exact: Exact, encoder: Callable[[], Encoder]) -> Vectors:
        """Return the stored vector, (1, dim) unit row."""
        return self.stored


@dataclass(frozen=True, slots=True)
class Published:
    """What is published: the namings, and the images of each."""

    small: Snapshot
    """the catalog of the namings"""
    selections: Selections
    """of namings, by conditions"""
    ends: Rows
    """(namings + 1,) the number of images of all namings before one"""
    images: StoredImages
    sample: Vectors
    """(n, dim) of images drawn evenly"""

    @property
    def namings(self) -> int:
        """How many namings there are."""
        return len(self.ends) - 1

    def count(self, namings: Selection) -> int:
        """Return how many images have one of some namings."""
        rows = namings.array
        return int((self.ends[rows + 1] - self.ends[rows]).sum())


@dataclass(frozen=True, slots=True)
class ServedPlan(Plan):
    """How one search was handed to Milvus."""

    def __str__(self) -> str:
        """Describe it in one line."""
        return f"asks Milvus among {self.rows:,} images: {self.why}"


def retrieve(
    opened: Opened,
    published: Published,
    query: Query | MixedQuery,
    passing: Condition = EVERY,
    k: int = 10,
    skip: int = 0,
    vector: Vectors | None = None,
) -> Hits:
    """Return k hits after the first `skip`, of the images for which a condition holds.

    `opened` has the encoder and the floors; `vector` (1, dim) is that of the query, where it is
    known. Answers what `search.retrieval.retrieve` does, with namings in place of rows.
    """
    asked = query.query if isinstance(query, MixedQuery) else query
    own = f"image_id != {quoted(asked.image_id)}" if isinstance(asked, StoredImageQuery) else ""
    matches = query.matches
    may_answer: list[int] = []
    hits: list[Hit] = []
    plans: list[Plan] = []
    for condition, match in (
        (matches.labelled, LABELLED),
        (matches.identified, IDENTIFIED),
        (matches.similar, SIMILAR),
    ):
        namings = published.selections.of(condition & passing)
        count = published.count(namings)
        may_answer.append(count)
        wanted = k + skip - len(hits)
        if count and wanted:
            if vector is None:
                vector = query.vector(Exact([published.sample]), lambda: opened.encoder)
            within = both(expression(namings, published.namings), own)
            find = published.images.surest if match == IDENTIFIED else published.images.nearest
            hits += hits_of(published.small, find(vector, wanted, within), match)
            plans.append(ServedPlan(count, None, within or "no filter"))
    best = hits[0].score if hits and hits[0].match == SIMILAR else None
    return Hits(
        tuple(hits[skip:]),
        query.meaning,
        may_answer[0],
        sum(may_answer) - bool(own),
        tuple(plans),
        floor=None if best is None else floor_of(opened, query),
        best=best,
        unlabelled="" if may_answer[0] else without_label(query, passing, hits),
    )


def hits_of(small: Snapshot, found: Sequence[Ranked], match: str) -> list[Hit]:
    """Return images as hits; `small` is the catalog of their namings."""
    numbers = [int(each.line["naming"]) for each in found]
    known = {naming: rest for naming, *rest in small.query(_NAMED, numbers)}
    return [
        _hit(each.line, each.score, match, *known[naming])
        for each, naming in zip(found, numbers, strict=True)
    ]


def _hit(
    line: Line,
    score: float,
    match: str,
    said: tuple[str, str, str | None, str | None],
    ranks: tuple[str | None, ...],
) -> Hit:
    label, common_name, name, machine = said
    lineage = tuple(each for each in ranks if each is not None)
    confidence = float(line["confidence"])
    return Hit(
        image_id=line["image_id"],
        source_id=line["source_id"],
        path=None,
        url=line["url"],
        score=score,
        match=match,
        label=label,
        taxon=Taxon(lineage, common_name) if lineage else None,
        metadata=dict(line["metadata"]),
        scientific_name=name or "",
        identification=machine or "",
        confidence=confidence if machine and confidence >= 0 else None,
    )


_NAMED = f"""
SELECT "row", (images.label, coalesce(nullif(images.common_name, ''), taxa.common_name), taxa.name,
        identifications.label),
    ({", ".join(f'taxa."{rank}"' for rank in RANKS)})
FROM images JOIN (SELECT DISTINCT unnest(?) AS "row") USING ("row") LEFT JOIN taxa USING (taxon_key)
LEFT JOIN identifications USING (image_id)
"""
