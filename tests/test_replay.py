"""Replay of general pairs and captions beside taxonomic texts."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from pictures import write_picture
from small_runs import CAPTIONS, TINY, stop_after, write_pairs

from model.errors import BadInput, Error
from model.text_types import TRAINED_TYPES
from training.contrastive.batches import (
    replayed_places,
    text_of,
    text_type_of,
    total_steps,
    training_batches,
)
from training.contrastive.drawn import draw, taxa, write_drawn
from training.contrastive.gradients import backward, pair_loss, step_loss
from training.contrastive.recipe import ContrastiveRecipe
from training.contrastive.shards import read_index, read_pairs, write_shard
from training.contrastive.train import build, train
from ui.cli import main


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_drawn(folder, train=1, val=1)
    write_pairs(folder / "general")
    return folder


@pytest.fixture
def recipe(shards: Path) -> ContrastiveRecipe:
    return replace(TINY, replay=str(shards / "general"), replay_share=0.25, batch_size=16)


@pytest.fixture
def double() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def batches(shards: Path, recipe: ContrastiveRecipe, step: int = 0, **ranks: int) -> list[Any]:
    tokenizer = build(recipe)[2]
    samples, pairs = read_index(shards, "train"), read_pairs(shards / "general")
    found = training_batches(samples, recipe, 32, tokenizer, step, replayed=pairs, **ranks)
    return next(found)


def test_pairs_without_words_are_left_out(shards: Path, tmp_path: Path) -> None:
    pairs = read_pairs(shards / "general")
    captions = [each.texts["caption"] for each in pairs]
    assert captions == [caption for number, caption in enumerate(CAPTIONS) if number != 7]
    with pytest.raises(BadInput, match="has no shard"):
        read_pairs(tmp_path)


def test_each_micro_batch_of_each_rank_has_its_share(
    shards: Path, recipe: ContrastiveRecipe
) -> None:
    assert (recipe.replay_size, recipe.own_size) == (4, 12)
    parts = [batches(shards, replace(recipe, accumulate=2), rank=rank, ranks=2) for rank in (0, 1)]
    counts = [int((species < 0).sum()) for part in parts for _, _, species in part]
    assert counts == [1, 1, 1, 1]
    together = sorted(int(each) for part in parts for _, _, own in part for each in own)
    ((_, _, whole),) = batches(shards, recipe)
    assert together == sorted(whole.tolist())
    # The places of samples are those of a run with that batch alone, whatever is replayed.
    alone = replace(recipe, replay="", batch_size=12)
    tokenizer = build(alone)[2]
    ((_, _, own),) = next(training_batches(read_index(shards, "train"), alone, 32, tokenizer, 0))
    assert whole[whole >= 0].tolist() == own.tolist()


def test_pairs_are_replayed_by_seed_and_step_alone(recipe: ContrastiveRecipe) -> None:
    epoch = np.concatenate([replayed_places(step, 19, recipe) for step in range(4)])
    assert len(set(epoch.tolist())) == 16  # none twice a pass; a last batch that is not full waits
    assert replayed_places(2, 19, recipe).tolist() == epoch[8:12].tolist()
    other = np.concatenate([replayed_places(n, 19, replace(recipe, seed=4)) for n in range(4)])
    assert other.tolist() != epoch.tolist()
    second = np.concatenate([replayed_places(step, 19, recipe) for step in range(4, 8)])
    assert second.tolist() != epoch.tolist()
    assert total_steps(48, replace(recipe, steps=0, epochs=2)) == 8  # of 12 samples each


@pytest.mark.parametrize("same_species", ["negatives", "ignored"])
@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
def test_the_loss_is_that_of_samples_and_that_of_pairs(
    recipe: ContrastiveRecipe, loss: str, same_species: str
) -> None:
    recipe = replace(recipe, loss=loss, same_species=same_species)
    generator = torch.Generator().manual_seed(0)
    images, texts = (
        torch.nn.functional.normalize(torch.randn(7, 4, generator=generator), dim=1)
        for _ in range(2)
    )
    out = {"image_features": images, "text_features": texts}
    scalars = {"logit_scale": torch.tensor(10.0), "logit_bias": torch.tensor(-3.0)}
    species = torch.tensor([0, -1, 0, 2, -5, 1, -3])
    expected = 0.0
    for rows in ([0, 2, 3, 5], [1, 4, 6]):
        some = {name: each[rows] for name, each in out.items()} | scalars
        own = species[rows] if rows[0] == 0 else torch.arange(3)  # pairs are all each other's
        expected += float(pair_loss(recipe, some, own))
    assert float(step_loss(recipe, out | scalars, species)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.usefixtures("double")
def test_accumulated_gradients_with_replay_are_those_of_the_large_batch(
    shards: Path, recipe: ContrastiveRecipe
) -> None:
    found = []
    for accumulate in (1, 2):
        own = replace(recipe, accumulate=accumulate, same_species="ignored")
        torch.manual_seed(0)
        network, _, _ = build(own)
        scaler = torch.amp.GradScaler("cpu", enabled=False)
        backward(network, batches(shards, own), own, scaler)
        found.append({name: each.grad for name, each in network.named_parameters()})
    for name, gradient in found[0].items():
        assert torch.allclose(gradient, found[1][name], rtol=1e-5, atol=1e-12), name


def test_a_stopped_run_with_replay_ends_as_if_it_had_not(
    shards: Path, recipe: ContrastiveRecipe, tmp_path: Path
) -> None:
    recipe = replace(recipe, steps=8)  # two passes of the pairs, three of the samples
    whole = [step.loss for step in train(recipe, shards, tmp_path / "whole")]
    stop_after(3, recipe, shards, tmp_path / "stopped")
    assert [step.loss for step in train(recipe, shards, tmp_path / "stopped")] == whole[2:]
    without = replace(recipe, replay="")
    assert [step.loss for step in train(without, shards, tmp_path / "without")] != whole


def test_shares_that_cannot_be_had_are_named(
    shards: Path, recipe: ContrastiveRecipe, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"replay_share asks for 4 samples a step.* multiple of 3"):
        next(train(replace(recipe, accumulate=3), shards, tmp_path))
    with pytest.raises(BadInput, match=r"replay_share asks for 24 .* at most the 19"):
        next(train(replace(recipe, batch_size=48, replay_share=0.5), shards, tmp_path))
    with pytest.raises(Error, match="replay_share lies between 0 and 1"):
        replace(recipe, replay_share=1.0)


def write_captioned(folder: Path) -> None:
    """Write four samples: a caption as a member, one in the table, both, neither."""
    file = io.BytesIO()
    draw(0, 0).save(file, "JPEG")
    samples = [(key, file.getvalue(), taxa()[0]) for key in ("member", "table", "both", "neither")]
    captions = {"member": "a bird that flies", "both": "in the shard"}
    write_shard(samples, folder / "train" / "shard-000000.tar", captions)
    rows = [
        ("id", "caption"),
        ("table", "seen from below"),
        ("both", "in the table"),
        ("neither", " "),
    ]
    with (folder / "captions.csv").open("w", newline="") as table:
        csv.writer(table).writerows(rows)


def test_captions_are_members_or_a_table_and_taxonomic_without(tmp_path: Path) -> None:
    write_captioned(tmp_path)
    samples = read_index(tmp_path, "train")
    assert [each.texts.get("caption") for each in samples] == [
        *("a bird that flies", "seen from below", "in the shard", None)
    ]
    recipe = replace(TINY, text_type="caption")
    texts = [text_of(sample, 5, place, recipe) for place, sample in enumerate(samples)]
    assert texts[:3] == [each.texts["caption"] for each in samples[:3]]
    mixed = [text_of(samples[3], step, 3, recipe) for step in range(80)]
    assert set(mixed) == {samples[3].texts[str(each)] for each in TRAINED_TYPES}
    assert mixed == [text_of(samples[3], step, 3, TINY) for step in range(80)]
    (tmp_path / "captions.csv").write_text("name,text\na,b\n")
    with pytest.raises(BadInput, match="needs the columns id and caption"):
        read_index(tmp_path, "train")


def test_captions_are_one_of_six_where_they_are_mixed() -> None:
    recipe = replace(TINY, text_type="mixed-with-captions")
    found = [text_type_of(step, place, recipe) for step in range(60) for place in range(20)]
    counts = {name: found.count(name) for name in set(found)}
    assert counts.keys() == {"caption", *map(str, TRAINED_TYPES)}
    assert min(counts.values()) > 150


def test_prepare_takes_captions_from_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = ["file_name,scientific_name,remarks"]
    for number in range(30):
        write_picture(tmp_path / f"{number}.png", f"#{number * 6:02x}4080")
        lines.append(f"{number}.png,Pica pica,{'on a fence' if number % 2 else ''}")
    Path("birds.csv").write_text("\n".join(lines))
    words = ["train", "prepare", "birds.csv", "--to", "shards", "--captions"]
    done = CliRunner().invoke(main, [*words, "remarks"])
    assert done.exit_code == 0, done.output
    samples = read_index(Path("shards"), "train")
    captions = [each.texts.get("caption") for each in samples]
    assert set(captions) == {"on a fence", None}
    assert 5 < captions.count("on a fence") < 25
    refused = CliRunner().invoke(main, [*words, "remark", "--seed", "3"])
    assert refused.exit_code == 1
    assert "No picture has the metadata 'remark'" in refused.output
