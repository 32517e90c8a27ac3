"""Retrieval samples and TensorBoard events, which a run writes at each validation."""

import csv
import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from small_runs import TINY, write_recipe
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import taxalens
from model.errors import Error
from training.contrastive.drawn import write_drawn
from training.contrastive.events import with_events
from training.contrastive.shards import Sample, read_image, read_index
from training.contrastive.train import train
from ui.cli import main


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    write_drawn(folder, train=1, val=1)
    return folder


def test_samples_are_the_nearest_names_of_a_few_pictures(shards: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, text_type="taxon", steps=4, validate_every=4)
    list(train(recipe, shards, tmp_path))
    (path,) = (tmp_path / "samples").iterdir()
    assert path.name == "step-000004.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    samples = {each.key: each for each in read_index(shards, "val")}
    assert len({row["sample"] for row in rows}) == 8
    assert [row["place"] for row in rows] == ["1", "2", "3", "4", "5"] * 8
    assert all(row["name"] == samples[row["sample"]].texts["taxon"] for row in rows)
    encoder = taxalens.load_encoder(f"local-dir:{tmp_path / 'best'}", "torch")
    pictures = [pixels(samples[row["sample"]]) for row in rows]
    images = encoder.encode_images(pictures).astype(np.float32)
    texts = encoder.encode_texts([row["found"] for row in rows]).astype(np.float32)
    expected = (images * texts).sum(axis=1)
    assert [float(row["cosine"]) for row in rows] == pytest.approx(expected, abs=0.03)
    every = encoder.encode_texts(sorted({each.texts["taxon"] for each in samples.values()}))
    best = (images[::5] @ every.astype(np.float32).T).max(axis=1)
    assert [float(row["cosine"]) for row in rows[::5]] == pytest.approx(best, abs=0.03)


def pixels(sample: Sample) -> Image.Image:
    return Image.open(io.BytesIO(read_image(sample))).convert("RGB")


def scalars(run: Path, name: str) -> list[tuple[int, float]]:
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    return [(each.step, each.value) for each in events.Scalars(name)]


def test_events_are_the_curve_also_of_a_run_that_stopped(shards: Path, tmp_path: Path) -> None:
    stopped = with_events(train(TINY, shards, tmp_path), tmp_path)
    for _ in range(3):  # the checkpoint is of step 2
        next(stopped)
    stopped.close()
    rest = list(with_events(train(TINY, shards, tmp_path), tmp_path))
    assert rest[0].number == 3
    with (tmp_path / "curve.csv").open(newline="") as file:
        curve = list(csv.DictReader(file))
    expected = [(int(row["step"]), float(row["loss"])) for row in curve]
    assert [step for step, _ in expected] == [1, 2, 3, 4, 5, 6]
    found = scalars(tmp_path, "loss")
    assert [step for step, _ in found] == [1, 2, 3, 4, 5, 6]
    assert [value for _, value in found] == pytest.approx([loss for _, loss in expected])
    assert [step for step, _ in scalars(tmp_path, "validation loss")] == [2, 4, 6]


def test_without_tensorboard_a_sentence_comes_before_the_first_step(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(Error, match=r"pip install 'taxalens\[tensorboard\]'"):
        next(with_events(train(TINY, shards, tmp_path), tmp_path))
    assert not list(tmp_path.iterdir())


def test_the_command_writes_events_when_asked(shards: Path, tmp_path: Path) -> None:
    write_recipe(tmp_path / "r.toml", replace(TINY, steps=2))
    for name, words in (("with", ["--tensorboard"]), ("without", [])):
        run = ["--data", str(shards), "--to", str(tmp_path / name)]
        done = CliRunner().invoke(main, ["train", str(tmp_path / "r.toml"), *run, *words])
        assert done.exit_code == 0, done.output
        assert (tmp_path / name / "tensorboard").is_dir() == bool(words)
