"""The manifest: the one small file that says which files are the collection."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from indexer.store.durable import sync_folder, write_durably
from model.errors import CollectionError
from model.kept_files import sha256_of

MANIFEST = "manifest.json"
COPY = "manifest-copy.json"
"""The same again, for `repair`."""
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a file of the collection must be."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """The encoder that all vectors of a collection come from."""

    spec: str
    fingerprint: str
    dim: int


@dataclass(frozen=True, slots=True)
class TaxonomyEntry:
    """The taxonomy that the labels of a collection were resolved in."""

    name: str
    version: str
    id: str
    """of this very import"""
    path: str


@dataclass(frozen=True, slots=True)
class EffortEntry:
    """How much a search of an index looks at, and the recall@10 that was measured with it."""

    probes: int
    reranked: int
    recall: float


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """An index over the first rows; derived, so what is wrong with it costs time and no answer."""

    path: str
    bytes: int
    sha256: str
    rows: int
    by_taxa: bool
    """whether its lists divide rows in the order of taxa, else by their look"""
    image: EffortEntry
    """for queries that are pictures"""
    text: EffortEntry | None
    """for queries that are texts; None where there was no encoder to measure it with"""


@dataclass(frozen=True, slots=True)
class FloorEntry:
    """The cosine below which a best hit is hardly what was asked for, measured by `optimize`.

    None where there was nothing to measure it with.
    """

    image: float | None = None
    """for queries that are pictures"""
    text: float | None = None
    """for queries that are texts"""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One generation of a collection.

    `files` maps paths inside the collection to their size and hash, in the order in which they
    were committed; `roots` maps the first part of a source id to the folder, archive or address
    that it stands for; `sources` are what was indexed, in the order in which it first was.
    """

    encoder: EncoderEntry
    generation: int = 0
    roots: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, FileEntry] = field(default_factory=dict)
    taxonomy: TaxonomyEntry | None = None
    sources: Sequence[str] = ()
    index: IndexEntry | None = None
    floor: FloorEntry | None = None

    @property
    def next_name(self) -> str:
        """The name, without suffix, of the files that make the next generation."""
        return f"{self.generation + 1:08d}"

    @property
    def entries(self) -> dict[str, FileEntry]:
        """All files of the generation, its index among them."""
        entries = dict(self.files)
        if self.index:
            entries[self.index.path] = FileEntry(self.index.bytes, self.index.sha256)
        return entries

    def paths(self, folder: str) -> list[str]:
        """Return the files in one folder of the collection, in the order of their commits."""
        return [path for path in self.files if path.startswith(f"{folder}/")]


def read_manifest(collection: Path) -> Manifest:
    """Read the current generation and check that its files have their sizes.

    Raises CollectionError for a folder that is no collection, one of a newer format, or files
    that are missing or cut short.
    """
    manifest = parse_manifest(collection)
    for path, entry in manifest.files.items():
        if not has_its_size(collection / path, entry.bytes):
            raise CollectionError(
                f"{collection / path} is missing or not {entry.bytes} bytes long: restore it from "
                f"a backup, or run taxalens repair -c {collection}."
            )
    return manifest


def has_its_size(path: Path, size: int) -> bool:
    """Whether a file is there and so many bytes long."""
    return path.is_file() and path.stat().st_size == size


def is_there(collection: Path) -> bool:
    """Whether a folder has a manifest; raises CollectionError where only the rest is left."""
    if (collection / MANIFEST).exists():
        return True
    _refuse_rest(collection)
    return False


def _refuse_rest(collection: Path) -> None:
    if any((collection / rest).exists() for rest in (COPY, "segments", "inputs")):
        raise CollectionError(
            f"{collection / MANIFEST} is missing, and a collection's other files are there: "
            f"{_repair(collection)}."
        )


def _repair(collection: Path) -> str:
    return f"taxalens repair -c {collection} restores it from {COPY}"


def parse_manifest(collection: Path, name: str = MANIFEST) -> Manifest:
    """Read the current generation and look at none of its files; `name` is MANIFEST or COPY.

    Raises CollectionError for a folder that is no collection, one of a newer format, or a manifest
    that is damaged.
    """
    stored = _stored(collection, collection / name)
    if stored.get("format_version") != FORMAT_VERSION:
        raise CollectionError(
            f"{collection} has format {stored.get('format_version')}; this taxalens reads format "
            f"{FORMAT_VERSION}: use the version that wrote it, or index again."
        )
    digest = _digest(stored)
    if stored.get("sha256", digest) != digest:  # an earlier taxalens wrote none
        raise CollectionError(
            f"{collection / name} is not as it was written: {_repair(collection)}."
        )
    try:
        return Manifest(
            encoder=EncoderEntry(**stored["encoder"]),
            generation=stored["generation"],
            roots=stored["roots"],
            files={path: FileEntry(**entry) for path, entry in stored["files"].items()},
            taxonomy=TaxonomyEntry(**stored["taxonomy"]) if stored.get("taxonomy") else None,
            sources=tuple(stored.get("sources", ())),
            index=_index_entry(stored["index"]) if stored.get("index") else None,
            floor=FloorEntry(**stored["floor"]) if stored.get("floor") else None,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CollectionError(f"{collection / name} lacks a part: {error}.") from error


def _stored(collection: Path, path: Path) -> dict[str, Any]:
    """Return what a manifest says; raises CollectionError where it cannot be read."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        _refuse_rest(collection)
        raise CollectionError(
            f"There is no collection at {collection}; make one with: "
            f"taxalens index FOLDER -c {collection}"
        ) from None
    except (OSError, ValueError) as error:
        raise CollectionError(f"{path} cannot be read ({error}): {_repair(collection)}.") from error
    if not isinstance(stored, dict):
        raise CollectionError(f"{path} is not the manifest of a collection.")
    return stored


def commit(
    collection: Path,
    manifest: Manifest,
    new_files: Iterable[str] = (),
    dropped: Iterable[str] = (),
) -> Manifest:
    """Make files that lie complete in the collection part of its next generation.

    What is dropped stays on disk for those who read an earlier one.
    """
    entries = {}
    for path in new_files:
        file = collection / path
        entries[path] = FileEntry(file.stat().st_size, sha256_of(file))
        sync_folder(file.parent)
    gone = set(dropped)
    files = {path: entry for path, entry in manifest.files.items() if path not in gone} | entries
    following = replace(manifest, generation=manifest.generation + 1, files=files)
    write_manifest(collection, following)
    return following


def write_manifest(collection: Path, manifest: Manifest) -> None:
    """Make a generation the current one of a collection that has all its files."""
    stored = _as_json(manifest)
    text = json.dumps(stored | {"sha256": _digest(stored)}, indent=1)
    for name in (MANIFEST, COPY):
        write_durably(collection / name, lambda path: path.write_text(text, encoding="utf-8"))
        sync_folder(collection)


def _digest(stored: dict[str, Any]) -> str:
    text = json.dumps({key: stored[key] for key in stored if key != "sha256"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _index_entry(stored: dict[str, Any]) -> IndexEntry:
    image, text = stored["image"], stored["text"]
    efforts = {"image": EffortEntry(**image), "text": EffortEntry(**text) if text else None}
    return IndexEntry(**{**stored, **efforts})


def _as_json(manifest: Manifest) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "generation": manifest.generation,
        "encoder": asdict(manifest.encoder),
        "roots": dict(manifest.roots),
        "sources": list(manifest.sources),
        "files": {path: asdict(entry) for path, entry in manifest.files.items()},
        "taxonomy": asdict(manifest.taxonomy) if manifest.taxonomy else None,
        "index": asdict(manifest.index) if manifest.index else None,
        "floor": asdict(manifest.floor) if manifest.floor else None,
    }
