"""Hits: the answer to a search, as values."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa

from indexer.backends import Found
from indexer.catalog.sensitive_places import shown_by
from indexer.catalog.snapshot import Snapshot
from indexer.inputs.records import CROP_MARK
from indexer.inputs.thumbnails import Thumbnail
from indexer.taxonomy.no_names import no_taxon
from model.errors import BadInput
from model.taxon import RANKS, Taxon
from search import html
from search.answers import Answers
from search.hit_facts import Facts, facts_of
from search.ranking.plan import Plan

if TYPE_CHECKING:
    from PIL import Image

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
    "group",
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
    """LABELLED: a person's label matches the query; IDENTIFIED: a machine's label does, and no
    person's label contradicts it; SIMILAR: only the look does"""
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
    """a machine's label, as the examples spell it; "" where there is none"""
    confidence: float | None = None
    """the machine's confidence in its label, 0 to 1; None where it states none"""
    group: str = ""
    """its value in the column that the answer is grouped by"""

    @property
    def title(self) -> str:
        """The best name known: a person's taxon or label, else a machine's, marked as such.

        A label that leaves the image unidentified ("unsorted") is never shown as its name.
        """
        name = self.scientific_name or (self.taxon.name if self.taxon else self.label)
        if self.identification and (self.match == IDENTIFIED or not self._is_named(name)):
            confidence = "" if self.confidence is None else f" {self.confidence:.2f}"
            return f"{self.identification} (machine{confidence})"
        return name if self._is_named(name) else "unlabelled"

    def _is_named(self, name: str) -> bool:
        return bool(name) and (self.taxon is not None or no_taxon(name) != "unknown")

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

    def image(self, side: int | None = None) -> "Image.Image":
        """Return a picture of it, decoded, upright and small; raises BadInput as `read` does.

        `side` is the number of pixels of the longer side, by default about a thousand.
        """
        from indexer.inputs.decoding import decode

        return decode(self.read(), name=self._decoded_name, side=side).image

    @property
    def picture(self) -> html.Picture:
        """What a notebook shows of it."""
        return html.Picture(self.read, self.file_name, self._decoded_name)

    @property
    def _decoded_name(self) -> str:
        """The name that tells how its bytes are decoded: raw files are known by their suffix."""
        return "" if self.thumbnail else self.file_name

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
            self.group,
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
    """the number of images whose label matches, shown or not"""
    total: int = 0
    """the number of images that may answer, shown or not"""
    plans: tuple[Plan, ...] = ()
    """the plans by which labelled, identified and similar images were found"""
    floor: float | None = None
    """the score below which even the best hit is likely not what was asked for, where known"""
    best: float | None = None
    """the score of the first hit, shown or on an earlier page, where only its look matches"""
    unlabelled: str = ""
    """a sentence where the query names a taxon or a label that no image here has"""

    @property
    def absence(self) -> str:
        """One or two sentences where no label here matches the query, or no look does."""
        sentences = [self.unlabelled] if self.unlabelled else []
        if self.floor is not None and self.best is not None and self.best < self.floor:
            sentences.append(
                f"Nothing like that here: the best score, {self.best:.2f}, is below "
                f"{self.floor:.2f}, as it hardly ever is for what is here."
            )
        return " ".join(sentences)

    def caption(self) -> str:
        """Return how the query was understood."""
        return self.meaning

    def cells(self, item: Hit) -> tuple[object, ...]:
        """Return the cells of a hit under HEADINGS."""
        common = item.taxon.common_name if item.taxon else ""
        return (item.picture, item.title, common, item.score, item.match, item.file_name)


def hits_of(snapshot: Snapshot, found: Found, match: str) -> list[Hit]:
    """Return rows of a snapshot, and their scores, as hits."""
    scores, rows = found
    known = facts_of(snapshot, rows)
    return [
        hit_of(snapshot, known[row], float(score), match)
        for row, score in zip(rows.tolist(), scores, strict=True)
    ]


def hit_of(snapshot: Snapshot, facts: Facts, score: float, match: str, group: str = "") -> Hit:
    """Return an image, of which the facts are known, as a hit."""
    named = facts.taxon
    common_name = facts.common_name or (named.common_name if named else "")
    taxon = Taxon(named.lineage, common_name) if named else None
    return Hit(
        facts.image_id,
        facts.source_id,
        snapshot.path_of(facts.source_id),
        facts.url,
        min(1.0, score),  # float16 rows are of length 1 to three digits
        match,
        facts.label,
        taxon,
        shown_by(snapshot, facts.metadata or {}),
        Thumbnail(snapshot.folder / facts.thumbs, facts.image_id) if facts.thumbs else None,
        named.name if named else "",
        facts.identification or "",
        facts.confidence,
        group,
    )
