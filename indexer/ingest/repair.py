"""Repair: derived files are made again; other damaged files are set apart, their inputs listed."""

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from indexer.catalog.catalog_file import write_catalog
from indexer.ingest.damage import Damage
from indexer.ingest.journal import alone
from indexer.ingest.verify import verify
from indexer.inputs import status
from indexer.labels.label_resolution import DERIVED, NO_TAXONOMY, resolve_labels
from indexer.store.journal_file import APART, JOURNAL, set_damaged_apart
from indexer.store.manifest import (
    COPY,
    Manifest,
    commit,
    parse_manifest,
    write_manifest,
)
from indexer.store.segment import Segment, read_table
from indexer.store.writer_lock import only_writer
from model.errors import CollectionError, Error
from model.progress import OnStep

REASON = "its vector was damaged"
_LOST = {
    "segments": "its images are listed as failed: taxalens retry reads them again",
    "inputs": "the fate of its inputs is lost: taxalens update reads them again, and inputs that "
    "were removed in it are back",
    "labels": "its labels are lost: taxalens update reads those of the sources again",
    "identifications": "its labels of machines are lost: taxalens label gives them again",
    "hashes": "its perceptual hashes are lost: taxalens update computes them again",
    "thumbs": "pictures without a file of their own have no thumbnail there",
    "runs": "it was a log only",
}


@dataclass(frozen=True, slots=True)
class Repair:
    """One damaged file, and its cure."""

    path: str
    """in the collection"""
    cure: str

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.path}: {self.cure}"


def repair(
    collection: Path | str = "taxalens.collection", progress: OnStep | None = None
) -> list[Repair]:
    """Make a damaged collection whole again, and return the cure of each damaged file.

    The manifest is restored from its copy, and derived files are derived again. A damaged file that
    nothing derives from is moved to `damaged/`; the images of a lost segment become failed inputs
    that `retry` reads again. Raises CollectionError where neither manifest is whole.
    """
    collection = Path(collection)
    restored = _restore_manifest(collection)
    with only_writer(collection):
        manifest, damages = parse_manifest(collection), verify(collection, progress)
        paths = {damage.path for damage in damages}
        lost = {path for path in _with_partners(paths) if path in manifest.files}
        if lost or (manifest.index and manifest.index.path in paths):
            manifest = _without(collection, manifest, lost)
        with alone(collection):
            set_damaged_apart(collection)
        for path in paths - {JOURNAL}:
            _set_apart(collection, path, is_truth=path in lost)
        write_catalog(collection, manifest)
    return [*restored, *(Repair(each.path, _cure(each)) for each in damages)]


def _restore_manifest(collection: Path) -> list[Repair]:
    try:
        parse_manifest(collection)
    except CollectionError as error:
        try:
            manifest = parse_manifest(collection, COPY)
        except CollectionError:
            raise error from None
        with only_writer(collection):
            write_manifest(collection, manifest)
        cure = f"restored from {COPY}, generation {manifest.generation}"
        return [Repair("manifest.json", cure)]
    return []


def _with_partners(paths: set[str]) -> set[str]:
    """Return files with the other half of each segment among them."""
    halves = {
        str(Path(path).with_suffix(suffix))
        for path in paths
        if path.startswith("segments/")
        for suffix in (".npy", ".parquet")
    }
    return paths | halves


def _without(collection: Path, manifest: Manifest, lost: set[str]) -> Manifest:
    """Commit a generation without some files, and without what derived from them."""
    meanings = {path for table in DERIVED for path in manifest.paths(table)}
    resolved = bool(lost & meanings)
    dropped = lost | (meanings if resolved else set())
    left = {path: entry for path, entry in manifest.files.items() if path not in dropped}
    missing = _missing(collection, replace(manifest, files=left))
    paths = missing.write(collection, manifest.next_name)
    manifest = commit(collection, replace(manifest, index=None), paths, dropped)
    if resolved and manifest.taxonomy:
        try:
            return resolve_labels(collection, manifest, None)
        except Error:  # the taxonomy is not here
            return resolve_labels(collection, manifest, NO_TAXONOMY)
    return manifest


def _missing(collection: Path, manifest: Manifest) -> Segment:
    """Return lines for inputs whose image is lost, and for images whose input is."""
    rows = read_table(collection, "segments", manifest.paths("segments"))
    images = set(rows["image_id"].to_pylist())
    said = {}
    for line in read_table(collection, "inputs", manifest.paths("inputs")).to_pylist():
        said[line["source_id"]] = line
    segment = Segment()
    for source_id, line in said.items():
        if line["image_id"] and line["image_id"] not in images:
            about = (line["bytes"], line["modified"])
            segment.input(source_id, status.FAILED, REASON, None, *about)
    sources = zip(rows["source_id"].to_pylist(), rows["image_id"].to_pylist(), strict=True)
    for source_id, image_id in sources:
        if source_id not in said:
            segment.input(source_id, status.EMBEDDED, "", image_id, 0, 0)
    return segment


def _set_apart(collection: Path, path: str, is_truth: bool) -> None:
    """Move a damaged file out of the way, or delete it where it was derived."""
    file = collection / path
    with suppress(FileNotFoundError):
        if is_truth:
            (collection / APART).mkdir(exist_ok=True)
            file.replace(collection / APART / path.replace("/", "-"))
        else:
            file.unlink()


def _cure(damage: Damage) -> str:
    folder = damage.path.partition("/")[0]
    if folder in _LOST:
        return f"{damage.problem}; moved to {APART}/, {_LOST[folder]}"
    if damage.path == JOURNAL:
        return f"{damage.problem}; kept in {APART}/ as it was, the labels of its other lines count"
    if damage.path.endswith(".faiss"):
        return f"{damage.problem}; taxalens optimize makes it again"
    return f"{damage.problem}; derived again"
