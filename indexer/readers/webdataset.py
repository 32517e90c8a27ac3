"""Reads a webdataset tar: pictures and, beside each, the texts that TreeOfLife has for it."""

import json
import re
import tarfile
from collections.abc import Iterator, Mapping
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
    `.taxon.txt`, … of the TreeOfLife shards, and `.json`, whose values are metadata. Links and
    devices are problems; of one name the first counts. Raises BadInput for what is no tar, or is
    compressed, as then no picture could be had without all before it.
    """
    if not source.lower().endswith(".tar"):
        raise BadInput(f"{source} is compressed; unpack it once (gunzip), to a .tar.")
    modified = Path(source).stat().st_mtime_ns
    seen: set[str] = set()
    for pictures, texts in _samples(source):
        label = label_from("", _said(texts))
        for name, span, problem in pictures:
            if name not in seen:
                seen.add(name)
                yield Record(
                    name,
                    path=Path(source),
                    span=span,
                    label=label.text,
                    taxon=label.taxon,
                    metadata=label.metadata,
                    problem=problem,
                    bytes=span[1],
                    modified=modified,
                    from_table=bool(texts),
                )


_Picture = tuple[str, tuple[int, int], str]


def _samples(source: str) -> Iterator[tuple[list[_Picture], dict[str, str]]]:
    """Yield the pictures and the texts of each sample in turn."""
    pictures: list[_Picture] = []
    texts: dict[str, str] = {}
    before = None
    try:
        with tarfile.open(source, "r:") as tar:
            for member in tar:
                key, ending = _split(member.name)
                if key != before:
                    yield pictures, texts
                    pictures, texts, before = [], {}, key
                if Path(member.name).suffix.lower() in SUFFIXES and not member.isdir():
                    problem = "" if member.isreg() else "not a regular file"
                    span = (member.offset_data, member.size)
                    pictures.append((_valid(member.name), span, problem))
                elif member.isreg() and member.size <= _MOST_TEXT and ending:
                    text = tar.extractfile(member)
                    texts[ending[1:]] = text.read().decode(errors="replace") if text else ""
    except (tarfile.TarError, OSError, EOFError) as error:
        raise BadInput(f"{source} cannot be read as a tar ({error}); get it anew.") from error
    yield pictures, texts


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
