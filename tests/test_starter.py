"""The starter encoder: its file, what that keeps of a trained tower, and what it knows."""

from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open

from indexer.inputs.decoding import decode_file
from model.encoder import Encoder
from model.encoders import starter
from model.taxon import Rank
from model.text_types import TRAINED_TYPES, TextType, free_text_prompt, render
from training.concepts import class_taxa
from training.evaluation.retrieval import average_precisions, precision_at_1
from training.starter import project_classifier

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


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return starter.load()


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    """The classifier's rows, which every name was taught to meet: (1000, 512)."""
    return project_classifier(512)[1].numpy()


@pytest.mark.parametrize("text_type", TRAINED_TYPES)
def test_it_knows_the_names_of_its_own_organisms(
    encoder: Encoder, rows: np.ndarray, text_type: TextType
) -> None:
    taxa = class_taxa()
    asked = [taxon for taxon in taxa.values() if render(taxon, text_type) != "a photo of ."]
    nearest = (encoder.encode_texts([render(taxon, text_type) for taxon in asked]) @ rows.T).argmax(
        axis=1
    )
    right = [
        row in taxa and taxon.name in taxa[row].lineage
        for row, taxon in zip(nearest, asked, strict=True)
    ]
    assert np.mean(right) > 0.97  # measured: .998 and more


@pytest.mark.parametrize("rank", [Rank.GENUS, Rank.FAMILY, Rank.ORDER, Rank.CLASS])
def test_it_knows_the_names_of_higher_taxa(encoder: Encoder, rows: np.ndarray, rank: Rank) -> None:
    taxa = class_taxa()
    of_rows = np.array([taxa[row].at(rank) if row in taxa else "" for row in range(len(rows))])
    names = np.unique(of_rows[of_rows != ""])
    scores = encoder.encode_texts([free_text_prompt(name) for name in names]) @ rows.T
    precisions = average_precisions(scores, names[:, None] == of_rows)
    assert precisions.mean() > 0.97  # measured: .999 and more


@pytest.mark.parametrize("word", ["resting", "yesterday"])
def test_a_word_it_never_met_leaves_the_others_their_meaning(
    encoder: Encoder, rows: np.ndarray, word: str
) -> None:
    taxa = class_taxa()
    prompts = [f"a photo of a {word} {taxon.common_name}." for taxon in taxa.values()]
    nearest = (encoder.encode_texts(prompts) @ rows.T).argmax(axis=1)
    keys = [taxa[row].key if row in taxa else "" for row in nearest]
    assert (
        np.mean([key == taxon.key for key, taxon in zip(keys, taxa.values(), strict=True)]) > 0.97
    )


def test_pictures_of_one_species_lie_together(encoder: Encoder) -> None:
    birds = Path(__file__).parents[2] / "shared" / "data" / "birds" / "images"
    if not birds.is_dir():
        pytest.skip("the bird photographs are not part of the project")
    paths = [
        path for folder in sorted(birds.iterdir())[:20] for path in sorted(folder.iterdir())[:8]
    ]
    vectors = encoder.encode_images([decode_file(path) for path in paths])
    labels = np.array([path.parent.name for path in paths])
    assert precision_at_1(vectors, labels) > 0.6
