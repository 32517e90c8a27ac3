"""The one encoder class: preprocessing, tokenizer and a runtime that computes the two towers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from model.preprocessing import Preprocessing
from model.runtimes import SHORTEST, Runtime
from model.tokens import Tokens
from model.vectors import Features, Identity, Vectors

TEXT_BATCH = 256
MANY = 512  # texts
CLIP_SCALE = 100.0  # of OpenAI's CLIP, open_clip's models and BioCLIP after training


@dataclass(frozen=True, eq=False)
class ClipEncoder:
    """An open_clip model, wherever it is computed; threads may share it."""

    spec: str
    identity: Identity
    dim: int
    preprocessing: Preprocessing
    tokenizer: Callable[[Sequence[str]], Tokens]
    runtime: Runtime
    logit_scale: float = CLIP_SCALE
    """what it was trained to multiply cosines with before a softmax: exp of its parameter"""

    def checked(self) -> "ClipEncoder":
        """Return it so that every byte of its kept files is compared before it encodes."""
        return replace(self, runtime=self.runtime.checked())

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        """Return one unit row per RGB image: (n, dim) float16."""
        if not images:
            return np.empty((0, self.dim), np.float16)
        return _unit_rows(self.runtime.images(self.preprocessing.pixels(images)))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row per text: (n, dim) float16.

        Texts are encoded shortest first, in batches cut to their longest, where that is exact;
        of MANY the beginnings that they share are encoded once, where the runtime can.
        """
        rows = np.empty((len(texts), self.dim), np.float16)
        if not texts:
            return rows
        tokens = self.tokenizer(texts)
        if len(texts) >= MANY and (found := self.runtime.many_texts(tokens)) is not None:
            return _unit_rows(found)
        lengths = np.full(len(texts), tokens.shape[1])
        if self.runtime.cuts_texts:
            # Behind the end mark, which has the highest id, there is only padding.
            lengths = np.maximum(tokens.argmax(axis=1) + 1, SHORTEST)
        order = np.argsort(lengths, kind="stable")
        for start in range(0, len(texts), TEXT_BATCH):
            places = order[start : start + TEXT_BATCH]
            given = np.ascontiguousarray(tokens[places, : lengths[places].max()])
            rows[places] = _unit_rows(self.runtime.texts(given))
        return rows


def _unit_rows(features: Features) -> Vectors:
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    rows: Vectors = (features / np.maximum(norms, 1e-12)).astype(np.float16)
    return rows
