"""Fine-tuning: which weights move, a plain result, and no claim without a held-out gain."""

import io
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file
from small_runs import NETWORK, TINY, stop_after, write_recipe

import taxalens
from model.errors import Error
from model.text_types import TextType, render
from training.contrastive.batches import validation_batches
from training.contrastive.drawn import taxa, write_drawn
from training.contrastive.gain import HeldOutGain, held_out_gain, paired_interval
from training.contrastive.recipe import ContrastiveRecipe
from training.contrastive.run_folder import WEIGHTS, save_encoder
from training.contrastive.shards import halves, read_image, read_index
from training.contrastive.train import build, train, validation_loss
from training.contrastive.trained_weights import plain_weights, train_mode
from ui.cli import main

NARROW_GAP = HeldOutGain("bioclip", "local-dir:run/best", 100, 8, 0.5, 0.6, 0.01, 0.19)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_drawn(folder, train=1, val=2)
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> ContrastiveRecipe:
    """A recipe that goes on from a network of two blocks each, with random weights."""
    folder = tmp_path_factory.mktemp("start")
    network = deepcopy(NETWORK)
    network["vision_cfg"]["layers"] = network["text_cfg"]["layers"] = 2
    recipe = replace(TINY, network=network)
    torch.manual_seed(1)
    save_encoder(folder, build(recipe)[0], network, recipe, {})
    return replace(TINY, network={}, architecture=f"local-dir:{folder}")


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / WEIGHTS)


def moved(start: ContrastiveRecipe, run: Path) -> dict[str, torch.Tensor]:
    """Return the differences of a run's best network from its start, those that are not 0."""
    before = weights(Path(start.start.removeprefix("local-dir:")))
    after = weights(run / "best")
    assert before.keys() == after.keys()
    differences = {name: after[name] - before[name] for name in before}
    return {name: each for name, each in differences.items() if each.abs().max() > 0}


def test_low_rank_updates_move_attention_and_mlps_alone(
    start: ContrastiveRecipe, shards: Path, tmp_path: Path
) -> None:
    list(train(replace(start, lora_rank=3), shards, tmp_path))
    differences = moved(start, tmp_path)
    blocks = {
        f"{tower}transformer.resblocks.{block}.{weight}"
        for tower in ("", "visual.")
        for block in (0, 1)
        for weight in (
            *("attn.in_proj_weight", "attn.out_proj.weight"),
            *("mlp.c_fc.weight", "mlp.c_proj.weight"),
        )
    }
    assert differences.keys() == blocks | {"logit_scale"}
    for name in blocks:
        assert torch.linalg.matrix_rank(differences[name].double(), rtol=1e-4) <= 3, name


def test_the_plain_result_is_the_network_that_was_trained(
    start: ContrastiveRecipe, shards: Path, tmp_path: Path
) -> None:
    recipe = replace(start, lora_rank=2, validate_every=6)
    list(train(recipe, shards, tmp_path))
    network, _, tokenizer = build(recipe)
    untouched = network.eval().encode_text(tokenizer(["a photo of a lion."]), normalize=True)
    network.load_state_dict(torch.load(tmp_path / "checkpoint.pt", weights_only=True)["network"])
    tuned = network.encode_text(tokenizer(["a photo of a lion."]), normalize=True)
    plain, _, _ = build(start)
    first = plain.eval().encode_text(tokenizer(["a photo of a lion."]), normalize=True)
    assert torch.equal(untouched, first)  # the update is zero at the beginning
    plain.load_state_dict(plain_weights(network))
    merged = plain.encode_text(tokenizer(["a photo of a lion."]), normalize=True)
    assert torch.allclose(merged, tuned, atol=1e-5)
    assert not torch.allclose(first, tuned, atol=1e-3)
    encoder = taxalens.load_encoder(f"local-dir:{tmp_path / 'best'}", "torch")
    found = encoder.encode_texts(["a photo of a lion."]).astype(np.float32)
    assert np.abs(found - tuned.detach().numpy()).max() < 2e-3


def test_the_last_blocks_move_alone(start: ContrastiveRecipe, shards: Path, tmp_path: Path) -> None:
    list(train(replace(start, last_blocks=1), shards, tmp_path / "both"))
    differences = moved(start, tmp_path / "both")
    assert any("visual.transformer.resblocks.1" in name for name in differences)
    assert any(name.startswith("transformer.resblocks.1") for name in differences)
    assert {"visual.proj", "text_projection", "ln_final.weight", "logit_scale"} <= set(differences)
    still = ("resblocks.0", "embedding", "conv1", "ln_pre")
    assert not [name for name in differences if any(part in name for part in still)]
    list(train(replace(start, last_blocks=1, lock_image=True), shards, tmp_path / "text"))
    text = moved(start, tmp_path / "text")
    assert text.keys() == {name for name in differences if not name.startswith("visual.")}


def test_low_rank_updates_stay_in_the_blocks_that_are_trained(
    start: ContrastiveRecipe, shards: Path, tmp_path: Path
) -> None:
    list(train(replace(start, lora_rank=2, last_blocks=1, lock_image=True), shards, tmp_path))
    names = moved(start, tmp_path).keys() - {"logit_scale"}
    assert len(names) == 4
    assert all(name.startswith("transformer.resblocks.1.") for name in names)


def test_a_stopped_low_rank_run_ends_as_if_it_had_not(
    start: ContrastiveRecipe, shards: Path, tmp_path: Path
) -> None:
    recipe = replace(start, lora_rank=2)
    whole = [step.loss for step in train(recipe, shards, tmp_path / "whole")]
    stop_after(3, recipe, shards, tmp_path / "stopped")
    assert [step.loss for step in train(recipe, shards, tmp_path / "stopped")] == whole[2:]
    one, other = (weights(tmp_path / name / "best") for name in ("whole", "stopped"))
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("settings", [{"lora_rank": 2}, {"last_blocks": 1}, {"lock_image": True}])
def test_activations_computed_twice_change_nothing(
    start: ContrastiveRecipe, shards: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    recipe = replace(start, steps=4, accumulate=2, **settings)
    kept = [step.loss for step in train(recipe, shards, tmp_path / "kept")]
    twice = replace(recipe, checkpoint_activations=True)
    again = [step.loss for step in train(twice, shards, tmp_path / "twice")]
    assert again == pytest.approx(kept, abs=1e-5)


def test_batch_norms_that_are_not_trained_keep_their_statistics() -> None:
    network = torch.nn.Sequential(torch.nn.BatchNorm1d(3), torch.nn.BatchNorm1d(3))
    for parameter in network[0].parameters():
        parameter.requires_grad = False
    train_mode(network)
    network(torch.randn(8, 3) + 5)
    assert network[0].running_mean.abs().max() == 0
    assert network[1].running_mean.abs().max() > 0


def test_a_network_without_blocks_is_refused(tmp_path: Path) -> None:
    vision = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 16, "head_width": 16}
    recipe = replace(TINY, network={**NETWORK, "vision_cfg": vision})
    build(recipe)
    with pytest.raises(Error, match="last_blocks = 1 needs towers of blocks"):
        build(replace(recipe, last_blocks=1))
    with pytest.raises(Error, match="lora_rank are 0 or more"):
        replace(TINY, lora_rank=-1)


def test_one_half_chooses_and_the_other_compares(shards: Path) -> None:
    samples = read_index(shards, "val")
    choose, compare = halves(samples)
    assert {each.key for each in choose}.isdisjoint(each.key for each in compare)
    assert len(choose) == len(compare) == len(samples) // 2
    assert halves(samples[::-1]) == (choose, compare)


def test_the_comparing_half_chooses_nothing(
    start: ContrastiveRecipe, shards: Path, tmp_path: Path
) -> None:
    recipe = replace(start, steps=2)
    (*_, last) = train(recipe, shards, tmp_path)
    network, _, tokenizer = build(recipe)
    network.load_state_dict(weights(tmp_path / "best"))
    losses = [
        validation_loss(
            network, validation_batches(half, recipe, 32, tokenizer), recipe, torch.device("cpu")
        )
        for half in halves(read_index(shards, "val"))
    ]
    assert last.validation_loss == pytest.approx(losses[0], abs=1e-6)
    assert abs(losses[0] - losses[1]) > 1e-4


outcomes = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)


@given(outcomes)
def test_the_interval_of_a_gain_is_that_of_a_loss_mirrored(pairs: list[tuple[bool, bool]]) -> None:
    before, after = (np.array([pair[side] for pair in pairs], np.bool_) for side in (0, 1))
    low, high = paired_interval(before, after)
    assert -1 <= low < high <= 1
    assert paired_interval(after, before) == pytest.approx((-high, -low))


def test_the_interval_holds_the_true_gain_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    for many, gains, losses in ((12, 0.1, 0.1), (40, 0.3, 0.1), (200, 0.05, 0.02)):
        held = 0
        for _ in range(1000):
            drawn = rng.random(many)
            before = (drawn < losses) | (drawn > 0.8)
            after = ((drawn >= losses) & (drawn < losses + gains)) | (drawn > 0.8)
            low, high = paired_interval(before, after)
            held += low <= gains - losses <= high
        assert held > 930, (many, held)


def test_two_pictures_show_no_gain() -> None:
    wrong, right = np.zeros(2, np.bool_), np.ones(2, np.bool_)
    assert paired_interval(wrong, right)[0] < 0
    assert paired_interval(np.zeros(60, np.bool_), np.ones(60, np.bool_))[0] > 0.9


@pytest.mark.parametrize(
    ("low", "high", "recommended", "words"),
    [
        (0.01, 0.19, "local-dir:run/best", "local-dir:run/best gains on bioclip"),
        (-0.01, 0.19, "bioclip", "no gain is shown, keep bioclip"),
        (-0.3, -0.1, "bioclip", "it is worse, keep bioclip"),
    ],
)
def test_the_sentence_follows_the_interval(
    low: float, high: float, recommended: str, words: str
) -> None:
    gain = replace(NARROW_GAP, low=low, high=high)
    assert gain.recommended == recommended
    assert words in str(gain)
    assert str(gain).count(". ") == 0
    assert "too few pictures" in str(replace(gain, pictures=0))


def run(recipe: ContrastiveRecipe, shards: Path, folder: Path) -> tuple[str, str]:
    """Run the command; return stdout and stderr."""
    folder.mkdir()
    write_recipe(folder / "r.toml", replace(recipe, warmup_steps=20, validate_every=40))
    words = ["train", str(folder / "r.toml"), "--data", str(shards), "--to", str(folder / "run")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return done.stdout.strip(), done.stderr


def test_a_run_that_learned_nothing_recommends_its_start(
    start: ContrastiveRecipe, shards: Path, tmp_path: Path
) -> None:
    spec, told = run(replace(start, learning_rate=0.0, steps=2), shards, tmp_path / "still")
    assert spec == start.start
    assert f"no gain is shown, keep {start.start}" in told
    assert "On 48 held-out pictures among 48 species" in told
    card = (tmp_path / "still" / "run" / "best" / "README.md").read_text()
    assert card.count("no gain is shown") == 1
    again = run_again(tmp_path / "still", shards)
    assert again == spec


def run_again(folder: Path, shards: Path) -> str:
    words = ["train", str(folder / "r.toml"), "--data", str(shards), "--to", str(folder / "run")]
    return CliRunner().invoke(main, words).stdout.strip()


def test_a_run_that_learned_recommends_its_best(start: ContrastiveRecipe, tmp_path: Path) -> None:
    write_drawn(tmp_path / "shards", train=8, val=8)
    recipe = replace(start, learning_rate=3e-3, steps=160, batch_size=32, text_type="sci")
    spec, told = run(recipe, tmp_path / "shards", tmp_path / "learns")
    best = tmp_path / "learns" / "run" / "best"
    assert spec == f"local-dir:{best}"
    assert "gains on" in told
    gain = held_out_gain(recipe, tmp_path / "shards", tmp_path / "learns" / "run")
    assert gain is not None
    assert gain.low > 0
    _, held_out = halves(read_index(tmp_path / "shards", "val"))
    network, preprocess = open_clip.create_model_from_pretrained(spec)
    names = sorted({render(taxon, TextType.SCI) for taxon in taxa()})
    pictures = [Image.open(io.BytesIO(read_image(each))).convert("RGB") for each in held_out]
    with torch.inference_mode():
        texts = network.encode_text(open_clip.get_tokenizer(spec)(names), normalize=True)
        images = network.encode_image(torch.stack([*map(preprocess, pictures)]), normalize=True)
    nearest = (images @ texts.T).argmax(dim=1).tolist()
    truth = [each.texts["sci"] for each in held_out]
    right = [names[place] == own for place, own in zip(nearest, truth, strict=True)]
    assert np.mean(right) == gain.after


def test_a_run_from_random_weights_claims_nothing(shards: Path, tmp_path: Path) -> None:
    assert held_out_gain(TINY, shards, tmp_path) is None
