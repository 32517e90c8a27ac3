"""A seeded random open_clip network in a folder, for tests that need an encoder of one's own."""

import json
import math
from pathlib import Path

import open_clip
import torch
from safetensors.torch import save_file


def write_tower(folder: Path, width: int = 32, seed: int = 0, scale: float = 100.0) -> Path:
    """Write a small ViT and text tower, by the seed alone; its softmax has a scale."""
    torch.manual_seed(seed)
    vision = {"image_size": 32, "layers": 1, "width": width, "patch_size": 16, "head_width": 16}
    text = {"context_length": 77, "vocab_size": 49408, "width": width, "heads": 2, "layers": 1}
    made = {"embed_dim": width, "vision_cfg": vision, "text_cfg": text}
    network = open_clip.CLIP(**made, init_logit_scale=math.log(scale))
    folder.mkdir(parents=True)
    save_file(
        {name: tensor.contiguous() for name, tensor in network.state_dict().items()},
        str(folder / "open_clip_model.safetensors"),
    )
    preprocessing = {"mean": [0.5] * 3, "std": [0.5] * 3}
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": made, "preprocess_cfg": preprocessing})
    )
    return folder
