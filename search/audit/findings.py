"""Findings: what an audit found, as values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import pyarrow as pa

from search import html
from search.hits import Hit

LABELS = "labels"
DUPLICATES = "duplicates"
OUTLIERS = "outliers"
KINDS = (LABELS, DUPLICATES, OUTLIERS)

COLUMNS = (
    *("kind", "cohort", "file_name", "label", "looks_like", "score", "evidence", "image_id"),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One image that somebody should look at again, and why."""

    kind: str
    """LABELS: it looks like another taxon than its label says; DUPLICATES: it is there more than
    once; OUTLIERS: it is unlike all others"""
    cohort: str
    """what it has in common with others: "12 labelled Pica pica look like Pica hudsonia" """
    hit: Hit
    looks_like: str
    """the label that it seems to deserve, or those of its duplicates where they differ"""
    score: float
    """more is worse: of LABELS how many times likelier `looks_like` is, as a natural logarithm,
    less among near relatives; of DUPLICATES the cosine with the nearest; of OUTLIERS how many
    robust standard deviations it lies off"""
    evidence: tuple[Hit, ...]
    """the images that say so: the nearest of the other label, the duplicates, the nearest"""

    def row(self) -> dict[str, object]:
        """Return it under COLUMNS; evidence is image ids with spaces between."""
        values = (
            *(self.kind, self.cohort, self.hit.location, self.hit.label, self.looks_like),
            *(round(self.score, 4), " ".join(each.image_id for each in self.evidence)),
            self.hit.image_id,
        )
        return dict(zip(COLUMNS, values, strict=True))


@dataclass(frozen=True, slots=True)
class Findings(Sequence[Finding]):
    """Findings of each kind, worst first."""

    findings: tuple[Finding, ...]
    images: int
    """how many were looked at"""

    @overload
    def __getitem__(self, place: int) -> Finding: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Finding, ...]: ...
    def __getitem__(self, place: int | slice) -> Finding | tuple[Finding, ...]:
        """Return one finding, or a slice of them."""
        return self.findings[place]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.findings)

    def __iter__(self) -> Iterator[Finding]:
        """Iterate, each kind worst first."""
        return iter(self.findings)

    @property
    def meaning(self) -> str:
        """One line: how many of each kind, among how many images."""
        counts = [sum(each.kind == kind for each in self.findings) for kind in KINDS]
        told = [f"{count} {kind}" for count, kind in zip(counts, KINDS, strict=True) if count]
        return f"{self.images:,} images: {', '.join(told) or 'nothing found'}"

    def to_arrow(self) -> pa.Table:
        """Return them as a table of COLUMNS."""
        kinds = {"score": pa.float64()}
        schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
        return pa.Table.from_pylist([each.row() for each in self.findings], schema=schema)

    def _repr_html_(self) -> str:
        """Return them as a table with pictures, as a notebook shows them."""
        rows = [
            (
                *(each.hit.picture, each.kind, each.cohort, each.hit.label, each.looks_like),
                *(each.score, tuple(one.picture for one in each.evidence), each.hit.file_name),
            )
            for each in self.findings
        ]
        columns = ("", "kind", "cohort", "label", "looks like", "score", "evidence", "file name")
        return html.table(self.meaning, columns, rows)
