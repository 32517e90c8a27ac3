"""What to label next: never what is labelled, nothing twice, and as unlike as can be."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from colours import ColourEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import run, write_picture

from indexer.labels.label_files import read_label_file
from model.errors import Error
from search.audit.suggestions import COLUMNS, _distinct, _spread
from search.collection import open_collection
from ui.cli import main

HUES = ("red", "lime", "blue", "yellow", "cyan", "magenta")


def shades(folder: Path, hue: str, count: int, seed: int) -> None:
    """Write pictures in two halves, one of a hue, one of anything: alike, but never the same."""
    from PIL import Image

    random = np.random.default_rng(seed)
    for number in range(count):
        path = write_picture(folder / f"{hue}{number}.png", hue, (16, 16))
        image = Image.open(path).convert("RGB")
        image.paste(tuple(random.integers(0, 256, 3).tolist()), (0, 0, 16, 5))
        image.save(path)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten pictures each of red and lime that are labelled so; of six hues six that are not."""
    place = tmp_path_factory.mktemp("suggest")
    shades(place / "photos" / "Rubra rubra", "red", 10, 1)
    shades(place / "photos" / "Viridis viridis", "lime", 10, 2)
    for seed, hue in enumerate(HUES):
        shades(place / "photos", hue, 6, seed + 10)
    write_picture(place / "photos" / "copy.png", "white")
    write_picture(place / "photos" / "again.png", "white", (32, 32))
    run(place / "photos", place / "c")
    return place


def taxalens(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.mark.parametrize("k", [1, 5, 20, 99])
def test_suggestions_are_unlabelled_and_each_is_new(place: Path, k: int) -> None:
    opened = open_collection(place / "c", ColourEncoder())
    suggestions = opened.suggest(k)
    ids = [each.hit.image_id for each in suggestions]
    assert len(set(ids)) == len(ids) <= k
    assert len(ids) == k or k == 99
    assert not any(each.hit.label for each in suggestions)
    assert not {"copy.png", "again.png"} <= {each.hit.file_name for each in suggestions}
    rows = dict(opened.snapshot.query('SELECT image_id, "row" FROM images'))
    vectors = opened.nearest.exact.gather(np.array([rows[each] for each in ids]))
    cosines = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    assert (cosines - 2 * np.eye(len(ids)) < 0.97).all()
    assert suggestions == opened.suggest(k)


def test_what_is_least_known_comes_first_and_is_said(place: Path) -> None:
    suggestions = open_collection(place / "c", ColourEncoder()).suggest(4)
    hues = {each.hit.file_name.rstrip("0123456789.png") for each in suggestions}
    assert not hues & {"red", "lime"}
    assert {each.looks_like for each in suggestions} <= {"Rubra rubra", "Viridis viridis"}
    for each in suggestions:
        assert each.reason == "unlike all that is labelled" or each.reason.startswith("between ")
        assert 0.4 < each.uncertainty <= 1


def test_without_any_label_every_kind_of_picture_is_asked_for(place: Path) -> None:
    opened = open_collection(place / "c", ColourEncoder())
    suggestions = opened.suggest(6, where="label = '' AND image_id NOT LIKE 'x%'")
    assert len(suggestions) == 6
    hues = {each.hit.file_name.rstrip("0123456789.png") for each in suggestions}
    assert len(hues) >= 5
    assert {each.reason for each in suggestions} == {"stands for many that look so"}
    assert {each.looks_like for each in suggestions} == {""}


def test_where_all_is_labelled_nothing_is_suggested(place: Path) -> None:
    opened = open_collection(place / "c", ColourEncoder())
    suggestions = opened.suggest(within="Rubra")
    assert len(suggestions) == 0
    assert suggestions.meaning == "0 of 0 unlabelled images"
    with pytest.raises(Error, match="1 or more, not 0"):
        opened.suggest(0)


def test_the_order_of_rows_does_not_matter(place: Path, tmp_path: Path) -> None:
    first = open_collection(place / "c", ColourEncoder()).suggest(8)
    run(place / "photos" / "Viridis viridis", tmp_path / "c")
    run(place / "photos", tmp_path / "c")
    other = open_collection(tmp_path / "c", ColourEncoder())
    again = other.suggest(8, where="source_id LIKE 'photos/%'")
    assert {each.hit.file_name for each in again} == {each.hit.file_name for each in first}


@settings(max_examples=25)
@given(st.integers(0, 9999), st.integers(1, 12))
def test_a_spread_takes_each_once(seed: int, k: int) -> None:
    random = np.random.default_rng(seed)
    made = random.normal(size=(40, 48))  # so many directions that no two are the same
    vectors = (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16)
    vectors[30:] = vectors[:10]
    kept = _distinct(vectors)
    assert kept.tolist() == list(range(30))
    chosen = _spread(vectors[kept], random.random(30) + 0.1, k)
    assert len(set(chosen.tolist())) == len(chosen) == k


def test_suggestions_show_as_tables_and_pictures(place: Path) -> None:
    suggestions = open_collection(place / "c", ColourEncoder()).suggest(3)
    assert suggestions.to_arrow().column_names == list(COLUMNS)
    assert suggestions._repr_html_().count("<img") == 3


def test_what_the_command_writes_can_be_filled_in_and_given_back(tmp_path: Path) -> None:
    for hue in HUES:
        write_picture(tmp_path / "photos" / f"{hue}.png", hue)
    c, table = tmp_path / "c", tmp_path / "to_label.csv"
    run(tmp_path / "photos", c)
    result = taxalens("suggest", "-c", c, "-k", 2, "--format", "csv", "--output", table)
    assert result.exit_code == 0, result.output
    assert result.stderr == "2 of 6 unlabelled images\n"
    lines = list(csv.DictReader(table.read_text().splitlines()))
    assert [set(line) for line in lines] == [set(COLUMNS)] * 2
    for line in lines:
        line["label"] = "Panthera leo"
    with table.open("w") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(lines)
    run(tmp_path / "photos", c, labels=read_label_file(table))
    sql = "SELECT source_id FROM images JOIN taxa USING (taxon_key) WHERE species = 'Panthera leo'"
    labelled = {source_id for (source_id,) in open_collection(c).snapshot.query(sql)}
    assert labelled == {f"photos/{line['file_name']}" for line in lines}
    rest = json.loads(taxalens("suggest", "-c", c, "--format", "json").stdout)
    assert len(rest) == 4
    target = tmp_path / "s.parquet"
    assert taxalens("suggest", "-c", c, "--format", "parquet", "--output", target).exit_code == 0
    assert pq.read_table(target).to_pylist() == rest
    assert taxalens("suggest", "-c", c, "--format", "parquet").exit_code == 1
