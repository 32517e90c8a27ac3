"""Images as they are handed on: all that is known of each, in batches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from indexer.backends import Rows
from indexer.backends.exact import Exact
from indexer.catalog.sensitive_places import GENERALISATIONS, shown_by, shown_columns
from indexer.catalog.snapshot import Snapshot
from indexer.inputs.records import CROP_MARK
from indexer.tables.darwin_core_terms import DYNAMIC
from model.taxon import RANKS, Rank, Taxon
from model.vectors import Vectors

TOGETHER = 4096  # images in memory
_LISTED = 100_000  # whose metadata are listed together


@dataclass(frozen=True, slots=True)
class Identification:
    """What somebody says that an image shows."""

    label: str
    """as it was said"""
    taxon: Taxon | None
    """its lineage, in the collection's taxonomy; None where it is no taxon"""
    name: str
    """the scientific name of the taxon, at any rank: "Ursus arctos horribilis" """
    rank: str
    key: str


@dataclass(frozen=True, slots=True)
class MachineIdentification(Identification):
    """What a machine says, by Darwin Core's terms."""

    confidence: float
    """that it is right, 0 to 1"""
    identified_by: str
    date_identified: str
    method: str
    remarks: str
    evidence: tuple[str, ...]
    """ids of the images that speak for it"""


@dataclass(frozen=True, slots=True)
class Image:
    """One image of a collection."""

    row: int
    image_id: str
    source_id: str
    path: Path | None
    """where its file lies, in an archive below that; None where it is no path"""
    url: str
    width: int
    height: int
    said: Identification
    """what people say, or the folder that it is in"""
    machine: MachineIdentification | None
    metadata: Mapping[str, str]
    below: str = ""
    """its path below the folder of the export, where a label file may call it that"""

    @property
    def whole(self) -> str:
        """The source id of the photograph that it is, or is a part of."""
        return self.source_id.partition(CROP_MARK)[0]

    @property
    def box(self) -> tuple[float, ...]:
        """The part of the photograph: left, top, width, height in shares of it; () for all."""
        percent, named, _ = self.source_id.partition(CROP_MARK)[2].partition("&")
        return (
            tuple(float(each) / 100 for each in percent.split(",")) if percent and not named else ()
        )

    @property
    def file(self) -> str:
        """Where it is: its URL, or its path and the part of that."""
        return self.url or str(self.path or self.whole) + self.source_id.removeprefix(self.whole)

    @property
    def portable(self) -> str:
        """Where it is for a table that may be moved along with the pictures: `file`, or `below`."""
        return self.below + self.source_id.removeprefix(self.whole) if self.below else self.file

    @property
    def file_name(self) -> str:
        """The last part of where it is."""
        return PurePosixPath(self.whole).name

    @property
    def best(self) -> Identification | None:
        """The taxon that people say, else a machine's; None where nobody names one."""
        named = (each for each in (self.said, self.machine) if each and each.taxon)
        return next(named, None)


@dataclass(frozen=True)
class Images:
    """Images of a snapshot, by their rows, ascending; all of them for None."""

    snapshot: Snapshot
    chosen: Rows | None = None
    mapped: Mapping[str, str] = field(default_factory=dict)
    """terms by the columns of metadata that they rename; dynamicProperties renames none"""
    folder: Path | None = None
    """where the export lies"""

    @cached_property
    def rows(self) -> Rows:
        """Their rows, (n,) int64."""
        if self.chosen is not None:
            return self.chosen
        found = self.snapshot.cursor().execute('SELECT "row" FROM images ORDER BY "row"')
        return np.asarray(found.fetchnumpy()["row"], np.int64)

    @cached_property
    def metadata_keys(self) -> list[str]:
        """What metadata they have, in the order in which it first occurs."""
        found: dict[str, None] = {}
        for start in range(0, len(self.rows), _LISTED):
            part = self.rows[start : start + _LISTED].tolist()
            found |= {key: None for (key,) in self.snapshot.query(_KEYS, part)}
        generalised = [GENERALISATIONS] if shown_columns(self.snapshot) else []
        return list(dict.fromkeys([*map(self._renamed, found), *generalised]))

    def batches(self) -> Iterator[list[Image]]:
        """Yield them, at most TOGETHER at once, in the order of their rows."""
        for start in range(0, len(self.rows), TOGETHER):
            found = self.snapshot.query(_IMAGES, self.rows[start : start + TOGETHER].tolist())
            yield [self._image(line) for line in found]

    def vectors(self, images: list[Image]) -> Vectors:
        """Return the unit vectors of a batch, (n, dim) float16."""
        return self._exact.gather(np.array([image.row for image in images], np.int64))

    @cached_property
    def _exact(self) -> Exact:
        return Exact(self.snapshot.vectors())

    def _image(self, line: tuple[Any, ...]) -> Image:
        row, image_id, source_id, url, width, height, metadata, *rest = line
        path = self.snapshot.path_of(source_id)
        shown = shown_by(self.snapshot, metadata or {})
        said, machine, about = rest[:_NAMED], rest[_NAMED : 2 * _NAMED], rest[2 * _NAMED :]
        return Image(
            row,
            image_id,
            source_id,
            path,
            url,
            width,
            height,
            Identification(*_named(said)),
            _by_machine(machine, *about) if machine[0] else None,
            {self._renamed(key): value for key, value in shown.items()},
            "" if url or path is None else self._below(path, source_id),
        )

    def _below(self, path: Path, source_id: str) -> str:
        """Return a path below the folder of the export; "" where that is not part of the id."""
        if self.folder is None or not path.is_relative_to(self.folder):
            return ""
        below = path.relative_to(self.folder).as_posix()
        whole = source_id.partition(CROP_MARK)[0]
        return below if below in (whole, whole.partition("/")[2]) else ""

    def _renamed(self, column: str) -> str:
        term = self.mapped.get(column, DYNAMIC)
        return column if term == DYNAMIC else term


def _by_machine(
    named: list[Any],
    confidence: float | None,
    identified_by: str | None,
    date: str | None,
    method: str | None,
    remarks: str | None,
    evidence: list[str] | None,
) -> MachineIdentification:
    label, taxon, name, rank, key = _named(named)
    return MachineIdentification(
        label,
        taxon,
        name,
        rank,
        key,
        confidence=confidence or 0.0,
        identified_by=identified_by or "",
        date_identified=date or "",
        method=method or "",
        remarks=remarks or "",
        evidence=tuple(evidence or ()),
    )


def _named(line: list[Any]) -> tuple[str, Taxon | None, str, str, str]:
    label, key, name, rank, common, *lineage = line
    if key is None:
        return label or "", None, "", "", ""
    taxon = Taxon(tuple(lineage), common)
    if rank == Rank.SPECIES and epithets(taxon, name)[1]:
        # A trinomial that no taxonomy placed: animals have subspecies alone, plants varieties, too.
        rank = "subspecies" if lineage[0] == "Animalia" else ""
    return label, taxon, name, rank, key


def epithets(taxon: Taxon, name: str) -> tuple[str, str]:
    """Return the epithet of a taxon's species, and that below it in its scientific name.

    "Panthera leo persica" has "leo" and "persica"; a hybrid's sign belongs to its epithet.
    """
    written = name.removeprefix(taxon.at(Rank.GENUS)).split()
    words = [word for word in written if not word.endswith(".")]  # "var."
    if len(words) == 2 and taxon.at(Rank.SPECIES) and words[0] not in ("×", "x"):
        return words[0], words[1]
    return taxon.epithet, ""


_NAMED = 5 + len(RANKS)


def _columns(table: str, label: str, common: str) -> str:
    ranks = ", ".join(f"coalesce({table}.\"{rank}\", '')" for rank in RANKS)
    return f"{label}, {table}.taxon_key, {table}.name, {table}.rank, {common}, {ranks}"


_SAID = _columns(
    "taxa", "images.label", "coalesce(nullif(images.common_name, ''), taxa.common_name, '')"
)
_MACHINE = _columns("other", "machine.label", "coalesce(other.common_name, '')")
_IMAGES = f"""
SELECT "row", images.image_id, source_id, url, width, height, metadata, {_SAID}, {_MACHINE},
    confidence, identified_by, date_identified, method, remarks, evidence
FROM (SELECT unnest(?) AS "row") JOIN images USING ("row") LEFT JOIN taxa USING (lo)
    LEFT JOIN identifications AS machine ON machine.image_id = images.image_id
    LEFT JOIN taxa AS other ON other.taxon_key = machine.taxon_key
ORDER BY "row"
"""
_KEYS = """
SELECT key FROM (
    SELECT unnest(map_keys(metadata)) AS key, "row"
    FROM (SELECT unnest(?) AS "row") JOIN images USING ("row")
) WHERE key <> '' GROUP BY key ORDER BY min("row"), key
"""
