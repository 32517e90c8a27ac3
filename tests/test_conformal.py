"""Conformal sets: right as often as asked, for rare classes as for frequent ones, and in words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from search.classify.conformal import FEWEST, Misfits, conformal_sets, quantile
from search.label.examples import ExampleClass
from search.label.label_sets import label_sets

CATS = "Animalia|Chordata|Mammalia|Carnivora|Felidae"
SAID = [
    ExampleClass("Panthera leo", f"{CATS}|Panthera|Panthera leo"),
    ExampleClass("Panthera pardus", f"{CATS}|Panthera|Panthera pardus"),
    ExampleClass("Lynx lynx", f"{CATS}|Lynx|Lynx lynx"),
    ExampleClass("Quercus robur", "Plantae|Tracheophyta|Magnoliopsida|Fagales|Fagaceae|Quercus"),
    ExampleClass("blank"),
]


class LongTail:
    """Classes of 1 to 64 examples; the fewer of a class teach, the less its images fit."""

    def __init__(self, seed: int, classes: int = 150) -> None:
        self.random = np.random.default_rng(seed)
        self.sizes = np.exp(self.random.exponential(0.9, classes)).clip(1, 64).astype(np.int64)
        self.taught = self.sizes - -(-self.sizes // 10)

    def shares(self, classes: np.ndarray, taught: np.ndarray) -> np.ndarray:
        """Return the probability of the true class of some images."""
        ease = 1.3 * np.log(taught[classes]) - 0.5
        return expit(self.random.normal(ease, 1.2)) * 0.49  # never the likeliest of the two

    def misfits(self) -> Misfits:
        several = self.sizes > 1
        classes = np.repeat(np.flatnonzero(several), self.sizes[several])
        scores = 1 - self.shares(classes, self.taught)
        return Misfits(scores, classes, self.taught, self.sizes)

    def covered(self, thresholds: np.ndarray) -> np.ndarray:
        """Return how often the truth is in the set of 40 new images of each class, (classes,)."""
        classes = np.repeat(np.arange(len(self.sizes)), 40)
        true = self.shares(classes, self.sizes)
        held = [
            conformal_sets(np.array([[share, 1 - share]]), np.array([threshold, 0.0]))[0, 0]
            for share, threshold in zip(true, thresholds[classes], strict=True)
        ]
        return np.reshape(held, (-1, 40)).mean(axis=1)


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_on_a_long_tail_classes_hold_the_truth_as_often_as_asked(level: float) -> None:
    all_classes, rare, together = [], [], []
    for seed in range(8):
        tail = LongTail(seed)
        misfits = tail.misfits()
        covered = tail.covered(misfits.thresholds(level))
        all_classes.append(covered.mean())
        rare.append(covered[tail.sizes <= 2].mean())
        one = quantile(misfits.scores, np.ones(len(misfits.scores)), level)
        together.append(tail.covered(np.full(len(tail.sizes), one)).mean())
    assert np.mean(all_classes) == pytest.approx(level, abs=0.02)
    assert np.mean(rare) > level - 0.05
    assert np.mean(together) < level - 0.05  # one threshold for all images fails the rare classes


@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.integers(2, 40),
    classes=st.integers(1, 30),
    level=st.floats(0.05, 0.99),
)
@settings(max_examples=50)
def test_of_classes_of_one_size_the_threshold_is_the_conformal_one(
    seed: int, size: int, classes: int, level: float
) -> None:
    scores = np.random.default_rng(seed).uniform(size=size * classes)
    sizes = np.full(classes, size)
    misfits = Misfits(scores, np.repeat(np.arange(classes), size), sizes, sizes)
    place = int(np.ceil((len(scores) + 1) * level - 1e-6)) - 1
    exact = np.sort(scores)[place] if place < len(scores) else 1.0
    assert misfits.thresholds(level).tolist() == [exact] * classes


@given(seed=st.integers(0, 2**32 - 1), level=st.floats(0.05, 0.9))
@settings(max_examples=30)
def test_a_higher_level_never_takes_a_class_out(seed: int, level: float) -> None:
    misfits = LongTail(seed, classes=40).misfits()
    assert (misfits.thresholds(level) <= misfits.thresholds(level + 0.05)).all()


def test_where_few_rare_examples_were_left_out_larger_classes_decide() -> None:
    sizes = np.array([1, 2, *[16] * 10])
    classes = np.repeat(np.arange(1, 12), sizes[1:])
    scores = np.where(classes == 1, 0.99, np.linspace(0.1, 0.5, len(classes)))
    taught = np.array([0, 1, *[14] * 10])
    assert (classes == 1).sum() < FEWEST
    found = Misfits(scores, classes, taught, sizes).thresholds(0.8)
    assert len(set(found.tolist())) == 1
    assert 0.4 < found[0] < 0.5


@pytest.mark.parametrize(
    ("inside", "sentence", "clade", "rank"),
    [
        ((0,), "Panthera leo", "Panthera leo", "species"),
        ((0, 1), "Panthera leo or Panthera pardus; surely genus Panthera", "Panthera", "genus"),
        (
            (0, 1, 2),
            "Panthera leo, Panthera pardus or Lynx lynx; surely family Felidae",
            "Felidae",
            "family",
        ),
        ((0, 3), "Panthera leo or Quercus robur", "", ""),
        ((0, 4), "Panthera leo or blank", "", ""),
        (
            (0, 1, 2, 3, 4),
            "Panthera leo, Panthera pardus, Lynx lynx, Quercus robur or 1 more",
            "",
            "",
        ),
    ],
)
def test_a_set_speaks_as_nodes_of_the_tree(
    inside: tuple[int, ...], sentence: str, clade: str, rank: str
) -> None:
    shares = np.array([[0.3 - 0.01 * place for place in range(len(SAID))]])
    thresholds = np.array([1.0 if place in inside else 0.0 for place in range(len(SAID))])
    (found,) = label_sets(shares, thresholds, SAID)
    assert found.labels == tuple(SAID[place].label for place in inside)
    assert (str(found), found.clade, found.rank) == (sentence, clade, rank)
