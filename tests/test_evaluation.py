"""Evaluation: every figure equals scikit-learn's or the reference's, and the command keeps them."""

import csv
import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from colours import WORDS, ColourEncoder
from pictures import write_picture
from safetensors.numpy import load_file, save_file
from scipy import stats
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import pdist, squareform
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score, silhouette_score
from sklearn.neighbors import NearestNeighbors
from towers import write_tower

import taxalens
from model.errors import BadInput, Error, UnknownName
from model.taxon import RANKS, Taxon
from training.evaluation import (
    calibration,
    few_shot,
    intrinsic,
    marked_queries,
    open_set,
    retrieval,
    zero_shot,
)
from training.evaluation.class_names import (
    TEMPLATES_SHA256,
    class_string,
    filled,
    templates,
    text_type_for,
)
from training.evaluation.figures import Figure, mean_figure, seeds_figure
from training.evaluation.intervals import interval_of_mean
from training.evaluation.labelled_images import Description, LabelledImages
from ui.cli import main

DATA = Path(
    os.environ.get("TAXALENS_DATA", Path(taxalens.__file__).parent.parent / "shared" / "data")
)
GOLDEN = DATA / "golden" / "golden.json"
ANNOTATIONS = DATA / "eval_annotations" / "classification_annotation"
CLOSE = 1e-6


def taxon(number: int) -> Taxon:
    """A species of a tree: two to a genus, four to a family; the common name is a colour."""
    genus = f"Genus{number // 2}"
    above = ("Animalia", "Chordata", "Aves", "Ordo", f"Family{number // 4}idae", genus)
    return Taxon((*above, f"{genus} species{number}"), WORDS[number])


def scene(each: int = 30, dim: int = 24, seed: int = 0) -> tuple[LabelledImages, np.ndarray]:
    """Vectors that follow a tree, with noise, and the labelled images that they are of."""
    rng = np.random.default_rng(seed)
    of = np.repeat(np.arange(8), each)
    parts = [rng.normal(size=(8, dim))[of // size] for size in (4, 2, 1)]
    vectors = sum(parts) + 1.5 * rng.normal(size=(len(of), dim))
    order = rng.permutation(len(of))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True))[order].astype(np.float32)
    described = tuple(Description(f"label {number}", taxon(number)) for number in of[order])
    names = tuple(map(str, range(len(of))))
    return LabelledImages(
        "scene", names, tuple(f"{name}.jpg" for name in names), described
    ), vectors


def by_name(figures: list[Figure]) -> dict[tuple[str, str], float]:
    return {(figure.measure, figure.rank): figure.value for figure in figures}


def test_the_templates_are_openais() -> None:
    eighty = [template.format("X") for template in templates(80)]
    assert hashlib.sha256("\n".join(eighty).encode()).hexdigest() == TEMPLATES_SHA256
    assert templates(81) == ("a photo of {}.", *templates(80))
    assert templates(1) == ("a photo of {}.",)
    assert filled("a photo of {}.", ["a {} b"]) == ["a photo of a {} b."]


@pytest.mark.parametrize(
    ("text_type", "expected"),
    [
        ("sci", "Pica hudsonia"),
        ("com", "black-billed magpie"),
        ("taxon", "Animalia Chordata Corvidae Pica hudsonia"),
        ("sci_com", "Pica hudsonia with common name black-billed magpie"),
        (
            "taxon_com",
            "Animalia Chordata Corvidae Pica hudsonia with common name black-billed magpie",
        ),
        ("asis", "Pica_h"),
    ],
)
def test_class_strings_skip_what_is_missing(text_type: str, expected: str) -> None:
    ranks = ["Animalia", "Chordata", "", "", "Corvidae", "Pica", "hudsonia"]
    assert class_string(Taxon.from_ranks(ranks, "black-billed magpie"), "Pica_h", text_type) == (
        expected
    )
    without = class_string(Taxon.from_ranks(ranks), "", text_type)
    assert without == expected.partition(" with common")[0].replace(
        "black-billed magpie", "Pica hudsonia"
    ).replace("Pica_h", "Pica hudsonia")
    assert class_string(Taxon(("",) * 7), "Pica_h", text_type).replace("_", " ") == "Pica h"


@pytest.mark.skipif(not ANNOTATIONS.is_dir(), reason="the label files of the tasks are absent")
def test_rare_species_has_the_classes_of_its_publication() -> None:
    with (ANNOTATIONS / "rare_species" / "metadata.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    columns = ["cls" if rank == "class" else str(rank) for rank in RANKS]
    taxa = [
        Taxon.from_ranks([line[name] for name in columns], line["common_name"]) for line in lines
    ]
    strings = {
        kind: {class_string(each, "", kind) for each in taxa} for kind in ("com", "taxon_com")
    }
    assert (len(lines), len(strings["taxon_com"]), len(strings["com"])) == (11_983, 400, 398)


def test_each_encoder_gets_the_text_type_of_its_protocol() -> None:
    assert text_type_for("clip", True) == "com"
    assert text_type_for("bioclip", True) == "taxon_com"
    assert text_type_for("bioclip", False) == "asis"


@pytest.mark.skipif(not GOLDEN.is_file(), reason="the reference's outputs are not here")
@pytest.mark.parametrize("in_place", [True, False])
def test_simpleshot_is_the_references_with_either_history(in_place: bool) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(12, 16)).astype(np.float32)
    vectors = (centres[:, None] + 1.6 * rng.normal(size=(12, 20, 16))).reshape(-1, 16)
    vectors = vectors.astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    classes = np.repeat(np.arange(12), 20)
    expected = json.loads(GOLDEN.read_text())["simpleshot"]
    own = expected[
        next(
            name for name in expected if name.startswith("in_place") == in_place and name != "data"
        )
    ]
    for k in (1, 5):
        found = [
            few_shot.right_answers("centroid", vectors, classes, support, tested).mean()
            for some, support, tested in few_shot.folds(classes, (1, 5), 5, in_place)
            if some == k
        ]
        assert found == pytest.approx(own[str(k)], abs=1e-9)
        (figure,) = (
            each
            for each in few_shot.figures(vectors, classes, (1, 5), 5, in_place, ["centroid"])
            if each.measure == f"{k}-shot SimpleShot"
        )
        assert figure.value == pytest.approx(np.mean(own[str(k)]), abs=1e-9)
        assert figure.low < figure.value < figure.high


def test_folds_keep_examples_and_tested_images_apart() -> None:
    classes = np.array([0, 1, 0, 1, 0, 1, 2, 2, 3])
    for k, support, tested in few_shot.folds(classes, (1, 2), 3):
        assert not set(support) & set(tested)
        assert Counter(classes[support]) == dict.fromkeys([0, 1, 2] if k == 1 else [0, 1], k)
        assert set(classes[tested]) == set(classes[support])


def test_the_probe_is_scikit_learns_logistic_regression() -> None:
    images, vectors = scene()
    classes = images.classes
    _, support, tested = next(few_shot.folds(classes, (5,), 1))
    centre = vectors[support].mean(axis=0)

    def space(some: np.ndarray) -> np.ndarray:
        moved = vectors[some] - centre
        return moved / np.linalg.norm(moved, axis=1, keepdims=True)

    model = LogisticRegression(C=10, class_weight="balanced", max_iter=200, tol=1e-3)
    model.fit(space(support), classes[support])
    right = few_shot.right_answers("probe", vectors, classes, support, tested)
    assert right.mean() == pytest.approx(model.score(space(tested), classes[tested]), abs=CLOSE)


def zero_shot_of(images: LabelledImages, vectors: np.ndarray) -> zero_shot.ZeroShot:
    rng = np.random.default_rng(1)
    classes = images.classes
    means = np.stack([vectors[classes == each].mean(axis=0) for each in range(8)])
    noisy = means + 0.3 * rng.normal(size=means.shape)
    noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
    return zero_shot.ZeroShot((vectors @ noisy.T).astype(np.float32), classes, 100.0, "noisy names")


def test_zero_shot_counts_places_as_scikit_learn_does() -> None:
    from sklearn.metrics import top_k_accuracy_score

    found = zero_shot_of(*scene())
    figures = by_name(list(zero_shot.figures(found)))
    for k in (1, 5):
        expected = top_k_accuracy_score(found.truth, found.scores, k=k)
        assert figures[f"zero-shot top-{k}", ""] == pytest.approx(expected, abs=CLOSE)


def test_of_equal_classes_the_first_is_the_answer() -> None:
    found = zero_shot.ZeroShot(np.zeros((2, 7), np.float32), np.array([0, 6]), 100.0, "")
    assert [figure.value for figure in zero_shot.figures(found)] == [0.5, 0.5]


def test_an_ensemble_is_the_scaled_mean_of_unit_prompts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    encoder = ColourEncoder()
    names = ["red bird", "a blue one"]
    found = zero_shot.ensembles(encoder, names, 81)
    for row, name in zip(found, names, strict=True):
        prompts = encoder.encode_texts([each.replace("{}", name) for each in templates(81)])
        mean = prompts.astype(np.float64).mean(axis=0)
        assert row == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)


def test_retrieval_is_scikit_learns_at_every_rank(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    images, vectors = scene(dim=ColourEncoder().dim)
    found = by_name(list(retrieval.figures(images, vectors, ColourEncoder())))
    cosines = vectors @ vectors.T
    others = ~np.eye(len(images), dtype=bool)
    for rank in ("family", "genus", "species"):
        names, of = images.names_at(rank)
        relevant = of[:, None] == of
        expected = [
            average_precision_score(relevant[row, own], cosines[row, own])
            for row, own in enumerate(others)
        ]
        assert found["image→image mAP", rank] == pytest.approx(np.mean(expected), abs=CLOSE)
        near = NearestNeighbors(n_neighbors=11, metric="cosine").fit(vectors)
        near = near.kneighbors(return_distance=False)
        for k, name in ((1, "P@1"), (5, "recall@5"), (10, "recall@10")):
            hit = (of[near[:, :k]] == of[:, None]).any(axis=1).mean()
            assert found[f"image→image {name}", rank] == pytest.approx(hit, abs=CLOSE)
        texts = ColourEncoder().encode_texts([f"a photo of {name}." for name in names])
        scores = texts.astype(np.float32) @ vectors.T + 1e-9 * -np.arange(len(images))
        expected = [average_precision_score(of == row, scores[row]) for row in range(len(names))]
        assert found["text→image mAP", rank] == pytest.approx(np.mean(expected), abs=1e-4)
    assert ("image→image mAP", "kingdom") not in found  # all have one name


def test_marked_queries_are_inquires_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    images, vectors = scene(dim=ColourEncoder().dim)
    table = tmp_path / "queries.csv"
    table.write_text(
        "query,file_name\nred,3.jpg\nred,./9.jpg\nblue,1.jpg\nred,elsewhere.jpg\nblue,1.jpg\n"
    )
    marked, notes = marked_queries.read_marked(table, images)
    assert notes == ["1 marked answers are none of the labelled images, and do not count"]
    assert {query: places.tolist() for query, places in marked.items()} == {
        "red": [3, 9],
        "blue": [1],
    }
    found = by_name(list(marked_queries.figures(marked, vectors, ColourEncoder())))
    scores = ColourEncoder().encode_texts(["a photo of red.", "a photo of blue."]) @ vectors.T
    gains, precisions = [], []
    for row, places in zip(scores, marked.values(), strict=True):
        relevant = np.isin(np.arange(len(images)), places)
        order = np.argsort(-row, kind="stable")[:50]
        best = sum(1 / np.log2(place + 1) for place in range(1, relevant.sum() + 1))
        hit = [1 / np.log2(place + 1) for place, each in enumerate(order, 1) if relevant[each]]
        gains.append(sum(hit) / best)
        hits = [place for place, each in enumerate(order, 1) if relevant[each]]
        precisions.append(sum(n / p for n, p in enumerate(hits, 1)) / min(50, relevant.sum()))
    assert found["marked queries nDCG@50", ""] == pytest.approx(np.mean(gains), abs=CLOSE)
    assert found["marked queries AP@50", ""] == pytest.approx(np.mean(precisions), abs=CLOSE)
    table.write_text("query,file_name\nred,elsewhere.jpg\n")
    with pytest.raises(BadInput, match="marks none of the 240 images"):
        marked_queries.read_marked(table, images)


@pytest.mark.parametrize("many", [1, 7, 50, 80, 199])
def test_ap_at_50_is_divided_by_what_could_be_found(many: int) -> None:
    rng = np.random.default_rng(many)
    scores = rng.normal(size=(3, 200))
    relevant = np.stack([rng.permutation(200) < many for _ in range(3)])
    found = marked_queries.average_precisions_at(scores, relevant, 50)
    for row, value in enumerate(found):
        ranked = relevant[row][np.argsort(-scores[row])][:50]
        precisions = [ranked[: place + 1].mean() for place in np.flatnonzero(ranked)]
        assert value == pytest.approx(sum(precisions) / min(50, many), abs=CLOSE)
    assert marked_queries.average_precisions_at(relevant * 1.0, relevant, 50) == pytest.approx(1)


def test_of_images_of_one_cosine_none_is_before_another() -> None:
    relevant = np.array([[True, False], [False, True]])
    found = marked_queries.average_precisions_at(np.ones((2, 2)), relevant, 50)
    assert found.tolist() == [0.5, 0.5]  # in whichever order they lie


def test_calibration_error_is_its_definition_and_falls() -> None:
    rng = np.random.default_rng(0)
    sure, right = rng.random(500), rng.random(500) < 0.6
    expected = 0.0
    for low in np.arange(15) / 15:
        some = (sure >= low) & (sure < low + 1 / 15)
        if some.any():
            expected += some.mean() * abs(sure[some].mean() - right[some].mean())
    assert calibration.expected_calibration_error(sure, right) == pytest.approx(expected, abs=CLOSE)
    found = zero_shot_of(*scene(60))
    figures = by_name(list(calibration.figures(found)))
    assert figures["zero-shot ECE after", ""] < figures["zero-shot ECE before", ""]


def test_open_set_scores_are_scikit_learns() -> None:
    images, vectors = scene()
    classes, zero = images.classes, zero_shot_of(*scene())
    found = by_name(list(open_set.figures(vectors, classes, zero, seeds=3)))
    nearest, centroid = [], []
    for seed in range(3):
        reference, known, unknown = open_set.split(classes, seed)
        assert not set(classes[reference]) & set(classes[unknown])
        assert set(classes[known]) <= set(classes[reference])
        assert len(reference) + len(known) + len(unknown) == len(classes)
        tested = np.concatenate([known, unknown])
        truth = np.arange(len(tested)) < len(known)
        near = NearestNeighbors(n_neighbors=1, metric="cosine").fit(vectors[reference])
        nearest.append(roc_auc_score(truth, -near.kneighbors(vectors[tested])[0][:, 0]))
        means = np.stack(
            [vectors[reference][classes[reference] == c].mean(0) for c in set(classes[reference])]
        )
        near = NearestNeighbors(n_neighbors=1, metric="cosine").fit(means)
        centroid.append(roc_auc_score(truth, -near.kneighbors(vectors[tested])[0][:, 0]))
    assert found["open-set AUROC, nearest image", ""] == pytest.approx(np.mean(nearest), abs=CLOSE)
    assert found["open-set AUROC, nearest centroid", ""] == pytest.approx(
        np.mean(centroid), abs=CLOSE
    )
    assert found["open-set AUROC, zero-shot probability", ""] > 0.5


def test_intrinsic_figures_are_scikit_learns_and_scipys() -> None:
    images, vectors = scene()
    found = by_name(list(intrinsic.figures(images, vectors)))
    near = NearestNeighbors(n_neighbors=10, metric="cosine").fit(vectors)
    near = near.kneighbors(return_distance=False)
    for rank in ("family", "genus", "species"):
        of = images.names_at(rank)[1]
        purity = (of[near] == of[:, None]).mean()
        assert found["10-NN purity", rank] == pytest.approx(purity, abs=CLOSE)
        expected = silhouette_score(vectors, of, metric="cosine")
        assert found["silhouette", rank] == pytest.approx(expected, abs=CLOSE)
    # The tree's own dendrogram, as SciPy's cophenet measures it.
    of = images.names_at("species")[1]
    means = np.stack([vectors[of == each].mean(axis=0, dtype=np.float64) for each in range(8)])
    numbers = [int(name.rpartition("species")[2]) for name in images.names_at("species")[0]]
    tree = np.array([[n // 4, n // 2, n] for n in numbers])
    depths = 7 - np.array([[(a == b).sum() + 4 for b in tree] for a in tree], float)
    joined = linkage(squareform(depths), "single")
    correlation = cophenet(joined, pdist(means, "cosine"))[0]
    assert found["cophenetic correlation", ""] == pytest.approx(correlation, abs=CLOSE)
    cosines = 1 - squareform(pdist(means, "cosine"))
    shares = []
    for a in range(8):
        others = [b for b in range(8) if b != a]
        pairs = [(b, c) for b in others for c in others if depths[a, b] < depths[a, c]]
        shares.append(np.mean([cosines[a, b] > cosines[a, c] for b, c in pairs]))
    assert found["triplet agreement", ""] == pytest.approx(np.mean(shares), abs=CLOSE)


def test_purity_states_how_high_it_can_be() -> None:
    images, vectors = scene(each=6)
    found = {figure.rank: figure for figure in intrinsic.figures(images, vectors)}
    purity = [each for each in intrinsic.figures(images, vectors) if "purity" in each.measure]
    settings = {each.rank: each.setting for each in purity}
    assert settings == {
        "family": "",
        "genus": "",
        "species": "at most 0.500: taxa have few images",
    }
    assert found["species"].value is not None
    perfect = np.repeat(np.eye(8), 6, axis=0)
    of = np.repeat(np.arange(8), 6)
    assert intrinsic.purities(perfect @ perfect.T, of).mean() >= 0.5


def test_an_image_without_a_vector_is_no_nan() -> None:
    images, vectors = scene()
    vectors[3] = 0
    figures = list(intrinsic.figures(images, vectors))
    assert all(np.isfinite(figure.value) for figure in figures)


def test_taxa_of_one_name_are_asked_for_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    bird = ("Animalia", "Chordata", "Aves", "Passeriformes", "Muscicapidae", "Red", "")
    herb = ("Plantae", "Tracheophyta", "Magnoliopsida", "Myrtales", "Onagraceae", "Red", "")
    other = ("Animalia", "Chordata", "Aves", "Passeriformes", "Muscicapidae", "Blue", "")
    described = tuple(Description("", Taxon(each)) for each in (bird, herb, other))
    images = LabelledImages("x", ("a", "b", "c"), ("a", "b", "c"), described)
    encoder = ColourEncoder()
    vectors = encoder.encode_texts(["red", "red", "blue"]).astype(np.float32)
    figures = list(retrieval.figures(images, vectors, encoder))
    (genus,) = [
        each for each in figures if (each.measure, each.rank) == ("text→image mAP", "genus")
    ]
    assert (genus.value, genus.n, genus.setting) == (1.0, 2, "2 names")


def test_missing_ranks_are_shared_by_nobody() -> None:
    lineages = np.array([[0, 0, -1, 0], [0, 0, -1, 1], [0, 1, 0, 2], [0, 0, 0, 3], [0, 0, -1, 1]])
    depths = intrinsic.shared_depths(lineages)
    assert depths[0, 1] == 2
    assert depths[0, 2] == 1
    assert depths[0, 3] == 2
    assert depths[1, 4] == 4  # a hole above a name that both have


def test_intervals_are_scipys_bootstrap() -> None:
    outcomes = np.random.default_rng(3).random(400) ** 2
    low, high = interval_of_mean(outcomes)
    expected = stats.bootstrap((outcomes,), np.mean, method="percentile", rng=1).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.01)
    assert low < outcomes.mean() < high
    twice = interval_of_mean(2 * outcomes, np.full(400, 2.0))
    assert twice == pytest.approx((low, high))


def test_an_interval_over_seeds_is_students() -> None:
    values = [0.4, 0.5, 0.45, 0.55, 0.6]
    figure = seeds_figure("x", values, 10)
    expected = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    assert (figure.low, figure.high) == pytest.approx(expected)
    assert seeds_figure("x", [0.4], 10).low is None


def test_a_figure_of_nothing_has_no_interval() -> None:
    figure = mean_figure("x", np.array([]))
    assert figure.n == 0
    assert figure.low is None


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three species in three colours, four pictures each, and one without a label."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name, colours in {
        "Panthera leo": ("orange", "gold", "#e09000", "#d08010"),
        "Pica pica": ("black", "navy", "#101020", "#080840"),
        "Lacerta agilis": ("green", "lime", "#20a020", "#109010"),
    }.items():
        for colour in colours:
            write_picture(tmp_path / "zoo" / name / f"{colour.strip('#')}.png", colour)
    write_picture(tmp_path / "zoo" / "unsorted" / "a.png", "red")
    return tmp_path


def index_of(folder: str) -> str:
    taxalens.index(folder, "c", encoder="starter")
    return "c"


def run(*words: str) -> str:
    result = CliRunner().invoke(main, ["evaluate", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_command_compares_encoders_and_keeps_what_it_found(zoo: Path) -> None:
    words = ("zoo", "--encoder", "starter", "--templates", "1", "--seeds", "2", "--shots", "1")
    lines = json.loads(run(*words, "--format", "json"))
    found = {(line["measure"], line["rank"]): line for line in lines}
    assert found["zero-shot top-1", ""]["n"] == 12
    assert found["1-shot SimpleShot", ""]["value"] > 0.4
    vectors, table = taxalens.open(index_of("zoo")).vectors(), taxalens.open("c").to_arrow()
    labels = np.array(table["label"].to_pylist(), object)
    labelled = labels != None  # noqa: E711
    near = retrieval.precision_at_1(vectors[labelled], labels[labelled].astype(str))
    assert found["image→image P@1", "species"]["value"] == pytest.approx(near, abs=CLOSE)
    assert {line["encoder"] for line in lines} == {"starter"}
    assert all(line["low"] <= line["value"] <= line["high"] for line in lines if line["low"])
    kept = sorted((zoo / "cache").rglob("evaluations/*.json"))
    assert len(kept) == 1
    before = kept[0].stat().st_mtime_ns
    assert json.loads(run(*words, "--format", "json")) == lines
    assert kept[0].stat().st_mtime_ns == before
    index_of("zoo")
    write_picture(zoo / "zoo" / "Pica pica" / "new.png", "#000010")
    # Another look at the folder has the new picture, the collection has not.
    again = json.loads(run(*words, "--format", "json"))
    assert {line["n"] for line in again if line["measure"] == "zero-shot top-1"} == {13}
    own = json.loads(run("-c", "c", *words[3:], "--format", "json"))
    assert {line["n"] for line in own if line["measure"] == "zero-shot top-1"} == {12}


def test_a_collection_is_evaluated_by_another_encoder_on_the_same_images(zoo: Path) -> None:
    folder = write_tower(zoo / "tiny")
    taxalens.index("zoo", "own", encoder="starter")
    evaluation = taxalens.evaluate(
        None, ["starter", f"local-dir:{folder}"], collection="own", families="few-shot", shots=[1]
    )
    assert evaluation.encoders == ("starter", f"local-dir:{folder}")
    assert all(figure.n <= 12 for figure in evaluation)
    rows = evaluation.side_by_side()
    assert [row["measure"] for row in rows] == ["1-shot SimpleShot", "1-shot k-NN", "1-shot probe"]
    assert all(row["starter"] and row[f"local-dir:{folder}"] for row in rows)
    assert any("without a label" in note for note in evaluation.notes)


def test_another_encoder_alone_sees_the_labels_of_the_collection(zoo: Path) -> None:
    table = zoo / "labels.csv"
    files = [path.relative_to(zoo / "zoo") for path in sorted((zoo / "zoo").rglob("*.png"))]
    names = [("Parus major", "Parus ater", "Picus viridis", "Rana")[n % 4] for n in range(13)]
    rows = [f"{file},{name}" for file, name in zip(files, names, strict=True)]
    table.write_text("\n".join(["file_name,taxon", *rows]) + "\n")
    taxalens.index("zoo", "own", encoder="starter", labels=table)
    spec = f"local-dir:{write_tower(zoo / 'tower')}"
    evaluation = taxalens.evaluate(
        None, spec, collection="own", families="zero-shot", templates=1, text_type="sci"
    )
    assert {figure.n for figure in evaluation} == {13}
    assert evaluation[0].setting == "sci, 1 template, 4 classes"


def test_the_table_of_a_bioclip_task_labels_the_pictures_of_its_folder(zoo: Path) -> None:
    lines = ["0,Panthera leo/orange.png,lion_class", "1,./Panthera leo/gold.png,lion_class"]
    lines += ["2,Pica pica/black.png,magpie", "3,Pica pica/navy.png,magpie", "4,gone.png,magpie"]
    (zoo / "zoo" / "metadata.csv").write_text("\n".join([",filepath,class", *lines]) + "\n")
    evaluation = taxalens.evaluate("zoo/metadata.csv", "starter", families="zero-shot", templates=1)
    assert {figure.n for figure in evaluation} == {4}
    assert evaluation[0].setting == "asis, 1 template, 2 classes"
    assert "1 pictures of the table are missing or could not be read" in evaluation.notes


def test_tables_for_people_have_a_column_for_each_encoder(zoo: Path) -> None:
    words = ("zoo", "--encoder", "starter", "--measure", "few-shot", "--seeds", "2")
    table = run(*words, "--shots", "1").splitlines()
    assert table[0].split() == ["measure", "rank", "n", "starter", "seeds", "setting"]
    markdown = run(*words, "--shots", "1", "--format", "markdown").splitlines()
    assert markdown[0] == "| measure | rank | n | starter | seeds | setting |"
    assert markdown[1] == "|---|---|---|---|---|---|"
    assert markdown[2].startswith("| 1-shot SimpleShot |  | 11 | 0.")
    run(*words, "--shots", "1", "--plot", "few.svg")
    assert "1-shot SimpleShot" in (zoo / "few.svg").read_text()


def test_copies_are_noted_and_vectors_that_are_no_numbers_refused(zoo: Path) -> None:
    spec = f"local-dir:{write_tower(zoo / 'tower')}"
    few = {"families": "few-shot", "shots": [1]}
    copy = zoo / "zoo" / "Pica pica" / "copy.png"
    copy.write_bytes((zoo / "zoo" / "Pica pica" / "navy.png").read_bytes())
    evaluation = taxalens.evaluate("zoo", spec, **few)
    assert any("have the very vector of another" in note for note in evaluation.notes)
    broken = write_tower(zoo / "broken")
    weights = load_file(str(broken / "open_clip_model.safetensors"))
    weights["visual.proj"][:] = np.nan
    save_file(weights, str(broken / "open_clip_model.safetensors"))
    with pytest.raises(Error, match=r"embedded none of the images \(the encoder's vector"):
        taxalens.evaluate("zoo", f"local-dir:{broken}", **few)


def test_what_cannot_be_evaluated_is_named(zoo: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean zero-shot"):
        taxalens.evaluate("zoo", "starter", families="zeroshot")
    with pytest.raises(UnknownName, match="Did you mean taxon_com"):
        taxalens.evaluate("zoo", "starter", text_type="taxon-com")
    with pytest.raises(Error, match="templates are 1, 80 or 81"):
        taxalens.evaluate("zoo", "starter", templates=7)
    with pytest.raises(BadInput, match="fewer than two classes"):
        taxalens.evaluate("zoo/Pica pica", "starter")
