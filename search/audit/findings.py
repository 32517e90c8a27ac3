"""Findings: what an audit found, as values."""

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from model.sizes import counted
from search.answers import Answers
from search.hits import Hit

LABELS = "labels"
DUPLICATES = "duplicates"
ALIKE = "alike"
OUTLIERS = "outliers"
KINDS = (LABELS, DUPLICATES, ALIKE, OUTLIERS)
ORIGINAL = "original"  # of which the others of its group are copies

UNITS = {
    LABELS: "log of how many times likelier looks_like is than the label",
    DUPLICATES: "cosine with the original",
    ALIKE: "cosine with the nearest image",
    OUTLIERS: "robust standard deviations from the others",
}
"""what the score of a finding measures, by its kind"""
COLUMNS = (
    *("kind", "cohort", "file_name", "label", "looks_like", "change", "score", "evidence"),
    "image_id",
)
_KINDS = {"score": pa.float64()}
SCHEMA = pa.schema([(name, _KINDS.get(name, pa.string())) for name in COLUMNS])


@dataclass(frozen=True, slots=True)
class Finding:
    """One image that somebody should look at again, and why."""

    kind: str
    """LABELS: it looks like another taxon than its label says; DUPLICATES: the same picture is
    there more than once; ALIKE: another one looks the same, such as the next of a burst, and their
    labels contradict each other; OUTLIERS: it is unlike all others"""
    cohort: str
    """what it has in common with others: "12 labelled Pica pica look like Pica hudsonia" """
    hit: Hit
    looks_like: str
    """the label that it seems to deserve, or those of its duplicates where they differ"""
    score: float
    """more is worse: of LABELS how many times likelier `looks_like` is, as a natural logarithm,
    less among near relatives; of DUPLICATES the cosine with the original, of ALIKE that with the
    nearest; of OUTLIERS how many robust standard deviations it lies off"""
    evidence: tuple[Hit, ...]
    """the images that say so: the nearest of the other label, the original, or its copies, the
    nearest"""
    change: str = ""
    """of DUPLICATES "original", or how the copy differs: "mirrored, 50% of the size" """

    def row(self) -> dict[str, object]:
        """Return it under COLUMNS; evidence is image ids with spaces between."""
        values = (
            *(self.kind, self.cohort, self.hit.location, self.hit.label, self.looks_like),
            *(self.change, round(self.score, 4), " ".join(each.image_id for each in self.evidence)),
            self.hit.image_id,
        )
        return dict(zip(COLUMNS, values, strict=True))


@dataclass(frozen=True, slots=True, repr=False)
class Findings(Answers[Finding]):
    """Findings of each kind, worst first."""

    SCHEMA = SCHEMA
    SHOWN: ClassVar = (*("kind", "score", "label", "looks_like", "cohort", "change", "file_name"),)
    HEADINGS: ClassVar = (
        *("", "kind", "cohort", "label", "looks like", "change", "score"),
        *("evidence", "file name"),
    )

    images: int
    """how many were looked at"""

    @property
    def meaning(self) -> str:
        """One line: how many of each kind, among how many images."""
        count = Counter(each.kind for each in self.items)
        groups = sum(each.change == ORIGINAL for each in self.items)
        told = [counted(count[LABELS], "likely wrong label")] if count[LABELS] else []
        if groups:
            copies = counted(count[DUPLICATES] - groups, "copy", "copies")
            told.append(f"{copies} of {counted(groups, 'picture')}")
        if count[ALIKE]:
            told.append(f"{counted(count[ALIKE], 'image')} nearly alike with other labels")
        if count[OUTLIERS]:
            told.append(counted(count[OUTLIERS], "outlier"))
        return f"{counted(self.images, 'image')}: {', '.join(told) or 'nothing found'}"

    @property
    def units(self) -> str:
        """One line: what the score of each kind that was found measures."""
        found = {each.kind for each in self.items}
        units = (f"{kind}, {unit}" for kind, unit in UNITS.items() if kind in found)
        return f"score: {'; '.join(units)}"

    def caption(self) -> str:
        """Return how many there are of each kind."""
        return self.meaning

    def cells(self, item: Finding) -> tuple[object, ...]:
        """Return the cells of a finding under HEADINGS."""
        return (
            *(item.hit.picture, item.kind, item.cohort, item.hit.label, item.looks_like),
            item.change,
            *(item.score, tuple(one.picture for one in item.evidence), item.hit.file_name),
        )
