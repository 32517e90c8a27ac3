"""From the bytes of a picture to RGB pixels; what they may be is limited here."""

import io
import warnings
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError

from model.errors import BadInput

# Odd EXIF and the like: what matters raises. Once here, as decoding threads cannot set filters.
warnings.filterwarnings("ignore", module=r"PIL\.")

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP")
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp"})
SIDE = 1024  # more than twice what any encoder looks at
MAX_PIXELS = 178_956_970  # where Pillow itself stops; a herbarium sheet at 600 dpi has 100 million


def decode(data: bytes) -> Image.Image:
    """Return the upright RGB picture; transparent parts become white, 16-bit grey becomes 8-bit.

    Raises BadInput with the reason for anything that is not a whole picture of FORMATS.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise BadInput(f"has more than {MAX_PIXELS:,} pixels")
            return _to_rgb(ImageOps.exif_transpose(opened))
    except BadInput:
        raise
    except Exception as error:
        # Pillow's decoders raise nearly anything for hostile bytes: IndexError, SyntaxError, ….
        raise BadInput(_reason(data, error)) from error


def shrink(image: Image.Image) -> Image.Image:
    """Return the picture with its longer side cut to SIDE, as encoders get it.

    It bounds memory: a herbarium scan of 100 million pixels takes 300 MB, shrunk 3 MB.
    """
    image.thumbnail((SIDE, SIDE))
    return image


def decode_file(path: Path) -> Image.Image:
    """Decode and shrink a picture file; raises BadInput with its name and the reason."""
    try:
        return shrink(decode(path.read_bytes()))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error
    except BadInput as error:
        raise BadInput(f"{path} cannot be used as a picture: {error}.") from error


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16") or image.mode == "I":
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        coloured = image.convert("RGBA")
        white = Image.new("RGBA", coloured.size, "white")
        return Image.alpha_composite(white, coloured).convert("RGB")
    return image.convert("RGB")


def _reason(data: bytes, error: Exception) -> str:
    if not data:
        return "empty file"
    if isinstance(error, UnidentifiedImageError):
        return f"not a picture (none of {', '.join(FORMATS)})"
    if isinstance(error, Image.DecompressionBombError):
        return f"has more than {MAX_PIXELS:,} pixels"
    return f"damaged picture: {error or type(error).__name__}"
