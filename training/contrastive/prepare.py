"""Shards from labelled pictures: splits by id and seed, evaluation images and species left out.

Pictures are squashed to 224 × 224 (bicubic), as TreeOfLife's are. A sample's id is the sha256 of
its picture's file, so copies are one sample and a split never divides them. The reference's own
exclusions match nothing (lineage keys compared with names, file names with ids); here pictures are
compared by their pixels and species by their names, and the finished shards are checked again.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

from PIL import Image

from indexer.ingest.prefetch import Opened, opened_batches
from indexer.inputs.records import Record
from indexer.readers import normal, reader_of, refuse
from indexer.store.durable import write_durably
from indexer.store.manifest import MANIFEST
from indexer.taxonomy.name_parts import parts_of
from model.errors import BadInput, Error
from model.progress import OnStep, Step, ignore
from model.taxon import RANKS, Rank, Taxon
from search.collection import open_collection
from search.images_table import OF_TAXON, taxon_of
from training.contrastive.shards import read_image, read_index, write_shard

SIDE = 224
BLOCK = 4096  # inputs that become one shard of each split
VALIDATION, SMALL = 0.05, 0.1  # shares: of all, and of the training samples
SPLITS = ("train", "val", "train_small")
COLUMNS = ("split", "id", "source", *map(str, RANKS), "common_name", "pixels")
CATALOG = "catalog.csv"


@dataclass(frozen=True, slots=True)
class Prepared:
    """How many inputs ended how."""

    counts: dict[str, int]
    """by split ("train", "val", "train_small") and by reason of those left out"""

    def __str__(self) -> str:
        """Return it as one line."""
        return ", ".join(f"{many:,} {name}" for name, many in self.counts.items())


def prepare(
    sources: Sequence[Path | str],
    folder: Path,
    *,
    exclude: Sequence[Path | str] = (),
    unseen: Iterable[str] = (),
    captions: str = "",
    seed: int = 17,
    block: int = BLOCK,
    progress: OnStep | None = None,
) -> Prepared:
    """Write shards of the pictures of collections, tables, folders or archives that have a taxon.

    `exclude` are sources whose pictures must not be trained on, `unseen` species by scientific
    name or lineage ("Animalia-…-Cyclonaias-tuberculata"). `captions` is the column of metadata that
    describes a picture in words. `folder` gets train/, val/ and
    train_small/ (a part of train), and catalog.csv. A run that was stopped goes on. Raises BadInput
    for what cannot be read, Error where a shard holds what was excluded.
    """
    report = progress or ignore
    others = (each for source in exclude for each in _pictures(_records(source)))
    pictures = {_digest_of(_squashed(each)) for each in others}
    names = {_species_key(name) for name in unseen}
    settings = hashlib.sha256(repr((sorted(pictures), sorted(names), seed)).encode())
    records, parts, done, described = _labelled(sources), list[Path](), 0, 0
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    report(Step("pictures to prepare", "images", 0))
    while some := list(islice(records, block)):
        # Other inputs or exclusions make another block.
        digest = settings.copy()
        told = [(each.source_id, each.bytes, each.taxon, _caption(each, captions)) for each in some]
        digest.update(repr(told).encode())
        described += sum(bool(caption) for *_, caption in told)
        part = folder / "blocks" / f"{len(parts):06d}-{digest.hexdigest()[:12]}.csv"
        rows = _read_rows(part)
        if rows is None:
            left_out = _LeftOut(pictures, names, seen)
            rows = _write_block(list(_pictures(iter(some))), part, seed, left_out, captions)
        seen |= {row["id"] for row in rows if row["split"] in SPLITS}
        counts.update(row["split"] for row in rows)
        parts.append(part)
        done += len(some)
        report(Step("pictures to prepare", "images", done))
    if not counts["train"]:
        raise BadInput(f"No picture of {', '.join(map(str, sources))} has a taxon to train on.")
    if captions and not described:
        raise BadInput(f"No picture has the metadata {captions!r} as its caption; name a column.")
    _write_rows(folder / CATALOG, _catalog(parts))
    _check(folder, pictures, names)
    return Prepared(dict(counts))


def split_of(key: str, seed: int) -> tuple[str, bool]:
    """Return the split of an id, "train" or "val", and whether it is in train_small too."""
    digest = hashlib.sha256(f"{seed}/{key}".encode()).digest()
    one, two = (int.from_bytes(part, "big") / 2**64 for part in (digest[:8], digest[8:16]))
    return ("val", False) if one < VALIDATION else ("train", two < SMALL)


def _labelled(sources: Sequence[Path | str]) -> Iterator[Record]:
    """Yield the records of sources; a collection's with the labels that it has."""
    for source in sources:
        if not (Path(source) / MANIFEST).is_file():
            yield from _records(source)
            continue
        with open_collection(source) as collection:
            manifest = collection.snapshot.manifest
            taxa = {
                row["source_id"]: taxon_of(row)
                for row in collection.to_arrow().select(["source_id", *OF_TAXON]).to_pylist()
            }
        roots = {base: name for name, base in manifest.roots.items()}
        for own in manifest.sources:
            root = roots[normal(reader_of(own).base(own))]
            for record in _records(own):
                if (taxon := taxa.get(f"{root}/{record.source_id}")) is not None:
                    yield replace(record, taxon=taxon)


def _caption(record: Record, column: str) -> str:
    return record.metadata.get(column, "").strip() if column else ""


def _records(source: Path | str) -> Iterator[Record]:
    place = normal(source)
    return reader_of(place).read(place, refuse)


def _pictures(records: Iterator[Record]) -> Iterator[Opened]:
    for batch in opened_batches(records, 64, lambda sha256: False, refuse):
        yield from batch


@dataclass(frozen=True, slots=True)
class _LeftOut:
    """Pictures by their pixels, species, and the ids of samples that there are already."""

    pictures: set[str]
    names: set[str]
    seen: set[str]

    def why(self, each: Opened, pixels: str) -> str:
        """Return why an input is no sample; "" for one that is."""
        taxon = each.record.taxon
        if each.problem or each.image is None:
            return "unreadable"
        if taxon is None or not taxon.name:
            return "without a taxon"
        if pixels in self.pictures:
            return "evaluation picture"
        if _species_key(taxon.at(Rank.SPECIES)) in self.names:
            return "evaluation species"
        return "duplicate" if each.sha256[:32] in self.seen else ""


def _write_block(
    batch: Sequence[Opened], part: Path, seed: int, left_out: _LeftOut, column: str
) -> list[dict[str, str]]:
    """Write one shard of each split and, last, the part of the catalog that says so."""
    rows: list[dict[str, str]] = []
    shards: dict[str, list[tuple[str, bytes, Taxon]]] = {split: [] for split in SPLITS}
    captions: dict[str, str] = {}
    for each in batch:
        key, taxon, image = each.sha256[:32], each.record.taxon, _squashed(each)
        pixels = _digest_of(image)
        row = {"id": key, "source": each.record.source_id, "pixels": pixels}
        why = left_out.why(each, pixels)
        if why or taxon is None or image is None:
            rows.append(row | {"split": why})
            continue
        left_out.seen.add(key)
        split, is_small = split_of(key, seed)
        row |= dict(zip(map(str, RANKS), taxon.lineage, strict=True))
        row |= {"common_name": taxon.common_name}
        jpeg, captions[key] = _jpeg(image), _caption(each.record, column)
        for own in (split, *(["train_small"] if is_small else [])):
            rows.append(row | {"split": own})
            shards[own].append((key, jpeg, taxon))
    for split, samples in shards.items():
        shard = part.parent.parent / split / f"shard-{part.name[:6]}.tar"
        shard.unlink(missing_ok=True)  # of other exclusions
        if samples:
            write_shard(samples, shard, captions)
    _write_rows(part, rows)
    return rows


def _squashed(each: Opened) -> Image.Image | None:
    """Return a picture in the size of a sample; None where it cannot be read."""
    size = (SIDE, SIDE)
    return each.image.resize(size, Image.Resampling.BICUBIC) if each.image else None


def _digest_of(image: Image.Image | None) -> str:
    """Return the digest of a squashed picture's pixels; "" of none."""
    return hashlib.sha256(image.tobytes()).hexdigest()[:32] if image else ""


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG")
    return file.getvalue()


@lru_cache(maxsize=1 << 16)
def _species_key(name: str) -> str:
    """Return a species' name as it is compared, without author, subgenus and subspecies.

    A lineage joined by "-" ends in its genus and epithet.
    """
    ranks = name.split("-")
    if len(ranks) >= len(RANKS):
        name = " ".join([ranks[len(RANKS) - 2], "-".join(ranks[len(RANKS) - 1 :])])
    name = " ".join(name.replace("_", " ").split())
    parts = parts_of(name, certain=True)
    return (f"{parts.genus} {parts.species}" if parts and parts.species else name).lower()


def _read_rows(path: Path) -> list[dict[str, str]] | None:
    if not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write_rows(path: Path, rows: Iterable[dict[str, str]]) -> None:
    def fill(part: Path) -> None:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(rows)

    write_durably(path, fill)


def _catalog(parts: Iterable[Path]) -> Iterator[dict[str, str]]:
    for part in parts:
        yield from (row for row in _read_rows(part) or [] if row["split"] in SPLITS)


def _check(folder: Path, pictures: set[str], names: set[str]) -> None:
    """Raise Error where finished shards hold an excluded species, or a picture of that digest."""
    with (folder / CATALOG).open(encoding="utf-8", newline="") as file:
        digests = {row["id"]: row["pixels"] for row in csv.DictReader(file)}
    for split in SPLITS:
        if not any((folder / split).glob("*.tar")):
            continue
        for sample in read_index(folder, split):
            name = sample.texts["sci"].removeprefix("a photo of ").removesuffix(".")
            if digests.get(sample.key) in pictures or _species_key(name) in names:
                raise Error(
                    f"{sample.shard} holds {name} ({sample.key}), which is excluded: it was made "
                    "with other exclusions; prepare the shards in a new folder."
                )
            if not read_image(sample).startswith(b"\xff\xd8"):
                raise Error(f"{sample.shard} is damaged at {sample.key}; prepare it again.")
