"""Identifications: the answers of `identify`, as values."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from model.errors import BadInput
from model.taxon import RANKS, Taxon
from search import html
from search.answers import Answers
from search.classify.backoff import Backoff, Floats, deepest
from search.classify.taxon_tree import clade_at

UNKNOWN = "unknown"
NEW = "new to this collection"
ANSWERED = "answered"
RANK_COLUMNS = (*map(str, RANKS[:-1]), "species_epithet", "species", "common_name")
COLUMNS = (
    *("file_name", *RANK_COLUMNS, "score", "rank", "name", "status", "novelty", "nearest"),
    *("confidences", "votes", "zero_shot", "neighbours", "group", "photographs", "problem"),
)
"""pybioclip's columns, then ours; confidences … neighbours are JSON, or nothing."""
BEST_COLUMNS = ("file_name", *RANK_COLUMNS, "score")
"""of the k best, as pybioclip writes them"""
_KINDS = {"score": pa.float64(), "novelty": pa.float64(), "photographs": pa.int64()}
SCHEMA, BEST_SCHEMA = (
    pa.schema([(name, _KINDS.get(name, pa.string())) for name in names])
    for names in (COLUMNS, (*BEST_COLUMNS, "problem"))
)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A labelled specimen that voted."""

    image_id: str
    score: float
    """cosine, -1 to 1"""
    name: str
    """what it is labelled as"""


@dataclass(frozen=True, slots=True)
class Identification:
    """What one image shows, or several of one specimen."""

    file: str
    """a path or URL; of several the first"""
    taxon: Taxon | None = None
    """at the deepest rank that is sure enough; None is unknown"""
    confidence: float = 0.0
    """how sure it is that this is right, 0 to 1"""
    lineage: Taxon | None = None
    """the likeliest lineage down to its end, however unsure; None where there is a problem"""
    confidences: tuple[float, ...] = ()
    """of the lineage's clades at the seven ranks"""
    votes: tuple[float, ...] = ()
    """the share of each in the votes of the labelled specimens"""
    zero_shot: tuple[float, ...] = ()
    """the probability of each by its name alone"""
    best: tuple[tuple[Taxon, float], ...] = ()
    """the k likeliest taxa of one rank, with votes and zero-shot together"""
    neighbours: tuple[Neighbour, ...] = ()
    """the nearest specimens that voted, best first"""
    calibrated: bool = False
    """whether the confidences are learnt from labelled images"""
    files: tuple[str, ...] = ()
    """all of a group"""
    group: str = ""
    path: Path | None = None
    """where it lies, if it is a whole file on this machine; of several the first"""
    detection: str = ""
    """a detector's word for what is not identified: "person", "vehicle" or "blank\""""
    problem: str = ""
    """why there is no answer"""
    novelty: float | None = None
    """how probably its species is not labelled in the collection; None where that is unknown"""

    @property
    def rank(self) -> str:
        """The rank of the answer, "" for unknown."""
        return str(self.taxon.rank or "") if self.taxon else ""

    @property
    def name(self) -> str:
        """The scientific name of the answer, what a detector found instead, or "unknown"."""
        return self.taxon.name if self.taxon else "" if self.problem else self.detection or UNKNOWN

    @property
    def new(self) -> bool:
        """Whether its species is likely new to the collection: no labelled one is the answer."""
        whole = self.taxon is not None and self.taxon == self.lineage
        return self.novelty is not None and self.novelty > 0.5 and not whole

    @property
    def status(self) -> str:
        """NEW, ANSWERED or UNKNOWN; "" where there is a problem or a detection."""
        if self.problem or self.detection:
            return ""
        return NEW if self.new else ANSWERED if self.taxon else UNKNOWN

    def read(self) -> bytes:
        """Return the bytes of its file; raises BadInput where it has none that can be read."""
        try:
            if self.path:
                return self.path.read_bytes()
        except OSError as error:
            raise BadInput(f"{self.file} cannot be read: {error.strerror}.") from error
        raise BadInput(f"{self.file} is no picture file on this machine.")

    @property
    def picture(self) -> html.Picture:
        """What a notebook shows of it."""
        return html.Picture(self.read, Path(self.file).name)

    def row(self) -> dict[str, object]:
        """Return it under COLUMNS."""
        by_rank = (self.confidences, self.votes, self.zero_shot)
        said = [{"image_id": n.image_id, "score": n.score, "name": n.name} for n in self.neighbours]
        return {
            "file_name": self.file,
            **_ranks(self.taxon),
            "score": round(self.confidence, 4),
            "rank": self.rank,
            "name": self.name,
            "status": self.status,
            "novelty": None if self.novelty is None else round(self.novelty, 4),
            "nearest": self.lineage.name if self.lineage else "",
            **dict(
                zip(("confidences", "votes", "zero_shot"), map(self._told, by_rank), strict=True)
            ),
            "neighbours": json.dumps(said) if said else "",
            "group": self.group,
            "photographs": len(self.files) or 1,
            "problem": self.problem,
        }

    def best_rows(self) -> list[dict[str, object]]:
        """Return the k best under BEST_COLUMNS, with the problem; that alone where there is one."""
        best = self.best or ((None, 0.0),)
        said = {"file_name": self.file, "problem": self.problem}
        return [said | _ranks(taxon) | {"score": share} for taxon, share in best]

    def _told(self, values: Sequence[float]) -> str:
        if self.lineage is None or not any(values):
            return ""
        named = zip(RANKS, self.lineage.lineage, values, strict=True)
        return json.dumps({str(rank): round(value, 4) for rank, name, value in named if name})


@dataclass(frozen=True, slots=True, repr=False)
class Identifications(Answers[Identification]):
    """Identifications in the order of the images, and how far they can be trusted."""

    SCHEMA = SCHEMA
    SHOWN: ClassVar = ("score", "rank", "name", "status", "nearest", "file_name", "problem")
    HEADINGS: ClassVar = (
        *("", "name", "rank", "confidence", "status", "nearest", "file name", "problem"),
    )

    notes: tuple[str, ...] = ()
    calibration: Backoff | None = None
    """how often answers are right, which a notebook shows; None where they are uncalibrated"""

    def at(self, precision: float) -> "Identifications":
        """Return the same evidence answered at another precision, as `identify` would."""
        cutoff = (
            self.calibration.cutoff(precision)
            if self.calibration
            else np.full(len(RANKS), precision)
        )
        return replace(self, items=tuple(_answered(each, cutoff) for each in self.items))

    def caption(self) -> str:
        """Return how far the answers can be trusted."""
        return "; ".join(self.notes)

    def cells(self, item: Identification) -> tuple[object, ...]:
        """Return the cells of an identification under HEADINGS."""
        return (
            *(item.picture, item.name, item.rank, item.confidence, item.status),
            *(item.lineage.name if item.lineage else "", item.picture.name, item.problem),
        )


def _answered(item: Identification, cutoff: Floats) -> Identification:
    """Return an answer at the deepest rank that clears its cutoff (7,)."""
    if item.lineage is None:
        return item
    named = np.array([[bool(name) for name in item.lineage.lineage]])
    depth = int(deepest(np.array([item.confidences]), named, cutoff)[0])
    if depth < 0:
        return replace(item, taxon=None, confidence=0.0)
    taxon = clade_at(item.lineage, depth)
    return replace(item, taxon=taxon, confidence=item.confidences[depth])


def _ranks(taxon: Taxon | None) -> dict[str, object]:
    taxon = taxon or Taxon(("",) * len(RANKS))
    values = (*taxon.lineage[:-1], taxon.epithet, taxon.lineage[-1], taxon.common_name)
    return dict(zip(RANK_COLUMNS, values, strict=True))
