"""Texts that share beginnings: the tree of their tokens gives what each text alone gives."""

from functools import cache

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model import shared_prefixes
from model.clip_encoder import MANY
from model.open_clip_models import from_network
from model.shared_prefixes import applies, encode_texts
from model.taxon import Taxon
from model.text_types import TextType, render
from model.tokens import Tokens

LENGTH, START, END = 12, 90, 91


@cache
def small(**text_options: object) -> torch.nn.Module:
    """A CLIP whose text tower is like the large ones, with random weights."""
    torch.manual_seed(0)
    text = {"context_length": LENGTH, "vocab_size": 92, "width": 32, "heads": 2, "layers": 3}
    network = open_clip.CLIP(
        embed_dim=16,
        vision_cfg={"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
        text_cfg=text | text_options,
    )
    return network.eval().requires_grad_(False)


def tokens_of(texts: list[list[int]]) -> Tokens:
    rows = np.zeros((len(texts), LENGTH), np.int64)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text) + 2] = [START, *text, END]
    return rows


def unit(features: np.ndarray) -> np.ndarray:
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def check(network: torch.nn.Module, tokens: Tokens) -> None:
    expected = network.encode_text(torch.from_numpy(tokens)).numpy()
    found = encode_texts(network, tokens)
    assert found.dtype == np.float32
    assert np.abs(unit(found) - unit(expected)).max() < 1e-5


WORDS = st.integers(1, 3)  # few, so that much is shared
TEXTS = st.lists(st.lists(WORDS, max_size=LENGTH - 2), min_size=1, max_size=30)


@settings(deadline=None)
@given(TEXTS, st.integers(1, 7))
def test_any_texts_get_what_each_gets_alone(texts: list[list[int]], chunk: int) -> None:
    before = shared_prefixes.CHUNK
    shared_prefixes.CHUNK = chunk
    try:
        check(small(), tokens_of(texts))
    finally:
        shared_prefixes.CHUNK = before


@pytest.mark.parametrize(
    "texts",
    [
        [[1, 2, 3]],
        [[]],
        [[1, 2], [1, 2]],
        [[1], [1, 2], [1, 2, 3]],
        [[1] * (LENGTH - 2), [1] * (LENGTH - 3) + [2]],
        [[1, 2], [3, 4]],
    ],
)
def test_odd_sets(texts: list[list[int]]) -> None:
    check(small(), tokens_of(texts))


def test_no_text_is_no_row() -> None:
    assert encode_texts(small(), tokens_of([])).shape == (0, 16)


def test_layer_scale_is_kept() -> None:
    check(small(ls_init_value=0.3), tokens_of([[1, 2], [1, 3], [2]]))


def test_real_lineages_with_real_tokens() -> None:
    torch.manual_seed(0)
    network = open_clip.create_model("ViT-B-32").eval().requires_grad_(False)
    above = ("Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae")
    taxa = [
        Taxon((*above, genus, f"{genus} {epithet}"), common)
        for genus, epithet, common in (
            ("Pica", "pica", "Eurasian magpie"),
            ("Pica", "hudsonia", "black-billed magpie"),
            ("Corvus", "corax", "raven"),
            ("Corvus", "corone", ""),
        )
    ]
    texts = [render(taxon, TextType.TAXON_COM) for taxon in taxa]
    check(network, open_clip.get_tokenizer("ViT-B-32")(texts).numpy())


def test_other_text_towers_are_left_alone() -> None:
    assert applies(small())
    assert not applies(open_clip.create_model("ViT-B-16-SigLIP"))
    assert not applies(torch.nn.Linear(1, 1))


def test_an_encoder_of_torch_takes_it_for_many_texts() -> None:
    torch.manual_seed(0)
    network = open_clip.create_model("ViT-B-32")
    network.visual.preprocess_cfg = {"size": 224}
    encoder = from_network("x", network, open_clip.get_tokenizer("ViT-B-32"), "torch")
    texts = [f"a photo of Animalia {number % 20}." for number in range(MANY)]
    many = encoder.encode_texts(texts).astype(np.float32)
    few = encoder.encode_texts(texts[:20]).astype(np.float32)
    assert np.abs(many[:20] - few).max() < 1e-3  # float16
    assert np.array_equal(many[:20], many[20:40])
