"""The pictures of a query: path, bytes, PIL image, array or vector, whichever is at hand."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from indexer.inputs.decoding import decode, decode_file, small_rgb
from model.encoder import Encoder
from model.errors import BadInput
from model.vectors import Vectors

Given = str | os.PathLike[str] | bytes | Image.Image | npt.NDArray[np.generic]
"""One picture: a file, its bytes, a PIL image, an array (height, width, 3) uint8, or the vector of
a picture, (dim,) float"""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture of a query; a file is read when it is embedded."""

    name: str
    content: Path | Image.Image | npt.NDArray[np.float32]
    """a file, decoded pixels, or a (dim,) unit vector"""


def pictures_of(given: Given | Sequence[Given], dim: int) -> tuple[Picture, ...]:
    """Check one picture or several; raises BadInput for any that cannot be one.

    `dim` is the length of the collection's vectors.
    """
    several = [given] if isinstance(given, _KINDS) else list(given)
    if not several:
        raise BadInput("The list of pictures is empty; name at least one.")
    return tuple(_picture(each, dim) for each in several)


def unit_vectors(pictures: Sequence[Picture], encoder: Callable[[], Encoder]) -> Vectors:
    """Return the vector of each picture, (n, dim) unit rows; given vectors need no encoder.

    Raises BadInput for a file that cannot be decoded.
    """
    images = [_decoded(each.content) for each in pictures if not _is_vector(each)]
    encoded = iter(encoder().encode_images(images) if images else ())
    rows = [each.content if _is_vector(each) else next(encoded) for each in pictures]
    return np.stack([np.asarray(row, np.float32) for row in rows]).astype(np.float16)


def _picture(given: object, dim: int) -> Picture:
    match given:
        case str() | os.PathLike():
            path = Path(given)
            if not path.is_file():
                raise BadInput(f"There is no picture file {path}.")
            return Picture(path.name, path)
        case bytes():
            try:
                return Picture("a picture", decode(given).image)
            except BadInput as error:
                raise BadInput(f"The bytes given as a picture cannot be used: {error}.") from error
        case Image.Image():
            return Picture("a picture", small_rgb(given))
        case np.ndarray() if given.ndim == 3:
            if given.dtype == np.uint8 and given.shape[2] == 3 and given.size:
                return Picture("a picture", small_rgb(Image.fromarray(given)))
        case np.ndarray() if given.shape == (dim,) and given.dtype.kind == "f":
            length = float(np.linalg.norm(given.astype(np.float64)))
            if not (np.isfinite(length) and length > 0):
                raise BadInput("The vector given as a picture has no direction: it is 0 or NaN.")
            return Picture("a vector", (given.astype(np.float64) / length).astype(np.float32))
    kind = f"{given.dtype} {given.shape}" if isinstance(given, np.ndarray) else type(given).__name__
    raise BadInput(
        f"A picture is a path, bytes, a PIL image, an array (height, width, 3) of uint8 or "
        f"a vector of {dim} floats, not {kind}."
    )


def _is_vector(picture: Picture) -> bool:
    return isinstance(picture.content, np.ndarray)


def _decoded(content: object) -> Image.Image:
    return content if isinstance(content, Image.Image) else decode_file(Path(str(content)))


_KINDS = (str, os.PathLike, bytes, Image.Image, np.ndarray)
