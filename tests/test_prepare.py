"""Shards of one's own pictures: splits by content, evaluation left out, resumed where stopped."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pictures import write_picture
from PIL import Image

import taxalens
from model.errors import BadInput, Error
from training.contrastive.prepare import prepare, split_of
from training.contrastive.shards import read_image, read_index
from ui.cli import main


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Forty different pictures of two species, a copy, and one without a label."""
    monkeypatch.chdir(tmp_path)
    for number in range(40):
        name = ("Panthera leo", "Pica pica")[number % 2]
        write_picture(tmp_path / "zoo" / name / f"{number}.png", f"#{number * 6:02x}4080")
    write_picture(tmp_path / "zoo" / "Pica pica" / "copy.png", "#064080")
    write_picture(tmp_path / "zoo" / "unsorted" / "a.png", "red")
    return tmp_path


def catalog(folder: Path) -> list[dict[str, str]]:
    with (folder / "catalog.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_pictures_become_squashed_samples_with_their_texts(zoo: Path) -> None:
    prepared = prepare(["zoo"], zoo / "shards")
    assert prepared.counts["train"] + prepared.counts["val"] == 40
    assert prepared.counts["duplicate"] == 1
    assert prepared.counts["without a taxon"] == 1
    samples = read_index(zoo / "shards", "train")
    texts = {sample.texts["sci"] for sample in samples}
    assert texts == {"a photo of Panthera leo.", "a photo of Pica pica."}
    with Image.open(io.BytesIO(read_image(samples[0]))) as picture:
        assert picture.size == (224, 224)
    rows = catalog(zoo / "shards")
    small = {row["id"] for row in rows if row["split"] == "train_small"}
    assert small <= {row["id"] for row in rows if row["split"] == "train"}
    assert len(rows) == 40 + len(small)


def test_splits_depend_on_content_and_seed_alone(zoo: Path) -> None:
    prepare(["zoo"], zoo / "one", block=7)
    (zoo / "zoo").rename(zoo / "moved")
    for path in sorted((zoo / "moved").rglob("*.png")):  # in another order
        path.rename(path.with_name(path.stem[::-1] + "x.png"))
    prepare(["moved"], zoo / "two")
    one, two = (
        {(row["id"], row["split"]) for row in catalog(zoo / name)} for name in ("one", "two")
    )
    assert one == two
    prepare(["moved"], zoo / "three", seed=18)
    assert {(row["id"], row["split"]) for row in catalog(zoo / "three")} != one
    shares = [split_of(f"{number}", 17) for number in range(4000)]
    assert np.mean([split == "val" for split, _ in shares]) == pytest.approx(0.05, abs=0.01)
    assert np.mean([small for split, small in shares if split == "train"]) == pytest.approx(
        0.1, abs=0.02
    )


def test_evaluation_pictures_are_left_out_whatever_their_file(zoo: Path) -> None:
    """The reference compared file names with ids, and never matched."""
    with Image.open(zoo / "zoo" / "Pica pica" / "7.png") as picture:
        (zoo / "evaluation").mkdir()
        picture.save(zoo / "evaluation" / "renamed.bmp")
    prepared = prepare(["zoo"], zoo / "shards", exclude=["evaluation"])
    assert prepared.counts["evaluation picture"] == 1
    assert len({row["id"] for row in catalog(zoo / "shards")}) == 39


@pytest.mark.parametrize(
    "name",
    [
        "Pica pica",
        "pica_pica",
        "Pica pica (Linnaeus, 1758)",
        "Pica (Pica) pica bottanensis",
        # The reference compared such keys with scientific names, and never matched.
        "Animalia-Chordata-Aves-Passeriformes-Corvidae-Pica-pica",
    ],
)
def test_evaluation_species_are_left_out_however_they_are_written(zoo: Path, name: str) -> None:
    prepared = prepare(["zoo"], zoo / "shards", unseen=[name])
    assert prepared.counts["evaluation species"] == 21
    assert {row["species"] for row in catalog(zoo / "shards")} == {"Panthera leo"}


def test_a_list_of_evaluation_species_is_read_as_people_save_it(zoo: Path) -> None:
    (zoo / "unseen.txt").write_bytes("\ufeffPica pica\r\n\r\nPterois volitans\r\n".encode())
    made = CliRunner().invoke(
        main, ["train", "prepare", "zoo", "--to", "shards", "--unseen", "unseen.txt"]
    )
    assert made.exit_code == 0, made.output
    assert {row["species"] for row in catalog(zoo / "shards")} == {"Panthera leo"}


def test_other_exclusions_make_other_shards_and_strangers_are_refused(zoo: Path) -> None:
    prepare(["zoo"], zoo / "shards")
    shard = zoo / "shards" / "train" / "shard-000000.tar"
    before = shard.read_bytes()
    prepare(["zoo"], zoo / "shards", unseen=["Pica pica"])
    names = {sample.texts["sci"] for sample in read_index(zoo / "shards", "train")}
    assert names == {"a photo of Panthera leo."}
    shard.with_name("shard-000009.tar").write_bytes(before)
    with pytest.raises(Error, match=r"holds Pica pica .* which is excluded"):
        prepare(["zoo"], zoo / "shards", unseen=["Pica pica"])


def test_what_was_stopped_goes_on_and_ends_the_same(zoo: Path) -> None:
    prepare(["zoo"], zoo / "whole", block=10)
    prepare(["zoo"], zoo / "stopped", block=10)
    for pattern in ("train/shard-000002.tar", "blocks/000002-*", "blocks/000004-*", "catalog.csv"):
        (found,) = (zoo / "stopped").glob(pattern)
        found.unlink()
    kept = zoo / "stopped" / "train" / "shard-000001.tar"
    before = kept.stat().st_mtime_ns
    prepare(["zoo"], zoo / "stopped", block=10)
    assert kept.stat().st_mtime_ns == before
    for path in sorted((zoo / "whole").rglob("*.*")):
        assert path.read_bytes() == (zoo / "stopped" / path.relative_to(zoo / "whole")).read_bytes()


def test_a_collection_gives_its_own_labels(zoo: Path) -> None:
    (zoo / "labels.csv").write_text(
        "label,kingdom,family,genus,species,common_name\n"
        "Pica pica,Animalia,Corvidae,Pica,Pica pica,magpie\n"
    )
    taxalens.index("zoo", "c", encoder="starter", labels="labels.csv", taxonomy="none")
    done = CliRunner().invoke(main, ["train", "prepare", "c", "--to", "shards"])
    assert done.exit_code == 0, done.output
    texts = {sample.texts["taxon_com"] for sample in read_index(zoo / "shards", "train")}
    assert "a photo of Animalia Corvidae Pica pica with common name magpie." in texts
    with pytest.raises(BadInput, match="has a taxon to train on"):
        prepare(["zoo/unsorted"], zoo / "none")
