"""The back end of cards answers as the exact one; without a card, torch's processor stands in."""

import numpy as np
import pytest
import torch
from galleries import gallery, unit
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.backends import Found, exact
from indexer.backends.exact import Exact
from indexer.backends.gpu import ERROR, SPARE, Card
from indexer.backends.selection import Selection, selection_of
from search.ranking.nearest import ON_A_CARD, Nearest

ROWS, DIM = 3000, 24
VECTORS = gallery(ROWS, DIM)
CLOSE = 2e-6  # two orders of a sum of float32
card_here = pytest.mark.skipif(not torch.cuda.is_available(), reason="no card here")
DEVICES = ["cpu", pytest.param("cuda", marks=card_here)]


def card(vectors: list[np.ndarray], device: str, room: int | None = None) -> Card:
    return Card(vectors, device, Exact(vectors).gather, room)


def assert_same(found: Found, true: Found, vectors: np.ndarray, queries: np.ndarray) -> None:
    """Assert that the scores are the best ones, and belong to the rows, each there once."""
    scores, rows = found
    assert scores.shape == rows.shape == true[0].shape
    assert scores == pytest.approx(true[0], abs=CLOSE)
    own = np.einsum("qd,qkd->qk", queries.astype(np.float32), vectors[rows].astype(np.float32))
    assert scores == pytest.approx(own, abs=CLOSE)
    assert all(len(set(line)) == len(line) for line in rows.tolist())


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("room", [None, 0], ids=["resident", "in parts"])
@given(
    queries=st.integers(1, 40),
    k=st.integers(1, 90),
    share=st.sampled_from([1.0, 0.3, 0.02]),
    is_clade=st.booleans(),
    cut=st.integers(0, ROWS),
    seed=st.integers(0, 99),
)
@settings(max_examples=40, deadline=None)
def test_a_card_finds_the_nearest_rows(
    device: str,
    room: int | None,
    queries: int,
    k: int,
    share: float,
    is_clade: bool,
    cut: int,
    seed: int,
) -> None:
    random = np.random.default_rng(seed)
    vectors = [VECTORS[:cut], VECTORS[cut:]]
    asked = unit(random.normal(size=(queries, DIM))).astype(np.float32)
    count, start = int(ROWS * share), int(random.integers(0, ROWS // 2))
    chosen = np.sort(random.choice(ROWS, count, replace=False))
    clade = Selection(range(start, min(start + count, ROWS)))
    among = clade if is_clade else selection_of(chosen)
    k = min(k, len(among))
    found = card(vectors, device, room).search(asked, k, among)
    assert_same(found, Exact(vectors).search(asked, k, among), VECTORS, asked)
    assert np.isin(found[1], among.array).all()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("length", [1, 30])
def test_rows_that_float16_cannot_tell_apart_are_told_apart(device: str, length: int) -> None:
    random = np.random.default_rng(0)
    one = unit(random.normal(size=(1, 512))).astype(np.float32)
    near = unit(one + 1e-3 * random.normal(size=(20 * SPARE, 512))) * np.float16(length)
    asked = unit(one + 5e-3 * random.normal(size=(5, 512))).astype(np.float32)
    products = asked @ near.astype(np.float32).T
    best = np.sort(products)[:, -10 - SPARE :]
    assert (np.ptp(best, axis=1) < ERROR * length).all()  # else there is no doubt
    scores, rows = card([near], device).search(asked, 10)
    true = np.argsort(-products, axis=1, kind="stable")[:, :10]
    assert scores == pytest.approx(np.take_along_axis(products, true, 1), abs=CLOSE * length)
    assert (np.sort(rows) == np.sort(true)).mean() > 0.95  # but for ties of float32


@pytest.mark.parametrize("device", DEVICES)
def test_of_equal_rows_the_lower_ones_answer(device: str) -> None:
    vectors = np.tile(unit(np.eye(4)[:1]), (500, 1))
    scores, rows = card([vectors], device).search(vectors[:2].astype(np.float32), 5)
    assert (scores == 1).all()
    assert (np.sort(rows) == np.sort(rows[:1])).all()
    assert (np.diff(rows) > 0).all()


def test_a_large_search_brings_the_vectors_to_the_card_for_all_that_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exact, "WORTH_A_CARD", 10 * ROWS)
    monkeypatch.setattr(exact, "WORTH_A_CALL", ROWS)
    here, asked = Exact([VECTORS], "cpu"), VECTORS[:10].astype(np.float32)
    every = Selection(range(ROWS))
    assert "_card" not in vars(here)
    here.search(asked[:9], 5)
    assert not here.is_on_card
    assert_same(here.search(asked, 5), Exact([VECTORS]).search(asked, 5), VECTORS, asked)
    assert here.is_on_card
    (found, planned) = Nearest(here).search(asked[:1], 5, every)
    assert_same(found, Exact([VECTORS]).search(asked[:1], 5), VECTORS, asked[:1])
    assert planned.effort is None
    assert ON_A_CARD


def test_without_a_card_torch_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact, "WORTH_A_CARD", 0)
    plain = Exact([VECTORS])
    plain.search(VECTORS[:20], 5)
    assert plain.is_on_card == torch.cuda.is_available()
