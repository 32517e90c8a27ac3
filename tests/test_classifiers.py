"""Few-shot classifiers: one contract for every file of the folder, SimpleShot as in the paper."""

import hashlib
import json
import os
import random
from pathlib import Path

import numpy as np
import pytest
from galleries import gallery, unit
from hypothesis import given, settings
from hypothesis import strategies as st

import taxalens
from model.errors import UnknownName
from search.classify.classifiers import load, methods
from search.classify.classifiers.knn import TEMPERATURE
from search.classify.reference_set import ReferenceSet, reference_set

ROOT = Path(taxalens.__file__).parent
DATA = Path(os.environ.get("TAXALENS_DATA", ROOT.parent / "shared" / "data"))
GOLDEN = DATA / "golden" / "golden.json"
EVERY = pytest.mark.parametrize("method", methods())


def toy(shots: int = 4, classes: int = 5, seed: int = 0) -> tuple[ReferenceSet, ReferenceSet]:
    """Classes that lie far apart: examples, and others to ask for."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, 16))
    of = np.tile(np.arange(classes), shots)
    parts = [
        unit(centres[of] + 0.1 * rng.normal(size=(len(of), 16))).astype(np.float32)
        for _ in range(2)
    ]
    return reference_set(parts[0], of), reference_set(parts[1], of)


def test_the_methods_are_there_and_others_are_refused() -> None:
    assert {"centroid", "knn", "probe"} <= set(methods())
    with pytest.raises(UnknownName, match="Did you mean centroid"):
        load("centroyd")


@EVERY
@pytest.mark.parametrize("shots", [1, 2, 5])
@pytest.mark.parametrize("classes", [2, 5])
def test_classes_that_lie_apart_are_told_apart(method: str, shots: int, classes: int) -> None:
    support, asked = toy(shots, classes)
    scores = load(method).fit(support).scores(asked.vectors)
    assert scores.shape == (len(asked), classes)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()
    assert (scores.argmax(axis=1) == asked.classes).all()


@EVERY
def test_the_same_examples_in_any_order_teach_the_same(method: str) -> None:
    support, asked = toy()
    order = np.random.default_rng(1).permutation(len(support))
    other = reference_set(support.vectors[order], support.classes[order])
    first = load(method).fit(support).scores(asked.vectors)
    assert np.array_equal(load(method).fit(support).scores(asked.vectors), first)
    np.testing.assert_allclose(
        load(method).fit(other).scores(asked.vectors), first, rtol=1e-3, atol=1e-3
    )


@EVERY
def test_an_answer_does_not_depend_on_what_else_is_asked(method: str) -> None:
    support, asked = toy()
    fitted = load(method).fit(support)
    together = fitted.scores(asked.vectors)
    alone = np.concatenate([fitted.scores(asked.vectors[[place]]) for place in range(len(asked))])
    np.testing.assert_allclose(alone, together, atol=2e-3)
    assert fitted.scores(asked.vectors[:0]).shape == (0, 5)


@EVERY
def test_a_class_is_not_preferred_for_having_more_examples(method: str) -> None:
    rng = np.random.default_rng(0)
    few, many = unit(rng.normal(size=(2, 16)) * [[1], [1]]).astype(np.float32)
    crowd = unit(many + 0.02 * rng.normal(size=(40, 16)))
    support = reference_set(
        np.concatenate([few[None], crowd]).astype(np.float32), np.r_[0, [1] * 40]
    )
    nearer = unit((0.6 * few + 0.4 * many)[None]).astype(np.float32)
    assert load(method).fit(support).scores(nearer).argmax() == 0


@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(2, 6))
@settings(max_examples=30)
def test_simpleshot_answers_with_the_nearest_centroid(seed: int, shots: int, classes: int) -> None:
    """The paper's own words, with loops: centre by the support's mean, scale, average, compare."""
    vectors = gallery(shots * classes + 10, dim=8, clumps=classes, seed=seed).astype(np.float32)
    examples, queries = vectors[: shots * classes], vectors[shots * classes :]
    of = np.tile(np.arange(classes), shots)
    mean = sum(examples) / len(examples)

    def moved(vector: np.ndarray) -> np.ndarray:
        return (vector - mean) / np.linalg.norm(vector - mean)

    centroids = [
        sum(moved(example) for example in examples[of == each]) / shots for each in range(classes)
    ]
    distances = [[np.linalg.norm(moved(q) - c) for c in centroids] for q in queries]
    scores = load("centroid").fit(reference_set(examples, of)).scores(queries)
    # |q - c|² = 1 + |c|² - 2 q·c, and a score is q·c - |c|²/2.
    np.testing.assert_allclose(np.square(distances), 1 - 2 * scores, atol=1e-4)


def test_votes_are_weighed_by_cosine_and_by_the_number_of_examples() -> None:
    support, asked = toy(shots=2, classes=2)
    support = reference_set(support.vectors[:3], support.classes[:3])
    (scores,) = load("knn").fit(support, neighbours=3).scores(asked.vectors[:1])
    cosines = support.vectors.astype(np.float16).astype(np.float32) @ asked.vectors[0]
    weights = np.exp(cosines / TEMPERATURE)
    votes = np.array([(weights[0] + weights[2]) / 2, weights[1]])
    np.testing.assert_allclose(np.exp(scores), votes / votes.sum(), atol=1e-3)


@pytest.mark.skipif(not GOLDEN.is_file(), reason="needs the reference's own few-shot results")
@pytest.mark.parametrize(
    ("history", "in_place"),
    [
        ("in_place_history(reference bioclip)", True),
        ("fresh_copy_per_fold(bioclip-2 style)", False),
    ],
)
def test_simpleshot_is_exactly_the_references(history: str, in_place: bool) -> None:
    golden = json.loads(GOLDEN.read_text())["simpleshot"]
    rng = np.random.default_rng(0)
    classes, each, dim = 12, 20, 16
    centres = rng.normal(size=(classes, dim)).astype(np.float32)
    made = centres[:, None] + 1.6 * rng.normal(size=(classes, each, dim))
    vectors = made.reshape(-1, dim).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert hashlib.sha256(vectors.tobytes()).hexdigest() == golden["X_sha256"]
    kept = [list(vectors[start : start + each]) for start in range(0, len(vectors), each)]
    found: dict[str, list[float]] = {"1": [], "5": []}
    for shots in (1, 5):
        for fold in range(5):
            groups = kept if in_place else [list(group) for group in kept]
            random.seed(fold)
            for group in groups:
                random.shuffle(group)
            support = reference_set(
                np.concatenate([group[:shots] for group in groups]),
                np.repeat(np.arange(classes), shots),
            )
            asked = np.concatenate([group[shots:] for group in groups])
            answers = load("centroid").fit(support).scores(asked).argmax(axis=1)
            right = answers == np.repeat(np.arange(classes), each - shots)
            found[str(shots)].append(float(right.mean()))
    assert found == golden[history]
