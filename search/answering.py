"""Answers one question: labelled so, identified so, looking so; thinned, and told as hits."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from indexer.backends import Found
from indexer.backends.selection import Selection
from indexer.catalog.snapshot import Snapshot
from indexer.inputs.thumbnails import Thumbnail
from model.encoder import Encoder
from model.errors import UnknownName
from model.taxon import RANKS, Taxon
from model.vectors import Vectors
from search.conditions import Condition, Selections
from search.hits import IDENTIFIED, LABELLED, SIMILAR, Hit, Hits
from search.names import Names
from search.nearest import Nearest
from search.plan import Plan
from search.queries import Question, ask_name, vectors_of_texts
from search.thinning import Thinning, choose, groups_of

_TOGETHER = 512  # queries whose texts are embedded together
_MORE = 4  # times as many candidates, where too many were left out


@dataclass(frozen=True, slots=True)
class Answering:
    """What it takes to answer questions about one snapshot."""

    snapshot: Snapshot
    selections: Selections
    nearest: Nearest
    thinning: Thinning

    def page(
        self,
        question: Question,
        vector: Callable[[], Vectors],
        passing: Condition,
        k: int,
        skip: int = 0,
    ) -> Hits:
        """Return k hits after the first `skip`, of the images for which a condition holds.

        `vector` embeds the question, (1, dim); it is not called where nothing can answer it.
        """
        hits: list[Hit] = []
        plans: list[Plan] = []
        groups: set[object] = set()
        made: Vectors | None = None
        shown: Vectors | None = None
        for condition, match in (
            (question.labelled, LABELLED),
            (question.identified, IDENTIFIED),
            (question.similar, SIMILAR),
        ):
            wanted = k + skip - len(hits)
            among = self.selections.of(condition & passing) if wanted else Selection(range(0))
            if len(among):
                made = vector() if made is None else made
                found, plan = self._best(question, made, wanted, among, shown, groups)
                hits += hits_of(self.snapshot, found, match)
                plans.append(plan)
                more = self.nearest.exact.gather(found[1])
                shown = more if shown is None else np.concatenate([shown, more])
        labelled = len(self.selections.of(question.labelled & passing))
        best = hits[0].score if hits and hits[0].match == SIMILAR else None
        told = question.meaning, labelled, tuple(plans), self._floor(question), best
        return Hits(tuple(hits[skip:]), *told)

    def each(
        self,
        asked: Iterable[str],
        names: Names,
        within: Sequence[str],
        passing: Condition,
        k: int,
        encoder: Callable[[], Encoder],
    ) -> Iterator[Hits]:
        """Yield `page` of each name or text; texts are embedded together.

        One that cannot be understood has no hits, and says why.
        """
        left = iter(asked)
        while part := list(islice(left, _TOGETHER)):
            understood = [_question_or_why(names, words, within) for words in part]
            questions = [each for each in understood if isinstance(each, Question)]
            vectors = iter(vectors_of_texts(questions, encoder))
            for each in understood:
                if isinstance(each, str):
                    yield Hits((), each)
                else:
                    yield self.page(each, partial(np.asarray, next(vectors)), passing, k)

    def _floor(self, question: Question) -> float | None:
        entry = self.snapshot.manifest.floor
        if entry is None or question.is_mixed:
            return None
        return entry.text if question.of_text else entry.image

    def _best(
        self,
        question: Question,
        vector: Vectors,
        k: int,
        among: Selection,
        shown: Vectors | None,
        groups: set[object],
    ) -> tuple[Found, Plan]:
        """Return the k best rows that are not thinned out; `groups` are taken, and added to."""
        # An image is no answer to itself.
        itself = question.source if isinstance(question.source, int) else None
        wanted = self.thinning.wanted(k) + (itself is not None)
        values = groups_of(self.snapshot, self.thinning.group_by)
        while True:
            found, plan = self.nearest.search(vector, wanted, among, question.of_text)
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


def hits_of(snapshot: Snapshot, found: Found, match: str) -> list[Hit]:
    """Return rows of a snapshot, and their scores, told as hits."""
    scores, rows = found
    told = snapshot.query(_HIT_SQL, [int(row) for row in rows])
    said_of = {row: rest for row, *rest in told}
    hits = []
    for row, score in zip(rows, scores, strict=True):
        (image_id, source_id, url, thumb), said, ranks = said_of[int(row)]
        label, common_name, metadata, name, identification, confidence = said
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
                identification or "",
                confidence,
            )
        )
    return hits


def _question_or_why(names: Names, words: str, within: Sequence[str]) -> Question | str:
    try:
        return ask_name(names, words, within)
    except UnknownName as error:
        return str(error)


_HIT_SQL = f"""
SELECT "row", (images.image_id, source_id, url, thumbs.file),
    (images.label, coalesce(nullif(images.common_name, ''), taxa.common_name), metadata, taxa.name,
        identifications.label, identifications.confidence),
    ({", ".join(f'taxa."{rank}"' for rank in RANKS)})
FROM images JOIN (SELECT unnest(?) AS "row") USING ("row") LEFT JOIN taxa USING (taxon_key)
LEFT JOIN thumbs USING (image_id)
LEFT JOIN identifications ON identifications.image_id = images.image_id
"""
