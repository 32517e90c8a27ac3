"""BioCLIP 2: ViT-L/14, 768 numbers, 214 M images of 952 K taxa (arXiv 2505.23883)."""

from dataclasses import replace

from model.open_clip_encoder import OpenClipEncoder
from model.open_clip_encoder import load as load_open_clip


def load() -> OpenClipEncoder:
    """Load it from the Hugging Face hub, or from the hub's cache when there is no network."""
    return replace(load_open_clip("hf-hub:imageomics/bioclip-2"), spec="bioclip-2")
