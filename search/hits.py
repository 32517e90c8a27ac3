"""Hits: the answer to a search, as values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import ClassVar

import pyarrow as pa

from indexer.inputs.records import CROP_MARK
from indexer.inputs.thumbnails import Thumbnail
from model.errors import BadInput
from model.taxon import RANKS, Taxon
from search import html
from search.answers import Answers
from search.plan import Plan

LABELLED = "labelled"
IDENTIFIED = "identified"
SIMILAR = "similar"

COLUMNS = (
    "file_name",
    *map(str, RANKS[:-1]),
    "species_epithet",
    "species",
    "common_name",
    "score",
    "match",
    "label",
    "machine_label",
    "machine_confidence",
    "image_id",
    "metadata",
    "name",
)
"""pybioclip's columns, then ours; metadata is a JSON object, or nothing; name is the title."""
_KINDS = {"score": pa.float64(), "machine_confidence": pa.float64()}
SCHEMA = pa.schema([(name, _KINDS.get(name, pa.string())) for name in COLUMNS])


@dataclass(frozen=True, slots=True)
class Hit:
    """One image of an answer."""

    image_id: str
    source_id: str
    path: Path | None
    """where its file lies, in an archive below that; None where it is no path"""
    url: str
    """where it is on the web, if it came from there"""
    score: float
    """cosine with the query, -1 to 1"""
    match: str
    """LABELLED: its label says it is what was asked for; IDENTIFIED: a machine does, and no label
    contradicts; SIMILAR: it only looks like it"""
    label: str
    """as it was written; "" where there is none"""
    taxon: Taxon | None
    """what the label means; None where it is no taxon"""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """what else the label file says of it"""
    thumbnail: Thumbnail | None = None
    """kept where it is no file of its own"""
    scientific_name: str = ""
    """of the taxon that its label means, at any rank: "Ursus arctos horribilis" """
    identification: str = ""
    """what a machine says it is, as examples call it; "" where none does"""
    confidence: float | None = None
    """how sure the machine is that this is right, 0 to 1; None where it does not say"""

    @property
    def title(self) -> str:
        """What to call it: its scientific name, its label, what a machine says, or "unlabelled"."""
        if self.match == IDENTIFIED:
            return self.identification
        name = self.taxon.name if self.taxon else self.label
        return self.scientific_name or name or self.identification or "unlabelled"

    @property
    def location(self) -> str:
        """Where it is: a path or a URL."""
        return self.url or str(self.path or self.source_id)

    @property
    def file_name(self) -> str:
        """The last part of where it is."""
        return PurePosixPath(self.source_id.partition(CROP_MARK)[0]).name

    def read(self) -> bytes:
        """Return the bytes of a picture of it, small where it is no file of its own.

        Raises BadInput where there is none any more; nothing is ever fetched.
        """
        try:
            if self.thumbnail:
                return self.thumbnail.read()
            if self.path and not self.url:
                return self.path.read_bytes()
        except OSError as error:
            raise BadInput(f"{self.location} cannot be read: {error.strerror}.") from error
        raise BadInput(f"There is no picture of {self.location} on this machine.")

    @property
    def picture(self) -> html.Picture:
        """What a notebook shows of it."""
        return html.Picture(self.read, self.file_name)

    def row(self) -> dict[str, object]:
        """Return it under COLUMNS."""
        taxon = self.taxon or Taxon(("",) * len(RANKS))
        values = (
            self.location,
            *taxon.lineage[:-1],
            taxon.epithet,
            taxon.lineage[-1],
            taxon.common_name,
            round(self.score, 4),
            self.match,
            self.label,
            self.identification,
            self.confidence,
            self.image_id,
            json.dumps(dict(self.metadata), ensure_ascii=False) if self.metadata else "",
            self.title,
        )
        return dict(zip(COLUMNS, values, strict=True))


@dataclass(frozen=True, slots=True, repr=False)
class Hits(Answers[Hit]):
    """Hits, best first, and how the query was understood."""

    SCHEMA = SCHEMA
    SHOWN: ClassVar = ("score", "match", "name", "common_name", "family", "file_name")
    HEADINGS: ClassVar = ("", "name", "common name", "score", "match", "file name")

    meaning: str
    """one line: "Felidae (family)", "images that look like lion.png", …"""
    labelled: int = 0
    """how many images of the collection are labelled so, shown or not"""
    plans: tuple[Plan, ...] = ()
    """how they were looked for: those labelled so, those identified so, those that look so"""
    floor: float | None = None
    """the score below which even a best hit is hardly what was asked for, where it is known"""
    best: float | None = None
    """the score of the first hit, shown or on an earlier page, where only its look speaks for it"""

    @property
    def absence(self) -> str:
        """A sentence where what was asked for is likely not here, by no label and no look."""
        if self.floor is None or self.best is None or self.best >= self.floor:
            return ""
        return (
            f"Nothing like that here: the best score, {self.best:.2f}, is below {self.floor:.2f}, "
            "which nearly all that is here reaches."
        )

    def caption(self) -> str:
        """Return how the query was understood."""
        return self.meaning

    def cells(self, item: Hit) -> tuple[object, ...]:
        """Return the cells of a hit under HEADINGS."""
        common = item.taxon.common_name if item.taxon else ""
        return (item.picture, item.title, common, item.score, item.match, item.file_name)
