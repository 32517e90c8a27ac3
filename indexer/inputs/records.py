"""What a reader yields: one record per input, before anything of it is decoded."""

import posixpath
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from model.taxon import Taxon
from model.vectors import Vectors

CROP_MARK = "#xywh=percent:"
"""stands before the part in a source id, as in W3C's media fragments: "1.jpg#xywh=percent:…"."""
WHOLE = f"{CROP_MARK}0,0,100,100"
"""of a whole photograph that stands for a second time, before "&id=…" """


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # of two letters at least: C:// is a disk
_BETWEEN = re.compile(r"\s*\|\s*|\s*[;,]\s*(?=https?://)|\s*[;,]\s+|\s+(?=https?://)", re.I)
_BRACKETS = re.compile(r"\[(.*)\]", re.DOTALL)
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_QUOTED_LIST = re.compile(rf"(?:{_QUOTED.pattern})(?:\s*[,;|]?\s*(?:{_QUOTED.pattern}))*")
_ODD = re.compile("[\0\ud800-\udfff]")
_WEB = ("https://", "http://")


def is_address(source: str) -> bool:
    """Tell whether a source is not a path but a URL."""
    return source[:8].lower().startswith(_WEB)


def scheme_of(source: str) -> str:
    """Return how a URL of any kind begins, "ftp://", in lower case; "" of a path."""
    found = _SCHEME.match(source)
    return found.group().lower() if found else ""


def address(url: str) -> str:
    """Return a URL with its scheme in lower case, as it is compared."""
    scheme = scheme_of(url)
    return scheme + url[len(scheme) :]


def media_in(cell: str) -> list[str]:
    """Return the addresses or paths of a cell that lists them: "u1 | u2", '["u1", "u2"]', "[u]".

    A comma or a semicolon parts them before an address or a blank; inside of a URL it may stand.
    """
    text = cell.strip()
    if bare := _BRACKETS.fullmatch(text):
        text = bare[1].strip()
    if _QUOTED_LIST.fullmatch(text):
        return [first or second for first, second in _QUOTED.findall(text)]
    return [each for each in _BETWEEN.split(text) if each]


def plain_name(name: str) -> str:
    """Return a path or URL as it is compared: "./a\\b.jpg" is "a/b.jpg", letters composed (NFC)."""
    name = unicodedata.normalize("NFC", name.strip())
    if not name or scheme_of(name):
        return address(name)
    return posixpath.normpath(name.replace("\\", "/"))


def storable(text: str) -> str:
    """Return a text that every file and database takes: no NUL, no half of a character."""
    if text.isascii():
        return text.replace("\0", "\ufffd")
    return _ODD.sub("\ufffd", text)


class Box(NamedTuple):
    """A part of a picture as it is looked at, in shares of its width and height, 0 to 1."""

    left: float
    top: float
    width: float
    height: float

    @property
    def fragment(self) -> str:
        """Return it as the end of a source id."""
        return CROP_MARK + ",".join(f"{100 * share:.6g}" for share in self)


@dataclass(frozen=True, slots=True)
class Record:
    """One input of a run: a picture in a file, in a part of a file or at a URL, or its vector.

    `source_id` is unique and the same every time: from a reader the path below the reader's base,
    "lion/1.jpg", in a collection with the root's name before it, "photos/lion/1.jpg". `label` is
    what the input says of itself, `taxon` what that means, if it is a taxon. A record that
    carries a `problem` is recorded as failed without being read.
    """

    source_id: str
    path: Path | None = None
    """the file that holds it"""
    span: tuple[int, int] | None = None
    """offset and length in that file, where it is a part of it"""
    read: Callable[[], bytes] | None = field(default=None, compare=False)
    """returns its bytes, where it is no plain part of that file; raises BadInput"""
    url: str = ""
    """where it is, if it is not on this machine"""
    crop: Box | None = None
    """the part of the picture that it is about"""
    vector: Vectors | None = field(default=None, compare=False)
    """(dim,) float32, of any length: embedded elsewhere, its picture is not asked for"""
    label: str = ""
    taxon: Taxon | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    bytes: int = 0
    modified: int = 0
    """nanoseconds since 1970; with `bytes` it tells whether a source has changed"""
    from_table: bool = False
    """whether a table says so; unlike a folder's name, that overrules what was said before"""

    def storable(self) -> "Record":
        """Return it with texts that can be kept, whatever a source made of them."""
        told = (self.source_id, self.url, self.label, self.problem)
        metadata = {storable(name): storable(value) for name, value in self.metadata.items()}
        if tuple(map(storable, told)) == told and metadata == self.metadata:
            return self
        source_id, url, label, problem = map(storable, told)
        return replace(
            self,
            source_id=source_id,
            url=url,
            label=label,
            metadata=metadata,
            problem=problem or ("its address has odd characters" if url != self.url else ""),
        )

    @property
    def is_file(self) -> bool:
        """Whether it is a whole file of its own, which can be looked at later."""
        return not (self.url or self.span or self.read or self.crop or self.path is None)

    @property
    def is_remote(self) -> bool:
        """Whether it has to be fetched."""
        return bool(self.url) and self.vector is None and not self.problem

    @property
    def said(self) -> dict[str, Any]:
        """What it says that its image shows, under the names of the labels' columns."""
        return {
            "label": self.label,
            "taxon_key": self.taxon.key if self.taxon else None,
            "common_name": self.taxon.common_name if self.taxon else "",
            "metadata": dict(self.metadata),
        }
