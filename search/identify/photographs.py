"""Photographs to identify: whatever can be indexed, read in batches; what cannot says why."""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from indexer.ingest.prefetch import Opened, opened_batches
from indexer.inputs.decoding import SUFFIXES
from indexer.inputs.records import Record
from indexer.readers import reader_of, refuse
from indexer.taxonomy.no_names import no_taxon
from model.encoder import Encoder
from model.errors import Error
from model.vectors import Vectors

TOGETHER = 64  # decoded and embedded at once
FOLDER = "folder"
"""a way to group: by the folder that a photograph is in"""


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """One photograph: its unit vector, or what is wrong with it."""

    file: str
    """a path or URL, with the part of the picture behind it, if it is one"""
    record: Record
    sha256: str = ""
    vector: Vectors | None = field(default=None)
    """(dim,)"""
    problem: str = ""

    @property
    def detection(self) -> str:
        """The detector's word for a person, a vehicle or an empty photograph, "" for all else."""
        found = self.record.metadata.get("detection", "")
        return found if no_taxon(found) in ("human", "vehicle", "blank") else ""


def photographs(
    sources: Sequence[Path | str], encoder: Encoder, size: int = TOGETHER
) -> Iterator[list[Photograph]]:
    """Yield batches of photographs in the order of the sources.

    A source is whatever `indexer.readers` read, or a pattern like "camera/**/*.jpg". One that
    cannot be read is a photograph with a problem.
    """
    apart = not _is_one_picture(sources)
    batches = opened_batches(
        _records(sources), size, lambda _: False, refuse, encoder=lambda: encoder, apart=apart
    )
    for batch in batches:
        images = [each.image for each in batch if each.image is not None]
        made = iter(encoder.encode_images(images) if images else ())
        yield [_photograph(each, next(made) if each.image else each.vector) for each in batch]


def _photograph(opened: Opened, vector: Vectors | None) -> Photograph:
    record = opened.record
    file = record.url or str(record.path or record.source_id)
    file += record.crop.fragment if record.crop else ""
    vector = None if opened.problem or vector is None else np.asarray(vector, np.float16)
    problem = opened.problem or ("" if vector is not None else "holds no picture")
    return Photograph(file, record, opened.sha256, vector, problem)


def _is_one_picture(sources: Sequence[Path | str]) -> bool:
    return len(sources) == 1 and Path(sources[0]).suffix.lower() in SUFFIXES


def _records(sources: Sequence[Path | str]) -> Iterator[Record]:
    for source in (name for each in sources for name in _expanded(str(each))):
        try:
            yield from reader_of(source).read(source, refuse)
        except Error as error:
            yield Record(source, Path(source), problem=str(error))


def _expanded(source: str) -> list[str]:
    if os.path.lexists(source) or not any(mark in source for mark in "*?["):
        return [source]
    return sorted(glob.glob(source, recursive=True)) or [source]
