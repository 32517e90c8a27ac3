"""Identifying: photographs in, one answer for each at the deepest rank that is sure enough."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.catalog.snapshot import Snapshot
from model.encoder import Encoder
from model.errors import Error
from model.taxon import RANKS, Rank
from model.vectors import Vectors
from search.identifying.certainty import FEWEST, deepest, upwards
from search.identifying.identifications import Identification, Identifications, Neighbour
from search.identifying.judging import Floats, Judge, Judged
from search.identifying.lineages import clade_at
from search.identifying.photographs import FOLDER, Photograph, photographs
from search.ranking.diversify import groups_of
from search.zero_shot.candidates import Numbers

SHOWN = 5  # neighbours that an answer tells


@dataclass(frozen=True, slots=True)
class Asked:
    """How an answer is wanted."""

    precision: float = 0.9
    """the share of answers that shall be right"""
    rank: str = ""
    """the deepest rank that is wanted"""
    k: int = 5
    """how many of the likeliest are told beside the answer"""
    group_by: str = ""
    """a column, or FOLDER: photographs that agree in it show one specimen"""

    def __post_init__(self) -> None:
        if not 0 < self.precision < 1:
            raise Error(f"The precision is above 0 and below 1, as 0.9, not {self.precision}.")
        if self.rank and self.rank not in RANKS:
            raise Error(f"{self.rank!r} is no rank; it is one of {', '.join(RANKS)}.")
        if self.k < 1:
            raise Error(f"k is the number of taxa, 1 or more, not {self.k}.")

    @property
    def depth(self) -> int:
        """The place of the deepest rank that is wanted."""
        return RANKS.index(Rank(self.rank)) if self.rank else len(RANKS) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Identifier:
    """A judge, and what turns photographs into vectors and specimens back into images."""

    judge: Judge
    encoder: Encoder
    snapshot: Snapshot | None = None
    rows: Numbers | None = None
    """(specimens,) the row of each"""

    @property
    def trust(self) -> str:
        """One sentence: how far confidences can be trusted."""
        calibration = self.judge.calibration
        if calibration:
            return f"confidence is calibrated on {calibration.examples:,} labelled images"
        if self.judge.specimens is None:
            return (
                "confidence is uncalibrated: nothing is labelled that could say how often it is "
                "right, so it is the probability of a name and tends to be too high"
            )
        return (
            f"confidence is uncalibrated: it takes {FEWEST} labelled images of two taxa or more "
            "that have others of their own, so it is the share of votes and may be too high"
        )

    def notes(self, asked: Asked) -> tuple[str, ...]:
        """Say how often answers are right on the labelled images, and how far to trust them."""
        calibration = self.judge.calibration
        told = calibration.told(asked.precision, asked.depth) if calibration else ()
        return (*told, self.trust)

    def identify(self, sources: Sequence[Path | str], asked: Asked) -> Iterator[Identification]:
        """Yield an answer for each photograph, or each group of them, in their order.

        Photographs that cannot be read are answers with a problem. Groups are told at the end,
        since any photograph may be of one of them.
        """
        batches = photographs(sources, self.encoder)
        if not asked.group_by:
            for batch in batches:
                yield from self.answers([(photo,) for photo in batch], asked)
            return
        groups: dict[object, list[Photograph]] = {}
        for batch in batches:
            names = self._groups(batch, asked.group_by)
            for photo, name in zip(batch, names, strict=True):
                alone = not name or photo.problem
                groups.setdefault(photo.file if alone else (name,), []).append(photo)
        for key, photos in groups.items():
            name = str(key[0]) if isinstance(key, tuple) else ""
            yield from self.answers([tuple(photos)], asked, name)

    def all(
        self, sources: Sequence[Path | str], asked: Asked, notes: Sequence[str] = ()
    ) -> Identifications:
        """Return all answers together, and after other notes how far to trust them."""
        found = tuple(self.identify(sources, asked))
        return Identifications(found, (*notes, *self.notes(asked)), self.judge.calibration)

    def answers(
        self, groups: Sequence[tuple[Photograph, ...]], asked: Asked, name: str = ""
    ) -> Iterator[Identification]:
        """Yield an answer for each group of photographs that show one specimen.

        Its vector is the mean of theirs, renormalised, so that a blurred one counts for less.
        """
        usable = [group for group in groups if not group[0].problem]
        judged = None
        if usable:
            own = [self._own(group) for group in usable]
            vectors = np.stack([_mean(group) for group in usable])
            judged = self.judge.judge(vectors, own, asked.k)
            confidence, depths = self._decide(judged, asked)
        place = 0
        for group in groups:
            files = tuple(photo.file for photo in group) if name else ()
            if group[0].problem or judged is None:
                yield Identification(group[0].file, problem=group[0].problem)
                continue
            depth, lineage = int(depths[place]), judged.taxa[place]
            sure = tuple(confidence[place].tolist())
            yield Identification(
                group[0].file,
                path=group[0].record.path if group[0].record.is_file else None,
                taxon=clade_at(lineage, depth) if depth >= 0 else None,
                confidence=sure[depth] if depth >= 0 else 0.0,
                lineage=lineage if lineage.name else None,
                confidences=sure,
                votes=tuple(judged.voted[place].tolist()),
                zero_shot=tuple(judged.zero_shot[place].tolist()),
                best=tuple(self.judge.best(judged, place, asked.depth, asked.k)),
                neighbours=self._neighbours(judged, place),
                calibrated=self.judge.calibration is not None,
                files=files,
                group=name,
            )
            place += 1

    def _decide(self, judged: Judged, asked: Asked) -> tuple[Floats, Numbers]:
        calibration = self.judge.calibration
        if calibration:
            confidence = calibration.confidence(judged.features)
            confidence[judged.likeness < calibration.least] = 0
            cutoff = calibration.cutoff(asked.precision)
        else:
            confidence = upwards(judged.shares * judged.answered)
            cutoff = np.full(len(RANKS), asked.precision)
        answered = judged.answered & (np.arange(len(RANKS)) <= asked.depth)
        return confidence * judged.answered, deepest(confidence, answered, cutoff)

    def _own(self, group: Sequence[Photograph]) -> Numbers:
        """Return the specimens that are photographs of a group."""
        if self.snapshot is None or self.rows is None:
            return np.empty(0, np.int64)
        found = self.snapshot.query(_ROWS, [photo.sha256 for photo in group])
        return np.flatnonzero(np.isin(self.rows, [row for (row,) in found]))

    def _neighbours(self, judged: Judged, image: int) -> tuple[Neighbour, ...]:
        specimens = self.judge.specimens
        if judged.votes is None or specimens is None or self.rows is None or not self.snapshot:
            return ()
        places = judged.votes.nearest[image]
        first = np.flatnonzero(places >= 0)[:SHOWN]
        rows = [int(self.rows[place]) for place in places[first]]
        ids = self.snapshot.image_ids(rows)
        told = zip(rows, places[first], judged.votes.scores[image][first], strict=True)
        return tuple(
            Neighbour(
                ids[row],
                min(1.0, round(float(score), 4)),
                specimens.lineages.taxa[specimens.taxa[place]].name,
            )
            for row, place, score in told
        )

    def _groups(self, photos: Sequence[Photograph], column: str) -> list[str]:
        """Return what each is grouped by: what its input says, else what the collection does."""
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


def _mean(group: Sequence[Photograph]) -> Vectors:
    vectors = np.stack([photo.vector for photo in group if photo.vector is not None])
    mean = vectors.mean(axis=0, dtype=np.float32)
    unit: Vectors = (mean / max(float(np.linalg.norm(mean)), 1e-6)).astype(np.float16)
    return unit


_ROWS = 'SELECT "row" FROM images JOIN (SELECT DISTINCT unnest(?) AS sha256) USING (sha256)'
_OF_CONTENT = """
SELECT sha256, min("row") FROM images JOIN (SELECT DISTINCT unnest(?) AS sha256) USING (sha256)
GROUP BY 1
"""
