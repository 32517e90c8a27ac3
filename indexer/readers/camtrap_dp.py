"""Reads Camtrap DP packages: photographs of camera traps, and what was observed in them."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from indexer.inputs.records import WHOLE, Box, Record, address, is_address
from indexer.labels.label_files import Label, label_from
from indexer.readers import Fetch
from indexer.readers.folder import named_file
from indexer.tables.table import open_table
from indexer.taxonomy.archive import Archive, names_in, open_archive
from model.errors import BadInput
from model.taxon import RANKS

NOUN = "a Camtrap DP package (folder or zip)"
_PACKAGE = "datapackage.json"
_TABLES = ("deployments", "media", "observations")
_OF_DEPLOYMENT = (
    *("deploymentID", "locationID", "locationName", "latitude", "longitude"),
    *("coordinateUncertainty", "cameraID", "cameraModel", "habitat", "baitUse"),
)
_OF_MEDIUM = ("mediaID", "timestamp", "captureMethod", "mediaComments")
_OF_OBSERVATION = (
    *("eventID", "count", "lifeStage", "sex", "behavior", "individualID", "classificationMethod"),
    *("classifiedBy", "classificationTimestamp", "classificationProbability", "observationTags"),
    "observationComments",
)
_BOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
_Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Observed:
    """The observations of a package: of a medium, and of the time of an event."""

    of_media: Mapping[str, Sequence[_Row]]
    of_events: Mapping[str, Sequence[_Row]]
    """by deployment"""

    def of(self, medium: _Row) -> Sequence[_Row]:
        """Return what was observed in a photograph, else during its event."""
        if found := self.of_media.get(medium.get("mediaID", "")):
            return found
        time = medium.get("timestamp", "")
        return [
            event
            for event in self.of_events.get(medium.get("deploymentID", ""), ())
            if event.get("eventStart", "") <= time <= event.get("eventEnd", "~")
        ]


def claims(source: str) -> bool:
    """Tell whether it is a folder or zip with datapackage.json and media, or that file."""
    path = Path(source)
    path = path.parent if path.name == _PACKAGE else path
    names = names_in(path) if path.is_dir() or path.suffix.lower() == ".zip" else ()
    return _PACKAGE in names and any(name.startswith("media.") for name in names)


def base(source: str) -> str:
    """Return the package itself."""
    path = Path(source)
    return str(path.parent if path.name == _PACKAGE else path)


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per observation of a photograph, or per photograph that has none.

    What people classified is the label, what a machine did the metadata `classification`; blank,
    human and vehicle are labels, too. An observation with a box is that part of the photograph.
    Media that are no pictures carry a problem. Raises BadInput for a package without its tables.
    """
    with open_archive(Path(base(source))) as archive:
        paths, taxa = _package(archive)
        deployments = {row.get("deploymentID", ""): row for row in _rows(archive, paths, 0)}
        of_media: dict[str, list[_Row]] = defaultdict(list)
        of_events: dict[str, list[_Row]] = defaultdict(list)
        for row in _rows(archive, paths, 2):
            if key := row.get("mediaID"):
                of_media[key].append(row)
            else:
                of_events[row.get("deploymentID", "")].append(row)
        observed = _Observed(of_media, of_events)
        for medium in _rows(archive, paths, 1):
            place = deployments.get(medium.get("deploymentID", ""), {})
            said = {name: place[name] for name in _OF_DEPLOYMENT if name in place}
            said |= {name: medium[name] for name in _OF_MEDIUM if name in medium}
            yield from _of_medium(archive, medium, observed.of(medium), said, taxa)


def _of_medium(
    archive: Archive,
    medium: _Row,
    observations: Sequence[_Row],
    said: _Row,
    taxa: Mapping[str, _Row],
) -> Iterator[Record]:
    photo = _photograph(archive, medium)
    if photo.problem or not observations:
        yield replace(photo, label="", taxon=None, metadata=said, from_table=True)
        return
    seen: set[str] = set()
    for observation in observations:
        label = _label(observation, taxa)
        told = {name: observation[name] for name in _OF_OBSERVATION if name in observation}
        box, source_id = _box(observation), photo.source_id
        if box:
            source_id += box.fragment
        elif seen:
            key = observation.get("observationID") or str(len(seen) + 1)
            source_id += f"{WHOLE}&id={quote(key)}"
        if source_id not in seen:
            seen.add(source_id)
            yield replace(
                photo,
                source_id=source_id,
                crop=box,
                label=label.text,
                taxon=label.taxon,
                metadata=said | told | dict(label.metadata),
                from_table=True,
            )


def _photograph(archive: Archive, medium: _Row) -> Record:
    where = medium.get("filepath", "")  # as tables call filePath here
    name = where or f"media {medium.get('mediaID', '')}"
    kind = medium.get("fileMediatype", "image")
    if not kind.startswith("image"):
        return Record(name, problem=f"is no picture: {kind}")
    if not where:
        return Record(name, problem="names no file")
    if is_address(where):
        return Record(address(where), url=address(where))
    if archive.path.is_dir():
        return named_file(archive.path, where)
    why = "is a path that the package does not hold; put its tables into the folder of the media"
    return archive.packed(where) or Record(where, problem=why)


def _label(observation: _Row, taxa: Mapping[str, _Row]) -> Label:
    """Return what people say that it is; a machine's word is metadata."""
    kind, name = observation.get("observationType", ""), observation.get("scientificName", "")
    if observation.get("classificationMethod") == "machine":
        word = {"classification": name or kind} if name or kind else {}
        if conf := observation.get("classificationProbability"):
            word["classification_conf"] = conf
        return Label("", metadata=word)
    if name:
        return label_from("", {**taxa.get(name, {}), "taxon": name})
    return Label(kind if kind in ("blank", "human", "vehicle", "unknown") else "")


def _box(observation: _Row) -> Box | None:
    try:
        box = Box(*(float(observation[name]) for name in _BOX))
    except (KeyError, ValueError):
        return None
    inside = 0 <= box.left < 1 and 0 <= box.top < 1 and box.width > 0 and box.height > 0
    return box if inside and box != (0, 0, 1, 1) else None


def _package(archive: Archive) -> tuple[dict[str, str], dict[str, _Row]]:
    """Return the files of the tables, and the lineages that the package names."""
    try:
        told = json.loads(archive.file(_PACKAGE).read_bytes())
        paths = {str(each["name"]): each["path"] for each in told["resources"]}
        taxa = told.get("taxonomic") or []
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(
            f"{_PACKAGE} in {archive.path} cannot be read as that of Camtrap DP ({error!r}); get "
            "the package anew."
        ) from error
    lineages = {}
    for taxon in taxa if isinstance(taxa, list) else []:
        if isinstance(taxon, dict) and isinstance(name := taxon.get("scientificName"), str):
            row = {str(rank): str(taxon[rank]) for rank in RANKS if taxon.get(rank)}
            names = taxon.get("vernacularNames")
            common = names.get("eng") or names.get("en") if isinstance(names, dict) else ""
            rank = str(taxon.get("taxonRank") or "")
            lineages[name] = row | {"rank": rank, "common_name": str(common or "")}
    return {name: str(path) for name, path in paths.items()}, lineages


def _rows(archive: Archive, paths: Mapping[str, str], which: int) -> Iterator[_Row]:
    """Yield what the rows of one of the tables say; those that are wrong are told of."""
    name = _TABLES[which]
    path = paths.get(name, f"{name}.csv")
    if is_address(path):
        raise BadInput(f"{archive.path} keeps its {name} at {path}; download that into it.")
    table = open_table(archive.file(path))
    for row in table.used():
        yield table.said(row)
