"""Labelled images of a collection, a table or a folder, embedded once an encoder and kept.

Each encoder has a collection of the images: the user's own where that is its encoder, else one in
the user's cache, which is brought up to date as any other collection is.
"""

import csv
import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

from indexer.ingest.indexing import index
from indexer.inputs.records import plain_name
from indexer.readers import normal
from indexer.store.manifest import MANIFEST, read_manifest
from model.encoder import Encoder
from model.errors import BadInput, EncoderMismatch, Error
from model.progress import OnStep
from model.taxon import RANKS, Rank, Taxon
from model.vectors import Features
from search.classify.reference_set import unit
from search.collection import Collection, open_collection
from search.images_table import OF_TAXON, taxon_of

Numbers = npt.NDArray[np.int64]
UNNAMED = -1  # an image without a name at a rank


@dataclass(frozen=True, slots=True)
class Description:
    """Labels of images: the class as written, and its taxon."""

    label: str
    taxon: Taxon
    """without names where the label is no taxon"""


@dataclass(frozen=True, slots=True, eq=False)
class LabelledImages:
    """Labelled images in one order, the same for every encoder."""

    name: str
    ids: tuple[str, ...]
    """(n,) image ids"""
    files: tuple[str, ...]
    """(n,) paths below the source"""
    described: tuple[Description, ...]
    """(n,)"""

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.ids)

    @property
    def classes(self) -> Numbers:
        """The class of each image, (n,), numbered in order of first appearance.

        A class is a taxon, or a label that is none.
        """
        numbers: dict[tuple[str, str], int] = {}
        keys = [_class_key(each) for each in self.described]
        return np.array([numbers.setdefault(key, len(numbers)) for key in keys], np.int64)

    def names_at(self, rank: str) -> tuple[list[str], Numbers]:
        """Return the names at a rank, and the number of each image's, (n,), UNNAMED without one.

        A name stands for its lineage: two genera of one name are two.
        """
        place = RANKS.index(Rank(rank))
        numbers: dict[tuple[str, ...], int] = {}
        of = np.full(len(self), UNNAMED, np.int64)
        for row, each in enumerate(self.described):
            lineage = each.taxon.lineage[: place + 1]
            if lineage[-1]:
                of[row] = numbers.setdefault(lineage, len(numbers))
        return [lineage[-1] for lineage in numbers], of


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The images as one encoder sees them."""

    spec: str
    collection: Collection
    vectors: Features
    """(n, dim) float32, rows of length 1 to 1e-7: kept as float16 they are so to 1e-3"""

    @property
    def encoder(self) -> Encoder:
        """The encoder, loaded when it is first needed."""
        return self.collection.encoder


def embed(
    source: Path | str | None,
    collection: Path | str,
    encoders: str | Sequence[str],
    *,
    fetch: bool = False,
    progress: OnStep | None = None,
) -> tuple[LabelledImages, list[Embedded], list[str]]:
    """Embed the labelled images of a source, or of a collection where that is None.

    A source is a folder, a table or anything that can be indexed; a table as BioCLIP's evaluation
    has them (`filepath,class`, perhaps with ranks) labels the pictures of its folder. `encoders`
    are specs, by default the collection's own, of a source `bioclip`. Returns the images, their
    vectors by each encoder and what was left out. Raises BadInput for a source without two
    classes, Error where an encoder embeds none of its images.
    """
    specs = [encoders] if isinstance(encoders, str) else list(dict.fromkeys(encoders))
    specs = specs or (["bioclip"] if source is not None else [])
    opened = list(_collections(source, Path(collection), specs, fetch, progress))
    for spec, each in opened:
        _check_embedded(spec, each)
    # A collection's labels are those of its own, whichever encoders are asked for.
    own = opened[0][1] if source is not None else open_collection(collection)
    labels = None
    if source is not None and _is_annotation(source):
        labels = _annotations(Path(source))
    name = Path(source).name if source is not None else Path(collection).name
    images, places, notes = _common(name, own, opened, labels)
    found = [
        Embedded(spec, each, unit(np.asarray(each.vectors()[rows], np.float32)))
        for (spec, each), rows in zip(opened, places, strict=True)
    ]
    notes += _of_vectors(found)
    if len(set(images.classes.tolist())) < 2:
        raise BadInput(f"{name} has labels of fewer than two classes; label its images first.")
    return images, found, notes


def exactly_unit(rows: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return rows (n, dim) scaled to length 1 in float64; a zero row stays zero."""
    exact = rows.astype(np.float64)
    scaled: npt.NDArray[np.float64] = exact / np.maximum(
        np.linalg.norm(exact, axis=1, keepdims=True), 1e-12
    )
    return scaled


def _check_embedded(spec: str, embedded: Collection) -> None:
    if not len(embedded):
        reasons = embedded.snapshot.query("SELECT reason FROM inputs ORDER BY source_id LIMIT 1")
        why = f" ({reasons[0][0]})" if reasons else ""
        raise Error(f"{spec} embedded none of the images{why}; choose another encoder or source.")


def _of_vectors(found: Sequence[Embedded]) -> Iterator[str]:
    """Yield notes on vectors."""
    first = found[0]
    if copies := len(first.vectors) - len({row.tobytes() for row in first.vectors}):
        yield (
            f"{copies:,} images have the very vector of another by {first.spec}, as copies do: "
            "they find each other, and are an example and tested"
        )


def _collections(
    source: Path | str | None,
    collection: Path,
    encoders: Sequence[str],
    fetch: bool,
    progress: OnStep | None,
) -> Iterator[tuple[str, Collection]]:
    """Yield the collection of each encoder, up to date; the user's own first where it is theirs."""
    if source is not None:
        where = str(Path(source).parent) if _is_annotation(source) else source
        for spec in encoders:
            yield spec, _kept([where], spec, fetch, progress)
        return
    manifest = read_manifest(collection)
    own = manifest.encoder.spec
    for spec in encoders or [own]:
        if spec == own:
            yield spec, open_collection(collection)
            continue
        sources = list(manifest.sources) or list(manifest.roots.values())
        yield spec, _kept(sources, spec, fetch, progress)


def _kept(
    sources: Sequence[Path | str], spec: str, fetch: bool, progress: OnStep | None
) -> Collection:
    """Return the kept collection of sources by an encoder, brought up to date."""
    places = [normal(each) for each in sources]
    digest = hashlib.sha256("\0".join([spec, *places]).encode()).hexdigest()[:32]
    folder = user_cache_path("taxalens") / "evaluations" / digest
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        _update(places, folder, spec, fetch, progress)
    except EncoderMismatch:  # its weights have changed since
        shutil.rmtree(folder)
        _update(places, folder, spec, fetch, progress)
    return open_collection(folder)


def _update(
    places: Sequence[str], folder: Path, spec: str, fetch: bool, progress: OnStep | None
) -> None:
    for place in places:
        index(place, folder, encoder=spec, fetch=fetch, progress=progress)
    if not (folder / MANIFEST).exists():
        raise Error(f"Nothing of {', '.join(places)} could be embedded; see the messages above.")


def _common(
    name: str,
    own: Collection,
    opened: Sequence[tuple[str, Collection]],
    labels: Mapping[str, Description] | None,
) -> tuple[LabelledImages, list[Numbers], list[str]]:
    """Return the images that `own` labels and every collection has, and their places in each."""
    known = [
        {image_id: place for place, image_id in enumerate(each.to_arrow()["image_id"].to_pylist())}
        for _, each in opened
    ]
    ids, files, described, unlabelled = [], [], [], 0
    lines = own.to_arrow().select(["image_id", "source_id", "label", *OF_TAXON])
    for line in lines.to_pylist():
        file = line["source_id"].partition("/")[2]
        each = labels.get(file) if labels is not None else _described(line)
        if each is None:
            unlabelled += 1
        elif all(line["image_id"] in places for places in known):
            ids.append(line["image_id"])
            files.append(file)
            described.append(each)
    notes = [f"{unlabelled:,} images without a label are left out"] if unlabelled else []
    if missing := len(lines) - unlabelled - len(ids):
        notes.append(f"{missing:,} images are left out: an encoder has no vector of them")
    if labels is not None and (absent := len(labels) - len(ids) - missing):
        notes.append(f"{absent:,} pictures of the table are missing or could not be read")
    images = LabelledImages(name, tuple(ids), tuple(files), tuple(described))
    return images, [np.array([places[each] for each in ids], np.int64) for places in known], notes


def _described(line: Mapping[str, str | None]) -> Description | None:
    taxon = taxon_of(line)
    label = line["label"] or ""
    return Description(label, taxon) if label or taxon.name else None


def _class_key(each: Description) -> tuple[str, str]:
    return (each.taxon.key, "") if each.taxon.name else ("", each.label)


def _is_annotation(source: Path | str) -> bool:
    """Tell whether a table has BioCLIP's columns: `cls` is the rank there, `class` the label."""
    if Path(source).suffix.lower() != ".csv" or not Path(source).is_file():
        return False
    with Path(source).open(encoding="utf-8-sig", errors="replace", newline="") as file:
        header = set(next(csv.reader(file), []))
    return "filepath" in header and ("cls" in header or header & {"class", "genus"} == {"class"})


def _annotations(table: Path) -> dict[str, Description]:
    """Read a table as BioCLIP's evaluation has them, by the path of each picture."""
    with table.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    found = {}
    for line in lines:
        ranks = [line.get("cls" if rank is Rank.CLASS else rank) for rank in RANKS]
        taxon = Taxon.from_ranks(ranks, line.get("common_name"))
        label = line.get("class") or line.get("common_name") or taxon.name
        found[plain_name(line["filepath"] or "")] = Description(label, taxon)
    return found
