"""What a run keeps of a picture: made small, as its encoder looks at it, hashed, its thumbnail."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from PIL import Image

from indexer.inputs.decoding import ONE_LARGE, decode
from indexer.inputs.perceptual_hash import perceptual_hash
from indexer.inputs.records import Box
from indexer.inputs.thumbnails import thumbnail_of
from model.preprocessing import Preprocessing


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a picture is wanted beside its size and its hash."""

    image: bool = True
    preprocessing: Preprocessing | None = None
    """of the encoder that will look at the image; None leaves it as it was decoded"""
    thumbnail: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A picture as a run needs it."""

    image: Image.Image | None
    """RGB; None where it is not wanted"""
    width: int
    """of the whole picture as it is looked at, in pixels"""
    height: int
    hash: int
    """perceptual"""
    thumbnail: bytes
    """a JPEG; b"" where it is not wanted"""
    note: str
    """what is odd about it, for people"""


def prepare(
    data: bytes,
    crop: Box | None,
    name: str,
    wanted: Wanted,
    turn: AbstractContextManager[object] = ONE_LARGE,
) -> Prepared:
    """Decode a picture and return what is wanted of it; raises BadInput as `decode` does."""
    decoded = decode(data, crop, name, turn=turn)
    image = decoded.image if wanted.image else None
    if image and wanted.preprocessing:
        image = wanted.preprocessing.fitted(image)
    return Prepared(
        image,
        decoded.width,
        decoded.height,
        perceptual_hash(decoded.image),
        thumbnail_of(decoded.image) if wanted.thumbnail else b"",
        decoded.note,
    )
