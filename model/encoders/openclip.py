"""OpenCLIP: ViT-B/16, 512 numbers, LAION-2B (arXiv 2212.07143); a baseline."""

from dataclasses import replace

from model.clip_encoder import ClipEncoder
from model.open_clip_models import load as load_open_clip
from model.runtimes import AUTO

_HUB = "hf-hub:laion/CLIP-ViT-B-16-laion2B-s34B-b88K"


def load(runtime: str = AUTO) -> ClipEncoder:
    """Load it from the Hugging Face hub, or from the hub's cache when there is no network."""
    return replace(load_open_clip(_HUB, runtime), spec="openclip")
