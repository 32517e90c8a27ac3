"""Two pictures compared: whether one shows what the other does, pixel by pixel, or a part of it.

A vector or a hash says that two pictures are alike, as those of a burst are. A copy differs from
its original nowhere by more than what saving it again costs; in another moment something moved, and
there a block of pixels differs by as much as it varies. The part that a crop shows is found by
Gauss and Newton's method on the sides of its box (Lucas & Kanade 1981), from coarse to fine.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from search.audit.label_classes import Numbers

Floats = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, right, bottom, shares of the sides

KEPT = 512  # pixels of the longer side that a comparison looks at
_SIDE = 128  # of the finest grid on which pictures are compared
_OVERSAMPLED = 1.25  # a grid is so much coarser than the smaller picture
_BLOCK = 8  # pixels a side
_LIMIT = 0.4  # of a block's spread: copies reach .37, video frames 0.2 s apart are above .46
_LIMIT_OF_PART = 0.3  # the same of crops, .25 of which .98 reach; a camera that turns, .31
_NOISE = 4.0  # levels of 255 by which a block may differ anyway
_LEAST = 6.0  # levels: a picture of less spread shows too little to compare
_HOPELESS = 2.5  # of a coarse grid, where the fine one is not tried
_LEVELS = ((4, 20), (2, 8), (1, 6))  # how much coarser a grid is, and the steps taken on it
_PART = 0.7  # of each side that a crop shows at least
_GAIN = (0.6, 1.6)  # of contrast
_COLOURED = 4.0  # levels by which the channels of a colour picture differ
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture as it is compared."""

    grey: Image.Image
    is_coloured: bool


@dataclass(frozen=True, slots=True)
class Likeness:
    """How one picture shows what another does."""

    mirrored: bool = False
    box: Box = _WHOLE
    """the part of the one that the other shows"""
    other_box: Box = _WHOLE
    """the part of the other that the one shows"""


def picture_of(image: Image.Image) -> Picture:
    """Return a picture, RGB, as it is compared."""
    few = np.asarray(image.resize((_BLOCK, _BLOCK), Image.Resampling.BOX), np.float32)
    spread = float((few.max(axis=2) - few.min(axis=2)).max())
    return Picture(image.convert("L"), spread >= _COLOURED)


def likeness(one: Picture, other: Picture, mirrored: bool) -> Likeness | None:
    """Return how the other picture is a copy of the one, or the other way round; None if neither.

    `mirrored` is tried first, then its opposite.
    """
    for turned in (mirrored, not mirrored):
        against = ImageOps.mirror(other.grey) if turned else other.grey
        if found := _found(one.grey, against, is_cheap=turned != mirrored):
            return replace(found, mirrored=turned)
    return None


def _found(one: Image.Image, other: Image.Image, is_cheap: bool) -> Likeness | None:
    size = _grid(one, other)
    pixels = _pixels(other, size)
    if min(pixels.std(), _pixels(one, size).std()) < _LEAST:
        return None
    if _difference(_pixels(one, size), pixels) <= _LIMIT:
        return Likeness()
    if is_cheap:
        return None
    if box := _box_of(one, other, size):
        return Likeness(box=box)
    if box := _box_of(other, one, size):
        return Likeness(other_box=box)
    return None


def _grid(one: Image.Image, other: Image.Image) -> tuple[int, int]:
    """Return the width and the height on which both are compared."""
    side = min(_SIDE, *(int(max(each.size) / _OVERSAMPLED) for each in (one, other)))
    ratio = np.sqrt(one.width / one.height * other.width / other.height)
    width, height = (side, side / ratio) if ratio >= 1 else (side * ratio, side)
    return max(int(width), 2 * _BLOCK), max(int(height), 2 * _BLOCK)


def _pixels(image: Image.Image, size: tuple[int, int], box: Box = _WHOLE) -> Floats:
    left, top, right, bottom = box
    part = (left * image.width, top * image.height, right * image.width, bottom * image.height)
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, part), np.float32)


def _difference(one: Floats, other: Floats) -> float:
    """Return by how much the worst block differs, in its own spread, after contrast and light."""
    spread = one - one.mean()
    gain = float((spread * (other - other.mean())).sum() / max(float((spread**2).sum()), 1e-6))
    if not _GAIN[0] < gain < _GAIN[1]:
        return np.inf
    rest = _blocks(other - other.mean() - gain * spread)
    own = np.minimum(_blocks(other).std(axis=1), gain * _blocks(one).std(axis=1))
    return float((np.sqrt((rest**2).mean(axis=1)) / (own + _NOISE)).max())


def _blocks(pixels: Floats) -> Floats:
    """Return the pixels of each block, (blocks, pixels)."""
    height, width = (side // _BLOCK for side in pixels.shape)
    cut = pixels[: height * _BLOCK, : width * _BLOCK].reshape(height, _BLOCK, width, _BLOCK)
    return cut.transpose(0, 2, 1, 3).reshape(height * width, -1)


def _box_of(whole: Image.Image, part: Image.Image, size: tuple[int, int]) -> Box | None:
    """Return the part of a picture that another one shows; None where it shows none."""
    box = np.array(_WHOLE)
    for coarser, steps in _LEVELS:
        grid = max(size[0] // coarser, _BLOCK), max(size[1] // coarser, _BLOCK)
        target = _pixels(part, grid)
        for _ in range(steps):
            step = _step(_pixels(whole, grid, tuple(box)), target, box)
            before, box = box, np.clip(box + step, 0, 1)
            if min(box[2] - box[0], box[3] - box[1]) < _PART:
                return None
            if np.abs(box - before).max() < 1e-4:
                break
        found: Box = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
        difference = _difference(_pixels(whole, grid, found), target)
        if difference > (_HOPELESS if coarser > 1 else _LIMIT_OF_PART):
            return None
    return found


def _step(shown: Floats, target: Floats, box: Numbers) -> Floats:
    """Return by how much the sides of a box move, to show rather what the target does."""
    height, width = shown.shape
    across = (np.arange(width, dtype=np.float32) + 0.5) / width
    down = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
    by_y, by_x = np.gradient(shown)
    by_x, by_y = by_x * width / (box[2] - box[0]), by_y * height / (box[3] - box[1])
    columns = [by_x * (1 - across), by_y * (1 - down), by_x * across, by_y * down, shown]
    columns.append(np.ones_like(shown))
    matrix = np.stack(columns, axis=-1).reshape(-1, len(columns)).astype(np.float64)
    normal = matrix.T @ matrix
    normal[np.diag_indices(4)] *= 1 + 1e-3
    normal[np.diag_indices(len(columns))] += 1e-3
    solved = np.linalg.solve(normal, matrix.T @ target.ravel())
    step: Floats = solved[:4] / max(float(solved[4]), 0.3)
    return step
