"""Reads a webdataset tar: pictures and, beside each, the texts that TreeOfLife has for it."""

import io
import json
import os
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from indexer.inputs.decoding import SUFFIXES
from indexer.inputs.records import Record
from indexer.labels.label_files import label_from
from indexer.readers import Fetch
from model.errors import BadInput
from model.taxon import RANKS
from model.text_types import TextType

NOUN = "a webdataset tar"
_ENDINGS = (".tar", ".tar.gz", ".tgz")
_MOST_TEXT = 64 << 10  # bytes
_MOST_READ = 1 << 20  # bytes at once: of headers and texts
_PROMPT = re.compile(r"^a photo of (.*)\.$", re.DOTALL)
_TAGS = re.compile(rf"\b({'|'.join(RANKS)}) (.*?)(?= (?:{'|'.join(RANKS)}) |$)")


def claims(source: str) -> bool:
    """Tell whether it is called like a tar."""
    return source.lower().endswith(_ENDINGS)


def base(source: str) -> str:
    """Return the tar itself."""
    return source


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per picture, whose bytes stay in the tar; a sample's members lie together.

    Its name up to the first dot is the key that it shares with its texts: `.sci.txt`, `.com.txt`,
    `.taxon.txt`, … of the TreeOfLife shards, and `.json`, whose values are metadata; of one name
    the first counts. Links and devices are problems, and so are texts that belong to no picture
    and what follows a damaged member. Raises BadInput for what is no tar, or is compressed, as then
    no picture could be had without all before it.
    """
    if not source.lower().endswith(".tar"):
        raise BadInput(f"{source} is compressed; unpack it once (gunzip), to a .tar.")
    stat, seen, lost = Path(source).stat(), set[str](), list[str]()
    name = Path(source).name
    for sample in _samples(source):
        lost += _lost(sample)
        label = label_from("", _said(sample.texts))
        for below, span, problem in sample.pictures:
            if below not in seen:
                seen.add(below)
                yield Record(
                    below,
                    path=Path(source),
                    span=span,
                    label=label.text,
                    taxon=label.taxon,
                    metadata=label.metadata,
                    problem=problem,
                    bytes=max(span[1], 0),
                    modified=stat.st_mtime_ns,
                    from_table=bool(sample.texts),
                )
        if sample.damage:
            yield _left_out(f"{name}#damaged", sample.damage, stat)
    if lost:
        shown = ", ".join(lost[:3]) + (", …" if len(lost) > 3 else "")
        why = (
            f"{len(lost)} texts belong to no picture ({shown}): a picture and its texts have one "
            "name up to the first dot, and lie together; pack them so"
        )
        yield _left_out(f"{name}#texts", why, stat)


@dataclass(slots=True)
class _Sample:
    """Members that lie together and share a key."""

    key: str
    pictures: list[tuple[str, tuple[int, int], str]] = field(default_factory=list)
    """name, offset and length, problem"""
    texts: dict[str, str] = field(default_factory=dict)
    """by their endings, the first of each"""
    damage: str = ""


class _Bounded(io.FileIO):
    """A file of which a header can't make anybody read gigabytes, or backwards."""

    def read(self, size: int | None = -1) -> bytes:
        """Read some bytes; raises ReadError for more than a header has, or fewer than none."""
        if size is None or not 0 <= size <= _MOST_READ:
            raise tarfile.ReadError(f"a header speaks of {size} bytes")
        return super().read(size)


def _left_out(name: str, why: str, stat: os.stat_result) -> Record:
    return Record(name, problem=why, bytes=stat.st_size, modified=stat.st_mtime_ns)


def _samples(source: str) -> Iterator[_Sample]:
    """Yield the samples in turn; a tar that breaks off ends with one that says where."""
    sample, end = _Sample(""), -1
    try:
        with _Bounded(source) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                if member.size < 0 or member.offset < end:
                    raise tarfile.ReadError(f"{_valid(member.name)} has {member.size} bytes")
                end = member.offset_data
                key, ending = _split(member.name)
                if key != sample.key:
                    yield sample
                    sample = _Sample(key)
                if Path(member.name).suffix.lower() in SUFFIXES and not member.isdir():
                    problem = "" if member.isreg() else "not a regular file"
                    span = (member.offset_data, member.size)
                    sample.pictures.append((_valid(member.name), span, problem))
                elif member.isreg() and member.size <= _MOST_TEXT and ending:
                    text = tar.extractfile(member)
                    read = text.read().decode("utf-8-sig", "replace") if text else ""
                    sample.texts.setdefault(ending[1:], read)
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        if end < 0:
            raise BadInput(f"{source} cannot be read as a tar ({error}); get it anew.") from error
        sample.damage = f"cannot be read beyond byte {end} ({error}); get the tar anew"
    yield sample


def _lost(sample: _Sample) -> list[str]:
    """Return the texts of a sample that no picture has, by its key as people mean it."""
    dotted = {_split(name)[1].rpartition(".")[0][1:] for name, *_ in sample.pictures} - {""}
    return [
        f"{sample.key}.{ending}"
        for ending in sample.texts
        if ending.endswith(("txt", "json"))
        and (not sample.pictures or ending.rpartition(".")[0] in dotted)
    ]


def _split(name: str) -> tuple[str, str]:
    """Return the key of a member and its ending: "a/1.sci.txt" is "a/1" and ".sci.txt"."""
    folder, slash, file = name.rpartition("/")
    key, dot, ending = file.partition(".")
    return f"{folder}{slash}{key}", f"{dot}{ending}"


def _valid(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _said(texts: Mapping[str, str]) -> dict[str, str]:
    """Return what the texts of a sample say, under the names of a label file's columns."""
    bare = {ending.removesuffix(".txt"): _bare(text) for ending, text in texts.items()}

    def of(*types: TextType) -> str:
        return next((bare[each] for each in types if bare.get(each)), "")

    said = _json(texts.get("json", ""))
    said |= dict(_TAGS.findall(of(TextType.TAXON_TAG)))
    taxonomic = of(TextType.TAXONOMIC_NAME, TextType.TAXON).split(" ")
    if not any(rank in said for rank in RANKS) and len(taxonomic) == len(RANKS):
        said |= dict(zip(map(str, RANKS), taxonomic, strict=True))
    scientific = of(TextType.SCIENTIFIC_NAME, TextType.SCI)
    if scientific and not any(rank in said for rank in RANKS):
        said["taxon"] = scientific
    # The reference writes the scientific name where it knows no common one.
    common = of(TextType.COMMON_NAME, TextType.COM)
    if common and common.lower() not in (scientific.lower(), " ".join(taxonomic).lower()):
        said["common_name"] = common
    return said


def _bare(text: str) -> str:
    text = " ".join(text.split())
    prompt = _PROMPT.match(text)
    return prompt.group(1) if prompt else text


def _json(text: str) -> dict[str, str]:
    try:
        told = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {key: str(value) for key, value in told.items() if isinstance(value, str | int | float)}
