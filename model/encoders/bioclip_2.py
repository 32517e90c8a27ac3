"""BioCLIP 2: ViT-L/14, 768 numbers, 214 M images of 952 K taxa (arXiv 2505.23883)."""

from dataclasses import replace

from model.clip_encoder import ClipEncoder
from model.open_clip_models import load as load_open_clip
from model.runtimes import AUTO


def load(runtime: str = AUTO) -> ClipEncoder:
    """Load it from the Hugging Face hub, or from the hub's cache when there is no network."""
    return replace(load_open_clip("hf-hub:imageomics/bioclip-2", runtime), spec="bioclip-2")
