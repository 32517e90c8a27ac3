"""The softmax over candidates and its sums by clade, against the plain way in float64."""

import numpy as np
import pytest
from galleries import unit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model.errors import Error
from model.taxon import RANKS, Taxon
from search.zero_shot import scoring
from search.zero_shot.candidates import NONE, Candidates, candidates_of, table_of
from search.zero_shot.scoring import score

DIM = 16
SLOW = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))
NAMES = st.sampled_from(["", "A", "B"])
LINEAGES = st.lists(st.tuples(*[NAMES] * len(RANKS)), min_size=1, max_size=60)


def made(lineages: list[tuple[str, ...]], seed: int = 0, **more: object) -> Candidates:
    vectors = unit(np.random.default_rng(seed).normal(size=(len(lineages), DIM)))
    return candidates_of(vectors, table_of([Taxon(each) for each in lineages]), **more)


def many(taxa: int = 3000, seed: int = 0) -> Candidates:
    random = np.random.default_rng(seed)
    lineages = []
    for place in range(taxa):
        family, genus = random.integers(12), random.integers(6)
        upper = ("K", "P", "C", f"O{family % 4}", f"F{family}" if family else "")
        lineages.append((*upper, f"G{genus}" if genus else "", f"S{place // 2}" if genus else ""))
    return made(lineages, seed)


def pictures(n: int, seed: int = 1) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def naive(images: np.ndarray, candidates: Candidates, scale: float = 100.0) -> np.ndarray:
    """Return the softmax in float64, (n, taxa)."""
    logits = scale * images.astype(np.float64) @ candidates.vectors.astype(np.float64).T
    if candidates.weights is not None:
        logits += np.log(candidates.weights)
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def members(candidates: Candidates, depth: int) -> dict[tuple[str, ...], list[int]]:
    """Group candidates by their lineages down to a rank, those that have a name there."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for place in range(len(candidates)):
        lineage = candidates.taxon(place).lineage[: depth + 1]
        if lineage[-1]:
            groups.setdefault(lineage, []).append(place)
    return groups


@SLOW
@given(LINEAGES, st.integers(0, 9), st.sampled_from([1.0, 14.3, 100.0]))
def test_a_clade_has_the_sum_of_its_members(
    lineages: list[tuple[str, ...]], seed: int, scale: float
) -> None:
    candidates, images = made(lineages, seed), pictures(3, seed)
    shares = naive(images, candidates, scale)
    scored = score(images, candidates, 100, scale=scale)
    for depth, rank in enumerate(RANKS):
        groups = members(candidates, depth)
        for image in range(len(images)):
            best = scored.clades[rank]
            told = {
                candidates.clade(rank, number).lineage[: depth + 1]: share
                for number, share in zip(
                    best.numbers[image], best.probabilities[image], strict=True
                )
                if number != NONE
            }
            assert told.keys() == groups.keys()
            for lineage, places in groups.items():
                assert told[lineage] == pytest.approx(shares[image, places].sum(), abs=2e-5)
            assert sum(told.values()) <= 1 + 1e-5


@SLOW
@given(LINEAGES)
def test_every_clade_is_one_stretch_and_no_row_is_lost(lineages: list[tuple[str, ...]]) -> None:
    candidates = made(lineages)
    found = [candidates.taxon(place).lineage for place in range(len(candidates))]
    assert sorted(found) == sorted(lineages)
    for depth, rank in enumerate(RANKS):
        for lineage, places in members(candidates, depth).items():
            assert places == list(range(places[0], places[-1] + 1))
            numbers = set(candidates.clades[rank].at(np.array(places)).tolist())
            assert len(numbers) == 1
            assert candidates.clade(rank, numbers.pop()).lineage[: depth + 1] == lineage


def test_reordered_rows_keep_their_vectors_and_weights() -> None:
    lineages = [(*"ABCDEF", "F x"), (*"ABCDGF", "F y"), (*"ABCDEF", "F z")]
    vectors, weights = unit(np.eye(3, DIM)), np.array([1, 2, 3], np.float32)
    table = table_of([Taxon(each) for each in lineages])
    candidates = candidates_of(vectors, table, weights)
    for place in range(3):
        was = lineages.index(candidates.taxon(place).lineage)
        assert (candidates.vectors[place] == vectors[was]).all()
        assert candidates.weights is not None
        assert candidates.weights[place] == weights[was]


def test_rows_in_order_are_not_copied() -> None:
    candidates = many()
    again = candidates_of(candidates.vectors, candidates.taxa)
    assert again.vectors is candidates.vectors


def test_namesakes_in_two_families_are_two_clades() -> None:
    candidates = made([(*"ABCDEF", "F x"), (*"ABCDGF", "F x")])
    assert len(candidates.clades["genus"].starts) == 2
    assert [candidates.clade("genus", number).at(RANKS[4]) for number in (0, 1)] == ["E", "G"]


def test_the_best_taxa_and_clades_are_those_of_the_plain_way() -> None:
    candidates, images = many(), pictures(40)
    asked = {"genus": np.arange(20), "family": np.array([NONE])}
    shares = naive(images, candidates)
    scored = score(images, candidates, 5, asked=asked)
    within = 2e-5
    best = np.argsort(-shares, axis=1, kind="stable")[:, :5]
    assert (scored.taxa.numbers == best).all()
    true = np.take_along_axis(shares, best, axis=1)
    np.testing.assert_allclose(scored.taxa.probabilities, true, atol=within)
    for level, cut in candidates.clades.items():
        sums = np.add.reduceat(shares, cut.starts, axis=1)
        if level == "genus":
            np.testing.assert_allclose(scored.asked[level], sums[:, :20], atol=within)
        best = np.argsort(-np.where(cut.named, sums, -1), axis=1, kind="stable")[:, :5]
        true = np.where(cut.named[best], np.take_along_axis(sums, best, axis=1), 0)
        np.testing.assert_allclose(scored.clades[level].probabilities, true, atol=within)
        assert (scored.clades[level].numbers == np.where(cut.named[best], best, NONE)).all()
    assert (scored.asked["family"] == 0).all()


def test_company_and_the_size_of_tiles_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    candidates, images = many(), pictures(7)
    together = score(images, candidates)
    monkeypatch.setattr(scoring, "IMAGES", 2)
    monkeypatch.setattr(scoring, "_TOGETHER", 64)
    in_pairs = score(images, candidates)
    alone = [score(images[[place]], candidates) for place in range(7)]
    within = 2e-6
    for level in candidates.clades:
        all_of = together.clades[level].probabilities
        np.testing.assert_allclose(in_pairs.clades[level].probabilities, all_of, atol=within)
        for place, each in enumerate(alone):
            np.testing.assert_allclose(
                each.clades[level].probabilities[0], all_of[place], atol=within
            )
    assert (in_pairs.taxa.numbers == together.taxa.numbers).all()
    assert all(
        (each.taxa.numbers[0] == row).all()
        for each, row in zip(alone, together.taxa.numbers, strict=True)
    )


def test_weights_multiply_and_zero_excludes() -> None:
    lineages = [(*"ABCDEF", f"F {place}") for place in range(50)]
    weights = np.random.default_rng(0).random(50).astype(np.float32)
    weights[::2] = 0
    candidates, images = made(lineages, weights=weights), pictures(4)
    scored = score(images, candidates, 50)
    with np.errstate(divide="ignore"):
        shares = naive(images, candidates)
    found = np.zeros_like(shares)
    np.put_along_axis(found, scored.taxa.numbers, scored.taxa.probabilities, axis=1)
    np.testing.assert_allclose(found, shares, atol=2e-5)
    assert (found[:, ::2] == 0).all()


def test_one_far_above_all_others_is_certain() -> None:
    """What the sample shows of the logits is far from the best: a pass is done anew."""
    vectors = np.tile(unit(-np.eye(1, DIM)), (20_000, 1))
    vectors[12_345] = np.eye(1, DIM)
    lineages = [(*"ABCDEF", f"F {place}") for place in range(len(vectors))]
    candidates = candidates_of(vectors, table_of([Taxon(each) for each in lineages]))
    scored = score(np.eye(1, DIM, dtype=np.float32), candidates)
    assert scored.taxa.numbers[0].tolist() == [12_345, 0, 1, 2, 3]
    assert scored.taxa.probabilities[0].tolist() == pytest.approx([1, 0, 0, 0, 0])
    assert scored.clades["species"].numbers[0, 0] == 12_345


def test_of_equals_the_first_comes_first() -> None:
    vectors = np.tile(unit(np.ones((1, DIM))), (500, 1))
    lineages = [(*"ABCDEF", f"F {place}") for place in range(500)]
    candidates = candidates_of(vectors, table_of([Taxon(each) for each in lineages]))
    scored = score(pictures(2), candidates, 4)
    assert scored.taxa.numbers.tolist() == [[0, 1, 2, 3]] * 2
    np.testing.assert_allclose(scored.taxa.probabilities, 1 / 500, rtol=1e-5)


def test_small_cases() -> None:
    one = made([(*"ABCDE", "", "")])
    scored = score(pictures(2), one, 5)
    assert scored.taxa.numbers.tolist() == [[0], [0]]
    assert scored.taxa.probabilities == pytest.approx(np.ones((2, 1)))
    assert scored.clades["family"].numbers.tolist() == [[0], [0]]
    assert scored.clades["species"].numbers.tolist() == [[NONE], [NONE]]
    assert score(pictures(0), one).taxa.numbers.shape == (0, 1)
    nothing = made([])
    assert score(pictures(2), nothing).taxa.numbers.shape == (2, 0)
    assert score(pictures(2), nothing).clades["genus"].numbers.shape == (2, 0)


def test_pictures_as_float16_and_fewer_levels() -> None:
    candidates, images = many(300), pictures(3).astype(np.float16)
    scored = score(images, candidates, levels=["family"])
    assert list(scored.clades) == ["family"]
    expected = np.sort(naive(images, candidates), axis=1)[:, ::-1][:, :5]
    np.testing.assert_allclose(scored.taxa.probabilities, expected, atol=2e-5)


def test_groups_of_ones_own_are_a_level() -> None:
    table = table_of([Taxon((*"ABCDEF", f"F {place}")) for place in range(4)])
    bins = table.append_column("bin", [["cat", "dog", "cat", "dog"]])
    candidates = candidates_of(unit(np.eye(4, DIM)), bins, levels=["bin"])
    assert candidates.taxa["bin"].to_pylist() == ["cat", "cat", "dog", "dog"]
    scored = score(np.eye(1, DIM, dtype=np.float32), candidates)
    assert scored.clades["bin"].probabilities[0].tolist() == pytest.approx([1, 0], abs=1e-6)


def test_numbers_that_differ_are_refused() -> None:
    table = table_of([Taxon((*"ABCDEF", "F x"))])
    with pytest.raises(Error, match="2 vectors do not belong to 1 taxa"):
        candidates_of(unit(np.eye(2, DIM)), table)
