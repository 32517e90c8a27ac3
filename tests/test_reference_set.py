"""The reference-set classifier: what it learns, what it guards against, and that it is kept."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from colours import ColourEncoder
from galleries import unit
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import run, write_picture

from indexer.backends.exact import Exact
from indexer.store.derived import FOLDER, MOST, keep, kept, kept_or_made
from model.taxon import Taxon
from search.audit.label_classes import UNLABELLED, Classes
from search.audit.suggestions import Known
from search.classify.calibration import calibrate_classes, calibrate_ranks
from search.classify.conformal import conformal_sets, quantile
from search.classify.fitting import Classifier, Fitted, classifier_of, fit
from search.classify.kept_arrays import arrays_of, made_from
from search.classify.novelty import Novelty
from search.classify.predictions import prior_of
from search.classify.reference_set import ReferenceSet, reference_set
from search.classify.taxon_tree import tree_of
from search.classify.votes import NEAREST, SHARPNESS, voters_of
from search.classify.whitening import fit_whitening, whitening_matrix
from search.collection import open_collection
from search.identify.identifications import Identifications
from search.zero_shot.candidates import Candidates, candidates_of, table_of

SPECIES = 8
TREE = tree_of(
    [
        Taxon((*"KPCO", f"F{number // 4}", f"G{number // 2}", f"G{number // 2} s{number}"))
        for number in range(SPECIES)
    ]
)


def drawn(noise: float, each: int = 12, dim: int = 48, seed: int = 0) -> tuple:
    """Return a reference set around centres, and these, (species, dim)."""
    random = np.random.default_rng(seed)
    centres = unit(random.normal(size=(SPECIES, dim))).astype(np.float32)
    of = np.repeat(np.arange(SPECIES), each)
    rows = unit(centres[of] + noise * random.normal(size=(len(of), dim)) / dim**0.5)
    return ReferenceSet(rows.astype(np.float32), of, SPECIES, TREE), centres


def named(texts: np.ndarray) -> Candidates:
    return candidates_of(texts.astype(np.float16), table_of(TREE.taxa))


# Whitening


def test_whitened_specimens_of_one_class_differ_alike_in_every_direction() -> None:
    random = np.random.default_rng(0)
    spread = np.diag(np.geomspace(1, 100, 6))
    rows = random.normal(size=(4000, 6)) @ np.sqrt(spread)
    whitened = rows @ whitening_matrix(np.cov(rows.T), 0.0)
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(6), atol=1e-3)
    one = whitening_matrix(np.cov(rows.T), 1.0)
    np.testing.assert_allclose(one, one[0, 0] * np.eye(6), atol=1e-4)


def test_specimens_that_do_not_differ_are_only_centred() -> None:
    whitening = fit_whitening(reference_set(np.eye(3, 5), [0, 1, 2]))
    np.testing.assert_array_equal(whitening.matrix, np.eye(5))
    np.testing.assert_allclose(whitening.mean, np.eye(3, 5).mean(axis=0))


def test_two_specimens_of_one_class_are_enough_to_whiten() -> None:
    random = np.random.default_rng(0)
    for _ in range(200):  # of some, rounding makes the shrinkage of 0 a negative one
        vectors = random.normal(size=(3, 128)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        whitening = fit_whitening(reference_set(vectors, [0, 0, 1]))
        assert np.isfinite(whitening.matrix).all()


# Votes


def test_specimens_beyond_the_nearest_vote_too() -> None:
    """A class of many far specimens counts like the last of the nearest, not like nothing."""
    random = np.random.default_rng(0)
    centres = np.eye(3, 24)
    of = np.repeat([0, 1, 2], [NEAREST + 10, 40, NEAREST + 60])
    rows = unit(centres[of] + 0.5 * random.normal(size=(len(of), 24)) / 24**0.5)
    reference = reference_set(rows, of)
    voters = voters_of(reference, fit_whitening(reference), None)
    image = unit(centres[:1] + 0.2 * random.normal(size=(1, 24)) / 24**0.5)
    votes = voters.vote(image)
    assert (of[votes.nearest] == 0).all()  # so that no other class is among them
    whitened = voters.whitening.into(image)[0]
    cosines = voters.whitened.astype(np.float32) @ whitened
    last = np.sort(cosines)[::-1][NEAREST - 1]
    np.testing.assert_allclose(votes.kernel[0, 1:], last, atol=2e-3)
    near = np.maximum(cosines[of == 0], last).astype(np.float64)
    near = np.where(cosines[of == 0] >= last, near, last)
    expected = np.log(np.exp(SHARPNESS * near).mean()) / SHARPNESS
    assert votes.kernel[0, 0] == pytest.approx(expected, abs=2e-3)


# What is fitted


def test_the_weight_of_votes_against_names_is_learnt() -> None:
    telling, centres = drawn(0.6)
    random = unit(np.random.default_rng(1).normal(size=centres.shape))
    by_votes = fit(telling, prior_of(named(random), TREE))
    vague, centres = drawn(3.0, each=2)
    by_names = fit(vague, prior_of(named(centres), TREE))
    assert by_votes.mixing > 0.8
    assert by_names.mixing < 0.3


def test_no_scene_is_left_out_by_halves() -> None:
    """Labels by chance, two shots a scene: who votes on its own scene is always right."""
    random = np.random.default_rng(0)
    rows = unit(random.normal(size=(200, 48))).astype(np.float64)
    shots = unit(np.concatenate([rows, rows + 0.15 * random.normal(size=rows.shape) / 48**0.5]))
    labels = np.tile(random.integers(0, SPECIES, 200), 2)
    cosines = (shots[:200].astype(np.float32) * shots[200:].astype(np.float32)).sum(axis=1)
    assert 0.975 < cosines.min() <= cosines.max() < 0.997  # a burst, and not the image itself
    fitted = fit(ReferenceSet(shots.astype(np.float32), labels, SPECIES, TREE), None)
    assert fitted.backoff is not None
    known = fitted.backoff.reliability.known[:, 6]
    assert fitted.backoff.reliability.right[known, 6].mean() < 0.25


def test_an_image_like_nothing_that_is_labelled_has_no_confidence() -> None:
    reference, centres = drawn(0.4)
    classifier = classifier_of(reference, None)
    assert classifier.backoff is not None
    far = unit(centres[:1] - 3 * reference.vectors.mean(axis=0) - 2 * centres[1:2])
    known, strange = classifier.predict(centres), classifier.predict(far)
    backoff = classifier.backoff
    assert strange.likeness < backoff.least <= known.likeness.min()
    assert backoff.calibration.probabilities(strange.features).max() > 0.3
    assert (backoff.confidence(strange.features, strange.likeness) == 0).all()
    assert (backoff.confidence(known.features, known.likeness)[:, 6] > 0.5).all()
    others = unit(
        np.repeat(centres, 50, 0) + 0.4 * np.random.default_rng(9).normal(0, 48**-0.5, (400, 48))
    )
    assert (classifier.predict(others).likeness < backoff.least).mean() < 0.1


def test_more_evidence_never_makes_an_answer_less_sure() -> None:
    """Even where the specimens say the opposite."""
    random = np.random.default_rng(0)
    features = random.normal(size=(600, 7, 2))
    right = random.random((600, 7)) < 1 / (1 + np.exp(2 * features[:, :, 0]))
    calibration = calibrate_ranks(features, right, np.ones_like(right))
    assert (calibration.slopes >= 0).all()
    more = calibration.probabilities(features + 0.5) - calibration.probabilities(features)
    assert (more >= 0).all()
    scores = random.normal(size=(600, 3)).astype(np.float32)
    sure = np.sort(scores, axis=1)[:, -1] - np.sort(scores, axis=1)[:, -2]
    wrong = random.random(600) < 1 / (1 + np.exp(-3 * (sure - sure.mean())))
    truth = np.where(wrong, scores.argmin(axis=1), scores.argmax(axis=1))
    assert calibrate_classes(scores, truth).slope == 0


@given(m=st.integers(2, 12), wanted=st.floats(0.1, 0.95), seed=st.integers(0, 999))
@settings(max_examples=10, deadline=None)
def test_conformal_sets_hold_the_truth_exactly_as_often_as_the_theory_says(
    m: int, wanted: float, seed: int
) -> None:
    """Of exchangeable scores the share is ⌈(m + 1) level⌉ / (m + 1); one place off is seen."""
    random = np.random.default_rng(seed)
    trials = 4000
    right = random.uniform(0.01, 0.3, (trials, m + 1))  # never the likeliest of three
    held = []
    for row in right:
        shares = np.array([[row[-1], 0.35, 0.65 - row[-1]]])
        threshold = quantile(1 - row[:-1], np.ones(m), wanted)
        held.append(conformal_sets(shares, threshold)[0, 0])
    exact = min(1.0, np.ceil((m + 1) * wanted) / (m + 1))
    assert np.mean(held) == pytest.approx(exact, abs=0.035)


def test_the_place_of_the_conformal_quantile() -> None:
    scores = np.arange(1, 10) / 10  # nine examples
    shares = 1 - np.array([[0.45, 0.5, 0.55, 0.05]])
    half, most = (quantile(scores, np.ones(9), level) for level in (0.5, 0.91))
    assert conformal_sets(shares, half).tolist() == [[True, True, False, True]]
    assert conformal_sets(shares, most).all()  # too few to exclude any


# What to label next


def test_an_image_unlike_all_that_is_labelled_is_as_uncertain_as_one_between_two() -> None:
    best = np.array([[0, 1], [0, 1], [1, 0]])
    between, unlike = np.array([1.0, 0.1, 0.3]), np.array([0.2, 1.0, 0.6])
    known = Known(("a", "b"), best, between, unlike)
    assert known.uncertainty.tolist() == [1.0, 1.0, 0.6]
    assert [known.guess(place) for place in range(3)] == [
        ("a", "between a and b"),
        ("a", "unlike all that is labelled"),
        ("b", "unlike all that is labelled"),
    ]


def test_novelty_is_the_distance_to_the_nearest_class() -> None:
    random = np.random.default_rng(0)
    a, b, new = np.eye(3, 32)
    centres = np.repeat([a, b, a, b, a - b + 2 * new], [12, 12, 12, 12, 1], axis=0)
    rows = unit(unit(centres) + 0.3 * random.normal(size=centres.shape) / 32**0.5)
    of = np.array([0] * 12 + [1] * 12 + [UNLABELLED] * 25)
    classes = Classes(np.arange(49), of, ("a", "b"), np.array([1, 2]), np.zeros((2, 7), np.int64))
    known = Known.of(Exact([rows]), classes, np.flatnonzero(of == UNLABELLED))
    assert known.unlike.argmax() == 24
    assert known.unlike[24] == 1


# What is kept


def predicted(classifier: Classifier, images: np.ndarray) -> np.ndarray:
    found = classifier.predict(images)
    assert classifier.backoff is not None
    backoff = classifier.backoff.open_to(0.5)
    return backoff.confidence(found.features, found.likeness, found.log_odds)


def test_what_was_kept_answers_as_what_was_fitted(tmp_path: Path) -> None:
    reference, centres = drawn(0.8)
    candidates = named(centres)
    fitted = classifier_of(reference, candidates)
    assert fitted.fitted is not None
    keep(tmp_path, "classifier", "ab", arrays_of(fitted.fitted))
    keep(tmp_path, "novelty", "ab", arrays_of(fitted.novelty))
    arrays, novelty = (kept(tmp_path, kind, "ab") for kind in ("classifier", "novelty"))
    assert arrays is not None
    assert novelty is not None
    again = classifier_of(
        reference, candidates, made_from(Fitted, arrays), novelty=made_from(Novelty, novelty)
    )
    np.testing.assert_array_equal(predicted(again, centres), predicted(fitted, centres))
    assert again.backoff is not None
    assert again.backoff.describe(0.9, 6) == fitted.backoff.describe(0.9, 6)


def test_derived_arrays_are_whole_or_absent(tmp_path: Path) -> None:
    arrays = {"a": np.arange(4), "b": np.float32(0.5)}
    made: list[int] = []

    def make() -> dict[str, np.ndarray]:
        made.append(1)
        return arrays

    for _ in range(2):
        found = kept_or_made(tmp_path, "x", "0f", make)
        assert [found[name].tolist() for name in "ab"] == [[0, 1, 2, 3], 0.5]
    assert len(made) == 1
    (file,) = (tmp_path / FOLDER).iterdir()
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        assert kept(tmp_path, "x", "0f") is None
    file.write_bytes(whole[:-1])
    assert kept(tmp_path, "x", "0f") is None
    assert kept(tmp_path, "x", "10") is None
    kept_or_made(tmp_path, "x", "0f", make)
    assert len(made) == 2
    assert file.read_bytes() == whole


def test_only_the_newest_derived_arrays_stay_and_no_object_is_kept(tmp_path: Path) -> None:
    for number in range(MOST + 3):
        keep(tmp_path, "x", f"{number:02}", {"a": np.zeros(1)})
    assert len(list((tmp_path / FOLDER).iterdir())) == MOST
    with pytest.raises(ValueError, match="allow_pickle"):
        keep(tmp_path, "x", "ff", {"a": np.array([object()])})


COLOURS = {"Pica pica": "navy", "Panthera leo": "orange"}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A collection c of 20 pictures each of two species, and a new one."""
    random = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        for number in range(20):
            file = write_picture(tmp_path / "photos" / name / f"{number}.png", colour, (16, 16))
            _speckle(file, random)
    write_picture(tmp_path / "new.png", "orange")
    run(tmp_path / "photos", tmp_path / "c")
    return tmp_path


def _speckle(file: Path, random: np.random.Generator) -> None:
    from PIL import Image

    image = Image.open(file).convert("RGB")
    image.paste(tuple(random.integers(0, 256, 3).tolist()), (0, 0, 16, 6))
    image.save(file)


def identified(place: Path) -> tuple[Identifications, dict[str, int]]:
    answers = open_collection(place / "c", ColourEncoder()).identify(place / "new.png")
    files = (place / "c" / FOLDER).iterdir()
    return answers, {file.name: file.stat().st_mtime_ns for file in files}


def test_a_collection_keeps_what_identify_fitted(place: Path) -> None:
    open_collection(place / "c", ColourEncoder()).fit()
    first, files = identified(place)
    assert len(files) == 2
    assert "calibrated on 40 labelled images" in first.notes[-1]
    again, same = identified(place)
    assert (again.items, again.notes, same) == (first.items, first.notes, files)
    for file in (place / "c" / FOLDER).iterdir():
        whole = file.read_bytes()
        file.write_bytes(whole[:-9])
        repaired, _ = identified(place)
        assert (repaired.items, file.stat().st_size) == (first.items, len(whole))


def test_other_labels_are_fitted_anew(place: Path) -> None:
    _, files = identified(place)
    shutil.copy(place / "new.png", place / "photos" / "Panthera leo")
    run(place / "photos", place / "c")
    answers, now = identified(place)
    assert len(now) == 4
    assert now.keys() > files.keys()
    assert "calibrated on 41 labelled images" in answers.notes[-1]


def test_a_collection_that_cannot_be_written_to_is_identified_in_all_the_same(place: Path) -> None:
    first, _ = identified(place)
    shutil.rmtree(place / "c" / FOLDER)
    (place / "c" / FOLDER).write_text("no folder can be made here")
    again = open_collection(place / "c", ColourEncoder()).identify(place / "new.png")
    assert again.items == first.items
