"""Few-shot labels: judged on examples left out, as sure as they say, beside what people say."""

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

from indexer.catalog.snapshot import open_snapshot
from indexer.labels.label_files import Label, read_label_file
from indexer.labels.label_resolution import NO_TAXONOMY
from indexer.store.manifest import read_manifest
from indexer.taxonomy.built_in import BUILT_IN
from model.errors import BadInput, Error, UnknownName
from model.taxon import Taxon
from search.classify.calibration import ClassCalibration, calibrate_classes
from search.classify.classifiers.probe import fit_affordable
from search.classify.conformal import conformal_sets, nonconformity, quantile
from search.classify.reference_set import ReferenceSet, reference_set
from search.classify.votes import UNFITTED, Votes, voters_of
from search.classify.whitening import fit_whitening
from search.collection import Collection, open_collection
from search.label.labelling import SCHEMA as BATCHES
from search.label.learner import fit_left_out
from search.summary import summarise
from ui.cli import main
from ui.labelling import COLUMNS, SCHEMA

SHADES = {
    "Panthera leo": ["#e0a020", "#e8a818", "#d89828", "#e4a424"],
    "Pica pica": ["#101018", "#181820", "#0c0c14", "#141420"],
    "Lacerta agilis": ["#20c030", "#28c838", "#18b828", "#24c434"],
    "unsorted": ["#e2a21e", "#12121c", "#22c232", "#dc9c24", "#161622", "#1ebc2c"],
}
MEANT = ["Panthera leo", "Pica pica", "Lacerta agilis"] * 2


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A collection c of four pictures of each of three species, and six in a folder "unsorted"."""
    for name, shades in SHADES.items():
        for number, shade in enumerate(shades):
            write_picture(tmp_path / "photos" / name / f"{number}.png", shade)
    run(tmp_path / "photos", tmp_path / "c")
    return tmp_path


def opened(place: Path) -> Collection:
    return open_collection(place / "c", ColourEncoder())


def query(place: Path, sql: str) -> list[tuple[object, ...]]:
    with open_snapshot(place / "c") as snapshot:
        return snapshot.query(sql)


def taxalens(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def labels(table: object) -> dict[str, str]:
    lines = table.to_pylist()
    return {
        f"{Path(each['file_name']).parent.name}/{Path(each['file_name']).stem}": each["label"]
        for each in lines
    }


# Leaving out


def noisy(shots: list[int], noise: float, seed: int = 0, dim: int = 12) -> ReferenceSet:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(shots), dim))
    of = np.repeat(np.arange(len(shots)), shots)
    vectors = unit(centres[of] + noise * rng.normal(size=(len(of), dim)))
    return reference_set(vectors.astype(np.float32), of)


def votes_by(support: ReferenceSet, images: np.ndarray) -> Votes:
    voters = voters_of(support, fit_whitening(support), fit_affordable(support))
    return voters.vote(images)


@given(seed=st.integers(0, 1000), shots=st.integers(2, 5), classes=st.integers(2, 4))
@settings(max_examples=6)
def test_an_example_is_judged_without_itself(seed: int, shots: int, classes: int) -> None:
    """Brute force: one example of each class is taken away, the rest learned anew."""
    support = noisy([shots] * classes, 1.0, seed)
    weights, left = fit_left_out(support, fit_whitening(support))
    expected = np.empty((len(support), classes), np.float32)
    for out in range(shots):
        gone = np.arange(classes) * shots + out
        kept = np.setdiff1d(np.arange(len(support)), gone)
        others = reference_set(support.vectors[kept], support.classes[kept])
        expected[gone] = votes_by(others, support.vectors[gone]).logits(weights)
    order = np.argsort(left.classes, kind="stable")
    np.testing.assert_allclose(left.scores[order], expected, atol=1e-3)
    right = expected.argmax(axis=1) == support.classes
    assert left.accuracy == pytest.approx(right.mean(), abs=1e-9)
    assert left.confusion.sum() == len(support)
    assert left.confusion.trace() == right.sum()


def test_the_only_example_of_a_class_is_never_left_out() -> None:
    few = noisy([1, 3, 7], 0.1)
    _, left = fit_left_out(few, fit_whitening(few))
    assert sorted(left.classes.tolist()) == [1] * 3 + [2] * 7
    assert fit_left_out(noisy([1, 1, 1], 0.1), fit_whitening(noisy([1, 1, 1], 0.1))) == (
        UNFITTED,
        None,
    )


def test_many_classes_of_one_example_are_not_warned_of(recwarn: pytest.WarningsRecorder) -> None:
    fit_affordable(noisy([1] * 20 + [2] * 5, 0.1))
    assert [str(each.message) for each in recwarn] == []


def telling_apart(worlds: str, seed: int) -> tuple[ReferenceSet, np.ndarray, np.ndarray]:
    """Examples, images and their classes, where one voice alone does well."""
    random = np.random.default_rng(seed)
    classes, each, dim = 6, 60, 40
    of = np.tile(np.arange(classes), each)
    if worlds == "several looks":  # each class is two that lie on opposite sides
        ways = random.normal(size=(classes, dim))
        sides = random.choice([-1, 1], len(of))[:, None]
        raw = ways[of] * sides + 1.2 * random.normal(size=(len(of), dim))
    else:  # what tells classes apart is small beside what they share
        loud = np.r_[np.full(6, 12.0), np.ones(dim - 6)]
        ways = np.c_[np.zeros((classes, 6)), 0.3 * random.normal(size=(classes, dim - 6))]
        raw = ways[of] + loud * random.normal(size=(len(of), dim))
    vectors = unit(raw).astype(np.float32)
    return reference_set(vectors[:180], of[:180]), vectors[180:], of[180:]


@pytest.mark.parametrize("worlds", ["several looks", "loud noise"])
@pytest.mark.parametrize("seed", range(2))
def test_the_learner_is_as_good_as_the_best_of_its_voices(worlds: str, seed: int) -> None:
    support, images, of = telling_apart(worlds, seed)
    weights, _ = fit_left_out(support, fit_whitening(support))
    votes = votes_by(support, images)
    alone = [
        (voice.argmax(axis=1) == of).mean() for voice in (votes.centroid, votes.kernel, votes.probe)
    ]
    together = (votes.logits(weights).argmax(axis=1) == of).mean()
    assert together >= max(alone) - 0.02
    assert max(alone) > min(alone) + 0.1


# How sure


def test_confidence_is_the_share_that_is_right() -> None:
    drawn = noisy([60] * 6, 1.6, seed=3)
    order = np.random.default_rng(0).permutation(len(drawn))
    few, rest = order[:120], order[120:]
    support = reference_set(drawn.vectors[few], drawn.classes[few])
    weights, left = fit_left_out(support, fit_whitening(support))
    calibration = calibrate_classes(left.scores, left.classes)
    scores = votes_by(support, drawn.vectors[rest]).logits(weights)
    right = scores.argmax(axis=1) == drawn.classes[rest]
    confidences = calibration.confidences(scores)
    assert ((confidences > 0) & (confidences < 1)).all()
    assert confidences.mean() == pytest.approx(right.mean(), abs=0.1)
    sure = confidences > np.median(confidences)
    assert right[sure].mean() > right[~sure].mean() + 0.1


def test_examples_that_are_all_right_do_not_make_sure() -> None:
    support = noisy([3, 3], 0.01)
    weights, left = fit_left_out(support, fit_whitening(support))
    calibration = calibrate_classes(left.scores, left.classes)
    confidences = calibration.confidences(votes_by(support, support.vectors).logits(weights))
    assert (confidences < 0.95).all()
    assert (confidences > 0.6).all()


@given(
    seed=st.integers(0, 10**6),
    level=st.floats(0.05, 0.99),
    examples=st.integers(2, 60),
    classes=st.integers(2, 5),
)
@settings(max_examples=12)
def test_sets_hold_the_right_label_as_often_as_asked(
    seed: int, level: float, examples: int, classes: int
) -> None:
    """Sadinle et al.: on the examples themselves at least that share, whatever the scores."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(examples, classes)).astype(np.float32)
    truth = rng.integers(0, classes, examples)
    shares = calibrate_classes(scores, truth).shares(scores)
    misfits, counts = nonconformity(shares, truth), np.ones(examples)
    sets = conformal_sets(shares, quantile(misfits, counts, level))
    assert sets[np.arange(examples), truth].mean() >= level
    assert sets[np.arange(examples), scores.argmax(axis=1)].all()
    lower = quantile(misfits, counts, level * 0.9)
    assert conformal_sets(shares, lower).sum() <= sets.sum()


def test_sets_hold_the_right_label_as_often_as_asked_on_new_images() -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(20):
        truth = rng.integers(0, 4, 140)
        scores = (np.eye(4)[truth] * 1.5 + rng.normal(size=(140, 4))).astype(np.float32)
        shares = calibrate_classes(scores[:40], truth[:40]).shares(scores)
        threshold = quantile(nonconformity(shares[:40], truth[:40]), np.ones(40), 0.8)
        covered.append(conformal_sets(shares[40:], threshold)[np.arange(100), truth[40:]].mean())
    assert 0.8 - 0.03 <= np.mean(covered) <= 0.8 + 1 / 41 + 0.03


def test_probabilities_add_up() -> None:
    scores = np.array([[1e4, 0, -1e4], [0, 0, 0]], np.float32)
    shares = ClassCalibration(500, 1, np.zeros(3)).shares(scores)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-5)


# Labels of a collection


def test_what_people_labelled_are_the_examples_of_all_else(place: Path) -> None:
    labelling = opened(place).label()
    assert len(labelling) == 6
    assert labels(labelling.to_arrow()) == {f"unsorted/{n}": MEANT[n] for n in range(6)}
    assert labelling.learner.left_out.accuracy == 1
    assert labelling.learner.confused() == []


def test_a_label_has_its_confidence_and_the_nearest_examples_of_it(place: Path) -> None:
    labelling = opened(place).label(sets=0.9)
    table = labelling.to_arrow()
    assert table.schema == BATCHES
    said = dict(query(place, "SELECT image_id, label FROM images"))
    for line in table.to_pylist():
        assert 0.5 < line["confidence"] < 1
        assert [said[image_id] for image_id in line["evidence"]] == [line["label"]] * 3
        assert line["cosines"] == sorted(line["cosines"], reverse=True)
        assert line["labels"][0] == line["label"]
        if len(line["labels"]) == 1:
            assert (line["clade"], line["clade_rank"]) == (line["label"], "species")
        assert line["taxon_key"].endswith(line["label"])


EXAMPLES = {
    "file names": "file_name,taxon\nunsorted/0.png,Ursus arctos\nunsorted/1.png,Corvus corax\n",
    "names with the root": (
        "file_name,label\nphotos/unsorted/0.png,Ursus arctos\nphotos/unsorted/1.png,Corvus corax\n"
    ),
    "folders": "label,taxon\nPanthera leo,Ursus arctos\nPica pica,Corvus corax\n",
    "image ids": "image_id,label\n{0},Ursus arctos\n{1},Corvus corax\n",
}


@pytest.mark.parametrize("how", EXAMPLES)
def test_a_file_names_examples(place: Path, how: str) -> None:
    ids = [
        str(image_id)
        for (image_id,) in query(
            place,
            "SELECT image_id FROM images WHERE source_id LIKE '%unsorted/_.png' ORDER BY source_id",
        )
    ]
    (place / "few.csv").write_text(EXAMPLES[how].format(*ids))
    labelling = opened(place).label(place / "few.csv")
    table = labelling.to_arrow()
    assert len(table) <= 6
    assert set(labels(table)) <= {f"unsorted/{number}" for number in range(6)}
    again = opened(place).label(place / "few.csv", relabel=True)
    assert len(again) == 18 - len(again.learner.examples.rows)
    keys = dict(zip(labels(table), table["taxon_key"].to_pylist(), strict=True))
    assert keys["unsorted/3"].endswith("|Ursus arctos")
    assert keys["unsorted/4"].endswith("|Corvus corax")
    assert len(set(keys.values())) == 2


def test_one_example_of_each_class_gives_labels_but_no_confidence(place: Path) -> None:
    few = {"unsorted/0.png": Label("lion"), "unsorted/1.png": Label("magpie")}
    labelling = opened(place).label(few)
    assert labelling.learner.left_out is None
    assert labelling.to_arrow()["confidence"].null_count == len(labelling)
    with pytest.raises(Error, match="With one example of each class nothing tells how sure"):
        opened(place).label(few, precision=0.9)


@pytest.mark.parametrize(
    ("few", "asked", "error", "sentence"),
    [
        ({"unsorted/0.png": Label("lion")}, {}, BadInput, "All examples are of one class, 'lion'"),
        ({"a.png": Label("lion")}, {}, BadInput, "The examples .a.png, …. name no image of"),
        (None, {"precision": 1.5}, Error, "precision is a share"),
        (None, {"within": "Felida"}, UnknownName, "No taxon is called"),
    ],
)
def test_what_cannot_be_done_is_said(
    place: Path, few: object, asked: dict[str, object], error: type[Error], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        opened(place).label(few, **asked)


def test_some_images_alone_can_be_labelled(place: Path) -> None:
    few = {"unsorted": Label("x"), **{f"{n}": Label("y") for n in ("Pica pica",)}}
    within = labels(opened(place).label(few, within="Panthera").to_arrow())
    assert set(within) == {f"Panthera leo/{n}" for n in range(4)}
    found = labels(opened(place).label(query="lime", first=12).to_arrow())
    assert 1 <= len(found) < 6
    assert found["unsorted/2"] == "Lacerta agilis"
    assert len(opened(place).label(where="label = ''")) == 6


def test_an_image_of_nothing_known_is_left_without_a_label(place: Path) -> None:
    few = {f"{name}/{n}.png": Label(name) for name in ("Pica pica", "unsorted") for n in range(3)}
    sure = opened(place).label(few, precision=0.999).to_arrow().to_pylist()
    assert {line["label"] for line in sure} == {""}
    assert {line["taxon_key"] for line in sure} == {None}
    assert sure[0]["remarks"].startswith("not sure enough to be ")


def test_a_notebook_shows_what_was_confused_and_runs_nothing(place: Path) -> None:
    few = {
        f"{folder}/{n}.png": Label("<b>x</b>" if n % 2 else "<i>y</i>")
        for folder in ("Pica pica", "Panthera leo")
        for n in range(4)
    }
    shown = opened(place).label(few)._repr_html_()
    assert "leave-one-out top-1" in shown
    assert "&lt;i&gt;y&lt;/i&gt;" in shown
    assert "<i>" not in shown
    assert "examples: 2" in shown  # of a cell of the plot


# On the command line


def test_how_well_it_does_is_said_and_a_dry_run_writes_nothing(place: Path) -> None:
    before = read_manifest(place / "c")
    found = taxalens("label", "-c", place / "c", "--dry-run")
    assert found.exit_code == 0, found.output
    assert found.stderr.startswith("12 examples of 3 classes, 4 of each\nleave-one-out top-1 of 12")
    assert "6 of 6 images labelled; nothing was written" in found.stderr
    header, *lines = found.stdout.splitlines()
    assert header.split() == ["confidence", "label", "nearest", "file_name"]
    assert len(lines) == 6
    assert read_manifest(place / "c") == before


def test_what_is_confused_is_said_before_anything_is_written(place: Path) -> None:
    mixed = [f"Pica pica/{n}.png,{'a' if n % 2 else 'b'}\n" for n in range(4)]
    (place / "few.csv").write_text("file_name,label\n" + "".join(mixed) + "none.png,a\n")
    asked = ("label", "-c", place / "c", "--examples", place / "few.csv")
    found = taxalens(*asked, "--format", "parquet", "--output", place / "nowhere" / "x.parquet")
    assert found.exit_code == 1
    found = taxalens(*asked, "--plot", place / "x.gif")
    assert found.exit_code == 1
    assert "1 lines of the examples match no image: none.png" in found.stderr
    assert " taken for " in found.stderr
    assert "must end in .png, .svg or .html" in found.stderr
    assert query(place, "FROM identifications") == []


def test_labels_are_written_beside_what_people_say_and_found(place: Path) -> None:
    said = query(place, "SELECT image_id, label, taxon_key FROM images ORDER BY 1")
    found = taxalens("label", "-c", place / "c", "--format", "json")
    assert found.exit_code == 0, found.output
    rows = json.loads(found.stdout)
    assert [set(row) for row in rows] == [set(COLUMNS)] * 6
    assert query(place, "SELECT image_id, label, taxon_key FROM images ORDER BY 1") == said
    kept = query(
        place, "SELECT image_id, label, confidence, identified_by, method FROM identifications"
    )
    assert {line[:2] for line in kept} == {(row["image_id"], row["label"]) for row in rows}
    assert {line[3].split()[0] for line in kept} == {"taxalens"}
    assert {line[4] for line in kept} == {"votes of 12 examples of 3 classes"}
    hits = opened(place).search("Panthera leo", k=20)
    assert [hit.match for hit in hits][:6] == ["labelled"] * 4 + ["identified"] * 2
    assert {hit.match for hit in hits[6:]} == {"similar"}
    assert {hit.file_name for hit in hits[4:6]} == {"0.png", "3.png"}
    assert {hit.title.partition(" (machine ")[0] for hit in hits[4:6]} == {"Panthera leo"}
    assert {hit.label for hit in hits[4:6]} == {""}
    assert len({hit.image_id for hit in hits}) == len(hits)


def test_filters_speak_of_what_people_said_alone(place: Path) -> None:
    assert taxalens("label", "-c", place / "c").exit_code == 0
    hits = opened(place).search(text="orange", within="Panthera", k=20)
    assert {hit.label for hit in hits} == {"Panthera leo"}
    assert len(hits) == 4


def test_a_label_of_a_person_is_not_overruled(place: Path) -> None:
    few = "file_name,label\nPanthera leo/0.png,Pica pica\nPica pica/0.png,Ursus arctos\n"
    (place / "few.csv").write_text(few)
    assert taxalens("label", "-c", place / "c", "--examples", place / "few.csv").exit_code == 0
    hits = opened(place).search("Pica pica", k=20)
    by_match = {hit.image_id: hit.match for hit in hits}
    people = dict(query(place, "SELECT image_id, label FROM images"))
    assert {people[each] for each, match in by_match.items() if match == "labelled"} == {
        "Pica pica"
    }
    assert {people[each] for each, match in by_match.items() if match == "identified"} == {""}


def test_a_label_that_is_no_taxon_is_found_by_its_name(place: Path) -> None:
    (place / "few.csv").write_text(
        "file_name,label\nPanthera leo/0.png,blank\nPica pica/0.png,night sky\n"
    )
    assert taxalens("label", "-c", place / "c", "--examples", place / "few.csv").exit_code == 0
    hits = opened(place).search("Night Sky", k=20)
    assert hits.meaning == "images labelled night sky"
    assert hits[0].match == "identified"
    assert {hit.label for hit in hits if hit.match == "identified"} == {""}


def test_keeping_is_what_the_command_does(place: Path) -> None:
    assert opened(place).label(precision=0.999).save() == 0
    assert opened(place).label(where="label = ''").save() == 6
    collection = opened(place)
    kept = collection.snapshot.query("SELECT label, confidence FROM identifications")
    assert len(kept) == 6
    assert ("identified by machine", "6") in summarise(collection.snapshot).items()
    hits = collection.search("Pica pica", k=20)
    by_machine = [hit for hit in hits if hit.identification]
    assert sorted((hit.identification, hit.confidence) for hit in by_machine) == sorted(kept)
    for row, hit in zip(hits.to_arrow().to_pylist(), hits, strict=True):
        assert row["machine_label"] == hit.identification
        assert row["machine_confidence"] == hit.confidence
    assert any(hit.confidence is None for hit in hits)


def test_labels_less_sure_than_asked_take_earlier_ones_back(place: Path) -> None:
    assert taxalens("label", "-c", place / "c").exit_code == 0
    assert len(query(place, "FROM identifications")) == 6
    found = taxalens("label", "-c", place / "c", "--precision", 0.999)
    assert "0 of 6 images labelled, the others not surely enough (--precision 0.999)" in (
        found.stderr
    )
    assert query(place, "FROM identifications") == []


def test_csv_and_parquet_go_to_files(place: Path) -> None:
    asked = ("label", "-c", place / "c", "--dry-run", "--sets", 0.9, "--format")
    assert taxalens(*asked, "csv", "--output", place / "l.csv").stdout == ""
    lines = list(csv.DictReader(io.StringIO((place / "l.csv").read_text())))
    assert list(lines[0]) == list(COLUMNS)
    assert taxalens(*asked, "parquet", "--output", place / "l.parquet").exit_code == 0
    table = pq.read_table(place / "l.parquet")
    assert table.schema.equals(SCHEMA)
    assert [line["label"] for line in lines] == table["label"].to_pylist()
    assert all(line["set"].startswith(line["label"]) for line in lines)
    assert table["clade"][0].as_py() in MEANT
    shown = taxalens(*asked, "table").stdout.splitlines()[0].split()
    assert shown == ["confidence", "label", "set", "nearest", "file_name"]
    assert lines[0]["evidence"].split() == table["evidence"][0].as_py()
    assert taxalens(*asked, "parquet").exit_code == 1


@pytest.mark.parametrize(
    ("suffix", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("html", b"<!DOCTYPE html>")]
)
def test_the_confusion_is_a_picture(place: Path, suffix: str, start: bytes) -> None:
    target = place / f"confusion.{suffix}"
    found = taxalens("label", "-c", place / "c", "--dry-run", "--plot", target)
    assert found.exit_code == 0, found.output
    assert f"plot: {target}" in found.stderr
    assert target.read_bytes().lstrip().startswith(start)
    if suffix != "png":
        assert b"Lacerta agilis" in target.read_bytes()
        assert b'src="http' not in target.read_bytes()


def test_an_example_said_by_its_species_alone_is_the_one_that_is_known(tmp_path: Path) -> None:
    lineage = ["Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera"]
    for name, colour in (("a", "orange"), ("b", "darkorange"), ("c", "navy"), ("d", "blue")):
        write_picture(tmp_path / "p" / f"{name}.png", colour)
    lion = Label("lion", Taxon.from_ranks([*lineage, "Panthera leo"]))
    run(tmp_path / "p", tmp_path / "c", labels={"a.png": lion})
    alone = Taxon.from_ranks([""] * 6 + ["Panthera leo"])
    other = Taxon.from_ranks([""] * 6 + ["Pica pica"])
    examples = {"b.png": Label("x", alone), "c.png": Label("y", other)}
    opened = open_collection(tmp_path / "c", ColourEncoder())
    said = {each.label: each.taxon_key for each in opened.label(examples).learner.examples.said}
    assert said == {"Panthera leo": "|".join([*lineage, "Panthera leo"]), "Pica pica": other.key}


# People's words


def labelled(place: Path, said: dict[str, str], taxonomy: str | None = None) -> None:
    """Index pictures that differ a little in green, each with a label of a table."""
    for number, name in enumerate(said):
        write_picture(place / "photos" / name, f"#10{number * 11:02x}20")
    lines = [f'{name},"{label}"\n' for name, label in said.items()]
    (place / "labels.csv").write_text("file_name,label\n" + "".join(lines))
    given = read_label_file(place / "labels.csv")
    run(place / "photos", place / "c", labels=given, taxonomy=taxonomy)


TAXA = {f"{n}.png": name for n, name in enumerate(["Pica pica", "Mareca strepera"] * 2)}


def test_a_person_s_word_is_left_alone_unless_asked(tmp_path: Path) -> None:
    words = ["Mareca strepera?", "a duck, far away", "Mareca cf. strepera", "camera 1"]
    nothing = ["?", "unsorted", "unknown", "to sort", ""]
    said = {f"w{n}.png": word for n, word in enumerate([*words, *nothing])}
    labelled(tmp_path, TAXA | said | {"camera 2/a.png": "", "Pica pica?/a.png": ""})
    run(tmp_path / "photos", tmp_path / "c")
    given = {Path(each["file_name"]) for each in opened(tmp_path).label().to_arrow().to_pylist()}
    expected = {f"w{n}.png" for n in range(len(words), len(said))} | {"camera 2/a.png"}
    assert {str(each.relative_to(tmp_path / "photos")) for each in given} == expected
    assert len(opened(tmp_path).label(relabel=True)) == len(said) + 2


WRITTEN = {
    "MARECA STREPERA": "Mareca strepera",
    "mareca_strepera": "Mareca strepera",
    "Mareca strepera (Linnaeus, 1758)": "Mareca strepera",
    "Mareca strepera": "Mareca strepera",
    "barn swallow": "Hirundo rustica",
    "Hirundo rustica": "Hirundo rustica",
    "Night Sky": "Night Sky",
    "night_sky": "Night Sky",
}
DOUBTFUL = ("Mareca cf. strepera", "Hirundo rustica?", "Hirundo aff. rustica")


@pytest.mark.parametrize("taxonomy", [BUILT_IN, NO_TAXONOMY])
def test_classes_are_taxa_however_they_are_written(tmp_path: Path, taxonomy: str) -> None:
    written = [each for each in WRITTEN if taxonomy == BUILT_IN or each != "barn swallow"]
    said = {f"{n}.png": label for n, label in enumerate([*written, *DOUBTFUL])}
    labelled(tmp_path, said, taxonomy)
    expected = {WRITTEN[each] for each in written}
    examples = opened(tmp_path).label(tmp_path / "labels.csv").learner.examples
    assert sorted(each.label for each in examples.said) == sorted(expected)
    assert len(examples.rows) == len(written)
    assert examples.doubtful == len(DOUBTFUL)
    assert {each.label for each in examples.said if not each.taxon_key} == {"Night Sky"}
    own = opened(tmp_path).label().learner.examples
    assert {each.label for each in own.said} == expected - {"Night Sky"}
    found = taxalens("label", "-c", tmp_path / "c", "--examples", tmp_path / "labels.csv")
    assert "not examples: 3 images with a doubtful label (cf., aff. or ?)\n" in found.stderr


def test_a_doubt_in_a_column_of_its_own_is_not_an_example(tmp_path: Path) -> None:
    labelled(tmp_path, TAXA)
    doubt = 'file_name,scientificName,identificationQualifier\n0.png,Pica pica,"cf. pica"\n'
    (tmp_path / "doubt.csv").write_text(doubt)
    run(tmp_path / "photos", tmp_path / "c", labels=read_label_file(tmp_path / "doubt.csv"))
    examples = opened(tmp_path).label().learner.examples
    assert (len(examples.rows), examples.doubtful) == (3, 1)
