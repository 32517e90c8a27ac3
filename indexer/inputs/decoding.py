"""From the bytes of a picture to RGB pixels; what they may be is limited here."""

import io
import re
import threading
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError, features

from indexer.inputs.extra_formats import (
    developed,
    heic_formats,
    is_raw,
    left_out,
    suffixes,
)
from indexer.inputs.pixels import LARGE, upright_rgb
from indexer.inputs.records import Box
from indexer.inputs.status import CUT_SHORT
from model.errors import BadInput

FORMATS = (
    *("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"),
    *(("AVIF",) if features.check("avif") else ()),
    *(("JPEG2000",) if features.check("jpg_2000") else ()),
)
_SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".jpx"),
}
SUFFIXES = suffixes().union(*(_SUFFIXES[name] for name in FORMATS))
LEFT_OUT = left_out(SUFFIXES)
"""kinds of picture that are not read here, by the endings of their files"""
SIDE = 1024
_JPEG, _END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"
_GREY = 128  # of what a JPEG lacks
_LEAST = 0.1  # of a picture's rows
ONE_LARGE = threading.Lock()
"""held while a picture of gigabytes is decoded"""
_WHOLE = Box(0, 0, 1, 1)
DRAFT = 512  # more than twice what any BioCLIP looks at
_ON_ITS_SIDE = (5, 6, 7, 8)  # EXIF orientations
MAX_PIXELS = 178_956_970  # where Pillow itself stops; a herbarium sheet at 600 dpi has 100 million


@dataclass(frozen=True, slots=True)
class Decoded:
    """A picture made small, and the size of the whole one as it is looked at."""

    image: Image.Image
    width: int
    height: int
    note: str = ""
    """what is odd about it, for people; "" for most"""


def decode(
    data: bytes,
    crop: Box | None = None,
    name: str = "",
    side: int | None = None,
    turn: AbstractContextManager[object] = ONE_LARGE,
) -> Decoded:
    """Decode a picture, or a part of it, upright and RGB, its longer side cut to `side`, or SIDE.

    Transparent parts become white, 16-bit grey becomes 8-bit. A JPEG is decoded at a half, a
    quarter or an eighth of its size where that leaves `side` pixels, or DRAFT, a side: five times
    as fast for a photograph of 12 million. It bounds memory, too: a herbarium scan of 100 million
    pixels takes 300 MB, shrunk 3 MB. Of a JPEG that is cut short its beginning is shown, with a
    note. Raises BadInput with the reason for anything else that is not a whole picture of FORMATS,
    or of an extra format; `name` is what its file is called, and `turn`
    is entered while a large picture is decoded.
    """
    try:
        given = developed(data) if is_raw(name) else data
        part = crop or _WHOLE
        try:
            return _decoded(given, part, side, turn)
        except OSError as error:
            if not (given.startswith(_JPEG) and "truncated" in str(error)):
                raise
            return _begun(_decoded(given + _END_OF_JPEG, part, side, turn))
    except BadInput:
        raise
    except Exception as error:
        # Pillow's decoders raise nearly anything for hostile bytes: IndexError, SyntaxError, ….
        raise BadInput(_reason(data, error)) from error


def decode_file(path: Path) -> Image.Image:
    """Decode a picture file, small; raises BadInput with its name and the reason."""
    try:
        return decode(path.read_bytes(), name=path.name).image
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except BadInput as error:
        raise BadInput(f"{path} cannot be used as a picture: {error}.") from error


def small_rgb(image: Image.Image) -> Image.Image:
    """Return a picture in memory as `decode` returns one of a file; the given one stays as it is.

    Raises BadInput for one without pixels, or that Pillow cannot convert.
    """
    if not (image.width and image.height):
        raise BadInput(f"The picture has no pixels: it is {image.width} × {image.height}.")
    try:
        small = upright_rgb(image, 2 * SIDE)[0]
    except Exception as error:  # as in decode
        raise BadInput(f"The picture cannot be used: {error}.") from error
    small = small.copy() if small is image else small
    small.thumbnail((SIDE, SIDE))
    return small


def _decoded(
    data: bytes, crop: Box, side: int | None, turn: AbstractContextManager[object]
) -> Decoded:
    formats = (*FORMATS, *(heic_formats() if _is_heic(data) else ()))
    with Image.open(io.BytesIO(data), formats=formats) as opened:
        width, height = opened.size
        if width * height > MAX_PIXELS:
            raise BadInput(f"has more than {MAX_PIXELS:,} pixels")
        # Threads decode at once, but only one of them a picture of gigabytes.
        with turn if width * height > LARGE else nullcontext():
            return _small(opened, crop, side)


def _small(opened: ImageFile.ImageFile, crop: Box, side: int | None) -> Decoded:
    width, height = opened.size
    if opened.getexif().get(ExifTags.Base.Orientation, 1) in _ON_ITS_SIDE:
        width, height = height, width
    part = max(min(crop.width, crop.height), 1e-3)
    whole = round((side or DRAFT) / part)  # so that the part has as many
    longest = side or SIDE
    # The encoder looks at the shorter side, a person at the longer one.
    draft = [whole * each // max(opened.size) or 1 if side else whole for each in opened.size]
    opened.draft(opened.mode, (draft[0], draft[1]))
    image, note = upright_rgb(opened, round(2 * longest / part))
    if crop != _WHOLE:
        image = image.crop(_pixels(crop, *image.size))
        left, top, right, bottom = _pixels(crop, width, height)
        width, height = right - left, bottom - top
    image.thumbnail((longest, longest))
    return Decoded(image, width, height, note)


def _begun(decoded: Decoded) -> Decoded:
    """Note what is there of a JPEG that was cut short; raises BadInput where that is too little."""
    rows = np.asarray(decoded.image, np.int16)
    seen = np.flatnonzero((np.abs(rows - _GREY) > 2).any(axis=(1, 2)))
    share = (int(seen[-1]) + 1) / len(rows) if len(seen) else 0.0
    if share < _LEAST:
        raise BadInput(f"damaged picture: cut short, less than {_LEAST:.0%} of it is there")
    return replace(decoded, note=f"{CUT_SHORT}: {share:.0%} of its rows are there")


def _pixels(crop: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a part that has a pixel at least."""
    left, top = (
        min(max(int(share * side), 0), side - 1)
        for share, side in ((crop.left, width), (crop.top, height))
    )
    right = min(max(round((crop.left + crop.width) * width), left + 1), width)
    bottom = min(max(round((crop.top + crop.height) * height), top + 1), height)
    return left, top, right, bottom


def _is_heic(data: bytes) -> bool:
    return data[4:8] == b"ftyp"  # also what other films and pictures of its family begin with


def _reason(data: bytes, error: Exception) -> str:
    if not data:
        return "empty file"
    if isinstance(error, UnidentifiedImageError):
        return f"not a picture (none of {', '.join(FORMATS)})"
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {MAX_PIXELS:,} pixels"
    if re.fullmatch(r"decoder error -\d+", str(error)):
        return "damaged picture: its data cannot be unpacked"
    return f"damaged picture: {error or type(error).__name__}"
