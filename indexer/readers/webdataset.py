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
from indexer.labels.label_columns import taxon_of_label
from indexer.labels.label_files import label_from
from indexer.readers import Fetch
from indexer.tables.columns import canonical
from model.errors import BadInput
from model.taxon import RANKS
from model.text_types import TextType

NOUN = "a webdataset tar"
_ENDINGS = (".tar", ".tar.gz", ".tgz")
_MOST_TEXT = 64 << 10  # bytes
_MOST_READ = 1 << 20  # bytes at once: of headers and texts
_PROMPT = re.compile(r"^a photo of (.*)\.$", re.DOTALL)
_LOST = (
    "texts belong to no picture ({}): a picture and its texts have one name up to the first dot, "
    "and lie together; pack them so"
)
_TAGS = re.compile(rf"\b({'|'.join(RANKS)}) (.*?)(?= (?:{'|'.join(RANKS)}) |$)")


def claims(source: str) -> bool:
    """Tell whether it is called like a tar."""
    return source.lower().endswith(_ENDINGS)


def base(source: str) -> str:
    """Return the tar itself."""
    return source


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per picture, whose bytes stay in the tar; a sample's members lie together.

    Its name up to the first dot is the key that it shares with its texts, in any case: `.sci.txt`,
    `.com.txt`, `.taxon.txt`, … of the TreeOfLife shards, `.cls` and `.txt`, a label if it is a word
    or a scientific name, and `.json`, whose values are metadata; of one name the first counts.
    Links and devices are problems, and so are texts that belong to no picture or cannot be read,
    pictures of one name, and what follows a damaged member. Raises BadInput for what is no tar, or
    is compressed, as then no picture could be had without all before it.
    """
    if not source.lower().endswith(".tar"):
        raise BadInput(f"{source} is compressed; unpack it once (gunzip), to a .tar.")
    stat, seen = Path(source).stat(), set[str]()
    lost, broken, again = list[str](), list[str](), list[str]()
    name = Path(source).name
    for sample in _samples(source):
        lost += _lost(sample)
        told = _json(sample.texts.get("json", ""))
        if told is None:
            broken.append(f"{sample.key}.json")
        said = _said(sample.texts, told or {})
        label = label_from(said.pop("label", ""), said)
        for below, span, problem in sample.pictures:
            if below in seen:
                again.append(below)
            else:
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
    for what, found, why in (
        ("texts", lost, _LOST),
        ("json", broken, "texts are not an object of JSON ({}); mend them"),
        ("pictures", again, "pictures have the name of one before ({}), which counts; rename them"),
    ):
        if found:
            shown = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
            yield _left_out(f"{name}#{what}", f"{len(found)} {why.format(shown)}", stat)


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
                    read = _text(text.read()) if text else ""
                    sample.texts.setdefault(ending[1:].lower(), read)
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


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _said(texts: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """Return what the texts of a sample say, its JSON first, under the columns of a label file."""
    bare = {
        (ending if ending == "txt" else ending.removesuffix(".txt")): _bare(text)
        for ending, text in texts.items()
    }

    def of(*types: TextType) -> str:
        return next(filter(None, (bare.get(each.lower(), "") for each in types)), "")

    said = dict(told)
    for ending in ("cls", "txt"):
        if text := bare.get(ending, ""):
            is_label = taxon_of_label(text) or (ending == "cls" and not text.isdecimal())
            said.setdefault("label" if is_label else ending, text)
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


def _json(text: str) -> dict[str, str] | None:
    """Return the values of an object of JSON under known columns; None for another text."""
    try:
        told = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict):
        return None
    return {
        canonical(key): str(value)
        for key, value in told.items()
        if isinstance(value, str | int | float)
    }
