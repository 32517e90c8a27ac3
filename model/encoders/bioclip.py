"""BioCLIP: ViT-B/16, 512 numbers, 10.4 M images of 454 K taxa (arXiv 2311.18803)."""

from dataclasses import replace

from model.open_clip_encoder import OpenClipEncoder
from model.open_clip_encoder import load as load_open_clip


def load() -> OpenClipEncoder:
    """Load it from the Hugging Face hub, or from the hub's cache when there is no network."""
    return replace(load_open_clip("hf-hub:imageomics/bioclip"), spec="bioclip")
