"""Named tasks: label files as published, missing data named, published figures beside measured."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pictures import write_picture

import taxalens
from model.encoder import load
from model.errors import EncoderUnavailable, UnknownName
from training.evaluation.published import CARD, COLUMNS, CVPR, PUBLISHED, SITE
from training.evaluation.task_table import evaluate_tasks, results_table
from training.evaluation.tasks import TASKS, TEN, task_of
from ui.cli import main

DATA = Path(
    os.environ.get("TAXALENS_DATA", Path(taxalens.__file__).parent.parent / "shared" / "data")
)
ANNOTATIONS = DATA / "eval_annotations"


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub where nobody answers."""
    monkeypatch.setattr("model.open_clip_models.ENDPOINT", "http://127.0.0.1:9")


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data sets with one task, two classes whose strings are no names."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "tasks" / "PLT_DOC_Mini"
    lines = [",filepath,class"]
    for number, colour in enumerate(("green", "lime", "red", "purple")):
        kind = ("Corn leaf", "Tomato___rot")[number // 2]
        write_picture(folder / kind / f"{number}.png", colour)
        lines.append(f"{number},{kind}/{number}.png,{kind}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "tasks"


@pytest.mark.skipif(not ANNOTATIONS.is_dir(), reason="the label files of the tasks are absent")
@pytest.mark.parametrize("name", sorted(set(TASKS) - {"birds"}))
def test_a_task_has_the_images_and_classes_of_its_label_file(name: str) -> None:
    task = task_of(name)
    table = task.find(ANNOTATIONS)
    assert table is not None
    with table.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == task.images
    if task.classes:
        assert len({line["class"] for line in lines}) == task.classes
    assert ("genus" in lines[0]) == task.has_taxa


def test_every_task_says_where_it_is_had() -> None:
    assert len(TEN) == 10
    for task in TASKS.values():
        assert "https://" in task.source or "Kaggle" in task.source
        assert task.source in task.missing(None)
    with pytest.raises(UnknownName, match="Did you mean insects"):
        task_of("insecs")


@pytest.mark.parametrize(("encoder", "variant"), PUBLISHED)
def test_published_means_are_the_truncated_means_of_their_rows(encoder: str, variant: str) -> None:
    *values, mean = PUBLISHED[encoder, variant]
    assert len(values) == 10
    assert np.floor(10 * np.round(np.mean(values), 6)) / 10 == pytest.approx(mean, abs=0.11)


def test_the_variants_differ_where_the_publications_say_so() -> None:
    site, cvpr = PUBLISHED["bioclip", SITE], PUBLISHED["bioclip", CVPR]
    assert [name for name, a, b in zip(COLUMNS, site, cvpr, strict=True) if a != b] == ["Rare"]
    assert PUBLISHED["bioclip", CARD][-1] == 41.5


def test_a_task_is_evaluated_and_a_missing_one_is_a_row(tasks: Path) -> None:
    evaluation = evaluate_tasks(
        ["plantdoc", "rare-species"], tasks, ["starter"], families="zero-shot", templates=1
    )
    measured = [figure for figure in evaluation if figure.value is not None]
    assert [figure.measure for figure in measured] == ["zero-shot top-1", "zero-shot top-5"]
    assert {figure.data for figure in measured} == {"plantdoc"}
    assert measured[0].setting == "asis, 1 template, 2 classes"
    assert evaluation.notes == ("plantdoc: 4 images of 1,080",)
    (missing,) = [figure for figure in evaluation if figure.value is None]
    assert missing.data == "rare-species"
    assert "huggingface.co/datasets/imageomics/rare-species" in missing.setting
    assert "licenses.csv" in missing.setting


def test_the_table_has_published_figures_beside_what_was_measured(tasks: Path) -> None:
    table = results_table(tasks, ["starter", "bioclip-inat21"], templates=1)
    rows = [(row.encoder, row.variant) for row in table]
    assert rows[0] == ("starter", "measured")
    assert rows[-3:] == [("iNat21 Only", each) for each in (CARD, SITE, CVPR)]
    values = dict(zip(COLUMNS, table[0].values, strict=True))
    assert values["PlantDoc"] is not None
    assert values["Rare"] is None
    assert values["Mean"] is None
    assert any("bioclip-vit-b-16-inat-only" in note for note in table.notes)


def test_the_command_writes_tasks_and_the_table(tasks: Path) -> None:
    words = ["evaluate", "--task", "plantdoc", "--task", "insects", "--data", str(tasks)]
    words += ["--encoder", "starter", "--measure", "zero-shot", "--templates", "1"]
    shown = CliRunner().invoke(main, words)
    assert shown.exit_code == 0, shown.output
    assert "get set INS (Mini) from https://meta-album.github.io" in shown.stdout
    table = CliRunner().invoke(
        main, ["evaluate", "--table", "--encoder", "bioclip", "--format", "json"]
    )
    lines = json.loads(table.stdout)
    assert [line["variant"] for line in lines] == ["measured", CARD, SITE, CVPR]
    assert lines[0]["Rare"] is None
    refused = CliRunner().invoke(main, ["evaluate", "zoo", "--task", "plantdoc"])
    assert refused.exit_code == 2


@pytest.mark.parametrize("name", ["clip", "openclip", "siglip", "bioclip-inat21"])
def test_baselines_are_named_by_their_repository_where_they_are_missing(
    name: str,
) -> None:
    with pytest.raises(EncoderUnavailable, match=r"The weights of (timm|laion|imageomics)/"):
        load(name)
