"""What a reader yields: one record per input, before anything of it is decoded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from model.taxon import Taxon


@dataclass(frozen=True, slots=True)
class Record:
    """One input of a run.

    `source_id` is the root's name and the path below it, "photos/lion/1.jpg". `label` is what
    the input says of itself, `taxon` what that means, if it is a taxon. A record that carries a
    `problem` is recorded as failed without being read.
    """

    source_id: str
    path: Path
    label: str = ""
    taxon: Taxon | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    bytes: int = 0
    modified: int = 0
    """nanoseconds since 1970; with `bytes` it tells whether a source has changed"""
    from_table: bool = False
    """whether a label file says so; unlike a folder's name, that overrules what was said before"""

    @property
    def said(self) -> dict[str, Any]:
        """What it says that its image shows, under the names of the labels' columns."""
        return {
            "label": self.label,
            "taxon_key": self.taxon.key if self.taxon else None,
            "common_name": self.taxon.common_name if self.taxon else "",
            "metadata": dict(self.metadata),
        }
