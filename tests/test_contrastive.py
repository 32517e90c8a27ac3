"""Contrastive training: schedule and gradients as published, and a run that survives its death."""

import json
import os
import pickle
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from click.testing import CliRunner
from open_clip.loss import SigLipLoss
from open_clip_train.scheduler import cosine_lr
from PIL import Image
from small_runs import TINY, stop_after, write_pairs, write_recipe

import taxalens
from model.errors import BadInput, Error, UnknownName
from model.text_types import TRAINED_TYPES, TextType, render
from training.contrastive.batches import _Pairs, places_of, text_type_of, training_batches
from training.contrastive.drawn import draw, taxa, write_drawn
from training.contrastive.gradients import backward, pair_loss, parameter_groups
from training.contrastive.recipe import ContrastiveRecipe, find_recipe, read_contrastive_recipe
from training.contrastive.shards import read_image, read_index, read_pairs, write_shards
from training.contrastive.train import build, join, train
from ui.cli import main

ROOT = Path(taxalens.__file__).parent
DATA = Path(os.environ.get("TAXALENS_DATA", ROOT.parent / "shared" / "data"))
GOLDEN = DATA / "golden" / "golden.json"


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_drawn(folder, train=1, val=1)
    return folder


def test_the_defaults_are_bioclips() -> None:
    recipe = read_contrastive_recipe(find_recipe(Path("bioclip.toml")))
    assert recipe == ContrastiveRecipe()
    assert (recipe.learning_rate, recipe.batch_size, recipe.weight_decay) == (1e-4, 32_768, 0.2)
    assert (recipe.beta1, recipe.beta2, recipe.epsilon) == (0.9, 0.98, 1e-6)
    assert recipe.architecture.endswith("quickgelu")


@pytest.mark.parametrize("path", sorted((ROOT / "training" / "recipes").glob("*.toml")))
def test_every_recipe_that_ships_is_read(path: Path) -> None:
    if path.name != "starter.toml":
        assert read_contrastive_recipe(path).steps >= 0


def test_the_learning_rate_is_the_references() -> None:
    optimiser = torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
    rate = cosine_lr(optimiser, 1e-4, 1000, 30_400)
    assert [rate(step) for step in (0, 999, 1000)] == pytest.approx([1e-7, 1e-4, 1e-4])
    assert rate(30_399) < 1e-10


@pytest.mark.skipif(not GOLDEN.is_file(), reason="the reference's outputs are not here")
def test_one_type_a_batch_is_the_references_schedule() -> None:
    expected = json.loads(GOLDEN.read_text())["type_schedule"]
    recipe = replace(TINY, text_type="mixed-per-batch")
    found = [text_type_of(step, place=step * 7, recipe=recipe) for step in range(len(expected))]
    assert found == expected


def test_one_type_a_sample_is_even_and_repeatable() -> None:
    found = [text_type_of(step, place, TINY) for step in range(50) for place in range(40)]
    assert found == [text_type_of(step, place, TINY) for step in range(50) for place in range(40)]
    counts = [found.count(str(each)) for each in TRAINED_TYPES]
    assert sum(counts) == 2000
    assert min(counts) > 330
    assert text_type_of(3, 4, replace(TINY, text_type="sci")) == "sci"


def test_an_epoch_has_each_sample_once() -> None:
    recipe = replace(TINY, batch_size=5)
    epoch = np.concatenate([places_of(step, 20, recipe) for step in range(4)])
    assert sorted(epoch) == list(range(20))
    following = np.concatenate([places_of(step, 20, recipe) for step in range(4, 8)])
    assert sorted(following) == list(range(20))
    assert following.tolist() != epoch.tolist()


def test_shards_have_the_ten_members_and_give_back_what_was_written(tmp_path: Path) -> None:
    write_drawn(tmp_path, train=1, val=1)
    (shard,) = (tmp_path / "train").glob("*")
    with tarfile.open(shard) as archive:
        names = archive.getnames()
    key = names[0].partition(".")[0]
    own = {name.partition(".")[2] for name in names if name.startswith(f"{key}.")}
    assert own == {"jpg", *(f"{each}.txt" for each in TextType)}
    samples = read_index(tmp_path, "train")
    assert len(samples) == 48
    assert samples[5].texts == {str(each): render(taxa()[5], each) for each in TRAINED_TYPES}
    assert read_image(samples[5])[:2] == b"\xff\xd8"


def test_incomplete_samples_are_left_out_and_damaged_shards_named(tmp_path: Path) -> None:
    write_shards([("a", b"1", taxa()[0]), ("b", b"2", taxa()[1])], tmp_path / "train")
    (shard,) = (tmp_path / "train").glob("*.tar")
    with tarfile.open(shard) as archive, tarfile.open(tmp_path / "new.tar", "w") as new:
        for member in archive:
            if member.name != "a.sci.txt":
                new.addfile(member, archive.extractfile(member))
    (tmp_path / "new.tar").replace(shard)
    assert [sample.key for sample in read_index(tmp_path, "train")] == ["b"]
    shard.write_bytes(b"x" * 2000)
    with pytest.raises(BadInput, match="cannot be read as a shard"):
        read_index(tmp_path, "train")
    with pytest.raises(BadInput, match="has no shard"):
        read_index(tmp_path, "val")


def test_drawn_species_are_named_apart_and_look_apart() -> None:
    assert len({taxon.key for taxon in taxa()}) == len({t.common_name for t in taxa()}) == 48
    same = np.abs(np.asarray(draw(3, 0), float) - np.asarray(draw(3, 0), float)).max()
    assert same == 0
    assert isinstance(draw(0, 1), Image.Image)


def micro_batches(shards: Path, recipe: ContrastiveRecipe, tokenizer: Any) -> list[Any]:
    return next(training_batches(read_index(shards, "train"), recipe, 32, tokenizer, 0))


def gradients(shards: Path, recipe: ContrastiveRecipe) -> tuple[float, dict[str, torch.Tensor]]:
    torch.manual_seed(0)
    network, _, tokenizer = build(recipe)
    scaler = torch.amp.GradScaler("cpu", enabled=False)
    loss = backward(network, micro_batches(shards, recipe, tokenizer), recipe, scaler)
    return loss, {name: p.grad for name, p in network.named_parameters() if p.grad is not None}


def test_workers_that_are_not_forked_read_the_same(shards: Path) -> None:
    _, _, tokenizer = build(TINY)
    pairs = _Pairs(read_index(shards, "train"), TINY, 32, tokenizer)
    sent = pickle.loads(pickle.dumps(pairs))  # as macOS and Windows send it to a worker
    for found, expected in zip(sent[3, 5], pairs[3, 5], strict=True):
        assert torch.equal(found, expected)


@pytest.fixture
def double() -> Iterator[None]:
    """Numbers of 64 bits, in which the order of sums makes no difference that counts."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


LOSSES = [(loss, same) for loss in ("softmax", "sigmoid") for same in ("negatives", "ignored")]


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize(("loss", "same_species"), LOSSES)
@pytest.mark.parametrize("parts", [2, 4])
def test_accumulated_gradients_are_those_of_the_large_batch(
    shards: Path, parts: int, loss: str, same_species: str
) -> None:
    recipe = replace(TINY, loss=loss, same_species=same_species)
    value, whole = gradients(shards, recipe)
    same_value, accumulated = gradients(shards, replace(recipe, accumulate=parts))
    assert same_value == pytest.approx(value, rel=1e-9)
    assert whole.keys() == accumulated.keys()
    assert ("logit_bias" in whole) == (loss == "sigmoid")
    assert "logit_scale" in whole
    for name, gradient in whole.items():
        assert gradient.dtype == torch.float64
        assert torch.allclose(gradient, accumulated[name], rtol=1e-5, atol=1e-12), name
        assert gradient.abs().max() > 0 or "bias" in name, name


def six_pairs() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images, texts = (
        torch.nn.functional.normalize(torch.randn(6, 4, generator=generator), dim=1)
        for _ in range(2)
    )
    scalars = {"logit_scale": torch.tensor(10.0), "logit_bias": torch.tensor(-3.0)}
    return {"image_features": images, "text_features": texts, **scalars}


SPECIES = torch.tensor([0, 1, 2, 0, 3, 4])


def test_the_loss_is_symmetric_infonce() -> None:
    out = six_pairs()
    logits = (10 * out["image_features"] @ out["text_features"].T).double()
    rows = [torch.logsumexp(logits[n], 0) - logits[n, n] for n in range(6)]
    columns = [torch.logsumexp(logits[:, n], 0) - logits[n, n] for n in range(6)]
    found = pair_loss(TINY, out, SPECIES)
    assert float(found) == pytest.approx(float(sum(rows + columns)) / 12, abs=1e-5)
    logits[0, 3] = logits[3, 0] = -torch.inf  # one species: no negatives of each other
    rows = [torch.logsumexp(logits[n], 0) - logits[n, n] for n in range(6)]
    columns = [torch.logsumexp(logits[:, n], 0) - logits[n, n] for n in range(6)]
    found = pair_loss(replace(TINY, same_species="ignored"), out, SPECIES)
    assert float(found) == pytest.approx(float(sum(rows + columns)) / 12, abs=1e-5)


def test_the_sigmoid_loss_is_siglips() -> None:
    out = six_pairs()
    recipe = replace(TINY, loss="sigmoid")
    found = float(pair_loss(recipe, out, SPECIES))
    assert found == pytest.approx(float(SigLipLoss()(**out)), abs=1e-5)
    logits = 10 * out["image_features"] @ out["text_features"].T - 3
    pair = sum(float(torch.nn.functional.softplus(logits[a, b])) for a, b in ((0, 3), (3, 0)))
    ignoring = float(pair_loss(replace(recipe, same_species="ignored"), out, SPECIES))
    assert ignoring == pytest.approx(found - pair / 6, abs=1e-5)


def test_the_sigmoid_loss_begins_as_published_and_its_bias_is_kept(
    shards: Path, tmp_path: Path
) -> None:
    recipe = replace(TINY, loss="sigmoid", steps=40, validate_every=20)
    network, _, _ = build(recipe)
    assert float(network.logit_scale.detach().exp()) == pytest.approx(10)
    assert float(network.logit_bias.detach()) == -10
    steps = list(train(recipe, shards, tmp_path))
    assert steps[-1].loss < steps[0].loss / 2
    loaded = open_clip.create_model(f"local-dir:{tmp_path / 'best'}")
    assert float(loaded.logit_bias.detach()) not in (-10, 0)
    taxalens.load_encoder(f"local-dir:{tmp_path / 'best'}", "torch")
    softmax = replace(TINY, network={}, architecture=f"local-dir:{tmp_path / 'best'}")
    assert not build(softmax)[0].logit_bias.requires_grad  # that loss has none
    resumed = build(replace(softmax, loss="sigmoid"))[0]
    assert torch.equal(resumed.logit_bias, loaded.logit_bias)


def test_gains_biases_and_the_scale_do_not_decay() -> None:
    network, _, _ = build(TINY)
    plain, decayed = parameter_groups(network, 0.2)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    kept = {names[id(parameter)] for parameter in plain["params"]}
    assert plain["weight_decay"] == 0
    assert {"logit_scale", "ln_final.weight", "visual.ln_post.bias"} <= kept
    assert not {"text_projection", "token_embedding.weight"} & kept
    assert len(kept) + len(decayed["params"]) == len(names)


def weights(run: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(run / "checkpoint.pt", weights_only=True)["network"]
    return state


def test_a_run_that_stopped_ends_as_if_it_had_not(shards: Path, tmp_path: Path) -> None:
    whole = list(train(TINY, shards, tmp_path / "whole"))
    assert [step.number for step in whole] == list(range(1, 7))
    stop_after(3, TINY, shards, tmp_path / "stopped")  # between two checkpoints
    random.seed(99)
    torch.manual_seed(99)  # another process's generators
    rest = list(train(TINY, shards, tmp_path / "stopped"))
    assert [step.number for step in rest] == [3, 4, 5, 6]
    assert [step.loss for step in rest] == [step.loss for step in whole[2:]]
    for name, tensor in weights(tmp_path / "whole").items():
        assert torch.equal(tensor, weights(tmp_path / "stopped")[name]), name
    curves = [(tmp_path / name / "curve.csv").read_text() for name in ("whole", "stopped")]
    losses = [[line.split(",")[:3] for line in curve.splitlines()] for curve in curves]
    assert losses[0] == losses[1]
    assert list(train(TINY, shards, tmp_path / "whole")) == []  # it is at its end
    with pytest.raises(BadInput, match="another recipe"):
        next(train(replace(TINY, seed=4), shards, tmp_path / "whole"))


def test_a_locked_image_tower_does_not_move(shards: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, lock_image=True, steps=2)
    torch.manual_seed(recipe.seed)
    before = build(recipe)[0].state_dict()
    list(train(recipe, shards, tmp_path))
    for name, tensor in weights(tmp_path).items():
        if name.startswith("visual."):
            assert torch.equal(tensor, before[name]), name
    assert not torch.equal(weights(tmp_path)["text_projection"], before["text_projection"])


def test_the_best_network_is_an_encoder_that_learned(shards: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, steps=60, batch_size=16, validate_every=20, text_type="taxon")
    recipe = replace(recipe, learning_rate=3e-3)
    steps = list(train(recipe, shards, tmp_path))
    assert steps[-1].loss < steps[0].loss - 0.5
    encoder = taxalens.load_encoder(f"local-dir:{tmp_path / 'best'}", "torch")
    assert encoder.dim == 16
    assert tuple(encoder.identity.preprocessing["mean"]) == TINY.mean
    assert "BioCLIP recipe" in (tmp_path / "best" / "README.md").read_text()
    texts = encoder.encode_texts([render(taxon, TextType.TAXON) for taxon in taxa()])
    images = encoder.encode_images([draw(species, 0) for species in range(48)])
    orders = np.arange(48) // 8 % 3  # the ground colour
    nearest = (images.astype(np.float32) @ texts.astype(np.float32).T).argmax(axis=1)
    assert (orders[nearest] == orders).mean() > 0.5


RANK = """
import json, os, sys
from dataclasses import replace
from pathlib import Path
import torch
from small_runs import TINY
from test_contrastive import first_gradients
from training.contrastive.train import train
shards, run = map(Path, sys.argv[1:3])
torch.set_default_dtype(torch.float64)
for number, case in enumerate(json.loads(sys.argv[3])):
    recipe = replace(TINY, steps=4, **case)
    for step in train(recipe, shards, run / str(number)):
        print(step.number, repr(step.loss), flush=True)
        if len(sys.argv) > 4 and step.number == 3:
            os._exit(9)
    found = first_gradients(shards, recipe)
    if os.environ["RANK"] == "0":
        torch.save(found, run / str(number) / "gradients.pt")
"""


def first_gradients(shards: Path, recipe: ContrastiveRecipe) -> dict[str, torch.Tensor]:
    """Return the gradients of the first step, over all ranks."""
    rank, many, _ = join()
    torch.manual_seed(0)
    network, _, tokenizer = build(recipe)
    wrapped = torch.nn.parallel.DistributedDataParallel(network) if many > 1 else network
    samples = read_index(shards, "train")
    replayed = read_pairs(Path(recipe.replay)) if recipe.replay else []
    batches = next(training_batches(samples, recipe, 32, tokenizer, 0, rank, many, replayed))
    backward(wrapped, batches, recipe, torch.amp.GradScaler("cpu", enabled=False), rank, many)
    return {name: each.grad for name, each in network.named_parameters() if each.grad is not None}


def ranks(shards: Path, run: Path, many: int, *words: str, port: int) -> list[str]:
    """Run as torchrun would, without its start-up time."""
    base = os.environ | {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    base |= {"OMP_NUM_THREADS": "1", "WORLD_SIZE": str(many), "PYTHONWARNINGS": "ignore"}
    base["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RANK, str(shards), str(run), *words],
            env=base | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(many)
    ]
    outputs = [process.communicate(timeout=300) for process in processes]
    if len(words) < 2:
        assert not any(process.returncode for process in processes), outputs
    return outputs[0][0].splitlines()


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.usefixtures("double")
def test_two_ranks_train_as_one_process_does(shards: Path, tmp_path: Path) -> None:
    cases: list[dict[str, Any]] = [
        {"loss": loss, "same_species": same, "accumulate": accumulate}
        for loss, same in LOSSES
        for accumulate in (1, 2)
    ]
    write_pairs(tmp_path / "general")
    replay = {"replay": str(tmp_path / "general"), "replay_share": 0.5, "accumulate": 2}
    cases += [{**replay, "loss": loss} for loss in ("softmax", "sigmoid")]
    lines = ranks(shards, tmp_path / "two", 2, json.dumps(cases), port=free_port())
    found = [float(line.split()[1]) for line in lines]
    for number, case in enumerate(cases):
        recipe = replace(TINY, steps=4, **{**case, "accumulate": 1})
        alone = [step.loss for step in train(recipe, shards, tmp_path / f"one{number}")]
        assert found[4 * number : 4 * number + 4] == pytest.approx(alone, rel=1e-9), case
        folder = tmp_path / "two" / str(number)
        together = torch.load(folder / "gradients.pt", weights_only=True)
        gradients = first_gradients(shards, recipe)
        assert together.keys() == gradients.keys()
        for name, gradient in gradients.items():
            assert torch.allclose(gradient, together[name], rtol=1e-5, atol=1e-12), (case, name)
        for name, tensor in weights(tmp_path / f"one{number}").items():
            assert torch.allclose(tensor, weights(folder)[name], atol=1e-5), (case, name)


def test_ranks_that_are_killed_go_on_to_the_same_end(shards: Path, tmp_path: Path) -> None:
    case = json.dumps([{"loss": "softmax"}])
    whole = ranks(shards, tmp_path / "whole", 2, case, port=free_port())
    killed = ranks(shards, tmp_path / "killed", 2, case, "kill", port=free_port())
    assert len(killed) == 3
    rest = ranks(shards, tmp_path / "killed", 2, case, port=free_port())
    assert rest == whole[2:]


def test_what_cannot_be_trained_is_named(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"batch_size asks for 9 samples a step.* multiple of 2"):
        next(train(replace(TINY, batch_size=9, accumulate=2), shards, tmp_path))
    with pytest.raises(Error, match="text_type = 'latin' is not one of"):
        replace(TINY, text_type="latin")
    recipe = tmp_path / "r.toml"
    recipe.write_text("batch_sise = 3\n")
    with pytest.raises(UnknownName, match="Did you mean batch_size"):
        read_contrastive_recipe(recipe)


def test_the_command_trains_on_drawings_and_prints_the_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_recipe(Path("small.toml"), replace(TINY, steps=2))
    done = CliRunner().invoke(main, ["train", "small.toml", "--drawn", "--to", "run"])
    assert done.exit_code == 0, done.output
    assert done.stdout == "local-dir:run/best\n"
    refused = CliRunner().invoke(main, ["train", "small.toml", "--to", "run"])
    assert refused.exit_code == 2
    unknown = CliRunner().invoke(main, ["train", "nowhere.toml", "--drawn", "--to", "r"])
    assert "nowhere.toml cannot be read" in unknown.output
