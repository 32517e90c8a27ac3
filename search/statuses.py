"""Statuses: what became of every input of a collection."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa

from indexer.catalog.snapshot import Snapshot, open_snapshot
from search.answers import Answers

COLUMNS = ("source_id", "status", "reason")


@dataclass(frozen=True, slots=True)
class InputStatus:
    """One input of a collection."""

    source_id: str
    status: str
    """"embedded", "duplicate", "failed", "vanished" or "removed" """
    reason: str

    def row(self) -> dict[str, object]:
        """Return it under COLUMNS."""
        return dict(zip(COLUMNS, (self.source_id, self.status, self.reason), strict=True))


@dataclass(frozen=True, slots=True, repr=False)
class Statuses(Answers[InputStatus]):
    """Every input with its status."""

    SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])
    SHOWN: ClassVar = COLUMNS
    HEADINGS: ClassVar = COLUMNS

    def caption(self) -> str:
        """Return how many inputs failed."""
        return f"{sum(each.status == 'failed' for each in self.items):,} failed"

    def cells(self, item: InputStatus) -> tuple[object, ...]:
        """Return the cells of an input under HEADINGS."""
        return (item.source_id, item.status, item.reason)


def status_counts(snapshot: Snapshot) -> list[tuple[str, str, int]]:
    """Return each status and reason with its number of inputs, most first."""
    return snapshot.query(_COUNTS)


def status(collection: Path | str = "taxalens.collection") -> Statuses:
    """Return the status of every input; raises CollectionError where there is no collection."""
    with open_snapshot(Path(collection)) as snapshot:
        rows = snapshot.query(f"SELECT {', '.join(COLUMNS)} FROM inputs")
    return Statuses(tuple(InputStatus(*row) for row in rows))


_COUNTS = """
SELECT status, reason, count(*) FROM inputs GROUP BY ALL ORDER BY 3 DESC, 1, 2
"""
