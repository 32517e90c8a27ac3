"""A contrastive run of seconds, on drawn organisms."""

from typing import Any

from training.contrastive.recipe import ContrastiveRecipe

NETWORK: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
TINY = ContrastiveRecipe(
    pretrained="",
    network=NETWORK,
    checkpoint_activations=False,
    batch_size=8,
    steps=6,
    warmup_steps=2,
    learning_rate=1e-2,
    precision="fp32",
    workers=0,
    validate_every=2,
    seed=3,
)
