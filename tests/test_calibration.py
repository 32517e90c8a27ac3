"""Calibration: confidence means what it says, rises towards the root, and more asks for more."""

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model.taxon import RANKS
from search.classify.backoff import FEWEST, Backoff, LeftOutAnswers, deepest, fit_backoff, upwards
from search.classify.reliability import BINS, Reliability

EVERY = np.ones((1, 7), bool)
PRECISIONS = st.floats(0.5, 0.999)


def made_up(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Answers whose chance to be right is known: features, whether right, and that chance."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(n, 7, 2)) + np.linspace(3, 0.5, 7)[None, :, None]
    chance = 1 / (1 + np.exp(-features[:, :, 0]))
    return features, random.random((n, 7)) < chance, chance


def answers(
    features: np.ndarray, right: np.ndarray, likeness: np.ndarray | None = None
) -> LeftOutAnswers:
    n = len(features)
    alike = np.linspace(0, 1, n) if likeness is None else likeness
    return LeftOutAnswers(features, right, np.ones((n, 7), bool), alike, np.full(n, np.nan))


@lru_cache
def learnt(n: int = 600, seed: int = 0) -> Backoff:
    features, right, _ = made_up(n, seed)
    calibration = fit_backoff(answers(features, right))
    assert calibration is not None
    return calibration


def test_confidence_is_the_chance_to_be_right() -> None:
    features, right, _ = made_up(4000, seed=1)
    sure = learnt(4000).confidence(features, np.ones(len(features)))[:, 6]
    for low in (0.5, 0.6, 0.7, 0.8, 0.9):
        some = (sure >= low) & (sure < low + 0.1)
        assert abs(right[some, 6].mean() - sure[some].mean()) < 0.08


def test_answers_are_right_as_often_as_was_asked() -> None:
    features, right, _ = made_up(4000, seed=2)
    calibration = learnt(4000)
    for precision in (0.7, 0.8, 0.9):
        depth = deepest(
            calibration.confidence(features, np.ones(len(features))),
            np.ones((4000, 7), bool),
            calibration.cutoff(precision),
        )
        whole = depth == 6
        assert right[whole, 6].mean() > precision - 0.03
        assert whole.mean() > 0.05


@given(arrays(np.float64, (5, 7), elements=st.floats(0, 1)))
def test_a_clade_is_as_sure_as_what_it_contains(confidence: np.ndarray) -> None:
    assert (np.diff(upwards(confidence), axis=1) <= 0).all()
    assert (upwards(confidence) >= confidence).all()


@given(
    arrays(np.float64, (5, 7), elements=st.floats(0, 1)),
    arrays(np.bool_, (5, 7)),
    arrays(np.float64, 7, elements=st.floats(0, 1)),
)
def test_the_answer_is_at_the_deepest_rank_that_clears(
    confidence: np.ndarray, answered: np.ndarray, cutoff: np.ndarray
) -> None:
    for image, depth in enumerate(deepest(confidence, answered, cutoff)):
        clears = [rank for rank in range(7) if answered[image, rank]]
        clears = [rank for rank in clears if confidence[image, rank] >= cutoff[rank]]
        assert depth == max(clears, default=-1)


@given(st.integers(0, 3), PRECISIONS, PRECISIONS)
def test_more_precision_never_gives_a_deeper_rank(seed: int, one: float, other: float) -> None:
    calibration = learnt(120, seed)
    confidence = calibration.confidence(made_up(60, seed + 1)[0], np.ones(60))
    low, high = sorted((one, other))
    every = np.ones((60, 7), bool)
    assert (
        deepest(confidence, every, calibration.cutoff(high))
        <= deepest(confidence, every, calibration.cutoff(low))
    ).all()


def test_what_is_as_sure_as_was_asked_is_always_given() -> None:
    calibration = learnt()
    for precision in (0.5, 0.75, 0.9, 0.995):
        assert (calibration.cutoff(precision) <= np.ceil(precision * 100) / 100 + 1e-9).all()


def test_the_bins_are_those_of_a_reliability_diagram() -> None:
    reliability = learnt().reliability
    for place, rank in enumerate(RANKS):
        bins = reliability.bins()[rank]
        sure, right = reliability.confidence[:, place], reliability.right[:, place]
        assert sum(each.answers for each in bins) == 600
        weights = [each.answers / 600 for each in bins]
        assert np.dot(weights, [each.confidence for each in bins]) == pytest.approx(sure.mean())
        assert np.dot(weights, [each.right for each in bins]) == pytest.approx(right.mean())
        assert len({int(each.confidence * BINS - 1e-9) for each in bins}) == len(bins)
        assert [each.confidence for each in bins] == sorted(each.confidence for each in bins)


def test_what_cannot_be_judged_is_in_no_bin() -> None:
    confidence = np.full((4, 7), 0.25)
    judged = np.zeros((4, 7), bool)
    judged[:3, 6] = True
    right = np.tile([[True], [False], [False], [True]], 7)
    bins = Reliability(confidence, right, judged).bins()
    assert bins == {"species": [(0.25, pytest.approx(1 / 3), 3)]}


def test_it_is_told_how_often_the_answers_of_each_rank_are_right() -> None:
    told = learnt().describe(0.8, depth=5)
    assert all(line.split(":")[0] in RANKS[:6] for line in told)
    depths = deepest(
        learnt().reliability.confidence, np.tile(np.arange(7) <= 5, (600, 1)), learnt().cutoff(0.8)
    )
    genus = learnt().reliability.right[depths == 5, 5]
    assert told[0] == (
        f"genus: the answer for {len(genus):,} of 600 labelled images, each left out; "
        f"{genus.mean():.0%} of them right (of taxa that are labelled here)"
    )


def test_a_notebook_shows_a_diagram_for_each_rank() -> None:
    shown = learnt()._repr_html_()
    bins = learnt().reliability.bins()
    assert all(f">{rank}<" in shown for rank in bins)
    assert shown.count("; answers: ") == sum(map(len, bins.values())) > 14


def test_few_answers_teach_nothing() -> None:
    features, right, _ = made_up(FEWEST - 1)
    assert fit_backoff(answers(features, right)) is None


def test_where_all_is_right_confidence_stays_below_one() -> None:
    features, right, _ = made_up(50)
    every = np.ones(right.shape, bool)
    calibration = fit_backoff(answers(features, every, features[:, 0, 0]))
    assert calibration is not None
    sure = calibration.confidence(features, np.ones(len(features)))
    np.testing.assert_allclose(sure, 51 / 52, atol=0.01)


def test_it_is_deterministic() -> None:
    one, other = learnt.__wrapped__(), learnt.__wrapped__()
    np.testing.assert_array_equal(one.cutoffs, other.cutoffs)
    np.testing.assert_array_equal(one.calibration.slopes, other.calibration.slopes)
