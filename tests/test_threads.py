"""Threads share an encoder: none meets an error, none gets the answer to another one's question."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from model.clip_encoder import ClipEncoder
from model.encoder import load
from model.open_clip_models import from_network
from model.vectors import Vectors

THREADS, CALLS = 8, 25
WORDS = ("lion", "night", "a photo of Pica hudsonia.", "red fruit", "snow", "")


@pytest.fixture(scope="module", params=["openvino", "torch"])
def encoder(request: pytest.FixtureRequest) -> ClipEncoder:
    return load("starter", request.param)


def questions() -> list[tuple[str, list]]:
    """One or several texts or pictures at a time, no two questions alike."""
    noise = np.random.default_rng(0)
    asked = []
    for number in range(THREADS * CALLS):
        count = 1 + number % 3
        if number % 2:
            pixels = noise.integers(0, 256, (count, 40, 60, 3), np.uint8)
            asked.append(("encode_images", [Image.fromarray(each) for each in pixels]))
        else:
            texts = [f"{WORDS[(number + each) % len(WORDS)]} {number}" for each in range(count)]
            asked.append(("encode_texts", texts))
    return asked


def answers(encoder: ClipEncoder, asked: list[tuple[str, list]], threads: int) -> list[Vectors]:
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(lambda each: getattr(encoder, each[0])(each[1]), asked))


def test_what_threads_get_is_what_one_after_another_gets(encoder: ClipEncoder) -> None:
    asked = questions()
    expected = answers(encoder, asked, 1)
    found = answers(encoder, asked, THREADS)
    assert all(map(np.array_equal, found, expected))


def test_threads_may_open_one_encoder_at_once(encoder: ClipEncoder) -> None:
    """Towers and tokenizer are made when they are first needed: by several threads, here."""
    expected = encoder.encode_texts(WORDS)
    fresh = load("starter", encoder.runtime.name.split()[0])
    if encoder.runtime.name.startswith("openvino"):
        fresh = replace(fresh, runtime=replace(fresh.runtime), tokenizer=encoder.tokenizer)
    with ThreadPoolExecutor(THREADS) as pool:
        for each in pool.map(lambda _: fresh.encode_texts(WORDS), range(THREADS)):
            assert np.array_equal(each, expected)


def test_texts_that_share_their_beginnings_are_encoded_by_several_threads() -> None:
    encoder = load("starter", "torch")
    asked = [
        [f"a photo of Animalia Chordata Aves {n} {each}." for n in range(600)] for each in range(8)
    ]
    expected = [encoder.encode_texts(texts) for texts in asked]
    with ThreadPoolExecutor(THREADS) as pool:
        assert all(map(np.array_equal, pool.map(encoder.encode_texts, asked), expected))


def test_a_tokenizer_that_each_call_sets_up_is_shared_too() -> None:
    """Hugging Face's set length and padding on themselves, call by call."""

    class Tokens:
        context_length = 77
        length: int | None = None

        def __init__(self) -> None:
            self.own = open_clip.get_tokenizer("ViT-B-32")

        def __call__(self, texts: list[str]) -> torch.Tensor:
            assert self.length is None, "Already borrowed"
            self.length = 77
            try:
                return self.own(texts)
            finally:
                self.length = None

    torch.manual_seed(0)
    network = open_clip.CLIP(
        16,
        {"image_size": 32, "patch_size": 16, "layers": 1, "width": 32, "head_width": 16},
        {"context_length": 77, "vocab_size": 49408, "layers": 1, "width": 16, "heads": 2},
    )
    network.visual.preprocess_cfg = {"size": 32}
    encoder = from_network("tiny", network, Tokens(), "torch")
    asked = [[f"{word} {n}" * 20 for word in WORDS] for n in range(200)]
    expected = [encoder.encode_texts(texts) for texts in asked]
    with ThreadPoolExecutor(THREADS) as pool:
        assert all(map(np.array_equal, pool.map(encoder.encode_texts, asked), expected))
