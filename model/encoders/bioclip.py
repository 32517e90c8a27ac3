"""BioCLIP: ViT-B/16, 512 numbers, 10.4 M images of 454 K taxa (arXiv 2311.18803)."""

from dataclasses import replace

from model.clip_encoder import ClipEncoder
from model.open_clip_models import load as load_open_clip
from model.runtimes import AUTO


def load(runtime: str = AUTO) -> ClipEncoder:
    """Load it from the Hugging Face hub, or from the hub's cache when there is no network."""
    return replace(load_open_clip("hf-hub:imageomics/bioclip", runtime), spec="bioclip")
