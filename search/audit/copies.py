"""Copies: pictures that are the same one, of whom each is a copy, and how it was changed.

Candidates by hash and vector are compared pixel by pixel (`picture_comparison`), so a picture of
the same scene in another moment is no copy; nor is one that was taken at another time.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from indexer.backends import Rows
from indexer.catalog.snapshot import Snapshot
from indexer.exports.sequences import Taken, taken
from indexer.inputs.records import CROP_MARK
from model.errors import BadInput
from search.audit.copy_candidates import Candidates
from search.audit.label_classes import Numbers
from search.audit.picture_comparison import KEPT, Likeness, Picture, likeness, picture_of
from search.hits import SIMILAR, Hit, hits_of

MOST = 2000  # pairs that are compared at least, at 10 ms to 100 each
_TOGETHER = 64
_AT_ONCE = 512  # pictures in memory, 256 KB each
_RESIZED = 0.02  # of a side: less is rounding


class _File(NamedTuple):
    """The file of an image, as it was indexed."""

    pixels: int
    width: int
    bytes: int
    modified: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Copies:
    """Pictures that are one: the original, and its copies with how each was changed."""

    original: int
    """a place in the selection"""
    copies: tuple[tuple[int, str], ...]
    """places, and "50% of the size, grey" """

    @property
    def members(self) -> Rows:
        """All of them, the original first."""
        return np.array([self.original, *(place for place, _ in self.copies)], np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class _Pictures:
    """The images of a selection as they are compared."""

    hits: dict[int, Hit]
    files: dict[int, _File]

    def picture(self, place: int) -> Picture | None:
        """Return a picture; None where there is none that can be read."""
        try:
            return picture_of(self.hits[place].image(KEPT))
        except BadInput:
            return None

    def taken(self, place: int) -> Taken:
        """Return the camera and the time of a photograph."""
        hit = self.hits[place]
        return taken(hit.metadata, "", None if hit.url else hit.path)


def find_copies(
    snapshot: Snapshot, rows: Rows, contents: Numbers, candidates: Candidates, most: int
) -> list[Copies]:
    """Return the pictures of a selection that occur several times.

    Equal `contents` (n,) are the same file; of the candidates the `most` likeliest are compared.
    """
    from scipy.cluster.hierarchy import DisjointSet

    pairs = candidates.pairs[:most]
    order = np.argsort(contents, kind="stable")
    equal = np.flatnonzero(contents[order][1:] == contents[order][:-1])
    asked = np.unique(np.r_[pairs.ravel(), order[equal], order[equal + 1]])
    pictures = _pictures(snapshot, rows, asked)
    compared = _Compared(pictures)
    same = DisjointSet(asked.tolist())
    for one, other in zip(order[equal].tolist(), order[equal + 1].tolist(), strict=True):
        same.merge(one, other)
    turned = candidates.mirrored[:most].tolist()
    with ThreadPoolExecutor() as threads:
        for start in range(0, len(pairs), _TOGETHER):
            some = [
                (one, other, mirrored)
                for (one, other), mirrored in zip(
                    pairs[start : start + _TOGETHER].tolist(),
                    turned[start : start + _TOGETHER],
                    strict=True,
                )
                if not same.connected(one, other)
            ]
            told = threads.map(lambda each: compared.pair(*each), some)
            for (one, other, _), like in zip(some, told, strict=True):
                if like:
                    same.merge(one, other)
    groups = sorted(sorted(group) for group in same.subsets() if len(group) > 1)
    return [_told(pictures, compared, group) for group in groups]


class _Compared:
    """Pairs compared, each once, with the pictures that were read last."""

    def __init__(self, pictures: _Pictures) -> None:
        self._pictures = pictures
        self._read = lru_cache(_AT_ONCE)(pictures.picture)
        self._taken = lru_cache(_AT_ONCE)(pictures.taken)

    def pair(self, one: int, other: int, mirrored: bool = False) -> Likeness | None:
        """Return how one picture is a copy of the other; None where neither is."""
        hits = self._pictures.hits
        wholes = [hits[place].source_id.partition(CROP_MARK)[0] for place in (one, other)]
        if wholes[0] == wholes[1]:
            return None  # two parts of one photograph
        times = self._taken(one).time, self._taken(other).time
        if all(times) and times[0] != times[1]:
            return None
        first, second = self._read(one), self._read(other)
        return likeness(first, second, mirrored) if first and second else None

    def is_coloured(self, place: int) -> bool:
        """Whether a picture has colours; unknown ones have."""
        picture = self._read(place)
        return picture is None or picture.is_coloured


def _told(pictures: _Pictures, compared: _Compared, group: Sequence[int]) -> Copies:
    """Return a group with its original: in colour, of most pixels, the largest and oldest file."""

    def rank(place: int) -> tuple[bool, int, int, int, int]:
        file = pictures.files[place]
        return not compared.is_coloured(place), -file.pixels, -file.bytes, file.modified, place

    original, *copies = sorted(group, key=rank)
    return Copies(
        original, tuple((each, _change(pictures, compared, original, each)) for each in copies)
    )


def _change(pictures: _Pictures, compared: _Compared, original: int, copy: int) -> str:
    one, other = pictures.files[original], pictures.files[copy]
    if one.sha256 == other.sha256:
        return "the same file"
    found = compared.pair(original, copy) or compared.pair(original, copy, mirrored=True)
    if found is None:
        return "a copy of another copy"
    left, _, right, _ = found.box
    shown = (right - left) / (found.other_box[2] - found.other_box[0])
    scale = other.width / (one.width * shown) if one.width else 1.0
    changes = []
    if found.mirrored:
        changes.append("mirrored")
    if found.box != Likeness().box:
        changes.append(f"cropped to {_area(found.box):.0%}")
    if found.other_box != Likeness().box:
        changes.append(f"shows {1 / _area(found.other_box):.0%}")
    if abs(scale - 1) > _RESIZED:
        changes.append(f"{scale:.0%} of the size")
    if compared.is_coloured(original) and not compared.is_coloured(copy):
        changes.append("grey")
    return ", ".join(changes) or "saved again"


def _area(box: tuple[float, float, float, float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _pictures(snapshot: Snapshot, rows: Rows, places: Rows) -> _Pictures:
    hits = hits_of(snapshot, (np.zeros(len(places), np.float32), rows[places]), SIMILAR)
    files = {
        row: _File((width or 0) * (height or 0), width or 0, size or 0, modified or 0, sha256 or "")
        for row, width, height, size, modified, sha256 in snapshot.query(
            _FILES, rows[places].tolist()
        )
    }
    numbered = places.tolist()
    return _Pictures(
        dict(zip(numbered, hits, strict=True)),
        {place: files[int(rows[place])] for place in numbered},
    )


_FILES = """
SELECT "row", width, height, bytes, modified, sha256
FROM images JOIN (SELECT unnest(?) AS "row") USING ("row") LEFT JOIN inputs USING (source_id)
"""
