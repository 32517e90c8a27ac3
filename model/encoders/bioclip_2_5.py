"""BioCLIP 2.5: ViT-H/14, 1,024 numbers, 233 M images."""

from dataclasses import replace

from model.open_clip_encoder import OpenClipEncoder
from model.open_clip_encoder import load as load_open_clip


def load() -> OpenClipEncoder:
    """Load it from the Hugging Face hub, or from the hub's cache when there is no network."""
    return replace(load_open_clip("hf-hub:imageomics/bioclip-2.5-vith14"), spec="bioclip-2.5")
