"""Pictures that need an extra of taxalens: HEIC of telephones, raw files of cameras."""

import io
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

HEIC = frozenset({".heic", ".heif"})
RAW = frozenset(
    {".dng", ".cr2", ".cr3", ".nef", ".nrw", ".arw", ".orf", ".raf", ".rw2", ".pef", ".srw"}
)
_EXTRAS = ((HEIC, "pillow_heif"), (RAW, "rawpy"))


_NOT_READ = {
    ".jxl": "JPEG XL",
    ".jxr": "JPEG XR",
    ".psd": "Photoshop",
    ".svg": "SVG",
    ".xcf": "GIMP",
    ".tga": "TGA",
    ".exr": "OpenEXR",
    ".ppm": "PPM",
    ".pgm": "PGM",
    ".avif": "AVIF",
    ".jp2": "JPEG 2000",
    ".j2k": "JPEG 2000",
    ".jpx": "JPEG 2000",
}
FILMS = frozenset(
    {".mp4", ".m4v", ".avi", ".mov", ".mkv", ".wmv", ".mpg", ".mpeg", ".mts", ".3gp", ".webm"}
)
INSTALL = {
    "a film": "save its frames as JPEG",
    "HEIC": "pip install taxalens[heic]",
    "a camera's raw file": "pip install taxalens[raw]",
}


def left_out(read: frozenset[str]) -> dict[str, str]:
    """Return the kinds of picture and film, by the endings of files, that are not read here."""
    kinds = dict.fromkeys(FILMS, "a film") | dict.fromkeys(HEIC, "HEIC")
    kinds |= dict.fromkeys(RAW, "a camera's raw file")
    return {name: kind for name, kind in (_NOT_READ | kinds).items() if name not in read}


def suffixes() -> frozenset[str]:
    """Return the endings of files that can be read here besides Pillow's own."""
    return frozenset().union(*(names for names, package in _EXTRAS if find_spec(package)))


@cache
def heic_formats() -> tuple[str, ...]:
    """Return the names of Pillow's formats that come with pillow-heif; none where it is not."""
    if not find_spec("pillow_heif"):
        return ()
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return ("HEIF",)


def is_raw(name: str) -> bool:
    """Tell by its name whether a file is a camera's raw file, which can be read here."""
    return Path(name).suffix.lower() in RAW and find_spec("rawpy") is not None


def developed(raw: bytes) -> bytes:
    """Return a raw file as a picture that Pillow reads: the JPEG in it, else it is developed.

    The JPEG is what the camera showed, a tenth of a second instead of some; developing is done at
    half the size. Raises rawpy.LibRawError for what is no raw file.
    """
    import rawpy

    with rawpy.imread(io.BytesIO(raw)) as opened:
        try:
            preview = opened.extract_thumb()
            if preview.format == rawpy.ThumbFormat.JPEG:
                return bytes(preview.data)
        except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
            pass
        picture = io.BytesIO()
        Image.fromarray(opened.postprocess(half_size=True)).save(picture, "PNG", compress_level=1)
    return picture.getvalue()
