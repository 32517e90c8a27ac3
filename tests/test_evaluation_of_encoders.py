"""One command compares two encoders: each of its figures equals independent code, to 1e-6.

Independent: the vectors are of a collection made apart, the figures of scikit-learn, SciPy and
loops. On drawings always, on photographs of birds where they are.
"""

import csv
import json
import os
import random
import shutil
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from open_clip import OPENAI_IMAGENET_TEMPLATES
from safetensors.numpy import load_file
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.optimize import minimize_scalar
from scipy.spatial.distance import cdist, pdist, squareform
from scipy.special import expit, log_softmax, logit, softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    roc_auc_score,
    silhouette_score,
    top_k_accuracy_score,
)
from sklearn.neighbors import NearestNeighbors
from towers import write_tower

import taxalens
from model.encoder import load
from model.encoders.starter import FOLDER
from model.taxon import RANKS
from training.contrastive.drawn import draw, taxa
from training.evaluation import few_shot, open_set
from ui.cli import main

BIRDS = (
    Path(os.environ.get("TAXALENS_DATA", Path(taxalens.__file__).parent.parent / "shared" / "data"))
    / "birds"
    / "images"
)
CLOSE = 1e-6
SHOTS = 1, 3
SEEDS = 2
Figures = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Seen:
    """The images as one encoder sees them, and what the command found."""

    spec: str
    vectors: np.ndarray
    """(n, dim) float32 unit rows"""
    lineages: list[tuple[str, ...]]
    classes: np.ndarray
    """(n,) numbered by first appearance"""
    scale: float
    """exp(logit_scale), read from the weights"""
    scores: np.ndarray
    """(n, class strings) cosines with the ensembles of names"""
    truth: np.ndarray
    """(n,) the class string of each image"""
    found: Figures
    n: dict[tuple[str, str], int]

    def at(self, rank: str) -> np.ndarray:
        """The name of each image at a rank, "" without."""
        return np.array([lineage[RANKS.index(rank)] for lineage in self.lineages])


def drawings(folder: Path) -> Path:
    """Twelve drawn species in a table of their ranks; one has one picture, one no species.

    Two of one genus have no order.
    """
    columns = ["file_name", *map(str, RANKS), "common_name"]
    with (folder / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(columns)
        for place, (number, taxon) in enumerate(list(enumerate(taxa()))[18:30]):
            lineage = [*taxon.lineage[:4], f"{taxon.lineage[4]}idae", *taxon.lineage[5:]]
            if place > 9:
                lineage[3] = ""
            if place == 1:
                lineage[-1] = ""
            for individual in range(1 if place == 2 else 8):
                name = f"{number}-{individual}.png"
                draw(number, individual).save(folder / name)
                table.writerow([name, *lineage, taxon.common_name if place % 2 else ""])
    return folder / "table.csv"


def birds(folder: Path) -> Path:
    """Ten of the birds, up to nine pictures each."""
    if not BIRDS.is_dir():
        pytest.skip("the photographs of birds are absent")
    for species in sorted(BIRDS.iterdir())[::10]:
        (folder / species.name).mkdir()
        for path in sorted(species.iterdir())[:9]:
            shutil.copy(path, folder / species.name)
    return folder


@pytest.fixture(scope="module", params=[drawings, birds], ids=["drawings", "birds"])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[Seen]]:
    """The figures of one command for two encoders, and the same images embedded apart."""
    work = tmp_path_factory.mktemp("work")
    (work / "pictures").mkdir()
    source = request.param(work / "pictures")
    specs = ["starter", f"local-dir:{write_tower(work / 'tower', width=64, scale=30)}"]
    words = ["evaluate", str(source), "--text-type", "taxon_com", "--seeds", str(SEEDS)]
    words += [word for spec in specs for word in ("--encoder", spec)]
    words += [word for k in SHOTS for word in ("--shots", str(k))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
        result = CliRunner().invoke(main, [*words, "--format", "json"])
        assert result.exit_code == 0, result.output
        lines = json.loads(result.stdout)
        yield [seen(source, work / str(place), spec, lines) for place, spec in enumerate(specs)]


def seen(source: Path, folder: Path, spec: str, lines: list[dict[str, object]]) -> Seen:
    """Embed the images apart."""
    taxalens.index(source, folder, encoder=spec)
    opened = taxalens.open(folder)
    table = opened.to_arrow().to_pylist()
    vectors = np.asarray(opened.vectors(), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lineages = [tuple(line[rank] or "" for rank in map(str, RANKS)) for line in table]
    names = []
    for line, lineage in zip(table, lineages, strict=True):
        *above, species = lineage
        words = " ".join(filter(None, [*above, species.removeprefix(lineage[5]).strip()]))
        common = line["common_name"]
        names.append(f"{words} with common name {common}" if common and words else words)
        if not any(lineage):
            names[-1] = line["label"].replace("_", " ")
    keys = [line["taxon_key"] or line["label"] for line in table]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    own = [line for line in lines if line["encoder"] == spec]
    found = {(line["measure"], line["rank"]): line["value"] for line in own}
    n = {(line["measure"], line["rank"]): line["n"] for line in own}
    classes = np.array([numbers[key] for key in keys])
    scores, truth = zero_shot_scores(spec, vectors, names)
    return Seen(spec, vectors, lineages, classes, scale_of(spec), scores, truth, found, n)


def scale_of(spec: str) -> float:
    folder = FOLDER if spec == "starter" else Path(spec.partition(":")[2])
    (weights,) = Path(str(folder)).glob("*.safetensors")
    return float(np.exp(float(load_file(str(weights))["logit_scale"])))


def zero_shot_scores(
    spec: str, vectors: np.ndarray, names: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Cosines with the 81-template ensembles in float64, and the class of each image."""
    distinct = list(dict.fromkeys(names))
    encoder = load(spec)
    rows = []
    for name in distinct:
        prompts = [f"a photo of {name}.", *(fill(name) for fill in OPENAI_IMAGENET_TEMPLATES)]
        rows.append(encoder.encode_texts(prompts).astype(np.float64).mean(axis=0))
    texts = np.array(rows) / np.linalg.norm(rows, axis=1, keepdims=True)
    truth = np.array([distinct.index(name) for name in names])
    return vectors.astype(np.float64) @ texts.T, truth


def test_both_encoders_have_every_figure(both: list[Seen]) -> None:
    first, second = both
    assert set(first.found) == set(second.found)
    assert first.n == second.n
    assert len({rank for _, rank in first.found}) >= 4
    assert first.found["1-shot SimpleShot", ""] > second.found["1-shot SimpleShot", ""]


def test_zero_shot(both: list[Seen]) -> None:
    for one in both:
        scores, truth = one.scores, one.truth
        for k in (1, 5):
            expected = top_k_accuracy_score(truth, scores, k=k)
            assert one.found[f"zero-shot top-{k}", ""] == pytest.approx(expected, abs=CLOSE)
            assert one.n[f"zero-shot top-{k}", ""] == len(truth)


def centred(some: np.ndarray, mean: np.ndarray) -> np.ndarray:
    moved = some - mean
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)


def folds(classes: np.ndarray, k: int) -> Iterator[tuple[list[int], list[int]]]:
    """The draws of BioCLIP 2's evaluation: each class is shuffled by `random`, in order."""
    for seed in range(SEEDS):
        random.seed(seed)
        support, tested = [], []
        for number in range(classes.max() + 1):
            own = np.flatnonzero(classes == number).tolist()
            random.shuffle(own)
            if len(own) > k:
                support += own[:k]
                tested += own[k:]
        yield support, tested


def votes(one: Seen, support: list[int], tested: list[int]) -> np.ndarray:
    """k-NN as documented: the 20 nearest vote with exp(cosine / .07), here of float16 examples."""
    examples = one.vectors[support].astype(np.float16).astype(np.float64)
    near = NearestNeighbors(n_neighbors=min(20, len(support)), metric=lambda a, b: -(a @ b))
    distances, places = near.fit(examples).kneighbors(one.vectors[tested].astype(np.float64))
    answers = []
    for row, of in zip(-distances, one.classes[support][places], strict=True):
        sums: dict[int, float] = defaultdict(float)
        for cosine, number in zip(row, of, strict=True):
            sums[number] += np.exp((cosine - row.max()) / 0.07)
        answers.append(max(sums, key=lambda number: sums[number]))
    return np.array(answers)


@pytest.mark.parametrize("k", SHOTS)
def test_few_shot(both: list[Seen], k: int) -> None:
    for one in both:
        right: dict[str, list[float]] = defaultdict(list)
        for support, tested in folds(one.classes, k):
            given = one.vectors.astype(np.float64)
            mean = given[support].mean(axis=0)
            examples, asked = centred(given[support], mean), centred(given[tested], mean)
            known = np.unique(one.classes[support])
            centroids = [examples[one.classes[support] == each].mean(axis=0) for each in known]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                warnings.simplefilter("ignore", UserWarning)  # as many classes as examples
                # the probe is fitted to float32
                probe = LogisticRegression(C=10, class_weight="balanced", max_iter=200, tol=1e-3)
                probe.fit(examples.astype(np.float32), one.classes[support])
            answers = {
                "SimpleShot": known[cdist(asked, centroids).argmin(axis=1)],
                "k-NN": votes(one, support, tested),
                "probe": probe.predict(asked.astype(np.float32)),
            }
            for name, answer in answers.items():
                right[name].append((answer == one.classes[tested]).mean())
        for name, values in right.items():
            found = one.found[f"{k}-shot {name}", ""]
            assert found == pytest.approx(np.mean(values), abs=CLOSE), (name, one.spec)


def test_images_find_images(both: list[Seen]) -> None:
    for one in both:
        cosines = one.vectors.astype(np.float64) @ one.vectors.T.astype(np.float64)
        checked = 0
        for rank in map(str, RANKS):
            names = one.at(rank)
            if len(set(names) - {""}) < 2:
                assert ("image→image mAP", rank) not in one.found
                continue
            outcomes: dict[str, list[float]] = defaultdict(list)
            for row, name in enumerate(names):
                others = np.arange(len(names)) != row
                relevant = names[others] == name
                if not name or not relevant.any():
                    continue
                outcomes["mAP"].append(average_precision_score(relevant, cosines[row, others]))
                best = relevant[np.argsort(-cosines[row, others], kind="stable")]
                for k, measure in ((1, "P@1"), (5, "recall@5"), (10, "recall@10")):
                    outcomes[measure].append(best[:k].any())
            for measure, values in outcomes.items():
                key = (f"image→image {measure}", rank)
                assert one.found[key] == pytest.approx(np.mean(values), abs=CLOSE), (key, one.spec)
                assert one.n[key] == len(values)
                checked += 1
        assert checked >= 12


def test_names_find_images(both: list[Seen]) -> None:
    for one in both:
        encoder = load(one.spec)
        for rank in map(str, RANKS):
            names = one.at(rank)
            asked = list(dict.fromkeys(name for name in names if name))
            if len(asked) < 2:
                continue
            texts = encoder.encode_texts([f"a photo of {name}." for name in asked])
            scores = texts.astype(np.float64) @ one.vectors.T.astype(np.float64)
            precisions, firsts = [], []
            for name, row in zip(asked, scores, strict=True):
                precisions.append(average_precision_score(names == name, row))
                firsts.append(names[row.argmax()] == name)
            key = "text→image mAP", rank
            assert one.found[key] == pytest.approx(np.mean(precisions), abs=CLOSE), one.spec
            assert one.found["text→image P@1", rank] == pytest.approx(np.mean(firsts), abs=CLOSE)


def error_by_bins(sure: np.ndarray, right: np.ndarray) -> float:
    """The expected calibration error, bin by bin."""
    bins = np.minimum(np.floor(sure * 15), 14)
    error = 0.0
    for each in np.unique(bins):
        some = bins == each
        error += some.mean() * abs(sure[some].mean() - right[some].mean())
    return error


def sharpening(scores: np.ndarray, truth: np.ndarray) -> float:
    """The factor of a softmax that makes the true classes likeliest."""

    def loss(logarithm: float) -> float:
        likely = log_softmax(scores * np.exp(logarithm), axis=1)[np.arange(len(truth)), truth]
        return -np.maximum(likely, np.log(1e-6)).mean()

    return float(np.exp(minimize_scalar(loss, bounds=np.log([0.05, 500]), method="bounded").x))


def test_calibration(both: list[Seen]) -> None:
    for one in both:
        scores, truth = one.scores, one.truth
        order = np.random.default_rng(0).permutation(len(truth))[len(truth) % 2 :]
        fitted, tested = order[: len(order) // 2], order[len(order) // 2 :]
        right = scores[tested].argmax(axis=1) == truth[tested]
        sure = softmax(one.scale * scores[tested], axis=1).max(axis=1)
        before = error_by_bins(sure, right)
        assert one.found["zero-shot ECE before", ""] == pytest.approx(before, abs=CLOSE)
        given = scores[fitted]

        factor = sharpening(given, truth[fitted])

        def odds(some: np.ndarray, factor: float = factor) -> np.ndarray:
            shares = np.clip(softmax(some * factor, axis=1), 1e-6, 1 - 1e-6)
            answers = np.eye(some.shape[1])[some.argmax(axis=1)]
            return np.c_[logit(shares.max(axis=1)), answers]

        hits = given.argmax(axis=1) == truth[fitted]
        targets = np.where(hits, (hits.sum() + 1) / (hits.sum() + 2), 1 / ((~hits).sum() + 2))
        model = LogisticRegression().fit(
            np.r_[odds(given), odds(given)],
            np.repeat([1, 0], len(hits)),
            np.r_[targets, 1 - targets],
        )
        slope = np.r_[max(0, model.coef_[0, 0]), model.coef_[0, 1:]]
        after = error_by_bins(expit(odds(scores[tested]) @ slope + model.intercept_), right)
        assert one.found["zero-shot ECE after", ""] == pytest.approx(after, abs=CLOSE)


def test_open_set(both: list[Seen]) -> None:
    for one in both:
        scores, truth = one.scores, one.truth
        outcomes: dict[str, list[float]] = defaultdict(list)
        for seed in range(SEEDS):
            reference, known, unknown = open_set.split(one.classes, seed)
            tested = np.r_[known, unknown]
            is_known = np.r_[np.ones(len(known)), np.zeros(len(unknown))]
            given = one.vectors.astype(np.float64)
            near = NearestNeighbors(n_neighbors=1, metric="cosine").fit(given[reference])
            outcomes["nearest image"].append(
                roc_auc_score(is_known, -near.kneighbors(given[tested])[0][:, 0])
            )
            own = one.classes[reference]
            means = np.array([given[reference][own == each].mean(axis=0) for each in set(own)])
            near = NearestNeighbors(n_neighbors=1, metric="cosine").fit(means)
            outcomes["nearest centroid"].append(
                roc_auc_score(is_known, -near.kneighbors(given[tested])[0][:, 0])
            )
            shares = softmax(one.scale * scores[tested][:, np.unique(truth[reference])], axis=1)
            outcomes["zero-shot probability"].append(roc_auc_score(is_known, shares.max(axis=1)))
        for name, values in outcomes.items():
            found = one.found[f"open-set AUROC, {name}", ""]
            assert found == pytest.approx(np.mean(values), abs=CLOSE), (name, one.spec)


def test_distances_by_rank(both: list[Seen]) -> None:
    for one in both:
        for rank in map(str, RANKS):
            names = one.at(rank)
            given = one.vectors[names != ""].astype(np.float64)
            names = names[names != ""]
            if len(set(names)) < 2:
                continue
            near = NearestNeighbors(n_neighbors=10, metric="cosine").fit(given)
            purity = (names[near.kneighbors(return_distance=False)] == names[:, None]).mean()
            assert one.found["10-NN purity", rank] == pytest.approx(purity, abs=CLOSE)
            expected = silhouette_score(given, names, metric="cosine")
            assert one.found["silhouette", rank] == pytest.approx(expected, abs=CLOSE)


def shared_depth(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How deep the deepest name is that two lineages share, with all above it."""
    return max(r for r in range(8) if a[:r] == b[:r] and (r == 0 or a[r - 1]))


def test_distances_and_the_tree(both: list[Seen]) -> None:
    for one in both:
        species = one.at("species")
        names = [name for name in dict.fromkeys(species.tolist()) if name]
        lineages = [one.lineages[species.tolist().index(name)] for name in names]
        given = one.vectors.astype(np.float64)
        means = np.array([given[species == name].mean(axis=0) for name in names])
        shared = np.array([[shared_depth(a, b) for b in lineages] for a in lineages])
        joined = linkage(squareform(7 - shared, checks=False), "single")
        correlation = cophenet(joined, pdist(means, "cosine"))[0]
        key = "cophenetic correlation", ""
        assert one.found[key] == pytest.approx(correlation, abs=CLOSE)
        assert one.n[key] == len(names)
        cosines = 1 - squareform(pdist(means, "cosine"))
        shares = []
        for a in range(len(names)):
            agree = [
                cosines[a, b] > cosines[a, c]
                for b in range(len(names))
                for c in range(len(names))
                if a not in (b, c) and shared[a, b] > shared[a, c]
            ]
            shares += [np.mean(agree)] if agree else []
        assert one.found["triplet agreement", ""] == pytest.approx(np.mean(shares), abs=CLOSE)


def test_the_draws_are_those_of_the_protocol(both: list[Seen]) -> None:
    for k in SHOTS:
        own = [each[1:] for each in few_shot.folds(both[0].classes, [k], SEEDS)]
        for (support, tested), (ours, rest) in zip(folds(both[0].classes, k), own, strict=True):
            assert (support, tested) == (ours.tolist(), rest.tolist())
