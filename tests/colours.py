"""A small real encoder for tests: pictures by mean colours, texts by the colours they name."""

import hashlib
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor

from model.vectors import Identity, Vectors

SIDE = 4  # a picture is 4 x 4 mean colours
WORDS = ("red", "green", "blue", "yellow", "white", "black", "purple", "orange", "lime", "navy")


class ColourEncoder:
    """Vectors are the mean colours of a 4 x 4 grid, centred: "red" finds red pictures."""

    def __init__(self, version: str = "1") -> None:
        self.spec = f"colours-{version}"
        self.dim = SIDE * SIDE * 3 + 1
        digest = hashlib.sha256(version.encode()).hexdigest()
        self.identity = Identity(digest, {"size": SIDE}, "colour words")
        self.images_encoded = 0

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        self.images_encoded += len(images)
        grids = [np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)) for image in images]
        return self._unit(np.array(grids, np.float32).reshape(len(images), -1))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return self._unit(np.array([self._colour(text) for text in texts], np.float32))

    def _colour(self, text: str) -> np.ndarray:
        named = [word for word in WORDS if word in text.lower()]
        colours = [ImageColor.getrgb(word) for word in named] or [(128, 128, 128)]
        return np.tile(np.mean(colours, axis=0), SIDE * SIDE)

    def _unit(self, colours: np.ndarray) -> Vectors:
        if not len(colours):
            return np.empty((0, self.dim), np.float16)
        centred = np.c_[colours / 127.5 - 1, np.full(len(colours), 0.1)]
        return (centred / np.linalg.norm(centred, axis=1, keepdims=True)).astype(np.float16)
