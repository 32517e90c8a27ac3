"""The starter encoder's file: what it keeps of a trained tower, and how large it is."""

from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from model.encoders import starter

START, END = 49406, 49407
TABLE = "token_embedding.weight"
FILE = Path(str(starter.FOLDER / "text_tower.safetensors"))


@pytest.fixture(scope="module")
def network() -> Any:
    """A tiny CLIP with all of CLIP's words."""
    torch.manual_seed(0)
    return open_clip.CLIP(
        embed_dim=8,
        vision_cfg={"image_size": 32, "patch_size": 32, "layers": 1, "width": 8, "head_width": 8},
        text_cfg={"context_length": 8, "vocab_size": starter.VOCABULARY, "layers": 1, "width": 8},
    )


def fp16(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.half().float()


@settings(max_examples=20, deadline=None)
@given(seen=st.sets(st.integers(1, starter.VOCABULARY - 1), max_size=30))
def test_packing_keeps_the_words_seen_and_gives_all_others_one_row(
    seen: set[int], network: Any
) -> None:
    ids = torch.tensor(sorted(seen), dtype=torch.long)
    table = network.state_dict()[TABLE]
    unpacked = starter.unpack(starter.pack(network, ids))[TABLE]
    assert unpacked.shape == table.shape
    assert torch.equal(unpacked[ids], fp16(table[ids]))
    others = torch.ones(len(table), dtype=torch.bool)
    others[ids] = False
    unknown = fp16(table[starter.UNKNOWN_TOKEN])
    assert torch.equal(unpacked[others], unknown.expand(int(others.sum()), -1))


def test_packing_keeps_every_other_tensor_that_was_trained(network: Any) -> None:
    packed = starter.pack(network, torch.tensor([START, END]))
    unpacked = starter.unpack(packed)
    assert packed[TABLE].shape == (3, 8)
    assert set(unpacked) == set(network.state_dict())
    for name, tensor in network.state_dict().items():
        if name != TABLE:
            assert torch.equal(unpacked[name], fp16(tensor)), name


def test_the_file_is_at_most_16_megabytes() -> None:
    assert FILE.stat().st_size <= 16_000_000


def test_the_file_holds_a_text_tower_in_half_precision_and_no_image_network() -> None:
    text = starter.config()["model_cfg"]["text_cfg"]
    with safe_open(str(FILE), "pt") as file:
        stored = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    ids = stored.pop("token_ids")
    assert stored[TABLE].shape == (len(ids) + 1, text["width"])
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    assert not any(name.startswith("visual.trunk.") for name in stored)
    assert all(torch.isfinite(tensor).all() for tensor in stored.values())


def test_the_words_seen_are_distinct_and_include_start_and_end() -> None:
    with safe_open(str(FILE), "pt") as file:
        ids = file.get_tensor("token_ids").tolist()
    assert len(set(ids)) == len(ids)
    assert {START, END} <= set(ids)
    assert starter.UNKNOWN_TOKEN not in ids
    assert max(ids) < starter.VOCABULARY


def test_a_trained_part_of_another_shape_is_refused(network: Any) -> None:
    packed = starter.pack(network, torch.tensor([START, END]))
    with pytest.raises(RuntimeError, match="size mismatch"):
        starter.assemble(starter.config(), packed)
