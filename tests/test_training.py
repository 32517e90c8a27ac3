"""Training: recipes are checked, a locked-image tuning learns what it should, figures are right."""

import copy
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model.errors import BadInput, UnknownName
from training.evaluation.few_shot import few_shot_knn
from training.evaluation.retrieval import average_precisions, precision_at_1, top_k_accuracy
from training.locked_image import Step, encode_by_length, encode_short, tune
from training.recipe import Recipe, read_recipe

SHIPPED = Path(str(files("training") / "recipes" / "starter.toml"))
RECIPE = Recipe(
    steps=40,
    batch_size=12,
    learning_rate=1e-2,
    warmup_steps=5,
    weight_decay=0.01,
    temperature=0.1,
    unknown_words=0.0,
    seed=0,
    width=32,
    heads=2,
    layers=1,
)
NAMES = [
    "lion",
    "a black-billed magpie",
    "daisy",
    "a photo of an oak.",
    "shark",
    "Amanita muscaria",
]
CONTEXT = 16


@pytest.fixture(scope="module")
def untrained() -> Any:
    """A tiny CLIP with all of CLIP's words."""
    torch.manual_seed(0)
    return open_clip.CLIP(
        embed_dim=16,
        vision_cfg={
            "image_size": 32,
            "patch_size": 16,
            "layers": 1,
            "width": 32,
            "head_width": 16,
        },
        text_cfg={
            "context_length": CONTEXT,
            "vocab_size": 49408,
            "width": RECIPE.width,
            "heads": RECIPE.heads,
            "layers": RECIPE.layers,
        },
    ).eval()


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return open_clip.get_tokenizer("ViT-B-32", context_length=CONTEXT)


def tuned(network: Any, tokenizer: Any, recipe: Recipe) -> tuple[Any, list[Step]]:
    """A copy of a network, tuned on NAMES, each of them with a target at right angles to others."""

    def tokenize(texts: Sequence[str], _: random.Random) -> Any:
        return tokenizer(list(texts))

    def sample(rng: random.Random) -> tuple[str, int]:
        index = rng.randrange(len(NAMES))
        return NAMES[index], index

    network = copy.deepcopy(network)
    steps = tune(network, sample, torch.eye(16)[: len(NAMES)], tokenize, recipe)
    return network, list(steps)


def test_locked_image_tuning_brings_each_string_to_its_target(
    untrained: Any, tokenizer: Any
) -> None:
    network, steps = tuned(untrained, tokenizer, RECIPE)
    assert [step.number for step in steps] == list(range(1, RECIPE.steps + 1))
    assert steps[-1].loss < 0.2 < steps[0].loss
    with torch.inference_mode():
        cosines = network.encode_text(tokenizer(NAMES), normalize=True)[:, : len(NAMES)]
    assert cosines.argmax(dim=1).tolist() == list(range(len(NAMES)))
    assert cosines.diagonal().min() > 0.8


def test_locked_image_tuning_does_not_touch_the_image_tower(untrained: Any, tokenizer: Any) -> None:
    network, _ = tuned(untrained, tokenizer, replace(RECIPE, steps=3))
    before, after = untrained.state_dict(), network.state_dict()
    for name in before:
        if name.startswith("visual."):
            assert torch.equal(before[name], after[name]), name
    for name in ("token_embedding.weight", "text_projection", "ln_final.weight"):
        assert not torch.equal(before[name], after[name]), name


def test_the_same_recipe_gives_the_same_weights(untrained: Any, tokenizer: Any) -> None:
    recipe = replace(RECIPE, steps=3)
    first, same = (tuned(untrained, tokenizer, recipe)[0].state_dict() for _ in range(2))
    other = tuned(untrained, tokenizer, replace(recipe, seed=1))[0].state_dict()
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["text_projection"], other["text_projection"])


@pytest.mark.parametrize("encode", [encode_short, encode_by_length])
def test_texts_cut_to_the_longest_are_encoded_as_open_clip_encodes_them(
    encode: Any, untrained: Any, tokenizer: Any
) -> None:
    texts = [*NAMES, "", "a", "kingdom Animalia phylum Chordata class Mammalia " * 3]
    tokens = tokenizer(texts)
    with torch.inference_mode():
        exact = untrained.encode_text(tokens, normalize=True)
        assert torch.allclose(encode(untrained, tokens), exact, atol=1e-5)
        assert torch.allclose(encode(untrained, tokens[:6]), exact[:6], atol=1e-5)
        assert torch.allclose(encode(untrained, tokens[:1]), exact[:1], atol=1e-5)


def recipe_file(folder: Path, **changes: str | None) -> Path:
    settings = {name: str(getattr(RECIPE, name)) for name in Recipe.__dataclass_fields__}
    lines = [f"{name} = {value}\n" for name, value in (settings | changes).items() if value]
    path = folder / "recipe.toml"
    path.write_text("".join(lines))
    return path


def test_a_recipe_is_read_as_it_is_written(tmp_path: Path) -> None:
    assert read_recipe(recipe_file(tmp_path)) == RECIPE


def test_the_recipe_of_the_starter_fits_its_configuration() -> None:
    from model.encoders import starter

    recipe = read_recipe(SHIPPED)
    text = starter.config()["model_cfg"]["text_cfg"]
    assert (recipe.width, recipe.heads, recipe.layers) == tuple(
        text[name] for name in ("width", "heads", "layers")
    )


def test_a_setting_that_does_not_exist_is_met_with_the_nearest(tmp_path: Path) -> None:
    path = recipe_file(tmp_path, learning_rate=None, learning_rte="1e-3")
    with pytest.raises(UnknownName, match=r"'learning_rte'.*Did you mean learning_rate") as raised:
        read_recipe(path)
    assert str(path) in str(raised.value)


def test_settings_that_are_missing_are_listed(tmp_path: Path) -> None:
    path = recipe_file(tmp_path, steps=None, seed=None)
    with pytest.raises(BadInput, match="lacks steps, seed; add them") as raised:
        read_recipe(path)
    assert str(path) in str(raised.value)


@pytest.mark.parametrize("content", [b"steps = ", b"= 3", b"\xff\xfe", b"steps 3", b"a = 1\na = 2"])
def test_a_recipe_that_is_no_toml_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_bytes(content)
    with pytest.raises(BadInput, match="cannot be read") as raised:
        read_recipe(tmp_path / "recipe.toml")
    assert str(tmp_path / "recipe.toml") in str(raised.value)


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.toml cannot be read"):
        read_recipe(tmp_path / "nowhere.toml")


# By hand: the mean, over the relevant items, of relevant items so far / place.
@pytest.mark.parametrize(
    ("relevant", "expected"),
    [
        ([1, 0, 0, 0], 1),
        ([0, 0, 0, 1], 1 / 4),
        ([1, 0, 1, 0], (1 / 1 + 2 / 3) / 2),
        ([0, 1, 1, 0], (1 / 2 + 2 / 3) / 2),
        ([0, 1, 0, 1], (1 / 2 + 2 / 4) / 2),
        ([1, 1, 1, 1], 1),
    ],
)
def test_average_precision_is_as_computed_by_hand(relevant: list[int], expected: float) -> None:
    scores = np.array([[0.9, 0.5, 0.1, -0.7]])
    flags = np.array([relevant], bool)
    assert average_precisions(scores, flags) == pytest.approx([expected])
    shuffled = [2, 0, 3, 1]
    assert average_precisions(scores[:, shuffled], flags[:, shuffled]) == pytest.approx([expected])


QUERIES = st.integers(1, 8).flatmap(
    lambda items: st.tuples(
        hnp.arrays(np.float64, (3, items), elements=st.floats(-1, 1), unique=True),
        hnp.arrays(np.bool_, (3, items)),
    )
)


@settings(deadline=None)
@given(QUERIES)
def test_average_precision_is_its_definition(
    queries: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, relevant = queries
    expected = []
    for row, flags in zip(scores, relevant, strict=True):
        places = [1 + int((row > score).sum()) for score in row[flags]]
        found = [sum(other <= place for other in places) for place in places]
        if places:
            expected.append(np.mean(np.divide(found, places)))
    assert average_precisions(scores, relevant) == pytest.approx(expected)


@settings(deadline=None)
@given(QUERIES)
def test_average_precision_is_one_exactly_for_a_perfect_order(
    queries: tuple[np.ndarray, np.ndarray],
) -> None:
    scores, relevant = queries
    some = relevant.any(axis=1)
    worst_hit = np.where(relevant, scores, np.inf).min(axis=1)
    best_miss = np.where(relevant, -np.inf, scores).max(axis=1)
    precision = average_precisions(scores, relevant)
    assert np.array_equal(precision == 1, (worst_hit > best_miss)[some])
    assert ((precision > 0) & (precision <= 1)).all()


def test_queries_without_a_relevant_item_do_not_count() -> None:
    scores = np.array([[0.9, 0.1], [0.2, 0.3]])
    assert average_precisions(scores, np.array([[False, False], [True, False]])).tolist() == [0.5]


def test_top_k_accuracy_counts_queries_with_a_hit_among_the_best() -> None:
    scores = np.array([[0.9, 0.5, 0.1], [0.1, 0.5, 0.9], [0.5, 0.9, 0.1], [0.1, 0.2, 0.3]])
    relevant = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0], [0, 0, 0]], bool)
    shares = [top_k_accuracy(scores, relevant, k) for k in (1, 2, 3, 9)]
    assert shares == [1 / 4, 2 / 4, 3 / 4, 3 / 4]


def unit(angles: Sequence[float]) -> np.ndarray:
    return np.array([[math.cos(a), math.sin(a)] for a in np.radians(angles)], np.float16)


def test_precision_at_1_is_the_share_whose_nearest_other_has_the_label() -> None:
    vectors = unit([0, 10, 90, 104, 180])  # nearest: 10, 0, 104, 90, 104
    labels = np.array(["a", "a", "b", "c", "c"])
    assert precision_at_1(vectors, labels) == pytest.approx(3 / 5)
    assert precision_at_1(vectors, np.array(["a"] * 5)) == 1
    assert precision_at_1(vectors, np.arange(5)) == 0


@pytest.mark.parametrize("shots", [1, 2, 5])
def test_few_shots_tell_separable_classes_apart(shots: int) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(["lion", "magpie", "oak"], 8)
    vectors = np.eye(8)[np.repeat([0, 1, 2], 8)] + rng.normal(0, 0.05, (24, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert few_shot_knn(vectors.astype(np.float16), labels, shots, seeds=4) == (1.0, 0.0)
    shuffled = rng.permutation(24)
    assert few_shot_knn(vectors[shuffled], labels[shuffled], shots, seeds=4) == (1.0, 0.0)


def test_few_shots_of_what_cannot_be_told_apart_are_a_guess() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(400, 16))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels = np.repeat([0, 1, 2, 3], 100)
    mean, deviation = few_shot_knn(vectors, labels, shots=1, seeds=8)
    assert mean == pytest.approx(1 / 4, abs=0.06)
    assert 0 < deviation < 0.1
    assert few_shot_knn(vectors, labels, shots=1, seeds=8) == (mean, deviation)
