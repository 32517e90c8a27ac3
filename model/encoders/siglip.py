"""SigLIP: ViT-L/16 at 256 px, 1,024 numbers, WebLI (arXiv 2303.15343); needs taxalens[siglip]."""

from dataclasses import replace

from model.clip_encoder import ClipEncoder
from model.open_clip_models import load as load_open_clip
from model.runtimes import AUTO

_HUB = "hf-hub:timm/ViT-L-16-SigLIP-256"


def load(runtime: str = AUTO) -> ClipEncoder:
    """Load it from the Hugging Face hub, or from the hub's cache when there is no network."""
    return replace(load_open_clip(_HUB, runtime), spec="siglip")
