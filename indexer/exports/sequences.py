"""Sequences: photographs of one camera whose times lie close together, as a trap takes them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from indexer.catalog.snapshot import Snapshot
from indexer.exports.camtrap.rows import DEPLOYMENT, TIME, first, moment_of
from indexer.exports.event_dates import event_date
from indexer.inputs.records import CROP_MARK
from model.errors import BadInput

SEQUENCE = "sequence"
"""a way to group"""
_TOGETHER = 10_000  # images in memory at once


class Taken(NamedTuple):
    """The camera and the time of a photograph; None where no time of day is known."""

    camera: str
    time: datetime | None


def taken(metadata: Mapping[str, str], folder: str, path: Path | None) -> Taken:
    """Return the camera and the time of a photograph.

    The camera is what metadata say (`deploymentID`, `locationID`, `site` …), else the folder; the
    time is that of a date column (`eventDate`, `timestamp` …) with a time of day, else EXIF's.
    """
    camera = first(metadata, DEPLOYMENT) or folder
    stated = first(metadata, TIME)
    time = _time(stated)
    if time is None and path:
        time = _time(_exif_time(path))
    return Taken(camera, time)


def gap_of(seconds: object, group_by: str = "") -> timedelta:
    """Return the longest time between two photographs of a sequence; raises BadInput."""
    if group_by not in ("", SEQUENCE):
        raise BadInput(f"Group by {group_by!r} or by sequences, not by both.")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 < seconds < 1e9:
        raise BadInput(f"sequence is a number of seconds above 0, such as 60, not {seconds!r}.")
    return timedelta(seconds=seconds)


def sequences_of(photographs: Sequence[Taken], gap: timedelta) -> list[str]:
    """Return the name of each photograph's sequence, "" for one without a time.

    A sequence goes on while the next photograph of its camera is at most `gap` later; its name is
    the camera and the time at which it begins.
    """
    names = [""] * len(photographs)
    known = [(each.camera, each.time, place) for place, each in enumerate(photographs) if each.time]
    before: tuple[str, datetime] | None = None
    name = ""
    for camera, time, place in sorted(known):
        if before is None or before[0] != camera or time - before[1] > gap:
            name = f"{camera} {time:%Y-%m-%d %H:%M:%S}".strip()
        names[place], before = name, (camera, time)
    return names


def sequences(snapshot: Snapshot, gap: timedelta) -> dict[int, str]:
    """Return the name of the sequence of each row; photographs without a time have none."""
    rows, photographs = [], []
    for row, each in _photographs(snapshot):
        rows.append(row)
        photographs.append(each)
    names = sequences_of(photographs, gap)
    return {row: name for row, name in zip(rows, names, strict=True) if name}


def _photographs(snapshot: Snapshot) -> Iterator[tuple[int, Taken]]:
    """Yield the rows and what is known of each; the parts of a photograph read its file once."""
    found = snapshot.cursor().execute(_IMAGES)
    last, known = "", Taken("", None)
    while lines := found.fetchmany(_TOGETHER):
        for row, source_id, url, metadata in lines:
            whole = source_id.partition(CROP_MARK)[0]
            if whole != last:
                path = None if url else snapshot.path_of(source_id)
                last, known = whole, taken(metadata or {}, whole.rpartition("/")[0], path)
            yield row, known


def _time(text: str) -> datetime | None:
    moment = moment_of(text) if "T" in event_date(text) else None
    return moment.time if moment else None


def _exif_time(path: Path) -> str:
    """Return the time at which a picture file says it was taken, "" where it says none."""
    from PIL import ExifTags, Image

    try:
        with Image.open(path) as image:
            exif = image.getexif()
            about = exif.get_ifd(ExifTags.IFD.Exif)
    except Exception:  # as in decoding: anything, for hostile bytes
        return ""
    told = about.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime)
    return str(told or "").strip("\0 ")


_IMAGES = 'SELECT "row", source_id, url, metadata FROM images ORDER BY source_id'
