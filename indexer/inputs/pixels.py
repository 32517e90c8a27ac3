"""From a picture as it was opened to upright RGB, in memory that does not grow with its size."""

import ctypes
from functools import cache
from pathlib import Path

import numpy as np
import PIL
from PIL import ExifTags, Image, ImageOps

LARGE = 24_000_000  # pixels; more than a photograph has are made small strip by strip
_STRIP = 64  # rows of the small picture at a time
_BITS_PER_SAMPLE = 258  # a tag of TIFF
_SCALES = ((1, 255), (255, 1), (4095, 1 / 16), (65535, 1 / 256))  # by the largest value
_DARK = 16  # of 255: nothing can be seen


def upright_rgb(opened: Image.Image, side: int) -> tuple[Image.Image, str]:
    """Return a picture upright and RGB, and a note where it can hardly be seen.

    Transparent parts become white; grey of 12 or 16 bits becomes 8-bit, and so does grey of 32
    bits, whole or real numbers, by the least of 1, 8, 12 and 16 bits that holds its brightest
    value. One of more than LARGE pixels is shrunk as far as its longer side keeps `side` pixels.
    """
    if opened.format == "TIFF":
        _silence_libtiff()
    depth = _depth(opened)
    scale = _scale(opened, depth)
    longest, pixels = max(opened.size), opened.width * opened.height
    if pixels > LARGE and longest > side:
        image = _shrunk(opened, longest // side, scale)
    else:
        image = _rgb(ImageOps.exif_transpose(opened), scale)
    return image, _note(image, depth)


def _shrunk(opened: Image.Image, factor: int, scale: float) -> Image.Image:
    width, height = opened.size
    small = Image.new("RGB", (-(-width // factor), -(-height // factor)))
    for top in range(0, height, _STRIP * factor):
        strip = opened.crop((0, top, width, min(top + _STRIP * factor, height)))
        small.paste(_rgb(strip, scale).reduce(factor), (0, top // factor))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = opened.getexif().get(ExifTags.Base.Orientation, 1)
    small.info["exif"] = exif.tobytes()
    return ImageOps.exif_transpose(small)


def _rgb(image: Image.Image, scale: float) -> Image.Image:
    if _is_deep(image):
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=np.inf) * scale
        image = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        return Image.alpha_composite(white, coloured).convert("RGB")
    return image.convert("RGB")


def _is_deep(image: Image.Image) -> bool:
    return image.mode.startswith("I;16") or image.mode in ("I", "F")


def _depth(opened: Image.Image) -> int:
    """Return the bits of a value of grey: 8, 12, 16 or 32."""
    if not _is_deep(opened):
        return 8
    if opened.mode == "F":
        return 32
    tags = getattr(opened, "tag_v2", {})
    bits = int((tags.get(_BITS_PER_SAMPLE) or (16,))[0])
    return bits if 8 < bits < 16 or bits == 32 else 16


def _scale(opened: Image.Image, depth: int) -> float:
    """Return the factor that makes values of grey those of 8 bits."""
    if depth < 32:
        return float(2 ** (8 - depth))
    values = np.asarray(opened)
    peak = float(np.max(values, initial=0, where=np.isfinite(values)))
    return next((scale for white, scale in _SCALES if peak <= white), 255 / peak)


def _note(image: Image.Image, depth: int) -> str:
    if depth == 8:
        return ""
    brightest = int(np.asarray(image.convert("L")).max())
    if not 0 < brightest < _DARK:
        return ""
    return f"nearly black: its brightest value is {brightest} of 255, out of {depth} bits"


@cache
def _silence_libtiff() -> None:
    """Keep Pillow's own libtiff from writing to the terminal; what is wrong raises anyway."""
    around = Path(PIL.__file__).parent
    for path in (*around.parent.glob("[pP]illow.libs/libtiff*"), *around.glob(".dylibs/libtiff*")):
        library = ctypes.CDLL(str(path))
        library.TIFFSetErrorHandler(None)
        library.TIFFSetWarningHandler(None)
