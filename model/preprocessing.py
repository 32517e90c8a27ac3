"""From an RGB picture to the pixels that an encoder declares, as open_clip would, without torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Pixels = npt.NDArray[np.float32]
"""(n, 3, height, width), normalised."""

_INTERPOLATION = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "random": Image.Resampling.BICUBIC,  # in training only
}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How pictures are resized, cropped and normalised: open_clip's `PreprocessCfg`."""

    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str
    resize_mode: str
    """"shortest" (resize and crop), "longest" (resize and pad) or "squash" """
    fill_color: int

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> "Preprocessing":
        """Read a `preprocess_cfg` that lacks nothing."""
        size = config["size"]
        height, width = (size, size) if isinstance(size, int) else size
        mean, std = tuple(config["mean"]), tuple(config["std"])
        kind, mode, fill = (config[key] for key in ("interpolation", "resize_mode", "fill_color"))
        return cls(height, width, mean, std, kind, mode, fill)

    def pixels(self, images: Sequence[Image.Image]) -> Pixels:
        """Return the pictures as (n, 3, height, width) float32."""
        stack = np.stack([np.asarray(self.fitted(image)) for image in images])
        mean, std = (np.array(values, np.float32) for values in (self.mean, self.std))
        normalised = (stack.astype(np.float32) / 255 - mean) / std
        return np.ascontiguousarray(normalised.transpose(0, 3, 1, 2))

    def fitted(self, image: Image.Image) -> Image.Image:
        """Return an RGB picture of this height and width; one that was fitted stays as it is."""
        width, height = self._resized(*image.size)
        if (width, height) != image.size:
            image = image.resize((width, height), _INTERPOLATION[self.interpolation])
        return self._cropped_or_padded(image)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        if self.resize_mode == "squash":
            return self.width, self.height
        if self.resize_mode == "shortest" and self.width == self.height:  # torchvision's Resize
            short, long = sorted((width, height))
            longer = int(self.width * long / short)
            return (self.width, longer) if width <= height else (longer, self.width)
        choose = max if self.resize_mode == "longest" else min
        ratio = choose(height / self.height, width / self.width)
        return max(1, round(width / ratio)), max(1, round(height / ratio))

    def _cropped_or_padded(self, image: Image.Image) -> Image.Image:
        more_w, more_h = max(0, self.width - image.width), max(0, self.height - image.height)
        if more_w or more_h:
            fill = (self.fill_color if self.resize_mode == "longest" else 0,) * 3
            border = (more_w // 2, more_h // 2, (more_w + 1) // 2, (more_h + 1) // 2)
            image = ImageOps.expand(image, border, fill)
        left = round((image.width - self.width) / 2)
        top = round((image.height - self.height) / 2)
        return image.crop((left, top, left + self.width, top + self.height))
