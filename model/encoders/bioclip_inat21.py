"""BioCLIP trained on iNat21 only: ViT-B/16, 512 numbers, 2.7 M images; a baseline."""

from dataclasses import replace

from model.clip_encoder import ClipEncoder
from model.open_clip_models import load as load_open_clip
from model.runtimes import AUTO

_HUB = "hf-hub:imageomics/bioclip-vit-b-16-inat-only"


def load(runtime: str = AUTO) -> ClipEncoder:
    """Load it from the Hugging Face hub, or from the hub's cache when there is no network."""
    return replace(load_open_clip(_HUB, runtime), spec="bioclip-inat21")
