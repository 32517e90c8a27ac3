"""The encoder seam: what an encoder is, and how one is loaded by its spec."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from model.plugins import load_plugin
from model.runtimes import AUTO, TORCH
from model.specs import remember
from model.vectors import Identity, Vectors

if TYPE_CHECKING:
    from PIL import Image

    from model.preprocessing import Preprocessing


class Encoder(Protocol):
    """Turns images and texts into unit vectors of one space; threads may share it."""

    @property
    def spec(self) -> str:
        """The string that loads it again."""

    @property
    def identity(self) -> Identity:
        """What makes its vectors comparable with others."""

    @property
    def dim(self) -> int:
        """The number of components of a vector."""

    def encode_images(self, images: "Sequence[Image.Image]") -> Vectors:
        """Return one unit row per RGB image: (n, dim) float16, in order."""

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit row per text: (n, dim) float16, in order."""


def load(spec: str, runtime: str = AUTO, fingerprint: str | None = None) -> Encoder:
    """Load an encoder; quickly, without torch, where the one of that fingerprint is kept compiled.

    `spec` is a file name in `model/encoders/` (`starter`, `bioclip`, `bioclip-2`, …),
    `hf-hub:OWNER/NAME`, `local-dir:DIR` or `ARCH:CHECKPOINT`. Raises UnknownName for a spec that
    is none of these, EncoderUnavailable where the weights cannot be obtained.
    """
    from model.compiled import open_compiled

    if fingerprint and runtime != TORCH and (kept := open_compiled(spec, fingerprint)):
        return kept
    encoder: Encoder
    if ":" in spec:
        from model import open_clip_models

        encoder = open_clip_models.load(spec, runtime)
    else:
        encoder = load_plugin("model.encoders", spec, noun="encoder").load(runtime)
    remember(spec, encoder.identity.fingerprint)
    return encoder


def logit_scale_of(encoder: Encoder) -> float:
    """Return the factor of cosines in an encoder's softmax; CLIP's where it states none."""
    from model.clip_encoder import CLIP_SCALE, ClipEncoder

    return encoder.logit_scale if isinstance(encoder, ClipEncoder) else CLIP_SCALE


def preprocessing_of(encoder: Encoder) -> "Preprocessing | None":
    """Return how an encoder makes pictures fit; None where it does not say."""
    from model.clip_encoder import ClipEncoder

    return encoder.preprocessing if isinstance(encoder, ClipEncoder) else None


def checked(encoder: Encoder) -> Encoder:
    """Return an encoder that compares every byte of its kept files before it encodes.

    For vectors that are written down; to open one, a sample of its large files is compared.
    """
    from model.clip_encoder import ClipEncoder

    return encoder.checked() if isinstance(encoder, ClipEncoder) else encoder
