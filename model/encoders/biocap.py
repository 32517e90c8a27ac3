"""BioCAP: ViT-B/16, 512 numbers, BioCLIP's images with synthetic captions."""

from dataclasses import replace

from model.open_clip_encoder import OpenClipEncoder
from model.open_clip_encoder import load as load_open_clip


def load() -> OpenClipEncoder:
    """Load it from the Hugging Face hub, or from the hub's cache when there is no network."""
    return replace(load_open_clip("hf-hub:imageomics/biocap"), spec="biocap")
