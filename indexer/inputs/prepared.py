"""A picture prepared for a run: as its encoder looks at it, its hash and its thumbnail."""

from collections.abc import Callable
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
    """The parts of a picture that are wanted beside its size and its hash."""

    image: bool = True
    thumbnail: bool = False
    preprocessing: Callable[[], Preprocessing | None] | None = None
    """returns that of the encoder which will look at the image, asked when there is one to be made
    fit; None leaves it as it was decoded"""


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
    fit = wanted.preprocessing() if image and wanted.preprocessing else None
    image = fit.fitted(image) if image and fit else image
    return Prepared(
        image,
        decoded.width,
        decoded.height,
        perceptual_hash(decoded.image),
        thumbnail_of(decoded.image) if wanted.thumbnail else b"",
        decoded.note,
    )
