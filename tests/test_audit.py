"""Audits: a wrong label is found where it stands out, and nothing is found where all is well."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from colours import ColourEncoder
from galleries import unit
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import run, write_picture
from PIL import Image

from indexer.backends.exact import Exact
from indexer.backends.selection import Selection
from indexer.labels.label_files import read_label_file
from model.errors import Error
from search.audit.findings import COLUMNS
from search.audit.label_classes import UNLABELLED, Classes, classes_of
from search.audit.label_errors import label_errors
from search.audit.near_duplicates import duplicate_groups, nearest_others, outlier_scores
from search.collection import Collection, open_collection
from search.ranking.nearest import Nearest
from ui.cli import main

GROUP = "group 1: 1 copy of 0.png, labelled Canis lupus, Panthera leo"


def clusters(classes: int, each: int, dim: int = 16, spread: float = 0.3, seed: int = 0):
    """Return (n, dim) unit rows around well separated means, and their classes."""
    random = np.random.default_rng(seed)
    means = np.linalg.qr(random.normal(size=(dim, dim)))[0][:classes]
    of = np.repeat(np.arange(classes), each)
    return unit(means[of] + spread * random.normal(size=(len(of), dim)) / np.sqrt(dim)), of


def labelled(of: np.ndarray, lineages: list[str] | None = None) -> Classes:
    """Return classes that are no taxa, or those of lines "family genus species"."""
    count = int(of.max()) + 1
    numbers: dict[str, int] = {"": 0}
    ranks = [
        [numbers.setdefault(name, len(numbers)) for name in ["life"] * 4 + line.split()]
        for line in lineages or []
    ]
    shaped = np.array(ranks or np.zeros((count, 7)), np.int64)
    names = tuple(f"class {each}" for each in range(count))
    return Classes(np.arange(len(of)), of, names, np.arange(1, count + 1), shaped)


@settings(max_examples=25)
@given(st.integers(0, 99), st.integers(0, 9999))
def test_a_planted_label_comes_first_and_the_right_one_is_named(place: int, seed: int) -> None:
    vectors, of = clusters(5, 20, seed=seed)
    clean = label_errors(Exact([vectors]), labelled(of))
    assert not (clean.scores > 0).any()
    wrong = of.copy()
    wrong[place] = (of[place] + 1 + seed % 4) % 5
    found = label_errors(Exact([vectors]), labelled(wrong))
    assert found.scores.argmax() == place
    assert found.scores[place] > 0 > clean.scores[place]
    assert found.others[place] == of[place]


@settings(max_examples=25)
@given(st.integers(0, 9999))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    vectors, of = clusters(4, 12, spread=1.5, seed=seed)
    order = np.random.default_rng(seed).permutation(len(of))
    one = label_errors(Exact([vectors]), labelled(of))
    two = label_errors(Exact([vectors[:10][:0], vectors[order]]), labelled(of[order]))
    np.testing.assert_allclose(two.scores, one.scores[order], rtol=1e-2, atol=1e-2)


def test_leaving_one_out_is_what_it_would_be_without_that_image() -> None:
    vectors, of = clusters(4, 6, dim=12, spread=1.5, seed=3)
    found = label_errors(Exact([vectors]), labelled(of)).scores
    centred = vectors.astype(np.float64) - vectors.astype(np.float64).mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)

    def covariance(rows: np.ndarray, classes: np.ndarray) -> np.ndarray:
        means = np.stack([rows[classes == each].mean(axis=0) for each in range(4)])
        rest = rows - means[classes]
        return rest.T @ rest / 20  # 24 images, 4 means

    ridge = 0.3 * np.trace(covariance(centred, of)) / 12 + 1e-6
    for place in range(len(of)):
        kept = np.arange(len(of)) != place
        rows, classes = centred[kept], of[kept]
        inverse = np.linalg.inv(0.7 * covariance(rows, classes) + ridge * np.eye(12))
        far = np.array([centred[place] - rows[classes == each].mean(axis=0) for each in range(4)])
        near = -np.einsum("ci,ij,cj->c", far, inverse, far) / 2
        own = near[of[place]]
        near[of[place]] = -np.inf
        assert found[place] == pytest.approx(near.max() - own, rel=0.02, abs=0.02)


def test_near_relatives_weigh_less() -> None:
    vectors, of = clusters(3, 15)
    of[0] = 1
    lines = ["F G a", "F G b", "Z Y x"]
    near = label_errors(Exact([vectors]), labelled(of, lines)).scores[0]
    lines = ["F G a", "F H b", "Z Y x"]
    genus = label_errors(Exact([vectors]), labelled(of, lines)).scores[0]
    lines = ["F G a", "E H b", "Z Y x"]
    far = label_errors(Exact([vectors]), labelled(of, lines)).scores[0]
    assert 0 < near < genus < far


def test_a_genus_is_contradicted_by_no_species_of_it() -> None:
    vectors, _ = clusters(3, 15)
    names = ("Pica", "Pica pica", "Panthera leo")
    stop = np.array([2, 2, 3])
    said = np.array([1] * 15 + [2] * 15 + [0] * 15)  # the last look like no species known here
    said[:3] = 0  # Pica pica, labelled Pica
    said[15:18] = 0  # lions, labelled Pica
    classes = Classes(np.arange(45), said, names, stop, np.zeros((3, 7), np.int64))
    found = label_errors(Exact([vectors]), classes)
    assert set(np.flatnonzero(found.scores > 0)) == {15, 16, 17}
    assert set(found.others[15:18]) == {2}


def test_what_nobody_can_tell_is_not_told() -> None:
    vectors, of = clusters(4, 5)
    of = np.where(of == 3, UNLABELLED, of)
    of[0] = 3  # the only one of its class
    scores = label_errors(Exact([vectors]), labelled(of)).scores
    assert np.isneginf(scores[[0, *range(15, 20)]]).all()
    assert np.isfinite(scores[1:15]).all()
    alone = label_errors(Exact([vectors]), labelled(np.zeros(20, np.int64)))
    assert np.isneginf(alone.scores).all()


@settings(max_examples=25)
@given(st.integers(0, 9999))
def test_groups_of_duplicates_are_equivalence_classes(seed: int) -> None:
    random = np.random.default_rng(seed)
    base = unit(random.normal(size=(8, 24)))
    which = random.integers(0, 8, 30)
    vectors = unit(base[which].astype(np.float32) + 0.005 * random.normal(size=(30, 24)))
    contents = np.where(random.random(30) < 0.2, 99, np.arange(30))
    near = nearest_others(Nearest(Exact([vectors])), Selection(range(30)), 5)
    numbers = duplicate_groups(near, contents)
    cosines = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    same = (cosines >= 0.97) | (contents[:, None] == contents) | np.eye(30, dtype=bool)
    for _ in range(5):
        same = same @ same
    assert ((numbers[:, None] == numbers) == same).all()


def test_what_is_far_from_everything_is_an_outlier_and_a_clump_is_none() -> None:
    vectors, _ = clusters(3, 20, dim=32)
    strange = unit(np.random.default_rng(5).normal(size=(1, 32)))
    clump = np.repeat(unit(np.random.default_rng(6).normal(size=(1, 32))), 12, axis=0)
    among = Selection(range(73))
    far = outlier_scores(nearest_others(Nearest(Exact([vectors, strange, clump])), among, 10))
    assert far.argmax() == 60
    assert far[60] > 3 > far[:60].max()
    assert (far[61:] == 0).all()
    alone = nearest_others(Nearest(Exact([strange])), Selection(range(1)), 10)
    assert outlier_scores(alone).tolist() == [0]


def noisy(path: Path, colour: tuple[int, int, int], seed: int) -> None:
    """Write a picture of a colour, of which no two are alike."""
    random = np.random.default_rng(seed)
    pixels = np.array(colour) + random.normal(0, 60, (4, 4, 3)).repeat(4, 0).repeat(4, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


COLOURS = {
    "Pica pica": (230, 40, 40),
    "Pica hudsonia": (40, 230, 40),
    "Panthera leo": (40, 40, 230),
    "Canis lupus": (230, 230, 40),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four species of twelve pictures; three lions and a wolf are misplaced, one is a copy."""
    place = tmp_path_factory.mktemp("audit")
    seed = 0
    for name, colour in COLOURS.items():
        for number in range(12):
            noisy(place / "photos" / name / f"{number}.png", colour, seed := seed + 1)
    for number in range(3):
        noisy(place / "photos/Pica pica" / f"lion{number}.png", (40, 40, 230), seed := seed + 1)
    noisy(place / "photos/Pica hudsonia/wolf.png", (230, 230, 40), seed + 1)
    copy = (place / "photos/Panthera leo/0.png").read_bytes()
    (place / "photos/Canis lupus/copy.png").write_bytes(copy)
    write_picture(place / "photos/plain.png", "white")
    run(place / "photos", place / "c")
    return place


@pytest.fixture(scope="module")
def opened(place: Path) -> Collection:
    return open_collection(place / "c", ColourEncoder())


def test_wrong_labels_come_with_their_cohort_and_evidence(opened: Collection) -> None:
    findings = opened.audit("labels")
    told = {(each.hit.file_name, each.looks_like) for each in findings[:5]}
    assert told == {
        *((f"lion{number}.png", "Panthera leo") for number in range(3)),
        ("wolf.png", "Canis lupus"),
        ("copy.png", "Panthera leo"),
    }
    lions = [each for each in findings if each.hit.file_name.startswith("lion")]
    assert {each.cohort for each in lions} == {"3 labelled Pica pica look like Panthera leo"}
    assert {one.label for each in lions for one in each.evidence} == {"Panthera leo"}
    assert all(len(each.evidence) == 3 for each in lions)
    scores = [each.score for each in findings]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > 0
    assert len(opened.audit("labels", k=2)) == 2


def test_duplicates_whose_labels_differ_say_so(opened: Collection) -> None:
    first, second = opened.audit("duplicates")[:2]
    assert {first.hit.file_name, second.hit.file_name} == {"0.png", "copy.png"}
    assert {first.looks_like, second.looks_like} == {"Panthera leo", "Canis lupus"}
    assert first.cohort == second.cohort == GROUP
    assert first.evidence == (second.hit,)
    assert first.score == pytest.approx(1, abs=1e-3)


def test_a_plain_picture_is_an_outlier(opened: Collection) -> None:
    findings = opened.audit("outliers", k=1)
    assert [each.hit.file_name for each in findings] == ["plain.png"]
    assert len(findings[0].evidence) == 3
    assert findings.meaning == "54 images: 1 outlier"


def test_an_audit_stays_among_what_passes(opened: Collection) -> None:
    findings = opened.audit(k=99, within="Pica")
    assert findings.images == 28
    assert {each.hit.label for each in findings} <= {"Pica pica", "Pica hudsonia"}
    assert not len(opened.audit(where="label = 'no such'"))
    with pytest.raises(Error, match="1 or more, not 0"):
        opened.audit(k=0)
    with pytest.raises(Error, match="Unknown kind 'typos'; choose one of labels, duplicates"):
        opened.audit("typos")


def test_classes_are_in_the_order_of_the_tree(tmp_path: Path) -> None:
    for name in ("a", "b"):
        noisy(tmp_path / "p" / f"{name}.png", (9, 9, 9), ord(name))
    noisy(tmp_path / "p" / "blank" / "c.png", (9, 9, 9), 1)
    said = "file_name,genus,species\na.png,Pica,\nb.png,Pica,pica\n"
    (tmp_path / "labels.csv").write_text(said)
    run(tmp_path / "p", tmp_path / "c", labels=read_label_file(tmp_path / "labels.csv"))
    snapshot = open_collection(tmp_path / "c").snapshot
    classes = classes_of(snapshot, Selection(range(3)))
    assert classes.names == ("Pica", "Pica pica", "blank")
    assert classes.stop.tolist() == [2, 2, 3]
    assert classes.inner == [0]
    assert sorted(classes.of.tolist()) == [0, 1, 2]
    one, two = np.array([0, 1]), np.array([1, 2])
    assert classes.divergence(one, two).tolist() == [6, 0]


def test_findings_show_as_tables_and_pictures(opened: Collection) -> None:
    findings = opened.audit("labels", k=3)
    assert findings.to_arrow().column_names == list(COLUMNS)
    html = findings._repr_html_()
    assert html.count("<img") == 12
    assert "look like Panthera leo" in html


def taxalens(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_the_command_shows_the_worst_of_each_kind(place: Path) -> None:
    result = taxalens("audit", "-c", place / "c", "-k", 4, "--sheet", place / "sheet.png")
    assert result.exit_code == 0, result.output
    found = "54 images: 4 likely wrong labels, 1 copy of 1 picture, 1 outlier\n"
    assert result.stderr.startswith(f"{found}score: labels, log of how many times likelier")
    header, first, *_ = result.stdout.splitlines()
    assert header.split() == [
        *("kind", "score", "label", "looks_like", "cohort", "change", "file_name")
    ]
    assert first.startswith("labels")
    assert (place / "sheet.png").is_file()


def test_the_command_writes_every_format(place: Path) -> None:
    asked = ("audit", "-c", place / "c", "--kind", "labels", "--kind", "outliers", "-k", 3)
    lines = json.loads(taxalens(*asked, "--format", "json").stdout)
    assert [set(line) for line in lines] == [set(COLUMNS)] * 4
    table = list(csv.DictReader(io.StringIO(taxalens(*asked, "--format", "csv").stdout)))
    assert [line["image_id"] for line in table] == [line["image_id"] for line in lines]
    target = place / "found.parquet"
    assert taxalens(*asked, "--format", "parquet", "--output", target).exit_code == 0
    assert pq.read_table(target).to_pylist() == lines
    assert taxalens(*asked, "--format", "parquet").exit_code == 1


def test_a_folder_that_says_nothing_is_no_label_beside_taxa(collection: Path) -> None:
    opened = open_collection(collection, ColourEncoder())
    classes = classes_of(opened.snapshot, opened.among((), ""))
    assert set(classes.names) == {"Panthera leo", "Pica hudsonia", "blank"}
    assert {each.hit.source_id for each in opened.suggest(9)} == {
        "photos/red.png",
        "photos/unsorted/green.png",
        "photos/unsorted/blue.png",
    }
