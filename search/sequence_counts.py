"""Sequence counts: the taxa of each sequence of photographs, and how many animals were seen."""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from indexer.backends import Rows
from indexer.catalog.snapshot import Snapshot
from indexer.exports.image_rows import Image, Images
from indexer.exports.sequences import gap_of, sequences
from search.answers import Answers

COLUMNS = ("sequence", "name", "rank", "label", "by", "count", "photographs", "detections")
_KINDS = dict.fromkeys(("count", "photographs", "detections"), pa.int64())


@dataclass(frozen=True, slots=True)
class SequenceCount:
    """One taxon, or label, in one sequence."""

    sequence: str
    """its camera and its beginning"""
    name: str
    """the scientific name, "" for a label that is not a taxon, or none"""
    rank: str
    label: str
    """as it was written; "" where nothing is said"""
    by: str
    """"person", "machine", or "" where nothing is said"""
    count: int
    """the most in one photograph: animals that are certainly different ones"""
    photographs: int
    """with it"""
    detections: int
    """in all of them"""

    def row(self) -> dict[str, object]:
        """Return it under COLUMNS."""
        return {name: getattr(self, name) for name in COLUMNS}


@dataclass(frozen=True, slots=True, repr=False)
class SequenceCounts(Answers[SequenceCount]):
    """Taxa by sequence, in the order of cameras and times."""

    SCHEMA = pa.schema([(name, _KINDS.get(name, pa.string())) for name in COLUMNS])
    SHOWN: ClassVar = COLUMNS
    HEADINGS: ClassVar = COLUMNS

    photographs: int = 0
    """that were looked at"""
    untimed: int = 0
    """of these, photographs without a time"""

    def caption(self) -> str:
        """Return how many photographs are in how many sequences, and how many are in none."""
        count = len({each.sequence for each in self.items if each.sequence})
        untimed = f", {self.untimed:,} without a time of day" if self.untimed else ""
        return f"{self.photographs:,} photographs, {count:,} sequences{untimed}"

    def cells(self, item: SequenceCount) -> tuple[object, ...]:
        """Return the cells of a line under HEADINGS."""
        return tuple(item.row().values())


def sequence_counts(snapshot: Snapshot, rows: Rows, gap: float) -> SequenceCounts:
    """Count what the images of some rows show, by sequence and taxon.

    An image is a detection, or a photograph without any; its taxon is a person's, else a
    machine's. A photograph whose time is unknown is not counted. Raises BadInput for a gap that is
    not a number of seconds above 0.
    """
    names = sequences(snapshot, gap_of(gap))
    seen: dict[tuple[str, str, str, str, str], Counter[str]] = {}
    photographs: set[str] = set()
    untimed: set[str] = set()
    for batch in Images(snapshot, rows).batches():
        for image in batch:
            photographs.add(image.whole)
            sequence = names.get(image.row, "")
            if not sequence:
                untimed.add(image.whole)
                continue
            seen.setdefault((sequence, *_said(image)), Counter())[image.whole] += 1
    items = (
        SequenceCount(*key, max(counts.values()), len(counts), counts.total())
        for key, counts in sorted(seen.items())
    )
    return SequenceCounts(tuple(items), len(photographs), len(untimed))


def _said(image: Image) -> tuple[str, str, str, str]:
    """Return name, rank and label of an image, and who says so."""
    said = image.best or next((each for each in (image.said, image.machine) if each), image.said)
    by = "machine" if said is image.machine else "person" if said.label else ""
    return said.name, said.rank, said.label, by
