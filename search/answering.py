"""Answers one question: labelled images first, then what looks so; thinned, and told as hits."""

from collections.abc import Callable
from dataclasses import dataclass

from indexer.backends import Found
from indexer.backends.selection import Selection
from indexer.snapshot import Snapshot
from indexer.thumbnails import Thumbnail
from model.taxon import RANKS, Taxon
from model.vectors import Vectors
from search.conditions import Condition, Selections
from search.hits import LABELLED, SIMILAR, Hit, Hits
from search.nearest import Nearest
from search.plan import Plan
from search.queries import Question
from search.thinning import Thinning, choose, groups_of

_MORE = 4  # times as many candidates, where too many were left out


@dataclass(frozen=True, slots=True)
class Answering:
    """A question about one snapshot, with what it takes to answer it."""

    snapshot: Snapshot
    selections: Selections
    nearest: Nearest
    question: Question
    vector: Callable[[], Vectors]
    """embeds the question; not called where nothing can answer it"""
    thinning: Thinning

    def page(self, passing: Condition, k: int, skip: int) -> Hits:
        """Return k hits after the first `skip`, of the images for which a condition holds."""
        labelled = self.selections.of(self.question.labelled & passing)
        similar = Selection(range(0))
        if len(labelled) < k + skip or self.thinning.any:
            similar = self.selections.of(self.question.similar & passing)
        hits: list[Hit] = []
        plans: list[Plan] = []
        groups: set[object] = set()
        shown: Vectors | None = None
        for among, match in ((labelled, LABELLED), (similar, SIMILAR)):
            if len(among) and len(hits) < k + skip:
                vector = self.vector()
                (scores, rows), plan = self._best(
                    vector, k + skip - len(hits), among, shown, groups
                )
                hits += _hits(self.snapshot, (scores, rows), match)
                plans.append(plan)
                shown = self.nearest.exact.gather(rows)
        return Hits(tuple(hits[skip:]), self.question.meaning, len(labelled), tuple(plans))

    def _best(
        self,
        vector: Vectors,
        k: int,
        among: Selection,
        shown: Vectors | None,
        groups: set[object],
    ) -> tuple[Found, Plan]:
        """Return the k best rows that are not thinned out; `groups` are taken, and added to."""
        source = self.question.source
        itself = source if isinstance(source, int) else None  # an image is no answer to itself
        wanted = self.thinning.wanted(k) + (itself is not None)
        values = groups_of(self.snapshot, self.thinning.group_by)
        while True:
            found, plan = self.nearest.search(vector, wanted, among, self.question.of_text)
            kept = found[1][0] != itself
            scores, rows = found[0][0][kept], found[1][0][kept]
            taken = set(groups)
            if self.thinning.any:
                vectors = self.nearest.exact.gather(rows)
                before = vectors[:0] if shown is None else shown
                chosen = choose(self.thinning, scores, vectors, values(rows), k, before, taken)
                scores, rows = scores[chosen], rows[chosen]
            if len(rows) >= k or wanted >= len(among):
                groups |= taken
                return (scores[:k], rows[:k]), plan
            wanted *= _MORE


def _hits(snapshot: Snapshot, found: Found, match: str) -> list[Hit]:
    scores, rows = found
    told = snapshot.query(_HIT_SQL, [int(row) for row in rows])
    said_of = {row: rest for row, *rest in told}
    hits = []
    for row, score in zip(rows, scores, strict=True):
        (image_id, source_id, url, thumb), said, ranks = said_of[int(row)]
        label, common_name, metadata, name = said
        taxon = Taxon(tuple(ranks), common_name) if ranks[0] is not None else None
        cosine = min(1.0, float(score))  # float16 rows are of length 1 to three digits
        hits.append(
            Hit(
                image_id,
                source_id,
                snapshot.path_of(source_id),
                url,
                cosine,
                match,
                label,
                taxon,
                metadata,
                Thumbnail(snapshot.folder / thumb, image_id) if thumb else None,
                name or "",
            )
        )
    return hits


_HIT_SQL = f"""
SELECT "row", (image_id, source_id, url, thumbs.file),
    (label, coalesce(nullif(images.common_name, ''), taxa.common_name), metadata, taxa.name),
    ({", ".join(f'taxa."{rank}"' for rank in RANKS)})
FROM images JOIN (SELECT unnest(?) AS "row") USING ("row") LEFT JOIN taxa USING (taxon_key)
LEFT JOIN thumbs USING (image_id)
"""
