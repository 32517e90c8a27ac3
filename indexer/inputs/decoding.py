"""From the bytes of a picture to RGB pixels; what they may be is limited here."""

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from indexer.inputs.extra_formats import developed, heic_formats, is_raw, suffixes
from indexer.inputs.records import Box
from model.errors import BadInput

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")
SUFFIXES = suffixes() | {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"}
SIDE = 1024
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


def decode(data: bytes, crop: Box | None = None, name: str = "") -> Decoded:
    """Decode a picture, or a part of it, upright and RGB, its longer side cut to SIDE.

    Transparent parts become white, 16-bit grey becomes 8-bit. A JPEG is decoded at a half, a
    quarter or an eighth of its size where that leaves DRAFT pixels a side: five times as fast for
    a photograph of 12 million. It bounds memory, too: a herbarium scan of 100 million pixels takes
    300 MB, shrunk 3 MB. Raises BadInput with the reason for anything that is not a whole picture
    of FORMATS, or of an extra format; `name` is what its file is called.
    """
    try:
        given = developed(data) if is_raw(name) else data
        formats = (*FORMATS, *(heic_formats() if _is_heic(data) else ()))
        with Image.open(io.BytesIO(given), formats=formats) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise BadInput(f"has more than {MAX_PIXELS:,} pixels")
            return _decoded(opened, crop or _WHOLE)
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
        small = _to_rgb(image)
    except Exception as error:  # as in decode
        raise BadInput(f"The picture cannot be used: {error}.") from error
    small = small.copy() if small is image else small
    small.thumbnail((SIDE, SIDE))
    return small


def _decoded(opened: ImageFile.ImageFile, crop: Box) -> Decoded:
    width, height = opened.size
    if opened.getexif().get(ExifTags.Base.Orientation, 1) in _ON_ITS_SIDE:
        width, height = height, width
    whole = round(DRAFT / max(min(crop.width, crop.height), 1e-3))  # so that the part has DRAFT
    opened.draft(opened.mode, (whole, whole))
    image = _to_rgb(opened)
    if crop != _WHOLE:
        image = image.crop(_pixels(crop, *image.size))
        left, top, right, bottom = _pixels(crop, width, height)
        width, height = right - left, bottom - top
    image.thumbnail((SIDE, SIDE))
    return Decoded(image, width, height)


def _pixels(crop: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of a part that has a pixel at least."""
    left, top = (
        min(max(int(share * side), 0), side - 1)
        for share, side in ((crop.left, width), (crop.top, height))
    )
    right = min(max(round((crop.left + crop.width) * width), left + 1), width)
    bottom = min(max(round((crop.top + crop.height) * height), top + 1), height)
    return left, top, right, bottom


def _to_rgb(opened: Image.Image) -> Image.Image:
    image = ImageOps.exif_transpose(opened)
    if image.mode.startswith("I;16") or image.mode == "I":
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        return Image.alpha_composite(white, coloured).convert("RGB")
    return image.convert("RGB")


def _is_heic(data: bytes) -> bool:
    return data[4:8] == b"ftyp"  # also what other films and pictures of its family begin with


def _reason(data: bytes, error: Exception) -> str:
    if not data:
        return "empty file"
    if isinstance(error, UnidentifiedImageError):
        return f"not a picture (none of {', '.join(FORMATS)})"
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {MAX_PIXELS:,} pixels"
    return f"damaged picture: {error or type(error).__name__}"
