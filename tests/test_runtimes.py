"""Runtimes, preprocessing and tokens of our own equal open_clip's; a cold query needs no torch."""

import json
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from model.clip_encoder import ClipEncoder
from model.compiled import open_compiled
from model.encoder import load, logit_scale_of
from model.errors import UnknownName
from model.kept_files import read_sealed, write_sealed
from model.open_clip_models import from_network
from model.preprocessing import Preprocessing
from model.runtimes.torch import TextTower
from model.tokens import ClipTokenizer

TEXTS = [
    "lion",
    "",
    "a photo of Animalia Chordata Aves Passeriformes Corvidae Pica hudsonia.",
    "kingdom Animalia phylum Chordata " * 20,
    "ж 🦁",
    *(f"a photo of number {number}." for number in range(300)),
]
TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "layers": 1, "width": 32, "head_width": 16},
    "text_cfg": {"context_length": 20, "vocab_size": 49408, "layers": 1, "width": 16, "heads": 2},
}


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


@given(
    st.sampled_from(["shortest", "longest", "squash"]),
    st.sampled_from([32, (32, 32), (32, 20), (17, 40)]),
    st.tuples(st.integers(8, 120), st.integers(8, 120)),
    st.sampled_from(["bicubic", "bilinear"]),
)
@settings(deadline=None, max_examples=200)
def test_pixels_are_those_of_open_clip(
    mode: str, size: int | tuple[int, int], shape: tuple[int, int], interpolation: str
) -> None:
    if mode == "shortest" and size in ((32, 20), (17, 40)):
        interpolation = "bicubic"  # open_clip ignores another one there
    config = PreprocessCfg(size=size, resize_mode=mode, interpolation=interpolation, fill_color=128)
    expected = image_transform_v2(config, is_train=False)(noise(*shape)).numpy()
    found = Preprocessing.of(asdict(config)).pixels([noise(*shape)])
    assert found.dtype == np.float32
    assert np.abs(found[0] - expected).max() < 1e-5


def test_a_picture_of_one_row_of_pixels_is_no_error() -> None:
    for mode in ("shortest", "longest", "squash"):
        steps = Preprocessing.of(asdict(PreprocessCfg(size=32, resize_mode=mode)))
        assert steps.pixels([noise(1000, 1)]).shape == (1, 3, 32, 32)


@cache
def reference_tokenizer(length: int) -> Any:
    return open_clip.get_tokenizer("ViT-B-32", context_length=length)


@cache
def own_tokenizer(length: int) -> ClipTokenizer:
    return ClipTokenizer(length)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=5), st.sampled_from([20, 64, 77]))
@settings(deadline=None, max_examples=300)
def test_tokens_are_those_of_open_clip(texts: list[str], length: int) -> None:
    expected = reference_tokenizer(length)(texts).numpy()
    assert np.array_equal(own_tokenizer(length)(texts), expected)


def test_tokens_of_the_golden_strings_are_the_references() -> None:
    golden = json.loads((Path(__file__).parent / "golden" / "text_types.json").read_text())
    found = ClipTokenizer(77)(list(golden["tokens"]))
    for row, ids in zip(found, golden["tokens"].values(), strict=True):
        assert row[: len(ids) + 2].tolist() == [49406, *ids, 49407]


@pytest.fixture(scope="module")
def pair() -> tuple[ClipEncoder, ClipEncoder]:
    return load("starter", "torch"), load("starter", "openvino")


def test_openvino_and_torch_agree(pair: tuple[ClipEncoder, ClipEncoder]) -> None:
    reference, encoder = pair
    assert reference.identity == encoder.identity
    assert encoder.runtime.name.startswith("openvino")
    pictures = [noise(60 + 10 * n, 90, n) for n in range(9)]
    # Where a CPU has bfloat16, OpenVINO computes in it: noise then differs by some thousandths.
    least = 0.999 if encoder.runtime.name.endswith("f32") else 0.99
    for ours, theirs in (
        (encoder.encode_images(pictures), reference.encode_images(pictures)),
        (encoder.encode_texts(TEXTS), reference.encode_texts(TEXTS)),
    ):
        cosines = (ours.astype(np.float64) * theirs.astype(np.float64)).sum(axis=1)
        assert cosines.min() > least


def test_texts_cut_to_their_batch_are_those_of_the_full_length() -> None:
    encoder = load("starter", "torch")
    tower = encoder.runtime.text_tower
    assert tower.cuts
    tokens = torch.from_numpy(encoder.tokenizer(TEXTS))
    with torch.inference_mode():
        expected = tower.network.encode_text(tokens)
        expected = torch.nn.functional.normalize(expected, dim=-1).numpy()
    assert np.abs(encoder.encode_texts(TEXTS) - expected).max() < 1e-3  # a step of float16 near 1
    for length in (8, 30):
        with torch.inference_mode():
            short = tower(tokens[5:, :length]) if length > 8 else tower(tokens[:1, :length])
            full = tower.network.encode_text(tokens[5:] if length > 8 else tokens[:1])
        assert (short - full).abs().max() < 1e-5 * full.abs().max() + 1e-5


def test_a_text_tower_that_looks_ahead_is_not_cut() -> None:
    network = open_clip.CLIP(**TINY).eval()
    assert TextTower(network).cuts
    network.attn_mask = torch.zeros_like(network.attn_mask)
    assert not TextTower(network).cuts


def test_no_such_runtime() -> None:
    with pytest.raises(UnknownName, match="'cuda' is no runtime; it is one of auto, torch"):
        load("starter", "cuda")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "taxalens" / "encoders"


def tiny(cache: Path) -> ClipEncoder:
    torch.manual_seed(0)
    network = open_clip.CLIP(**TINY)
    network.visual.preprocess_cfg = {"size": 32}
    tokenizer = open_clip.get_tokenizer("ViT-B-32", context_length=20)
    return from_network("tiny", network, tokenizer)


def test_an_encoder_is_kept_and_opened_by_its_fingerprint(cache: Path) -> None:
    made = tiny(cache)
    assert [folder.name.startswith("making") for folder in cache.iterdir()] == [False]
    kept = open_compiled("tiny", made.identity.fingerprint)
    assert kept is not None
    assert (kept.identity, kept.dim) == (made.identity, made.dim)
    assert np.array_equal(kept.encode_texts(TEXTS), made.encode_texts(TEXTS))
    assert open_compiled("tiny", "0" * 64) is None


def test_what_is_kept_may_be_lost_or_damaged(cache: Path) -> None:
    made = tiny(cache)
    (about,) = cache.glob("*/encoder.json")
    about.write_text("{")
    assert open_compiled("tiny", made.identity.fingerprint) is None
    again = tiny(cache)
    assert np.array_equal(again.encode_texts(TEXTS), made.encode_texts(TEXTS))


def test_the_scale_of_the_softmax_is_the_networks_and_kept(cache: Path) -> None:
    made = tiny(cache)
    assert made.logit_scale == pytest.approx(1 / 0.07)  # open_clip's first value
    kept = open_compiled("tiny", made.identity.fingerprint)
    assert kept is not None
    assert logit_scale_of(kept) == made.logit_scale
    (path,) = cache.glob("*/encoder.json")
    about = read_sealed(path)
    del about["logit_scale"]  # as it was kept before
    write_sealed(path, about)
    assert open_compiled("tiny", made.identity.fingerprint) is None
    assert tiny(cache).logit_scale == made.logit_scale


def test_a_kept_encoder_needs_no_torch(pair: tuple[ClipEncoder, ClipEncoder]) -> None:
    fingerprint = pair[1].identity.fingerprint
    code = f"""
import sys
from model.encoder import load, logit_scale_of
encoder = load("starter", fingerprint={fingerprint!r})
assert encoder.encode_texts(["lion"]).shape == (1, encoder.dim)
print([name for name in ("torch", "open_clip", "openvino_telemetry") if sys.modules.get(name)])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
