"""Identifying: photographs in, one answer each, at the deepest rank that is sure enough."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.catalog.snapshot import Snapshot
from indexer.exports.sequences import Taken, gap_of, sequences_of, taken
from indexer.inputs.records import CROP_MARK
from model.encoder import Encoder
from model.errors import BadInput, UnknownName
from model.taxon import RANKS, Rank, Taxon
from model.vectors import Vectors
from search.classify.backoff import FEWEST, Backoff, deepest, upwards
from search.classify.calibration import share_new
from search.classify.fitting import Classifier
from search.classify.predictions import Floats, Predictions
from search.classify.reference_set import Numbers
from search.classify.taxon_tree import clade_at
from search.counts import count
from search.identify.identifications import Identification, Identifications, Neighbour
from search.identify.photographs import FOLDER, Photograph, photographs
from search.ranking.diversify import groups_of

SHOWN = 5  # neighbours that an answer tells


@dataclass(frozen=True, slots=True)
class AnswerOptions:
    """How sure, how deep and how many answers are to be."""

    precision: float = 0.9
    """the share of answers that shall be right"""
    rank: str = ""
    """the deepest rank that is wanted"""
    k: int = 5
    """how many of the likeliest are told beside the answer"""
    group_by: str = ""
    """a column, or FOLDER: photographs that agree in it show one specimen"""
    sequence: float | None = None
    """seconds: photographs of one camera at most so far apart show one specimen"""

    novel: float | None = None
    """the share of photographs of species that are not labelled; None: as the collection tells"""

    def __post_init__(self) -> None:
        if self.novel is not None and not 0 <= self.novel < 1:
            raise BadInput(
                f"novel is a share from 0 to less than 1, such as 0.5, not {self.novel!r}."
            )
        if isinstance(self.precision, str) or not 0 < self.precision < 1:
            raise BadInput(
                f"precision is a share above 0 and below 1, such as 0.9, not {self.precision!r}."
            )
        if self.rank and self.rank not in RANKS:
            raise UnknownName(f"Unknown rank {self.rank!r}; choose one of {', '.join(RANKS)}.")
        count(self.k, "k", "taxa")
        if self.sequence is not None:
            gap_of(self.sequence, self.group_by)

    @property
    def is_grouped(self) -> bool:
        """Whether several photographs may get one answer."""
        return bool(self.group_by) or self.sequence is not None

    @property
    def depth(self) -> int:
        """The place of the deepest rank that is wanted."""
        return RANKS.index(Rank(self.rank)) if self.rank else len(RANKS) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What n images are, how sure that is, and at which rank the answer ends."""

    found: Predictions
    confidence: Floats
    """(n, 7) of the likeliest lineages"""
    depths: Numbers
    """(n,) the place of the answer's rank; -1 is unknown"""
    novelty: Floats | None
    """(n,) how probably the species is not labelled; None where that is unknown"""

    def taxon(self, place: int) -> Taxon | None:
        """Return the answer for one image; None is unknown."""
        depth = int(self.depths[place])
        return clade_at(self.found.taxa[place], depth) if depth >= 0 else None

    def is_new(self, place: int) -> bool:
        """Whether the species of one image is likely not labelled, as `Identification.new`."""
        if self.novelty is None or self.novelty[place] <= 0.5:
            return False
        return self.taxon(place) != self.found.taxa[place]


@dataclass(frozen=True, slots=True, eq=False)
class Identifier:
    """A classifier, the encoder of photographs, and the collection of its specimens."""

    classifier: Classifier
    encoder: Encoder
    snapshot: Snapshot | None = None

    @property
    def trust(self) -> str:
        """One sentence: how far confidences can be trusted."""
        backoff = self.classifier.backoff
        if backoff:
            return f"confidence is calibrated on {len(backoff.reliability):,} labelled images"
        if self.classifier.reference is None:
            return (
                "confidence is uncalibrated: nothing is labelled that could say how often it is "
                "right, so it is the probability of a name and tends to be too high"
            )
        return (
            f"confidence is uncalibrated: it takes {FEWEST} labelled images of two taxa or more "
            "that have others of their own, so it is the share of votes and may be too high"
        )

    def backoff(self, asked: AnswerOptions) -> Backoff | None:
        """Return how sure answers are where a share of species is not labelled."""
        backoff, novelty = self.classifier.backoff, self.classifier.novelty
        if backoff is None or novelty is None:
            return backoff
        return backoff.open_to(novelty.share(asked.novel))

    def notes(self, asked: AnswerOptions, backoff: Backoff | None = None) -> tuple[str, ...]:
        """Say how often answers are right on the labelled images, and how far to trust them."""
        backoff = backoff or self.backoff(asked)
        lines = backoff.describe(asked.precision, asked.depth) if backoff else ()
        novelty = self.classifier.novelty
        new = (novelty.describe(asked.novel),) if novelty and backoff else ()
        return (*new, *lines, self.trust)

    def identify(
        self, sources: Sequence[Path | str], asked: AnswerOptions
    ) -> Iterator[Identification]:
        """Yield an answer for each photograph, or each group of them, in their order.

        Photographs that cannot be read are answers with a problem. Groups are told at the end,
        since any photograph may be of one of them.
        """
        batches, backoff = photographs(sources, self.encoder), self.backoff(asked)
        if not asked.is_grouped:
            for batch in batches:
                yield from self.answers([(photo,) for photo in batch], asked, backoff)
            return
        groups: dict[object, list[Photograph]] = {}
        if asked.sequence is not None:
            batches = iter([[photo for batch in batches for photo in batch]])
        for batch in batches:
            names = self._groups(batch, asked)
            for photo, name in zip(batch, names, strict=True):
                alone = not name or photo.problem or photo.detection
                groups.setdefault(photo.file if alone else (name,), []).append(photo)
        for key, photos in groups.items():
            name = str(key[0]) if isinstance(key, tuple) else ""
            yield from self.answers([tuple(photos)], asked, backoff, name)

    def all(
        self, sources: Sequence[Path | str], asked: AnswerOptions, notes: Sequence[str] = ()
    ) -> Identifications:
        """Return all answers together, and after other notes how far to trust them."""
        found, backoff = tuple(self.identify(sources, asked)), self.backoff(asked)
        return Identifications(found, (*notes, *self.notes(asked, backoff)), backoff)

    def answers(
        self,
        groups: Sequence[tuple[Photograph, ...]],
        asked: AnswerOptions,
        backoff: Backoff | None,
        name: str = "",
    ) -> Iterator[Identification]:
        """Yield an answer for each group of photographs that show one specimen.

        Its vector is the mean of theirs, renormalised, so that a blurred one counts for less.
        """
        usable = [group for group in groups if not (group[0].problem or group[0].detection)]
        found = None
        if usable:
            own = self._own(usable)
            vectors = np.stack([_mean(group) for group in usable])
            judged = self.judge(vectors, asked, backoff, own)
            found = judged.found
            neighbours = self._neighbours(found)
        place = 0
        for group in groups:
            files = tuple(photo.file for photo in group) if name else ()
            first = group[0]
            if first.problem or first.detection or found is None:
                found_instead = "" if first.problem else first.detection
                path = first.record.path if first.record.is_file else None
                yield Identification(
                    first.file, path=path, detection=found_instead, problem=first.problem
                )
                continue
            depth, lineage = int(judged.depths[place]), found.taxa[place]
            sure = tuple(judged.confidence[place].tolist())
            yield Identification(
                group[0].file,
                path=group[0].record.path if group[0].record.is_file else None,
                taxon=judged.taxon(place),
                confidence=sure[depth] if depth >= 0 else 0.0,
                lineage=lineage if lineage.name else None,
                confidences=sure,
                votes=tuple(found.voted[place].tolist()),
                zero_shot=tuple(found.zero_shot[place].tolist()),
                best=tuple(self.classifier.best(found, place, asked.depth, asked.k)),
                neighbours=neighbours[place],
                calibrated=backoff is not None,
                novelty=None if judged.novelty is None else float(judged.novelty[place]),
                files=files,
                group=name,
            )
            place += 1

    def judge(
        self,
        vectors: Vectors,
        asked: AnswerOptions,
        backoff: Backoff | None,
        own: Sequence[Numbers] | None = None,
    ) -> Judgement:
        """Return what images (n, dim) are; `own` are specimens that must not vote on each."""
        found = self.classifier.predict(vectors, own, asked.k)
        return Judgement(found, *_decide(found, asked, backoff), _novelty(found, backoff))

    def _own(self, groups: Sequence[tuple[Photograph, ...]]) -> list[Numbers]:
        """Return for each group the places of the specimens that are photographs of it."""
        reference = self.classifier.reference
        if self.snapshot is None or reference is None or reference.rows is None:
            return []
        digests = [[photo.sha256 for photo in group] for group in groups]
        found = self.snapshot.query(_ROWS, [each for digest in digests for each in digest])
        rows: dict[str, list[int]] = {}
        for digest, row in found:
            rows.setdefault(digest, []).append(row)
        own = [[row for each in digest for row in rows.get(each, ())] for digest in digests]
        return [np.flatnonzero(np.isin(reference.rows, each)) for each in own]

    def _neighbours(self, found: Predictions) -> list[tuple[Neighbour, ...]]:
        """Return the nearest specimens that voted on each image."""
        reference = self.classifier.reference
        if found.votes is None or reference is None or reference.tree is None:
            return [()] * len(found.taxa)
        if self.snapshot is None or reference.rows is None:
            return [()] * len(found.taxa)
        near = [np.flatnonzero(places >= 0)[:SHOWN] for places in found.votes.nearest]
        shown = [places[first] for places, first in zip(found.votes.nearest, near, strict=True)]
        ids = self.snapshot.image_ids(np.unique(reference.rows[np.concatenate(shown)]).tolist())
        return [
            tuple(
                Neighbour(
                    ids[int(reference.rows[place])],
                    min(1.0, round(float(cosine), 4)),
                    reference.tree.taxa[reference.classes[place]].name,
                )
                for place, cosine in zip(places, cosines[first], strict=True)
            )
            for places, first, cosines in zip(shown, near, found.votes.cosines, strict=True)
        ]

    def _groups(self, photos: Sequence[Photograph], asked: AnswerOptions) -> list[str]:
        """Return what each is grouped by: what its input says, else what the collection does."""
        column = asked.group_by
        if asked.sequence is not None:
            gap = gap_of(asked.sequence, column)
            return sequences_of([_taken(photo) for photo in photos], gap)
        if column == FOLDER:
            return [str(photo.record.path.parent) if photo.record.path else "" for photo in photos]
        names = [
            next((v for k, v in p.record.metadata.items() if k.lower() == column.lower()), "")
            for p in photos
        ]
        if self.snapshot and not all(names):
            known = dict(self.snapshot.query(_OF_CONTENT, [photo.sha256 for photo in photos]))
            values = groups_of(self.snapshot, column)(np.array(list(known.values()), np.int64))
            of_content = dict(zip(known, values, strict=True))
            names = [
                name or str(of_content.get(photo.sha256) or "")
                for name, photo in zip(names, photos, strict=True)
            ]
        return names


def _taken(photo: Photograph) -> Taken:
    record = photo.record
    folder = record.source_id.partition(CROP_MARK)[0].rpartition("/")[0]
    if record.path:
        folder = str(record.path.parent)
    return taken(record.metadata, folder, None if record.url else record.path)


def _decide(
    found: Predictions, asked: AnswerOptions, backoff: Backoff | None
) -> tuple[Floats, Numbers]:
    """Return how sure the predictions are, (n, 7), and the rank of each answer, (n,)."""
    named = found.answered
    if backoff:
        confidence = backoff.confidence(found.features, found.likeness, found.log_odds)
        cutoff = backoff.cutoff(asked.precision)
    else:
        confidence = upwards(found.shares * named)
        cutoff = np.full(len(RANKS), asked.precision)
    wanted = named & (np.arange(len(RANKS)) <= asked.depth)
    return confidence * named, deepest(confidence, wanted, cutoff)


def _novelty(found: Predictions, backoff: Backoff | None) -> Floats | None:
    """Return how probably the species of each image is not labelled, (n,)."""
    if backoff is None or not backoff.share or found.log_odds is None:
        return None
    return share_new(found.log_odds, backoff.share)


def _mean(group: Sequence[Photograph]) -> Vectors:
    vectors = np.stack([photo.vector for photo in group if photo.vector is not None])
    mean = vectors.mean(axis=0, dtype=np.float32)
    unit: Vectors = (mean / max(float(np.linalg.norm(mean)), 1e-6)).astype(np.float16)
    return unit


_ROWS = """
SELECT sha256, "row" FROM images JOIN (SELECT DISTINCT unnest(?) AS sha256) USING (sha256)
"""
_OF_CONTENT = """
SELECT sha256, min("row") FROM images JOIN (SELECT DISTINCT unnest(?) AS sha256) USING (sha256)
GROUP BY 1
"""
