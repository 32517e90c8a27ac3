"""TreeOfLife-style webdataset shards: written with all ten text members, read by place.

A sample is `<id>.jpg` and `<id>.<text type>.txt`; webdataset splits a name at its first dot. It may
have a caption: `<id>.caption.txt`, or a row of `captions.csv` (id, caption) beside its split's
folder. A shard is a tar archive, so a sample's place in it is kept and read without what is before
it: any order can be read, and a run goes on at any step.
"""

import csv
import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType

from indexer.store.durable import write_durably
from model.errors import BadInput
from model.taxon import Taxon
from model.text_types import TRAINED_TYPES, TextType, render

MOST = 10_000  # samples of a shard
SPLITS = ("train", "val")
CAPTION, CAPTIONS = "caption", "captions.csv"
EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a shard, where its bytes are."""

    key: str
    shard: Path
    image: tuple[int, int]
    """offset and length in the shard"""
    texts: dict[str, str]
    """of the five text types that are trained on, and "caption" where there is one"""


def write_shards(
    samples: Iterable[tuple[str, bytes, Taxon]], folder: Path, most: int = MOST
) -> int:
    """Write (id, JPEG, taxon) as `shard-000000.tar` … in a folder; return how many there were."""
    many, left = 0, iter(samples)
    while some := list(islice(left, most)):
        write_shard(some, folder / f"shard-{many // most:06d}.tar")
        many += len(some)
    return many


def write_shard(
    samples: Iterable[tuple[str, bytes, Taxon]], path: Path, captions: Mapping[str, str] = EMPTY
) -> None:
    """Write (id, JPEG, taxon) as one shard, which gets its name when complete; ids have no dot.

    `captions` are those of ids that have one.
    """

    def fill(part: Path) -> None:
        with tarfile.open(part, "w", format=tarfile.USTAR_FORMAT) as archive:
            for key, image, taxon in samples:
                _add(archive, f"{key}.jpg", image)
                for text_type in TextType:
                    _add(archive, f"{key}.{text_type}.txt", render(taxon, text_type).encode())
                if caption := captions.get(key):
                    _add(archive, f"{key}.{CAPTION}.txt", caption.encode())

    write_durably(path, fill)


def read_index(folder: Path, split: str) -> list[Sample]:
    """Return the samples of `folder/split/*.tar`, in their order.

    A sample that lacks its image or one of the five texts is left out. Raises BadInput where none
    is left.
    """
    needed = {f"{text_type}.txt": str(text_type) for text_type in TRAINED_TYPES}
    found = _samples_in(folder / split, {**needed, f"{CAPTION}.txt": CAPTION}, len(needed))
    captions = _read_captions(folder / CAPTIONS)
    return [
        replace(each, texts={CAPTION: captions[each.key], **each.texts})
        if each.key in captions
        else each
        for each in found
    ]


def read_pairs(folder: Path) -> list[Sample]:
    """Return the general pairs of `folder/*.tar` (jpg and txt), their text as the caption.

    Raises BadInput where there is none.
    """
    return _samples_in(folder, {"txt": CAPTION}, 1)


def _samples_in(folder: Path, wanted: Mapping[str, str], needed: int) -> list[Sample]:
    shards = sorted(folder.glob("*.tar"))
    found = [sample for shard in shards for sample in _samples(shard, wanted, needed)]
    if not found:
        raise BadInput(f"{folder} has no shard with complete samples (*.tar).")
    return found


def _read_captions(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not {"id", CAPTION} <= set(reader.fieldnames or ()):
            raise BadInput(f"{path} needs the columns id and {CAPTION}.")
        return {row["id"]: text for row in reader if (text := (row[CAPTION] or "").strip())}


def halves(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    """Split validation samples by their ids: one half chooses a network, the other compares it."""
    mixed = sorted(samples, key=lambda each: hashlib.sha256(each.key.encode()).digest())
    return mixed[::2], mixed[1::2]


def read_image(sample: Sample) -> bytes:
    """Return the bytes of a sample's picture."""
    start, length = sample.image
    with sample.shard.open("rb") as file:
        file.seek(start)
        return file.read(length)


def _samples(shard: Path, wanted: Mapping[str, str], needed: int) -> Iterator[Sample]:
    """Yield the samples that have the first `needed` of the wanted members, and an image."""
    required = list(wanted.values())[:needed]
    places: dict[str, tuple[int, int]] = {}
    texts: dict[str, dict[str, str]] = {}
    try:
        with tarfile.open(shard) as archive:
            for member in archive:
                key, _, kind = member.name.partition(".")
                if kind == "jpg":
                    places[key] = member.offset_data, member.size
                elif kind in wanted and (file := archive.extractfile(member)):
                    texts.setdefault(key, {})[wanted[kind]] = file.read().decode()
    except (tarfile.TarError, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{shard} cannot be read as a shard: {error}; write it again.") from error
    for key, place in places.items():
        own = {name: text for name, text in texts.get(key, {}).items() if text.strip()}
        if all(name in own for name in required):
            yield Sample(key, shard, place, own)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))
