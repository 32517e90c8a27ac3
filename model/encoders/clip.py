"""CLIP: OpenAI's ViT-B/16, 512 numbers, 400 M pairs of the web (arXiv 2103.00020); a baseline."""

from dataclasses import replace

from model.clip_encoder import ClipEncoder
from model.open_clip_models import load as load_open_clip
from model.runtimes import AUTO

_HUB = "hf-hub:timm/vit_base_patch16_clip_224.openai"


def load(runtime: str = AUTO) -> ClipEncoder:
    """Load it from the Hugging Face hub, or from the hub's cache when there is no network."""
    return replace(load_open_clip(_HUB, runtime), spec="clip")
